package tunnelbench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/quicmux"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/wsmux"
)

// end makes one end of a session.
type end func() (tunnel.Session, error)

// greet makes both ends, at the same time as they have to talk to each other.
func (p *pair) greet(agent, plane end) error {
	done := make(chan error, 1)
	go func() {
		var err error
		p.plane, err = plane()
		done <- err
	}()
	var err error
	p.agent, err = agent()
	if err = errors.Join(err, <-done); err != nil {
		return fmt.Errorf("connect a session: %w", err)
	}
	p.closers = append([]io.Closer{p.plane, p.agent}, p.closers...)
	return nil
}

// carry makes a session over what lay makes of k's configurations, and closes what it made when that fails.
func carry(over func(p *pair, agentTLS, planeTLS *tls.Config) error) (*pair, error) {
	k, err := newKeys()
	if err != nil {
		return nil, err
	}
	agentTLS, planeTLS, err := k.configs()
	if err != nil {
		return nil, err
	}
	p := &pair{}
	if err := over(p, agentTLS, planeTLS); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// connectGoYamux is connect with go-yamux in the place of hashicorp's yamux and our layer around it.
func connectGoYamux(ctx context.Context, lay link) (*pair, error) {
	return carry(func(p *pair, agentTLS, planeTLS *tls.Config) (err error) {
		if p.client, p.server, err = p.tlsPair(ctx, lay, agentTLS, planeTLS); err != nil {
			return err
		}
		client, server, err := p.tlsPair(ctx, lay, agentTLS, planeTLS)
		if err != nil {
			return err
		}
		return p.greet(
			func() (tunnel.Session, error) {
				m, err := newGoMux(client, false)
				if err != nil {
					return nil, err
				}
				return tunnel.Agent(ctx, m, tunnel.Config{})
			},
			func() (tunnel.Session, error) {
				m, err := newGoMux(server, true)
				if err != nil {
					return nil, err
				}
				return tunnel.Plane(ctx, m, tunnel.Config{})
			})
	})
}

// connectWebSocket has all layers that a WebSocket has in use: TCP, outer TLS, WebSocket, inner mTLS, yamux.
func connectWebSocket(ctx context.Context, _ link) (*pair, error) {
	return carry(func(p *pair, agentTLS, planeTLS *tls.Config) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		upgraded := make(chan net.Conn, 1) // the one there will be
		failed := make(chan error, 1)
		edge := &http.Server{
			TLSConfig:    &tls.Config{MinVersion: tls.VersionTLS13, Certificates: planeTLS.Certificates},
			TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // WebSockets are HTTP/1.1
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if conn, err := wsmux.Upgrade(w, r, wsmux.Options{}); err != nil {
					failed <- err
				} else {
					upgraded <- conn
				}
			}),
		}
		p.closers = append(p.closers, edge)
		go edge.ServeTLS(l, "", "")
		raw, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return fmt.Errorf("dial: %w", err)
		}
		outer := tls.Client(raw, &tls.Config{RootCAs: agentTLS.RootCAs, ServerName: agentTLS.ServerName, NextProtos: []string{"http/1.1"}})
		near, err := wsmux.Client(ctx, outer, l.Addr().String(), wsmux.Options{})
		if err != nil {
			return err
		}
		p.closers = append(p.closers, near)
		var far net.Conn
		select {
		case far = <-upgraded:
		case err := <-failed:
			return err
		}
		p.closers = append(p.closers, far)
		return p.greet(
			func() (tunnel.Session, error) { return tlsmux.Agent(ctx, tls.Client(near, agentTLS), tunnel.Config{}) },
			func() (tunnel.Session, error) { return tlsmux.Plane(ctx, tls.Server(far, planeTLS), tunnel.Config{}) })
	})
}

func connectQUIC(ctx context.Context, _ link) (*pair, error) {
	return carry(func(p *pair, agentTLS, planeTLS *tls.Config) error {
		agentTLS.NextProtos, planeTLS.NextProtos = []string{quicmux.ALPN}, []string{quicmux.ALPN}
		socket, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		p.closers = append(p.closers, socket)
		l, err := quicmux.Listen(socket, planeTLS, 0)
		if err != nil {
			return err
		}
		p.closers = append([]io.Closer{l}, p.closers...)
		return p.greet(
			func() (tunnel.Session, error) { return quicmux.Dial(ctx, nil, l.Addr(), agentTLS, tunnel.Config{}) },
			func() (tunnel.Session, error) {
				conn, err := l.Accept(ctx)
				if err != nil {
					return nil, err
				}
				return conn.Plane(ctx, tunnel.Config{})
			})
	})
}

package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/quicmux"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/wsmux"
)

// The transports, as they are shown.
const (
	transportTLS       = "tls"
	transportWebSocket = "websocket"
	transportQUIC      = "quic"
)

// arrival is a connection of an agent that has proved its identity, before HELLO.
type arrival struct {
	state     tls.ConnectionState
	transport string
	plane     func(context.Context, tunnel.Config) (tunnel.Session, error)
	close     func() error
}

// overTCP is TLS on a TCP connection or on a WebSocket.
func overTCP(conn *tls.Conn) arrival {
	a := arrival{
		state: conn.ConnectionState(), transport: transportTLS, close: conn.Close,
		plane: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tlsmux.Plane(ctx, conn, cfg)
		},
	}
	if wsmux.Is(conn) {
		a.transport = transportWebSocket
	}
	return a
}

// TunnelHandler accepts tunnels, and the calls beside them, as WebSockets at wsmux.Path. The tunnels' own port serves it
// already; this is for a web server that clusters reach as well, behind whatever terminates TLS there: an agent proves
// itself inside. ServeTunnels has to run.
func (g *Gateway) TunnelHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgraded := g.upgraded.Load()
		switch {
		case upgraded == nil:
			http.Error(w, "no tunnels are served here", http.StatusServiceUnavailable)
			return
		case r.Context().Value(inSocket{}) != nil:
			http.Error(w, "a WebSocket inside a WebSocket is not served", http.StatusBadRequest)
			return
		}
		conn, err := wsmux.Upgrade(w, r, wsmux.Options{})
		if err != nil {
			g.cfg.Log.InfoContext(r.Context(), "no WebSocket", "remote", r.RemoteAddr, "error", err)
			return
		}
		g.meter.connections.WithLabelValues("websocket").Inc()
		upgraded.give(conn)
	})
}

// inSocket marks the context of a connection that is a WebSocket already.
type inSocket struct{}

func noteSocket(ctx context.Context, c net.Conn) context.Context {
	if wsmux.Is(c) {
		return context.WithValue(ctx, inSocket{}, true)
	}
	return ctx
}

// ServeQUIC serves agents' tunnels on a UDP socket until ctx ends, then lets them drain as ServeTunnels does, which has
// to run beside it. It closes the socket.
func (g *Gateway) ServeQUIC(ctx context.Context, conn net.PacketConn) error {
	defer conn.Close()
	l, err := quicmux.Listen(conn, &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{quicmux.ALPN}, GetCertificate: g.cfg.Certificate,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			cfg := g.tlsConfig(ctx) // of the moment: whom to believe may change
			cfg.NextProtos = []string{quicmux.ALPN}
			return cfg, nil
		},
	}, 0)
	if err != nil {
		return err
	}
	var sessions sync.WaitGroup
	for {
		c, err := l.Accept(ctx)
		if err != nil {
			sessions.Wait() // each drains by itself when ctx has ended
			err = errors.Join(err, l.Close())
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("QUIC listener: %w", err)
		}
		sessions.Go(func() {
			g.meter.connections.WithLabelValues("quic").Inc()
			g.serveTunnel(ctx, arrival{state: c.ConnectionState(), transport: transportQUIC, plane: c.Plane, close: c.Close})
		})
	}
}

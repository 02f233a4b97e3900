package tlsmux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

var httpHeader = tunnel.Header{Kind: tunnel.KindHTTP}

func TestPeerThatNegotiatedAnotherProtocolIsNoTunnel(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	agentTLS, planeTLS := tunneltest.TLS(t, "http/1.1", tlsmux.ALPN)
	go tlsmux.Plane(t.Context(), tls.Server(server, planeTLS), tunnel.Config{})
	_, err := tlsmux.Agent(t.Context(), tls.Client(client, agentTLS), tunnel.Config{})
	if err == nil || !strings.Contains(err.Error(), "http/1.1") {
		t.Errorf("got %v", err)
	}
}

// TestSilentBackendIsGivenUp is the accept-then-hang listener: each step has to have its own end.
func TestSilentBackendIsGivenUp(t *testing.T) {
	t.Parallel()
	cfg := tunnel.Config{HandshakeTimeout: 100 * time.Millisecond}
	for name, behave := range map[string]func(net.Conn, *tls.Config){
		"before TLS":   func(net.Conn, *tls.Config) {},
		"before HELLO": func(c net.Conn, cfg *tls.Config) { tls.Server(c, cfg).Handshake() },
		"speaks no yamux": func(c net.Conn, cfg *tls.Config) {
			tls.Server(c, cfg).Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server := tcpPair(t)
			agentTLS, planeTLS := tunneltest.TLS(t, tlsmux.ALPN, "http/1.1")
			go behave(server, planeTLS)
			start := time.Now()
			_, err := tlsmux.Agent(context.Background(), tls.Client(client, agentTLS), cfg)
			if err == nil || time.Since(start) > 5*time.Second {
				t.Errorf("got %v after %s", err, time.Since(start))
			}
			if _, err := client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the connection was left open: %v", err)
			}
		})
	}
}

// TestOneWayConnectionIsDead covers a firewall that drops one direction only.
func TestOneWayConnectionIsDead(t *testing.T) {
	t.Parallel()
	cfg := tunnel.Config{Keepalive: 200 * time.Millisecond, KeepaliveTimeout: 300 * time.Millisecond}
	for name, stall := range map[string]func(*tunneltest.FaultConn){
		"agent to plane": (*tunneltest.FaultConn).StallWrites,
		"plane to agent": (*tunneltest.FaultConn).StallReads,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, fault := lay(t)
			rig := tunneltest.Connect(t, w, cfg, cfg)
			stall(fault)
			for _, s := range []tunnel.Session{rig.Agent, rig.Plane} {
				select {
				case <-s.Done():
				case <-time.After(10 * time.Second):
					t.Fatal("not noticed")
				}
				if e, ok := errors.AsType[*tunnel.CloseError](s.Cause()); !ok || (e.Reason != tunnel.ReasonDead && e.Reason != tunnel.ReasonLost) {
					t.Errorf("the cause is %v", s.Cause())
				}
			}
		})
	}
}

// slow lets through what a thin uplink does.
type slow struct {
	net.Conn
	tick *time.Ticker
}

func (s slow) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		<-s.tick.C
		var m int
		m, err = s.Conn.Write(p[:min(len(p), 4000)])
		n += m
		p = p[m:]
	}
	return n, err
}

// TestBusySlowUplinkKillsNoSession: 64 writers queue 2 MiB on 200 KB/s, ten seconds of data ahead of any PONG. That is
// far longer than the keepalive allows for silence, but it is not silence.
func TestBusySlowUplinkKillsNoSession(t *testing.T) {
	t.Parallel()
	cfg := tunnel.Config{Keepalive: time.Second, KeepaliveTimeout: time.Second, OpenTimeout: 30 * time.Second}
	agentTCP, planeTCP := tcpPair(t)
	tick := time.NewTicker(20 * time.Millisecond)
	t.Cleanup(tick.Stop) // after the sessions, whose last writes wait for it
	agentTLS, planeTLS := tunneltest.TLS(t, tlsmux.ALPN, "http/1.1")
	rig := tunneltest.Connect(t, tunneltest.Wire{
		Agent: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tlsmux.Agent(ctx, tls.Client(slow{agentTCP, tick}, agentTLS), cfg)
		},
		Plane: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tlsmux.Plane(ctx, tls.Server(planeTCP, planeTLS), cfg)
		},
	}, cfg, cfg)
	var received atomic.Int64
	start := make(chan struct{})
	for range 64 {
		go func() {
			if c, err := rig.Agent.Accept(); err == nil {
				<-start
				io.Copy(c, endless{})
			}
		}()
		c, err := rig.Plane.Open(t.Context(), httpHeader)
		if err != nil {
			t.Fatal(err)
		}
		go io.Copy(counter{&received}, c)
	}
	close(start)
	select {
	case <-rig.Plane.Done():
		t.Fatalf("the plane gave up: %v", rig.Plane.Cause())
	case <-rig.Agent.Done():
		t.Fatalf("the agent gave up: %v", rig.Agent.Cause())
	case <-time.After(5 * time.Second):
	}
	if received.Load() == 0 {
		t.Error("no byte came through")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

package quicmux

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

func TestQUICConforms(t *testing.T) {
	tunneltest.RunConformance(t, func(t testing.TB) tunneltest.Wire {
		w, _, _ := lay(t)
		return w
	})
}

// lay connects both sides over UDP on the loopback interface, with a socket at the agent's end that can fail.
func lay(t testing.TB) (tunneltest.Wire, *socket, *atomic.Pointer[Conn]) {
	t.Helper()
	agentTLS, planeTLS := tunneltest.TLS(t, ALPN)
	planeUDP, agentUDP := udp(t), &socket{PacketConn: udp(t)}
	l, err := Listen(planeUDP, planeTLS, 0)
	if err != nil {
		t.Fatal(err)
	}
	release := func() {
		_ = l.Close()
		_ = planeUDP.Close()
	}
	t.Cleanup(release)
	var accepted atomic.Pointer[Conn]
	return tunneltest.Wire{
		Agent: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return Dial(ctx, agentUDP, planeUDP.LocalAddr(), agentTLS, cfg)
		},
		Plane: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			conn, err := l.Accept(ctx)
			if err != nil {
				return nil, err
			}
			accepted.Store(conn)
			context.AfterFunc(conn.qc.Context(), release) // this listener has one connection only
			return conn.Plane(ctx, cfg)
		},
		// UDP knows no RST; what comes nearest is a connection that is closed with an error.
		Cut:   func() { _ = accepted.Load().qc.CloseWithError(7, "cut") },
		Stall: func() { agentUDP.stalled.Store(true) },
	}, agentUDP, &accepted
}

func udp(t testing.TB) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// socket loses packets in both directions on request, and those above a size always if it has an MTU.
type socket struct {
	net.PacketConn
	stalled atomic.Bool
	mtu     int
	largest atomic.Int64 // packet sent
}

func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := s.PacketConn.ReadFrom(p)
		if err != nil || !s.lost(n) {
			return n, from, err
		}
	}
}

func (s *socket) WriteTo(p []byte, to net.Addr) (int, error) {
	s.largest.Store(max(s.largest.Load(), int64(len(p))))
	if s.lost(len(p)) {
		return len(p), nil
	}
	return s.PacketConn.WriteTo(p, to)
}

func (s *socket) lost(size int) bool { return s.stalled.Load() || s.mtu > 0 && size > s.mtu }

// SetReadBuffer keeps quic-go from asking for the socket below, which would not lose anything.
func (s *socket) SetReadBuffer(int) error { return os.ErrInvalid }

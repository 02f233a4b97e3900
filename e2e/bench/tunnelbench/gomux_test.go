package tunnelbench

import (
	"context"
	"net"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// TestGoYamuxConforms: what is measured beside our own transport has to do the same work.
func TestGoYamuxConforms(t *testing.T) {
	tunneltest.RunConformance(t, func(t testing.TB) tunneltest.Wire {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { near.Close(); far.Close() })
		fault := tunneltest.NewFaultConn(near)
		return tunneltest.Wire{
			Agent: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
				m, err := newGoMux(fault, false)
				if err != nil {
					return nil, err
				}
				return tunnel.Agent(ctx, m, cfg)
			},
			Plane: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
				m, err := newGoMux(far, true)
				if err != nil {
					return nil, err
				}
				return tunnel.Plane(ctx, m, cfg)
			},
			Cut: fault.Cut,
			Stall: func() {
				fault.StallReads()
				fault.StallWrites()
			},
		}
	})
}

package tlsmux_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

func TestTLSConforms(t *testing.T) {
	tunneltest.RunConformance(t, func(t testing.TB) tunneltest.Wire {
		w, _ := lay(t)
		return w
	})
}

// lay connects both sides through the loopback interface, with TLS on a connection that can fail at the agent's end.
func lay(t testing.TB) (tunneltest.Wire, *tunneltest.FaultConn) {
	agentTCP, planeTCP := tcpPair(t)
	fault := tunneltest.NewFaultConn(agentTCP)
	agentTLS, planeTLS := tunneltest.TLS(t, tlsmux.ALPN, "http/1.1")
	return tunneltest.Wire{
		Agent: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tlsmux.Agent(ctx, tls.Client(fault, agentTLS), cfg)
		},
		Plane: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tlsmux.Plane(ctx, tls.Server(planeTCP, planeTLS), cfg)
		},
		Cut: fault.Cut,
		Stall: func() {
			fault.StallReads()
			fault.StallWrites()
		},
	}, fault
}

func tcpPair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}

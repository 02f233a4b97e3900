package wsmux_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
	"github.com/kubechat/kubechat/tunnel/wsmux"
)

func TestWebSocketConforms(t *testing.T) {
	tunneltest.RunConformance(t, wire)
}

// wire is all layers there are, over the loopback interface.
func wire(t testing.TB) tunneltest.Wire {
	agentWS, planeWS, fault := sockets(t, wsmux.Options{})
	agentTLS, planeTLS := tunneltest.TLS(t, tlsmux.ALPN)
	agentTLS.DynamicRecordSizingDisabled = true // as package dialer has it
	return tunneltest.Wire{
		Agent: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tlsmux.Agent(ctx, tls.Client(agentWS, agentTLS), cfg)
		},
		Plane: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tlsmux.Plane(ctx, tls.Server(planeWS, planeTLS), cfg)
		},
		Cut: fault.Cut,
		Stall: func() {
			fault.StallReads()
			fault.StallWrites()
		},
	}
}

// sockets are both ends of a WebSocket inside an outer TLS, on a TCP connection that can fail at the agent's end.
func sockets(t testing.TB, o wsmux.Options) (agent, plane net.Conn, fault *tunneltest.FaultConn) {
	t.Helper()
	upgraded := make(chan net.Conn, 1)
	edge := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := wsmux.Upgrade(w, r, o); err != nil {
			t.Errorf("upgrade: %v", err)
		} else {
			upgraded <- conn
		}
	}))
	edge.StartTLS()
	t.Cleanup(edge.Close)
	raw, err := net.Dial("tcp", edge.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fault = tunneltest.NewFaultConn(raw)
	outer := tls.Client(fault, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) // as the agent does: the inner TLS verifies
	if agent, err = wsmux.Client(t.Context(), outer, edge.Listener.Addr().String(), o); err != nil {
		t.Fatal(err)
	}
	plane = <-upgraded
	t.Cleanup(func() {
		_ = agent.Close()
		_ = plane.Close()
	})
	return agent, plane, fault
}

package wsmux_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

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
	agentTLS, planeTLS := tlsConfigs(t)
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

// tlsConfigs are for both ends of the inner mutual TLS, with a throwaway certificate.
func tlsConfigs(t testing.TB) (agent, plane *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"tunnel.test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	own := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	agent = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: own, RootCAs: pool, ServerName: "tunnel.test", NextProtos: []string{tlsmux.ALPN},
		DynamicRecordSizingDisabled: true} // as package dialer has it
	plane = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: own, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{tlsmux.ALPN}}
	return agent, plane
}

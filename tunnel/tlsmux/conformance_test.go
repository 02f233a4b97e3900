package tlsmux_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

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
	agentTLS, planeTLS := tlsConfigs(t, tlsmux.ALPN)
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

// tlsConfigs are for both ends of mutual TLS 1.3 with a throwaway certificate.
func tlsConfigs(t testing.TB, alpn string) (agent, plane *tls.Config) {
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
	agent = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: own, RootCAs: pool, ServerName: "tunnel.test", NextProtos: []string{alpn}}
	plane = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: own, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{tlsmux.ALPN, "http/1.1"}}
	return agent, plane
}

package tunnelbench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

var header = tunnel.Header{Kind: tunnel.KindHTTP, Class: tunnel.ClassInteractive, RequestID: "01980f3e", Identity: tunnel.Identity{
	User: "kubechat:user", Groups: []string{"kubechat:viewer"}, Extra: map[string][]string{"kubechat.io/user": {"ana@example.com"}},
}}

// keys are the throwaway certificate both ends show.
type keys struct {
	der []byte
	key *ecdsa.PrivateKey
}

func newKeys() (keys, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keys{}, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"tunnel.bench"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return keys{}, fmt.Errorf("make a certificate: %w", err)
	}
	return keys{der, key}, nil
}

func (k keys) configs() (agent, plane *tls.Config, err error) {
	leaf, err := x509.ParseCertificate(k.der)
	if err != nil {
		return nil, nil, fmt.Errorf("parse the certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	own := []tls.Certificate{{Certificate: [][]byte{k.der}, PrivateKey: k.key}}
	agent = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: own, RootCAs: pool, ServerName: "tunnel.bench", NextProtos: []string{tlsmux.ALPN}}
	plane = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: own, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{tlsmux.ALPN}, SessionTicketsDisabled: true}
	return agent, plane, nil
}

// pair is a plain connection over TLS and a session over another, both over the same path.
type pair struct {
	client, server *tls.Conn
	agent, plane   tunnel.Session
	closers        []io.Closer
}

func (p *pair) close() {
	for _, c := range p.closers {
		c.Close()
	}
}

// link makes a way to a listener's address; nil is the loopback interface itself.
type link func(target string) (addr string, path io.Closer, err error)

func connect(ctx context.Context, lay link) (*pair, error) {
	k, err := newKeys()
	if err != nil {
		return nil, err
	}
	agentTLS, planeTLS, err := k.configs()
	if err != nil {
		return nil, err
	}
	p := &pair{}
	if p.client, p.server, err = p.tlsPair(ctx, lay, agentTLS, planeTLS); err != nil {
		p.close()
		return nil, err
	}
	client, server, err := p.tlsPair(ctx, lay, agentTLS, planeTLS)
	if err != nil {
		p.close()
		return nil, err
	}
	done := make(chan error, 1)
	go func() {
		var err error
		p.plane, err = tlsmux.Plane(ctx, server, tunnel.Config{})
		done <- err
	}()
	p.agent, err = tlsmux.Agent(ctx, client, tunnel.Config{})
	if err = errors.Join(err, <-done); err != nil {
		p.close()
		return nil, fmt.Errorf("connect a session: %w", err)
	}
	p.closers = append([]io.Closer{p.plane, p.agent}, p.closers...)
	return p, nil
}

func (p *pair) tlsPair(ctx context.Context, lay link, agentTLS, planeTLS *tls.Config) (client, server *tls.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("listen: %w", err)
	}
	defer l.Close()
	addr := l.Addr().String()
	if lay != nil {
		var path io.Closer
		if addr, path, err = lay(addr); err != nil {
			return nil, nil, fmt.Errorf("lay the path: %w", err)
		}
		p.closers = append(p.closers, path)
	}
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("dial: %w", err)
	}
	client = tls.Client(raw, agentTLS)
	accepted, err := l.Accept()
	if err != nil {
		raw.Close()
		return nil, nil, fmt.Errorf("accept: %w", err)
	}
	server = tls.Server(accepted, planeTLS)
	p.closers = append([]io.Closer{raw, accepted}, p.closers...)
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(ctx) }()
	if err := errors.Join(client.HandshakeContext(ctx), <-done); err != nil {
		return nil, nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return client, server, nil
}

// open opens a stream and gives both its ends.
func (p *pair) open(ctx context.Context) (plane, agent net.Conn, err error) {
	taken := make(chan net.Conn, 1)
	failed := make(chan error, 1)
	go func() {
		c, err := p.agent.Accept()
		if err != nil {
			failed <- err
			return
		}
		taken <- c
	}()
	if plane, err = p.plane.Open(ctx, header); err != nil {
		return nil, nil, err
	}
	select {
	case agent = <-taken:
		return plane, agent, nil
	case err := <-failed:
		return nil, nil, err
	}
}

package dialer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/quicmux"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/wsmux"
)

// Transport is what carries a session.
type Transport string

// The transports, as HELLO names them.
const (
	TLS       Transport = "tls"
	QUIC      Transport = "quic"
	WebSocket Transport = "websocket"
)

// The attributes of HELLO that tell of the transport.
const (
	AttrTransport = "transport"
	// AttrIntercepted is "true" when the outer TLS of a WebSocket was neither ended by the gateway nor by somebody with
	// a certificate for its name that the system believes. The inner TLS holds: it is told, not feared.
	AttrIntercepted = "intercepted"
)

const protoHTTP = "http/1.1"

// Gateway is where sessions are made with, and how.
type Gateway struct {
	Addr string // host:port
	Path Path
	// TLS is a client's configuration towards the gateway that speaks one of alpn: it verifies the gateway, whatever
	// ServerName is then set to, and shows the agent's certificate.
	TLS func(alpn ...string) *tls.Config
	// Session is what each session begins with; asked for at each, since its HELLO may hold a token that changes.
	Session func(context.Context) tunnel.Config
	// PingEvery is for WebSockets; 0 is the package's own.
	PingEvery time.Duration
	// Roots are the certificates that the system believes, for telling interception; nil is the system's.
	Roots *x509.CertPool
}

// Contenders are those of the named transports that there are, in the order of preference whatever the order of names:
// TLS at once, QUIC and WebSocket after it.
func (g Gateway) Contenders(names ...Transport) ([]Contender, error) {
	all := []Contender{
		{TLS, 0, func(ctx context.Context, at string) (tunnel.Session, error) { return g.at(at).DialTLS(ctx) }},
		{QUIC, 150 * time.Millisecond, func(ctx context.Context, at string) (tunnel.Session, error) { return g.at(at).DialQUIC(ctx) }},
		{WebSocket, time.Second, func(ctx context.Context, at string) (tunnel.Session, error) { return g.at(at).DialWebSocket(ctx) }},
	}
	var chosen []Contender
	for _, c := range all {
		for _, name := range names {
			if name == c.Transport {
				chosen = append(chosen, c)
				break
			}
		}
	}
	if len(chosen) != len(names) || len(chosen) == 0 {
		return nil, fmt.Errorf("transports %q: each of tls, quic and websocket once at most, and one at least", names)
	}
	return chosen, nil
}

// at is the gateway as one of its replicas is reached. That one's name is in SNI, for what may have to choose by it on the
// way; whom its certificate has to name stays what it was.
func (g Gateway) at(addr string) Gateway {
	host, _, err := net.SplitHostPort(addr)
	if err != nil { // "": the gateway itself
		return g
	}
	config := g.TLS
	g.Addr = addr
	g.TLS = func(alpn ...string) *tls.Config {
		cfg := config(alpn...)
		cfg.ServerName = host
		return cfg
	}
	return g
}

// DialTLS makes a session over TCP and TLS.
func (g Gateway) DialTLS(ctx context.Context) (tunnel.Session, error) {
	raw, err := g.Path.Dial(ctx, g.Addr)
	if err != nil {
		return nil, err
	}
	return g.over(ctx, raw, facts{transport: TLS})
}

// DialWebSocket makes a session over a WebSocket to the gateway's host.
func (g Gateway) DialWebSocket(ctx context.Context) (tunnel.Session, error) {
	raw, outer, err := g.openWebSocket(ctx, g.Addr)
	if err != nil {
		return nil, err
	}
	return g.over(ctx, raw, outer)
}

// RawWebSocket opens the bytes of a WebSocket to addr, as Path.Dial opens those of a TCP connection: for the calls made
// before, and beside, sessions.
func (g Gateway) RawWebSocket(ctx context.Context, addr string) (net.Conn, error) {
	conn, _, err := g.openWebSocket(ctx, addr)
	return conn, err
}

func (g Gateway) openWebSocket(ctx context.Context, addr string) (net.Conn, facts, error) {
	f := facts{transport: WebSocket}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, f, &StepError{StepTCP, addr, err}
	}
	raw, err := g.Path.Dial(ctx, addr)
	if err != nil {
		return nil, f, err
	}
	outer := tls.Client(raw, g.outerTLS(host, &f))
	if err := handshake(ctx, outer); err != nil {
		_ = raw.Close()
		return nil, f, &StepError{StepTLS, "", fmt.Errorf("outside of the WebSocket: %w", err)}
	}
	ctx, cancel := withTimeout(ctx, tlsTimeout, "answer to the WebSocket's upgrade")
	defer cancel()
	conn, err := wsmux.Client(ctx, outer, addr, wsmux.Options{PingEvery: g.PingEvery})
	if err != nil {
		return nil, f, &StepError{StepWebSocket, "", causeOf(ctx, err)}
	}
	return conn, f, nil
}

// outerTLS believes anybody: who ends the outer TLS learns nothing and is trusted with nothing, as the inner one, with
// both certificates verified, goes through it as mere bytes. It only notes whom it met.
func (g Gateway) outerTLS(host string, f *facts) *tls.Config {
	return &tls.Config{
		ServerName: host, NextProtos: []string{protoHTTP}, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			f.intercepted = !g.isOurs(cs) && !g.isPublic(cs, host)
			return nil
		},
	}
}

// isOurs says whether the gateway itself ends this TLS.
func (g Gateway) isOurs(cs tls.ConnectionState) bool {
	if g.TLS == nil {
		return false
	}
	cfg := g.TLS(protoHTTP)
	if cfg.InsecureSkipVerify && cfg.VerifyConnection != nil { // it verifies the chain by itself
		return cfg.VerifyConnection(cs) == nil
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: cfg.RootCAs, DNSName: cfg.ServerName, Intermediates: rest(cs)})
	return err == nil
}

// isPublic says whether a certificate for the gateway's name that the system believes was shown: a web edge's.
func (g Gateway) isPublic(cs tls.ConnectionState, host string) bool {
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: g.Roots, DNSName: host, Intermediates: rest(cs)})
	return err == nil
}

func rest(cs tls.ConnectionState) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		pool.AddCert(c)
	}
	return pool
}

// DialQUIC makes a session over UDP. No HTTP proxy carries that: where one has to be used it fails at once.
func (g Gateway) DialQUIC(ctx context.Context) (tunnel.Session, error) {
	if proxy, err := g.Path.proxy(g.Addr); err != nil || proxy != nil {
		return nil, &StepError{StepQUIC, "", errors.Join(errors.New("an HTTP proxy carries no UDP"), err)}
	}
	host, text, err := net.SplitHostPort(g.Addr)
	if err != nil {
		return nil, &StepError{StepQUIC, g.Addr, err}
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, &StepError{StepQUIC, g.Addr, err}
	}
	ips, err := lookUp(ctx, host)
	if err != nil {
		return nil, &StepError{StepDNS, host, err}
	}
	cfg := g.session(ctx, facts{transport: QUIC})
	session, err := first(ctx, len(ips), nextAddress, func(s tunnel.Session) { s.Close() }, func(ctx context.Context, i int) (tunnel.Session, error) {
		to := &net.UDPAddr{IP: ips[i].Unmap().AsSlice(), Port: int(port), Zone: ips[i].Zone()}
		return quicmux.Dial(ctx, nil, to, g.TLS(quicmux.ALPN), cfg)
	})
	closed, said := errors.AsType[*tunnel.CloseError](err)
	switch {
	case err == nil:
		return session, nil
	case isAlert(err):
		return nil, refused{&StepError{StepTLS, "", fmt.Errorf("the gateway refuses this cluster's certificate: %w", err)}}
	case said && closed.Remote:
		return nil, helloFailed(err)
	}
	return nil, &StepError{StepQUIC, "", err}
}

// facts are what HELLO tells of how the session came about.
type facts struct {
	transport   Transport
	intercepted bool
}

// over makes the session on a raw connection: TLS with both certificates, HELLO.
func (g Gateway) over(ctx context.Context, raw net.Conn, f facts) (tunnel.Session, error) {
	cfg := g.TLS(tlsmux.ALPN)
	// A record is a message here: small ones for an early first byte would cost more than they gain.
	cfg.DynamicRecordSizingDisabled = f.transport == WebSocket
	conn := tls.Client(raw, cfg)
	if err := handshake(ctx, conn); err != nil {
		_ = raw.Close()
		return nil, &StepError{StepTLS, "", err}
	}
	session, err := tlsmux.Agent(ctx, conn, g.session(ctx, f))
	if err != nil {
		_ = conn.Close()
		return nil, explain(conn, err)
	}
	return session, nil
}

func (g Gateway) session(ctx context.Context, f facts) tunnel.Config {
	cfg := g.Session(ctx)
	if cfg.HandshakeTimeout == 0 {
		cfg.HandshakeTimeout = helloTimeout
	}
	attrs := map[string]string{AttrTransport: string(f.transport)}
	maps.Copy(attrs, cfg.Hello.Attrs)
	if f.intercepted {
		attrs[AttrIntercepted] = "true"
	}
	cfg.Hello.Attrs = attrs
	return cfg
}

// explain finds the true cause of a failed HELLO. TLS 1.3 tells a client that its certificate was refused only after the
// handshake, on the first read, and the multiplexer keeps that to itself; a closed connection still knows it.
func explain(conn *tls.Conn, err error) error {
	if _, alert := conn.Read(make([]byte, 1)); isAlert(alert) {
		return refused{&StepError{StepTLS, "", fmt.Errorf("the gateway refuses this cluster's certificate: %w", alert)}}
	}
	return helloFailed(err)
}

// helloFailed names the step, and tells an answer from a failure.
func helloFailed(err error) error {
	step := &StepError{StepHello, "", err}
	if closed, ok := errors.AsType[*tunnel.CloseError](err); ok && closed.Remote {
		return refused{step}
	}
	return step
}

// IsRefusal reports whether the gateway itself refused this agent, by its certificate or by its HELLO. What somebody on
// the way says is none.
func IsRefusal(err error) bool {
	_, ok := errors.AsType[refused](err)
	return ok
}

// isAlert reports whether the other side ended TLS with an alert.
func isAlert(err error) bool {
	alert, ok := errors.AsType[*net.OpError](err)
	return ok && alert.Op == "remote error"
}

func handshake(ctx context.Context, conn *tls.Conn) error {
	ctx, cancel := withTimeout(ctx, tlsTimeout, "answer in the TLS handshake")
	defer cancel()
	return causeOf(ctx, conn.HandshakeContext(ctx))
}

package dialer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/kubechat/kubechat/internal/sock"
)

// Step is a part of a dial; each has its own deadline and is named in its error.
type Step string

// The steps.
const (
	StepDNS       Step = "DNS"
	StepTCP       Step = "TCP"
	StepProxy     Step = "HTTP proxy"
	StepTLS       Step = "TLS with the gateway"
	StepWebSocket Step = "WebSocket"
	StepQUIC      Step = "QUIC"
	StepHello     Step = "HELLO"
)

// The deadlines.
const (
	dnsTimeout   = 5 * time.Second
	tcpTimeout   = 10 * time.Second
	tlsTimeout   = 10 * time.Second
	helloTimeout = 10 * time.Second
	// nextAddress is the head start of one of a name's addresses before the next (RFC 8305).
	nextAddress = 250 * time.Millisecond
)

// StepError says which step of a dial failed.
type StepError struct {
	Step Step
	At   string // what it was about: a host, an address
	Err  error
}

// Error names the step first.
func (e *StepError) Error() string {
	if e.At == "" {
		return fmt.Sprintf("%s: %v", e.Step, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Step, e.At, e.Err)
}

// Unwrap gives the cause.
func (e *StepError) Unwrap() error { return e.Err }

// Path is how raw connections leave the network; the zero value goes straight.
type Path struct {
	// Proxy says which HTTP proxy to use for a URL, nil for none. See http.ProxyFromEnvironment.
	Proxy func(*url.URL) (*url.URL, error)
	// ProxyCAs are believed when the proxy itself speaks TLS; nil is the system's.
	ProxyCAs *x509.CertPool
}

// Dial opens a TCP connection to host:port, through the proxy if there is one.
func (p Path) Dial(ctx context.Context, addr string) (net.Conn, error) {
	proxy, err := p.proxy(addr)
	if err != nil {
		return nil, err
	}
	if proxy == nil {
		return dialTCP(ctx, addr)
	}
	conn, err := dialTCP(ctx, proxyAddr(proxy))
	if err != nil {
		return nil, &StepError{StepProxy, proxy.Host, err}
	}
	ctx, cancel := withTimeout(ctx, tcpTimeout, "an answer of the proxy")
	defer cancel()
	through, err := p.throughProxy(ctx, conn, proxy, addr)
	if err != nil {
		_ = conn.Close()
		return nil, &StepError{StepProxy, proxy.Host, err}
	}
	return through, nil
}

// proxy is that for addr, or nil.
func (p Path) proxy(addr string) (*url.URL, error) {
	if p.Proxy == nil {
		return nil, nil
	}
	u, err := p.Proxy(&url.URL{Scheme: "https", Host: addr})
	if err != nil {
		return nil, &StepError{StepProxy, "", withoutPassword(err)}
	}
	return u, nil
}

// withoutPassword leaves the URL out of an error about it.
func withoutPassword(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// withTimeout is a deadline that says what was waited for.
func withTimeout(ctx context.Context, d time.Duration, what string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("no %s within %s", what, d))
}

// causeOf prefers a deadline's or a canceller's own words to "context deadline exceeded".
func causeOf(ctx context.Context, err error) error {
	if deadline, ok := ctx.Deadline(); ok && err != nil && !time.Now().Before(deadline) {
		<-ctx.Done() // a connection's own clock, set to the same deadline, is the quicker one at times
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return cause
	}
	return err
}

// dialTCP looks the host up and tries its addresses, each with a head start before the next.
func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &StepError{StepTCP, addr, err}
	}
	ips, err := lookUp(ctx, host)
	if err != nil {
		return nil, &StepError{StepDNS, host, err}
	}
	ctx, cancel := withTimeout(ctx, tcpTimeout, "answer to a connection attempt")
	defer cancel()
	conn, err := dialAny(ctx, ips, port)
	if err != nil {
		return nil, &StepError{StepTCP, addr, err}
	}
	return sock.Conn(conn), nil
}

// lookUp gives at least one address.
func lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	ctx, cancel := withTimeout(ctx, dnsTimeout, "answer of a name server")
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, causeOf(ctx, err)
	}
	if len(ips) == 0 {
		return nil, errors.New("the name has no address")
	}
	return ips, nil
}

// dialAny connects to the first address that answers.
func dialAny(ctx context.Context, ips []netip.Addr, port string) (net.Conn, error) {
	tried, cancel := context.WithCancel(ctx)
	defer cancel()
	return first(tried, len(ips), nextAddress, func(c net.Conn) { _ = c.Close() }, func(ctx context.Context, i int) (net.Conn, error) {
		d := net.Dialer{KeepAlive: 15 * time.Second}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(ips[i].Unmap().String(), port))
		return conn, causeOf(ctx, err)
	})
}

// first runs attempts 0 to n-1, each a head start after the one before or as soon as all before have failed, and
// returns the first success. Successes that come later are dropped; attempts that go on are cancelled, not waited for.
func first[T any](ctx context.Context, n int, headStart time.Duration, drop func(T), attempt func(context.Context, int) (T, error)) (T, error) {
	starts := make([]time.Duration, n)
	for i := range starts {
		starts[i] = time.Duration(i) * headStart
	}
	return race(ctx, func(f func()) { go f() }, starts, drop, attempt)
}

// proxyTLS is for a proxy that itself speaks TLS: it is verified, as it may be shown a password.
func proxyTLS(host string, roots *x509.CertPool) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
}

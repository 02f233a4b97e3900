package agent

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

// The deadline of each step of a dial.
const (
	tcpTimeout = 10 * time.Second
	tlsTimeout = 10 * time.Second
)

// The attributes of the HELLO, besides name and version.
const (
	AttrKubernetesVersion   = "kubernetes_version"
	AttrKubeSystemUID       = "kube_system_uid"
	AttrServiceAccountToken = "service_account_token"
)

// connect keeps the sessions up until ctx ends. It says on refusals when the control plane did not want one.
func (a *agent) connect(ctx context.Context, refusals chan<- struct{}) error {
	a.status.waiting("dialling " + a.keeper.Identity().Gateway)
	return dialer.Run(ctx, dialer.Config{
		Dial: a.dial, Serve: a.serve, Slots: a.cfg.Sessions, Log: a.log,
		OnState: func(s dialer.State) {
			a.status.slot(s)
			a.meters.slot(s)
			if isRefusal(s.Err) {
				select {
				case refusals <- struct{}{}:
				default: // it is known already
				}
			}
		},
	})
}

// isRefusal reports whether the control plane refused the identity itself, in the session or already in TLS.
func isRefusal(err error) bool {
	var closed *tunnel.CloseError
	if errors.As(err, &closed) && closed.Remote {
		return closed.Reason == tunnel.ReasonRevoked || closed.Reason == tunnel.ReasonUnacceptable
	}
	return isAlert(err)
}

// dial makes one session.
func (a *agent) dial(ctx context.Context) (tunnel.Session, error) {
	raw, err := a.dialGateway(ctx, a.keeper.Identity().Gateway)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, a.keeper.TLSConfig(tlsmux.ALPN))
	if err := handshake(ctx, conn); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("TLS with the gateway: %w", err)
	}
	session, err := tlsmux.Agent(ctx, conn, tunnel.Config{Hello: a.hello(ctx), Admit: a.admit, Log: a.log})
	if err != nil {
		_ = conn.Close()
		return nil, explainDial(conn, err)
	}
	return session, nil
}

// explainDial finds the true cause of a failed HELLO. TLS 1.3 tells a client that its certificate was refused only after
// the handshake, on the first read, and the multiplexer keeps that to itself; a closed connection still knows it.
func explainDial(conn *tls.Conn, err error) error {
	if _, alert := conn.Read(make([]byte, 1)); isAlert(alert) {
		return fmt.Errorf("the gateway refuses this cluster's certificate: %w", alert)
	}
	return err
}

func isAlert(err error) bool {
	var alert *net.OpError
	return errors.As(err, &alert) && alert.Op == "remote error"
}

func handshake(ctx context.Context, conn *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
	defer cancel()
	return conn.HandshakeContext(ctx)
}

func (a *agent) hello(ctx context.Context) tunnel.Hello {
	attrs := map[string]string{AttrKubernetesVersion: a.clusterVersion, AttrKubeSystemUID: a.clusterUID}
	token, err := readOptional(a.cfg.ServiceAccountTokenFile)
	if err != nil {
		a.log.WarnContext(ctx, "service account token for HELLO can't be read", "error", err)
	}
	if token != "" {
		attrs[AttrServiceAccountToken] = strings.TrimSpace(token)
	}
	return tunnel.Hello{Name: a.cfg.Name, Version: a.cfg.Version, Attrs: attrs}
}

// admit refuses what could only fail later. Who may do what is the handler's business, which can say why.
func (a *agent) admit(h tunnel.Header) (tunnel.RefuseCode, string) {
	if h.Kind != tunnel.KindHTTP {
		return tunnel.RefuseUnsupported, "this agent serves HTTP only"
	}
	if a.status.draining() {
		return tunnel.RefuseDraining, "the agent is stopping"
	}
	return 0, ""
}

// dialGateway opens a raw connection, through the cluster's HTTP proxy if it has one.
func (a *agent) dialGateway(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, tcpTimeout)
	defer cancel()
	var proxy *url.URL
	if a.cfg.Proxy != nil {
		var err error
		if proxy, err = a.cfg.Proxy(&url.URL{Scheme: "https", Host: addr}); err != nil {
			return nil, fmt.Errorf("HTTP proxy: %w", err)
		}
	}
	direct := &net.Dialer{KeepAlive: 15 * time.Second}
	if proxy == nil {
		return direct.DialContext(ctx, "tcp", addr)
	}
	conn, err := direct.DialContext(ctx, "tcp", proxyAddr(proxy))
	if err != nil {
		return nil, fmt.Errorf("HTTP proxy %s: %w", proxy.Host, err)
	}
	tunnelled, err := a.throughProxy(ctx, conn, proxy, addr)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("HTTP proxy %s: %w", proxy.Host, err)
	}
	return tunnelled, nil
}

func proxyAddr(proxy *url.URL) string {
	if proxy.Port() != "" {
		return proxy.Host
	}
	if proxy.Scheme == "https" {
		return net.JoinHostPort(proxy.Hostname(), "443")
	}
	return net.JoinHostPort(proxy.Hostname(), "80")
}

// throughProxy asks the proxy on conn for a tunnel to addr.
func (a *agent) throughProxy(ctx context.Context, conn net.Conn, proxy *url.URL, addr string) (net.Conn, error) {
	switch proxy.Scheme {
	case "http":
	case "https":
		secure := tls.Client(conn, &tls.Config{ServerName: proxy.Hostname(), RootCAs: a.cfg.ProxyCAs, MinVersion: tls.VersionTLS12})
		if err := handshake(ctx, secure); err != nil {
			return nil, err
		}
		conn = secure
	default:
		return nil, fmt.Errorf("the scheme %q is not supported: http or https", proxy.Scheme)
	}
	// the deadline of ctx, and its cancelling, for reads and writes that know no context
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err := connectVia(conn, proxy, addr)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func connectVia(conn net.Conn, proxy *url.URL, addr string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{"User-Agent": {"kubechat-agent"}}}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	in := bufio.NewReaderSize(&oneByte{conn}, 16) // reads no byte of what follows the answer
	res, err := http.ReadResponse(in, req)
	if err != nil {
		return err
	}
	switch {
	case res.StatusCode == http.StatusProxyAuthRequired:
		return errors.New("it wants a user name and password: put them into the proxy's URL, http://USER:PASSWORD@HOST:PORT")
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("it refuses to connect to %s: %s", addr, res.Status)
	case in.Buffered() > 0:
		return errors.New("it sent more than its answer")
	}
	return nil
}

// oneByte gives single bytes, so that a buffered reader over it never holds more than it was asked for.
type oneByte struct{ net.Conn }

// Read reads at most one byte.
func (o *oneByte) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return o.Conn.Read(p[:1])
}

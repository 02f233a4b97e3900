package dialer

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
	"time"
)

func proxyAddr(proxy *url.URL) string {
	if proxy.Port() != "" {
		return proxy.Host
	}
	if proxy.Scheme == "https" {
		return net.JoinHostPort(proxy.Hostname(), "443")
	}
	return net.JoinHostPort(proxy.Hostname(), "80")
}

// throughProxy asks the proxy on conn for a tunnel to addr (RFC 9110, 9.3.6).
func (p Path) throughProxy(ctx context.Context, conn net.Conn, proxy *url.URL, addr string) (net.Conn, error) {
	switch proxy.Scheme {
	case "http":
	case "https":
		secure := tls.Client(conn, proxyTLS(proxy.Hostname(), p.ProxyCAs))
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS with the proxy: %w", causeOf(ctx, err))
		}
		conn = secure
	default:
		return nil, fmt.Errorf("the scheme %q is not supported: http or https", proxy.Scheme)
	}
	// the deadline of ctx, and its cancelling, for reads and writes that know no context
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err := connectVia(conn, proxy, addr)
	if !stop() {
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
	case res.StatusCode == http.StatusProxyAuthRequired && proxy.User != nil:
		return errors.New("it does not accept the user name and password in its URL")
	case res.StatusCode == http.StatusProxyAuthRequired:
		return errors.New("it wants a user name and password: put them into the proxy's URL, http://USER:PASSWORD@HOST:PORT")
	case res.StatusCode/100 != 2:
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

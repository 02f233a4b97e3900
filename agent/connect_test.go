package agent

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// echo is a server that sends back what it gets, the gateway of these tests.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.WriteString(conn, "hello\n") // at once, so that it follows the proxy's answer closely
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

// connectProxy is an HTTP proxy for CONNECT that wants a user and password.
func connectProxy(t *testing.T, secure bool) *httptest.Server {
	t.Helper()
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			t.Errorf("the proxy was asked to %s", r.Method)
		}
		if r.Header.Get("Proxy-Authorization") != "Basic dXNlcjpwQHNz" { // user:p@ss
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		out, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer out.Close()
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(out, buf) }()
		_, _ = io.Copy(conn, out)
	}))
	if secure {
		proxy.StartTLS()
	} else {
		proxy.Start()
	}
	t.Cleanup(proxy.CloseClientConnections)
	t.Cleanup(func() { _ = proxy.Listener.Close() })
	return proxy
}

func dialVia(t *testing.T, proxy string, roots *x509.CertPool, addr string) (net.Conn, error) {
	t.Helper()
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{cfg: Config{ProxyCAs: roots, Proxy: func(target *url.URL) (*url.URL, error) {
		if target.Host != addr || target.Scheme != "https" {
			t.Errorf("asked for a proxy to %s", target)
		}
		return u, nil
	}}}
	return a.dialGateway(t.Context(), addr)
}

func TestDialGoesThroughTheHTTPProxy(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		proxy, addr := connectProxy(t, secure), echo(t)
		roots := x509.NewCertPool()
		if secure {
			roots.AddCert(proxy.Certificate())
		}
		conn, err := dialVia(t, strings.Replace(proxy.URL, "://", "://user:p%40ss@", 1), roots, addr)
		if err != nil {
			t.Fatalf("secure %t: %v", secure, err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintln(conn, "world"); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		for _, want := range []string{"hello\n", "world\n"} { // no byte after the proxy's answer is lost
			if got, err := in.ReadString('\n'); err != nil || got != want {
				t.Errorf("secure %t: %q, %v", secure, got, err)
			}
		}
	}
}

func TestFailedProxyIsNamedWithWhatToDo(t *testing.T) {
	t.Parallel()
	proxy, addr := connectProxy(t, false), echo(t)
	for name, c := range map[string]struct{ proxy, addr, says string }{
		"no password":     {proxy.URL, addr, "user name and password"},
		"refused":         {strings.Replace(proxy.URL, "://", "://user:p%40ss@", 1), "127.0.0.1:1", "502"},
		"no proxy":        {"http://127.0.0.1:1", addr, "HTTP proxy 127.0.0.1:1"},
		"not supported":   {"socks5://" + strings.TrimPrefix(proxy.URL, "http://"), addr, "socks5"},
		"no proxy at all": {"http://" + addr, addr, "malformed HTTP"},
	} {
		_, err := dialVia(t, c.proxy, nil, c.addr)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "p@ss") {
			t.Errorf("%s: the password is in the error: %v", name, err)
		}
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts by the kernel's backlog, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	a := &agent{cfg: Config{Proxy: func(*url.URL) (*url.URL, error) {
		return &url.URL{Scheme: "http", Host: silent.Addr().String()}, nil
	}}}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := a.dialGateway(ctx, "gateway.example.com:443")
		failed <- err
	}()
	cancel()
	if err := <-failed; err == nil {
		t.Error("a dial without a context goes on")
	}
}

package dialer_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// gatewayAt is a Gateway that believes nobody.
func gatewayAt(addr string) dialer.Gateway {
	return dialer.Gateway{
		Addr: addr,
		TLS: func(alpn ...string) *tls.Config {
			return &tls.Config{MinVersion: tls.VersionTLS13, ServerName: "gateway.test", NextProtos: alpn}
		},
		Session: func(context.Context) tunnel.Config { return tunnel.Config{} },
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestFailedDialNamesItsStep(t *testing.T) {
	t.Parallel()
	somebody := httptest.NewTLSServer(nil)
	t.Cleanup(somebody.Close)
	closed, other := freeAddr(t), somebody.Listener.Addr().String()
	via := func(proxy string) dialer.Path {
		return dialer.Path{Proxy: func(*url.URL) (*url.URL, error) { return url.Parse(proxy) }}
	}
	for name, c := range map[string]struct {
		addr string
		path dialer.Path
		step dialer.Step
		says string
	}{
		"no such name":       {"gateway.invalid:443", dialer.Path{}, dialer.StepDNS, "gateway.invalid"},
		"nobody listens":     {closed, dialer.Path{}, dialer.StepTCP, closed},
		"no port":            {"gateway.test", dialer.Path{}, dialer.StepTCP, "missing port"},
		"proxy away":         {other, via("http://" + closed), dialer.StepProxy, closed},
		"proxy of SOCKS":     {other, via("socks5://" + other), dialer.StepProxy, "socks5"},
		"proxy setting":      {other, via("http://user:hunter2@[::"), dialer.StepProxy, "HTTP proxy"},
		"somebody elses TLS": {other, dialer.Path{}, dialer.StepTLS, "application protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gatewayAt(c.addr)
			g.Path = c.path
			_, err := g.DialTLS(t.Context())
			step, ok := errors.AsType[*dialer.StepError](err)
			if !ok || step.Step != c.step || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") || dialer.IsRefusal(err) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWebSocketNamesWhatAnsweredInItsPlace(t *testing.T) {
	t.Parallel()
	somebody := httptest.NewTLSServer(nil) // answers 404, behind a certificate that nobody believes
	defer somebody.Close()
	_, err := gatewayAt(somebody.Listener.Addr().String()).DialWebSocket(t.Context())
	if step, ok := errors.AsType[*dialer.StepError](err); !ok || step.Step != dialer.StepWebSocket || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
}

// TestReplicasOwnNameIsShownInTLS, for what chooses by it on the way; whom to believe is asked as before.
func TestReplicasOwnNameIsShownInTLS(t *testing.T) {
	t.Parallel()
	shown := make(chan string, 1) // of the one handshake
	somebody := httptest.NewUnstartedServer(nil)
	somebody.TLS = &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"kct/1"}, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		shown <- hello.ServerName
		return nil, nil
	}}
	somebody.StartTLS()
	defer somebody.Close()
	_, port, err := net.SplitHostPort(somebody.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	g := gatewayAt("gateway.invalid:443")
	judged := 0
	g.TLS = func(alpn ...string) *tls.Config {
		return &tls.Config{NextProtos: alpn, MinVersion: tls.VersionTLS13, ServerName: "gateway.invalid", InsecureSkipVerify: true, //nolint:gosec // it is verified below
			VerifyConnection: func(tls.ConnectionState) error { judged++; return errors.New("not ours") }}
	}
	contenders, err := g.Contenders(dialer.TLS)
	if err != nil {
		t.Fatal(err)
	}
	race := dialer.NewRace(contenders, nil)
	if _, err := race.DialAt(t.Context(), "localhost:"+port); err == nil || judged != 1 {
		t.Errorf("%v, judged %d times", err, judged)
	}
	if name := <-shown; name != "localhost" {
		t.Errorf("the name shown is %q", name)
	}
}

func TestQUICNeedsNoProxy(t *testing.T) {
	t.Parallel()
	g := gatewayAt("127.0.0.1:1")
	g.Path.Proxy = func(*url.URL) (*url.URL, error) { return &url.URL{Scheme: "http", Host: "proxy.test"}, nil }
	_, err := g.DialQUIC(t.Context())
	if step, ok := errors.AsType[*dialer.StepError](err); !ok || step.Step != dialer.StepQUIC || !strings.Contains(err.Error(), "proxy") {
		t.Errorf("%v", err)
	}
}

func TestTransportsAreKnownAndInOrder(t *testing.T) {
	t.Parallel()
	chosen, err := dialer.Gateway{}.Contenders(dialer.WebSocket, dialer.TLS)
	if err != nil || len(chosen) != 2 || chosen[0].Transport != dialer.TLS || chosen[1].Transport != dialer.WebSocket {
		t.Errorf("%v, %v", chosen, err)
	}
	for _, wrong := range [][]dialer.Transport{nil, {"tcp"}, {dialer.TLS, dialer.TLS}} {
		if _, err := (dialer.Gateway{}).Contenders(wrong...); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

// Package proxies runs agents behind the proxies that clusters really have: squid and haproxy, as processes.
package proxies

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/freeaddr"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/enroll"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// The lines of squid's configuration. It allows CONNECT to any port, since the gateway's is made up.
const (
	forAll     = "http_access allow all"
	forUsers   = "auth_param basic program DIR/auth.sh\nauth_param basic children 1\nacl known proxy_auth REQUIRED\nhttp_access allow known"
	opensTLS   = "ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB tls-cert=DIR/ca.pem"
	openingTLS = `sslcrtd_program /usr/lib/squid/security_file_certgen -s DIR/ssl_db -M 4MB
acl first at_step SslBump1
ssl_bump peek first
ssl_bump bump all
sslproxy_cert_error allow all
tls_outgoing_options flags=DONT_VERIFY_PEER
http_access allow all`
	passingUpgrades = "\nhttp_upgrade_request_protocols websocket allow all"
)

func TestAgentJoinsAndServesThroughAConnectProxy(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	proxy, _ := squid(t, "", forAll)
	id, token := p.newCluster("prod")
	p.agent(token, "http://"+proxy)
	if c := p.serves(id); c.Transports != "tls" || c.Intercepted {
		t.Errorf("known as %q, intercepted %t", c.Transports, c.Intercepted)
	}
}

func TestProxyWithPassword(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	proxy, _ := squid(t, "", forUsers)
	id, token := p.newCluster("prod")
	wrong := p.agent(token, "http://"+proxy)
	eventually(t, "the agent says what the proxy wants", func() bool {
		return strings.Contains(wrong.String(), "user name and password") && strings.Contains(wrong.String(), "HTTP proxy "+proxy)
	})
	if p.Sessions(p.admin.Tenant, id) > 0 {
		t.Error("connected without a password")
	}
	p.agent(token, "http://user:p%40ss@"+proxy) // the token was not used up on the way
	if c := p.serves(id); c.Transports != "tls" || c.Intercepted {
		t.Errorf("known as %q, intercepted %t", c.Transports, c.Intercepted)
	}
}

// TestProxyThatOpensTLS: the agent joins and is served all the same, inside of a WebSocket, with both certificates
// verified where the proxy sees only bytes; and the page says that somebody looks in.
func TestProxyThatOpensTLS(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	proxy, _ := squid(t, opensTLS, openingTLS+passingUpgrades)
	id, token := p.newCluster("prod")
	p.agent(token, "http://"+proxy)
	if c := p.serves(id); c.Transports != "websocket" || !c.Intercepted {
		t.Errorf("known as %q, intercepted %t", c.Transports, c.Intercepted)
	}
}

// TestProxyThatOpensTLSAndPassesNoWebSockets is one that nothing gets through: the agent names the layer.
func TestProxyThatOpensTLSAndPassesNoWebSockets(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	proxy, _ := squid(t, opensTLS, openingTLS)
	_, token := p.newCluster("prod")
	said := p.agent(token, "http://"+proxy)
	eventually(t, "the agent names the layers", func() bool {
		return strings.Contains(said.String(), "opening TLS") && strings.Contains(said.String(), "WebSocket")
	})
	if strings.Contains(said.String(), "level=ERROR") {
		t.Error("the agent gave up; a proxy's owner may change it")
	}
}

// haproxy ends TLS, speaks HTTP with the gateway, and cuts what is silent for so long.
func haproxy(t *testing.T, gateway string, idle time.Duration) string {
	t.Helper()
	addr, dir := freeaddr.Loopback(t), open(t)
	write(t, filepath.Join(dir, "cert.pem"), authority(t), 0o644)
	conf := write(t, filepath.Join(dir, "haproxy.cfg"), fmt.Sprintf(`
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  timeout tunnel %dms
frontend edge
  bind %s ssl crt %s/cert.pem alpn http/1.1
  default_backend gateways
backend gateways
  server one %s ssl verify none alpn http/1.1
`, idle.Milliseconds(), addr, dir, gateway), 0o644)
	start(t, addr, "haproxy", "-db", "-f", conf)
	return addr
}

// TestBalancerThatCutsIdleWebSockets: pings keep a session alive that nothing else moves on, and without them it is cut,
// or this test would prove nothing. The default is well below the 30 s that balancers have.
func TestBalancerThatCutsIdleWebSockets(t *testing.T) {
	t.Parallel()
	const idle = 2 * time.Second
	p := newPlane(t)
	edge := haproxy(t, p.addr, idle)
	p.token = edge
	_, display := p.newCluster("prod")
	token, err := pki.ParseJoinToken(display)
	if err != nil {
		t.Fatal(err)
	}
	id, err := enroll.Join(t.Context(), enroll.Config{Token: token, KubeSystemUID: "u", Fallback: dialer.Gateway{}.RawWebSocket})
	if err != nil {
		t.Fatal(err)
	}
	session := func(ping time.Duration) tunnel.Session {
		s, err := dialer.Gateway{
			Addr: edge, TLS: renew.New(renew.Config{Identity: id}).TLSConfig, PingEvery: ping,
			Session: func(context.Context) tunnel.Config { return tunnel.Config{} },
		}.DialWebSocket(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	quiet, pinging := session(time.Hour), session(idle/4)
	select {
	case <-quiet.Done():
		if c, ok := errors.AsType[*tunnel.CloseError](quiet.Cause()); !ok || c.Reason != tunnel.ReasonLost {
			t.Errorf("cut for %v", quiet.Cause())
		}
	case <-time.After(patience):
		t.Error("the balancer cuts nothing: this proves nothing")
	}
	select {
	case <-pinging.Done():
		t.Errorf("cut although it pings: %v", pinging.Cause())
	case <-time.After(3 * idle):
	}
	if _, err := pinging.Ping(t.Context()); err != nil {
		t.Errorf("%v", err)
	}
}

func TestAgentJoinsAndServesThroughABalancerThatEndsTLS(t *testing.T) {
	t.Parallel()
	p := newPlane(t)
	p.token = haproxy(t, p.addr, time.Minute)
	id, token := p.newCluster("prod")
	p.agent(token, "")
	if c := p.serves(id); c.Transports != "websocket" || !c.Intercepted {
		t.Errorf("known as %q, intercepted %t", c.Transports, c.Intercepted)
	}
}

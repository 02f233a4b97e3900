package gateway_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/enroll"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
	"github.com/kubechat/kubechat/tunnel/wsmux"
)

// gatewayOf is how an agent with this identity dials.
func (r *rig) gatewayOf(id pki.Identity) dialer.Gateway {
	id.Gateway = r.addr
	return dialer.Gateway{
		Addr: r.addr, TLS: renew.New(renew.Config{Identity: id}).TLSConfig,
		Session: func(context.Context) tunnel.Config { return tunnel.Config{Hello: tunnel.Hello{Version: "1.2.3"}} },
	}
}

// serveOne waits until the gateway has the session, asks through it once, and closes it. How is what is known of it.
func (r *rig) serveOne(t *testing.T, c cluster.Cluster, id pki.Identity, s tunnel.Session, transport string, intercepted bool) {
	t.Helper()
	srv := &http.Server{Handler: http.HandlerFunc(hello), ReadHeaderTimeout: patience}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(s) }()
	eventually(t, "the gateway has the session", func() bool {
		return r.Sessions(tenant.ID(id.ID.Tenant), cluster.ID(id.ID.Cluster)) > 0
	})
	now, err := r.clusters.Get(t.Context(), r.admin, c.ID)
	if err != nil || now.Transports != transport || now.Intercepted != intercepted {
		t.Errorf("known as %q, intercepted %t, %v", now.Transports, now.Intercepted, err)
	}
	got, err := r.get(t.Context(), r.admin, c.ID, "/api/v1/pods")
	if err != nil || got != "/api/v1/pods" {
		t.Errorf("%q, %v", got, err)
	}
	_ = s.Close()
	<-done
	eventually(t, "the session is gone, from its record too", func() bool {
		now, err := r.clusters.Get(t.Context(), r.admin, c.ID)
		return err == nil && now.Sessions == 0 && r.Sessions(tenant.ID(id.ID.Tenant), cluster.ID(id.ID.Cluster)) == 0
	})
}

func TestAgentsAreServedOverEachTransport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	udp, err := net.ListenPacket("udp", r.addr) // the same number as of TCP
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run(t, func(ctx context.Context) error { return r.ServeQUIC(ctx, udp) }))
	c, id := r.joined(t, "prod")
	g := r.gatewayOf(id)
	for transport, dial := range map[string]func(context.Context) (tunnel.Session, error){
		"tls": g.DialTLS, "websocket": g.DialWebSocket, "quic": g.DialQUIC,
	} {
		s, err := dial(t.Context())
		if err != nil {
			t.Errorf("%s: %v", transport, err)
			continue
		}
		r.serveOne(t, c, id, s, transport, false)
	}
}

// TestWebSocketThroughAWebEdge has somebody else end the outer TLS, and not tell the agent's certificate on.
func TestWebSocketThroughAWebEdge(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	edge := httptest.NewTLSServer(r.TunnelHandler())
	defer edge.Close()
	c, id := r.joined(t, "prod")
	g := r.gatewayOf(id)
	g.Addr = edge.Listener.Addr().String()
	s, err := g.DialWebSocket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.serveOne(t, c, id, s, "websocket", true)
}

func TestJoinThroughAWebSocket(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, display := r.cluster(t, "prod")
	token, err := pki.ParseJoinToken(display)
	if err != nil {
		t.Fatal(err)
	}
	edge := httptest.NewTLSServer(http.NotFoundHandler()) // what a TLS-opening proxy looks like
	defer edge.Close()
	ways := 0
	id, err := enroll.Join(t.Context(), enroll.Config{Token: token, KubeSystemUID: "uid-1",
		Dial: func(ctx context.Context, _ string) (net.Conn, error) {
			ways++
			return new(net.Dialer).DialContext(ctx, "tcp", edge.Listener.Addr().String())
		},
		Fallback: func(ctx context.Context, addr string) (net.Conn, error) {
			ways++
			return dialer.Gateway{}.RawWebSocket(ctx, addr)
		},
	})
	if err != nil || ways != 2 || !id.ID.IsCluster() {
		t.Errorf("%v, %v, %d ways", id.ID, err, ways)
	}
}

func TestRefusedClusterIsRefusedOverEachTransport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	udp, err := net.ListenPacket("udp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run(t, func(ctx context.Context) error { return r.ServeQUIC(ctx, udp) }))
	_, id := r.joined(t, "prod")
	if err := r.authority.RevokeCluster(t.Context(), id.ID.Tenant, id.ID.Cluster); err != nil {
		t.Fatal(err)
	}
	r.Revoke(t.Context(), tenant.ID(id.ID.Tenant), cluster.ID(id.ID.Cluster))
	g := r.gatewayOf(id)
	for transport, dial := range map[string]func(context.Context) (tunnel.Session, error){
		"tls": g.DialTLS, "websocket": g.DialWebSocket, "quic": g.DialQUIC,
	} {
		if _, err := dial(t.Context()); err == nil || !dialer.IsRefusal(err) || !strings.Contains(err.Error(), "refuses this cluster's certificate") {
			t.Errorf("%s: %v", transport, err)
		}
	}
}

func TestNoWebSocketInsideAWebSocket(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, id := r.joined(t, "prod")
	g := r.gatewayOf(id)
	raw, err := g.RawWebSocket(t.Context(), r.addr)
	if err != nil {
		t.Fatal(err)
	}
	_, err = wsmux.Client(t.Context(), tls.Client(raw, g.TLS("http/1.1")), r.addr, wsmux.Options{})
	if err == nil || !strings.Contains(err.Error(), "HTTP 400") {
		t.Errorf("%v", err)
	}
}

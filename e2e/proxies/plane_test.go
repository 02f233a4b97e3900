package proxies

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	pkiauthority "github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/pki/pkitest"
)

// plane is one real gateway, over a real database.
type plane struct {
	*gateway.Gateway
	t        *testing.T
	clusters *cluster.Service
	admin    tenant.Scope
	addr     string // of the gateway itself
	token    string // where join tokens lead; the gateway unless set
	issuer   *pkiauthority.Authority
}

func newPlane(t *testing.T) *plane {
	t.Helper()
	db := storetest.New(t)
	p := &plane{t: t, admin: storetest.Tenant(t, db.DB, "acme")}
	log := slog.New(slog.DiscardHandler)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	p.token = p.addr
	here := []net.IP{net.IPv4(127, 0, 0, 1)}
	p.issuer, err = pkiauthority.New(t.Context(), pkiauthority.Config{
		TrustDomain: pkitest.TrustDomain, Region: pkitest.Region, Keys: pki.Dir(t.TempDir()), Store: db.DB.PKI(), IPs: here, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	replicas := cluster.NewReplicas(cluster.ReplicasConfig{Store: db.DB.Replicas()})
	if err := replicas.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.clusters = cluster.New(cluster.Config{
		Store: db.DB.Clusters(), Signals: db.DB.ClusterSignals(), Replicas: replicas, Region: pkitest.Region,
		Mint: func() (string, []byte, error) {
			token, err := p.issuer.NewJoinToken(p.token)
			hash := token.SecretHash()
			return token.String(), hash[:], err
		},
	})
	ledger := audit.New(audit.Config{Store: db.DB.Audit(), Replica: replicas.ID()})
	p.Gateway, err = gateway.New(gateway.Config{
		Authority:   p.issuer,
		Certificate: p.issuer.ServiceCertificate(pki.GatewayService, replicas.ID(), nil, here),
		Clusters:    p.clusters, Ledger: ledger, ReplicaID: replicas.ID(), Log: log, DrainTime: time.Second,
		Auth: func(*http.Request, string) (tenant.Scope, error) {
			return tenant.Scope{}, errors.New("nobody comes this way")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []func(context.Context) error{
		db.DB.Run, replicas.Run, ledger.Run, func(ctx context.Context) error { return p.ServeTunnels(ctx, l) },
	} {
		background(t, part)
	}
	return p
}

// background runs f until the test ends.
func background(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
}

// newCluster adds a cluster, with a join token for it.
func (p *plane) newCluster(name string) (cluster.ID, string) {
	p.t.Helper()
	c, err := p.clusters.Create(p.t.Context(), p.admin, name)
	if err != nil {
		p.t.Fatal(err)
	}
	_, display, err := p.clusters.NewJoinToken(p.t.Context(), p.admin, c.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return c.ID, display
}

// agent runs a real one behind an HTTP proxy until the test ends; "" is none. It has an API server that answers alike
// whatever it is asked.
func (p *plane) agent(token, proxy string) *output {
	p.t.Helper()
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"gitVersion":"v1.37.2","metadata":{"uid":"u"},"items":[]}`)
	}))
	p.t.Cleanup(api.Close)
	dir := p.t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})
	write(p.t, filepath.Join(dir, "ca.crt"), string(ca), 0o600)
	config := write(p.t, filepath.Join(dir, "config"), fmt.Sprintf("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"+
		"clusters: [{name: c, cluster: {server: %q, certificate-authority: ca.crt}}]\nusers: [{name: u, user: {token: t}}]\n", api.URL), 0o600)
	server, err := agent.OpenServer(config, "", os.Getenv)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(server.CloseIdle)
	said := new(output)
	cfg := agent.Config{
		Server: server, Name: "agent", Version: "1.2.3", Namespace: "kubechat", OwnNamePrefix: "kubechat-agent",
		StateDir: filepath.Join(dir, "state"), JoinToken: token, Sessions: 1, Drain: time.Second,
		Log: slog.New(slog.NewTextHandler(said, nil)),
	}
	if proxy != "" {
		via, err := url.Parse(proxy)
		if err != nil {
			p.t.Fatal(err)
		}
		cfg.Proxy = func(*url.URL) (*url.URL, error) { return via, nil }
	}
	background(p.t, func(ctx context.Context) error { return agent.Run(ctx, cfg) })
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("the agent said:\n%s", said)
		}
		if strings.Contains(said.String(), token) || strings.Contains(said.String(), "p%40ss") || strings.Contains(said.String(), "p@ss") {
			p.t.Error("the log holds the join token or the proxy's password")
		}
	})
	return said
}

// serves waits until the cluster is connected, and asks through the tunnel.
func (p *plane) serves(id cluster.ID) cluster.Cluster {
	p.t.Helper()
	eventually(p.t, "the cluster is connected", func() bool { return p.Sessions(p.admin.Tenant, id) > 0 })
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://x/api/v1/namespaces/shop/pods", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := p.RoundTrip(p.admin, id, req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "items") {
		p.t.Fatalf("%s %s, %v", res.Status, body, err)
	}
	c, err := p.clusters.Get(p.t.Context(), p.admin, id)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// eventually polls for what other processes bring about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

package gateway_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/pki/enroll"
	"github.com/kubechat/kubechat/pki/pkitest"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

// patience bounds every wait for something real.
const patience = 20 * time.Second

// rig is one replica over a real database and a real TLS listener.
type rig struct {
	*gateway.Gateway
	db        *storetest.Database
	authority *authority.Authority
	keys      pki.Dir
	clusters  *cluster.Service
	ledger    *audit.Log
	admin     tenant.Scope
	addr      string
	peers     string // where other replicas reach it
	id        string // of the replica
	stop      func() // ends the gateway and waits for it

	mu     sync.Mutex // guards people and locks
	people map[string]tenant.Scope
}

func newRig(t *testing.T, change ...func(*gateway.Config)) *rig {
	t.Helper()
	r := &rig{db: storetest.New(t), keys: pki.Dir(t.TempDir()), people: map[string]tenant.Scope{}}
	r.admin = storetest.Tenant(t, r.db.DB, "acme")
	r.start(t, change)
	return r
}

// beside is another replica over the same database, with the same keys and people.
func (r *rig) beside(t *testing.T, change ...func(*gateway.Config)) *rig {
	t.Helper()
	other := &rig{db: r.db, keys: r.keys, people: r.people, admin: r.admin}
	other.start(t, change)
	return other
}

func (r *rig) start(t *testing.T, change []func(*gateway.Config)) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	r.authority, err = authority.New(t.Context(), authority.Config{
		TrustDomain: pkitest.TrustDomain, Region: pkitest.Region, Keys: r.keys, Store: r.db.DB.PKI(),
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, Log: log,
		OnLock: func(_ context.Context, t, c, _ string) { r.Lock(tenant.ID(t), cluster.ID(c)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	peers, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	replicas := cluster.NewReplicas(cluster.ReplicasConfig{Store: r.db.DB.Replicas(), Address: peers.Addr().String()})
	r.id = replicas.ID()
	if err := replicas.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.clusters = cluster.New(cluster.Config{
		Store: r.db.DB.Clusters(), Signals: r.db.DB.ClusterSignals(), Replicas: replicas, Region: pkitest.Region, Mint: r.mint,
	})
	r.ledger = audit.New(audit.Config{Store: r.db.DB.Audit(), Replica: replicas.ID()})
	cfg := gateway.Config{
		Authority:   r.authority,
		Certificate: r.authority.ServiceCertificate(pki.GatewayService, replicas.ID(), nil, []net.IP{net.IPv4(127, 0, 0, 1)}),
		Clusters:    r.clusters, Ledger: r.ledger, Auth: r.auth, ReplicaID: replicas.ID(), Log: log, DrainTime: 5 * time.Second,
		Peers: gateway.PeerConfig{
			Replicas: replicas, Address: peers.Addr().String(), Every: 200 * time.Millisecond,
			Certificate: r.authority.ServiceCertificate(pki.ReplicaService, replicas.ID(), nil, nil),
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	if r.Gateway, err = gateway.New(cfg); err != nil {
		t.Fatal(err)
	}
	r.peers = peers.Addr().String()
	stopTunnels := run(t, func(ctx context.Context) error { return r.ServeTunnels(ctx, l) })
	stopPeers := run(t, func(ctx context.Context) error { return r.ServePeers(ctx, peers) })
	r.stop = sync.OnceFunc(func() { stopTunnels(); stopPeers() })
	below := []func(){run(t, r.db.DB.Run), run(t, replicas.Run), run(t, r.ledger.Run)}
	t.Cleanup(func() {
		r.stop()
		for _, stop := range below {
			stop()
		}
	})
}

// run starts f and returns what ends it and waits, once.
func run(t *testing.T, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1) // f's one result
	go func() { done <- f(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
}

func (r *rig) mint() (string, []byte, error) {
	tok, err := r.authority.NewJoinToken(r.addr)
	hash := tok.SecretHash()
	return tok.String(), hash[:], err
}

// auth knows a person by their e-mail address as bearer token.
func (r *rig) auth(req *http.Request, slug string) (tenant.Scope, error) {
	who, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	r.mu.Lock()
	defer r.mu.Unlock()
	scope, known := r.people[who]
	switch {
	case !ok || !known:
		return tenant.Scope{}, problem.New(problem.Unauthenticated, "You are not signed in.")
	case scope.Slug != slug:
		return tenant.Scope{}, problem.New(problem.NotFound, "There is nothing here, or it is not yours to see.")
	}
	return scope, nil
}

// member adds a person with a role, and a group in the cluster.
func (r *rig) member(t *testing.T, email string, role tenant.Role, id cluster.ID, group cluster.Group) tenant.Scope {
	t.Helper()
	scope := storetest.Member(t, r.db.DB, r.admin, email, role)
	if err := r.clusters.SetGroup(t.Context(), r.admin, id, scope.Member, group); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.people[email] = scope
	return scope
}

// cluster adds a cluster, and a join token for it.
func (r *rig) cluster(t *testing.T, name string) (cluster.Cluster, string) {
	t.Helper()
	c, err := r.clusters.Create(t.Context(), r.admin, name)
	if err != nil {
		t.Fatal(err)
	}
	return c, r.token(t, c.ID)
}

func (r *rig) token(t *testing.T, id cluster.ID) string {
	t.Helper()
	_, display, err := r.clusters.NewJoinToken(t.Context(), r.admin, id)
	if err != nil {
		t.Fatal(err)
	}
	return display
}

// join enrols for real.
func join(ctx context.Context, token string) (pki.Identity, error) {
	tok, err := pki.ParseJoinToken(token)
	if err != nil {
		return pki.Identity{}, err
	}
	return enroll.Join(ctx, enroll.Config{Token: tok, KubeSystemUID: "uid-1", AgentVersion: "1.2.3", KubernetesVersion: "v1.37.2"})
}

// joined is a cluster that has enrolled.
func (r *rig) joined(t *testing.T, name string) (cluster.Cluster, pki.Identity) {
	t.Helper()
	c, token := r.cluster(t, name)
	id, err := join(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return c, id
}

// connected is a cluster with one session, whose agent serves h.
func (r *rig) connected(t *testing.T, name string, h http.HandlerFunc) (cluster.Cluster, *agent) {
	t.Helper()
	c, id := r.joined(t, name)
	return c, r.agent(t, id, tunnel.Config{}, h)
}

// agent is one session of a cluster's agent.
type agent struct {
	tunnel.Session
	id pki.Identity
}

type headerKey struct{}

// header is what the stream of a request was opened with.
func header(req *http.Request) tunnel.Header {
	h, _ := req.Context().Value(headerKey{}).(tunnel.Header)
	return h
}

// agent connects and serves h, and waits until the gateway has the session.
func (r *rig) agent(t *testing.T, id pki.Identity, cfg tunnel.Config, h http.HandlerFunc) *agent {
	t.Helper()
	before := r.Sessions(tenant.ID(id.ID.Tenant), cluster.ID(id.ID.Cluster))
	s, err := r.dial(t.Context(), id, cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: patience, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			conn := c.(*tunnel.Conn)
			ctx, cancel := context.WithCancelCause(context.WithValue(ctx, headerKey{}, conn.Header()))
			context.AfterFunc(conn.Context(), func() { cancel(context.Cause(conn.Context())) })
			return ctx
		}}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(s) }()
	t.Cleanup(func() { _ = s.Close(); _ = srv.Close(); <-done })
	eventually(t, "the gateway has the session", func() bool {
		return r.Sessions(tenant.ID(id.ID.Tenant), cluster.ID(id.ID.Cluster)) > before
	})
	return &agent{s, id}
}

func (r *rig) dial(ctx context.Context, id pki.Identity, cfg tunnel.Config) (tunnel.Session, error) {
	id.Gateway = r.addr
	return r.dialTLS(ctx, renew.New(renew.Config{Identity: id}).TLSConfig(tlsmux.ALPN), cfg)
}

func (r *rig) dialTLS(ctx context.Context, cfg *tls.Config, tc tunnel.Config) (tunnel.Session, error) {
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, err
	}
	attrs := map[string]string{"kubernetes_version": "v1.37.2"}
	maps.Copy(attrs, tc.Hello.Attrs)
	tc.Hello.Version, tc.Hello.Attrs = "1.2.3", attrs
	return tlsmux.Agent(ctx, conn, tc)
}

// get asks the cluster as the scope's member.
func (r *rig) get(ctx context.Context, scope tenant.Scope, id cluster.ID, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x"+path, nil)
	if err != nil {
		return "", err
	}
	res, err := r.RoundTrip(scope, id, req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// eventually polls for something that another goroutine or process brings about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// within waits for c.
func within(t *testing.T, what string, d time.Duration, c <-chan struct{}) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
	case <-timer.C:
		t.Fatalf("not within %s: %s", d, what)
	}
}

func hello(w http.ResponseWriter, req *http.Request) { fmt.Fprint(w, req.URL.Path) }

// Package gateway accepts the agents' tunnels and carries calls to the clusters behind them: chat's, and kubectl's. It
// also serves the two calls by which an agent gets its certificates, on the tunnels' port. Bytes are package tunnel's
// business, certificates package pki's, permission inside a cluster the agent's. Start at Gateway.RoundTrip and, for
// kubectl, at KubectlHandler.
package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/ca"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/internal/ratelimit"
	"github.com/kubechat/kubechat/internal/slots"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
)

// Authority says which clusters may connect. Its refusals are those of package pki.
type Authority interface {
	Prove(ctx context.Context, tenant, cluster string, leaf *x509.Certificate, claim pki.Claim) error
	Learn(ctx context.Context, tenant, cluster string, leaf *x509.Certificate, in pki.TrustRequest) (pki.Bundle, error)
	RevokeCluster(ctx context.Context, tenant, cluster string) error
	Admits(ctx context.Context, tenant, cluster string) error
	Trust
}

// Issuer makes clusters' certificates: of this process (ca.Desk), or of the authority that runs apart (caapi.Client). Its
// errors are problems. Renew is given the certificate that was shown in TLS, nil if none was.
type Issuer interface {
	Enrol(ctx context.Context, in pki.EnrolRequest) (pki.Certificates, error)
	Renew(ctx context.Context, shown *x509.Certificate, in pki.RenewRequest) (pki.Certificates, error)
}

// Trust is whom the authority believes.
type Trust interface {
	Bundle() pki.Bundle
	Roots() []*x509.Certificate // the bundle's
	TrustDomain() string
	Region() string
}

// Clusters is package cluster's service, as far as it is needed here.
type Clusters interface {
	Directory
	Presence
	// Redeem uses a join token up, once, and says for which cluster it was.
	Redeem(ctx context.Context, hash []byte, kubeSystemUID string) (tenant.ID, cluster.ID, error)
	// TokenState says whether a join token could be redeemed; problem.NotFound: it was never made.
	TokenState(ctx context.Context, hash []byte) (cluster.TokenState, error)
	// Reported keeps what an agent says is wrong in its cluster.
	Reported(ctx context.Context, t tenant.ID, id cluster.ID, problem string) error
}

// Directory is what is known of a cluster and of a member in it. Another tenant's cluster is problem.NotFound.
type Directory interface {
	Get(ctx context.Context, scope tenant.Scope, id cluster.ID) (cluster.Cluster, error)
	Group(ctx context.Context, scope tenant.Scope, id cluster.ID) (cluster.Group, error)
}

// Presence is told which sessions live here, and tells which clusters were revoked anywhere; a zero Signal means that
// some may have been missed.
type Presence interface {
	SessionOpened(ctx context.Context, t tenant.ID, id cluster.ID, info cluster.SessionInfo) error
	SessionClosed(ctx context.Context, t tenant.ID, id cluster.ID, info cluster.SessionInfo)
	SessionMeasured(ctx context.Context, t tenant.ID, id cluster.ID, session string, roundTrip time.Duration) error
	Revocations(ctx context.Context) <-chan cluster.Signal
}

// Ledger is package audit's log.
type Ledger interface {
	Begin(ctx context.Context, scope tenant.Scope, intent audit.Intent) (audit.IntentID, error)
	Finish(ctx context.Context, scope tenant.Scope, id audit.IntentID, result audit.Result) error
	Read(ctx context.Context, scope tenant.Scope, rec audit.ReadRecord) error
}

// Config is what a Gateway needs. What is not marked optional is required.
type Config struct {
	Authority Authority
	// Issuer, optional where Authority itself signs (ca.Authority), makes the certificates.
	Issuer Issuer
	// Certificate is the gateway's own, its chain up to and including the root (authority.ServiceCertificate).
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Clusters    Clusters
	Ledger      Ledger
	// Auth says who asks, for the tenant with that slug. It must look at tokens only: a browser's cookie must never
	// reach a cluster's own pages (signin.Service.Bearer).
	Auth func(r *http.Request, slug string) (tenant.Scope, error)
	// Recheck, optional, says whether a scope still holds; streams that go on for long are ended when it no longer does.
	Recheck      func(ctx context.Context, scope tenant.Scope) error
	RecheckEvery time.Duration // 0 is 15 s
	// Decide, optional, is access.Decide.
	Decide func(access.Request) error
	// Blind, optional, says that this replica's database is away; the other replicas are told.
	Blind func() bool
	// RequestID, optional, finds the id that an outer layer gave the request; else one is made.
	RequestID func(context.Context) string

	ReplicaID string // told to agents
	// Peers, optional, is how the other replicas are reached; ServePeers serves them.
	Peers   PeerConfig
	Version string

	// Budget, optional, bounds the bytes that all sessions here have received and nobody has read yet, those with other
	// replicas included: one of a quarter of this process's memory. Over it requests are answered with 429.
	Budget *tunnel.Budget

	MaxPerMember int           // kubectl requests of one member at once; 0 is 200
	WaitSession  time.Duration // how long a request waits for its cluster to connect; 0 is 5 s
	DrainTime    time.Duration // how long streams may go on after the end was asked for; 0 is 10 s

	Metrics prometheus.Registerer // optional
	Log     *slog.Logger          // optional: slog.Default
}

func (c *Config) setDefaults() {
	if c.Decide == nil {
		c.Decide = access.Decide
	}
	if c.Blind == nil {
		c.Blind = func() bool { return false }
	}
	if c.RequestID == nil {
		c.RequestID = func(context.Context) string { return "" }
	}
	if c.MaxPerMember == 0 {
		c.MaxPerMember = 200
	}
	if c.RecheckEvery == 0 {
		c.RecheckEvery = 15 * time.Second
	}
	if c.WaitSession == 0 {
		c.WaitSession = 5 * time.Second
	}
	if c.DrainTime == 0 {
		c.DrainTime = 10 * time.Second
	}
	if c.Peers.Every == 0 {
		c.Peers.Every = cluster.Heartbeat
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if signs, ok := c.Authority.(ca.Authority); ok && c.Issuer == nil && c.Clusters != nil {
		c.Issuer = ca.NewDesk(signs, c.Clusters.Redeem, c.Log)
	}
}

// Validate reports every problem of the configuration at once.
func (c Config) Validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("gateway: no "+what))
		}
	}
	need(c.Authority != nil, "Authority")
	need(c.Issuer != nil, "Issuer")
	need(c.Certificate != nil, "Certificate")
	need(c.Clusters != nil, "Clusters")
	need(c.Ledger != nil, "Ledger")
	need(c.Auth != nil, "Auth")
	return errors.Join(errs...)
}

// Gateway holds the sessions of the agents that are connected to this replica.
type Gateway struct {
	cfg      Config
	sessions *registry
	admitted *admissions
	members  *slots.Slots
	enrols   *ratelimit.Limiter // by address
	renewals *ratelimit.Limiter // by cluster
	meter    *meter
	upgraded atomic.Pointer[handoff] // takes WebSockets while ServeTunnels runs

	peers    *directory   // what the other replicas hold
	inFlight atomic.Int64 // requests on our own sessions, whichever replica they came to
	watches  watches
	long     long
	arriving newcomers
	leaving  chan struct{}
	leave    sync.Once // closes leaving
}

// New makes a Gateway. It starts nothing: ServeTunnels does.
func New(cfg Config) (*Gateway, error) {
	cfg.setDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Gateway{
		cfg: cfg, sessions: newRegistry(), members: slots.New(cfg.MaxPerMember),
		enrols: ratelimit.New(2, 20), renewals: ratelimit.New(0.1, 5), meter: newMeter(cfg.Metrics),
		leaving: make(chan struct{}), arriving: make(newcomers, 4),
	}
	meterBudget(cfg.Metrics, cfg.Budget)
	g.peers = newDirectory(g.sessions.wake)
	g.admitted = newAdmissions(cfg.Authority.Admits)
	g.admitted.places = g.arriving
	return g, nil
}

// requestID is the id of the request in logs, audit and the cluster's own audit log.
func (g *Gateway) requestID(ctx context.Context) string {
	if id := g.cfg.RequestID(ctx); id != "" {
		return id
	}
	return uuid.Must(uuid.NewV7()).String()
}

// Sessions is how many sessions of a cluster live here.
func (g *Gateway) Sessions(t tenant.ID, id cluster.ID) int { return len(g.sessions.of(key{t, id})) }

// Known is how many sessions of a cluster the other replicas hold, as far as is known here.
func (g *Gateway) Known(t tenant.ID, id cluster.ID) (n int) {
	for _, h := range g.peers.holders(key{t, id}) {
		n += h.count
	}
	return n
}

// Sighted reports whether another replica that can be reached, and stays, has its database.
func (g *Gateway) Sighted() bool { return g.peers.sighted() }

// Waiting is how many clusters requests wait for.
func (g *Gateway) Waiting() int { return g.sessions.waiting() }

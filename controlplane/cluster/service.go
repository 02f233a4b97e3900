package cluster

import (
	"context"
	"log/slog"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// NewID returns a fresh cluster id (UUIDv7).
func NewID() ID { return ID(uuid.Must(uuid.NewV7()).String()) }

// Store keeps clusters. What changes something by a member's wish writes its audit record in the same transaction.
// Implementations answer problem.NotFound for another tenant's ids.
type Store interface {
	CreateCluster(ctx context.Context, by tenant.Scope, c Cluster) (Cluster, error)
	Cluster(ctx context.Context, t tenant.ID, id ID) (Cluster, error)
	// Clusters returns all of the tenant's, by name, or those of ids that exist.
	Clusters(ctx context.Context, t tenant.ID, ids ...ID) ([]Cluster, error)
	// RevokeCluster voids the cluster and its unused join tokens. Once revoked, it stays as it is.
	RevokeCluster(ctx context.Context, by tenant.Scope, id ID) (Cluster, error)
	// UnlockCluster lets the holder of the newest certificate go on; with forgetKeys the cluster's own keys are learned
	// anew. One that is not locked stays as it is.
	UnlockCluster(ctx context.Context, by tenant.Scope, id ID, forgetKeys bool) (Cluster, error)
	// SetProblem keeps what the cluster's agent says is wrong; empty is nothing.
	SetProblem(ctx context.Context, t tenant.ID, id ID, problem string) error
	GroupStore
	TokenStore
	FleetStore
}

// Config is what a Service is made of.
type Config struct {
	Store   Store
	Signals Signals
	// Replicas is this process's entry in the directory; it holds the sessions. Without it none can be opened.
	Replicas *Replicas
	Region   string
	// Mint makes a join token: what the user is shown, and the hash that is kept.
	Mint      func() (display string, hash []byte, err error)
	TokenLife time.Duration // 0: 24 hours
	Log       *slog.Logger
}

// Service is the domain. Its methods are safe for concurrent use.
type Service struct {
	store    Store
	signals  Signals
	replicas *Replicas
	region   string
	mint     func() (string, []byte, error)
	life     time.Duration
	log      *slog.Logger
}

// New makes a Service.
func New(c Config) *Service {
	if c.TokenLife <= 0 {
		c.TokenLife = 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{store: c.Store, signals: c.Signals, replicas: c.Replicas, region: c.Region, mint: c.Mint,
		life: c.TokenLife, log: c.Log}
}

var labelForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Create adds a cluster that waits for its agent.
func (s *Service) Create(ctx context.Context, scope tenant.Scope, name string) (Cluster, error) {
	if !scope.Can(tenant.ManageClusters) {
		return Cluster{}, onlyAdmins("add clusters")
	}
	if !labelForm.MatchString(name) {
		return Cluster{}, problem.New(problem.Invalid,
			"A cluster's name is 1 to 63 of a-z, 0-9 and '-', and starts and ends with a letter or digit.")
	}
	return s.store.CreateCluster(ctx, scope, Cluster{ID: NewID(), Name: name, Region: s.region})
}

// Get returns one cluster with its state of this moment.
func (s *Service) Get(ctx context.Context, scope tenant.Scope, id ID) (Cluster, error) {
	if !scope.Can(tenant.ReadClusters) {
		return Cluster{}, onlyMembers
	}
	return s.store.Cluster(ctx, scope.Tenant, id)
}

// List returns every cluster by name, revoked ones last.
func (s *Service) List(ctx context.Context, scope tenant.Scope) ([]Cluster, error) {
	if !scope.Can(tenant.ReadClusters) {
		return nil, onlyMembers
	}
	return s.store.Clusters(ctx, scope.Tenant)
}

// Revoke voids a cluster's identity for good. Every replica hears of it at once and ends the cluster's sessions.
func (s *Service) Revoke(ctx context.Context, scope tenant.Scope, id ID) (Cluster, error) {
	if !scope.Can(tenant.ManageClusters) {
		return Cluster{}, onlyAdmins("revoke clusters")
	}
	return s.store.RevokeCluster(ctx, scope, id)
}

// Unlock lets a cluster go on that was locked because its identity seemed to be in two hands, after a tenant_admin has
// looked. With forgetKeys the keys by which its agent proves where it runs are learned anew: for an API server that
// changed them all while its agent was away. Whoever holds a copy goes on as well: where there is one, make a new join
// token instead.
func (s *Service) Unlock(ctx context.Context, scope tenant.Scope, id ID, forgetKeys bool) (Cluster, error) {
	if !scope.Can(tenant.ManageClusters) {
		return Cluster{}, onlyAdmins("unlock clusters")
	}
	return s.store.UnlockCluster(ctx, scope, id, forgetKeys)
}

// MaxWords bounds, in bytes, what is kept of an agent's own words about its troubles.
const MaxWords = 500

// Reported keeps what a cluster's agent says is wrong in its cluster; empty is nothing. It has no scope: the caller has
// seen the cluster's certificate.
func (s *Service) Reported(ctx context.Context, t tenant.ID, id ID, problem string) error {
	if len(problem) > MaxWords {
		return problemTooLong
	}
	return s.store.SetProblem(ctx, t, id, problem)
}

// Admit tells whether a cluster that proved its identity may have a session: nil, or a problem.
func (s *Service) Admit(ctx context.Context, t tenant.ID, id ID) error {
	c, err := s.store.Cluster(ctx, t, id)
	if err == nil && c.State == Revoked {
		return errRevoked
	}
	return err
}

var (
	onlyMembers    = problem.New(problem.Forbidden, "Only members of the tenant may see its clusters.")
	problemTooLong = problem.Newf(problem.Invalid, "What the agent says is longer than %d bytes.", MaxWords)
	errRevoked     = problem.New(problem.Conflict, "This cluster was revoked.").WithCode("cluster_revoked").
			WithFix("Add it again as a new cluster.")
)

func onlyAdmins(do string) error {
	return problem.Newf(problem.Forbidden, "Only a tenant_admin may %s.", do).WithFix("Ask a tenant_admin of this tenant.")
}

package cluster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// A replica lives while its lease does, by the database's clock. A heartbeat that fails for a while costs nothing as
// long as one succeeds within the lease; sweeping looks for what others left behind.
const (
	Heartbeat = 3 * time.Second
	Lease     = 10 * time.Second
)

// SessionKey names one live session of a tunnel.
type SessionKey struct {
	Tenant  tenant.ID
	Cluster ID
	Session string // the gateway's name for it, 1 to 100 characters
}

// SessionInfo is what is known of a session when it opens and when it closes.
type SessionInfo struct {
	ID                string // the gateway's name for the session; empty: Opened makes one and returns it
	AgentVersion      string
	KubernetesVersion string
	AgentName         string        // the agent's pod
	Transport         string        // tls, websocket or quic; empty: tls
	Wanted            int           // sessions its agent keeps up; 0: it did not say
	CertificateUntil  time.Time     // the end of the certificate it was opened with
	Intercepted       bool          // somebody between opens the outer TLS
	RoundTrip         time.Duration // as last measured; 0: not yet
	Trouble           string        // why the agent could not connect before, MaxWords at most
	Problem           *string       // what it says is wrong in its cluster, MaxWords at most; nil: it says neither yes nor no
	Reason            string        // on close: why, in words for people
}

// Replica is one process of the control plane, as the directory has it.
type Replica struct {
	ID      string // a UUID, new for each process
	Address string // host:port where other replicas reach it; "" is nowhere
}

// ReplicaStore is the directory of replicas and of the sessions they hold.
type ReplicaStore interface {
	// Beat extends the lease, or makes the entry. It returns since when the lease was held without a gap.
	Beat(ctx context.Context, replica, address string, lease time.Duration) (since time.Time, err error)
	// Leave ends the lease at once, so that nobody waits for it to lapse.
	Leave(ctx context.Context, replica string) error
	// OpenSession is problem.NotFound or problem.Conflict when the cluster may not have sessions.
	OpenSession(ctx context.Context, replica string, k SessionKey, info SessionInfo) error
	CloseSession(ctx context.Context, k SessionKey, reason string) error
	// MeasureSession keeps a session's round trip. A session that is not there is no error.
	MeasureSession(ctx context.Context, k SessionKey, roundTrip time.Duration) error
	// SessionsOf returns what the directory says replica holds, in all tenants.
	SessionsOf(ctx context.Context, replica string) ([]SessionKey, error)
	// Live returns every replica whose lease has not lapsed, by the database's clock.
	Live(ctx context.Context) ([]Replica, error)
	// SweepSessions removes what replicas with a lapsed lease left, if replica is fit to judge, and old entries.
	SweepSessions(ctx context.Context, replica string) error
}

// ReplicasConfig is what a Replicas is made of.
type ReplicasConfig struct {
	Store   ReplicaStore
	ID      string // a UUID, new for each process; empty: one is made
	Address string // where the other replicas reach this one
	Log     *slog.Logger
}

// Replicas is this process's entry in the directory. What it holds in memory is the truth about its own sessions; the
// directory follows, at once when the database answers, else as soon as it does again.
type Replicas struct {
	store   ReplicaStore
	id      string
	address string
	log     *slog.Logger

	mu     sync.Mutex // guards the rest
	held   map[SessionKey]SessionInfo
	behind bool      // the directory may differ from held
	since  time.Time // of the lease, as last heard
}

// NewReplicas makes this process's entry; Register or Run puts it into the directory.
func NewReplicas(c ReplicasConfig) *Replicas {
	if c.ID == "" {
		c.ID = uuid.Must(uuid.NewV7()).String()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Replicas{store: c.Store, id: c.ID, address: c.Address, log: c.Log, held: map[SessionKey]SessionInfo{}}
}

// ID is the replica's own id.
func (r *Replicas) ID() string { return r.id }

// Register enters the directory. It must succeed before sessions are opened or intents begun.
func (r *Replicas) Register(ctx context.Context) error {
	since, err := r.store.Beat(ctx, r.id, r.address, Lease)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = since
	return nil
}

// Others returns the other replicas whose lease has not lapsed. While the database is away nobody is judged: there is an
// error, and what was known before holds.
func (r *Replicas) Others(ctx context.Context) ([]Replica, error) {
	all, err := r.store.Live(ctx)
	return slices.DeleteFunc(all, func(x Replica) bool { return x.ID == r.id }), err
}

// HeldBy returns what the directory says another replica holds: what is known of it while it can't be asked itself.
func (r *Replicas) HeldBy(ctx context.Context, replica string) ([]SessionKey, error) {
	return r.store.SessionsOf(ctx, replica)
}

// Run keeps the lease until ctx ends, then leaves. Between heartbeats it brings the directory up to date where it is
// behind, and removes what lost replicas left.
func (r *Replicas) Run(ctx context.Context) error {
	beat := time.NewTicker(Heartbeat)
	defer beat.Stop()
	for {
		if err := r.step(ctx); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "replica directory not up to date", "replica", r.id, "err", err)
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return r.leave(ctx)
		}
	}
}

func (r *Replicas) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := r.store.Leave(ctx, r.id); err != nil {
		r.log.WarnContext(ctx, "replica lease left to lapse", "replica", r.id, "err", err)
	}
	return nil
}

// step is bounded by the heartbeat's interval: one that hangs must not eat the lease.
func (r *Replicas) step(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Heartbeat)
	defer cancel()
	since, err := r.store.Beat(ctx, r.id, r.address, Lease)
	if err != nil {
		return err
	}
	r.mu.Lock()
	if !since.Equal(r.since) { // it lapsed meanwhile: others may have removed our sessions
		r.since, r.behind = since, true
	}
	behind := r.behind
	r.mu.Unlock()
	if behind {
		err = r.reconcile(ctx)
	}
	return errors.Join(err, r.store.SweepSessions(ctx, r.id))
}

// Opened records that this replica holds a session. The caller refuses the session when it fails. It returns the key
// to close it by. While the database is away that is no failure: the caller has let the cluster in on what it knew, as it
// may for a short time, and the directory follows later.
func (r *Replicas) Opened(ctx context.Context, t tenant.ID, id ID, info SessionInfo) (SessionKey, error) {
	if info.ID == "" {
		info.ID = uuid.NewString()
	}
	k := SessionKey{Tenant: t, Cluster: id, Session: info.ID}
	r.mu.Lock()
	r.held[k] = info // before the write, so that a reconcile meanwhile does not take it for a stranger
	r.mu.Unlock()
	if err := r.store.OpenSession(ctx, r.id, k, info); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.behind = true // the write may have happened although its answer was lost
		if problem.Is(err, problem.Unavailable) {
			r.log.WarnContext(ctx, "session not recorded yet", "cluster", k.Cluster, "err", err)
			return k, nil
		}
		delete(r.held, k)
		return SessionKey{}, err
	}
	return k, nil
}

// Closed records that a session ended. It can't fail: when the database is away, the directory follows later.
func (r *Replicas) Closed(ctx context.Context, k SessionKey, reason string) {
	r.mu.Lock()
	_, had := r.held[k]
	delete(r.held, k)
	r.mu.Unlock()
	if !had {
		return
	}
	if err := r.store.CloseSession(context.WithoutCancel(ctx), k, reason); err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.behind = true
		r.log.WarnContext(ctx, "session's end not recorded yet", "cluster", k.Cluster, "err", err)
	}
}

// reconcile makes the directory equal to what is held.
func (r *Replicas) reconcile(ctx context.Context) error {
	r.mu.Lock()
	r.behind = false // what goes wrong from here on sets it again
	r.mu.Unlock()
	listed, err := r.store.SessionsOf(ctx, r.id)
	for _, k := range listed {
		if !r.holds(k) {
			err = errors.Join(err, r.store.CloseSession(ctx, k, "The connection was lost."))
		}
	}
	known := make(map[SessionKey]bool, len(listed))
	for _, k := range listed {
		known[k] = true
	}
	for k, info := range r.snapshot() {
		if !known[k] {
			err = errors.Join(err, r.reopen(ctx, k, info))
		}
	}
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.behind = true
	}
	return err
}

// reopen leaves a session of a cluster revoked meanwhile out: the gateway is about to end it.
func (r *Replicas) reopen(ctx context.Context, k SessionKey, info SessionInfo) error {
	err := r.store.OpenSession(ctx, r.id, k, info)
	if problem.Is(err, problem.Conflict) || problem.Is(err, problem.NotFound) {
		return nil
	}
	if err == nil && !r.holds(k) { // it ended while this was written
		return r.store.CloseSession(ctx, k, "The connection was lost.")
	}
	return err
}

func (r *Replicas) holds(k SessionKey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.held[k]
	return ok
}

func (r *Replicas) snapshot() map[SessionKey]SessionInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[SessionKey]SessionInfo, len(r.held))
	for k, v := range r.held {
		out[k] = v
	}
	return out
}

// SessionOpened records the session info.ID of a cluster on this replica. The gateway refuses the session when it fails.
func (s *Service) SessionOpened(ctx context.Context, t tenant.ID, id ID, info SessionInfo) error {
	_, err := s.replicas.Opened(ctx, t, id, info)
	return err
}

// SessionClosed records the end of the session info.ID, for info.Reason.
func (s *Service) SessionClosed(ctx context.Context, t tenant.ID, id ID, info SessionInfo) {
	s.replicas.Closed(ctx, SessionKey{Tenant: t, Cluster: id, Session: info.ID}, info.Reason)
}

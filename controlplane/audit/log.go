package audit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Actor is who did something, as they were called at the time.
type Actor struct {
	Type  string // member, agent or service
	ID    tenant.MemberID
	Name  string
	Email string
}

// Store keeps records; it never changes one.
type Store interface {
	// Begin commits the intent, owed by this replica, before it returns.
	Begin(ctx context.Context, replica string, scope tenant.Scope, id IntentID, in Intent) error
	// Finish writes the result and its usage in one transaction. It may be repeated. ErrNoIntent when there is none.
	Finish(ctx context.Context, scope tenant.Scope, id IntentID, res Result) error
	// Reads writes many reads of one tenant, each once however often it is repeated, and counts them as usage. It is
	// ErrRefused when the fault is in the records themselves.
	Reads(ctx context.Context, t tenant.ID, reads []Read) error
	Admin(ctx context.Context, scope tenant.Scope, action, target string) error
	List(ctx context.Context, scope tenant.Scope, q Query) (Page, error)
	SweepStore
}

// SweepStore finds intents whose replica is gone.
type SweepStore interface {
	// AbandonedIntents returns them, in all tenants, if replica is fit to judge.
	AbandonedIntents(ctx context.Context, replica string) ([]AbandonedIntent, error)
	// Settle writes the result "unknown". First tells whether this call did it.
	Settle(ctx context.Context, i AbandonedIntent) (a Abandoned, first bool, err error)
}

// ErrNoIntent means that a result was given for an intent that was never committed.
var ErrNoIntent = errors.New("audit: no such intent")

// ErrRefused means that the database can't take a record whatever the circumstances.
var ErrRefused = errors.New("audit: the database refuses the record")

// Read is a read with who did it; ID makes writing it repeatable.
type Read struct {
	ID    string
	Scope tenant.Scope
	ReadRecord

	queued time.Time // in this process
}

// AbandonedIntent names an intent whose replica is gone.
type AbandonedIntent struct {
	Tenant tenant.ID
	Intent IntentID
}

// Abandoned is an intent whose replica is gone; how the change ended is unknown.
type Abandoned struct {
	AbandonedIntent
	Member  tenant.MemberID
	RunID   string // of the chat path
	Step    int
	Target  Target
	Command string
}

// Config is what a Log is made of. Zero values of the limits are the defaults.
type Config struct {
	Store   Store
	Replica string // this replica's id in the directory, which must be registered
	// QueueSize is how many reads may wait for the database before further ones are refused (100,000, of about 600 bytes each), and MaxWait for
	// how long the oldest may (60 s).
	QueueSize int
	MaxWait   time.Duration
	Flush     time.Duration // how long a read waits for others to share its commit (300 ms)
	SpoolDir  string        // of this process alone: where reads outlive it while the database is away; empty: they do not
	Log       *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.QueueSize <= 0 {
		c.QueueSize = 100_000 // a minute of what one replica can carry
	}
	if c.MaxWait <= 0 {
		c.MaxWait = 60 * time.Second
	}
	if c.Flush <= 0 {
		c.Flush = 300 * time.Millisecond
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Log is the domain. Its methods are safe for concurrent use. Run must be running for reads to be written and for
// results to be offered again.
type Log struct {
	c     Config
	reads *recorder

	mu      sync.Mutex // guards results
	results map[IntentID]pending
	wake    chan struct{} // size 1: something was put into results
}

// pending is a result that the database has not taken yet.
type pending struct {
	scope tenant.Scope
	res   Result
	until time.Time // zero, or: the intent itself may not be there, and is looked for until then
}

// New makes a Log.
func New(c Config) *Log {
	c = c.withDefaults()
	return &Log{c: c, reads: newRecorder(c), results: map[IntentID]pending{}, wake: make(chan struct{}, 1)}
}

// Begin commits that a change is about to be sent. Without its id nothing may be sent.
func (l *Log) Begin(ctx context.Context, scope tenant.Scope, in Intent) (IntentID, error) {
	if !scope.Can(tenant.RunChanges) {
		return "", problem.New(problem.Forbidden, "A tenant_viewer may not run commands that change something.").
			WithFix("Ask a tenant_admin for the role tenant_user.")
	}
	id := IntentID(uuid.Must(uuid.NewV7()).String())
	err := l.c.Store.Begin(ctx, l.c.Replica, scope, id, in)
	if problem.Is(err, problem.Unavailable) {
		err = problem.As(err).WithFix("Nothing was sent to the cluster. Try again in a moment.")
	}
	if err != nil && !refused(err) {
		// The commit may have happened although its answer was lost. Then somebody must say that nothing was sent.
		l.retry(id, pending{scope: scope, until: time.Now().Add(unconfirmed), res: Result{Outcome: Denied,
			Detail: "Not sent: the database did not confirm the intent in time."}})
	}
	if err != nil {
		return "", err
	}
	return id, nil
}

// unconfirmed is how long a commit can be under way in the database after its caller gave up on it.
const unconfirmed = 15 * time.Second

// refused errors are answers: the intent is certainly not there.
func refused(err error) bool {
	p := problem.As(err)
	return p.Kind != problem.Unavailable && p.Kind != problem.Internal
}

// Finish records how a change ended, together with its usage. A result the database does not take now is kept and
// offered again until it does, for as long as this process lives; Finish then returns the problem, and the caller has
// nothing left to do. It works after ctx has ended: what was done must be told.
func (l *Log) Finish(ctx context.Context, scope tenant.Scope, id IntentID, res Result) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if !res.Outcome.valid() {
		res.Outcome = Unknown
	}
	err := l.c.Store.Finish(ctx, scope, id, res)
	if err == nil || errors.Is(err, ErrNoIntent) {
		return err
	}
	l.c.Log.WarnContext(ctx, "result kept for later", "intent", id, "err", err)
	l.retry(id, pending{scope: scope, res: res})
	return err
}

func (l *Log) retry(id IntentID, p pending) {
	l.mu.Lock()
	l.results[id] = p
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // Run knows already
	}
}

// Waiting is how many results the database has not taken yet.
func (l *Log) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.results)
}

// Read records a read within a second. It refuses, with problem.Unavailable, when records wait too long or are too
// many: a read that can't be recorded is not made.
func (l *Log) Read(_ context.Context, scope tenant.Scope, rec ReadRecord) error {
	return l.reads.add(Read{ID: uuid.Must(uuid.NewV7()).String(), Scope: scope, ReadRecord: rec})
}

// Admin records a change to the tenant that has no table of its own. Changes that have one are recorded by the store,
// in their own transaction.
func (l *Log) Admin(ctx context.Context, scope tenant.Scope, action, target string) error {
	return l.c.Store.Admin(ctx, scope, action, target)
}

// Run writes reads and owed results until ctx ends, then writes what is left for a few seconds more.
func (l *Log) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	wait.Go(func() { l.reads.run(ctx) })
	wait.Go(func() { l.deliver(ctx) })
	wait.Wait()
	return nil
}

// deliver offers owed results again, a second apart.
func (l *Log) deliver(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			l.deliverAll(last)
			return
		case <-l.wake:
		case <-tick.C:
		}
		l.deliverAll(ctx)
	}
}

func (l *Log) deliverAll(ctx context.Context) {
	for id, p := range l.owed() {
		try, cancel := context.WithTimeout(ctx, patience)
		err := l.c.Store.Finish(try, p.scope, id, p.res)
		cancel()
		if problem.Is(err, problem.Unavailable) {
			l.postpone()
			return // the others would fail as well
		}
		if err != nil && !errors.Is(err, ErrNoIntent) {
			l.c.Log.ErrorContext(ctx, "result not taken by the database", "intent", id, "err", err)
			continue
		}
		if err != nil && time.Now().Before(p.until) {
			continue
		}
		l.mu.Lock()
		delete(l.results, id)
		l.mu.Unlock()
	}
}

// postpone counts the time in which a commit may still be under way from now on: a database that hangs goes on with it
// when it goes on.
func (l *Log) postpone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, p := range l.results {
		if !p.until.IsZero() {
			p.until = time.Now().Add(unconfirmed)
			l.results[id] = p
		}
	}
}

func (l *Log) owed() map[IntentID]pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[IntentID]pending, len(l.results))
	for id, p := range l.results {
		out[id] = p
	}
	return out
}

// Sweep gives every intent whose replica is gone the result "unknown" and returns those it gave it to, so that their
// runs can look at what really happened. Call it every few seconds on every replica.
func (l *Log) Sweep(ctx context.Context) ([]Abandoned, error) {
	found, err := l.c.Store.AbandonedIntents(ctx, l.c.Replica)
	if err != nil {
		return nil, err
	}
	var settled []Abandoned
	for _, i := range found {
		a, first, err := l.c.Store.Settle(ctx, i)
		if err != nil {
			return settled, err
		}
		if first {
			settled = append(settled, a)
		}
	}
	return settled, nil
}

// SweepEvery is how often Sweep is meant to be called: with the lease and a judge's ten seconds it stays under thirty.
const SweepEvery = 5 * time.Second

package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// How long this replica may answer from memory what every request asks: whose a secret is, which group somebody has.
const (
	// hearing is how often the listener proves that the database would have told it of a change.
	hearing = time.Second
	// deafAfter is how long after the last proof memory still counts as the truth.
	deafAfter = 3 * time.Second
	// knownFor bounds an answer's age however quiet it is: what changes without a signal ("last seen") is part of it.
	knownFor = 30 * time.Second
	// awayGrace is how long answers that were checked before stay good while the database is away (the design's decision
	// 15): reads go on, changes fail by themselves, because they need a committed intent.
	awayGrace = 60 * time.Second
	// retryAway is how long one failed question spares the next ones their wait.
	retryAway = time.Second
	// maxKnown bounds the memory: about 1 KiB each.
	maxKnown = 20_000
)

// topicAccess says that somebody's login, token, role or group in the tenant may have changed. It leaves with the
// commit that changed it.
const topicAccess = "access"

// known answers from memory as long as this replica hears of changes. An answer that a change could have overtaken is
// never kept: keep compares the moment before the question with the tenant's last change.
type known struct {
	now func() time.Time

	mu       sync.Mutex // guards the rest
	answers  map[string]answer
	moment   uint64               // counts changes heard of
	changed  map[tenant.ID]uint64 // when a tenant's last one was
	all      uint64               // when everything may have changed
	heard    time.Time            // the listener's last proof; zero until the first
	awayTill time.Time            // the database did not answer just now: don't ask before
}

type answer struct {
	value  any
	tenant tenant.ID
	at     time.Time
}

func newKnown() *known {
	return &known{now: time.Now, answers: map[string]answer{}, changed: map[tenant.ID]uint64{}}
}

// recall answers key from memory, or asks. While the database is away it gives the last answer for a minute. ask returns
// the tenant whose changes make the answer void; none means that the answer is not to be kept.
func recall[V any](ctx context.Context, k *known, key string, ask func(context.Context) (tenant.ID, V, error)) (V, error) {
	v, state := k.look(key)
	if state == fresh {
		return v.(V), nil
	}
	bounded, cancel := ctx, context.CancelFunc(func() {})
	if state == usable { // a database that hangs must not hold up what may be answered without it
		bounded, cancel = context.WithTimeout(ctx, retryAway)
	}
	defer cancel()
	before := k.mark()
	t, got, err := ask(bounded)
	if err == nil {
		k.keep(before, key, t, got)
		return got, nil
	}
	hung := bounded.Err() != nil && ctx.Err() == nil
	if state == usable && (hung || problem.Is(err, problem.Unavailable)) {
		k.away()
		return v.(V), nil
	}
	if hung {
		err = errAway.WithCause(err)
	}
	return got, err
}

type knowledge int

const (
	unknown knowledge = iota
	usable            // if the database can't be asked
	fresh
)

func (k *known) look(key string) (any, knowledge) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.answers[key]
	now := k.now()
	switch {
	case !ok || now.Sub(k.heard) > awayGrace:
		return nil, unknown
	case now.Sub(k.heard) <= deafAfter && now.Sub(a.at) <= knownFor:
		return a.value, fresh
	case now.Before(k.awayTill):
		return a.value, fresh // as fresh as it gets
	}
	return a.value, usable
}

// mark is the moment to compare with in keep.
func (k *known) mark() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.moment
}

func (k *known) keep(before uint64, key string, t tenant.ID, value any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.awayTill = time.Time{}
	if t == "" || k.heard.IsZero() || k.all > before || k.changed[t] > before {
		return
	}
	if len(k.answers) >= maxKnown {
		clear(k.answers)
	}
	k.answers[key] = answer{value, t, k.now()}
}

func (k *known) away() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.awayTill = k.now().Add(retryAway)
}

// amend changes what is known of one value, for writes that need no signal.
func amend[V any](k *known, change func(V) (V, bool)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, a := range k.answers {
		if v, ok := a.value.(V); ok {
			if v, ok = change(v); ok {
				a.value = v
				k.answers[key] = a
			}
		}
	}
}

// forget drops a tenant's answers: something there changed.
func (k *known) forget(t tenant.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.moment++
	if len(k.changed) >= maxKnown {
		clear(k.changed)
		k.all = k.moment
	}
	k.changed[t] = k.moment
	for key, a := range k.answers {
		if a.tenant == t {
			delete(k.answers, key)
		}
	}
}

// forgetAll drops everything: changes may have been missed.
func (k *known) forgetAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.moment++
	k.all = k.moment
	clear(k.answers)
	clear(k.changed)
}

// hear notes that at this moment every earlier change had been heard of.
func (k *known) hear(at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at.After(k.heard) {
		k.heard = at
	}
}

// changeAccess is InTenant for what changes somebody's access: the signal leaves with the commit, and what this replica
// knows is dropped before the caller is told, so that whoever hears that the change is done finds it done.
func (db *DB) changeAccess(ctx context.Context, t tenant.ID, f func(context.Context, pgx.Tx) error) error {
	err := db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		if err := f(ctx, tx); err != nil {
			return err
		}
		return notifyTx(ctx, tx, topicAccess, t, "-")
	})
	db.known.forget(t) // after an error too: the commit may have happened although its answer was lost
	return err
}

package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Signals tell every replica that a row changed; they carry which, never what. Each one reaches PostgreSQL in a NOTIFY
// that is shared by all of this replica's changes of the same moment, because a NOTIFY of its own in every transaction
// makes all commits of the server wait for each other.
const (
	channel  = "kc_signal"
	coalesce = 25 * time.Millisecond
	perNote  = 80     // of at most about 90 bytes each; PostgreSQL's limit is 8,000
	maxOwed  = 10_000 // beyond this, "everything may have changed" is shorter
)

// The topics of clusters.
const (
	topicCluster = "cluster"
	topicRevoked = "revoked"
	topicLocked  = "locked"
)

// Signal says that something about ID changed.
type Signal struct {
	Topic  string // one word
	Tenant tenant.ID
	ID     string // one word
}

// anything is sent instead of more signals than can be kept.
var anything = Signal{Topic: "*"}

type signals struct {
	db *DB

	mu   sync.Mutex // guards the rest
	owed map[Signal]bool
	subs map[*Subscription]bool
	wake chan struct{} // size 1: owed is not empty
}

func newSignals(db *DB) *signals {
	return &signals{db: db, owed: map[Signal]bool{}, subs: map[*Subscription]bool{}, wake: make(chan struct{}, 1)}
}

// Notify tells all replicas, this one included, after a commit. It needs DB.Run to be running, and does not fail: while
// the database is away signals are kept, and everybody looks at everything when it is back.
func (db *DB) Notify(topic string, t tenant.ID, id string) {
	s := db.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.owed) >= maxOwed {
		clear(s.owed)
		s.owed[anything] = true
	}
	s.owed[Signal{topic, t, id}] = true
	select {
	case s.wake <- struct{}{}:
	default: // Run knows already
	}
}

// notifyTx sends a signal with the commit of tx itself: for the rare ones that must not be lost.
func notifyTx(ctx context.Context, tx pgx.Tx, topic string, t tenant.ID, id string) error {
	_, err := tx.Exec(ctx, `select pg_notify($1, $2)`, channel, Signal{topic, t, id}.line())
	if err != nil {
		return fmt.Errorf("send signal: %w", err)
	}
	return nil
}

func (s Signal) line() string { return s.Topic + " " + string(s.Tenant) + " " + s.ID }

func parseSignal(line string) (Signal, bool) {
	f := strings.Split(line, " ")
	if len(f) != 3 {
		return Signal{}, false
	}
	return Signal{f[0], tenant.ID(f[1]), f[2]}, true
}

// Run carries signals until ctx ends: this replica's to the database, everybody's to the subscribers.
func (db *DB) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	wait.Go(func() { db.signals.send(ctx) })
	wait.Go(func() { db.signals.listen(ctx) })
	wait.Wait()
	return nil
}

func (s *signals) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		sleep(ctx, coalesce)
		for s.flush(ctx) != nil && ctx.Err() == nil {
			sleep(ctx, time.Second)
		}
	}
}

// flush takes signals out only after the database has them: twice is harmless.
func (s *signals) flush(ctx context.Context) error {
	s.mu.Lock()
	var lines []string
	var taken []Signal
	for sig := range s.owed {
		lines, taken = append(lines, sig.line()), append(taken, sig)
	}
	s.mu.Unlock()
	for len(lines) > 0 {
		n := min(perNote, len(lines))
		err := s.db.presence.during(ctx, func(ctx context.Context) error {
			_, err := s.db.pool.Exec(ctx, `select pg_notify($1, $2)`, channel, strings.Join(lines[:n], "\n"))
			return err
		})
		if err != nil {
			return err
		}
		s.mu.Lock()
		for _, sig := range taken[:n] {
			delete(s.owed, sig)
		}
		s.mu.Unlock()
		lines, taken = lines[n:], taken[n:]
	}
	return nil
}

// listen holds one connection of its own. Whenever it is new, something may have been missed before. It is also what
// tells whether the database is there.
func (s *signals) listen(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		err := s.listenOnce(ctx)
		s.tellMissed() // what is known stays: it is still the best there is while the database is away
		if ctx.Err() == nil {
			s.db.log.WarnContext(ctx, "signals interrupted", "err", err)
			if time.Since(began) < time.Second { // else at once: whether only this connection was lost shows soonest so
				sleep(ctx, 500*time.Millisecond)
			}
		}
	}
}

func (s *signals) listenOnce(ctx context.Context) error {
	conn, asked, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second) // a database that hangs says no goodbye
		defer cancel()
		_ = conn.Close(ctx)
	}()
	s.missed()
	s.db.known.hear(asked)
	for {
		if asked, err = s.ask(ctx, conn, asked); err != nil {
			return err
		}
		s.db.known.hear(asked)
	}
}

func (s *signals) connect(ctx context.Context) (conn *pgx.Conn, asked time.Time, err error) {
	config := s.db.pool.Config().ConnConfig
	config.OnNotification = func(_ *pgconn.PgConn, note *pgconn.Notification) { s.note(note.Payload) }
	err = s.db.presence.prove(connectWithin, func() (err error) {
		if conn, err = pgx.ConnectConfig(ctx, config); err != nil {
			return err
		}
		asked = time.Now()
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if _, err = conn.Exec(ctx, "listen "+channel); err != nil {
			_ = conn.Close(ctx)
		}
		return err
	})
	return conn, asked, err
}

// patience is how long the listener waits for an answer before it takes a new connection.
const patience = 5 * time.Second

// ask listens for a while after the last proof, or until somebody doubts, then makes sure that the connection still lives:
// a database that vanished without a word looks like one with nothing to say. Every note sent before the question is heard
// before the answer.
func (s *signals) ask(ctx context.Context, conn *pgx.Conn, last time.Time) (asked time.Time, err error) {
	wait, cancel := context.WithDeadline(ctx, last.Add(hearing))
	defer cancel()
	heard := s.db.presence.hurried(cancel)
	for err == nil {
		err = conn.PgConn().WaitForNotification(wait)
	}
	heard()
	if ctx.Err() != nil || wait.Err() == nil || conn.IsClosed() {
		return asked, err
	}
	asked = time.Now()
	return asked, s.db.presence.prove(answerWithin, func() error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return conn.Ping(ctx)
	})
}

func (s *signals) note(payload string) {
	for line := range strings.SplitSeq(payload, "\n") {
		if sig, ok := parseSignal(line); ok {
			s.deliver(sig)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Subscription collects the signals of one topic, or of one tenant in it, until they are taken. However many there are
// about one thing, it is one signal.
type Subscription struct {
	signals *signals
	topics  map[string]bool
	tenant  tenant.ID // "": all
	ready   chan struct{}

	mu     sync.Mutex // guards the rest
	got    map[Signal]bool
	missed bool
}

// Subscribe listens to a tenant's signals, or with "" to everybody's. Close ends it.
func (db *DB) Subscribe(t tenant.ID, topics ...string) *Subscription {
	sub := &Subscription{signals: db.signals, tenant: t, topics: map[string]bool{}, got: map[Signal]bool{},
		ready: make(chan struct{}, 1)} // size 1: it says that there is something, not how much
	for _, topic := range topics {
		sub.topics[topic] = true
	}
	db.signals.mu.Lock()
	defer db.signals.mu.Unlock()
	db.signals.subs[sub] = true
	return sub
}

// Ready has a value when Take has something.
func (sub *Subscription) Ready() <-chan struct{} { return sub.ready }

// Take returns what came since the last Take, and whether there may have been more.
func (sub *Subscription) Take() (got []Signal, missed bool) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	for sig := range sub.got {
		got = append(got, sig)
	}
	missed = sub.missed
	clear(sub.got)
	sub.missed = false
	return got, missed
}

// Close ends the subscription.
func (sub *Subscription) Close() {
	sub.signals.mu.Lock()
	defer sub.signals.mu.Unlock()
	delete(sub.signals.subs, sub)
}

func (sub *Subscription) put(sig Signal, missed bool) {
	sub.mu.Lock()
	if missed || len(sub.got) >= maxOwed {
		sub.missed = true
		clear(sub.got)
	} else {
		sub.got[sig] = true
	}
	sub.mu.Unlock()
	select {
	case sub.ready <- struct{}{}:
	default: // it is known that there is something
	}
}

func (s *signals) deliver(sig Signal) {
	switch {
	case sig == anything:
		s.missed()
		return
	case sig.Topic == topicAccess:
		s.db.known.forget(sig.Tenant)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subs {
		if sub.topics[sig.Topic] && (sub.tenant == "" || sub.tenant == sig.Tenant) {
			sub.put(sig, false)
		}
	}
}

func (s *signals) missed() {
	s.db.known.forgetAll()
	s.tellMissed()
}

func (s *signals) tellMissed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subs {
		sub.put(Signal{}, true)
	}
}

// ClusterSignals is how package cluster sees them.
type ClusterSignals struct{ db *DB }

// ClusterSignals is the signals' part of the store for clusters.
func (db *DB) ClusterSignals() ClusterSignals { return ClusterSignals{db} }

var _ cluster.Signals = ClusterSignals{}

// Subscribe listens to a tenant's clusters, or with "" to everybody's.
func (c ClusterSignals) Subscribe(t tenant.ID) cluster.Subscription {
	return clusterSubscription{c.db.Subscribe(t, topicCluster, topicRevoked, topicLocked)}
}

type clusterSubscription struct{ *Subscription }

// Take translates.
func (c clusterSubscription) Take() (out []cluster.Signal, missed bool) {
	got, missed := c.Subscription.Take()
	for _, sig := range got {
		out = append(out, cluster.Signal{Tenant: sig.Tenant, Cluster: cluster.ID(sig.ID),
			Revoked: sig.Topic == topicRevoked, Locked: sig.Topic == topicLocked})
	}
	return out, missed
}

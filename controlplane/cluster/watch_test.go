package cluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
)

// next reads changes until one satisfies ok.
func next(t *testing.T, changes <-chan cluster.Change, what string, ok func(cluster.Change) bool) cluster.Change {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case c, open := <-changes:
			if !open {
				t.Fatalf("watch ended before: %s", what)
			}
			if ok(c) {
				return c
			}
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func TestWatchTellsOfChangesOnEveryReplicaAndOfOwnTenantOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	running(t, w.DB)
	second, err := store.Open(t.Context(), store.Config{DSN: w.DSN})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	running(t, second)
	there := cluster.New(cluster.Config{Store: second.Clusters(), Signals: second.ClusterSignals()})
	other := storetest.Tenant(t, w.DB, "other")
	mine, err := there.Watch(t.Context(), w.admin)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := there.Watch(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	c := w.create(t, "staging")
	next(t, mine, "the cluster is created", func(ch cluster.Change) bool { return ch.Cluster.ID == c.ID })
	w.open(t, c.ID, "one")
	got := next(t, mine, "it connects", func(ch cluster.Change) bool { return ch.Cluster.State == cluster.Connected })
	if got.Cluster.Name != "staging" || got.Cluster.Sessions != 1 {
		t.Errorf("%+v", got)
	}
	d, err := w.service.Create(t.Context(), other, "theirs")
	if err != nil {
		t.Fatal(err)
	}
	next(t, theirs, "the other tenant's first change", func(ch cluster.Change) bool {
		if ch.Cluster.ID == c.ID {
			t.Error("told of another tenant's cluster")
		}
		return ch.Cluster.ID == d.ID
	})
}

func TestSlowWatcherGetsTheLastState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	running(t, w.DB)
	changes, err := w.service.Watch(t.Context(), w.admin)
	if err != nil {
		t.Fatal(err)
	}
	c := w.create(t, "staging")
	for range 20 { // nobody reads meanwhile
		w.open(t, c.ID, "s")
		w.close(t, c.ID, "s", "again")
	}
	if _, err := w.service.Revoke(t.Context(), w.admin, c.ID); err != nil {
		t.Fatal(err)
	}
	n := 0
	next(t, changes, "revoked", func(ch cluster.Change) bool { n++; return ch.Cluster.State == cluster.Revoked })
	if n > 10 {
		t.Errorf("%d changes told; want them merged", n)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	changes, err := w.service.Watch(ctx, w.admin)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for range changes {
	}
}

func TestRevocationReachesEveryReplica(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second, err := store.Open(t.Context(), store.Config{DSN: w.DSN})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	running(t, second)
	there := cluster.New(cluster.Config{Store: second.Clusters(), Signals: second.ClusterSignals()})
	revoked := there.Revocations(t.Context())
	c := w.create(t, "staging")
	select {
	case sig := <-revoked: // the listener is new: look at everything
		if sig.Cluster != "" {
			t.Errorf("first signal: %+v; want a zero one", sig)
		}
	case <-time.After(time.Minute):
		t.Fatal("the listener never came up")
	}
	if _, err := w.service.Revoke(t.Context(), w.admin, c.ID); err != nil { // needs no running DB on this side
		t.Fatal(err)
	}
	deadline := time.After(30 * time.Second)
	for {
		select {
		case sig := <-revoked:
			if sig.Cluster == c.ID && sig.Tenant == w.admin.Tenant {
				return
			}
		case <-deadline:
			t.Fatal("no signal within 30 s")
		}
	}
}

func TestWatcherIsToldWhatHappenedWhileTheConnectionWasLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	running(t, w.DB)
	changes, err := w.service.Watch(t.Context(), w.admin)
	if err != nil {
		t.Fatal(err)
	}
	first := w.create(t, "first")
	next(t, changes, "first", func(ch cluster.Change) bool { return ch.Cluster.ID == first.ID })
	w.Exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen%'`)
	w.Exec(t, `insert into cluster (tenant_id, cluster_id, name, region) values ($1, gen_random_uuid(), 'silent', 'r')`, w.admin.Tenant)
	next(t, changes, "the cluster nobody signalled", func(ch cluster.Change) bool { return ch.Cluster.Name == "silent" })
}

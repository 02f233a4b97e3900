package cluster_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestStateFollowsSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	w.open(t, c.ID, "one")
	got := w.state(t, c.ID)
	if got.State != cluster.Connected || got.Sessions != 1 || got.AgentVersion != "1.0.0" || got.KubernetesVersion != "v1.37.2" || got.LastSeen.IsZero() {
		t.Errorf("one session: %+v", got)
	}
	w.open(t, c.ID, "two")
	w.close(t, c.ID, "one", "The agent went away.")
	still := w.state(t, c.ID)
	if still.State != cluster.Connected || still.Sessions != 1 || !still.Since.Equal(got.Since) {
		t.Errorf("one of two ended: %+v; want connected since %s", still, got.Since)
	}
	w.close(t, c.ID, "two", "The agent went away.")
	off := w.state(t, c.ID)
	if off.State != cluster.Offline || off.Reason != "The agent went away." || off.Since.Before(got.Since) || !off.LastSeen.Equal(off.Since) {
		t.Errorf("none left: %+v", off)
	}
	w.open(t, c.ID, "three")
	if back := w.state(t, c.ID); back.State != cluster.Connected || !back.Since.After(got.Since) {
		t.Errorf("back: %+v; want connected since later than %s", back, got.Since)
	}
}

func TestLostReplicaTakesItsSessionsAlong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	w.open(t, c.ID, "one")
	w.Exec(t, `update cluster set connected_at = now() - interval '1 hour'`)
	w.lapse(t, w.replicas.ID())
	lapsed := w.state(t, c.ID)
	if lapsed.State != cluster.Stale || lapsed.Sessions != 0 || lapsed.Reason == "" || time.Since(lapsed.Since) < 50*time.Second {
		t.Errorf("at once: %+v; want stale since the replica was last heard of", lapsed)
	}
	other := replica(t, w.Database)
	store := w.DB.Replicas()
	if err := store.SweepSessions(t.Context(), other.replicas.ID()); err != nil {
		t.Fatal(err)
	}
	if left, _ := store.SessionsOf(t.Context(), w.replicas.ID()); len(left) != 1 {
		t.Errorf("a replica that has just come judged another: %d sessions left", len(left))
	}
	w.seasoned(t, other.replicas.ID())
	if err := store.SweepSessions(t.Context(), other.replicas.ID()); err != nil {
		t.Fatal(err)
	}
	if left, _ := store.SessionsOf(t.Context(), w.replicas.ID()); len(left) != 0 {
		t.Errorf("%d sessions left", len(left))
	}
	if swept := w.state(t, c.ID); swept.State != cluster.Offline || time.Since(swept.LastSeen) < 50*time.Second {
		t.Errorf("after the sweep: %+v; want last seen at the replica's last heartbeat", swept)
	}
}

func TestReplicaThatLivesIsNotSwept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	w.open(t, c.ID, "one")
	w.seasoned(t, w.replicas.ID())
	if err := w.DB.Replicas().SweepSessions(t.Context(), w.replicas.ID()); err != nil {
		t.Fatal(err)
	}
	if got := w.state(t, c.ID); got.State != cluster.Connected {
		t.Errorf("%+v", got)
	}
}

func TestReplicaIsForgottenWhenNothingOfItIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone := replica(t, w.Database)
	w.Exec(t, `update replica set lease_until = now() - interval '2 hours' where replica_id = $1`, gone.replicas.ID())
	w.seasoned(t, w.replicas.ID())
	if err := w.DB.Replicas().SweepSessions(t.Context(), w.replicas.ID()); err != nil {
		t.Fatal(err)
	}
	w.Exec(t, `do $$ begin if (select count(*) from replica) <> 1 then raise 'replica still there'; end if; end $$`)
}

// A replica whose rows were taken for a dead one's puts them back.
func TestReplicaThatWasCutOffComesBackWithItsSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, d := w.create(t, "staging"), w.create(t, "production")
	w.open(t, c.ID, "one")
	w.open(t, d.ID, "two")
	w.lapse(t, w.replicas.ID())
	w.Exec(t, `delete from cluster_session`) // another replica's sweep
	w.Exec(t, `insert into cluster_session (tenant_id, cluster_id, session_id, replica_id) values ($1, $2, 'stranger', $3)`,
		w.admin.Tenant, d.ID, w.replicas.ID())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.replicas.Run(ctx) }()
	eventually(t, "both clusters are connected, by one session each", func() bool {
		a, b := w.state(t, c.ID), w.state(t, d.ID)
		return a.State == cluster.Connected && b.State == cluster.Connected && a.Sessions == 1 && b.Sessions == 1
	})
	cancel()
	<-done
	if got := w.state(t, c.ID); got.State.Up() {
		t.Errorf("after the replica left in order: %+v", got)
	}
}

// flaky is a directory whose database is away now and then.
type flaky struct {
	cluster.ReplicaStore
	away bool
}

var errAway = problem.New(problem.Unavailable, "away")

func (f *flaky) CloseSession(ctx context.Context, k cluster.SessionKey, reason string) error {
	if f.away {
		return errAway
	}
	return f.ReplicaStore.CloseSession(ctx, k, reason)
}

func (f *flaky) OpenSession(ctx context.Context, replica string, k cluster.SessionKey, info cluster.SessionInfo) error {
	err := f.ReplicaStore.OpenSession(ctx, replica, k, info)
	if f.away { // the write happened, its answer was lost
		return errors.Join(errAway, err)
	}
	return err
}

func TestSessionsEndThatCouldNotBeWrittenIsWrittenLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	f := &flaky{ReplicaStore: w.DB.Replicas()}
	r := cluster.NewReplicas(cluster.ReplicasConfig{Store: f})
	if err := r.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	k, err := r.Opened(t.Context(), w.admin.Tenant, c.ID, cluster.SessionInfo{})
	if err != nil {
		t.Fatal(err)
	}
	f.away = true
	r.Closed(t.Context(), k, "gone")
	meanwhile, err := r.Opened(t.Context(), w.admin.Tenant, c.ID, cluster.SessionInfo{})
	if err != nil {
		t.Errorf("opened while away: %v", err)
	}
	if got := w.state(t, c.ID); got.Sessions != 2 {
		t.Fatalf("the directory has %d sessions; the test wants both wrong rows there", got.Sessions)
	}
	f.away = false
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	eventually(t, "the directory holds what the replica holds: one", func() bool { return w.state(t, c.ID).Sessions == 1 })
	r.Closed(t.Context(), meanwhile, "gone")
	eventually(t, "the directory holds what the replica holds: nothing", func() bool { return w.state(t, c.ID).State == cluster.Offline })
	cancel()
	<-done
}

func TestSessionOfAnotherTenantsClusterIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	for _, id := range []cluster.ID{c.ID, cluster.NewID(), "nonsense"} {
		err := w.service.SessionOpened(t.Context(), tenant.NewID(), id, cluster.SessionInfo{ID: "s"})
		if !problem.Is(err, problem.NotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestOthersAreThoseWithALease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if others, err := w.replicas.Others(t.Context()); err != nil || len(others) != 0 {
		t.Errorf("alone: %v, %v", others, err)
	}
	other := cluster.NewReplicas(cluster.ReplicasConfig{Store: w.DB.Replicas(), Address: "10.0.0.2:8444"})
	if err := other.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	others, err := w.replicas.Others(t.Context())
	if err != nil || len(others) != 1 || others[0] != (cluster.Replica{ID: other.ID(), Address: "10.0.0.2:8444"}) {
		t.Errorf("one other: %v, %v", others, err)
	}
	c := w.create(t, "staging")
	w.open(t, c.ID, "one")
	if held, err := other.HeldBy(t.Context(), w.replicas.ID()); err != nil || len(held) != 1 || held[0].Cluster != c.ID {
		t.Errorf("held by the first: %v, %v", held, err)
	}
	w.lapse(t, other.ID())
	if others, err := w.replicas.Others(t.Context()); err != nil || len(others) != 0 {
		t.Errorf("its lease has lapsed: %v, %v", others, err)
	}
}

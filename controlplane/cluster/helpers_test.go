package cluster_test

import (
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// world is one replica over a database of the test's own.
type world struct {
	*storetest.Database
	service  *cluster.Service
	replicas *cluster.Replicas
	admin    tenant.Scope
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := storetest.New(t)
	w := replica(t, d)
	w.admin = storetest.Tenant(t, d.DB, "acme")
	return w
}

// replica adds another replica over the same database.
func replica(t *testing.T, d *storetest.Database) *world {
	t.Helper()
	r := cluster.NewReplicas(cluster.ReplicasConfig{Store: d.DB.Replicas()})
	if err := r.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := cluster.New(cluster.Config{Store: d.DB.Clusters(), Signals: d.DB.ClusterSignals(), Replicas: r, Region: "test", Mint: mint})
	return &world{Database: d, service: s, replicas: r}
}

func mint() (string, []byte, error) {
	secret := "kcj1_" + rand.Text()
	return secret, hashOf(secret), nil
}

func hashOf(display string) []byte {
	h := sha256.Sum256([]byte(display))
	return h[:]
}

func (w *world) create(t *testing.T, name string) cluster.Cluster {
	t.Helper()
	c, err := w.service.Create(t.Context(), w.admin, name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) open(t *testing.T, id cluster.ID, session string) {
	t.Helper()
	err := w.service.SessionOpened(t.Context(), w.admin.Tenant, id, cluster.SessionInfo{ID: session, AgentVersion: "1.0.0", KubernetesVersion: "v1.37.2"})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) close(t *testing.T, id cluster.ID, session, reason string) {
	t.Helper()
	w.service.SessionClosed(t.Context(), w.admin.Tenant, id, cluster.SessionInfo{ID: session, Reason: reason})
}

func (w *world) state(t *testing.T, id cluster.ID) cluster.Cluster {
	t.Helper()
	c, err := w.service.Get(t.Context(), w.admin, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lapse ends the lease of a replica that gave no sign of life for a minute.
func (w *world) lapse(t *testing.T, id string) {
	t.Helper()
	w.Exec(t, `update replica set heartbeat_at = now() - interval '1 minute', lease_until = now() - interval '50 seconds' where replica_id = $1`, id)
}

// seasoned makes a replica fit to judge others.
func (w *world) seasoned(t *testing.T, id string) {
	t.Helper()
	w.Exec(t, `update replica set lease_since = now() - interval '11 seconds' where replica_id = $1`, id)
}

func running(t *testing.T, db *store.DB) {
	t.Helper()
	ctx, done := t.Context(), make(chan struct{})
	go func() { defer close(done); _ = db.Run(ctx) }()
	t.Cleanup(func() { <-done }) // t.Context ends before cleanups run
}

// eventually polls a real database and replicas' real goroutines.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}

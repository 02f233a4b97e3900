package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// world is one tenant with one cluster, and one replica.
type world struct {
	*storetest.Database
	log     *audit.Log
	replica string
	admin   tenant.Scope
	cluster cluster.ID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := storetest.New(t)
	w := &world{Database: d, admin: storetest.Tenant(t, d.DB, "acme")}
	w.replica = register(t, d.DB)
	w.log = audit.New(audit.Config{Store: d.DB.Audit(), Replica: w.replica})
	c, err := cluster.New(cluster.Config{Store: d.DB.Clusters(), Region: "test"}).Create(t.Context(), w.admin, "staging")
	if err != nil {
		t.Fatal(err)
	}
	w.cluster = c.ID
	return w
}

func register(t *testing.T, db *store.DB) string {
	t.Helper()
	r := cluster.NewReplicas(cluster.ReplicasConfig{Store: db.Replicas()})
	if err := r.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.ID()
}

func (w *world) intent() audit.Intent {
	return audit.Intent{Target: audit.Target{Cluster: w.cluster, Verb: "patch", APIGroup: "apps", Resource: "deployments",
		Subresource: "scale", Namespace: "shop", Name: "checkout"}, Command: "kubectl scale deployment checkout --replicas=3 -n shop",
		RequestID: "req-1", K8sGroup: cluster.GroupOperator}
}

func (w *world) begin(t *testing.T) audit.IntentID {
	t.Helper()
	id, err := w.log.Begin(t.Context(), w.admin, w.intent())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (w *world) list(t *testing.T, q audit.Query) []audit.Record {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 200
	}
	page, err := w.log.List(t.Context(), w.admin, q)
	if err != nil {
		t.Fatal(err)
	}
	return page.Records
}

// outcome is how the intent is shown to have ended.
func (w *world) outcome(t *testing.T, id audit.IntentID) audit.Outcome {
	t.Helper()
	for _, r := range w.list(t, audit.Query{Kind: audit.KindIntent}) {
		if r.ID == string(id) {
			return r.Outcome
		}
	}
	t.Fatalf("intent %s is not listed", id)
	return ""
}

func (w *world) used(t *testing.T, m billing.Meter) int64 {
	t.Helper()
	now := time.Now()
	all, err := billing.New(billing.Config{Store: w.DB.Billing()}).Usage(t.Context(), w.admin,
		billing.Period{From: now.Add(-time.Hour), To: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		if u.Meter == m {
			return u.Quantity
		}
	}
	t.Fatalf("meter %s is not there", m)
	return 0
}

func (w *world) lapse(t *testing.T, replica string) {
	t.Helper()
	w.Exec(t, `update replica set lease_until = now() - interval '1 second' where replica_id = $1`, replica)
}

// judge adds another replica, fit to judge.
func (w *world) judge(t *testing.T) *audit.Log {
	t.Helper()
	id := register(t, w.DB)
	w.Exec(t, `update replica set lease_since = now() - interval '11 seconds' where replica_id = $1`, id)
	return audit.New(audit.Config{Store: w.DB.Audit(), Replica: id})
}

func (w *world) read(i int) audit.ReadRecord {
	return audit.ReadRecord{Target: audit.Target{Cluster: w.cluster, Verb: "get", Resource: "pods", Namespace: "shop",
		Name: fmt.Sprint("pod-", i)}, RequestID: fmt.Sprint("req-", i), HTTPStatus: 200, Duration: time.Millisecond, BytesOut: 10}
}

// runs runs a log until the test, or stop, ends it.
func runs(t *testing.T, l *audit.Log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// eventually polls a real database.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}

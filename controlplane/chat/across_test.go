package chat_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// fleet is a world whose first cluster is "staging", with prod-eu and prod-us beside it, and "edge", which is not connected.
type fleet struct {
	*world
	eu, us *chattest.Cluster
	ids    map[string]cluster.ID
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	w := newWorld(t)
	w.stop()
	f := &fleet{world: w, ids: map[string]cluster.ID{"staging": w.cluster},
		eu: chattest.New(chattest.Object{Namespace: "shop", Name: "checkout", Replicas: 3}, chattest.Object{Namespace: "shop", Name: "web", Replicas: 9}),
		us: chattest.New(chattest.Object{Namespace: "shop", Name: "checkout", Replicas: 4}),
	}
	for _, name := range []string{"prod-eu", "prod-us", "edge"} {
		c, err := w.clusters.Create(t.Context(), w.admin, name)
		if err != nil {
			t.Fatal(err)
		}
		f.ids[name] = c.ID
		if err := w.clusters.SetGroup(t.Context(), w.admin, c.ID, w.admin.Member, cluster.GroupAdmin); err != nil {
			t.Fatal(err)
		}
	}
	w.replica = w.start(func(c *chat.Config) {
		c.Clusters = chattest.Fleet{w.cluster: w.at, f.ids["prod-eu"]: f.eu, f.ids["prod-us"]: f.us}
	})
	return f
}

func TestAReadOverSeveralClustersIsOneTable(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	run, events := w.finished(w.admin, w.ask(w.admin, "list deployments in shop in prod-eu, prod-us and edge").ID)
	if run.State != chat.Done || run.Cluster != w.cluster {
		t.Errorf("run %+v", run)
	}
	got := data[chat.Table](t, events, chat.TypeTable)
	var rows []any
	for _, r := range got.Rows {
		rows = append(rows, r[0].(string)+"/"+r[1].(string))
	}
	if got.Columns[0].Name != "Cluster" || !slices.Equal(rows, []any{"prod-eu/checkout", "prod-eu/web", "prod-us/checkout"}) {
		t.Errorf("table %+v", got)
	}
	if !slices.Equal(got.Clusters, []string{"prod-eu", "prod-us"}) || len(got.Missing) != 1 || got.Missing[0].Cluster != "edge" || got.Missing[0].Why == "" {
		t.Errorf("clusters %v, missing %v", got.Clusters, got.Missing)
	}
	if scope := data[chat.ScopeData](t, events, chat.TypeScope); len(scope.Clusters) != 3 {
		t.Errorf("scope %+v", scope)
	}
	eventually(t, "a record for each cluster", func() bool {
		at := map[cluster.ID]bool{}
		for _, r := range w.records(audit.KindRead) {
			at[r.Target.Cluster] = true
		}
		return at[w.ids["prod-eu"]] && at[w.ids["prod-us"]] && len(at) == 2
	})
}

func TestCountsArePerClusterAndTotal(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	_, events := w.finished(w.admin, w.ask(w.admin, "how many deployments are in shop in all clusters").ID)
	got := data[chat.Count](t, events, chat.TypeCount)
	want := []chat.ClusterCount{{Cluster: "prod-eu", Count: 2}, {Cluster: "prod-us", Count: 1}, {Cluster: "staging", Count: 2}}
	if got.Count != 5 || !slices.Equal(got.PerCluster, want) || len(got.Missing) != 1 {
		t.Errorf("count %+v", got)
	}
}

func TestAnotherClusterIsAskedWhereItIsNamedAndWhileItIsMeant(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	in := w.converse(w.admin)
	rows := func(text string) (chat.Run, int) {
		run, events := w.finished(w.admin, w.say(in, text).ID)
		return run, len(data[chat.Table](t, events, chat.TypeTable).Rows)
	}
	for _, turn := range []struct {
		text    string
		cluster string
		rows    int
	}{
		{"list deployments in shop on prod-us", "prod-us", 1},
		{"and in prod-eu?", "prod-eu", 2},          // the same question there
		{"what about deployments?", "prod-eu", 2},  // what refers to a turn stays where that was
		{"list deployments in shop", "staging", 2}, // what stands alone is about the conversation's own
	} {
		run, n := rows(turn.text)
		if run.Cluster != w.ids[turn.cluster] || n != turn.rows {
			t.Errorf("%q: cluster %s, %d rows", turn.text, run.Plan.Cluster.Name, n)
		}
	}
}

func TestAChangeOverSeveralClustersIsApprovedForEach(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	in := w.converse(w.admin)
	run := w.say(in, "scale checkout to 6 in prod-eu and prod-us")
	eventually(t, "both plans", func() bool {
		run, _ = w.run(w.admin, run.ID)
		return len(run.Parts) == 2 && run.Parts[0].State == chat.AwaitingApproval && run.Parts[1].State == chat.AwaitingApproval
	})
	if run.State != chat.AwaitingApproval || run.Approval != nil {
		t.Fatalf("run %+v", run)
	}
	eu, us := run.Parts[0], run.Parts[1]
	if eu.Cluster != w.ids["prod-eu"] {
		eu, us = us, eu
	}
	if eu.Approval.Hash == us.Approval.Hash || eu.Plan.Cluster.Name != "prod-eu" {
		t.Errorf("plans %+v, %+v", eu.Plan, us.Plan)
	}
	_, err := w.Approve(t.Context(), w.admin, run.ID, "another", "")
	wantProblem(t, err, problem.Conflict, "plan_changed")
	if run, err = w.Approve(t.Context(), w.admin, run.ID, eu.Approval.Hash, ""); err != nil || !run.Divided {
		t.Fatalf("%+v: %v", run, err)
	}
	w.until(w.admin, run.ID, chat.TypePlanEnd)
	if w.eu.Replicas("checkout") != 6 || w.us.Replicas("checkout") != 4 || w.at.Replicas("checkout") != 2 {
		t.Error("an approval for one cluster changed another, or not its own")
	}
	_, err = w.Approve(t.Context(), w.admin, run.ID, eu.Approval.Hash, "") // single use
	wantProblem(t, err, problem.Conflict, "not_awaiting")
	if _, err := w.Decline(t.Context(), w.admin, run.ID, us.Approval.Hash); err != nil {
		t.Fatal(err)
	}
	run, events := w.finished(w.admin, run.ID)
	if run.State != chat.Done || w.us.Replicas("checkout") != 4 {
		t.Errorf("%s, %d", run.State, w.us.Replicas("checkout"))
	}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has seq %d", i, e.Seq)
		}
		if e.Type == chat.TypeResult && e.Cluster != w.ids["prod-eu"] || e.Type == chat.TypeDeclined && e.Cluster != w.ids["prod-us"] {
			t.Errorf("%s of cluster %q", e.Type, e.Cluster)
		}
	}
	_, runs, err := w.Get(t.Context(), w.admin, in)
	if err != nil || len(runs) != 1 || len(runs[0].Parts) != 2 {
		t.Errorf("the conversation has %+v: %v", runs, err)
	}
	undo, _ := w.approves(w.say(in, "undo that").ID)
	if w.eu.Replicas("checkout") != 3 || undo.Cluster != w.ids["prod-eu"] {
		t.Errorf("undone %+v", undo)
	}
}

func TestStoppingARunOverSeveralClustersStopsItsParts(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	run := w.ask(w.admin, "scale checkout to 6 in prod-eu and prod-us")
	w.until(w.admin, run.ID, chat.TypeApproval)
	if err := w.Stop(t.Context(), w.admin, run.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end", func() bool {
		_ = w.Stop(t.Context(), w.admin, run.ID)
		run, _ = w.run(w.admin, run.ID)
		return run.State == chat.Interrupted
	})
	if len(w.eu.Sent())+len(w.us.Sent()) != 0 {
		t.Error("something was changed")
	}
}

func TestAClusterOfAnotherTenantIsNoName(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	other := newOther(t, w.world)
	if _, err := w.clusters.Create(t.Context(), other, "zeta-one"); err != nil {
		t.Fatal(err)
	}
	_, known := w.finished(w.admin, w.ask(w.admin, "list deployments in zeta-one").ID)
	_, unknown := w.finished(w.admin, w.ask(w.admin, "list deployments in zeta-two").ID)
	if !slices.Equal(types(known), types(unknown)) {
		t.Errorf("%v, and for a name nobody has %v", types(known), types(unknown))
	}
}

func TestAnAnswerOverSeveralClustersIsBounded(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		w.eu.Add(chattest.Object{Namespace: "shop", Name: name, Note: strings.Repeat("x", 3<<20)})
	}
	_, events := w.finished(w.admin, w.ask(w.admin, "list deployments in shop in prod-eu and prod-us").ID)
	got := data[chat.Table](t, events, chat.TypeTable)
	if len(got.Rows) != 2+2+1 || !got.Truncated { // of eight MiB for each: two small ones and two large ones, and all of the other
		t.Errorf("%d rows, truncated %t", len(got.Rows), got.Truncated)
	}
	if said := data[chat.Text](t, events, chat.TypeText).Text; !strings.Contains(said, "1 cluster's answer was cut") || !strings.Contains(said, "prod-eu") {
		t.Errorf("said %q", said)
	}
}

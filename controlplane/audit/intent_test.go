package audit_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestChangeIsRecordedBeforeAndAfterAndBilledOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.intent()
	in.RunID, in.Step, in.ApprovedBy = uuid.NewString(), 2, w.admin.Member
	id, err := w.log.Begin(t.Context(), w.admin, in)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.outcome(t, id); got != "" {
		t.Errorf("before its end an intent has outcome %q", got)
	}
	res := audit.Result{Outcome: audit.Succeeded, HTTPStatus: 200, Detail: "scaled", Duration: 1500 * time.Millisecond, BytesIn: 1, BytesOut: 2}
	for range 3 {
		if err := w.log.Finish(t.Context(), w.admin, id, res); err != nil {
			t.Fatal(err)
		}
	}
	all := w.list(t, audit.Query{Cluster: w.cluster})
	if len(all) != 3 || all[0].Kind != audit.KindResult || all[1].Kind != audit.KindIntent || all[2].Kind != audit.KindAdmin {
		t.Fatalf("records, newest first: %+v; want result, intent, the cluster's creation", all)
	}
	result, intent := all[0], all[1]
	if result.IntentID != id || result.Target != in.Target || result.Command != in.Command || result.RunID != in.RunID || result.Step != 2 ||
		result.ApprovedBy != w.admin.Member || result.K8sGroup != cluster.GroupOperator || result.ClusterName != "staging" {
		t.Errorf("result: %+v", result)
	}
	if intent.Outcome != audit.Succeeded || intent.HTTPStatus != 200 || intent.Duration != res.Duration || intent.Detail != "scaled" {
		t.Errorf("intent does not show how it ended: %+v", intent)
	}
	if intent.Actor != (audit.Actor{Type: "member", ID: w.admin.Member, Name: w.admin.Name, Email: w.admin.Email}) {
		t.Errorf("actor: %+v", intent.Actor)
	}
	if n := w.used(t, billing.Command); n != 1 {
		t.Errorf("%d commands used; want 1", n)
	}
}

func TestOnlyWhatWasCarriedOutIsBilled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		res  audit.Result
		want int64
	}{
		"succeeded":                  {audit.Result{Outcome: audit.Succeeded}, 1},
		"refused by the API server":  {audit.Result{Outcome: audit.Failed, HTTPStatus: 409}, 1},
		"never reached the cluster":  {audit.Result{Outcome: audit.Failed}, 0},
		"denied":                     {audit.Result{Outcome: audit.Denied, HTTPStatus: 403}, 0},
		"unknown":                    {audit.Result{Outcome: audit.Unknown}, 0},
		"an outcome that is no word": {audit.Result{Outcome: "fine"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := w.log.Finish(t.Context(), w.admin, w.begin(t), c.res); err != nil {
				t.Fatal(err)
			}
			if n := w.used(t, billing.Command); n != c.want {
				t.Errorf("%d commands used; want %d", n, c.want)
			}
		})
	}
}

func TestResultIsWrittenAfterTheCallerHasGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.log.Finish(ctx, w.admin, id, audit.Result{Outcome: audit.Succeeded}); err != nil {
		t.Fatal(err)
	}
	if got := w.outcome(t, id); got != audit.Succeeded {
		t.Errorf("outcome %q", got)
	}
}

func TestBeginRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	viewer := storetest.Member(t, w.DB, w.admin, "vera@acme.test", tenant.Viewer)
	other := storetest.Tenant(t, w.DB, "other")
	nowhere := w.intent()
	nowhere.Target.Cluster = "nonsense"
	for name, c := range map[string]struct {
		scope tenant.Scope
		in    audit.Intent
		want  problem.Kind
	}{
		"a viewer":                 {viewer, w.intent(), problem.Forbidden},
		"another tenant's cluster": {other, w.intent(), problem.NotFound},
		"no cluster":               {w.admin, nowhere, problem.NotFound},
	} {
		if id, err := w.log.Begin(t.Context(), c.scope, c.in); id != "" || !problem.Is(err, c.want) {
			t.Errorf("%s: %q, %v; want %s", name, id, err, c.want)
		}
	}
	w.lapse(t, w.replica)
	if id, err := w.log.Begin(t.Context(), w.admin, w.intent()); id != "" || problem.As(err).Code != "lease_lapsed" {
		t.Errorf("a replica without lease: %q, %v", id, err)
	}
	if n := len(w.list(t, audit.Query{Kind: audit.KindIntent})); n != 0 {
		t.Errorf("%d intents written by refused calls", n)
	}
	err := w.log.Finish(t.Context(), w.admin, audit.IntentID(uuid.NewString()), audit.Result{Outcome: audit.Failed})
	if !errors.Is(err, audit.ErrNoIntent) {
		t.Errorf("a result without intent: %v", err)
	}
}

func TestIntentOfAGoneReplicaBecomesUnknownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.begin(t)
	judges := []*audit.Log{w.judge(t), w.judge(t), w.judge(t)}
	if got, err := judges[0].Sweep(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("while the replica lives: %+v, %v", got, err)
	}
	w.lapse(t, w.replica)
	newcomer := audit.New(audit.Config{Store: w.DB.Audit(), Replica: register(t, w.DB)})
	if got, err := newcomer.Sweep(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("by a replica that has just come: %+v, %v", got, err)
	}
	var mu sync.Mutex
	var found []audit.Abandoned
	var wait sync.WaitGroup
	for _, j := range judges {
		wait.Go(func() {
			got, err := j.Sweep(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, got...)
		})
	}
	wait.Wait()
	in := w.intent()
	if len(found) != 1 || found[0].Intent != id || found[0].Member != w.admin.Member || found[0].Target != in.Target || found[0].Command != in.Command {
		t.Errorf("found %+v; want the intent, once", found)
	}
	if got := w.outcome(t, id); got != audit.Unknown {
		t.Errorf("outcome %q", got)
	}
	if n := w.used(t, billing.Command); n != 0 {
		t.Errorf("%d commands used", n)
	}
}

// After an outage of the database every lease has lapsed, those of replicas that live included. Whoever is back first
// must not call the others gone.
func TestOutageOfTheDatabaseMakesNobodyGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.begin(t)
	first := cluster.NewReplicas(cluster.ReplicasConfig{Store: w.DB.Replicas()})
	if err := first.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Exec(t, `update replica set lease_since = now() - interval '1 hour', lease_until = now() - interval '1 second'`)
	if err := first.Register(t.Context()); err != nil { // its first heartbeat after the outage
		t.Fatal(err)
	}
	back := audit.New(audit.Config{Store: w.DB.Audit(), Replica: first.ID()})
	if got, err := back.Sweep(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("swept %+v, %v", got, err)
	}
	if got := w.outcome(t, id); got != "" {
		t.Errorf("outcome %q", got)
	}
}

func TestTrueResultThatComesAfterUnknownIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.begin(t)
	w.lapse(t, w.replica)
	if got, err := w.judge(t).Sweep(t.Context()); err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := w.log.Finish(t.Context(), w.admin, id, audit.Result{Outcome: audit.Succeeded, HTTPStatus: 200}); err != nil {
		t.Fatal(err)
	}
	if got := w.outcome(t, id); got != audit.Succeeded {
		t.Errorf("outcome %q; want what really happened", got)
	}
	if n := len(w.list(t, audit.Query{Kind: audit.KindResult})); n != 2 {
		t.Errorf("%d results; want both kept", n)
	}
	if n := w.used(t, billing.Command); n != 1 {
		t.Errorf("%d commands used", n)
	}
}

func TestRecordsAreNeverRewrittenNotEvenByTheOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.log.Finish(t.Context(), w.admin, w.begin(t), audit.Result{Outcome: audit.Succeeded}); err != nil {
		t.Fatal(err)
	}
	before := w.list(t, audit.Query{})
	statements := []string{
		`update audit_record set detail = 'nothing happened'`, `delete from audit_record`, `truncate audit_record cascade`,
		`update usage_event set quantity = 0`, `delete from usage_event`, `truncate usage_event`,
		`insert into audit_record select * from audit_record on conflict (tenant_id, record_id) do update set detail = ''`,
		`merge into audit_record a using member m on a.tenant_id = m.tenant_id when matched then delete`,
	}
	for _, sql := range statements {
		err := w.DB.InTenant(t.Context(), w.admin.Tenant, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("kc_app: %s: %v", sql, err)
		}
	}
	for _, role := range []string{"kc_owner", "postgres"} {
		for _, sql := range statements {
			conn, err := pgx.Connect(t.Context(), w.OwnerDSN)
			if err != nil {
				t.Fatal(err)
			}
			_, err = conn.Exec(t.Context(), "set role "+role+"; set app.current_tenant = '"+string(w.admin.Tenant)+"'; "+sql)
			if err == nil || !strings.Contains(err.Error(), "never changed or removed") {
				t.Errorf("%s: %s: %v", role, sql, err)
			}
			if err := conn.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	if after := w.list(t, audit.Query{}); len(after) != len(before) || after[0] != before[0] {
		t.Errorf("records changed: %+v", after)
	}
}

func TestRecordsTakeAnyText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	runs(t, w.log)
	in := w.intent()
	in.Target.Name, in.Target.Path, in.Command = "a\x00b", "\xff\xfe", "kubectl \x00 \x1b[2J '\"\\"
	id, err := w.log.Begin(t.Context(), w.admin, in)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.log.Finish(t.Context(), w.admin, id, audit.Result{Outcome: audit.Failed, HTTPStatus: 404, Detail: "\x00\xff"}); err != nil {
		t.Fatal(err)
	}
	rec := w.read(1)
	rec.Target = in.Target
	if err := w.log.Read(t.Context(), w.admin, rec); err != nil {
		t.Fatal(err)
	}
	impossible := w.read(2)
	impossible.Target.Cluster = "no id"
	if err := w.log.Read(t.Context(), w.admin, impossible); err != nil { // costs no other its place
		t.Fatal(err)
	}
	eventually(t, "the read is there", func() bool { return len(w.list(t, audit.Query{Kind: audit.KindRead})) == 1 })
	if got := w.list(t, audit.Query{Kind: audit.KindRead})[0].Target.Name; got != "a\uFFFDb" {
		t.Errorf("name %q", got)
	}
}

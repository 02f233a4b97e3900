package chat_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// newOther is the admin of another tenant.
func newOther(t *testing.T, w *world) tenant.Scope {
	t.Helper()
	return storetest.Tenant(t, w.DB, "other")
}

func scale(name string, to int32) nlp.Step {
	return nlp.Step{Op: nlp.OpScale, Resource: chattest.Deployments, Namespace: "shop", Names: []string{name}, Args: nlp.Args{Replicas: &to}}
}

func TestAChangeIsShownThenApprovedThenDoneAndRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "scale checkout to 5")
	if run.State != chat.AwaitingApproval || w.at.Replicas("checkout") != 2 || len(w.records(audit.KindIntent)) != 0 {
		t.Fatalf("before the approval: %+v, %d replicas", run, w.at.Replicas("checkout"))
	}
	if left := run.Approval.ExpiresAt.Sub(run.Approval.CreatedAt); left != 5*time.Minute || run.Approval.Decision != chat.Proposed {
		t.Errorf("approval %+v", run.Approval)
	}
	if run.Plan.Hash != run.Approval.Hash || run.Plan.Kubectl != "kubectl scale deployment/checkout -n shop --replicas=5" {
		t.Errorf("plan %+v", run.Plan)
	}
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	run, events := w.finished(w.admin, run.ID)
	wantTypes(t, events, chat.TypeAccepted, chat.TypeScope, chat.TypePlan, chat.TypeExplain, chat.TypeAccess, chat.TypeDiff, chat.TypeApproval,
		chat.TypeApproved, chat.TypeStarted, chat.TypeResult, chat.TypeUndo, chat.TypeProgress, chat.TypeSettled, chat.TypeEnd)
	if run.State != chat.Done || w.at.Replicas("checkout") != 5 || run.Approval.Decision != chat.Approved || run.Approval.DecidedBy != w.admin.Member {
		t.Errorf("after it: %+v, %d replicas", run, w.at.Replicas("checkout"))
	}
	intents := w.records(audit.KindIntent)
	if len(intents) != 1 || intents[0].Outcome != audit.Succeeded || intents[0].RunID != string(run.ID) || intents[0].ApprovedBy != w.admin.Member ||
		intents[0].Command != "kubectl scale deployment/checkout -n shop --replicas=5" || intents[0].Target.Subresource != "scale" {
		t.Errorf("intents %+v", intents)
	}
	if got := data[chat.ResultData](t, events, chat.TypeResult); string(got.IntentID) != intents[0].ID || got.Outcome != audit.Succeeded {
		t.Errorf("result %+v", got)
	}
}

func TestWhatSaysNoBlocksAChange(t *testing.T) {
	t.Parallel()
	away := problem.New(problem.Unavailable, "The cluster did not answer.").WithCode("cluster_unreachable")
	for name, c := range map[string]struct {
		arrange func(*world) tenant.Scope
		code    string
		events  []chat.EventType // after accepted and plan
	}{
		"the role":                  {func(w *world) tenant.Scope { return w.member("viewer@acme.test", tenant.Viewer) }, "role", nil},
		"the cluster's RBAC":        {func(w *world) tenant.Scope { w.at.Deny("update"); return w.admin }, "rbac", []chat.EventType{chat.TypeAccess}},
		"a review that fails":       {func(w *world) tenant.Scope { w.at.Fail("review", away); return w.admin }, "cluster_unreachable", nil},
		"a dry run that fails":      {func(w *world) tenant.Scope { w.at.Fail("dryrun", away); return w.admin }, "cluster_unreachable", []chat.EventType{chat.TypeAccess}},
		"an error nobody knows":     {func(w *world) tenant.Scope { w.at.Fail("dryrun", errors.New("boom")); return w.admin }, "", []chat.EventType{chat.TypeAccess}},
		"a record that isn't taken": {func(w *world) tenant.Scope { w.ledger.refuse("read", away); return w.admin }, "cluster_unreachable", []chat.EventType{chat.TypeAccess}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			who := c.arrange(w)
			run, events := w.finished(who, w.ask(who, "scale checkout to 5").ID)
			want := slices.Concat([]chat.EventType{chat.TypeAccepted, chat.TypeScope, chat.TypePlan, chat.TypeExplain}, c.events, []chat.EventType{chat.TypeError, chat.TypeEnd})
			wantTypes(t, events, want...)
			if got := data[chat.ErrorData](t, events, chat.TypeError); got.Problem.Code != c.code {
				t.Errorf("problem %+v", got)
			}
			if run.State != chat.Failed || run.Approval != nil || len(w.at.Sent()) != 0 {
				t.Errorf("run %+v, sent %v", run, w.at.Sent())
			}
		})
	}
}

func TestAnIntentThatIsNotCommittedStopsTheChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "scale checkout to 5")
	w.ledger.refuse("begin", problem.New(problem.Unavailable, "The service's database is away."))
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	if run, _ = w.finished(w.admin, run.ID); run.State != chat.Failed || len(w.at.Sent()) != 0 {
		t.Errorf("%s, sent %v", run.State, w.at.Sent())
	}
}

func TestAPlanSaysWhatItsPreviewFoundAndNotWhatWordsKnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	up, already, long := scale("checkout", 5), scale("checkout", 2), int32(9)
	up.Args.Current, already.Args.Current = &long, &long
	w.plan("up", up)
	w.plan("already", already)
	if run := w.awaits(w.admin, "up"); !strings.Contains(run.Plan.Sentence, "to 5 (now 2)") || *run.Plan.Steps[0].Args.Current != 2 {
		t.Errorf("%+v", run.Plan)
	}
	run := w.say(w.converse(w.admin), "already")
	if run, _ = w.finished(w.admin, run.ID); run.State != chat.Done || !strings.Contains(run.Plan.Sentence, "to 2 (now 2)") {
		t.Errorf("%s %+v", run.State, run.Plan)
	}
}

func TestAnApprovalIsForExactlyWhatWasShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "scale checkout to 5")
	_, err := w.Approve(t.Context(), w.admin, run.ID, "another", "")
	wantProblem(t, err, problem.Conflict, "plan_changed")

	w.at.Change("checkout", func(o *chattest.Object) { o.Replicas = 4 })
	_, err = w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, "")
	wantProblem(t, err, problem.Conflict, "preview_changed")
	again, events := w.run(w.admin, run.ID)
	if again.State != chat.AwaitingApproval || again.Approval.Hash == run.Approval.Hash || again.Plan.Hash != again.Approval.Hash ||
		!strings.Contains(run.Plan.Sentence, "(now 2)") || !strings.Contains(again.Plan.Sentence, "(now 4)") {
		t.Fatalf("after it moved: %+v", again)
	}
	wantTypes(t, events, chat.TypeAccepted, chat.TypeScope, chat.TypePlan, chat.TypeExplain, chat.TypeAccess, chat.TypeDiff, chat.TypeApproval,
		chat.TypePlan, chat.TypeExplain, chat.TypeAccess, chat.TypeDiff, chat.TypeApproval)
	_, err = w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, "") // a stale tab
	wantProblem(t, err, problem.Conflict, "plan_changed")

	w.at.Change("checkout", func(*chattest.Object) {}) // a status, which nobody sees
	if _, err := w.Approve(t.Context(), w.admin, run.ID, again.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	if run, _ = w.finished(w.admin, run.ID); run.State != chat.Done || w.at.Replicas("checkout") != 5 {
		t.Errorf("%s, %d", run.State, w.at.Replicas("checkout"))
	}
}

func TestADestructivePlanNeedsItsNameTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "delete deployment web in shop")
	if run.Plan.TypedName != "web" || run.Plan.Class != nlp.Destructive {
		t.Fatalf("plan %+v", run.Plan)
	}
	for _, typed := range []string{"", "Web", "web "} {
		_, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, typed)
		wantProblem(t, err, problem.Forbidden, "typed_name")
	}
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, "web"); err != nil {
		t.Fatal(err)
	}
	if run, _ = w.finished(w.admin, run.ID); run.State != chat.Done || w.at.Replicas("web") != -1 {
		t.Errorf("%s, %d", run.State, w.at.Replicas("web"))
	}
}

func TestAnApprovalExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "scale checkout to 5")
	w.clock.add(5*time.Minute + time.Second)
	_, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, "")
	wantProblem(t, err, problem.Conflict, "approval_expired")
	run, events := w.finished(w.admin, run.ID)
	if run.State != chat.Interrupted || run.Approval.Decision != chat.Expired || !slices.Contains(types(events), chat.TypeExpired) {
		t.Errorf("%+v %v", run, types(events))
	}
}

func TestAnApprovalExpiresByItselfAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kept, old := w.awaits(w.admin, "scale checkout to 5"), w.awaits(w.admin, "scale web to 5")
	w.stop()
	w.lapse(w.id)
	w.Exec(t, `update approval set expires_at = now() - interval '1 second' where run_id = $1`, old.ID)
	w.replica = w.start()
	if old, _ = w.finished(w.admin, old.ID); old.State != chat.Interrupted || old.Approval.Decision != chat.Expired {
		t.Errorf("%+v", old)
	}
	if _, err := w.Approve(t.Context(), w.admin, kept.ID, kept.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	if kept, _ = w.finished(w.admin, kept.ID); kept.State != chat.Done || w.at.Replicas("checkout") != 5 {
		t.Errorf("%s %d", kept.State, w.at.Replicas("checkout"))
	}
}

func TestADeclinedPlanIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "scale checkout to 5")
	if _, err := w.Decline(t.Context(), w.admin, run.ID, run.Approval.Hash); err != nil {
		t.Fatal(err)
	}
	run, _ = w.finished(w.admin, run.ID)
	if run.State != chat.Done || run.Approval.Decision != chat.Declined {
		t.Errorf("%+v", run)
	}
	_, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, "")
	wantProblem(t, err, problem.Conflict, "not_awaiting")
}

func TestOfManyApprovalsAtOnceOneCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.start()
	run := w.awaits(w.admin, "scale checkout to 5")
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			s := w.Service
			if i%2 == 1 {
				s = second.Service
			}
			_, errs[i] = s.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, "")
		})
	}
	wg.Wait()
	ok := 0
	for _, err := range errs {
		if err == nil {
			ok++
		} else if !problem.Is(err, problem.Conflict) {
			t.Error(err)
		}
	}
	run, events := w.finished(w.admin, run.ID)
	if ok != 1 || len(w.at.Sent()) != 1 || run.State != chat.Done {
		t.Errorf("%d approvals, sent %v, %s %v", ok, w.at.Sent(), run.State, types(events))
	}
}

func TestRoleAndGroupAreAskedAgainBeforeItIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.member("user@acme.test", tenant.User)

	run := w.awaits(user, "scale checkout to 5")
	if _, err := w.accounts.SetRole(t.Context(), w.admin, user.Member, tenant.Viewer); err != nil {
		t.Fatal(err)
	}
	_, err := w.Approve(t.Context(), user, run.ID, run.Approval.Hash, "") // with the scope of before
	wantProblem(t, err, problem.Forbidden, "role")
	if _, err := w.accounts.SetRole(t.Context(), w.admin, user.Member, tenant.User); err != nil {
		t.Fatal(err)
	}

	w.group(user, cluster.GroupViewer)
	_, err = w.Approve(t.Context(), user, run.ID, run.Approval.Hash, "")
	wantProblem(t, err, problem.Conflict, "preview_changed")
	run, _ = w.run(user, run.ID)
	w.plan("both", scale("checkout", 5), scale("web", 5))
	both := w.awaits(user, "both")
	hold := w.at.Hold("execute")
	if _, err := w.Approve(t.Context(), user, both.ID, both.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	<-hold.Entered // the first step is on its way
	w.group(user, cluster.GroupOperator)
	hold.Release()
	both, events := w.finished(user, both.ID)
	if both.State != chat.Failed || w.at.Replicas("checkout") != 5 || w.at.Replicas("web") != 1 {
		t.Errorf("%s %v", both.State, types(events))
	}
	if end := data[chat.EndData](t, events, chat.TypeEnd); !strings.Contains(end.Message, "1 of 2 steps were not begun") {
		t.Errorf("end %+v", end)
	}
}

func TestAPlanStopsAtItsFirstFailedStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	label := func(name, value string) nlp.Step {
		return nlp.Step{Op: nlp.OpLabel, Resource: chattest.Deployments, Namespace: "shop", Names: []string{name}, Args: nlp.Args{Set: map[string]string{"a": value}}}
	}
	w.plan("three", scale("checkout", 5), label("web", "x"), label("checkout", "y"))
	run := w.awaits(w.admin, "three")
	hold := w.at.Hold("execute")
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	<-hold.Entered
	w.at.Change("web", func(o *chattest.Object) { o.Replicas = 9 })
	hold.Release()
	run, events := w.finished(w.admin, run.ID)
	if run.State != chat.Failed || !slices.Equal(w.at.Sent(), []nlp.Op{nlp.OpScale, nlp.OpLabel}) {
		t.Errorf("%s, sent %v, %v", run.State, w.at.Sent(), types(events))
	}
	outcomes := map[audit.Outcome]int{}
	for _, r := range w.records(audit.KindIntent) {
		outcomes[r.Outcome]++
	}
	if outcomes[audit.Succeeded] != 1 || outcomes[audit.Failed] != 1 || len(outcomes) != 2 {
		t.Errorf("outcomes %v", outcomes)
	}

	w.plan("same object", scale("checkout", 7), label("checkout", "z"))
	run = w.awaits(w.admin, "same object")
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	if run, events = w.finished(w.admin, run.ID); run.State != chat.Done {
		t.Errorf("a plan that changes one object twice: %s %s", run.State, events[len(events)-2].Data)
	}
}

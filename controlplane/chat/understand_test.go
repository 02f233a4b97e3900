package chat_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// say asks in a conversation that goes on.
func (w *world) say(in chat.ConversationID, text string) chat.Run {
	w.t.Helper()
	r, err := w.Start(w.t.Context(), w.admin, in, text, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// approves approves what awaits it, and waits for the run's end.
func (w *world) approves(id chat.RunID) (chat.Run, []chat.Event) {
	w.t.Helper()
	w.until(w.admin, id, chat.TypeApproval)
	run, _ := w.run(w.admin, id)
	if run.Approval == nil {
		w.t.Fatalf("no approval: %+v", run)
	}
	if _, err := w.Approve(w.t.Context(), w.admin, id, run.Approval.Hash, run.Plan.TypedName); err != nil {
		w.t.Fatal(err)
	}
	return w.finished(w.admin, id)
}

func TestARunSaysWhatItIsAboutAndHowItWasUnderstood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, events := w.finished(w.admin, w.ask(w.admin, "show the deployment checkout in shop as yaml").ID)
	scope := data[chat.ScopeData](t, events, chat.TypeScope)
	if len(scope.Clusters) != 1 || scope.Clusters[0].Name != "staging" || scope.Namespace != "shop" || !slices.Equal(scope.Objects, []string{"deployment/checkout"}) {
		t.Errorf("scope %+v", scope)
	}
	why := data[chat.ExplainData](t, events, chat.TypeExplain)
	if why.Source != "builtin" || len(why.Words) == 0 || len(why.Requests) != 1 || len(why.Rights) != 1 || why.Rights[0].Verb != "get" {
		t.Errorf("explain %+v", why)
	}
	if !slices.Contains(why.Flags, chat.ExplainFlag{Flag: "-n shop", Meaning: "in this namespace"}) || len(why.Flags) != 2 {
		t.Errorf("flags %+v", why.Flags)
	}
}

func TestUndoThatBringsBackWhatWasAndCanItselfBeUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.converse(w.admin)
	if _, events := w.finished(w.admin, w.say(in, "undo that").ID); slices.Contains(types(events), chat.TypePlan) {
		t.Errorf("undoing nothing: %v", types(events))
	}
	_, events := w.approves(w.say(in, "scale checkout to 5").ID)
	undo := data[chat.UndoData](t, events, chat.TypeUndo)
	if !undo.Available || undo.Text != "undo that" || undo.Sentence == "" {
		t.Errorf("undo %+v", undo)
	}
	if settled := data[chat.SettledData](t, events, chat.TypeSettled); settled.State != chat.Ready {
		t.Errorf("settled %+v", settled)
	}
	run, _ := w.approves(w.say(in, undo.Text).ID)
	if got := w.at.Replicas("checkout"); got != 2 || run.Plan.Kubectl == "" || run.Undo == nil {
		t.Fatalf("after the undo %d, %+v", got, run)
	}
	w.approves(w.say(in, "undo that").ID)
	if got := w.at.Replicas("checkout"); got != 5 {
		t.Errorf("after the undo's undo %d", got)
	}
}

func TestAnUndoPresumesWhatTheChangeLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.converse(w.admin)
	w.approves(w.say(in, "scale checkout to 5").ID)
	w.at.Change("checkout", func(o *chattest.Object) { o.Replicas = 7 })
	run, events := w.finished(w.admin, w.say(in, "undo that").ID)
	if got := data[chat.ErrorData](t, events, chat.TypeError); run.State != chat.Failed || got.Problem.Status != problem.Conflict.Status() {
		t.Errorf("%s, %+v", run.State, got)
	}
	if w.at.Replicas("checkout") != 7 {
		t.Error("somebody else's change was undone")
	}
}

func TestWhatCannotBeUndoneSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.converse(w.admin)
	_, events := w.approves(w.say(in, "delete deployment web in shop").ID)
	if undo := data[chat.UndoData](t, events, chat.TypeUndo); undo.Available || undo.Why == "" {
		t.Errorf("undo %+v", undo)
	}
	_, events = w.finished(w.admin, w.say(in, "undo that").ID)
	data[chat.RefusedData](t, events, chat.TypeRefused)

	w.approves(w.say(in, "scale checkout to 5").ID)
	w.clock.add(25 * time.Hour)
	_, events = w.finished(w.admin, w.say(in, "undo that").ID)
	data[chat.RefusedData](t, events, chat.TypeRefused)
}

func TestTheWayBackOutlivesWhatItMeans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.converse(w.admin)
	w.approves(w.say(in, "scale checkout to 5").ID)
	w.clock.add(20 * time.Hour)
	w.approves(w.say(in, "undo that").ID)
	if got := w.at.Replicas("checkout"); got != 2 {
		t.Errorf("after the undo %d", got)
	}
}

func TestAChangeIsDoneEvenIfNobodyCanWatchIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at.Fail("follow", problem.New(problem.Unavailable, "The cluster did not answer."))
	run, events := w.approves(w.ask(w.admin, "scale checkout to 5").ID)
	if settled := data[chat.SettledData](t, events, chat.TypeSettled); settled.State != chat.StateUnknown || run.State != chat.Done {
		t.Errorf("%s, %+v", run.State, settled)
	}
}

func TestWatchingTakesNoPlaceOfTheCluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stop()
	w.replica = w.start(func(c *chat.Config) { c.PerCluster = 1 })
	hold := w.at.Hold("follow")
	defer hold.Release()
	change := w.awaits(w.admin, "scale checkout to 5")
	if _, err := w.Approve(t.Context(), w.admin, change.ID, change.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	<-hold.Entered
	w.finished(w.admin, w.ask(w.admin, "list deployments in shop").ID)
	if err := w.Stop(t.Context(), w.admin, change.ID); err != nil {
		t.Fatal(err)
	}
	if run, _ := w.finished(w.admin, change.ID); run.State != chat.Done {
		t.Errorf("a change whose watching was stopped is %s", run.State)
	}
}

func TestWhatTheServerCannotTryOutIsApprovedByTypingAName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at.Blind("A webhook refuses dry runs.")
	run := w.awaits(w.admin, "scale checkout to 5")
	if run.Plan.TypedName != "checkout" {
		t.Fatalf("plan %+v", run.Plan)
	}
	_, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, "")
	wantProblem(t, err, problem.Forbidden, "typed_name")
}

func TestConversationsAreFoundByTheirWordsAndRenamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.converse(w.admin)
	w.finished(w.admin, w.say(in, "list deployments in shop").ID)
	w.finished(w.admin, w.say(in, "is 100% of CHECKOUT_v2 fine?").ID)
	other := w.member("other@acme.test", "tenant_user")
	for q, want := range map[string]int{"": 1, "deployments": 1, "SHOP list": 1, "checkout_v2": 1, "100%": 1, "1_0": 0, "checkoutXv2": 0, "deployments fine": 0, "nodes": 0} {
		got, err := w.List(t.Context(), w.admin, q)
		if err != nil || len(got) != want {
			t.Errorf("%q finds %d: %v", q, len(got), err)
		}
		if got, err := w.List(t.Context(), other, q); err != nil || len(got) != 0 {
			t.Errorf("%q finds another member's: %v %v", q, got, err)
		}
	}
	c, err := w.Rename(t.Context(), w.admin, in, "  Checkout\u202e  trouble ")
	if err != nil || c.Title != "Checkout\\u202e trouble" {
		t.Errorf("renamed %q: %v", c.Title, err)
	}
	if got, err := w.List(t.Context(), w.admin, "trouble"); err != nil || len(got) != 1 {
		t.Errorf("by its new title: %v %v", got, err)
	}
	_, err = w.Rename(t.Context(), other, in, "mine")
	wantProblem(t, err, problem.NotFound, "")
	_, err = w.Rename(t.Context(), w.admin, in, " ")
	wantProblem(t, err, problem.Invalid, "")
}

func TestOutputIsForgottenAfterADayOnAnyNumberOfReplicas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.converse(w.admin)
	read, _ := w.finished(w.admin, w.say(in, "list deployments in shop").ID)
	change, _ := w.approves(w.say(in, "scale checkout to 5").ID)
	prune := func(at time.Time) {
		t.Helper()
		done := make(chan error, 3)
		for range cap(done) {
			go func() { done <- chat.Prune(t.Context(), w.DB.Chats(), at) }()
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
	prune(time.Now().Add(23 * time.Hour))
	if _, events := w.run(w.admin, read.ID); !slices.Contains(types(events), chat.TypeTable) {
		t.Fatal("forgotten too early")
	}
	prune(time.Now().Add(25 * time.Hour))
	_, events := w.run(w.admin, read.ID)
	wantTypes(t, events, chat.TypeAccepted, chat.TypeScope, chat.TypePlan, chat.TypeExplain, chat.TypeStarted, chat.TypePruned, chat.TypeEnd)
	if got := data[chat.PrunedData](t, events, chat.TypePruned); got.Was != chat.TypeTable {
		t.Errorf("pruned %+v", got)
	}
	change, _ = w.run(w.admin, change.ID)
	if change.Undo != nil || len(change.Approval.Previews) != 0 || change.Plan == nil || change.Approval.Decision != chat.Approved {
		t.Errorf("change %+v", change)
	}
}

func TestFindingsAreNumberedWithinARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at.Finds(chat.Finding{Object: "pod/a", Reason: "OOMKilled", Evidence: []chat.Evidence{}}, chat.Finding{Object: "pod/b", Reason: "OOMKilled", Evidence: []chat.Evidence{}})
	w.plan("what is wrong", nlp.Step{Op: nlp.OpDiagnose, Resource: chattest.Deployments, Namespace: "shop"})
	_, events := w.finished(w.admin, w.ask(w.admin, "what is wrong").ID)
	if got := all[chat.Finding](t, events, chat.TypeFinding); len(got) != 2 || got[0].ID != "F1" || got[1].ID != "F2" {
		t.Errorf("findings %+v", got)
	}
}

package chat_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestAReadIsAnsweredAtOnceAndRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.ask(w.admin, "list deployments in shop")
	run, events := w.finished(w.admin, run.ID)
	wantTypes(t, events, chat.TypeAccepted, chat.TypeScope, chat.TypePlan, chat.TypeExplain, chat.TypeStarted, chat.TypeTable, chat.TypeEnd)
	if run.State != chat.Done || run.Approval != nil || run.EndedAt.IsZero() {
		t.Errorf("run %+v", run)
	}
	if got := data[chat.Table](t, events, chat.TypeTable); len(got.Rows) != 2 {
		t.Errorf("table %+v", got)
	}
	plan := data[chat.PlanView](t, events, chat.TypePlan)
	if plan.Class != nlp.Read || plan.Kubectl != "kubectl get deployments -n shop" || plan.Cluster.Name != "staging" || plan.Namespace != "shop" {
		t.Errorf("plan %+v", plan)
	}
	eventually(t, "the record of the read", func() bool { return len(w.records(audit.KindRead)) == 1 })
	if r := w.records(audit.KindRead)[0]; r.Target.Verb != "list" || r.Target.Resource != "deployments" || r.Target.Namespace != "shop" {
		t.Errorf("record %+v", r)
	}
	if len(w.records(audit.KindIntent)) != 0 {
		t.Error("a read has an intent")
	}
}

func TestWhatIsFoundBesideAReadComesAfterItIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan("get web", nlp.Step{Op: nlp.OpGet, Resource: chattest.Deployments, Namespace: "shop", Names: []string{"checkout"}})
	w.at.Finds(chat.Finding{Object: "deployment/checkout in shop", Reason: "OOMKilled", Evidence: []chat.Evidence{}})
	held := w.at.Hold("beside")
	run := w.ask(w.admin, "get web")
	<-held.Entered
	if _, events := w.run(w.admin, run.ID); !slices.Contains(types(events), chat.TypeTable) || slices.Contains(types(events), chat.TypeFinding) {
		t.Errorf("while it is looked into: %v", types(events))
	}
	held.Release()
	_, events := w.finished(w.admin, run.ID)
	wantTypes(t, events, chat.TypeAccepted, chat.TypeScope, chat.TypePlan, chat.TypeExplain, chat.TypeStarted, chat.TypeTable, chat.TypeFinding, chat.TypeEnd)
}

func TestAReadThatCannotBeRecordedIsNotShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ledger.refuse("read", problem.New(problem.Unavailable, "The recorder cannot keep up."))
	run, events := w.finished(w.admin, w.ask(w.admin, "list deployments in shop").ID)
	if run.State != chat.Failed || slices.Contains(types(events), chat.TypeTable) {
		t.Errorf("%s: %v", run.State, types(events))
	}
}

// What is followed is recorded before the first of it is shown, not when it has ended.
func TestWhatIsFollowedAndCannotBeRecordedIsNotShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan("watch", nlp.Step{Op: nlp.OpGet, Resource: chattest.Deployments, Namespace: "shop", Args: nlp.Args{Follow: true}})
	_, events := w.finished(w.admin, w.ask(w.admin, "watch").ID)
	if !slices.Contains(types(events), chat.TypeTable) {
		t.Errorf("recorded, and not shown: %v", types(events))
	}
	eventually(t, "one record of it", func() bool { return len(w.records(audit.KindRead)) == 1 })
	away := problem.New(problem.Unavailable, "The recorder cannot keep up.")
	run := w.awaits(w.admin, "scale web to 3")
	hold := w.at.Hold("follow")
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	<-hold.Entered
	w.ledger.refuse("read", away)
	hold.Release()
	if _, events := w.finished(w.admin, run.ID); slices.Contains(types(events), chat.TypeProgress) {
		t.Errorf("a change is watched without a record: %v", types(events))
	}
	if run, events := w.finished(w.admin, w.ask(w.admin, "watch").ID); run.State != chat.Failed || slices.Contains(types(events), chat.TypeTable) {
		t.Errorf("%s: %v", run.State, types(events))
	}
}

// Previewing and watching a change of a Secret reads it.
func TestEveryReadOfASecretHasAnIntent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secrets := nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	w.at.Add(chattest.Object{Resource: secrets, Namespace: "shop", Name: "db"})
	w.plan("label it", nlp.Step{Op: nlp.OpLabel, Resource: secrets, Namespace: "shop", Names: []string{"db"}, Args: nlp.Args{Set: map[string]string{"a": "b"}}})
	run := w.awaits(w.admin, "label it")
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, run.Plan.TypedName); err != nil {
		t.Fatal(err)
	}
	if run, events := w.finished(w.admin, run.ID); run.State != chat.Done {
		t.Fatalf("%s: %v", run.State, types(events))
	}
	var verbs []string
	for _, r := range w.records(audit.KindIntent) {
		verbs = append(verbs, r.Target.Verb)
	}
	if !slices.Equal(verbs, []string{"get", "patch", "get", "get"}) { // watching, doing, and two previews, the latest first
		t.Errorf("intents %v", verbs)
	}
	w.stop() // all that was read is written
	if got := w.records(audit.KindRead); len(got) != 0 {
		t.Errorf("a Secret was read as if it were anything: %+v", got)
	}
}

func TestReadingSecretsIsAnIntentAndNotForViewers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secrets := nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	w.plan("the secrets", nlp.Step{Op: nlp.OpGet, Resource: secrets, Namespace: "shop"})
	run, _ := w.finished(w.admin, w.ask(w.admin, "the secrets").ID)
	if run.State != chat.Done {
		t.Fatalf("run %+v", run)
	}
	if got := w.records(audit.KindIntent); len(got) != 1 || got[0].Outcome != audit.Succeeded || got[0].Target.Resource != "secrets" {
		t.Errorf("intents %+v", got)
	}
	viewer := w.member("viewer@acme.test", tenant.Viewer)
	run, events := w.finished(viewer, w.ask(viewer, "the secrets").ID)
	if run.State != chat.Failed || slices.Contains(types(events), chat.TypeTable) {
		t.Errorf("a viewer: %s %v", run.State, types(events))
	}
}

func TestWhatIsNotUnderstoodIsAskedBackOrRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, events := w.finished(w.admin, w.ask(w.admin, "write me a poem about the sea").ID)
	if !slices.Contains(types(events), chat.TypeRefused) && !slices.Contains(types(events), chat.TypeClarify) {
		t.Errorf("a poem: %v", types(events))
	}
	secret := nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	w.plan("make a secret", nlp.Step{Op: nlp.OpCreate, Resource: secret, Namespace: "shop", Args: nlp.Args{Object: []byte(`{"apiVersion":"v1","kind":"Secret"}`)}})
	run, events := w.finished(w.admin, w.ask(w.admin, "make a secret").ID)
	wantTypes(t, events, chat.TypeAccepted, chat.TypeRefused, chat.TypeEnd)
	if run.State != chat.Done || len(w.at.Sent()) != 0 {
		t.Errorf("%+v", run)
	}
	all := nlp.Step{Op: nlp.OpDeleteCollection, Resource: chattest.Deployments, AllNamespaces: true}
	w.plan("delete everything", all)
	_, events = w.finished(w.admin, w.ask(w.admin, "delete everything").ID)
	wantTypes(t, events, chat.TypeAccepted, chat.TypeRefused, chat.TypeEnd)
}

func TestClusterTextIsInert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at.Change("web", func(o *chattest.Object) { o.Note = "\x1b[31mred\x1b[0m \u202eevil\u200b\x00 **bold** <b>" })
	_, events := w.finished(w.admin, w.ask(w.admin, "list deployments in shop").ID)
	table := data[chat.Table](t, events, chat.TypeTable)
	if got, want := table.Rows[1][2], `red \u202eevil\u200b\u0000 **bold** <b>`; got != want {
		t.Errorf("note %q, want %q", got, want)
	}
}

func TestTheSameKeyIsTheSameRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.converse(w.admin)
	first, err := w.Start(t.Context(), w.admin, c, "list deployments in shop", "key-1")
	if err != nil {
		t.Fatal(err)
	}
	w.finished(w.admin, first.ID)
	for range 3 {
		again, err := w.Start(t.Context(), w.admin, c, "list deployments in shop", "key-1")
		if err != nil || again.ID != first.ID {
			t.Fatalf("again: %v, %v", again.ID, err)
		}
	}
	_, runs, err := w.Get(t.Context(), w.admin, c)
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
}

func TestARunOutlivesWhoAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.converse(w.admin)
	ctx, cancel := context.WithCancel(t.Context())
	hold := w.at.Hold("vocabulary")
	run, err := w.Start(ctx, w.admin, c, "list deployments in shop", "")
	if err != nil {
		t.Fatal(err)
	}
	stream, err := w.Events(ctx, w.admin, run.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	<-stream
	<-hold.Entered
	cancel() // the tab is closed
	for range stream {
	}
	hold.Release()
	if run, _ := w.finished(w.admin, run.ID); run.State != chat.Done {
		t.Errorf("run %+v", run)
	}
}

func TestEventsResumeWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hold := w.at.Hold("execute")
	run := w.ask(w.admin, "list deployments in shop")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := w.Events(ctx, w.admin, run.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []chat.Event
	for e := range stream {
		got = append(got, e)
		if e.Type == chat.TypeStarted {
			cancel() // the network drops
		}
	}
	hold.Release()
	stream, err = w.Events(t.Context(), w.admin, run.ID, got[len(got)-1].Seq)
	if err != nil {
		t.Fatal(err)
	}
	for e := range stream {
		got = append(got, e)
	}
	wantTypes(t, got, chat.TypeAccepted, chat.TypeScope, chat.TypePlan, chat.TypeExplain, chat.TypeStarted, chat.TypeTable, chat.TypeEnd)
}

func TestAnotherMembersAndTenantsRunsAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.awaits(w.admin, "scale checkout to 5")
	colleague := w.member("colleague@acme.test", tenant.Admin)
	stranger := w.admin
	other := newOther(t, w)
	for name, who := range map[string]tenant.Scope{"a colleague": colleague, "another tenant": other} {
		_, _, err := w.GetRun(t.Context(), who, run.ID)
		wantProblem(t, err, problem.NotFound, "")
		_, err = w.Events(t.Context(), who, run.ID, 0)
		wantProblem(t, err, problem.NotFound, "")
		_, err = w.Approve(t.Context(), who, run.ID, run.Approval.Hash, "")
		wantProblem(t, err, problem.NotFound, "")
		wantProblem(t, w.Stop(t.Context(), who, run.ID), problem.NotFound, "")
		_, _, err = w.Get(t.Context(), who, run.Conversation)
		wantProblem(t, err, problem.NotFound, "")
		_, err = w.Start(t.Context(), who, run.Conversation, "list pods", "")
		wantProblem(t, err, problem.NotFound, "")
		wantProblem(t, w.Delete(t.Context(), who, run.Conversation), problem.NotFound, "")
		if list, err := w.List(t.Context(), who, ""); err != nil || len(list) != 0 {
			t.Errorf("%s lists %v, %v", name, list, err)
		}
	}
	stranger.Tenant = other.Tenant
	_, _, err := w.GetRun(t.Context(), stranger, run.ID)
	wantProblem(t, err, problem.NotFound, "")
}

func TestAClusterThatCannotBeReachedFailsTheRunWithTheTrueCause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at.Fail("vocabulary", problem.New(problem.Unavailable, "The cluster is not connected.").WithCode("cluster_disconnected"))
	run, events := w.finished(w.admin, w.ask(w.admin, "list deployments in shop").ID)
	if got := data[chat.ErrorData](t, events, chat.TypeError); run.State != chat.Failed || got.Problem.Code != "cluster_disconnected" || got.Problem.Status != 503 {
		t.Errorf("%s %+v", run.State, got)
	}
	w.at.Fail("vocabulary", errors.New("sql: secret inside"))
	_, events = w.finished(w.admin, w.ask(w.admin, "list deployments in shop").ID)
	if got := data[chat.ErrorData](t, events, chat.TypeError); strings.Contains(got.Problem.Detail, "sql") || got.Problem.Status != 500 {
		t.Errorf("%+v", got)
	}
}

func TestConversationsKeepTheirFocusAndTitle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.converse(w.admin)
	for _, text := range []string{"list deployments in shop", "and in shop?"} {
		run, err := w.Start(t.Context(), w.admin, c, text, "")
		if err != nil {
			t.Fatal(err)
		}
		w.finished(w.admin, run.ID)
	}
	list, err := w.List(t.Context(), w.admin, "")
	if err != nil || len(list) != 1 || list[0].Title != "list deployments in shop" || list[0].Namespace != "shop" {
		t.Fatalf("%+v, %v", list, err)
	}
	if list[0].Focus.Resource.Plural != "deployments" {
		t.Errorf("focus %+v", list[0].Focus)
	}
	if err := w.Delete(t.Context(), w.admin, c); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.Get(t.Context(), w.admin, c)
	wantProblem(t, err, problem.NotFound, "")
}

func TestQuestionsThatAreNoneAreRefusedBeforeAnythingIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.converse(w.admin)
	for text, kind := range map[string]problem.Kind{"": problem.Invalid, "  ": problem.Invalid, "a\x00b": problem.Invalid, "\xff": problem.Invalid, strings.Repeat("x", 5000): problem.TooLarge} {
		if _, err := w.Start(t.Context(), w.admin, c, text, ""); !problem.Is(err, kind) {
			t.Errorf("%.10q: %v", text, err)
		}
	}
	if _, runs, _ := w.Get(t.Context(), w.admin, c); len(runs) != 0 {
		t.Errorf("%d runs", len(runs))
	}
}

func TestAQuestionWhichOneShowsWhatIsBrokenOfThoseItOffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	offer := func(text string) nlp.Choice { return nlp.Choice{Label: text, Text: text} }
	w.words.asks("why is web failing?", nlp.Translation{Class: nlp.Clarify, Message: "Which one?", Choices: []nlp.Choice{offer("web in shop"), offer("restart web"), offer("logs of web")}})
	step := nlp.Step{Op: nlp.OpDescribe, Resource: chattest.Deployments, Namespace: "shop", Names: []string{"web"}}
	w.plan("web in shop", step)
	step.Op = nlp.OpRolloutRestart
	w.plan("restart web", step)
	step.Op = nlp.OpLogs
	w.plan("logs of web", step)
	w.at.Finds(chat.Finding{Object: "deployment/web in shop", Reason: "OOMKilled", Evidence: []chat.Evidence{}})
	run, events := w.finished(w.admin, w.ask(w.admin, "why is web failing?").ID)
	wantTypes(t, events, chat.TypeAccepted, chat.TypeFinding, chat.TypeClarify, chat.TypeEnd)
	if f := data[chat.Finding](t, events, chat.TypeFinding); f.ID != "F1" || f.Object != "deployment/web in shop" || run.State != chat.Done || len(w.at.Sent()) != 0 {
		t.Errorf("%+v, run %+v", f, run)
	}
	eventually(t, "the record of the look", func() bool { return len(w.records(audit.KindRead)) == 1 })
}

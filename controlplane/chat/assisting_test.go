package chat_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// withModel is a world whose tenant has a model.
func withModel(t *testing.T, m *chattest.Assistant) *world {
	t.Helper()
	w := newWorld(t)
	w.stop()
	w.replica = w.start(func(c *chat.Config) { c.Assistants = m })
	return w
}

// nonsense is nothing that the built-in translator understands.
const nonsense = "wherefore art the flumbergasted snorkel wibbling"

func TestAModelIsAskedWhatTheTranslatorDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	m := &chattest.Assistant{
		Looks: []nlp.Step{{Op: nlp.OpGet, Resource: chattest.Deployments, Namespace: "shop"}},
		Outputs: []chat.AssistOutput{
			chat.ToolData{Name: "list", Args: "deployments in shop"}, chat.AnswerDelta{Text: "Two "}, chat.AnswerDelta{Text: "of them."},
			chat.UsageData{Model: "m", InputTokens: 7},
			chat.AnswerData{Model: "m", Sentences: []chat.AnswerSentence{{Text: "Two of them.", Evidence: []string{"t1"}, Verified: true}}},
		},
	}
	w := withModel(t, m)
	in := w.converse(w.admin)
	w.finished(w.admin, w.say(in, "list deployments in shop").ID)
	if m.Asked() != 0 {
		t.Error("a model was asked what the translator understood")
	}
	run, events := w.finished(w.admin, w.say(in, nonsense).ID)
	wantTypes(t, events, chat.TypeAccepted, chat.TypeTool, chat.TypeAnswerDelta, chat.TypeUsage, chat.TypeAnswer, chat.TypeEnd)
	if got := data[chat.AnswerDelta](t, events, chat.TypeAnswerDelta); got.Text != "Two of them." || run.State != chat.Done {
		t.Errorf("%s: %+v", run.State, got)
	}
	got := m.Input()
	if got.Question != nonsense || len(got.Turns) != 1 || got.Turns[0].Question != "list deployments in shop" || got.Turns[0].Digest == "" {
		t.Errorf("input %+v", got)
	}
	eventually(t, "the record of both reads", func() bool { return len(w.records(audit.KindRead)) == 2 })
}

func TestAModelsPlanTakesTheWayOfEveryPlan(t *testing.T) {
	t.Parallel()
	five := int32(5)
	lying := nlp.Plan{Source: "builtin", Class: nlp.Read, Steps: []nlp.Step{{Op: nlp.OpScale, Resource: chattest.Deployments, Namespace: "shop",
		Names: []string{"checkout"}, Args: nlp.Args{Replicas: &five}, Class: nlp.Read}}}
	w := withModel(t, &chattest.Assistant{Outputs: []chat.AssistOutput{chat.Proposal{Plan: lying, FromClusterData: []string{"checkout"}}}})
	run := w.awaits(w.admin, nonsense)
	if run.Plan.Class != nlp.Mutate || run.Plan.Source != "llm:" || !slices.Equal(run.Plan.FromClusterData, []string{"checkout"}) || len(w.at.Sent()) != 0 {
		t.Errorf("plan %+v, sent %v", run.Plan, w.at.Sent())
	}
	if run, _ = w.approves(run.ID); run.State != chat.Done || w.at.Replicas("checkout") != 5 {
		t.Errorf("%s, %d", run.State, w.at.Replicas("checkout"))
	}
}

func TestAModelMayNotChangeNorReadSecretsByLooking(t *testing.T) {
	t.Parallel()
	one := int32(1)
	secrets := nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	m := &chattest.Assistant{Looks: []nlp.Step{
		{Op: nlp.OpGet, Resource: secrets, Namespace: "shop"},
		{Op: nlp.OpScale, Resource: chattest.Deployments, Namespace: "shop", Names: []string{"checkout"}, Args: nlp.Args{Replicas: &one}, Class: nlp.Read},
	}, Outputs: []chat.AssistOutput{chat.AnswerData{}}}
	w := withModel(t, m)
	w.finished(w.admin, w.ask(w.admin, nonsense).ID)
	if errs := m.LookErrors(); len(errs) != 2 || !problem.Is(errs[0], problem.Forbidden) || !problem.Is(errs[1], problem.Forbidden) {
		t.Errorf("looks: %v", errs)
	}
	if len(w.at.Sent()) != 0 || len(w.records(audit.KindIntent)) != 0 {
		t.Error("something was changed, or a Secret read")
	}
}

func TestWithoutItsModelTheBuiltInAnswerStands(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*chattest.Assistant{
		"it is away":         {Away: errors.New("no credentials")},
		"it fails at once":   {Err: errors.New("boom")},
		"it fails midway":    {Outputs: []chat.AssistOutput{chat.AnswerDelta{Text: "Well"}}, Err: errors.New("boom")},
		"it gives no answer": {Outputs: []chat.AssistOutput{chat.AnswerDelta{Text: "Well"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := withModel(t, m)
			run, events := w.finished(w.admin, w.ask(w.admin, nonsense).ID)
			if got := data[chat.BannerData](t, events, chat.TypeBanner); got.Kind != chat.BannerModelAway || run.State != chat.Done {
				t.Errorf("%s: %+v", run.State, got)
			}
			if !slices.Contains(types(events), chat.TypeRefused) {
				t.Errorf("events %v", types(events))
			}
		})
	}
}

func TestAModelExplainsWhatTheDiagnosisFound(t *testing.T) {
	t.Parallel()
	m := &chattest.Assistant{Outputs: []chat.AssistOutput{chat.AnswerData{Sentences: []chat.AnswerSentence{{Text: "Memory.", Evidence: []string{"F1"}}}}}}
	w := withModel(t, m)
	w.at.Finds(chat.Finding{Object: "pod/a", Reason: "OOMKilled", Evidence: []chat.Evidence{}})
	w.plan("what is wrong", nlp.Step{Op: nlp.OpDiagnose, Resource: chattest.Deployments, Namespace: "shop"})
	_, events := w.finished(w.admin, w.ask(w.admin, "what is wrong").ID)
	wantTypes(t, events, chat.TypeAccepted, chat.TypeScope, chat.TypePlan, chat.TypeExplain, chat.TypeStarted, chat.TypeFinding, chat.TypeAnswer, chat.TypeEnd)
	if got := m.Input().Findings; len(got) != 1 || got[0].ID != "F1" {
		t.Errorf("findings %+v", got)
	}
}

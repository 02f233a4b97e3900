package chat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// toolbox looks at one step, and suggests one.
type toolbox struct{ look, suggest nlp.Step }

func (b *toolbox) Use(ctx context.Context, in chat.AssistInput, _ string, _ json.RawMessage) (string, bool) {
	parts, err := in.Look(ctx, b.look)
	if err != nil {
		return problem.As(err).Detail, true
	}
	return fmt.Sprint(parts), false
}

func (b *toolbox) Suggest(_ chat.AssistInput, _ json.RawMessage, source string) (chat.Proposal, error) {
	return chat.Proposal{Plan: nlp.Plan{Source: source, Steps: []nlp.Step{b.suggest}}}, nil
}

var deploymentsInShop = nlp.Step{Op: nlp.OpGet, Resource: chattest.Deployments, Namespace: "shop"}

func withToolbox(t *testing.T) (*world, *toolbox) {
	t.Helper()
	five := int32(5)
	b := &toolbox{look: deploymentsInShop, suggest: nlp.Step{
		Op: nlp.OpScale, Resource: chattest.Deployments, Namespace: "shop", Names: []string{"checkout"}, Args: nlp.Args{Replicas: &five},
	}}
	w := newWorld(t)
	w.stop()
	w.replica = w.start(func(c *chat.Config) { c.Toolbox = b })
	return w, b
}

// assistantOf is a member's assistant: it holds a token of theirs.
func assistantOf(scope tenant.Scope) tenant.Scope {
	scope.Login, scope.Via = "0190c7e4-1111-7222-8333-444455556666", tenant.ViaMCP
	return scope
}

func suggestion() chat.Suggestion {
	return chat.Suggestion{Request: "scale checkout to 5", Program: "tester\x1b[2J 1", Key: "a-random-key", Call: "call-1"}
}

func TestAnAssistantsLookIsRecordedAsOne(t *testing.T) {
	t.Parallel()
	w, b := withToolbox(t)
	text, failed, err := w.UseTool(t.Context(), assistantOf(w.admin), w.cluster, "call-1", "list", nil)
	if err != nil || failed || text == "" {
		t.Fatalf("%q %v %v", text, failed, err)
	}
	eventually(t, "the record", func() bool { return len(w.records(audit.KindRead)) == 1 })
	if r := w.records(audit.KindRead)[0]; r.Via != tenant.ViaMCP || r.RequestID != "call-1" || r.Actor.ID != w.admin.Member {
		t.Errorf("%+v", r)
	}
	b.look = nlp.Step{Op: nlp.OpGet, Resource: nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}, Namespace: "shop"}
	if text, failed, err := w.UseTool(t.Context(), assistantOf(w.admin), w.cluster, "call-2", "list", nil); err != nil || !failed {
		t.Errorf("Secrets: %q %v", text, err)
	}
	b.look = b.suggest
	if text, failed, err := w.UseTool(t.Context(), assistantOf(w.admin), w.cluster, "call-3", "list", nil); err != nil || !failed || len(w.at.Sent()) != 0 {
		t.Errorf("a change: %q %v", text, err)
	}
}

func TestAnAssistantOfAnotherTenantFindsNothing(t *testing.T) {
	t.Parallel()
	w, _ := withToolbox(t)
	other := assistantOf(storetest.Tenant(t, w.DB, "globex"))
	_, _, err := w.UseTool(t.Context(), other, w.cluster, "call-1", "list", nil)
	if !problem.Is(err, problem.NotFound) {
		t.Errorf("look: %v", err)
	}
	if _, _, err := w.Suggest(t.Context(), other, w.cluster, suggestion()); !problem.Is(err, problem.NotFound) {
		t.Errorf("suggest: %v", err)
	}
	g := suggestion()
	g.Conversation = w.converse(w.member("bea@acme.test", tenant.User))
	if _, _, err := w.Suggest(t.Context(), assistantOf(w.admin), w.cluster, g); !problem.Is(err, problem.NotFound) {
		t.Errorf("into a colleague's conversation: %v", err)
	}
}

func TestAnAssistantsPlanWaitsForThePersonsOwnLogin(t *testing.T) {
	t.Parallel()
	w, _ := withToolbox(t)
	run, events, err := w.Suggest(t.Context(), assistantOf(w.admin), w.cluster, suggestion())
	if err != nil || run.State != chat.AwaitingApproval {
		t.Fatalf("%+v, %v", run, err)
	}
	if run.Plan.Source != "mcp:tester 1" || run.Text != "scale checkout to 5" || run.Plan.Class != nlp.Mutate {
		t.Errorf("%+v", run.Plan)
	}
	if a := data[chat.AccessData](t, events, chat.TypeAccess); !a.Allowed {
		t.Errorf("%+v", a)
	}
	for _, via := range []tenant.Via{tenant.ViaMCP, tenant.ViaToken} {
		scope := w.admin
		scope.Via = via
		_, err := w.Approve(t.Context(), scope, run.ID, run.Approval.Hash, "")
		wantProblem(t, err, problem.Forbidden, "approve_in_web")
	}
	if len(w.at.Sent()) != 0 || w.at.Replicas("checkout") != 2 {
		t.Fatal("it was executed")
	}
	if _, err := w.Approve(t.Context(), w.admin, run.ID, run.Approval.Hash, ""); err != nil {
		t.Fatal(err)
	}
	if run, _ := w.finished(w.admin, run.ID); run.State != chat.Done || w.at.Replicas("checkout") != 5 {
		t.Errorf("%s, %d", run.State, w.at.Replicas("checkout"))
	}
}

func TestAnAssistantsPlanThatMayNotBeSaysSo(t *testing.T) {
	t.Parallel()
	w, b := withToolbox(t)
	w.at.Deny("patch")
	w.at.Deny("update")
	run, events, err := w.Suggest(t.Context(), assistantOf(w.admin), w.cluster, suggestion())
	if err != nil || run.State != chat.Failed {
		t.Fatalf("%+v, %v", run, err)
	}
	if a := data[chat.AccessData](t, events, chat.TypeAccess); a.Allowed {
		t.Errorf("%+v", a)
	}
	viewer := w.member("vi@acme.test", tenant.Viewer)
	if run, _, err := w.Suggest(t.Context(), assistantOf(viewer), w.cluster, suggestion()); err != nil || run.State != chat.Failed {
		t.Errorf("a viewer's: %+v, %v", run, err)
	}
	b.suggest = deploymentsInShop
	_, _, err = w.Suggest(t.Context(), assistantOf(w.admin), w.cluster, suggestion())
	wantProblem(t, err, problem.Invalid, "plan_refused")
}

func TestALoginsAssistantsShareFourCallsAtOnce(t *testing.T) {
	t.Parallel()
	w, _ := withToolbox(t)
	hold := w.at.Hold("execute")
	ended := make(chan error, 4) // one result each
	for range 4 {
		go func() {
			_, _, err := w.UseTool(t.Context(), assistantOf(w.admin), w.cluster, "call", "list", nil)
			ended <- err
		}()
	}
	for range 4 {
		<-hold.Entered
	}
	_, _, err := w.UseTool(t.Context(), assistantOf(w.admin), w.cluster, "call", "list", nil)
	wantProblem(t, err, problem.Limited, "busy")
	hold.Release()
	for range 4 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

package chat

import (
	"encoding/json"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// What was approved for a login was one change of named objects, in the member's own words. It says nothing of others.
func TestOnlyChangesOfNamedObjectsAreApprovedForALogin(t *testing.T) {
	t.Parallel()
	deployments := nlp.Resource{Group: "apps", Version: "v1", Plural: "deployments", Kind: "Deployment", Namespaced: true}
	plan := func(change func(*nlp.Plan)) nlp.Plan {
		p := nlp.Plan{Class: nlp.Mutate, Source: "builtin", Steps: []nlp.Step{
			{Op: nlp.OpRolloutRestart, Resource: deployments, Namespace: "shop", Names: []string{"web"}},
		}}
		change(&p)
		return p
	}
	if len(standings(tenant.ViaWeb, plan(func(*nlp.Plan) {}), PlanView{})) != 1 {
		t.Fatal("a restart of one deployment can't be approved for a login")
	}
	for name, p := range map[string]nlp.Plan{
		"all of a kind":     plan(func(p *nlp.Plan) { p.Steps[0].Names = nil }),
		"what a label says": plan(func(p *nlp.Plan) { p.Steps[0].Names, p.Steps[0].LabelSelector = nil, "a=b" }),
		"all namespaces":    plan(func(p *nlp.Plan) { p.Steps[0].AllNamespaces = true }),
		"a program":         plan(func(p *nlp.Plan) { p.Steps[0].Op = nlp.OpExec }),
		"a patch":           plan(func(p *nlp.Plan) { p.Steps[0].Op = nlp.OpPatch }),
		"an object":         plan(func(p *nlp.Plan) { p.Steps[0].Op = nlp.OpCreate }),
		"an undo":           plan(func(p *nlp.Plan) { p.Source = sourceUndo }),
		"a model's plan":    plan(func(p *nlp.Plan) { p.Source = "llm:m" }),
		"what destroys":     plan(func(p *nlp.Plan) { p.Class = nlp.Destructive }),
		"one of them is more": plan(func(p *nlp.Plan) {
			p.Steps = append(p.Steps, nlp.Step{Op: nlp.OpPatch, Resource: deployments, Namespace: "shop", Names: []string{"web"}})
		}),
	} {
		if got := standings(tenant.ViaWeb, p, PlanView{}); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAStepThatFailedIsNotTakenForDone(t *testing.T) {
	t.Parallel()
	event := func(kind EventType, data any) Event {
		b, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		return Event{Type: kind, Data: b}
	}
	begun := []Event{event(TypeStarted, StartedData{Step: 0})}
	for outcome, want := range map[audit.Outcome]bool{audit.Succeeded: false, audit.Failed: true, audit.Unknown: true, audit.Denied: true} {
		i, open, failed := openStep(append(begun[:1:1], event(TypeResult, ResultData{Step: 0, Outcome: outcome})))
		if i != 0 || open || failed != want {
			t.Errorf("%s: step %d, open %t, failed %t", outcome, i, open, failed)
		}
	}
	if i, open, failed := openStep(begun); i != 0 || !open || failed {
		t.Errorf("begun: step %d, open %t, failed %t", i, open, failed)
	}
}

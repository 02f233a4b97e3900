package nlp_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

func planOf(s nlp.Step) nlp.Plan {
	s.Class = nlp.Classify(s)
	p := nlp.Plan{Steps: []nlp.Step{s}}
	p.Class = nlp.ClassifyPlan(p)
	return p
}

func TestPlansThatBreakARuleAreNotProposed(t *testing.T) {
	t.Parallel()
	v := vocabulary(t, "shop")
	deploy, pods, ns, secrets := kind(t, "deployments.apps"), kind(t, "pods"), kind(t, "namespaces"), kind(t, "secrets")
	binding := kind(t, "clusterrolebindings.rbac.authorization.k8s.io")
	scale := func(n int32) nlp.Step {
		return nlp.Step{Op: nlp.OpScale, Resource: deploy, Names: []string{"cart"}, Namespace: "shop", Args: nlp.Args{Replicas: &n}}
	}
	if err := nlp.Validate(planOf(scale(3)), v); err != nil {
		t.Fatalf("a good plan: %v", err)
	}
	for name, s := range map[string]nlp.Step{
		"a system namespace":       {Op: nlp.OpRolloutRestart, Resource: deploy, Names: []string{"coredns"}, Namespace: "kube-system"},
		"all namespaces":           {Op: nlp.OpDeleteCollection, Resource: pods, AllNamespaces: true},
		"every namespace":          {Op: nlp.OpDeleteCollection, Resource: ns},
		"a system namespace whole": {Op: nlp.OpDelete, Resource: ns, Names: []string{"kube-public"}},
		"every node":               {Op: nlp.OpDeleteCollection, Resource: kind(t, "nodes")},
		"a negative count":         scale(-1),
		"a huge count":             scale(100000),
		"no count":                 {Op: nlp.OpScale, Resource: deploy, Names: []string{"cart"}, Namespace: "shop"},
		"no name":                  {Op: nlp.OpDelete, Resource: deploy, Namespace: "shop"},
		"a flag for a name":        {Op: nlp.OpGet, Resource: pods, Names: []string{"--server=https://evil"}, Namespace: "shop"},
		"a command for a name":     {Op: nlp.OpGet, Resource: pods, Names: []string{"x;rm"}, Namespace: "shop"},
		"a path for a name":        {Op: nlp.OpGet, Resource: pods, Names: []string{"a/../b"}, Namespace: "shop"},
		"a path for a namespace":   {Op: nlp.OpGet, Resource: pods, Namespace: "../x"},
		"an unknown kind":          {Op: nlp.OpGet, Resource: nlp.Resource{Group: "x.io", Plural: "things", Kind: "Thing", Namespaced: true}, Namespace: "shop"},
		"a secret's values":        {Op: nlp.OpGet, Resource: secrets, Names: []string{"db-password"}, Namespace: "shop", Args: nlp.Args{Output: "jsonpath={.data}"}},
		"secrets among others":     {Op: nlp.OpGet, Resource: pods, Also: []nlp.Resource{secrets}, Namespace: "shop", Args: nlp.Args{Output: "yaml"}},
		"writing a secret":         {Op: nlp.OpPatch, Resource: secrets, Names: []string{"db-password"}, Namespace: "shop", Args: nlp.Args{Patch: json.RawMessage(`{"stringData":{"a":"b"}}`)}},
		"a bad quantity":           {Op: nlp.OpSetResources, Resource: deploy, Names: []string{"cart"}, Namespace: "shop", Args: nlp.Args{Limits: map[string]string{"memory": "much"}}},
		"a bad image":              {Op: nlp.OpSetImage, Resource: deploy, Names: []string{"cart"}, Namespace: "shop", Args: nlp.Args{Images: map[string]string{"app": "a b;c"}}},
		"a bad selector":           {Op: nlp.OpGet, Resource: pods, Namespace: "shop", LabelSelector: "a==b==c"},
		"a privileged pod":         {Op: nlp.OpCreate, Resource: pods, Names: []string{"p"}, Namespace: "shop", Args: nlp.Args{Object: json.RawMessage(`{"spec":{"containers":[{"securityContext":{"privileg\u0065d": true}}]}}`)}},
		"a host path":              {Op: nlp.OpPatch, Resource: deploy, Names: []string{"cart"}, Namespace: "shop", Args: nlp.Args{Patch: json.RawMessage(`{"spec":{"volumes":[{"hostPath":{"path":"/"}}]}}`)}},
		"cluster-admin":            {Op: nlp.OpCreate, Resource: binding, Names: []string{"b"}, Args: nlp.Args{Object: json.RawMessage(`{"roleRef":{"name":"cluster-admin"}}`)}},
		"a bad patch":              {Op: nlp.OpPatch, Resource: deploy, Names: []string{"cart"}, Namespace: "shop", Args: nlp.Args{Patch: json.RawMessage(`{`)}},
	} {
		if s.Op == "" {
			continue
		}
		err := nlp.Validate(rawPlan(s), v)
		var rule *nlp.Rule
		if !errors.As(err, &rule) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// rawPlan does not hash: some of these steps hold what does not marshal.
func rawPlan(s nlp.Step) nlp.Plan { return planOf(s) }

func TestAPlanThatUnderstatesItsClassIsRefused(t *testing.T) {
	t.Parallel()
	p := planOf(nlp.Step{Op: nlp.OpDelete, Resource: kind(t, "pods"), Names: []string{"toolbox"}, Namespace: "tools"})
	p.Class = nlp.Read
	if err := nlp.Validate(p, vocabulary(t, "shop")); err == nil {
		t.Error("a deletion passes as a read")
	}
	p.Class, p.Steps[0].Class = nlp.Destructive, nlp.Mutate
	if err := nlp.Validate(p, vocabulary(t, "shop")); err == nil {
		t.Error("a step understates its class")
	}
}

func TestAPlanHasFiveStepsAtMost(t *testing.T) {
	t.Parallel()
	p := planOf(nlp.Step{Op: nlp.OpVersion})
	for range nlp.MaxSteps {
		p.Steps = append(p.Steps, p.Steps[0])
	}
	if err := nlp.Validate(p, nil); err == nil || !strings.Contains(err.Error(), "6 steps") {
		t.Errorf("%v", err)
	}
}

func TestWhatACommandStandsOnIsProtected(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step nlp.Step
		want bool
	}{
		{nlp.Step{Op: nlp.OpDelete, Resource: kind(t, "namespaces"), Names: []string{"a"}}, true},
		{nlp.Step{Op: nlp.OpDelete, Resource: kind(t, "persistentvolumeclaims"), Names: []string{"a"}, Namespace: "n"}, true},
		{nlp.Step{Op: nlp.OpDrain, Resource: kind(t, "nodes"), Names: []string{"a"}}, true},
		{nlp.Step{Op: nlp.OpDeleteCollection, Resource: kind(t, "pods"), Namespace: "n"}, true},
		{nlp.Step{Op: nlp.OpDelete, Resource: kind(t, "pods"), Names: []string{"a"}, Namespace: "n"}, false},
		{nlp.Step{Op: nlp.OpGet, Resource: kind(t, "nodes")}, false},
		{nlp.Step{Op: nlp.OpLabel, Resource: kind(t, "nodes"), Names: []string{"a"}}, false},
	} {
		if got := nlp.Protected(nlp.Plan{Steps: []nlp.Step{c.step}}); got != c.want {
			t.Errorf("%s: protected %v", nlp.KubectlStep(c.step), got)
		}
	}
}

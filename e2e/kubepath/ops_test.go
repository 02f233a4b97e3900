package kubepath_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/e2e/kubetest"
)

// opCase is one operation on something that setup has made, called web unless names says otherwise.
type opCase struct {
	op    nlp.Op
	on    nlp.Resource
	args  nlp.Args
	setup func(p *place)
	move  []string // kubectl words that make the preview stale; nil: an annotation
	undo  string   // part of why it cannot be undone; "" where it can
	names []string
	label string
}

func withDeployment(p *place) { p.deploy("web", 1) }

func withConfigMap(p *place) {
	p.apply(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","labels":{"x":"y"}},"data":{"color":"blue"}}`)
}

func withRevisions(p *place) {
	p.deploy("web", 1)
	eventually(p.t, "the first ReplicaSet", func() bool { return p.kubectl("get", "rs", "-o", "name") != "" })
	p.kubectl("set", "image", "deploy/web", "main=shop/web:2")
	eventually(p.t, "the second ReplicaSet", func() bool { return strings.Count(p.kubectl("get", "rs", "-o", "name"), "\n") == 2 })
	eventually(p.t, "the revision to be written", func() bool {
		return p.kubectl("get", "deploy", "web", "-o", `jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}`) == "2"
	})
}

var (
	services   = nlp.Resource{Version: "v1", Plural: "services", Kind: "Service", Namespaced: true}
	hpas       = nlp.Resource{Group: "autoscaling", Version: "v2", Plural: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true}
	claims     = nlp.Resource{Version: "v1", Plural: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Namespaced: true}
	exposeArgs = nlp.Args{Port: 80, TargetPort: "8080"}
)

// opCases are the operations inside a namespace that change something.
var opCases = map[string]opCase{
	"create": {op: nlp.OpCreate, on: configMaps, args: nlp.Args{Object: json.RawMessage(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web"},"data":{"a":"b"}}`)},
		setup: func(*place) {}, move: []string{"create", "configmap", "web"}},
	"scale":             {op: nlp.OpScale, on: deployments, args: nlp.Args{Replicas: ptr(int32(3))}},
	"scale to zero":     {op: nlp.OpScale, on: deployments, args: nlp.Args{Replicas: ptr(int32(0))}},
	"setImage":          {op: nlp.OpSetImage, on: deployments, args: nlp.Args{Images: map[string]string{"*": "shop/web:2"}}},
	"setEnv":            {op: nlp.OpSetEnv, on: deployments, args: nlp.Args{Env: map[string]string{"MODE": "fast", "NEW": "x"}}},
	"setResources":      {op: nlp.OpSetResources, on: deployments, args: nlp.Args{Limits: map[string]string{"memory": "64Mi"}}},
	"setServiceAccount": {op: nlp.OpSetServiceAccount, on: deployments, args: nlp.Args{ServiceAccount: "robot"}, setup: func(p *place) { p.deploy("web", 1); p.kubectl("create", "sa", "robot") }},
	"setSelector":       {op: nlp.OpSetSelector, on: services, args: nlp.Args{Set: map[string]string{"tier": "b"}}, setup: func(p *place) { p.kubectl("create", "service", "clusterip", "web", "--tcp=80") }},
	"label":             {op: nlp.OpLabel, on: deployments, args: nlp.Args{Set: map[string]string{"app": "other", "tier": "b"}, Overwrite: true}},
	"annotate":          {op: nlp.OpAnnotate, on: deployments, args: nlp.Args{Set: map[string]string{"note": "hello"}}},
	"expose":            {op: nlp.OpExpose, on: deployments, args: exposeArgs, move: []string{"create", "service", "clusterip", "web", "--tcp=80"}},
	"autoscale":         {op: nlp.OpAutoscale, on: deployments, args: nlp.Args{Min: 1, Max: 3}, move: []string{"autoscale", "deploy", "web", "--max=4"}},
	"patch":             {op: nlp.OpPatch, on: deployments, args: nlp.Args{PatchType: "merge", Patch: json.RawMessage(`{"spec":{"minReadySeconds":7}}`)}},
	"rolloutUndo":       {op: nlp.OpRolloutUndo, on: deployments, setup: withRevisions},
	"rolloutRestart":    {op: nlp.OpRolloutRestart, on: deployments, undo: "restart cannot be undone"},
	"rolloutPause":      {op: nlp.OpRolloutPause, on: deployments},
	"rolloutResume":     {op: nlp.OpRolloutResume, on: deployments, setup: func(p *place) { p.deploy("web", 1); p.kubectl("rollout", "pause", "deploy/web") }},
	"delete":            {op: nlp.OpDelete, on: configMaps, setup: withConfigMap},
	"deleteCollection":  {op: nlp.OpDeleteCollection, on: configMaps, setup: withConfigMap, label: "x=y", names: []string{}},
	"evict":             {op: nlp.OpEvict, on: pods, setup: func(p *place) { p.pod("web", fine) }, undo: "not put back"},
	"patchFinalizers": {op: nlp.OpRemoveFinalizers, on: configMaps, setup: func(p *place) {
		p.apply(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","finalizers":["shop.example/keep"]}}`)
		p.t.Cleanup(func() { p.tryKubectl("patch", "cm", "web", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`) })
	}},
	"replaceForce": {op: nlp.OpReplaceForce, on: configMaps, setup: withConfigMap, undo: "made anew"},
}

func (c opCase) prepare(p *place) nlp.Step {
	p.t.Helper()
	if c.setup == nil {
		c.setup = withDeployment
	}
	c.setup(p)
	s := p.step(c.op, c.on, "web")
	if c.names != nil {
		s.Names = c.names
	}
	s.Args, s.LabelSelector = c.args, c.label
	return s
}

// state is what an undo has to bring back.
func (p *place) state(s nlp.Step) string {
	kind := s.Resource.Plural
	switch s.Op {
	case nlp.OpExpose:
		kind = services.Plural
	case nlp.OpAutoscale:
		kind = hpas.Plural
	}
	return p.kubectl("get", kind, "web", "--ignore-not-found", "-o",
		`go-template={{.spec}}{{.data}}{{.metadata.labels}}{{.metadata.finalizers}}{{if .metadata.annotations}}{{or .metadata.annotations.note ""}}{{end}}`)
}

func TestEveryOperationIsDoneAndTakenBack(t *testing.T) {
	t.Parallel()
	for name, c := range opCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			s := c.prepare(p)
			before := p.state(s)
			v, a := p.do(s)
			if a.Outcome != audit.Succeeded || a.Undo == nil || v.Undo == nil {
				t.Fatalf("answer %+v, preview's undo %+v", a, v.Undo)
			}
			if c.undo != "" {
				contains(t, v.Undo.Impossible, c.undo)
				contains(t, a.Undo.Impossible, c.undo)
				return
			}
			if a.Undo.Impossible != "" || a.Undo.Sentence == "" || v.Undo.Sentence == "" || len(v.Undo.Seen) != 0 {
				t.Fatalf("no way back: %+v, before it %+v", a.Undo, v.Undo)
			}
			if after := p.state(s); after == before {
				t.Fatalf("nothing was changed: %s", after)
			}
			for _, back := range a.Undo.Plan.Steps {
				w, err := p.DryRun(t.Context(), back, a.Undo.Seen...)
				if err != nil {
					t.Fatalf("preview of %q: %v", a.Undo.Sentence, err)
				}
				if got, err := p.Execute(t.Context(), back, w.Seen...); err != nil || got.Outcome != audit.Succeeded {
					t.Fatalf("%q: %+v, %v", a.Undo.Sentence, got, err)
				}
			}
			if after := p.state(s); after != before {
				t.Errorf("after %q:\n%s\nwant\n%s", a.Undo.Sentence, after, before)
			}
		})
	}
}

func TestEveryOperationIsDeniedWithTheRuleAndAllowedByTheSnippet(t *testing.T) {
	t.Parallel()
	for name, c := range opCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			s := c.prepare(p)
			user := p.as(p.allow(`[{"apiGroups":["*"],"resources":["*"],"verbs":["get","list","watch"]}]`))
			v, err := user.Review(t.Context(), s)
			if err != nil || v.Allowed {
				t.Fatalf("review: %+v, %v", v, err)
			}
			for _, check := range v.Checks {
				if check.Allowed == (check.Rule != "") {
					t.Errorf("%+v", check)
				}
			}
			if a, err := user.Execute(t.Context(), s); a.Outcome != audit.Denied || !problem.Is(err, problem.Forbidden) {
				t.Errorf("denied: %+v, %v", a, err)
			}
			contains(t, v.Snippet, "kind: Role\n", "kind: RoleBinding\n", "namespace: "+p.ns)
			kubetest.KubectlInput(t, p.kubeconfig, v.Snippet, "apply", "-f", "-")
			eventually(t, "the rights to be known", func() bool {
				v, err = user.Review(t.Context(), s)
				return err == nil && v.Allowed
			})
			preview, err := user.DryRun(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if a, err := user.Execute(t.Context(), s, preview.Seen...); err != nil || a.Outcome != audit.Succeeded {
				t.Errorf("allowed: %+v, %v", a, err)
			}
		})
	}
}

func TestEveryOperationLeavesAloneWhatMovedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range opCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			s := c.prepare(p)
			v := p.preview(s)
			move := c.move
			if move == nil {
				move = []string{"annotate", s.Resource.Plural, "web", "moved=on"}
			}
			p.kubectl(move...)
			before := p.state(s)
			a, err := p.Execute(t.Context(), s, v.Seen...)
			if !problem.Is(err, problem.Conflict) || a.Outcome != audit.Failed {
				t.Fatalf("%+v, %v", a, err)
			}
			if after := p.state(s); after != before {
				t.Errorf("it was changed:\n%s\n%s", before, after)
			}
		})
	}
}

// What a dry run would not say, and live state does.
func TestPreconditionsAreSaidAndNothingIsSent(t *testing.T) {
	t.Parallel()
	hpa := func(p *place) { p.deploy("web", 1); p.kubectl("autoscale", "deploy", "web", "--min=2", "--max=5") }
	claim := func(p *place) {
		p.apply(`{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"web"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}`)
	}
	for name, c := range map[string]struct {
		opCase
		want string
	}{
		"no earlier revision":        {opCase{op: nlp.OpRolloutUndo, on: deployments, setup: func(p *place) { p.deploy("web", 1); p.kubectl("wait", "--for=create", "rs", "-l", "app=web") }}, "no earlier revision"},
		"a paused rollout":           {opCase{op: nlp.OpRolloutRestart, on: deployments, setup: opCases["rolloutResume"].setup}, "resume it first"},
		"paused already":             {opCase{op: nlp.OpRolloutPause, on: deployments, setup: opCases["rolloutResume"].setup}, "already"},
		"an autoscaler's replicas":   {opCase{op: nlp.OpScale, on: deployments, args: nlp.Args{Replicas: ptr(int32(9))}, setup: hpa}, "would undo a scale to 9"},
		"a second autoscaler":        {opCase{op: nlp.OpAutoscale, on: deployments, args: nlp.Args{Max: 3, NewName: "other"}, setup: hpa}, "has an autoscaler already"},
		"no such service account":    {opCase{op: nlp.OpSetServiceAccount, on: deployments, args: nlp.Args{ServiceAccount: "nobody"}}, "no service account nobody"},
		"an unbound claim":           {opCase{op: nlp.OpPatch, on: claims, setup: claim, args: nlp.Args{PatchType: "merge", Patch: json.RawMessage(`{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}`)}}, "not bound"},
		"no finalizers":              {opCase{op: nlp.OpRemoveFinalizers, on: configMaps, setup: withConfigMap}, "no finalizers"},
		"a pod that does not run":    {opCase{op: nlp.OpExec, on: pods, args: nlp.Args{Command: []string{"ls"}}, setup: func(p *place) { p.pod("web", noImage) }}, "does not run"},
		"the name is taken":          {opCase{op: nlp.OpCreate, on: configMaps, args: opCases["create"].args, setup: withConfigMap}, "exists already"},
		"a label that is there":      {opCase{op: nlp.OpLabel, on: deployments, args: nlp.Args{Set: map[string]string{"app": "other"}}}, "already has app=web"},
		"a container that is not":    {opCase{op: nlp.OpSetImage, on: deployments, args: nlp.Args{Images: map[string]string{"side": "x:1"}}}, "no container"},
		"a field that is not":        {opCase{op: nlp.OpPatch, on: deployments, args: nlp.Args{Patch: json.RawMessage(`{"spec":{"nosuchfield":1}}`)}}, "nosuchfield"},
		"replacing a claim":          {opCase{op: nlp.OpReplaceForce, on: claims, setup: claim}, "cannot be replaced"},
		"evicting what is not there": {opCase{op: nlp.OpEvict, on: pods, setup: func(*place) {}}, "not found"},
		"the selector of a workload": {opCase{op: nlp.OpSetSelector, on: deployments, args: nlp.Args{Set: map[string]string{"a": "b"}}}, "Only the selector of a service"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			s := c.prepare(p)
			_, err := p.DryRun(t.Context(), s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("preview: %v, want %q", err, c.want)
			}
			if a, err := p.Execute(t.Context(), s); err == nil || a.Outcome == audit.Succeeded {
				t.Errorf("executed: %+v, %v", a, err)
			}
		})
	}
}

func TestWhatIsSoAlreadyIsSaid(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	eventually(t, "its controller to be done with it", func() bool { // which writes an annotation: a difference, too
		return p.kubectl("get", "deployment", "web", "-o", `jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}`) == "1"
	})
	for name, c := range map[string]opCase{
		"scale": {op: nlp.OpScale, args: nlp.Args{Replicas: ptr(int32(1))}},
		"image": {op: nlp.OpSetImage, args: nlp.Args{Images: map[string]string{"*": "shop/web:1"}}},
		"env":   {op: nlp.OpSetEnv, args: nlp.Args{Env: map[string]string{"MODE": "plain"}}},
		"label": {op: nlp.OpLabel, args: nlp.Args{Set: map[string]string{"app": "web"}}},
		"patch": {op: nlp.OpPatch, args: nlp.Args{PatchType: "merge", Patch: json.RawMessage(`{"spec":{"replicas":1}}`)}},
	} {
		s := p.step(c.op, deployments, "web")
		s.Args = c.args
		v := p.preview(s)
		if !strings.Contains(v.Nothing, "deployment/web is so already") || v.Undo != nil {
			t.Errorf("%s: %+v", name, v)
		}
	}
	s := p.step(nlp.OpScale, deployments, "web")
	s.Args.Replicas = ptr(int32(2))
	if v := p.preview(s); v.Nothing != "" {
		t.Errorf("a change: %+v", v)
	}
}

func TestAnUndoIsRefusedWhenTheObjectHasMovedOn(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	s := p.step(nlp.OpSetImage, deployments, "web")
	s.Args.Images = map[string]string{"*": "shop/web:2"}
	_, a := p.do(s)
	p.kubectl("set", "image", "deploy/web", "main=shop/web:3")
	if _, err := p.DryRun(t.Context(), a.Undo.Plan.Steps[0], a.Undo.Seen...); !problem.Is(err, problem.Conflict) {
		t.Errorf("going back over what somebody else has set: %v", err)
	}
}

// A password in the environment is neither shown nor kept; the revision that had it still is the way back.
func TestAValueThatLooksLikeASecretIsInNoUndo(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	withRevisions(p)
	s := p.step(nlp.OpSetEnv, deployments, "web")
	s.Args.Env = map[string]string{"DB_PASSWORD": "another-one"}
	v, a := p.do(s)
	if text := said(t, []any{v, a.Undo, a.Parts}); strings.Contains(text, "hunter2") || strings.Contains(text, "another-one") {
		t.Errorf("a password is shown or kept: %s", text)
	}
	if len(a.Undo.Plan.Steps) != 1 || a.Undo.Plan.Steps[0].Op != nlp.OpRolloutUndo || a.Undo.Plan.Steps[0].Args.Revision != 2 {
		t.Fatalf("undo: %+v", a.Undo)
	}
	gone := p.step(nlp.OpDelete, deployments, "web")
	v = p.preview(gone)
	contains(t, v.Undo.Impossible, "look like secrets")
	secret := p.step(nlp.OpDelete, secrets, "db")
	p.apply(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db"},"stringData":{"password":"correct horse battery"}}`)
	v = p.preview(secret)
	contains(t, v.Undo.Impossible, "Nothing of a Secret")
	contains(t, strings.Join(v.Diffs[0].Warnings, " "), "cannot be brought back")
}

func TestASnippetIsForTheGroupOfTheMember(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	v, err := p.asGroup("kubechat:operator").Review(t.Context(), p.step(nlp.OpDelete, deployments, "web", "api"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, v.Snippet, "kind: Group", "name: kubechat:operator", "- web", "- api", "- delete")
	node, err := p.asGroup("kubechat:operator").Review(t.Context(), p.step(nlp.OpCordon, nodes, "n1"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, node.Snippet, "kind: ClusterRole\n", "kind: ClusterRoleBinding\n", "- patch")
	contains(t, node.Checks[len(node.Checks)-1].Rule, `verb patch on resource nodes of API group "" (core) named n1, in the whole cluster`)
}

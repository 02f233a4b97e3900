package kubepath_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

func TestScalePreviewsThenChangesExactlyThat(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	s := p.step(nlp.OpScale, deployments, "web")
	s.Args.Replicas = ptr(int32(3))

	v := p.preview(s)
	contains(t, v.Diffs[0].Unified, "-  replicas: 1", "+  replicas: 3")
	if got := p.kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"); got != "1" {
		t.Fatalf("the dry run changed the replicas to %s", got)
	}
	a, err := p.Execute(t.Context(), s, v.Seen...)
	if err != nil || a.Outcome != audit.Succeeded {
		t.Fatalf("execute: %+v, %v", a, err)
	}
	if got := p.kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"); got != "3" {
		t.Fatalf("replicas are %s", got)
	}
	contains(t, a.Message, "deployment/web scaled to 3")
}

// Each change, what its preview has to say, and what the cluster says afterwards.
func TestEveryChangeOfAWorkloadPreviewsAndDoesTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op    nlp.Op
		args  nlp.Args
		plus  string // in the preview
		path  string // asked of the object afterwards
		want  string
		setup []string
	}{
		"image":            {op: nlp.OpSetImage, args: nlp.Args{Images: map[string]string{"*": "shop/web:2"}}, plus: "image: shop/web:2", path: "{.spec.template.spec.containers[0].image}", want: "shop/web:2"},
		"env set":          {op: nlp.OpSetEnv, args: nlp.Args{Env: map[string]string{"LEVEL": "debug"}, Remove: []string{"MODE"}}, plus: "value: debug", path: "{.spec.template.spec.containers[0].env[*].name}", want: "LEVEL DB_PASSWORD"},
		"resources":        {op: nlp.OpSetResources, args: nlp.Args{Requests: map[string]string{"cpu": "100m"}, Limits: map[string]string{"memory": "64Mi"}}, plus: "memory: 64Mi", path: "{.spec.template.spec.containers[0].resources.requests.cpu}", want: "100m"},
		"label":            {op: nlp.OpLabel, args: nlp.Args{Set: map[string]string{"tier": "front"}}, plus: "tier: front", path: "{.metadata.labels.tier}", want: "front"},
		"label away":       {op: nlp.OpLabel, args: nlp.Args{Remove: []string{"app"}}, plus: "@@", path: "{.metadata.labels.app}", want: ""},
		"label over":       {op: nlp.OpLabel, args: nlp.Args{Set: map[string]string{"app": "other"}, Overwrite: true}, plus: "app: other", path: "{.metadata.labels.app}", want: "other"},
		"annotate":         {op: nlp.OpAnnotate, args: nlp.Args{Set: map[string]string{"note": "hello"}}, plus: "note: hello", path: "{.metadata.annotations.note}", want: "hello"},
		"merge patch":      {op: nlp.OpPatch, args: nlp.Args{PatchType: "merge", Patch: json.RawMessage(`{"spec":{"minReadySeconds":7}}`)}, plus: "minReadySeconds: 7", path: "{.spec.minReadySeconds}", want: "7"},
		"strategic patch":  {op: nlp.OpPatch, args: nlp.Args{Patch: json.RawMessage(`{"spec":{"template":{"spec":{"containers":[{"name":"main","tty":true}]}}}}`)}, plus: "tty: true", path: "{.spec.template.spec.containers[0].image}", want: "shop/web:1"},
		"json patch":       {op: nlp.OpPatch, args: nlp.Args{PatchType: "json", Patch: json.RawMessage(`[{"op":"add","path":"/metadata/labels/x","value":"y"}]`)}, plus: "x: \"y\"", path: "{.metadata.labels.x}", want: "y"},
		"pause":            {op: nlp.OpRolloutPause, plus: "paused: true", path: "{.spec.paused}", want: "true"},
		"resume":           {op: nlp.OpRolloutResume, plus: "paused", path: "{.spec.paused}", want: "", setup: []string{"rollout", "pause", "deployment/web"}},
		"scale to nothing": {op: nlp.OpScale, args: nlp.Args{Replicas: ptr(int32(0))}, plus: "replicas: 0", path: "{.spec.replicas}", want: "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.deploy("web", 1)
			if c.setup != nil {
				p.kubectl(c.setup...)
			}
			s := p.step(c.op, deployments, "web")
			s.Args = c.args
			v, a := p.do(s)
			contains(t, v.Diffs[0].Unified, c.plus)
			if strings.Contains(said(t, v), "hunter2") {
				t.Errorf("the preview shows a password: %s", said(t, v))
			}
			if a.Outcome != audit.Succeeded || a.HTTPStatus != 200 {
				t.Errorf("answer: %+v", a)
			}
			if got := p.kubectl("get", "deploy", "web", "-o", "jsonpath="+c.path); got != c.want {
				t.Errorf("%s is %q, want %q", c.path, got, c.want)
			}
		})
	}
}

func TestRestartSaysInItsPreviewWhatIsOnlyKnownLater(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	v, _ := p.do(p.step(nlp.OpRolloutRestart, deployments, "web"))
	contains(t, v.Diffs[0].Unified, "restartedAt: "+chat.Later)
	if got := p.kubectl("get", "deploy", "web", "-o", "yaml"); !strings.Contains(got, "kubectl.kubernetes.io/restartedAt") {
		t.Errorf("not restarted:\n%s", got)
	}
	again := p.preview(p.step(nlp.OpRolloutRestart, deployments, "web"))
	if again.Diffs[0].Before != p.preview(p.step(nlp.OpRolloutRestart, deployments, "web")).Diffs[0].Before {
		t.Error("two previews of the same object differ")
	}
}

func TestUndoGoesBackToTheRevisionBefore(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	undo := p.step(nlp.OpRolloutUndo, deployments, "web")
	eventually(t, "the first ReplicaSet", func() bool { return p.kubectl("get", "rs", "-o", "name") != "" })
	if _, err := p.DryRun(t.Context(), undo); !problem.Is(err, problem.Conflict) {
		t.Fatalf("undo without an earlier revision: %v", err)
	}
	image := p.step(nlp.OpSetImage, deployments, "web")
	image.Args.Images = map[string]string{"main": "shop/web:2"}
	p.do(image)
	eventually(t, "the second ReplicaSet", func() bool { return strings.Count(p.kubectl("get", "rs", "-o", "name"), "\n") == 2 })

	history := table(t, p.read(p.step(nlp.OpRolloutHistory, deployments, "web")))
	if got := strings.Join(column(t, history, "Images"), " "); got != "shop/web:1 shop/web:2" {
		t.Errorf("history shows %s", got)
	}
	v, a := p.do(undo)
	contains(t, v.Diffs[0].Unified, "-        image: shop/web:2", "+        image: shop/web:1")
	contains(t, a.Message, "rolled back to revision 1")
	if got := p.kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}{.spec.template.metadata.labels}"); got != `shop/web:1{"app":"web"}` {
		t.Errorf("after the undo: %s", got)
	}
}

func TestAnObjectThatChangedSinceItWasShownIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]nlp.Step{
		"scale":      {Op: nlp.OpScale, Args: nlp.Args{Replicas: ptr(int32(5))}},
		"image":      {Op: nlp.OpSetImage, Args: nlp.Args{Images: map[string]string{"*": "shop/web:9"}}},
		"label":      {Op: nlp.OpLabel, Args: nlp.Args{Set: map[string]string{"a": "b"}}},
		"json patch": {Op: nlp.OpPatch, Args: nlp.Args{PatchType: "json", Patch: json.RawMessage(`[{"op":"replace","path":"/spec/replicas","value":5}]`)}},
		"delete":     {Op: nlp.OpDelete},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.deploy("web", 1)
			s.Resource, s.Namespace, s.Names = deployments, p.ns, []string{"web"}
			v := p.preview(s)
			p.kubectl("annotate", "deploy", "web", "moved=on")
			a, err := p.Execute(t.Context(), s, v.Seen...)
			if !problem.Is(err, problem.Conflict) || a.Outcome != audit.Failed {
				t.Fatalf("a change of a moved object: %+v, %v", a, err)
			}
			if got := p.kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image} {.metadata.labels.a}"); got != "1 shop/web:1 " {
				t.Errorf("it was changed: %s", got)
			}
			// the same object, its content left open: what a plan's earlier step does to its own object
			v.Seen[0].ResourceVersion, v.Seen[0].Digest = "", ""
			if a, err := p.Execute(t.Context(), s, v.Seen...); err != nil || a.Outcome != audit.Succeeded {
				t.Errorf("with any content: %+v, %v", a, err)
			}
		})
	}
}

func TestAReplacedObjectIsNotTheOneThatWasShown(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	s := p.step(nlp.OpDelete, deployments, "web")
	v := p.preview(s)
	p.kubectl("delete", "deploy", "web")
	p.deploy("web", 1)
	a, err := p.Execute(t.Context(), s, v.Seen...)
	if !problem.Is(err, problem.Conflict) || a.Outcome != audit.Failed {
		t.Fatalf("deleting another object of the same name: %+v, %v", a, err)
	}
	p.kubectl("get", "deploy", "web")
}

func TestWhatIsNotThereOrExistsAlreadyIsSaid(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	gone := p.step(nlp.OpDelete, deployments, "nothing")
	if _, err := p.DryRun(t.Context(), gone); !problem.Is(err, problem.NotFound) {
		t.Errorf("deleting nothing: %v", err)
	}
	taken := p.step(nlp.OpLabel, deployments, "web")
	taken.Args.Set = map[string]string{"app": "other"}
	if _, err := p.DryRun(t.Context(), taken); !problem.Is(err, problem.Conflict) {
		t.Errorf("a label that is there already: %v", err)
	}
	bad := p.step(nlp.OpPatch, deployments, "web")
	bad.Args.Patch = json.RawMessage(`{"spec":{"nosuchfield":1}}`)
	if _, err := p.DryRun(t.Context(), bad); !problem.Is(err, problem.Invalid) {
		t.Errorf("an unknown field: %v", err)
	}
}

func TestCreateExposeAutoscaleAndJobFromCronJob(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)

	cm := p.step(nlp.OpCreate, configMaps, "settings")
	cm.Args.Object = json.RawMessage(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"color":"blue"}}`)
	v, a := p.do(cm)
	if v.Diffs[0].Before != "" || a.HTTPStatus != 201 {
		t.Errorf("created: %+v, %+v", v, a)
	}
	contains(t, v.Diffs[0].After, "color: blue")
	if _, err := p.DryRun(t.Context(), cm); !problem.Is(err, problem.Conflict) {
		t.Errorf("creating it again: %v", err)
	}

	svc := p.step(nlp.OpExpose, deployments, "web")
	svc.Args.Port, svc.Args.TargetPort, svc.Args.Type = 80, "8080", "NodePort"
	first := p.preview(svc)
	if second := p.preview(svc); first.Diffs[0].After != second.Diffs[0].After {
		t.Errorf("two previews of a service differ:\n%s\n%s", first.Diffs[0].After, second.Diffs[0].After)
	}
	p.do(svc)
	if got := p.kubectl("get", "svc", "web", "-o", "jsonpath={.spec.selector.app} {.spec.ports[0].port} {.spec.ports[0].targetPort} {.spec.type}"); got != "web 80 8080 NodePort" {
		t.Errorf("service: %s", got)
	}

	hpa := p.step(nlp.OpAutoscale, deployments, "web")
	hpa.Args.Min, hpa.Args.Max, hpa.Args.CPUPercent = 2, 5, 70
	p.do(hpa)
	if got := p.kubectl("get", "hpa", "web", "-o", "jsonpath={.spec.minReplicas} {.spec.maxReplicas} {.spec.metrics[0].resource.target.averageUtilization}"); got != "2 5 70" {
		t.Errorf("autoscaler: %s", got)
	}

	p.kubectl("create", "cronjob", "nightly", "--image=shop/job:1", "--schedule=0 0 31 2 *")
	job := nlp.Step{Op: nlp.OpCreate, Resource: cronJobs, Namespace: p.ns, Args: nlp.Args{From: "cronjob/nightly", NewName: "now"}}
	p.do(job)
	if got := p.kubectl("get", "job", "now", "-o", "jsonpath={.metadata.ownerReferences[0].name} {.spec.template.spec.containers[0].image}"); got != "nightly shop/job:1" {
		t.Errorf("job: %s", got)
	}
}

func TestDeletingACollectionTakesWhatWasShownAndNothingElse(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.apply(`{"apiVersion":"v1","kind":"List","items":[
		{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"x":"y"}}},
		{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","labels":{"x":"y"}}},
		{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"keep"}}]}`)
	s := nlp.Step{Op: nlp.OpDeleteCollection, Resource: configMaps, Namespace: p.ns, LabelSelector: "x=y"}
	v := p.preview(s)
	if len(v.Diffs) != 2 || len(v.Seen) != 2 || v.Diffs[0].After != "" {
		t.Fatalf("preview: %+v", v)
	}
	if got := p.kubectl("get", "cm", "-o", "name"); !strings.Contains(got, "configmap/a") {
		t.Fatalf("the dry run deleted: %s", got)
	}
	p.apply(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"late","labels":{"x":"y"}}}`)
	if a, err := p.Execute(t.Context(), s, v.Seen...); !problem.Is(err, problem.Conflict) || a.Outcome != audit.Failed {
		t.Fatalf("one more matches than was shown: %+v, %v", a, err)
	}
	p.kubectl("delete", "cm", "late")
	if a, err := p.Execute(t.Context(), s, v.Seen...); err != nil || a.Outcome != audit.Succeeded {
		t.Fatalf("execute: %+v, %v", a, err)
	}
	if got := p.kubectl("get", "cm", "-o", "name"); strings.Contains(got, "configmap/a") || strings.Contains(got, "configmap/b") || !strings.Contains(got, "configmap/keep") {
		t.Errorf("left: %s", got)
	}
}

func TestDeletingANamespaceSaysWhatGoesAlong(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 0)
	v := p.preview(p.step(nlp.OpDelete, namespaces, p.ns))
	contains(t, strings.Join(v.Diffs[0].Warnings, " "), "1 deployment", "cannot be undone")
}

func TestAStatusThatMovesMeanwhileDoesNotStopAChange(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.deploy("web", 1)
	s := p.step(nlp.OpSetImage, deployments, "web")
	s.Args.Images = map[string]string{"*": "shop/web:2"}
	v := p.preview(s)
	p.kubectl("patch", "deploy", "web", "--subresource=status", "--type=merge", "-p", `{"status":{"conditions":[{"type":"Noise","status":"True"}]}}`)
	if a, err := p.Execute(t.Context(), s, v.Seen...); err != nil || a.Outcome != audit.Succeeded {
		t.Fatalf("execute: %+v, %v", a, err)
	}
}

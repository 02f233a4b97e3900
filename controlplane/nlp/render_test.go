package nlp_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

func kind(t testing.TB, key string) nlp.Resource {
	t.Helper()
	for _, k := range nlp.BuiltInKinds() {
		if k.Key() == key {
			return k.Resource
		}
	}
	t.Fatalf("no kind %s", key)
	return nlp.Resource{}
}

func ptr[T any](v T) *T { return &v }

// steps has one step of each operation and form, with how it is rendered and classed.
func steps(t testing.TB) []struct {
	step  nlp.Step
	line  string
	class nlp.Class
} {
	t.Helper()
	deploy, pods, nodes, svc := kind(t, "deployments.apps"), kind(t, "pods"), kind(t, "nodes"), kind(t, "services")
	knative := nlp.Resource{Group: "serving.knative.dev", Version: "v1", Plural: "services", Kind: "Service", Namespaced: true}
	widget := nlp.Resource{Group: "example.com", Version: "v1", Plural: "widgets", Kind: "Widget", Namespaced: true}
	all := nlp.Resource{Plural: nlp.CategoryAll, Kind: "all", Namespaced: true}
	return []struct {
		step  nlp.Step
		line  string
		class nlp.Class
	}{
		{nlp.Step{Op: nlp.OpGet, Resource: pods, AllNamespaces: true}, "kubectl get pods -A", nlp.Read},
		{nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "a", LabelSelector: "x in (1,2)"}, "kubectl get pods -n a -l 'x in (1,2)'", nlp.Read},
		{nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "a", FieldSelector: "status.phase!=Running"}, "kubectl get pods -n a --field-selector='status.phase!=Running'", nlp.Read},
		{nlp.Step{Op: nlp.OpGet, Resource: deploy, Also: []nlp.Resource{svc}, Namespace: "a"}, "kubectl get deployments,services -n a", nlp.Read},
		{nlp.Step{Op: nlp.OpGet, Resource: all, Also: []nlp.Resource{pods}, Namespace: "a"}, "kubectl get all -n a", nlp.Read},
		{nlp.Step{Op: nlp.OpGet, Resource: knative, Names: []string{"x"}, Namespace: "a"}, "kubectl get services.serving.knative.dev x -n a", nlp.Read},
		{nlp.Step{Op: nlp.OpGet, Resource: widget, Namespace: "a", Args: nlp.Args{Output: "jsonpath={.items[*].spec}"}}, "kubectl get widgets -n a -o 'jsonpath={.items[*].spec}'", nlp.Read},
		{nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "a", Post: nlp.Post{Sort: "restarts"}}, "kubectl get pods -n a --sort-by='.status.containerStatuses[0].restartCount'", nlp.Read},
		{nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "a", Args: nlp.Args{Follow: true, ShowLabels: true}}, "kubectl get pods -n a --show-labels -w", nlp.Read},
		{nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "a", Args: nlp.Args{LabelColumns: []string{"app", "example.com/zone"}}}, "kubectl get pods -n a -L app,example.com/zone", nlp.Read},
		{nlp.Step{Op: nlp.OpDescribe, Resource: nodes, Names: []string{"n1"}}, "kubectl describe node n1", nlp.Read},
		{nlp.Step{Op: nlp.OpLogs, Resource: pods, Names: []string{"p"}, Namespace: "a", Container: "c", Args: nlp.Args{Previous: true, Tail: ptr(int64(50)), Since: 90 * time.Minute}}, "kubectl logs p -n a -c c --previous --tail=50 --since=1h30m", nlp.Read},
		{nlp.Step{Op: nlp.OpLogs, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Follow: true, Timestamps: true, AllContainers: true}}, "kubectl logs deployment/d -n a --all-containers --timestamps -f", nlp.Read},
		{nlp.Step{Op: nlp.OpTop, Resource: pods, Namespace: "a", Post: nlp.Post{Sort: "cpu"}}, "kubectl top pods -n a --sort-by=cpu", nlp.Read},
		{nlp.Step{Op: nlp.OpTop, Resource: nodes}, "kubectl top nodes", nlp.Read},
		{nlp.Step{Op: nlp.OpEvents, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Type: "Warning"}}, "kubectl events -n a --for=deployment/d --types=Warning", nlp.Read},
		{nlp.Step{Op: nlp.OpExplain, Args: nlp.Args{Path: "pods.spec"}}, "kubectl explain pods.spec", nlp.Read},
		{nlp.Step{Op: nlp.OpAPIResources}, "kubectl api-resources", nlp.Read},
		{nlp.Step{Op: nlp.OpVersion}, "kubectl version", nlp.Read},
		{nlp.Step{Op: nlp.OpClusterInfo}, "kubectl cluster-info", nlp.Read},
		{nlp.Step{Op: nlp.OpWhoAmI}, "kubectl auth whoami", nlp.Read},
		{nlp.Step{Op: nlp.OpCanI, Resource: deploy, Namespace: "a", Subresource: "scale", Args: nlp.Args{Verb: "patch"}}, "kubectl auth can-i patch deployments --subresource=scale -n a", nlp.Read},
		{nlp.Step{Op: nlp.OpCanI, Namespace: "a"}, "kubectl auth can-i --list -n a", nlp.Read},
		{nlp.Step{Op: nlp.OpRolloutStatus, Resource: deploy, Names: []string{"d"}, Namespace: "a"}, "kubectl rollout status deployment/d -n a", nlp.Read},
		{nlp.Step{Op: nlp.OpRolloutHistory, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Revision: 3}}, "kubectl rollout history deployment/d -n a --revision=3", nlp.Read},
		{nlp.Step{Op: nlp.OpDiagnose, Resource: deploy, Names: []string{"d"}, Namespace: "a"}, "kubectl describe deployment d -n a", nlp.Read},
		{nlp.Step{Op: nlp.OpDiagnose, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Type: nlp.DiagnoseChanges}}, "kubectl rollout history deployment/d -n a", nlp.Read},
		{nlp.Step{Op: nlp.OpDiagnose, Resource: pods, Namespace: "a", Args: nlp.Args{Type: nlp.DiagnoseChanges}}, "kubectl events -n a", nlp.Read},
		{nlp.Step{Op: nlp.OpWait, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Condition: "condition=Available", Timeout: time.Minute}}, "kubectl wait deployment/d -n a --for=condition=Available --timeout=1m", nlp.Read},
		{nlp.Step{Op: nlp.OpWait, Resource: pods, Names: []string{"p"}, Namespace: "a", Args: nlp.Args{Condition: "delete"}}, "kubectl wait pod/p -n a --for=delete", nlp.Read},
		{nlp.Step{Op: nlp.OpDryRun, Resource: pods, Names: []string{"p"}, Namespace: "a", Args: nlp.Args{Verb: "delete"}}, "kubectl delete pod p -n a --dry-run=server", nlp.Read},
		{nlp.Step{Op: nlp.OpDryRun, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Verb: "scale", Replicas: ptr(int32(0))}}, "kubectl scale deployment/d -n a --replicas=0 --dry-run=server", nlp.Read},

		{nlp.Step{Op: nlp.OpScale, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Replicas: ptr(int32(3))}}, "kubectl scale deployment/d -n a --replicas=3", nlp.Mutate},
		{nlp.Step{Op: nlp.OpScale, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Replicas: ptr(int32(0))}}, "kubectl scale deployment/d -n a --replicas=0", nlp.Destructive},
		{nlp.Step{Op: nlp.OpSetImage, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Images: map[string]string{"c": "r/i:1"}}}, "kubectl set image deployment/d c=r/i:1 -n a", nlp.Mutate},
		{nlp.Step{Op: nlp.OpSetEnv, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Env: map[string]string{"B": "x y", "A": "1"}, Remove: []string{"C"}}}, "kubectl set env deployment/d -n a A=1 'B=x y' C-", nlp.Mutate},
		{nlp.Step{Op: nlp.OpSetResources, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Limits: map[string]string{"memory": "1Gi", "cpu": "1"}}}, "kubectl set resources deployment/d -n a --limits=cpu=1,memory=1Gi", nlp.Mutate},
		{nlp.Step{Op: nlp.OpLabel, Resource: nodes, Names: []string{"n"}, Args: nlp.Args{Set: map[string]string{"a": "b"}, Remove: []string{"c"}, Overwrite: true}}, "kubectl label node n a=b c- --overwrite", nlp.Mutate},
		{nlp.Step{Op: nlp.OpAnnotate, Resource: svc, Names: []string{"s"}, Namespace: "a", Args: nlp.Args{Set: map[string]string{"a": "b c"}}}, "kubectl annotate service s -n a 'a=b c'", nlp.Mutate},
		{nlp.Step{Op: nlp.OpExpose, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Port: 80, TargetPort: "8080", Type: "NodePort", NewName: "x"}}, "kubectl expose deployment d -n a --port=80 --target-port=8080 --type=NodePort --name=x", nlp.Mutate},
		{nlp.Step{Op: nlp.OpAutoscale, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Min: 1, Max: 4, CPUPercent: 70}}, "kubectl autoscale deployment d -n a --min=1 --max=4 --cpu=70%", nlp.Mutate},
		{nlp.Step{Op: nlp.OpPatch, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{PatchType: "merge", Patch: json.RawMessage(`{"a":1}`)}}, `kubectl patch deployment d -n a --type=merge -p '{"a":1}'`, nlp.Mutate},
		{nlp.Step{Op: nlp.OpPatch, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Patch: json.RawMessage(`{"metadata":{"finalizers":null}}`)}}, `kubectl patch deployment d -n a -p '{"metadata":{"finalizers":null}}'`, nlp.Destructive},
		{nlp.Step{Op: nlp.OpPatch, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Patch: json.RawMessage(`{"metadata":{"\u0066inalizers":null}}`)}}, `kubectl patch deployment d -n a -p '{"metadata":{"\u0066inalizers":null}}'`, nlp.Destructive},
		{nlp.Step{Op: nlp.OpRolloutUndo, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Revision: 2}}, "kubectl rollout undo deployment/d -n a --to-revision=2", nlp.Mutate},
		{nlp.Step{Op: nlp.OpRolloutRestart, Resource: deploy, Names: []string{"d", "e"}, Namespace: "a"}, "kubectl rollout restart deployment/d deployment/e -n a", nlp.Mutate},
		{nlp.Step{Op: nlp.OpRolloutPause, Resource: deploy, Names: []string{"d"}, Namespace: "a"}, "kubectl rollout pause deployment/d -n a", nlp.Mutate},
		{nlp.Step{Op: nlp.OpRolloutResume, Resource: deploy, Names: []string{"d"}, Namespace: "a"}, "kubectl rollout resume deployment/d -n a", nlp.Mutate},
		{nlp.Step{Op: nlp.OpCordon, Resource: nodes, Names: []string{"n"}}, "kubectl cordon n", nlp.Mutate},
		{nlp.Step{Op: nlp.OpUncordon, Resource: nodes, Names: []string{"n"}}, "kubectl uncordon n", nlp.Mutate},
		{nlp.Step{Op: nlp.OpTaint, Resource: nodes, Names: []string{"n"}, Args: nlp.Args{Set: map[string]string{"a": "b:NoSchedule", "c": ":NoSchedule"}, Remove: []string{"d"}}}, "kubectl taint nodes n a=b:NoSchedule c:NoSchedule d-", nlp.Mutate},
		{nlp.Step{Op: nlp.OpTaint, Resource: nodes, Names: []string{"n"}, Args: nlp.Args{Set: map[string]string{"a": "b:NoExecute,:NoSchedule"}}}, "kubectl taint nodes n a=b:NoExecute a:NoSchedule", nlp.Destructive},
		{nlp.Step{Op: nlp.OpTaint, Resource: nodes, Names: []string{"n"}, Args: nlp.Args{Set: map[string]string{"a": "b:NoExecute"}}}, "kubectl taint nodes n a=b:NoExecute", nlp.Destructive},
		{nlp.Step{Op: nlp.OpCreate, Resource: kind(t, "namespaces"), Names: []string{"x"}, Args: nlp.Args{Object: json.RawMessage(`{"kind":"Namespace","metadata":{"name":"x"}}`)}}, "kubectl create namespace x", nlp.Mutate},
		{nlp.Step{Op: nlp.OpCreate, Resource: kind(t, "jobs.batch"), Names: []string{"j"}, Namespace: "a", Args: nlp.Args{From: "cronjob/c", NewName: "j"}}, "kubectl create job j --from=cronjob/c -n a", nlp.Mutate},
		{nlp.Step{Op: nlp.OpSetServiceAccount, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{ServiceAccount: "sa"}}, "kubectl set serviceaccount deployment/d sa -n a", nlp.Mutate},
		{nlp.Step{Op: nlp.OpSetSelector, Resource: svc, Names: []string{"s"}, Namespace: "a", Args: nlp.Args{Set: map[string]string{"b": "2", "a": "1"}}}, "kubectl set selector service/s a=1,b=2 -n a", nlp.Mutate},
		{nlp.Step{Op: nlp.OpExec, Resource: pods, Names: []string{"p"}, Namespace: "a", Container: "c", Args: nlp.Args{Command: []string{"ls", "-l", "/a b"}}}, "kubectl exec p -n a -c c -- ls -l '/a b'", nlp.Mutate},
		{nlp.Step{Op: nlp.OpExec, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Command: []string{"rm", "-rf", "/tmp/x"}}}, "kubectl exec deployment/d -n a -- rm -rf /tmp/x", nlp.Destructive},
		{nlp.Step{Op: nlp.OpExec, Resource: pods, Names: []string{"p"}, Namespace: "a", Args: nlp.Args{Command: []string{"psql", "-c", "DROP TABLE users"}}}, "kubectl exec p -n a -- psql -c 'DROP TABLE users'", nlp.Destructive},
		{nlp.Step{Op: nlp.OpLabel, Resource: pods, Names: strings.Fields("a b c d e f g h i j k"), Namespace: "a", Args: nlp.Args{Set: map[string]string{"x": "y"}}}, "kubectl label pod a b c d e f g h i j k -n a x=y", nlp.Destructive},

		{nlp.Step{Op: nlp.OpEvict, Resource: pods, Names: []string{"p"}, Namespace: "b"}, "kubectl delete pod p -n b", nlp.Destructive},
		{nlp.Step{Op: nlp.OpRemoveFinalizers, Resource: kind(t, "persistentvolumeclaims"), Names: []string{"p"}, Namespace: "a"}, `kubectl patch persistentvolumeclaim p -n a --type=merge -p '{"metadata":{"finalizers":null}}'`, nlp.Destructive},
		{nlp.Step{Op: nlp.OpReplaceForce, Resource: kind(t, "jobs.batch"), Names: []string{"j"}, Namespace: "a"}, "kubectl replace --force -n a -f job-j.yaml", nlp.Destructive},
		{nlp.Step{Op: nlp.OpDelete, Resource: pods, Names: []string{"p"}, Namespace: "a", Args: nlp.Args{GracePeriod: ptr(int64(0)), Force: true}}, "kubectl delete pod p -n a --grace-period=0 --force", nlp.Destructive},
		{nlp.Step{Op: nlp.OpDelete, Resource: deploy, Names: []string{"d"}, Namespace: "a", Args: nlp.Args{Cascade: "orphan"}}, "kubectl delete deployment d -n a --cascade=orphan", nlp.Destructive},
		{nlp.Step{Op: nlp.OpDeleteCollection, Resource: pods, Namespace: "a"}, "kubectl delete pods -n a --all", nlp.Destructive},
		{nlp.Step{Op: nlp.OpDeleteCollection, Resource: pods, Namespace: "a", LabelSelector: "a=b"}, "kubectl delete pods -n a -l a=b", nlp.Destructive},
		{nlp.Step{Op: nlp.OpDrain, Resource: nodes, Names: []string{"n"}}, "kubectl drain n", nlp.Destructive},
		{nlp.Step{Op: nlp.OpDrain, Resource: nodes, Names: []string{"n"}, Args: nlp.Args{IgnoreDaemonSets: true}}, "kubectl drain n --ignore-daemonsets", nlp.Destructive},
		{nlp.Step{Op: nlp.OpDrain, Resource: nodes, Names: []string{"n"}, Args: nlp.Args{DeleteEmptyDir: true, IgnoreDaemonSets: true}}, "kubectl drain n --ignore-daemonsets --delete-emptydir-data", nlp.Destructive},
	}
}

func TestStepsRenderAsKubectlAndAreClassedFromTheirFields(t *testing.T) {
	t.Parallel()
	seen := map[nlp.Op]bool{}
	for _, c := range steps(t) {
		seen[c.step.Op] = true
		if got := nlp.KubectlStep(c.step); got != c.line {
			t.Errorf("got  %s\nwant %s", got, c.line)
		}
		if got := nlp.Classify(c.step); got != c.class {
			t.Errorf("%s: class %s, want %s", c.line, got, c.class)
		}
		if nlp.Sentence(nlp.Plan{Steps: []nlp.Step{c.step}}, "prod") == "" {
			t.Errorf("%s: no sentence", c.line)
		}
	}
	if len(seen) != len(nlp.Ops()) {
		t.Errorf("%d operations are tested, there are %d", len(seen), len(nlp.Ops()))
	}
}

func TestAnUnknownOperationIsRefusedAndRendersNothing(t *testing.T) {
	t.Parallel()
	s := nlp.Step{Op: "format", Resource: kind(t, "nodes"), Names: []string{"n"}}
	if nlp.Classify(s) != nlp.Refuse || nlp.KubectlStep(s) != "" {
		t.Errorf("class %s, %q", nlp.Classify(s), nlp.KubectlStep(s))
	}
	if nlp.Validate(nlp.Plan{Steps: []nlp.Step{s}, Class: nlp.Read}, nil) == nil {
		t.Error("it is valid")
	}
}

func TestQuotingSurvivesAShell(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "''", "a=b": "a=b", "a b": "'a b'", "$(x)": "'$(x)'", "it's": `'it'\''s'`, "a;b": "'a;b'", "--x": "--x", "a*": "'a*'", "~": "'~'", "a\nb": "'a\nb'",
	} {
		if got := nlp.Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestDurationsAreWrittenAsKubectlTakesThem(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 10 * time.Minute: "10m", 90 * time.Minute: "1h30m", 30 * time.Second: "30s", 24 * time.Hour: "24h", 10 * time.Second: "10s",
		61 * time.Second: "1m1s", 100 * time.Minute: "1h40m",
	} {
		if got := nlp.Duration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
		if back, err := time.ParseDuration(nlp.Duration(d)); err != nil || back != d {
			t.Errorf("%v reads back as %v, %v", d, back, err)
		}
	}
}

func TestEqualPlansHaveEqualHashesAndOthersDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, c := range steps(t) {
		p := nlp.Plan{Steps: []nlp.Step{c.step}}
		if first := p.Hash(); first != p.Hash() {
			t.Errorf("%s: hash changes", c.line)
		}
		if other, ok := seen[p.Hash()]; ok {
			t.Errorf("%s and %s have one hash", other, c.line)
		}
		seen[p.Hash()] = c.line
	}
}

package diagnose_test

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubechat/kubechat/controlplane/diagnose"
	"github.com/kubechat/kubechat/controlplane/diagnose/diagnosetest"
)

var groups = map[string]string{"deployments": "apps", "statefulsets": "apps", "daemonsets": "apps", "replicasets": "apps", "jobs": "batch", "cronjobs": "batch"}

func gvr(plural string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: groups[plural], Version: "v1", Resource: plural}
}

func reader(t *testing.T, text string) *diagnosetest.Reader {
	t.Helper()
	r, err := diagnosetest.New(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func run(t *testing.T, r diagnose.Reader, target diagnose.Target) []diagnose.Finding {
	t.Helper()
	found, err := diagnose.Run(context.Background(), r, target)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// pod writes a pod of a deployment with one container called app.
func pod(name, phase, status string) string {
	return `
apiVersion: v1
kind: Pod
metadata:
  name: ` + name + `
  namespace: shop
  labels: {app: web, pod-template-hash: abc12}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-abc12, uid: u, controller: true}]
spec:
  nodeSelector: {disk: nvme}
  volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
  containers:
  - name: app
    image: example/web:9
    resources: {limits: {memory: 64Mi}}
    readinessProbe: {httpGet: {path: /ready, port: 8080}}
status:
  phase: ` + phase + "\n" + status + "\n---\n"
}

const waiting = "  containerStatuses: [{name: app, image: 'example/web:9', ready: false, restartCount: 7, state: {waiting: {reason: %R, message: '%M'}}%L}]"

func status(reason, message, last string) string {
	return strings.NewReplacer("%R", reason, "%M", message, "%L", last).Replace(waiting)
}

func TestEachFaultOfAPodIsFoundWithItsEvidence(t *testing.T) {
	t.Parallel()
	unscheduled := func(message string) string {
		return "  conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: \"" + message + "\"}]"
	}
	for name, c := range map[string]struct {
		phase, status          string
		reason, text, evidence string
	}{
		"not enough cpu":      {"Pending", unscheduled("0/3 nodes are available: 3 Insufficient cpu."), "Unschedulable", "not enough cpu free", "Insufficient cpu"},
		"a taint":             {"Pending", unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint {a: b}."), "Unschedulable", "taint that it does not tolerate", "untolerated taint"},
		"a label no node has": {"Pending", unscheduled("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."), "Unschedulable", "disk=nvme", "affinity/selector"},
		"a missing tag":       {"Pending", status("ImagePullBackOff", "Back-off pulling image: not found", ""), "ImagePullBackOff", "example/web:9 of container app does not exist", "reason = ImagePullBackOff"},
		"a closed registry":   {"Pending", status("ErrImagePull", "unauthorized: authentication required", ""), "ErrImagePull", "does not let the node pull", "unauthorized"},
		"an absent registry":  {"Pending", status("ErrImagePull", "dial tcp: lookup nowhere: no such host", ""), "ErrImagePull", "can't be reached", "no such host"},
		"a bad image name":    {"Pending", status("InvalidImageName", "couldn''t parse", ""), "InvalidImageName", "not a valid image name", "InvalidImageName"},
		"a missing configmap": {"Pending", status("CreateContainerConfigError", "configmap \"flags\" not found", ""), "CreateContainerConfigError", "needs the configmap flags, which does not exist", "configmaps/flags: not found"},
		"a missing key":       {"Pending", status("CreateContainerConfigError", "couldn''t find key url in Secret shop/db", ""), "CreateContainerConfigError", "needs the key url of the secret shop/db", "find key"},
		"a crash":             {"Running", status("CrashLoopBackOff", "back-off", ", lastState: {terminated: {exitCode: 1, reason: Error}}"), "CrashLoopBackOff", "keeps crashing (7 restarts), last with exit code 1: the program itself gave up", "exitCode = 1"},
		"a missing command":   {"Running", status("CrashLoopBackOff", "back-off", ", lastState: {terminated: {exitCode: 127}}"), "CrashLoopBackOff", "does not exist in the image", "exitCode = 127"},
		"a crash for memory":  {"Running", status("CrashLoopBackOff", "back-off", ", lastState: {terminated: {exitCode: 137, reason: OOMKilled}}"), "OOMKilled", "more than its memory limit of 64Mi", "limits.memory = 64Mi"},
		"memory, running":     {"Running", "  conditions: [{type: Ready, status: 'True'}]\n  containerStatuses: [{name: app, ready: true, restartCount: 2, state: {running: {}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}}]", "OOMKilled", "memory limit of 64Mi", "lastState.terminated.reason = OOMKilled"},
		"not ready":           {"Running", "  conditions: [{type: Ready, status: 'False', message: 'containers with unready status: [app]'}]\n  containerStatuses: [{name: app, ready: false, restartCount: 0, state: {running: {}}}]", "NotReady", "is not ready", "GET /ready on port 8080"},
		"evicted":             {"Failed", "  reason: Evicted\n  message: 'The node was low on resource: memory.'", "Evicted", "low on resource", "status.reason = Evicted"},
		"an init container":   {"Pending", "  initContainerStatuses: [{name: migrate, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 2}}}]", "CrashLoopBackOff", "The init container migrate keeps crashing", "initContainerStatuses[migrate]"},
		"a lost node":         {"Unknown", "  conditions: []", "NodeLost", "does not report", "phase = Unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := reader(t, pod("web-abc12-1", c.phase, c.status))
			found := run(t, r, diagnose.Target{Resource: gvr("pods"), Namespace: "shop", Name: "web-abc12-1"})
			if len(found) == 0 {
				t.Fatal("nothing found")
			}
			f := found[0]
			if f.Reason != c.reason || !strings.Contains(f.Text, c.text) || !strings.Contains(strings.Join(f.Evidence, "\n"), c.evidence) || f.Next == "" || f.Object != "pod/web-abc12-1 in shop" {
				t.Errorf("got %+v", f)
			}
			if len(found) > 1 {
				t.Errorf("found more than the fault: %+v", found[1:])
			}
		})
	}
}

func TestACrashShowsTheLastLinesOfThePreviousLog(t *testing.T) {
	t.Parallel()
	r := reader(t, pod("web-abc12-1", "Running", status("CrashLoopBackOff", "", ", lastState: {terminated: {exitCode: 1}}")))
	r.Log["shop/web-abc12-1/app/previous"] = "starting\npanic: no database\n"
	f := run(t, r, diagnose.Target{Resource: gvr("pods"), Namespace: "shop", Name: "web-abc12-1"})[0]
	if got := strings.Join(f.Evidence, "|"); !strings.Contains(got, "log: panic: no database") {
		t.Errorf("evidence: %s", got)
	}
}

func TestAFailingProbeIsToldFromItsEvent(t *testing.T) {
	t.Parallel()
	r := reader(t, pod("web-abc12-1", "Running", "  conditions: [{type: Ready, status: 'False'}]")+`
apiVersion: v1
kind: Event
metadata: {name: e, namespace: shop}
involvedObject: {kind: Pod, name: web-abc12-1}
type: Warning
reason: Unhealthy
message: "Readiness probe failed: HTTP probe failed with statuscode: 404"
`)
	f := run(t, r, diagnose.Target{Resource: gvr("pods"), Namespace: "shop", Name: "web-abc12-1"})[0]
	if f.Reason != "ProbeFailing" || !strings.Contains(f.Text, "404") {
		t.Errorf("%+v", f)
	}
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: 2, selector: {matchLabels: {app: web}}}
status:
  readyReplicas: 0
  conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: "ReplicaSet has timed out progressing"}]
---
`

func TestADeploymentIsExplainedByItsPodsAndSiblingsAreGrouped(t *testing.T) {
	t.Parallel()
	s := status("ImagePullBackOff", "not found", "")
	r := reader(t, deployment+pod("web-abc12-1", "Pending", s)+pod("web-abc12-2", "Pending", s))
	found := run(t, r, diagnose.Target{Resource: gvr("deployments"), Namespace: "shop", Name: "web"})
	if len(found) != 2 || found[0].Reason != "ImagePullBackOff" || found[1].Reason != "ProgressDeadlineExceeded" {
		t.Fatalf("%+v", found)
	}
	if !strings.Contains(found[0].Text, "The same holds for 1 more pod of deployment web.") {
		t.Errorf("not grouped: %s", found[0].Text)
	}
}

func TestAServiceWhoseSelectorPicksNothingIsComparedWithItsDeployment(t *testing.T) {
	t.Parallel()
	r := reader(t, deployment+`
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: wed}, ports: [{port: 80}]}
`)
	found := run(t, r, diagnose.Target{Resource: gvr("services"), Namespace: "shop", Name: "web"})
	if len(found) != 1 || found[0].Reason != "NoEndpoints" || !strings.Contains(found[0].Text, "makes pods with app=web") || !strings.Contains(found[0].Next, "app=web") {
		t.Errorf("%+v", found)
	}
}

func TestClaimsJobsAndNodes(t *testing.T) {
	t.Parallel()
	r := reader(t, `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {storageClassName: gone}
status: {phase: Pending}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: idle, namespace: shop}
spec: {storageClassName: lazy}
status: {phase: Pending}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: lazy}
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: batch/v1
kind: Job
metadata: {name: seed, namespace: shop}
spec: {selector: {matchLabels: {job-name: seed}}}
status: {failed: 6, conditions: [{type: Failed, status: "True", reason: BackoffLimitExceeded, message: "Job has reached the specified backoff limit"}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {conditions: [{type: Ready, status: Unknown, reason: NodeStatusUnknown, message: "Kubelet stopped posting node status."}, {type: DiskPressure, status: "True"}]}
`)
	for _, c := range []struct{ plural, ns, name, reasons string }{
		{"persistentvolumeclaims", "shop", "data", "StorageClassMissing"},
		{"persistentvolumeclaims", "shop", "idle", ""},
		{"jobs", "shop", "seed", "BackoffLimitExceeded"},
		{"nodes", "", "n1", "NodeNotReady DiskPressure"},
	} {
		var got []string
		for _, f := range run(t, r, diagnose.Target{Resource: gvr(c.plural), Namespace: c.ns, Name: c.name}) {
			got = append(got, f.Reason)
		}
		if strings.Join(got, " ") != c.reasons {
			t.Errorf("%s: %v, want %s", c.name, got, c.reasons)
		}
	}
}

const healthy = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: 1, selector: {matchLabels: {app: web}}}
status: {readyReplicas: 1, conditions: [{type: Progressing, status: "True"}, {type: Available, status: "True"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {type: ExternalName, externalName: example.com}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
status: {phase: Bound}
---
apiVersion: batch/v1
kind: Job
metadata: {name: seed, namespace: shop}
spec: {selector: {matchLabels: {job-name: seed}}}
status: {succeeded: 1, failed: 1, conditions: [{type: Complete, status: "True"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: seed-1, namespace: shop, labels: {job-name: seed}}
status: {phase: Succeeded, containerStatuses: [{name: app, ready: false, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed}}}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {conditions: [{type: Ready, status: "True"}, {type: DiskPressure, status: "False"}]}
---
`

func TestNothingIsInventedOnHealthyTargets(t *testing.T) {
	t.Parallel()
	r := reader(t, healthy+pod("web-abc12-1", "Running", "  conditions: [{type: Ready, status: 'True'}]\n  containerStatuses: [{name: app, ready: true, restartCount: 9, state: {running: {}}, lastState: {terminated: {exitCode: 1, reason: Error}}}]"))
	for _, target := range []diagnose.Target{
		{}, {Namespace: "shop"}, {Resource: gvr("pods"), Namespace: "shop"}, {Resource: gvr("deployments"), Namespace: "shop", Name: "web"},
		{Resource: gvr("services"), Namespace: "shop", Name: "web"}, {Resource: gvr("jobs"), Namespace: "shop", Name: "seed"}, {Resource: gvr("nodes"), Name: "n1"},
	} {
		if found := run(t, r, target); len(found) > 0 {
			t.Errorf("%+v: %+v", target, found)
		}
	}
}

func TestWhatMayNotBeReadIsPassedOverExceptTheTarget(t *testing.T) {
	t.Parallel()
	r := reader(t, deployment+pod("web-abc12-1", "Pending", status("ImagePullBackOff", "not found", "")))
	r.Forbidden["events"], r.Forbidden["nodes"], r.Forbidden["jobs"] = true, true, true
	if found := run(t, r, diagnose.Target{Namespace: "shop"}); len(found) == 0 {
		t.Error("nothing found, though pods can be read")
	}
	r.Forbidden["deployments"] = true
	if _, err := diagnose.Run(context.Background(), r, diagnose.Target{Resource: gvr("deployments"), Namespace: "shop", Name: "web"}); err == nil {
		t.Error("a target that can't be read passes as healthy")
	}
	if _, err := diagnose.Run(context.Background(), r, diagnose.Target{Resource: gvr("deployments"), Namespace: "shop", Name: "none"}); err == nil {
		t.Error("a target that is not there passes as healthy")
	}
}

func TestAPodThatIsOnlyUnreadyBecauseOfItsNodeLeadsToTheNode(t *testing.T) {
	t.Parallel()
	text := strings.Replace(pod("web-abc12-1", "Running", "  conditions: [{type: Ready, status: 'False'}, {type: ContainersReady, status: 'True'}]"), "spec:", "spec:\n  nodeName: n1", 1)
	r := reader(t, text+"apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {conditions: [{type: Ready, status: Unknown}]}\n")
	found := run(t, r, diagnose.Target{Resource: gvr("pods"), Namespace: "shop", Name: "web-abc12-1"})
	if len(found) != 2 || found[0].Object != "node/n1" || found[1].Reason != "NodeNotReady" {
		t.Errorf("%+v", found)
	}
}

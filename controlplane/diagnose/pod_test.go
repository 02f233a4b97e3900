package diagnose_test

import (
	"strings"
	"testing"
)

// pod writes a pod of a deployment with one container called app.
func pod(name, phase, status string) string {
	return `
apiVersion: v1
kind: Pod
metadata:
  name: ` + name + `
  namespace: shop
  creationTimestamp: "@2h"
  labels: {app: web, pod-template-hash: abc12}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-abc12, uid: u, controller: true}]
spec:
  nodeSelector: {disk: nvme}
  volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]
  containers:
  - name: app
    image: example/web:9
    ports: [{containerPort: 8080}]
    resources: {requests: {cpu: "4"}, limits: {memory: 64Mi}}
    readinessProbe: {httpGet: {path: /ready, port: 8080}}
status:
  phase: ` + phase + "\n" + status + "\n---\n"
}

const well = "  conditions: [{type: Ready, status: 'True'}]\n  containerStatuses: [{name: app, ready: true, restartCount: 0, state: {running: {}}}]"

func waiting(reason, message, last string) string {
	return strings.NewReplacer("%R", reason, "%M", message, "%L", last).Replace(
		"  containerStatuses: [{name: app, image: 'example/web:9', ready: false, restartCount: 7, state: {waiting: {reason: %R, message: '%M'}}%L}]")
}

func unscheduled(message string) string {
	return "  conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: \"" + message + "\"}]"
}

func event(kind, name, reason, message string) string {
	ns := "shop"
	if kind == "Node" {
		ns = "default"
	}
	return `
apiVersion: v1
kind: Event
metadata: {name: "` + name + "." + strings.ToLower(reason) + `", namespace: ` + ns + `}
involvedObject: {kind: ` + kind + `, name: "` + name + `", namespace: ` + ns + `}
type: Warning
reason: ` + reason + `
message: '` + strings.ReplaceAll(message, "'", "''") + `'
firstTimestamp: "@30m"
lastTimestamp: "@3m"
---
`
}

const nvmeNode = "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {disk: ssd}}\nstatus: {conditions: [{type: Ready, status: 'True'}]}\n---\n"

func TestEachFaultOfAPodIsFoundWithItsEvidence(t *testing.T) {
	t.Parallel()
	table := map[string]ill{}
	for name, c := range map[string]struct {
		phase, status, more string
		reason              string
		says                []string
	}{
		"not enough cpu": {"Pending", unscheduled("0/3 nodes are available: 3 Insufficient cpu."), "", "Unschedulable", []string{"not enough cpu free", "requests.cpu = 4"}},
		"a taint":        {"Pending", unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint {a: b}."), "", "Unschedulable", []string{"taint that it does not tolerate ({a: b})"}},
		"a label no node has": {"Pending", unscheduled("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."), nvmeNode, "Unschedulable",
			[]string{"disk=nvme", "None of the 1 node has disk=nvme; nodes have disk=ssd", "spec.nodeSelector = disk=nvme"}},
		"a cordoned node": {"Pending", unscheduled("0/1 nodes are available: 1 node(s) were unschedulable."), strings.Replace(nvmeNode, "status:", "spec: {unschedulable: true}\nstatus:", 1), "Unschedulable",
			[]string{"cordoned (n1)", "uncordon n1"}},
		"anti-affinity":    {"Pending", unscheduled("0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."), "", "Unschedulable", []string{"keeps it away"}},
		"spread":           {"Pending", unscheduled("0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints."), "", "Unschedulable", []string{"topology spread"}},
		"a missing claim":  {"Pending", unscheduled(`0/3 nodes are available: persistentvolumeclaim 'data' not found.`), "", "Unschedulable", []string{"Its claim data does not exist", "persistentvolumeclaim/data in shop"}},
		"told by an event": {"Pending", "", event("Pod", "web-abc12-1", "FailedScheduling", "0/3 nodes are available: 3 Insufficient memory."), "Unschedulable", []string{"not enough memory", "event FailedScheduling"}},
		"no scheduler":     {"Pending", "", "", "Pending", []string{"has not said a word"}},
		"a gate":           {"Pending", "  conditions: [{type: PodScheduled, status: 'False', reason: SchedulingGated, message: x}]", "", "SchedulingGated", []string{"scheduling gate"}},
		"a missing tag":    {"Pending", waiting("ImagePullBackOff", "Back-off pulling image: not found", ""), "", "ImagePullBackOff", []string{"example/web:9 does not exist", "reason = ImagePullBackOff"}},
		"a closed registry": {"Pending", waiting("ErrImagePull", "", ""), event("Pod", "web-abc12-1", "Failed", "Failed to pull image: unauthorized: authentication required"), "ErrImagePull",
			[]string{"does not let the node pull", "unauthorized", "event Failed"}},
		"an absent registry":    {"Pending", waiting("ErrImagePull", "dial tcp: lookup nowhere: no such host", ""), "", "ErrImagePull", []string{"can't be reached", "no such host"}},
		"a busy registry":       {"Pending", waiting("ErrImagePull", "toomanyrequests: you have reached your pull rate limit", ""), "", "ErrImagePull", []string{"lets nobody pull more"}},
		"a bad image name":      {"Pending", waiting("InvalidImageName", "couldn''t parse", ""), "", "InvalidImageName", []string{"not a valid image name"}},
		"an image never pulled": {"Pending", waiting("ErrImageNeverPull", "", ""), "", "ErrImageNeverPull", []string{"pull policy is Never"}},
		"a missing configmap":   {"Pending", waiting("CreateContainerConfigError", "configmap \"flags\" not found", ""), "", "CreateContainerConfigError", []string{"needs the configmap flags, which does not exist", "configmap/flags in shop"}},
		"a missing secret":      {"Pending", waiting("CreateContainerConfigError", "secret \"db\" not found", ""), "", "CreateContainerConfigError", []string{"There is no secret db in shop"}},
		"a missing key":         {"Pending", waiting("CreateContainerConfigError", "couldn''t find key url in Secret shop/db", ""), "", "CreateContainerConfigError", []string{"needs the key url of the secret db"}},
		"root":                  {"Pending", waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", ""), "", "CreateContainerConfigError", []string{"wants to run as root"}},
		"a missing command":     {"Running", waiting("RunContainerError", "exec: \"x\": executable file not found in $PATH", ""), "", "RunContainerError", []string{"does not exist in the image"}},
		"a crash": {"Running", waiting("CrashLoopBackOff", "back-off", ", lastState: {terminated: {exitCode: 1, reason: Error, message: \"panic: no database\", finishedAt: \"@8m\"}}"), "", "CrashLoopBackOff",
			[]string{"keeps crashing (7 restarts, last with exit code 1)", "The program itself gave up: panic: no database", "exitCode = 1", "restartCount = 7"}},
		"exit code 127":      {"Running", waiting("CrashLoopBackOff", "back-off", ", lastState: {terminated: {exitCode: 127}}"), "", "CrashLoopBackOff", []string{"does not exist in the image"}},
		"exit code 139":      {"Running", waiting("CrashLoopBackOff", "back-off", ", lastState: {terminated: {exitCode: 139}}"), "", "CrashLoopBackOff", []string{"SIGSEGV"}},
		"a server that ends": {"Running", waiting("CrashLoopBackOff", "back-off", ", lastState: {terminated: {exitCode: 0, reason: Completed}}"), "", "CrashLoopBackOff", []string{"ends without an error, where it should go on", "reason = Completed"}},
		"liveness": {"Running", waiting("CrashLoopBackOff", "back-off", ", lastState: {terminated: {exitCode: 137, reason: Error}}"), event("Pod", "web-abc12-1", "Unhealthy", "Liveness probe failed: timeout"), "CrashLoopBackOff",
			[]string{"liveness probe fails, so the kubelet kills it"}},
		"a crash for memory": {"Running", waiting("CrashLoopBackOff", "back-off", ", lastState: {terminated: {exitCode: 137, reason: OOMKilled}}"), "", "OOMKilled",
			[]string{"more than its memory limit of 64Mi", "limits.memory = 64Mi", "set memory limit of container app in deployment web to 128Mi"}},
		"memory, running": {"Running", "  conditions: [{type: Ready, status: 'True'}]\n  containerStatuses: [{name: app, ready: true, restartCount: 2, state: {running: {}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled, finishedAt: \"@9m\"}}}]",
			"", "OOMKilled", []string{"memory limit of 64Mi", "warning"}},
		"restarting": {"Running", "  conditions: [{type: Ready, status: 'True'}]\n  containerStatuses: [{name: app, ready: true, restartCount: 12, state: {running: {}}, lastState: {terminated: {exitCode: 1, finishedAt: \"@9m\"}}}]",
			"", "Restarting", []string{"restarted 12 times, last 9 minutes ago with exit code 1"}},
		"not ready": {"Running", "  conditions: [{type: Ready, status: 'False', message: 'containers with unready status: [app]', lastTransitionTime: \"@40m\"}]\n  containerStatuses: [{name: app, ready: false, restartCount: 0, state: {running: {}}}]",
			"", "NotReady", []string{"is not ready", "GET /ready on port 8080"}},
		"a failing probe": {"Running", "  conditions: [{type: Ready, status: 'False', lastTransitionTime: \"@40m\"}]\n  containerStatuses: [{name: app, ready: false, state: {running: {}}}]",
			event("Pod", "web-abc12-1", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404"), "Unhealthy", []string{"Readiness probe failed", "has no such path (GET /ready on port 8080)", "event Unhealthy"}},
		"nothing listens":  {"Running", "  conditions: [{type: Ready, status: 'False', lastTransitionTime: \"@40m\"}]", event("Pod", "web-abc12-1", "Unhealthy", "Readiness probe failed: dial tcp 10.0.0.1:8080: connect: connection refused"), "Unhealthy", []string{"Nothing listens on the probe's port"}},
		"a readiness gate": {"Running", "  conditions: [{type: Ready, status: 'False'}, {type: ContainersReady, status: 'True'}]", "", "NotReady", nil},
		"evicted":          {"Failed", "  reason: Evicted\n  message: 'The node was low on resource: memory.'", "", "Evicted", []string{"low on resource", "status.reason = Evicted", "used more than it had requested"}},
		"an init container": {"Pending", "  initContainerStatuses: [{name: migrate, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 2}}}]", "", "CrashLoopBackOff",
			[]string{"Init container migrate keeps crashing", "initContainerStatuses[migrate]"}},
		"an error":    {"Failed", "  containerStatuses: [{name: app, state: {terminated: {exitCode: 2, reason: Error, message: unknown option --from}}}]", "", "Error", []string{"exit code 2", "unknown option --from"}},
		"a deadline":  {"Failed", "  reason: DeadlineExceeded\n  message: Pod was active on the node longer than the specified deadline", "", "DeadlineExceeded", []string{"longer than the specified deadline"}},
		"a lost node": {"Unknown", "  conditions: []", "", "NodeLost", []string{"does not report", "phase = Unknown"}},
	} {
		table[name] = ill{yaml: c.more + "\n---\n" + pod("web-abc12-1", c.phase, c.status), at: "pods/shop/web-abc12-1", object: "pod/web-abc12-1 in shop", reason: c.reason, says: c.says}
	}
	check(t, table)
}

func onNode(yaml string) string { return strings.Replace(yaml, "spec:", "spec:\n  nodeName: n1", 1) }

func TestWhatKeepsAPodFromStarting(t *testing.T) {
	t.Parallel()
	starting := onNode(pod("web-abc12-1", "Pending", "  containerStatuses: [{name: app, state: {waiting: {reason: ContainerCreating}}}]"))
	at, object := "pods/shop/web-abc12-1", "pod/web-abc12-1 in shop"
	check(t, map[string]ill{
		"a volume's secret": {starting + event("Pod", "web-abc12-1", "FailedMount", `MountVolume.SetUp failed for volume "v" : secret "tls" not found`), at, object, "FailedMount",
			[]string{"The secret tls, which a volume of it names, does not exist"}, nil, true},
		"another node": {starting + event("Pod", "web-abc12-1", "FailedAttachVolume", `Multi-Attach error for volume "pvc-1"`), at, object, "FailedAttachVolume", []string{"attached to another node"}, nil, true},
		"no network":   {starting + event("Pod", "web-abc12-1", "FailedCreatePodSandBox", "plugin type=calico failed"), at, object, "FailedCreatePodSandBox", []string{"network plugin"}, nil, true},
		"for long":     {starting, at, object, "ContainerCreating", []string{"has been starting for 2 hours"}, []string{"@2h", "@30s"}, true},
	})
}

func TestAPodThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	leaving := strings.Replace(pod("web-abc12-1", "Running", well), "  namespace: shop", "  namespace: shop\n  deletionTimestamp: \"@20m\"\n  finalizers: [example.com/hold]", 1)
	check(t, map[string]ill{"a finalizer": {leaving, "pods/shop/web-abc12-1", "pod/web-abc12-1 in shop", "Terminating", []string{"since 20 minutes", "example.com/hold"}, []string{"@20m", "@10s"}, true}})
}

func TestANewPodHasItsTime(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]string{
		"starting":       "  containerStatuses: [{name: app, state: {waiting: {reason: ContainerCreating}}}]",
		"not yet seen":   "",
		"not yet ready":  "  conditions: [{type: Ready, status: 'False', lastTransitionTime: \"@20s\"}]\n  containerStatuses: [{name: app, ready: false, state: {running: {}}}]",
		"probe not well": "  conditions: [{type: Ready, status: 'False', lastTransitionTime: \"@20s\"}]\n  containerStatuses: [{name: app, ready: false, state: {running: {}}}]",
	} {
		phase := "Pending"
		if strings.Contains(status, "running") {
			phase = "Running"
		}
		text := strings.Replace(pod("web-abc12-1", phase, status), "@2h", "@20s", 1)
		if name == "probe not well" {
			text += event("Pod", "web-abc12-1", "Unhealthy", "Readiness probe failed: connection refused")
		}
		if found := run(t, reader(t, text), "pods/shop/web-abc12-1"); len(found) > 0 {
			t.Errorf("%s: %s", name, says(found[0]))
		}
	}
}

func TestACrashShowsTheEndOfThePreviousLogAndWhatItPointsTo(t *testing.T) {
	t.Parallel()
	crash := pod("web-abc12-1", "Running", waiting("CrashLoopBackOff", "", ", lastState: {terminated: {exitCode: 1}}"))
	r := reader(t, crash+"apiVersion: v1\nkind: Namespace\nmetadata: {name: data}\n")
	r.Log["shop/web-abc12-1/app/previous"] = "starting\npanic: dial tcp: lookup postgres.data.svc: no such host\n"
	f := run(t, r, "pods/shop/web-abc12-1")[0]
	for _, want := range []string{"log app = panic: dial tcp", "There is no service postgres in data", "service/postgres in data"} {
		if !strings.Contains(says(f), want) {
			t.Errorf("%q is not in\n%s", want, says(f))
		}
	}
	r.Log["shop/web-abc12-1/app/previous"] = "can't reach api.example.com: connection refused"
	if got := says(run(t, r, "pods/shop/web-abc12-1")[0]); strings.Contains(got, "There is no service") {
		t.Errorf("a host of the world is taken for a service:\n%s", got)
	}
}

func TestAMissingRightIsNamedWithItsBindingAndRule(t *testing.T) {
	t.Parallel()
	r := reader(t, pod("web-abc12-1", "Running", waiting("CrashLoopBackOff", "", ", lastState: {terminated: {exitCode: 1}}"))+`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules: [{apiGroups: [""], resources: [deployments], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: shop}
roleRef: {kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: web, namespace: shop}]
`)
	r.Log["shop/web-abc12-1/app/previous"] = `E0501 deployments.apps is forbidden: User "system:serviceaccount:shop:web" cannot list resource "deployments" in API group "apps" in the namespace "shop"`
	found := run(t, r, "pods/shop/web-abc12-1")
	if len(found) != 2 || found[0].Reason != "CrashLoopBackOff" || found[1].Reason != "Forbidden" || found[1].Object != "serviceaccount/web in shop" {
		t.Fatalf("%+v", found)
	}
	for _, want := range []string{"may not list deployments.apps in shop", "rolebinding/reader in shop gives it role/reader in shop", `belong to API group "apps", not ""`, "get,list of deployments"} {
		if !strings.Contains(says(found[1]), want) {
			t.Errorf("%q is not in\n%s", want, says(found[1]))
		}
	}
}

func TestAPodThatIsOnlyUnreadyBecauseOfItsNodeLeadsToTheNode(t *testing.T) {
	t.Parallel()
	text := onNode(pod("web-abc12-1", "Running", "  conditions: [{type: Ready, status: 'False'}, {type: ContainersReady, status: 'True'}]"))
	r := reader(t, text+"apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {conditions: [{type: Ready, status: Unknown}]}\n")
	found := run(t, r, "pods/shop/web-abc12-1")
	if len(found) != 2 || found[0].Object != "node/n1" || found[0].Reason != "NodeNotReady" || found[1].Object != "pod/web-abc12-1 in shop" {
		t.Errorf("%+v", found)
	}
}

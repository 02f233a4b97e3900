package diagnose_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/diagnose"
)

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, creationTimestamp: "@48h"}
spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}
status:
  readyReplicas: 0
  conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: "ReplicaSet has timed out progressing"}, {type: Available, status: "False", reason: MinimumReplicasUnavailable}]
---
`

func TestADeploymentIsExplainedByItsPodsAndSiblingsAreGrouped(t *testing.T) {
	t.Parallel()
	s := waiting("ImagePullBackOff", "not found", "")
	orphan := strings.Replace(pod("web-old", "Pending", s), "  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-abc12, uid: u, controller: true}]\n", "", 1)
	r := reader(t, deployment+pod("web-abc12-1", "Pending", s)+pod("web-abc12-2", "Pending", s)+orphan)
	found := run(t, r, "deployments/shop/web")
	if len(found) != 1 || found[0].Reason != "ImagePullBackOff" || found[0].Object != "deployment/web in shop" {
		t.Fatalf("%+v", found)
	}
	for _, want := range []string{"3 of 3 pods of web: container app can't get its image", "ProgressDeadlineExceeded", "pod/web-abc12-2 in shop"} {
		if !strings.Contains(says(found[0]), want) {
			t.Errorf("%q is not in\n%s", want, says(found[0]))
		}
	}
}

func TestWithoutACauseTheSignsAreReported(t *testing.T) {
	t.Parallel()
	found := run(t, reader(t, deployment), "deployments/shop/web")
	if len(found) != 1 || found[0].Reason != "ProgressDeadlineExceeded" {
		t.Errorf("%+v", found)
	}
}

const revisions = `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-old11, namespace: shop, creationTimestamp: "@200h", labels: {app: web, pod-template-hash: old11}, annotations: {deployment.kubernetes.io/revision: "3"}, ownerReferences: [{kind: Deployment, name: web, controller: true}]}
spec: {template: {spec: {containers: [{name: app, image: "example/web:8", env: [{name: A, value: x}]}]}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-abc12, namespace: shop, creationTimestamp: "@15m", labels: {app: web, pod-template-hash: abc12}, annotations: {deployment.kubernetes.io/revision: "4"}, ownerReferences: [{kind: Deployment, name: web, controller: true}]}
spec: {template: {spec: {containers: [{name: app, image: "example/web:9", env: [{name: A, value: y}]}]}}}
---
`

func TestTheChangeBeforeTheTroubleIsNamedAndCanBeTakenBack(t *testing.T) {
	t.Parallel()
	crash := pod("web-abc12-1", "Running", waiting("CrashLoopBackOff", "", ", lastState: {terminated: {exitCode: 1, finishedAt: \"@3m\"}}"))
	f := run(t, reader(t, deployment+revisions+crash), "deployments/shop/web")[0]
	for _, want := range []string{"It began with revision 4, 15 minutes ago: image of app example/web:8 -> example/web:9 and env of app (A)", "roll back deployment web to revision 3 in namespace shop"} {
		if !strings.Contains(says(f), want) {
			t.Errorf("%q is not in\n%s", want, says(f))
		}
	}
	if strings.Contains(says(f), "value") {
		t.Errorf("an environment's value is shown: %s", says(f))
	}
	before := strings.Replace(crash, "@3m", "@3h", 1)
	if f := run(t, reader(t, deployment+revisions+before), "deployments/shop/web")[0]; strings.Contains(says(f), "It began with") {
		t.Errorf("a later change is blamed: %s", says(f))
	}
}

func TestTheWorstComesFirstAndTheNearest(t *testing.T) {
	t.Parallel()
	oom := "  conditions: [{type: Ready, status: 'True'}]\n  containerStatuses: [{name: app, ready: true, restartCount: 2, state: {running: {}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled, finishedAt: \"@9m\"}}}]"
	bare := func(name, phase, status string) string {
		return strings.Replace(strings.Replace(pod(name, phase, status), "  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-abc12, uid: u, controller: true}]\n", "", 1), "app: web,", "app: "+name+",", 1)
	}
	found := run(t, reader(t, bare("a", "Running", oom)+bare("b", "Pending", waiting("ErrImagePull", "not found", ""))), "/shop/")
	var got []string
	for _, f := range found {
		got = append(got, f.ID+" "+f.Object+" "+f.Reason)
	}
	if want := "[F1 pod/b in shop ErrImagePull F2 pod/a in shop OOMKilled]"; fmt.Sprint(got) != want {
		t.Errorf("%v", got)
	}
}

const healthy = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, creationTimestamp: "@48h"}
spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}
status: {readyReplicas: 1, conditions: [{type: Progressing, status: "True"}, {type: Available, status: "True"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, namespace: shop, creationTimestamp: "@48h"}
spec: {replicas: 0, selector: {matchLabels: {app: idle}}, template: {metadata: {labels: {app: idle}}}}
status: {conditions: [{type: Available, status: "True"}]}
---
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: shop}
spec: {selector: {app: idle}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
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
apiVersion: v1
kind: ConfigMap
metadata: {name: unused, namespace: shop}
---
apiVersion: batch/v1
kind: Job
metadata: {name: seed, namespace: shop}
spec: {selector: {matchLabels: {job-name: seed}}}
status: {succeeded: 1, failed: 1, conditions: [{type: Complete, status: "True"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: seed-0, namespace: shop, labels: {job-name: seed}, ownerReferences: [{kind: Job, name: seed, controller: true}]}
status: {phase: Succeeded, containerStatuses: [{name: app, ready: false, restartCount: 0, state: {terminated: {exitCode: 0, reason: Completed}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: seed-1, namespace: shop, labels: {job-name: seed}, ownerReferences: [{kind: Job, name: seed, controller: true}]}
status: {phase: Failed, containerStatuses: [{name: app, ready: false, restartCount: 0, state: {terminated: {exitCode: 1, reason: Error}}}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: asleep-1, namespace: shop, creationTimestamp: "@800h", ownerReferences: [{kind: CronJob, name: asleep, controller: true}]}
status: {failed: 1, conditions: [{type: Failed, status: "True", reason: BackoffLimitExceeded}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: asleep-2, namespace: shop, creationTimestamp: "@790h", ownerReferences: [{kind: CronJob, name: asleep, controller: true}]}
status: {succeeded: 1, conditions: [{type: Complete, status: "True"}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop, creationTimestamp: "@5m"}
spec: {schedule: "0 2 * * *"}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: asleep, namespace: shop, creationTimestamp: "@900h"}
spec: {schedule: "0 2 * * *", suspend: true}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {conditions: [{type: Ready, status: "True"}, {type: DiskPressure, status: "False"}]}
---
`

const restarted = "  conditions: [{type: Ready, status: 'True'}]\n  containerStatuses: [{name: app, ready: true, restartCount: 9, state: {running: {}}, lastState: {terminated: {exitCode: 1, reason: Error, finishedAt: \"@90h\"}}}]"

func TestNothingIsInventedOnHealthyTargets(t *testing.T) {
	t.Parallel()
	r := reader(t, healthy+onNode(pod("web-abc12-1", "Running", restarted)))
	for at, checked := range map[string]string{
		"//": "1 node", "/shop/": "2 deployments", "pods/shop/": "cron jobs", "deployments/shop/web": "deployment/web in shop, 1 pod and 1 service; 9 restarts so far, the last 3 days ago (Error)",
		"services/shop/web": "service/web in shop", "jobs/shop/seed": "job/seed in shop", "nodes//n1": "node/n1", "pods/shop/web-abc12-1": "pod/web-abc12-1 in shop", "configmaps/shop/unused": "configmap/unused in shop",
		"cronjobs/shop/nightly": "cronjob/nightly in shop", "persistentvolumeclaims/shop/data": "persistentvolumeclaim/data in shop", "deployments/shop/": "2 deployments",
	} {
		got := report(t, r, at)
		for _, f := range got.Findings {
			t.Errorf("%s: %s", at, says(f))
		}
		if !strings.Contains(got.Checked, checked) {
			t.Errorf("%s: checked %q, want %q", at, got.Checked, checked)
		}
		if len(got.Notes) > 0 {
			t.Errorf("%s: %q", at, got.Notes)
		}
	}
}

func TestWhatMayNotBeReadIsSaidAndOnlyTheTargetMustBeReadable(t *testing.T) {
	t.Parallel()
	r := reader(t, deployment+pod("web-abc12-1", "Pending", waiting("ImagePullBackOff", "not found", "")))
	r.Forbidden["events"], r.Forbidden["jobs"] = true, true
	got := report(t, r, "/shop/")
	if len(got.Findings) == 0 {
		t.Error("nothing is found, though pods can be read")
	}
	if notes := strings.Join(got.Notes, "\n"); !strings.Contains(notes, "Could not look at events in shop: reading them is not allowed.") || !strings.Contains(notes, "jobs") {
		t.Errorf("notes: %s", notes)
	}
	for _, c := range []string{"deployments/shop/none", "pods/shop/none"} {
		if _, err := diagnose.Run(context.Background(), r, target(c)); err == nil {
			t.Errorf("%s is not there and passes as healthy", c)
		}
	}
	r.Forbidden["deployments"] = true
	if _, err := diagnose.Run(context.Background(), r, target("deployments/shop/web")); err == nil {
		t.Error("a target that can't be read passes as healthy")
	}
	for _, kind := range []string{"pods", "deployments", "statefulsets", "daemonsets", "cronjobs", "jobs", "services", "ingresses", "httproutes", "horizontalpodautoscalers", "poddisruptionbudgets", "persistentvolumeclaims", "certificates"} {
		r.Forbidden[kind] = true
	}
	if _, err := diagnose.Run(context.Background(), r, target("/shop/")); err == nil {
		t.Error("a namespace in which nothing can be read passes as healthy")
	}
}

func TestANamespaceOf500PodsIsReadInFewRequests(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 500 {
		b.WriteString(pod(fmt.Sprintf("web-abc12-%d", i), "Running", well))
	}
	r := reader(t, strings.Replace(healthy, "readyReplicas: 1", "readyReplicas: 500", 1)+b.String()+pod("web-abc12-x", "Pending", waiting("ImagePullBackOff", "not found", "")))
	got := report(t, r, "/shop/")
	if len(got.Findings) != 1 || got.Reads > 20 || int(r.Reads.Load()) != got.Reads {
		t.Errorf("%d reads (%d counted), %+v", r.Reads.Load(), got.Reads, got.Findings)
	}
}

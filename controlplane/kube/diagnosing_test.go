package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/diagnose"
	"github.com/kubechat/kubechat/controlplane/diagnose/diagnosetest"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

// serves answers each path with a body; everything else is not found.
func serves(t *testing.T, bodies map[string]string) (*Cluster, *[]*http.Request) {
	t.Helper()
	var asked []*http.Request
	c, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r)
		body, ok := bodies[r.URL.Path]
		switch {
		case !ok:
			return answer(404, status(404)), nil
		case body == "forbidden":
			return answer(403, status(403)), nil
		}
		return answer(200, body), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	return c, &asked
}

const crashingPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-1","namespace":"shop","creationTimestamp":"2026-01-01T00:00:00Z"},
"spec":{"containers":[{"name":"app","image":"web:1"}]},"status":{"phase":"Running","containerStatuses":[{"name":"app","restartCount":4,"ready":false,
"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":{"exitCode":1,"message":"password=hunter2hunter2"}}}]}}`

func diagnosed(t *testing.T, c *Cluster, step nlp.Step) []chat.Part {
	t.Helper()
	step.Op = nlp.OpDiagnose
	a, err := c.Execute(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	return a.Parts
}

func TestFindingsShowNoSecretsAndNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	c, _ := serves(t, map[string]string{
		"/api/v1/namespaces/shop/pods/web-1": crashingPod, "/api/v1/namespaces/shop/events": "forbidden",
		"/api/v1/namespaces/shop/pods/web-1/log": "start\n\x1b[31mAuthorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789\x1b[0m\ntoken=0123456789abcdef0123456789abcdef\n",
	})
	parts := diagnosed(t, c, nlp.Step{Resource: pods, Namespace: "shop", Names: []string{"web-1"}})
	b, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"hunter2hunter2", "abcdefghijklmnopqrstuvwxyz0123456789", "0123456789abcdef0123456789abcdef", `\u001b`} {
		if strings.Contains(string(b), bad) {
			t.Errorf("%q is shown: %s", bad, b)
		}
	}
	f, ok := parts[0].(chat.Finding)
	if !ok || f.Reason != "CrashLoopBackOff" || f.ID != "" || f.Object != "pod/web-1 in shop" || len(f.Evidence) < 5 || f.Evidence[0].Object == "" {
		t.Errorf("%+v", parts)
	}
	if notes, ok := parts[len(parts)-1].(chat.Text); !ok || !strings.Contains(notes.Text, "Could not look at events in shop") {
		t.Errorf("what was not looked at is not said: %+v", parts)
	}
}

func TestAHealthyTargetGivesOneLineAndNoFinding(t *testing.T) {
	t.Parallel()
	well := strings.NewReplacer(`"ready":false`, `"ready":true`, `{"waiting":{"reason":"CrashLoopBackOff"}}`, `{"running":{}}`).Replace(crashingPod)
	c, _ := serves(t, map[string]string{"/api/v1/namespaces/shop/pods/web-1": well, "/api/v1/namespaces/shop/events": `{"apiVersion":"v1","kind":"EventList","items":[]}`})
	parts := diagnosed(t, c, nlp.Step{Resource: pods, Namespace: "shop", Names: []string{"web-1"}})
	if text, ok := parts[0].(chat.Text); len(parts) != 1 || !ok || !strings.Contains(text.Text, "Looked at pod/web-1 in shop") {
		t.Errorf("%+v", parts)
	}
}

func TestOfSecretsADiagnosisSeesMetadataAtMostAndNothingThroughATunnel(t *testing.T) {
	t.Parallel()
	const path = "/api/v1/namespaces/shop/secrets/db"
	c, asked := serves(t, map[string]string{path: `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","namespace":"shop"},"data":{"password":"aHVudGVyMg=="}}`})
	secrets := diagnose.Query{Resource: schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, Namespace: "shop", Limit: 5}
	o, err := eyes{c}.Get(t.Context(), secrets.Resource, "shop", "db")
	if err != nil || o.Object["data"] != nil || o.GetName() != "db" {
		t.Errorf("%v, %v", o, err)
	}
	if accept := (*asked)[0].Header.Get("Accept"); accept != asMetadata {
		t.Errorf("asked for %s", accept)
	}
	c.tunnel = true
	if _, err := (eyes{c}).Get(t.Context(), secrets.Resource, "shop", "db"); err == nil || len(*asked) != 1 {
		t.Errorf("%v after %d requests", err, len(*asked))
	}
	if _, err := (eyes{c}).List(context.Background(), secrets); err == nil || len(*asked) != 1 {
		t.Errorf("%v after %d requests", err, len(*asked))
	}
}

func TestWhatChangedIsATable(t *testing.T) {
	t.Parallel()
	c, _ := serves(t, map[string]string{
		"/api/v1/namespaces/shop/configmaps/flags": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"flags","namespace":"shop","creationTimestamp":"2020-01-01T00:00:00Z",
"managedFields":[{"manager":"kubectl-edit","operation":"Update","time":"2025-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{}}}]}}`,
	})
	step := nlp.Step{Resource: nlp.Resource{Version: "v1", Plural: "configmaps", Kind: "ConfigMap", Namespaced: true}, Namespace: "shop", Names: []string{"flags"}, Args: nlp.Args{Type: nlp.DiagnoseChanges, Since: 1e5 * 3600e9}}
	parts := diagnosed(t, c, step)
	table, ok := parts[0].(chat.Table)
	if !ok || len(table.Rows) != 2 || table.Rows[0][1] != "configmap/flags in shop" || table.Rows[0][2] != "edited (data)" || table.Rows[0][3] != "kubectl-edit" {
		t.Errorf("%+v", parts)
	}
	step.Args.Since = 3600e9
	if text, ok := diagnosed(t, c, step)[0].(chat.Text); !ok || !strings.Contains(text.Text, "Nothing was changed in the last 1h") {
		t.Errorf("%+v", text)
	}
}

// Every fix that a finding offers is something that asking for it proposes.
func TestFixesAreUnderstood(t *testing.T) {
	t.Parallel()
	const cluster = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, annotations: {deployment.kubernetes.io/revision: "4"}}
spec: {paused: true, replicas: 1, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: "web:2"}]}}}
status: {conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: big, namespace: shop}
spec: {replicas: 1, selector: {matchLabels: {app: big}}, template: {metadata: {labels: {app: big}}, spec: {containers: [{name: app, image: "big:2"}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: big-1, namespace: shop, labels: {app: big, pod-template-hash: "1"}, ownerReferences: [{kind: ReplicaSet, name: big-1, controller: true}]}
spec: {containers: [{name: app, image: "big:2", resources: {limits: {memory: 64Mi}}}]}
status: {phase: Running, containerStatuses: [{name: app, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec: {replicas: 0, selector: {matchLabels: {app: db}}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: wed}, ports: [{port: 80}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec: {schedule: "0 2 * * *", suspend: true}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: big, namespace: shop}
spec: {maxReplicas: 4, scaleTargetRef: {kind: None, name: x}}
status: {currentReplicas: 4, conditions: [{type: ScalingLimited, status: "True", reason: TooManyReplicas}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {unschedulable: true}
`
	r, err := diagnosetest.New(cluster)
	if err != nil {
		t.Fatal(err)
	}
	words, err := nlp.FromManifests(strings.NewReader(cluster), "", "default")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		group, version, plural, ns, name string
		ops                              []nlp.Op
	}{
		{"apps", "v1", "deployments", "shop", "web", []nlp.Op{nlp.OpRolloutUndo, nlp.OpSetSelector, nlp.OpRolloutResume}},
		{"apps", "v1", "deployments", "shop", "big", []nlp.Op{nlp.OpSetResources}}, {"apps", "v1", "statefulsets", "shop", "db", []nlp.Op{nlp.OpScale}},
		{"batch", "v1", "cronjobs", "shop", "nightly", []nlp.Op{nlp.OpPatch}}, {"autoscaling", "v2", "horizontalpodautoscalers", "shop", "big", []nlp.Op{nlp.OpPatch}}, {"", "v1", "nodes", "", "n1", []nlp.Op{nlp.OpUncordon}},
	} {
		target := diagnose.Target{Resource: schema.GroupVersionResource{Group: c.group, Version: c.version, Resource: c.plural}, Namespace: c.ns, Name: c.name}
		report, err := diagnose.Run(t.Context(), r, target)
		if err != nil {
			t.Fatal(err)
		}
		var got []nlp.Op
		for _, f := range report.Findings {
			if f.Fix == nil {
				continue
			}
			tr := nlp.Translator{}.Translate(t.Context(), nlp.Request{Utterance: f.Fix.Text, Vocabulary: words})
			if tr.Plan == nil || len(tr.Plan.Steps) != 1 || tr.Plan.Steps[0].Names[0] != c.name {
				t.Errorf("%q proposes nothing: %s %s", f.Fix.Text, tr.Class, tr.Message)
				continue
			}
			got = append(got, tr.Plan.Steps[0].Op)
		}
		if !slices.Equal(got, c.ops) {
			t.Errorf("%s %s: %v, want %v", c.plural, c.name, got, c.ops)
		}
	}
}

// BenchmarkANamespaceOf500Pods is what a diagnosis costs besides waiting for the cluster.
func BenchmarkANamespaceOf500Pods(b *testing.B) {
	var items []string
	for i := range 500 {
		owner := fmt.Sprintf(`"name":"web-%d","labels":{"app":"web"},"managedFields":[{"manager":"kubelet","fieldsV1":{"f:status":{%s}}}]`, i, strings.Repeat(`"f:x":{},`, 300)+`"f:y":{}`)
		items = append(items, strings.Replace(crashingPod, `"name":"web-1"`, owner, 1))
	}
	list := `{"apiVersion":"v1","kind":"PodList","items":[` + strings.Join(items, ",") + `]}`
	requests := 0
	c, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(r *http.Request) (*http.Response, error) {
		requests++
		if strings.HasSuffix(r.URL.Path, "/pods") {
			return answer(200, list), nil
		}
		return answer(404, status(404)), nil
	})})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(list)))
	for b.Loop() {
		requests = 0
		if _, err := c.Execute(b.Context(), nlp.Step{Op: nlp.OpDiagnose, Resource: pods, Namespace: "shop"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(requests), "requests/op")
}

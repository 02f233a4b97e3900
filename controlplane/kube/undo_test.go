package kube

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

// patched applies a JSON patch as the RFC says, for comparing.
func patched(t *testing.T, doc any, ops []jsonOp) any {
	t.Helper()
	for _, op := range ops {
		doc = patchAt(t, doc, strings.Split(op.Path, "/")[1:], op)
	}
	return doc
}

func patchAt(t *testing.T, doc any, path []string, op jsonOp) any {
	t.Helper()
	if len(path) == 0 {
		return op.Value
	}
	key := strings.ReplaceAll(strings.ReplaceAll(path[0], "~1", "/"), "~0", "~")
	switch x := doc.(type) {
	case map[string]any:
		if len(path) == 1 && op.Op == "remove" {
			delete(x, key)
			return x
		}
		x[key] = patchAt(t, x[key], path[1:], op)
		return x
	case []any:
		i, err := strconv.Atoi(key)
		switch {
		case err != nil || i > len(x):
			t.Fatalf("no index %q in %v", key, x)
		case len(path) == 1 && op.Op == "remove":
			return append(x[:i:i], x[i+1:]...)
		case len(path) == 1 && op.Op == "add":
			return append(x[:i:i], append([]any{op.Value}, x[i:]...)...)
		}
		x[i] = patchAt(t, x[i], path[1:], op)
		return x
	}
	t.Fatalf("nothing at %v in %v", path, doc)
	return nil
}

func copied(v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		panic(err)
	}
	return out
}

func TestAJSONDifferenceTurnsOneValueIntoTheOther(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	var value func(depth int) any
	value = func(depth int) any {
		switch k := r.IntN(5); {
		case k == 0 && depth > 0:
			m := map[string]any{}
			for range r.IntN(4) {
				m[string(rune('a'+r.IntN(3)))+"/~"[r.IntN(2):]] = value(depth - 1)
			}
			return m
		case k == 1 && depth > 0:
			list := make([]any, r.IntN(4))
			for i := range list {
				list[i] = value(depth - 1)
			}
			return list
		default:
			return float64(r.IntN(3))
		}
	}
	for range 2000 {
		a, b := map[string]any{"x": value(4)}, map[string]any{"x": value(4)}
		got := patched(t, copied(a), jsonDiff(a, b, ""))
		if !reflect.DeepEqual(copied(got), copied(b)) {
			t.Fatalf("%v -> %v gives %v by %v", a, b, got, jsonDiff(a, b, ""))
		}
	}
}

func parsed(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return o
}

// What a deletion can be taken back with, and what it says where it cannot.
func TestADeletionIsTakenBackOnlyWhereThatMeansTheSame(t *testing.T) {
	t.Parallel()
	secrets := nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	configMaps := nlp.Resource{Version: "v1", Plural: "configmaps", Kind: "ConfigMap", Namespaced: true}
	for name, c := range map[string]struct {
		r    nlp.Resource
		o    string
		want string // part of Impossible, "" where there is a way
	}{
		"a config map":          {configMaps, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"shop"},"data":{"color":"blue"}}`, ""},
		"one with a password":   {configMaps, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"shop"},"data":{"db_password":"hunter2"}}`, "look like secrets"},
		"a secret":              {secrets, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x","namespace":"shop"},"data":{"a":"aGVsbG8="}}`, "Nothing of a Secret"},
		"a claim":               {claims, `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"x","namespace":"shop"}}`, "data on its volume"},
		"a job":                 {jobs, `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"x","namespace":"shop"}}`, "run it again"},
		"a controller's pod":    {pods, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x","namespace":"shop","ownerReferences":[{"kind":"ReplicaSet","name":"web-1","controller":true}]}}`, "replicaset/web-1"},
		"a pod of its own":      {pods, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x","namespace":"shop"},"spec":{"nodeName":"n","containers":[{"name":"c","image":"i","volumeMounts":[{"name":"kube-api-access-1"}]}],"volumes":[{"name":"kube-api-access-1"}]}}`, ""},
		"a pod that is too apt": {pods, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x","namespace":"shop"},"spec":{"containers":[{"name":"c","image":"i","securityContext":{"privileged":true}}]}}`, "would break a rule"},
	} {
		o := parsed(t, c.o)
		ch := change{live: o, gone: true, seen: chat.Seen{Resource: c.r, Namespace: "shop", Name: "x", UID: "u"}}
		u := undoOf(nlp.OpDelete, []way{wayBack(nlp.OpDelete, ch, nil)})
		switch {
		case c.want == "" && (u.Impossible != "" || len(u.Plan.Steps) != 1 || u.Plan.Steps[0].Op != nlp.OpCreate):
			t.Errorf("%s: %+v", name, u)
		case c.want != "" && !strings.Contains(u.Impossible, c.want):
			t.Errorf("%s: %+v, want %q", name, u, c.want)
		}
		if b, err := json.Marshal(u); err != nil || strings.Contains(string(b), "hunter2") || strings.Contains(string(b), "aGVsbG8") || strings.Contains(string(b), "kube-api-access") || strings.Contains(string(b), "nodeName") {
			t.Errorf("%s keeps %s, %v", name, b, err)
		}
	}
}

func TestObjectsWithTheSameWayBackShareAStep(t *testing.T) {
	t.Parallel()
	back := func(name string, n int32) way {
		return way{step: nlp.Step{Op: nlp.OpScale, Resource: deployments, Namespace: "shop", Names: []string{name}, Args: nlp.Args{Replicas: &n}}}
	}
	u := undoOf(nlp.OpScale, []way{back("a", 2), back("b", 2), back("c", 3)})
	if len(u.Plan.Steps) != 2 || len(u.Plan.Steps[0].Names) != 2 || u.Plan.Class != nlp.Mutate {
		t.Errorf("%+v", u)
	}
	if want := "Scale deployment/a, deployment/b in shop back to 2. Scale deployment/c in shop back to 3."; u.Sentence != want {
		t.Errorf("%s, want %s", u.Sentence, want)
	}
	if u := undoOf(nlp.OpScale, []way{back("a", 1), back("b", 2), back("c", 3), back("d", 4), back("e", 5), back("f", 6)}); u.Impossible == "" {
		t.Errorf("more steps than a plan has: %+v", u)
	}
	if u := undoOf(nlp.OpScale, []way{back("a", 1), {none: "no"}}); u.Impossible != "no" {
		t.Errorf("half an undo: %+v", u)
	}
}

// A node may have several taints of one key.
func TestTaintsOfOneKeyAreAllTakenBack(t *testing.T) {
	t.Parallel()
	node := func(taints string) string {
		return `{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"spec":{"taints":[` + taints + `]}}`
	}
	const both = `{"key":"gpu","value":"a","effect":"NoSchedule"},{"key":"gpu","value":"b","effect":"NoExecute"}`
	ch := change{live: parsed(t, node(both)), seen: chat.Seen{Resource: nodes, Name: "n"}}
	for after, want := range map[string]string{
		"": "kubectl taint nodes n gpu=a:NoSchedule gpu=b:NoExecute",
		`{"key":"gpu","value":"a","effect":"NoSchedule"}`:                                                "kubectl taint nodes n gpu=b:NoExecute",
		both + `,{"key":"gpu","value":"c","effect":"PreferNoSchedule"}`:                                  "kubectl taint nodes n gpu:PreferNoSchedule-",
		`{"key":"gpu","value":"b","effect":"NoSchedule"},{"key":"gpu","value":"b","effect":"NoExecute"}`: "kubectl taint nodes n gpu=a:NoSchedule",
	} {
		u := undoOf(nlp.OpTaint, []way{wayBack(nlp.OpTaint, ch, parsed(t, node(after)))})
		if u.Impossible != "" || len(u.Plan.Steps) != 1 || nlp.KubectlStep(u.Plan.Steps[0]) != want {
			t.Errorf("after %s: %+v, want %s", after, u, want)
		}
	}
}

// One of a group that was so already has nothing to go back from, and holds up none of the others.
func TestWhatWasSoAlreadyIsNoPartOfAnUndo(t *testing.T) {
	t.Parallel()
	labeled := func(name, labels string) *unstructured.Unstructured {
		return parsed(t, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"`+name+`","namespace":"shop","labels":{`+labels+`}}}`)
	}
	ways := func(names ...string) (out []way) {
		for _, name := range names {
			before := ""
			if name == "so" {
				before = `"a":"b"`
			}
			ch := change{live: labeled(name, before), seen: chat.Seen{Resource: deployments, Namespace: "shop", Name: name}}
			out = append(out, wayBack(nlp.OpLabel, ch, labeled(name, `"a":"b"`)))
		}
		return out
	}
	u := undoOf(nlp.OpLabel, ways("so", "new"))
	if u.Impossible != "" || len(u.Plan.Steps) != 1 || len(u.Plan.Steps[0].Names) != 1 || u.Plan.Steps[0].Names[0] != "new" || len(u.Seen) != 1 {
		t.Errorf("%+v", u)
	}
	if u := undoOf(nlp.OpLabel, ways("so")); !strings.Contains(u.Impossible, "nothing to undo") {
		t.Errorf("%+v", u)
	}
}

// Where a value may not be kept, the way back is a revision: the one before the change, and not the one that it makes.
func TestTheRevisionToGoBackToIsTheOneOfBefore(t *testing.T) {
	t.Parallel()
	const set = `{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"db","namespace":"shop","uid":"u","resourceVersion":"1","generation":2},
		"spec":{"selector":{"matchLabels":{"app":"db"}},"template":{"spec":{"containers":[{"name":"main","image":"i","env":[{"name":"DB_PASSWORD","value":"%s"}]}]}}},"status":{"observedGeneration":%d}}`
	for observed, want := range map[int]int64{2: 4, 1: 0} {
		numbers := []int{3, 4}
		c, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(r *http.Request) (*http.Response, error) {
			switch {
			case strings.HasSuffix(r.URL.Path, "controllerrevisions"):
				var items []string
				for _, n := range numbers {
					items = append(items, fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"db-%d","ownerReferences":[{"uid":"u","controller":true}]},"revision":%[1]d}`, n))
				}
				return answer(200, `{"apiVersion":"apps/v1","kind":"ControllerRevisionList","items":[`+strings.Join(items, ",")+`]}`), nil
			case r.Method == http.MethodGet:
				return answer(200, fmt.Sprintf(set, "hunter2hunter2", observed)), nil
			}
			numbers = append(numbers, 5) // the controller is as quick as the answer
			return answer(200, fmt.Sprintf(set, "other", observed)), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Execute(t.Context(), nlp.Step{Op: nlp.OpSetEnv, Resource: statefulSets, Namespace: "shop", Names: []string{"db"}, Args: nlp.Args{Env: map[string]string{"DB_PASSWORD": "other"}}})
		if err != nil || a.Undo == nil {
			t.Fatalf("%+v, %v", a, err)
		}
		switch {
		case want == 0 && a.Undo.Impossible == "":
			t.Errorf("its controller had not seen it yet: %+v", a.Undo)
		case want != 0 && (len(a.Undo.Plan.Steps) != 1 || a.Undo.Plan.Steps[0].Args.Revision != want):
			t.Errorf("%+v, want revision %d", a.Undo, want)
		}
	}
}

package kube

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

const noEvents = `{"apiVersion":"v1","kind":"EventList","items":[]}`

var wellPod = strings.NewReplacer(`"ready":false`, `"ready":true`, `"restartCount":4`, `"restartCount":0`, `{"waiting":{"reason":"CrashLoopBackOff"}}`, `{"running":{}}`,
	`"phase":"Running"`, `"phase":"Running","conditions":[{"type":"Ready","status":"True"}]`).Replace(crashingPod)

// tableOf is the server's table of objects.
func tableOf(objects ...string) string {
	rows := make([]string, 0, len(objects))
	for _, o := range objects {
		rows = append(rows, `{"cells":["web-1"],"object":`+o+`}`)
	}
	return `{"apiVersion":"meta.k8s.io/v1","kind":"Table","columnDefinitions":[{"name":"Name","type":"string"}],"rows":[` + strings.Join(rows, ",") + `]}`
}

func shownParts(t *testing.T, c *Cluster, step nlp.Step) (findings []chat.Finding, types []string) {
	t.Helper()
	a, err := c.Execute(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	if a.Beside != nil {
		a.Parts = append(a.Parts, a.Beside(t.Context())...)
	}
	for _, p := range a.Parts {
		types = append(types, fmt.Sprintf("%T", p))
		if f, ok := p.(chat.Finding); ok {
			findings = append(findings, f)
		}
	}
	return findings, types
}

// pathed answers one path with a table or an object, as it was asked, and the rest from bodies.
func pathed(t *testing.T, path, table, object string, bodies map[string]string) (*Cluster, *[]*http.Request) {
	t.Helper()
	var asked []*http.Request
	c, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r)
		body, ok := bodies[r.URL.Path]
		switch {
		case r.URL.Path == path && strings.Contains(r.Header.Get("Accept"), "as=Table"):
			return answer(200, table), nil
		case r.URL.Path == path:
			return answer(200, object), nil
		case !ok:
			return answer(404, status(404)), nil
		}
		return answer(200, body), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	return c, &asked
}

func TestWhatIsShownAndIsNotWellIsExplainedBesideIt(t *testing.T) {
	t.Parallel()
	const one, all = "/api/v1/namespaces/shop/pods/web-1", "/api/v1/namespaces/shop/pods"
	bodies := map[string]string{"/api/v1/namespaces/shop/events": noEvents, one: crashingPod}
	named := nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "shop", Names: []string{"web-1"}}
	listed := nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "shop", Post: nlp.Post{Filter: []nlp.Filter{{Test: nlp.TestCrashing}}}}
	list := `{"apiVersion":"v1","kind":"PodList","items":[` + crashingPod + `]}`
	describe, events := named, named
	describe.Op, events.Op = nlp.OpDescribe, nlp.OpEvents
	for name, c := range map[string]struct {
		path, object string
		step         nlp.Step
	}{
		"one by name": {one, crashingPod, named}, "what is listed as crashing": {all, list, listed}, "a description": {one, crashingPod, describe}, "its events": {one, crashingPod, events},
	} {
		at, _ := pathed(t, c.path, tableOf(crashingPod), c.object, bodies)
		if got, types := shownParts(t, at, c.step); len(got) != 1 || got[0].Object != "pod/web-1 in shop" || got[0].Reason != "CrashLoopBackOff" || types[0] == "chat.Finding" {
			t.Errorf("%s: %+v %v", name, got, types)
		}
	}
	yaml, count := named, listed
	yaml.Args.Output, count.Post.Count = "yaml", true
	for name, c := range map[string]struct {
		path, object string
		step         nlp.Step
	}{"yaml": {one, crashingPod, yaml}, "a count": {all, list, count}, "a plain list": {all, list, nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "shop"}}} {
		at, _ := pathed(t, c.path, tableOf(crashingPod), c.object, bodies)
		if got, _ := shownParts(t, at, c.step); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestOfWhatIsWellNothingMoreIsReadOrSaid(t *testing.T) {
	t.Parallel()
	c, asked := pathed(t, "/api/v1/namespaces/shop/pods/web-1", tableOf(wellPod), wellPod, nil)
	got, types := shownParts(t, c, nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "shop", Names: []string{"web-1"}})
	if len(got) > 0 || len(types) != 1 || len(*asked) != 1 {
		t.Errorf("%+v %v, %d requests", got, types, len(*asked))
	}
}

func TestOfASecretThatIsShownOnlyItsRowIsFetched(t *testing.T) {
	t.Parallel()
	secret := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"web-1","namespace":"shop"}}`
	c, asked := pathed(t, "/api/v1/namespaces/shop/secrets/web-1", tableOf(secret), secret, nil)
	secrets := nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	shownParts(t, c, nlp.Step{Op: nlp.OpGet, Resource: secrets, Namespace: "shop", Names: []string{"web-1"}})
	if len(*asked) != 1 || (*asked)[0].URL.Query().Has("includeObject") {
		t.Errorf("%d requests, the first is %s", len(*asked), (*asked)[0].URL)
	}
}

func TestWhatMayNotBeLookedIntoIsStillShown(t *testing.T) {
	t.Parallel()
	table := tableOf(crashingPod)
	c, _ := serves(t, map[string]string{"/api/v1/namespaces/shop/pods/web-1": table}) // no object is to be had from it
	if _, types := shownParts(t, c, nlp.Step{Op: nlp.OpGet, Resource: pods, Namespace: "shop", Names: []string{"web-1"}}); types[0] != "chat.Table" {
		t.Errorf("%v", types)
	}
}

func TestWhatIsWorthKnowingIsNotSaidToBeBroken(t *testing.T) {
	t.Parallel()
	suspended := `{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"nightly","namespace":"shop"},"spec":{"schedule":"0 1 * * *","suspend":true}}`
	c, _ := serves(t, map[string]string{"/apis/batch/v1/namespaces/shop/cronjobs/nightly": suspended, "/api/v1/namespaces/shop/events": noEvents})
	parts := diagnosed(t, c, nlp.Step{Resource: nlp.Resource{Group: "batch", Version: "v1", Plural: "cronjobs", Kind: "CronJob", Namespaced: true}, Namespace: "shop", Names: []string{"nightly"}})
	b, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "Nothing is broken that the rules know of, but this is worth knowing") || !strings.Contains(string(b), `"Suspended"`) {
		t.Errorf("%s", b)
	}
}

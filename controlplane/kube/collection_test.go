package kube

import (
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// "delete the evicted pods": the API can select failed pods only, and the other failed ones are somebody's evidence.
func TestAChangeBySelectorTouchesOnlyWhatItsFilterKeeps(t *testing.T) {
	t.Parallel()
	pod := func(name, reason string) string {
		return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"` + name + `","namespace":"shop","uid":"` + name + `","resourceVersion":"1"},"status":{"phase":"Failed","reason":"` + reason + `"}}`
	}
	c, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(r *http.Request) (*http.Response, error) {
		switch {
		case r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/pods/old"):
			return answer(200, pod("old", "Evicted")), nil
		case r.Method != http.MethodGet:
			t.Errorf("%s %s", r.Method, r.URL)
			return answer(500, status(500)), nil
		case strings.HasSuffix(r.URL.Path, "/pods"):
			return answer(200, `{"apiVersion":"v1","kind":"PodList","metadata":{"resourceVersion":"1"},"items":[`+pod("old", "Evicted")+","+pod("broken", "Error")+`]}`), nil
		}
		return answer(404, status(404)), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	step := nlp.Step{
		Op: nlp.OpDeleteCollection, Resource: nlp.Resource{Version: "v1", Plural: "pods", Kind: "Pod", Namespaced: true}, Namespace: "shop",
		FieldSelector: "status.phase=Failed", Post: nlp.Post{Filter: []nlp.Filter{{Test: nlp.TestEvicted}}},
	}
	preview, err := c.DryRun(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	if len(preview.Seen) != 1 || preview.Seen[0].Name != "old" {
		t.Errorf("it would touch %+v", preview.Seen)
	}
}

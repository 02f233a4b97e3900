package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// apiServer speaks as much of the API as a vocabulary asks for. Lists of forbidden paths are answered 403.
type apiServer struct {
	forbidden map[string]bool
	gets      atomic.Int32 // reads of single objects
	full      atomic.Int32 // lists that were not metadata only
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	say := func(v any) { _ = json.NewEncoder(w).Encode(v) } // the client notices what is cut off
	resources := func(gv string, rs ...metav1.APIResource) metav1.APIResourceList {
		return metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: gv, APIResources: rs}
	}
	list := metav1.Verbs{"get", "list"}
	switch r.URL.Path {
	case "/api":
		say(metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	case "/apis":
		v := metav1.GroupVersionForDiscovery{GroupVersion: "apps/v1", Version: "v1"}
		x := metav1.GroupVersionForDiscovery{GroupVersion: "away.example/v1", Version: "v1"}
		say(metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{
			{Name: "apps", Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v},
			{Name: "away.example", Versions: []metav1.GroupVersionForDiscovery{x}, PreferredVersion: x},
		}})
	case "/api/v1":
		say(resources("v1",
			metav1.APIResource{Name: "namespaces", Kind: "Namespace", SingularName: "namespace", ShortNames: []string{"ns"}, Verbs: list},
			metav1.APIResource{Name: "pods", Kind: "Pod", SingularName: "pod", ShortNames: []string{"po"}, Namespaced: true, Verbs: list},
			metav1.APIResource{Name: "pods/log", Kind: "Pod", Namespaced: true, Verbs: metav1.Verbs{"get"}},
			metav1.APIResource{Name: "secrets", Kind: "Secret", SingularName: "secret", Namespaced: true, Verbs: list},
			metav1.APIResource{Name: "bindings", Kind: "Binding", Namespaced: true, Verbs: metav1.Verbs{"create"}},
		))
	case "/apis/apps/v1":
		say(resources("apps/v1", metav1.APIResource{Name: "deployments", Kind: "Deployment", SingularName: "deployment", ShortNames: []string{"deploy"}, Namespaced: true, Verbs: list}))
	case "/apis/apps/v1/namespaces/shop/deployments/web":
		s.gets.Add(1)
		_, _ = w.Write([]byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":4,"selector":{"matchLabels":{"tier":"web"}}}}`))
	default:
		s.list(w, r)
	}
}

func (s *apiServer) list(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, "away.example") && !strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadataList") {
		s.full.Add(1)
	}
	names := map[string][][2]string{
		"/api/v1/namespaces":           {{"", "shop"}, {"", "bank"}},
		"/api/v1/pods":                 {{"shop", "web-1"}, {"bank", "vault-1"}},
		"/api/v1/secrets":              {{"shop", "db"}},
		"/apis/apps/v1/deployments":    {{"shop", "web"}},
		"/api/v1/namespaces/shop/pods": {{"shop", "web-1"}},
	}[r.URL.Path]
	if names == nil || s.forbidden[r.URL.Path] {
		code, reason := http.StatusForbidden, metav1.StatusReasonForbidden
		if strings.Contains(r.URL.Path, "away.example") {
			code, reason = http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable
		}
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: reason, Code: int32(code)})
		return
	}
	out := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadataList", APIVersion: "meta.k8s.io/v1"}}
	for _, n := range names {
		out.Items = append(out.Items, metav1.PartialObjectMetadata{
			TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"}, ObjectMeta: metav1.ObjectMeta{Namespace: n[0], Name: n[1]},
		})
	}
	_ = json.NewEncoder(w).Encode(out)
}

func load(t *testing.T, s *apiServer) *nlp.Vocabulary {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	v, err := LoadVocabulary(context.Background(), &rest.Config{Host: srv.URL}, VocabularyOptions{Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func said(v *nlp.Vocabulary, text string) nlp.Translation {
	return nlp.Translator{}.Translate(context.Background(), nlp.Request{Utterance: text, Vocabulary: v})
}

func TestAVocabularyIsMadeOfMetadataAndFetchesDetailsWhenASentenceNeedsThem(t *testing.T) {
	t.Parallel()
	s := &apiServer{}
	v := load(t, s)
	if got := fmt.Sprint(v.Namespaces()); got != "[bank shop]" {
		t.Errorf("namespaces %s", got)
	}
	if s.full.Load() != 0 || s.gets.Load() != 0 {
		t.Errorf("%d full lists and %d reads before anything was asked", s.full.Load(), s.gets.Load())
	}
	for range 2 {
		if got := said(v, "show the pods of web").Kubectl; got != "kubectl get pods -n shop -l tier=web" {
			t.Errorf("got %q", got)
		}
	}
	if got := said(v, "add 2 replicas to web").Kubectl; got != "kubectl scale deployment/web -n shop --replicas=6" {
		t.Errorf("got %q", got)
	}
	if s.gets.Load() != 1 {
		t.Errorf("the deployment was read %d times", s.gets.Load())
	}
}

func TestAKindThatMayNotBeListedLeavesNoNames(t *testing.T) {
	t.Parallel()
	v := load(t, &apiServer{forbidden: map[string]bool{"/api/v1/secrets": true, "/api/v1/pods": true}})
	if n := len(v.Objects("secrets", "")); n != 0 {
		t.Errorf("%d secrets are named", n)
	}
	pods := v.Objects("pods", "")
	if len(pods) != 1 || pods[0].Name != "web-1" {
		t.Errorf("pods that may be listed in one namespace only: %+v", pods)
	}
	for _, text := range []string{"describe pod vault-1", "logs of vault-1"} {
		if tr := said(v, text); tr.Plan != nil || strings.Contains(tr.Message, "bank") {
			t.Errorf("%q: %q %q", text, tr.Kubectl, tr.Message)
		}
	}
}

func TestWithoutRightsAVocabularyStillKnowsKindsAndTheSessionsNamespace(t *testing.T) {
	t.Parallel()
	v := load(t, &apiServer{forbidden: map[string]bool{
		"/api/v1/namespaces": true, "/api/v1/pods": true, "/api/v1/namespaces/shop/pods": true, "/api/v1/secrets": true, "/apis/apps/v1/deployments": true,
	}})
	if got := said(v, "list pods").Kubectl; got != "kubectl get pods -n shop" {
		t.Errorf("got %q", got)
	}
	if got := fmt.Sprint(v.Namespaces()); got != "[shop]" {
		t.Errorf("namespaces %s", got)
	}
}

func TestAVocabularysVersionChangesWithItsNames(t *testing.T) {
	t.Parallel()
	a, b := load(t, &apiServer{}), load(t, &apiServer{})
	c := load(t, &apiServer{forbidden: map[string]bool{"/api/v1/secrets": true}})
	if a.Version() != b.Version() || a.Version() == c.Version() {
		t.Errorf("%s %s %s", a.Version(), b.Version(), c.Version())
	}
}

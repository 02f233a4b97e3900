package controlplane_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

type object = map[string]any

// smallCluster is an API server with one namespace and one pod: as much as an agent and a question need.
type smallCluster struct {
	*httptest.Server
	mu   sync.Mutex // guards seen
	seen []http.Header
}

var podRow = object{
	"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "checkout-1", "namespace": "shop", "uid": "1", "resourceVersion": "7"},
	"spec": object{"containers": []object{{"name": "main", "image": "shop:1"}}}, "status": object{"phase": "Running"},
}

func newSmallCluster(t *testing.T) *smallCluster {
	t.Helper()
	c := &smallCluster{}
	mux := http.NewServeMux()
	say := func(pattern string, v any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		})
	}
	verbs := []string{"get", "list", "watch", "delete"}
	say("GET /version", object{"gitVersion": "v1.37.2", "major": "1", "minor": "37"})
	say("GET /api", object{"kind": "APIVersions", "versions": []string{"v1"}})
	say("GET /apis", object{"kind": "APIGroupList", "apiVersion": "v1", "groups": []object{}})
	say("GET /api/v1", object{"kind": "APIResourceList", "groupVersion": "v1", "resources": []object{
		{"name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "verbs": verbs, "shortNames": []string{"po"}},
		{"name": "namespaces", "singularName": "namespace", "namespaced": false, "kind": "Namespace", "verbs": verbs, "shortNames": []string{"ns"}},
	}})
	say("GET /api/v1/namespaces/kube-system", object{"metadata": object{"name": "kube-system", "uid": "0b2c7e4e-1111-4222-8333-444455556666"}})
	say("GET /api/v1/namespaces/shop", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "shop"}})
	say("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", object{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "status": object{"allowed": true},
	})
	mux.HandleFunc("GET /api/v1/namespaces", list("NamespaceList", object{"metadata": object{"name": "shop", "uid": "2"}}))
	for _, path := range []string{"GET /api/v1/pods", "GET /api/v1/namespaces/shop/pods"} {
		mux.HandleFunc(path, list("PodList", podRow))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404})
	})
	c.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.seen = append(c.seen, r.Header.Clone())
		c.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

// list answers as an API server does: a table, metadata only, or the objects, as the Accept header wants.
func list(kind string, item object) http.HandlerFunc {
	meta := item["metadata"].(object)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		partial := object{"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": meta}
		answer := object{"apiVersion": "v1", "kind": kind, "metadata": object{"resourceVersion": "9"}, "items": []object{item}}
		switch accept := r.Header.Get("Accept"); {
		case strings.Contains(accept, "as=Table"):
			answer = object{
				"apiVersion": "meta.k8s.io/v1", "kind": "Table", "metadata": object{"resourceVersion": "9"},
				"columnDefinitions": []object{{"name": "Name", "type": "string", "format": "name"}, {"name": "Status", "type": "string"}},
				"rows":              []object{{"cells": []any{meta["name"], "Running"}, "object": partial}},
			}
		case strings.Contains(accept, "as=PartialObjectMetadataList"):
			answer = object{
				"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": object{"resourceVersion": "9"},
				"items": []object{partial},
			}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// askedAs reports whether a request came with the group and the person.
func (c *smallCluster) askedAs(group, email string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.seen {
		if h.Get("Impersonate-Group") == group && strings.Contains(fmt.Sprint(h), email) {
			return true
		}
	}
	return false
}

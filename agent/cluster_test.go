package agent_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kubechat/kubechat/agent/apiserver/apiservertest"
)

const kubeSystemUID = "0b2c7e4e-1111-4222-8333-444455556666"

// cluster is a small API server: what the agent asks for itself, and an answer to all else.
type cluster struct {
	*httptest.Server
	block chan struct{} // a request for a pod's log waits for it

	mu      sync.Mutex // guards the rest
	version int
	secret  map[string][]byte
	lock    map[string]string
	denied  string // what the agent is said not to be allowed: VERB RESOURCE
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{block: make(chan struct{}), version: 1, secret: map[string][]byte{}, lock: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openid/v1/jwks", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept"), "*/*") { // as the real one, which has a type of its own for it
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		_, _ = fmt.Fprint(w, `{"keys":[{"kty":"EC","kid":"kid-1"}]}`)
	})
	mux.HandleFunc("GET /version", answer(map[string]string{"gitVersion": "v1.37.2"}))
	mux.HandleFunc("GET /api/v1/namespaces/kube-system", answer(map[string]any{"metadata": map[string]string{"uid": kubeSystemUID}}))
	mux.HandleFunc("GET /api/v1/namespaces/kubechat/secrets/kubechat-agent-identity", func(w http.ResponseWriter, _ *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.writeSecret(w)
	})
	mux.HandleFunc("PATCH /api/v1/namespaces/kubechat/secrets/kubechat-agent-identity", c.patchSecret)
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", c.review)
	mux.HandleFunc("GET /api/v1/namespaces/shop/pods/cart/log", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		select {
		case <-c.block:
			_, _ = fmt.Fprint(w, "the last line")
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s as %s", r.URL.Path, r.Header.Get("Impersonate-Group"))
	})
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+apiservertest.Token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	c.EnableHTTP2 = true
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

func answer(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
}

func (c *cluster) writeSecret(w http.ResponseWriter) {
	_ = json.NewEncoder(w).Encode(map[string]any{
		"metadata": map[string]any{"resourceVersion": strconv.Itoa(c.version), "annotations": c.lock}, "data": c.secret})
}

// patchSecret is a merge patch that fails if the resourceVersion is not the current one.
func (c *cluster) patchSecret(w http.ResponseWriter, r *http.Request) {
	var patch struct {
		Metadata struct {
			ResourceVersion string
			Annotations     map[string]*string
		}
		Data map[string][]byte
	}
	if err := json.NewDecoder(r.Body).Decode(&patch); err != nil || r.Header.Get("Content-Type") != "application/merge-patch+json" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if patch.Metadata.ResourceVersion != strconv.Itoa(c.version) {
		w.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprint(w, `{"kind":"Status","message":"the object has been modified","reason":"Conflict","code":409}`)
		return
	}
	c.version++
	for name, value := range patch.Metadata.Annotations {
		if delete(c.lock, name); value != nil {
			c.lock[name] = *value
		}
	}
	maps.Copy(c.secret, patch.Data)
	c.writeSecret(w)
}

// review says yes to all but denied.
func (c *cluster) review(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Spec struct {
			ResourceAttributes struct{ Verb, Resource string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := in.Spec.ResourceAttributes.Verb + " " + in.Spec.ResourceAttributes.Resource
	_ = json.NewEncoder(w).Encode(map[string]any{"status": map[string]bool{"allowed": asked != c.denied}})
}

func (c *cluster) locked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.lock) > 0
}

package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent/apiserver"
)

// secretServer serves one Secret with optimistic concurrency, as an API server does; code other than 0 refuses all.
type secretServer struct {
	version     int
	data        map[string][]byte
	annotations map[string]string
	code        int
}

func (s *secretServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.code != 0 {
		w.WriteHeader(s.code)
		_, _ = fmt.Fprintf(w, `{"message":"refused"}`)
		return
	}
	if r.Method == http.MethodPatch {
		var in secretObject
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if in.Metadata.ResourceVersion != strconv.Itoa(s.version) {
			w.WriteHeader(http.StatusConflict)
			return
		}
		s.version++
		for k, v := range in.Metadata.Annotations {
			if delete(s.annotations, k); v != nil {
				s.annotations[k] = *v
			}
		}
		for k, v := range in.Data {
			s.data[k] = v
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": s.data,
		"metadata": map[string]any{"resourceVersion": strconv.Itoa(s.version), "annotations": s.annotations}})
}

// replicas are two stores of one Secret; the clock is theirs.
func replicas(t *testing.T) (server *secretServer, a, b *secretStore, clock *time.Time) {
	t.Helper()
	server = &secretServer{version: 1, data: map[string][]byte{}, annotations: map[string]string{}}
	api := httptest.NewTLSServer(server)
	t.Cleanup(api.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, fmt.Appendf(nil, `{current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}],
		clusters: [{name: x, cluster: {server: %q, insecure-skip-tls-verify: true}}], users: [{name: x, user: {token: t}}]}`, api.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := apiserver.FromKubeconfig(path, "")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	clock = &now
	store := func(name string) *secretStore {
		store := newSecretStore(s, "kubechat", "identity", name)
		store.now = func() time.Time { return *clock }
		if _, err := store.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		return store
	}
	return server, store("pod-a"), store("pod-b"), clock
}

func lock(t *testing.T, s *secretStore) (bool, string) {
	t.Helper()
	ok, holder, err := s.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ok, holder
}

func load(t *testing.T, s *secretStore) map[string][]byte {
	t.Helper()
	data, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOnlyOneReplicaHoldsTheLock(t *testing.T) {
	t.Parallel()
	_, a, b, _ := replicas(t)
	if ok, _ := lock(t, a); !ok {
		t.Fatal("the first replica does not get the lock")
	}
	if ok, _ := lock(t, b); ok {
		t.Fatal("a replica that looked before gets the lock as well")
	}
	load(t, b)
	if ok, holder := lock(t, b); ok || holder != "pod-a" {
		t.Errorf("lock %t, held by %q", ok, holder)
	}
	if ok, _ := lock(t, a); !ok {
		t.Error("the holder does not have it any more")
	}
	if err := a.Save(t.Context(), map[string][]byte{"tls.key": []byte("k")}); err != nil {
		t.Fatal(err)
	}
	if ok, _ := lock(t, b); ok {
		t.Error("the lock is given for data that was not seen yet")
	}
	if got := load(t, b); string(got["tls.key"]) != "k" {
		t.Errorf("data %q", got)
	}
	if ok, _ := lock(t, b); !ok {
		t.Error("the lock was not given back")
	}
}

func TestLockOfAReplicaThatDiedIsTakenOver(t *testing.T) {
	t.Parallel()
	_, a, b, clock := replicas(t)
	lock(t, a)
	load(t, b)
	*clock = clock.Add(lockTimeout - time.Second)
	load(t, b)
	if ok, _ := lock(t, b); ok {
		t.Fatal("taken over too early")
	}
	*clock = clock.Add(2 * time.Second)
	load(t, b)
	if ok, _ := lock(t, b); !ok {
		t.Fatal("never taken over")
	}
	if err := a.Save(t.Context(), map[string][]byte{"tls.key": []byte("late")}); err == nil {
		t.Error("the replica that lost the lock still writes")
	}
}

func TestSomebodyElsesChangeDoesNotStopASave(t *testing.T) {
	t.Parallel()
	server, a, _, _ := replicas(t)
	lock(t, a)
	server.version++ // an upgrade of the chart changed a label
	if err := a.Save(t.Context(), map[string][]byte{"tls.key": []byte("k")}); err != nil {
		t.Fatal(err)
	}
	if string(server.data["tls.key"]) != "k" || len(server.annotations) != 0 {
		t.Errorf("%q, %v", server.data, server.annotations)
	}
}

func TestUnlockLeavesTheDataAlone(t *testing.T) {
	t.Parallel()
	server, a, b, _ := replicas(t)
	lock(t, a)
	if err := b.Unlock(t.Context()); err != nil || len(server.annotations) != 1 {
		t.Errorf("another's lock: %v, %v", err, server.annotations)
	}
	if err := a.Unlock(t.Context()); err != nil || len(server.annotations) != 0 || len(server.data) != 0 {
		t.Errorf("%v, %v, %q", err, server.annotations, server.data)
	}
}

func TestMissingSecretIsExplained(t *testing.T) {
	t.Parallel()
	server, a, _, _ := replicas(t)
	for code, says := range map[int]string{404: "the chart creates it", 403: "may not use the Secret", 500: "can't be reached"} {
		server.code = code
		if _, err := a.Load(context.Background()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

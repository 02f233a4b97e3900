package kube

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	measuredObjects = 5000
	bytesPerObject  = 250
)

// fill puts n objects into a cluster as they are in real ones: services of four pods each, with their labels, and what
// their controllers write.
func (s *server) fill(n int) {
	fields := []metav1.ManagedFieldsEntry{{Manager: "kube-controller-manager", Operation: "Update", FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:metadata":{"f:labels":{".":{},"f:app.kubernetes.io/name":{},"f:app.kubernetes.io/part-of":{},"f:tier":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{".":{},"f:image":{},"f:name":{},"f:resources":{}}}}}`)}}}
	for i := 0; n > 0; i++ {
		ns, app, hash := fmt.Sprintf("team-%02d", i%40), fmt.Sprintf("service-%04d", i), fmt.Sprintf("%010x", i*7919)
		put := func(kind, name string, owner ...string) {
			labels := map[string]string{"app.kubernetes.io/name": app, "app.kubernetes.io/part-of": fmt.Sprintf("product-%d", i%25), "tier": "backend"}
			if kind == "pods" || kind == "replicasets" {
				labels["pod-template-hash"] = hash
			}
			if n--; n >= 0 {
				s.put(kind+"/"+ns+"/"+name, labels, owner...)
			}
		}
		put("deployments", app)
		put("services", app)
		put("replicasets", app+"-"+hash, "Deployment", app)
		for p := range 4 {
			put("pods", fmt.Sprintf("%s-%s-%05x", app, hash, p*104729), "ReplicaSet", app+"-"+hash)
		}
	}
	for at, o := range s.objects {
		o.ManagedFields = fields
		s.objects[at] = o
	}
	s.log = nil // nobody watches yet
}

// fillOwn puts n objects into a cluster that share as little as objects of Kubernetes can: the pods of StatefulSets.
func (s *server) fillOwn(n int) {
	for i := range n {
		name := fmt.Sprintf("store-%03d-%d", i/5, i%5)
		s.put(fmt.Sprintf("pods/team-%02d/%s", i%40, name), map[string]string{
			"app.kubernetes.io/name": fmt.Sprintf("store-%03d", i/5), "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": fmt.Sprint(i % 5),
			"controller-revision-hash": fmt.Sprintf("store-%03d-%09x", i/5, i/5*7919),
		}, "StatefulSet", fmt.Sprintf("store-%03d", i/5))
	}
	s.log = nil // nobody watches yet
}

// measured is a service with one cluster of n objects, over a real network.
func measured(t testing.TB, n int, fill func(*server, int)) (*Clusters, *Cluster) {
	t.Helper()
	s := newServer()
	fill(s, n)
	srv := httptest.NewServer(s)
	to := func(who string) http.RoundTripper {
		return transport(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header.Set(as, who)
			r.URL.Host = srv.Listener.Addr().String()
			return http.DefaultTransport.RoundTrip(r)
		})
	}
	clusters, err := New(Config{
		Transport: func(tenant.Scope, cluster.ID) http.RoundTripper { return to("ann") },
		Index:     func(tenant.ID, cluster.ID) http.RoundTripper { return to(indexGroup) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1) // Run's one result
	go func() { ended <- clusters.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	c, err := clusters.Open(t.Context(), tenant.Scope{Tenant: acme, Member: "ann"}, prod)
	if err != nil {
		t.Fatal(err)
	}
	return clusters, c.(*Cluster)
}

// indexing waits until the index has all that it may have.
func indexing(t testing.TB, c *Clusters, kinds []nlp.Kind) *index {
	t.Helper()
	c.indexes.want(indexKey{acme, prod}, kinds)
	deadline, tick := time.NewTimer(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		if ix := c.indexes.of(indexKey{acme, prod}); ix != nil && ix.has("pods") && ix.has("services") && ix.has("replicasets.apps") && ix.has("deployments.apps") && ix.has("namespaces") {
			return ix
		}
		select {
		case <-deadline.C:
			t.Fatal("the index is not ready")
		case <-tick.C:
		}
	}
}

// Not parallel: it reads the heap.
func TestAnIndexedObjectCostsFewBytes(t *testing.T) {
	weigh := func(n int, fill func(*server, int)) (int64, *index) {
		clusters, c := measured(t, n, fill)
		words, err := LoadVocabulary(t.Context(), c.rest)
		if err != nil {
			t.Fatal(err)
		}
		kinds := words.Kinds()
		before := heap()
		ix := indexing(t, clusters, kinds)
		return heap() - before, ix
	}
	empty, none := weigh(0, (*server).fill)
	for what, fill := range map[string]func(*server, int){"service's": (*server).fill, "StatefulSet's": (*server).fillOwn} {
		full, ix := weigh(measuredObjects, fill)
		per, counted := (full-empty)/measuredObjects, int64(ix.taken/measuredObjects)
		t.Logf("%d bytes for each of a %s objects; %d as the index counts them", per, what, counted)
		if per > bytesPerObject {
			t.Errorf("a %s object costs %d bytes, more than %d", what, per, bytesPerObject)
		}
		if counted < per*3/4 || counted > per*3/2 {
			t.Errorf("a %s object is counted as %d bytes, and costs %d", what, counted, per)
		}
	}
	runtime.KeepAlive(none)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkWords is the time from a question to its words among five thousand objects, listed as the asker and from the index,
// without the time that a network takes.
func BenchmarkWords(b *testing.B) {
	clusters, c := measured(b, measuredObjects, (*server).fill)
	words, err := c.load(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("listed", func(b *testing.B) {
		defer spent(b, cpu())
		for b.Loop() {
			if _, err := LoadVocabulary(b.Context(), &rest.Config{Host: c.rest.Host, Transport: c.rest.Transport, QPS: -1}); err != nil {
				b.Fatal(err)
			}
		}
	})
	from := &fromIndex{index: indexing(b, clusters, words.Kinds()), meter: clusters.indexes.meter, mayList: c.mayList}
	b.Run("indexed", func(b *testing.B) {
		defer spent(b, cpu())
		for b.Loop() {
			if _, err := c.load(b.Context(), from); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// cpu is what this process has used, the stand-in's part included: unlike time it means something on a machine that others use.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func spent(b *testing.B, before time.Duration) {
	b.ReportMetric(float64((cpu()-before).Milliseconds())/float64(b.N), "cpu-ms/op")
}

// On the way to a far cluster it is round trips that count. The time is the bubble's, so it is the same each time.
func TestWordsTakeFewRoundTrips(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		s.fill(measuredObjects)
		s.way = 50 * time.Millisecond
		took := func(words func(string) *nlp.Vocabulary) (took, requests int) {
			s.reset()
			start := time.Now()
			words("ann")
			took = int(time.Since(start) / s.way)
			s.mu.Lock()
			defer s.mu.Unlock()
			for what, n := range s.asked {
				if strings.HasPrefix(what, "ann ") {
					requests += n
				}
			}
			return took, requests
		}
		now := func(who string) *nlp.Vocabulary {
			v, err := w.open(who).Vocabulary(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		listed, lists := took(w.listed)
		first, firsts := took(now)
		w.later(31 * time.Second)
		indexed, asks := took(now)
		t.Logf("round trips one after the other, and requests beside discovery: listed %d, %d; the first question %d, %d; from the index %d, %d", listed, lists, first, firsts, indexed, asks)
		if first > listed || indexed > 5 {
			t.Errorf("the first question takes %d round trips, one by the index %d; listing takes %d", first, indexed, listed)
		}
	})
}

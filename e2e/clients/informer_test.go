package clients

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubechat/kubechat/e2e/kubetest"
	"github.com/kubechat/kubechat/e2e/rig"
)

// asked notes how an informer asks: from the beginning, or from the version it has seen.
type asked struct {
	next  http.RoundTripper
	token string

	mu       sync.Mutex // guards the rest
	lists    int
	watches  int
	backward int // watches that began before where an earlier one did
	last     uint64
}

// RoundTrip implements http.RoundTripper.
func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	a.mu.Lock()
	version, err := strconv.ParseUint(q.Get("resourceVersion"), 10, 64)
	switch {
	case q.Get("watch") != "true" || q.Get("sendInitialEvents") == "true":
		a.lists++
	case err == nil:
		a.watches++
		if version < a.last {
			a.backward++
		}
		a.last = version
	}
	a.mu.Unlock()
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+a.token)
	return a.next.RoundTrip(r)
}

// TestInformersMissNothingWhileSessionsAreCut: objects come, change and go while sessions are reset, silently dropped and
// drained. In the end the informer's store equals the server's list, and every deletion was told.
func TestInformersMissNothingWhileSessionsAreCut(t *testing.T) {
	t.Parallel()
	direct := directClient(t) // before the rig, which looks after all that is started later
	s, k := realCluster(t)
	namespace := kubetest.Namespace(t)
	client := k.Client(t)
	notes := &asked{next: client.HTTP.Transport, token: client.Token}
	cfg := config(client)
	cfg.QPS, cfg.Burst = 1000, 1000
	through, err := kubernetes.NewForConfigAndClient(cfg, &http.Client{Transport: notes})
	if err != nil {
		t.Fatal(err)
	}

	factory := informers.NewSharedInformerFactoryWithOptions(through, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().ConfigMaps()
	told := &deletions{names: map[string]bool{}}
	if _, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{DeleteFunc: told.take}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	factory.StartWithContext(ctx)
	defer factory.Shutdown()
	defer cancel()
	if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
		t.Fatal("never synced")
	}

	churning, stop := context.WithCancel(t.Context())
	deleted := make(chan []string, 1)
	go func() { deleted <- churn(churning, t, direct, namespace) }()
	pause(t, 500*time.Millisecond)
	newest := func() *rig.Link { // the older ones may be on their way out
		links := k.Path.Links()
		return links[len(links)-1]
	}
	for i, cut := range []func(){
		func() { newest().Reset() },
		func() { k.Path.Each((*rig.Link).Reset) },
		func() { newest().Finish() },
		func() { newest().Drop(rig.Both) },
		func() { newest().Drop(rig.Up) },
		func() { k.Path.Each((*rig.Link).Reset) },
	} {
		before := len(s.Disconnects(t, k.ID))
		cut()
		rig.Eventually(t, patience, fmt.Sprintf("cut %d is found", i), func() bool { return len(s.Disconnects(t, k.ID)) > before })
		rig.Eventually(t, patience, "both sessions are there", func() bool { return k.Sessions() == 2 })
		pause(t, 300*time.Millisecond)
	}
	stop()
	gone := <-deleted

	want := state(t, func() ([]corev1.ConfigMap, error) {
		list, err := direct.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{})
		return list.Items, err
	})
	same := func() bool {
		got := state(t, func() ([]corev1.ConfigMap, error) {
			list, err := informer.Lister().List(labels.Everything())
			items := make([]corev1.ConfigMap, len(list))
			for i, one := range list {
				items[i] = *one
			}
			return items, err
		})
		return maps.Equal(got, want)
	}
	rig.Eventually(t, patience, "the informer's store is the server's list", same)
	rig.Eventually(t, patience, "every deletion is told", func() bool {
		return !slices.ContainsFunc(gone, func(name string) bool { return !told.has(name) })
	})
	notes.mu.Lock()
	defer notes.mu.Unlock()
	t.Logf("%d objects at the end, %d deleted; %d watches, %d lists", len(want), len(gone), notes.watches, notes.lists)
	// a cut of one session ends the watch if that carried it, a cut of both always does
	if len(gone) < 50 || notes.watches < 2 {
		t.Error("too little happened to tell")
	}
	if notes.backward > 0 {
		t.Errorf("%d watches began before an earlier one", notes.backward)
	}
	// one at the start; client-go may list again where it was refused while no session was there, and nowhere else
	if notes.lists > 3 {
		t.Errorf("it listed %d times", notes.lists)
	}
}

func directClient(t *testing.T) kubernetes.Interface {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubetest.APIServer(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.QPS, cfg.Burst = 1000, 1000
	c, err := kubernetes.NewForConfig(cfg)
	if err == nil {
		_, err = c.Discovery().ServerVersion()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// churn makes, changes and deletes objects until ctx ends, and gives the names of those it deleted.
func churn(ctx context.Context, t *testing.T, c kubernetes.Interface, namespace string) (deleted []string) {
	maps := c.CoreV1().ConfigMaps(namespace)
	every := context.WithoutCancel(ctx)
	for i := 0; ctx.Err() == nil; i++ {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("object-%d", i)}, Data: map[string]string{"n": "0"}}
		made, err := maps.Create(every, object, metav1.CreateOptions{})
		if err == nil {
			made.Data["n"] = "1"
			_, err = maps.Update(every, made, metav1.UpdateOptions{})
		}
		if err == nil && i%3 > 0 {
			err = maps.Delete(every, made.Name, metav1.DeleteOptions{})
			deleted = append(deleted, made.Name)
		}
		if err != nil {
			t.Errorf("object %d: %v", i, err)
			return deleted
		}
		wait := time.NewTimer(20 * time.Millisecond)
		<-wait.C
	}
	return deleted
}

// state is each object's version, by name.
func state(t *testing.T, list func() ([]corev1.ConfigMap, error)) map[string]string {
	t.Helper()
	items, err := list()
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, one := range items {
		if strings.HasPrefix(one.Name, "object-") {
			versions[one.Name] = one.ResourceVersion + " " + one.Data["n"]
		}
	}
	return versions
}

// deletions are the names that an informer told the end of.
type deletions struct {
	mu    sync.Mutex // guards names
	names map[string]bool
}

func (d *deletions) take(object any) {
	if lost, ok := object.(cache.DeletedFinalStateUnknown); ok { // found out by a list
		object = lost.Obj
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if one, ok := object.(*corev1.ConfigMap); ok {
		d.names[one.Name] = true
	}
}

func (d *deletions) has(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[name]
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

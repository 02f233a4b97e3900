package kube

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestTenantsShareNoIndex(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		other := w.add("other", prod) // by the same name
		other.put("pods/shop/theirs-1", nil)
		for range 2 { // listed, and then from the index
			w.later(31 * time.Second)
			ours, theirs := w.wordsNow(w.open("ann")), w.wordsNow(w.openOf("other", prod, "ann"))
			if strings.Contains(named(ours, "pods"), "theirs") || !strings.Contains(named(theirs, "pods"), "theirs") {
				t.Errorf("ours %q, theirs %q", named(ours, "pods"), named(theirs, "pods"))
			}
		}
		if n := len(w.clusters.indexes.all); n != 2 {
			t.Errorf("%d indexes", n)
		}
	})
}

func TestATenantPushesOutOnlyWhatIsItsOwnOrBeyondItsShare(t *testing.T) {
	limits := func(c *Config) { c.IndexLimits.Clusters = 8 } // two for each tenant
	inWorld(t, limits, func(t *testing.T, w *world, s *server) {
		ask := func(t tenant.ID, n int) {
			w.later(time.Millisecond) // who asked first is told by time
			id := cluster.ID(fmt.Sprintf("c%d", n))
			if w.servers[indexKey{t, id}] == nil {
				w.add(t, id)
			}
			w.wordsNow(w.openOf(t, id, "ann"))
		}
		have := func() string {
			w.clusters.indexes.mu.Lock()
			defer w.clusters.indexes.mu.Unlock()
			var out []string
			for key := range w.clusters.indexes.all {
				out = append(out, string(key.tenant)+"/"+string(key.cluster))
			}
			slices.Sort(out)
			return strings.Join(out, " ")
		}
		is := func(what, want string) {
			t.Helper()
			if got := have(); got != want {
				t.Errorf("%s: %s, not %s", what, got, want)
			}
		}
		ask("t1", 0)
		w.later(2 * quietFor)
		for n := range 9 {
			ask("big", n)
		}
		is("one tenant asks about nine clusters", "big/c0 big/c1 t1/c0")
		w.later(2 * quietFor)
		ask("big", 1)
		ask("big", 5)
		is("its own makes room for its own", "big/c1 big/c5 t1/c0")
		for _, tn := range []tenant.ID{"t1", "t2", "t3", "t4"} {
			ask(tn, 1)
		}
		ask("t2", 2)
		is("others", "big/c1 big/c5 t1/c0 t1/c1 t2/c1 t2/c2 t3/c1 t4/c1")
		w.later(quietFor / 2)
		ask("t5", 0)
		is("all are in use, but t1/c0", "big/c1 big/c5 t1/c1 t2/c1 t2/c2 t3/c1 t4/c1 t5/c0")
		ask("t5", 1)
		is("all are in use", "big/c1 big/c5 t1/c1 t2/c1 t2/c2 t3/c1 t4/c1 t5/c0")
		w.later(quietFor)
		ask("big", 1)
		ask("big", 5)
		ask("t2", 2)
		ask("t5", 1)
		is("what is in use stays, and so does what those have who have no more", "big/c1 big/c5 t1/c1 t2/c2 t3/c1 t4/c1 t5/c0 t5/c1")
	})
}

func TestAKindWithTooManyObjectsIsListedAsTheAsker(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		many := maxPerKind - 2 // with the two there are
		for i := range many {
			s.put(fmt.Sprintf("pods/shop/many-%04d", i), nil)
		}
		w.words("ann")
		w.words("ann")
		if !w.index().has("pods") {
			t.Error("not too many are not indexed")
		}
		s.put("pods/shop/one-more", nil)
		s.reset()
		if got := len(w.words("ann").Objects("pods", "")); got != maxPerKind || s.count("ann list pods") == 0 {
			t.Errorf("%d pods after %d lists", got, s.count("ann list pods"))
		}
		if w.index().has("pods") || !w.index().has("deployments.apps") {
			t.Error("pods are indexed, or deployments are not")
		}
		if n := w.clusters.indexes.room.taken(); n > 100*1000 {
			t.Errorf("%v bytes are held for what is not kept", n)
		}
		for range 2 { // they are tried again
			w.later(refusedFor - time.Minute)
			w.words("ann")
		}
		if n := w.clusters.indexes.room.taken(); w.index().has("pods") || n > 100*1000 {
			t.Errorf("pods are indexed, or %v bytes are held for what is not kept", n)
		}
		s.change(func() { // some time later there are fewer
			maps.DeleteFunc(s.objects, func(at string, _ metav1.PartialObjectMetadata) bool { return strings.HasPrefix(at, "pods/shop/many-") })
		})
		for range 2 {
			w.later(refusedFor - time.Minute)
			w.words("ann")
		}
		if !w.index().has("pods") {
			t.Error("pods are few again, and not indexed")
		}
	})
}

func TestWhatFindsNoRoomIsListedAsTheAsker(t *testing.T) {
	inWorld(t, func(c *Config) { c.IndexLimits.Bytes = 40 << 10 }, func(t *testing.T, w *world, s *server) {
		for i := range 200 {
			s.put(fmt.Sprintf("pods/shop/web-%03d", i), map[string]string{"a-long-name": strings.Repeat("x", 50) + fmt.Sprint(i)})
		}
		w.words("ann")
		same(t, w.words("ann"), w.listed("ann"))
		if w.index().has("pods") || !w.index().has("deployments.apps") {
			t.Error("pods are indexed, or deployments are not")
		}
		if n := w.clusters.indexes.room.taken(); n > 10<<10 {
			t.Errorf("%v bytes", n)
		}
	})
}

func TestNothingIsReadFromAnIndexAfterTheEnd(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world, s *server) {
		w.words("ann")
		w.words("ann")
		w.stop()
		if w.index() != nil || w.clusters.indexes.room.taken() != 0 {
			t.Errorf("an index that nobody follows is kept, with %v bytes", w.clusters.indexes.room.taken())
		}
		s.put("pods/shop/web-9", nil)
		same(t, w.words("ann"), w.listed("ann"))
	})
}

func TestAClusterOfEndlessKindsHasAnIndexOfBounds(t *testing.T) {
	t.Parallel()
	pods := nlp.Kind{Resource: pods, Verbs: []string{"list", "watch"}}
	var kinds []nlp.Kind
	for i := range 10_000 {
		kinds = append(kinds, nlp.Kind{Resource: nlp.Resource{Group: "a.example", Version: "v1", Plural: fmt.Sprint("k", i), Kind: "K"}, Verbs: pods.Verbs})
	}
	ix := &index{now: time.Now, kinds: map[string]*indexed{}}
	if n := len(ix.adopt(append(kinds, pods))); n != maxIndexed || ix.kinds["pods"] == nil {
		t.Errorf("%d kinds are followed, pods among them: %v", n, ix.kinds["pods"] != nil)
	}
	if n := len(ix.adopt(kinds)); n != 0 {
		t.Errorf("%d more", n)
	}
}

// Whatever comes and goes, the shelves hold what was put last, and nothing is held for what has gone.
func TestNamesGiveBackWhatNobodyUses(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	n := newNames()
	shelves := map[string]shelf{"pods": {}, "services": {}}
	want := map[string]map[string]metav1.PartialObjectMetadata{"pods": {}, "services": {}}
	yes := true
	for range 20_000 {
		kind := []string{"pods", "services"}[random.IntN(2)]
		o := metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("n", random.IntN(40))}}
		if ns := random.IntN(4); ns > 0 {
			o.Namespace = fmt.Sprint("ns", ns)
		}
		if random.IntN(3) == 0 {
			n.remove(shelves[kind], &o)
			delete(want[kind], o.Namespace+"/"+o.Name)
			continue
		}
		for l := range random.IntN(4) {
			if o.Labels == nil {
				o.Labels = map[string]string{}
			}
			o.Labels[fmt.Sprint("k", l)] = []string{"", "a", "b", o.Name}[random.IntN(4)]
		}
		if random.IntN(2) == 0 {
			o.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: fmt.Sprint("n", random.IntN(9)), Controller: &yes}}
		}
		n.put(shelves[kind], &o)
		want[kind][o.Namespace+"/"+o.Name] = o
	}
	for kind, s := range shelves {
		got := n.objects(s, kind, nil)
		if len(got) != len(want[kind]) || len(got) == 0 {
			t.Errorf("%d %s, not %d", len(got), kind, len(want[kind]))
		}
		for _, o := range got {
			if w := object(kind, want[kind][o.Namespace+"/"+o.Name]); fmt.Sprintf("%+v", o) != fmt.Sprintf("%+v", w) {
				t.Errorf("%+v, not %+v", o, w)
			}
		}
		n.clear(s)
	}
	if n.size() != 0 || len(n.words.ids)+len(n.sets.ids) != 0 {
		t.Errorf("%d bytes, %v and %v are held for nothing", n.size(), n.words.ids, n.sets.ids)
	}
}

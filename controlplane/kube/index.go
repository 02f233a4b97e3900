package kube

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	apiversion "k8s.io/apimachinery/pkg/util/resourceversion"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	// silentFor is how long a watch may bring nothing before it is hung up and the kind listed anew. API servers send each
	// watch a bookmark every minute; the rest is for slow ways. So nothing that is used is older than that.
	silentFor = 75 * time.Second
	// betweenWatches is how long a kind is used while it is not watched: the moment between a watch and the next one.
	betweenWatches = 5 * time.Second
	// refusedFor is how long a kind is left alone that the index may not list, or that has too many objects.
	refusedFor = 10 * time.Minute
	// maxIndexed is how many kinds of one cluster are tried at most: each that may be listed is a watch.
	maxIndexed = 200
	// indexLists is how many kinds of one cluster are listed at once, beside what people ask of it.
	indexLists = 4
)

// indexKey is a cluster of a tenant. Tenants share nothing, also where two name the same cluster.
type indexKey struct {
	tenant  tenant.ID
	cluster cluster.ID
}

// index holds the names in one cluster, read as group kubechat:index and kept up to date by watching. It knows nobody: who
// may hear of what is asked of the cluster, for each asker (see fromIndex).
type index struct {
	key   indexKey
	meta  metadata.Interface
	room  *room
	now   func() time.Time
	log   *slog.Logger
	lists chan struct{}   // has a place for each list that may go on
	more  chan []nlp.Kind // holds the newest kinds that somebody was told of, until they are looked at
	end   context.CancelCauseFunc
	empty func(*index) // called when the cluster lets no kind be listed

	begun time.Time

	mu    sync.Mutex // guards the rest
	asked time.Time
	names names
	kinds map[string]*indexed // by the kind's key
	taken int                 // bytes, as room knows
}

// indexed is one kind in an index.
type indexed struct {
	key     string
	gvr     schema.GroupVersionResource
	objects shelf
	known   bool          // objects is what a whole list gave, and what came after it
	open    bool          // a watch is open
	heard   time.Time     // when the cluster last said anything of it
	version string        // that objects is up to
	floor   string        // version of a change made from here, which objects must have seen
	changes int           // made from here whose version is not known
	listed  int           // of these, those that the last list came after
	refused time.Time     // when it was given up; zero while it is followed
	again   chan struct{} // holds a wish to list anew
}

// run follows the kinds it is given until ctx ends.
func (ix *index) run(ctx context.Context) {
	var followers sync.WaitGroup
	defer func() {
		followers.Wait()
		ix.room.take(ix.key.tenant, -ix.taken)
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case kinds := <-ix.more:
			for _, k := range ix.adopt(kinds) {
				followers.Go(func() { ix.follow(ctx, k) })
			}
		}
	}
}

// adopt gives the kinds that are to be followed from now on.
func (ix *index) adopt(kinds []nlp.Kind) []*indexed {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	var out []*indexed
	kinds = slices.Clone(kinds)
	slices.SortStableFunc(kinds, func(a, b nlp.Kind) int { return cmp.Compare(extension(a), extension(b)) })
	for _, k := range kinds {
		if !indexable(k) || ix.kinds[k.Key()] == nil && len(ix.kinds) >= maxIndexed {
			continue
		}
		if have := ix.kinds[k.Key()]; have != nil && (have.refused.IsZero() || ix.now().Sub(have.refused) < refusedFor) {
			continue
		}
		n := &indexed{
			key: k.Key(), gvr: schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural}, objects: shelf{},
			again: make(chan struct{}, 1), // one wish is as good as many
		}
		ix.kinds[n.key] = n
		out = append(out, n)
	}
	return out
}

// extension is 0 for what Kubernetes itself has, which people ask about most, and 1 for the rest.
func extension(k nlp.Kind) int {
	if k.BuiltIn() {
		return 0
	}
	return 1
}

// indexable leaves out, besides what no vocabulary lists, Secrets: whatever a cluster's owner lets the index see.
func indexable(k nlp.Kind) bool {
	return listable(k) && k.Key() != "secrets" && slices.Contains(k.Verbs, "watch")
}

// usable tells whether the index can stand for listing the kind just now. ix.mu is held.
func (ix *index) usable(k *indexed) bool {
	if k == nil || !k.known || k.listed != k.changes {
		return false
	}
	limit := betweenWatches
	if k.open {
		limit = silentFor
	}
	return ix.now().Sub(k.heard) < limit && hasSeen(k.version, k.floor)
}

// hasSeen compares versions, which count up within a kind.
func hasSeen(version, floor string) bool {
	if floor == "" {
		return true
	}
	order, err := apiversion.CompareResourceVersion(version, floor)
	return err == nil && order >= 0
}

// has tells whether the index can stand for listing the kind.
func (ix *index) has(kind string) bool {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	return ix.usable(ix.kinds[kind])
}

// objects gives the kind's objects, all or those in some namespaces; false if the index can't stand for listing it.
func (ix *index) objects(kind string, in map[string]bool) ([]nlp.Object, bool) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	k := ix.kinds[kind]
	if !ix.usable(k) {
		return nil, false
	}
	return ix.names.objects(k.objects, kind, in), true
}

// touch is a change that was made from here.
type touch struct {
	kind    string
	version string // of the object afterwards; empty if it is not known
}

// touched makes sure that a kind is used again only when the change is in it.
func (ix *index) touched(t touch) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	k := ix.kinds[t.kind]
	if k == nil {
		return
	}
	if hasSeen(t.version, t.version) && t.version != "" { // it is one that can be compared
		if !hasSeen(k.floor, t.version) {
			k.floor = t.version
		}
		return
	}
	k.changes++
	select {
	case k.again <- struct{}{}:
	default:
	}
}

// errTooMuch is why a kind is not kept: its objects are too many, or too large.
var errTooMuch = errors.New("more than an index keeps")

// grow adds objects to a shelf, as far as there is room. ix.mu is held.
func (ix *index) grow(s shelf, add func()) error {
	add()
	if len(s) > maxPerKind {
		return errTooMuch
	}
	return ix.settle()
}

// settle tells room how much is held. ix.mu is held.
func (ix *index) settle() error {
	change := ix.names.size() - ix.taken
	if !ix.room.take(ix.key.tenant, change) {
		return errTooMuch
	}
	ix.taken += change
	return nil
}

// giveUp forgets a kind that can't be followed. It is listed as the asker from now on.
func (ix *index) giveUp(ctx context.Context, k *indexed, why error) {
	ix.log.DebugContext(ctx, "names of a kind are not indexed", "cluster", ix.key.cluster, "kind", k.key, "cause", why)
	if ix.drop(k) == 0 {
		ix.empty(ix)
	}
}

// drop says how many kinds are followed still.
func (ix *index) drop(k *indexed) (left int) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.names.clear(k.objects)
	k.objects, k.known, k.refused = shelf{}, false, ix.now()
	_ = ix.settle() // less always fits
	for _, other := range ix.kinds {
		if other.refused.IsZero() {
			left++
		}
	}
	return left
}

// state is when the cluster was last asked about, and when it last answered.
func (ix *index) state() (asked, heard time.Time) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	heard = ix.begun
	for _, k := range ix.kinds {
		if k.heard.After(heard) {
			heard = k.heard
		}
	}
	return ix.asked, heard
}

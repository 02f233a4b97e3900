package gateway

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/tunnel"
)

// key names a cluster together with its tenant: one without the other finds nothing.
type key struct {
	tenant  tenant.ID
	cluster cluster.ID
}

// link is one live session of a cluster.
type link struct {
	key
	id       string
	session  tunnel.Session
	active   atomic.Int64  // streams in flight
	move     chan struct{} // closed when it should be replaced by one to another replica
	moveOnce sync.Once
	suspect  atomic.Int64 // Unix nanoseconds until which it is tried last, because an open failed
}

// suspectFor is long enough for the session's keepalive to decide.
const suspectFor = 30 * time.Second

func (l *link) suspected() { l.suspect.Store(time.Now().Add(suspectFor).UnixNano()) }

// registry knows the sessions of this replica, and tells the other replicas of them.
type registry struct {
	mu    sync.Mutex // guards what follows
	links map[key][]*link
	waits map[key]*wait
	seq   uint64 // counts the changes of links
	feeds map[*feed]bool
}

// wait is where requests for a cluster stand that can't be reached just now.
type wait struct {
	changed chan struct{} // closed when there may be a new way to the cluster
	people  int
}

func newRegistry() *registry {
	return &registry{links: map[key][]*link{}, waits: map[key]*wait{}, feeds: map[*feed]bool{}}
}

func (r *registry) add(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links[l.key] = append(r.links[l.key], l)
	r.changedLocked(change{key: l.key, session: l.id, here: true})
	r.wakeLocked(l.key)
}

func (r *registry) remove(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links[l.key] = slices.DeleteFunc(r.links[l.key], func(x *link) bool { return x == l })
	if len(r.links[l.key]) == 0 {
		delete(r.links, l.key)
	}
	r.changedLocked(change{key: l.key, session: l.id})
}

func (r *registry) changedLocked(c change) {
	r.seq++
	for f := range r.feeds {
		f.put(r.seq, c)
	}
}

// wake tells those who wait for a cluster that there may be a new way to it.
func (r *registry) wake(k key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wakeLocked(k)
}

func (r *registry) wakeLocked(k key) {
	if w := r.waits[k]; w != nil {
		close(w.changed)
		delete(r.waits, k)
	}
}

func (r *registry) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waits)
}

func (r *registry) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.links) > 0
}

// of lists the live sessions of a cluster.
func (r *registry) of(k key) []*link {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.links[k])
}

// all lists every live session.
func (r *registry) all() (out []*link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, links := range r.links {
		out = append(out, links...)
	}
	return out
}

// expect joins those who wait for a cluster. leave must be called by who no longer does.
func (r *registry) expect(k key) (changed <-chan struct{}, leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.waits[k]
	if w == nil {
		w = &wait{changed: make(chan struct{})}
		r.waits[k] = w
	}
	w.people++
	return w.changed, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if w.people--; w.people == 0 && r.waits[k] == w {
			delete(r.waits, k)
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

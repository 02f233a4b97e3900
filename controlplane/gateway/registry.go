package gateway

import (
	"cmp"
	"context"
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
	id      string
	session tunnel.Session
	active  atomic.Int64 // streams in flight
	suspect atomic.Int64 // Unix nanoseconds until which it is tried last, because an open failed
}

// suspectFor is long enough for the session's keepalive to decide.
const suspectFor = 30 * time.Second

func (l *link) suspected() { l.suspect.Store(time.Now().Add(suspectFor).UnixNano()) }

// registry knows the sessions of this replica.
type registry struct {
	mu    sync.Mutex // guards what follows
	links map[key][]*link
	waits map[key]*wait
}

// wait is where requests for a cluster without a session stand.
type wait struct {
	arrived chan struct{} // closed by add
	people  int
}

func newRegistry() *registry {
	return &registry{links: map[key][]*link{}, waits: map[key]*wait{}}
}

func (r *registry) add(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links[l.key] = append(r.links[l.key], l)
	if w := r.waits[l.key]; w != nil {
		close(w.arrived)
		delete(r.waits, l.key)
	}
}

func (r *registry) remove(l *link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links[l.key] = slices.DeleteFunc(r.links[l.key], func(x *link) bool { return x == l })
	if len(r.links[l.key]) == 0 {
		delete(r.links, l.key)
	}
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

// best lists the sessions to try, the least loaded first: those that drain are left out, and suspects come last.
func (r *registry) best(k key) []*link {
	now := time.Now().UnixNano()
	links := slices.DeleteFunc(r.of(k), func(l *link) bool { return isClosed(l.session.Draining()) || isClosed(l.session.Done()) })
	slices.SortStableFunc(links, func(a, b *link) int {
		return cmp.Or(cmp.Compare(rank(a, now), rank(b, now)), cmp.Compare(a.active.Load(), b.active.Load()))
	})
	return links
}

func rank(l *link, now int64) int {
	if l.suspect.Load() > now {
		return 1
	}
	return 0
}

// awaitNew waits until a session is added that is not among seen, and reports whether one was.
func (r *registry) awaitNew(ctx context.Context, k key, seen []*link) bool {
	r.mu.Lock()
	for _, l := range r.links[k] {
		if !slices.Contains(seen, l) && !isClosed(l.session.Done()) && !isClosed(l.session.Draining()) {
			r.mu.Unlock()
			return true
		}
	}
	w := r.waits[k]
	if w == nil {
		w = &wait{arrived: make(chan struct{})}
		r.waits[k] = w
	}
	w.people++
	r.mu.Unlock()
	select {
	case <-w.arrived:
		return true
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.people--; w.people == 0 && r.waits[k] == w {
		delete(r.waits, k)
	}
	return isClosed(w.arrived)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

package kube

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	sweepEvery = 30 * time.Second
	idleFor    = 10 * time.Minute // an index that nobody has asked for so long is ended,
	goneFor    = 5 * time.Minute  // and one whose cluster has said nothing for so long
	quietFor   = time.Minute      // only an index that nobody has asked for so long makes room for another one
	offFor     = refusedFor       // a cluster that lets nothing be indexed is not tried again for so long
	ofTenant   = 4                // a tenant has at most a quarter of what there is room for
)

// IndexLimits bounds what the indexes of this process take; memory is shared by all tenants, of whom each gets at most a
// quarter of it. What finds no room is read as the asker, as without an index.
type IndexLimits struct {
	Clusters int // 0: 64
	Bytes    int // 0: 128 MiB
}

func (l IndexLimits) withDefaults() IndexLimits {
	if l.Clusters <= 0 {
		l.Clusters = 64
	}
	if l.Bytes <= 0 {
		l.Bytes = 128 << 20
	}
	return l
}

// ending is why an index ended, or did not begin.
type ending string

// Error implements error.
func (e ending) Error() string { return "the index ended: " + string(e) }

const (
	endIdle    ending = "idle"    // nobody asked
	endGone    ending = "gone"    // the cluster did not answer
	endRefused ending = "refused" // the cluster lets nothing be indexed
	endPushed  ending = "pushed"  // another cluster needed the room
	endNoRoom  ending = "no room" // and did not get it
)

// indexes begins an index for each cluster that is asked about, and ends those that are not needed.
type indexes struct {
	transport func(t tenant.ID, id cluster.ID) http.RoundTripper
	limits    IndexLimits
	now       func() time.Time
	log       *slog.Logger
	meter     *meter
	room      *room
	wanted    chan want // holds wishes until run looks at them; what finds no place is wished again with the next question

	mu  sync.Mutex // guards the rest
	all map[indexKey]*index
	off map[indexKey]time.Time // clusters that let nothing be indexed, and since when
}

// want is the wish for an index.
type want struct {
	key   indexKey
	kinds []nlp.Kind
}

func newIndexes(c Config) *indexes {
	limits := c.IndexLimits.withDefaults()
	room := newRoom(limits.Bytes)
	return &indexes{
		transport: c.Index, limits: limits, now: c.Now, log: c.Log, meter: newMeter(c.Metrics, room.taken), room: room,
		wanted: make(chan want, 16), all: map[indexKey]*index{}, off: map[indexKey]time.Time{},
	}
}

// run is the life of all indexes: it begins them, ends them, and has ended all when it returns.
func (s *indexes) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.stop()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-s.wanted:
			if ctx, ix := s.begin(ctx, w); ix != nil {
				running.Go(func() { ix.run(ctx) })
			}
		case <-tick.C:
			s.sweep()
		}
	}
}

// stop forgets all, so that nothing is read from what nobody follows.
func (s *indexes) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}

// of gives a cluster's index to somebody who asks about it; nil if it has none.
func (s *indexes) of(key indexKey) *index {
	s.mu.Lock()
	ix := s.all[key]
	s.mu.Unlock()
	if ix != nil {
		ix.mu.Lock()
		defer ix.mu.Unlock()
		ix.asked = s.now()
	}
	return ix
}

// want makes sure that a cluster's kinds will be indexed soon, if they can be.
func (s *indexes) want(key indexKey, kinds []nlp.Kind) {
	if s.transport == nil {
		return
	}
	s.mu.Lock()
	ix := s.all[key]
	since, off := s.off[key]
	s.mu.Unlock()
	switch {
	case ix != nil:
		select {
		case ix.more <- kinds:
		default: // some are being looked at
		}
	case !off || s.now().Sub(since) >= offFor:
		select {
		case s.wanted <- want{key, kinds}:
		default:
		}
	}
}

// touched says that something was changed from here.
func (s *indexes) touched(key indexKey, touches []touch) {
	s.mu.Lock()
	ix := s.all[key]
	s.mu.Unlock()
	for _, t := range touches {
		if ix != nil {
			ix.touched(t)
		}
	}
}

// begin makes an index and the context it lives in; nil if there is one, or no room.
func (s *indexes) begin(ctx context.Context, w want) (context.Context, *index) {
	meta, err := metadata.NewForConfig(&rest.Config{
		Host: "http://" + string(w.key.cluster), Transport: bounded{s.transport(w.key.tenant, w.key.cluster)}, QPS: -1,
	})
	if err != nil {
		s.log.WarnContext(ctx, "no client for an index", "cluster", w.key.cluster, "error", err)
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[w.key] != nil {
		return nil, nil
	}
	if !s.makeRoom(w.key.tenant) {
		s.meter.ended.WithLabelValues(string(endNoRoom)).Inc()
		return nil, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ix := &index{
		key: w.key, meta: meta, room: s.room, now: s.now, log: s.log, end: cancel, empty: s.refused, begun: s.now(), asked: s.now(), names: newNames(), kinds: map[string]*indexed{},
		lists: make(chan struct{}, indexLists),
		more:  make(chan []nlp.Kind, 1), // the first are in it before it is read
	}
	ix.more <- w.kinds
	s.all[w.key] = ix
	delete(s.off, w.key)
	s.meter.clusters.Set(float64(len(s.all)))
	s.log.DebugContext(ctx, "indexing a cluster's names", "cluster", w.key.cluster)
	return ctx, ix
}

// makeRoom tells whether the tenant may have one more index, and ends the one that nobody has asked for longest if that
// makes the room: one of its own, or of a tenant that has more, and always one that is not in use. mu is held.
func (s *indexes) makeRoom(t tenant.ID) bool {
	of := map[tenant.ID]int{}
	for key := range s.all {
		of[key.tenant]++
	}
	full, own := len(s.all) >= s.limits.Clusters, of[t] >= max(s.limits.Clusters/ofTenant, 1)
	if !full && !own {
		return true
	}
	var victim *index
	var least time.Time
	for key, ix := range s.all {
		if key.tenant != t && (own || of[key.tenant] <= of[t]) {
			continue
		}
		asked, _ := ix.state()
		if s.now().Sub(asked) >= quietFor && (victim == nil || asked.Before(least)) {
			victim, least = ix, asked
		}
	}
	if victim == nil {
		return false
	}
	s.drop(victim, endPushed)
	return true
}

// drop ends an index. mu is held.
func (s *indexes) drop(ix *index, why ending) {
	if s.all[ix.key] != ix {
		return
	}
	delete(s.all, ix.key)
	ix.end(why)
	s.meter.clusters.Set(float64(len(s.all)))
	s.meter.ended.WithLabelValues(string(why)).Inc()
	s.log.Debug("a cluster's names are not indexed any more", "cluster", ix.key.cluster, "why", string(why))
}

// refused ends the index of a cluster that lets nothing be indexed, and remembers that.
func (s *indexes) refused(ix *index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off[ix.key] = s.now()
	s.drop(ix, endRefused)
}

// sweep ends what is not needed any more.
func (s *indexes) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, ix := range s.all {
		asked, heard := ix.state()
		switch {
		case now.Sub(asked) >= idleFor:
			s.drop(ix, endIdle)
		case now.Sub(heard) >= goneFor:
			s.drop(ix, endGone)
		}
	}
	for key, since := range s.off {
		if now.Sub(since) >= offFor {
			delete(s.off, key)
		}
	}
}

// room is the memory that indexes share.
type room struct {
	max int

	mu  sync.Mutex // guards the rest
	all int
	of  map[tenant.ID]int
}

func newRoom(bytes int) *room { return &room{max: bytes, of: map[tenant.ID]int{}} }

// take tells whether a tenant's indexes may hold so many bytes more. To hold less is always possible.
func (r *room) take(t tenant.ID, bytes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bytes > 0 && (r.all+bytes > r.max || r.of[t]+bytes > r.max/ofTenant) {
		return false
	}
	r.all += bytes
	if r.of[t] += bytes; r.of[t] == 0 {
		delete(r.of, t)
	}
	return true
}

func (r *room) taken() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return float64(r.all)
}

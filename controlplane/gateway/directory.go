package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/tunnel"
)

// directory is this replica's copy of which other replica holds sessions of which cluster. A peer itself is believed
// first, over the link to it; the database says which peers there are, and what those hold that can't be asked.
type directory struct {
	wake func(key)

	mu       sync.Mutex // guards what follows and the fields of peers that say so
	peers    map[string]*peer
	where    map[key]map[*peer]int // how many sessions
	arrivals uint64                // counts the sessions that were added
}

// peer is another replica.
type peer struct {
	id      string
	hops    atomic.Int64 // our own requests in flight there
	suspect atomic.Int64 // as in link

	// guarded by the directory's mu
	address  string
	sessions map[string]key
	epoch    map[key]uint64 // of the last session that came, so that a new one is tried although an old one failed
	told     bool           // by itself, over the link that is up; else by the database
	load     int64
	draining bool
	blind    bool           // its database is away
	agents   string         // host:port where agents reach it; "" if it has no address of its own
	drains   chan struct{}  // closed with draining, which is never taken back over one link
	link     tunnel.Session // nil while there is none
	stop     func()         // ends what keeps the link
}

func newDirectory(wake func(key)) *directory {
	return &directory{wake: wake, peers: map[string]*peer{}, where: map[key]map[*peer]int{}}
}

// replace believes a snapshot. Those who wait for what is in it are woken.
func (d *directory) replace(p *peer, n notice) {
	d.mu.Lock()
	d.forgetSessionsLocked(p)
	p.told = true
	d.mu.Unlock()
	d.apply(p, n)
}

// believe takes what the database says a peer holds, as long as the peer itself has said nothing.
func (d *directory) believe(p *peer, held []cluster.SessionKey) {
	d.mu.Lock()
	if p.told {
		d.mu.Unlock()
		return
	}
	d.forgetSessionsLocked(p)
	for _, k := range held {
		d.addLocked(p, key{k.Tenant, k.Cluster}, k.Session)
	}
	d.mu.Unlock()
}

func (d *directory) apply(p *peer, n notice) {
	d.mu.Lock()
	p.load, p.blind = n.Load, n.Blind
	if n.Draining && !p.draining {
		p.draining = true
		close(p.drains)
	}
	for _, s := range n.Here {
		d.addLocked(p, key{s.Tenant, s.Cluster}, s.Session)
	}
	for _, s := range n.Gone {
		d.removeLocked(p, s)
	}
	d.mu.Unlock()
	for _, s := range n.Here {
		d.wake(key{s.Tenant, s.Cluster})
	}
}

func (d *directory) addLocked(p *peer, k key, session string) {
	if _, known := p.sessions[session]; known {
		return
	}
	p.sessions[session] = k
	d.arrivals++
	p.epoch[k] = d.arrivals
	if d.where[k] == nil {
		d.where[k] = map[*peer]int{}
	}
	d.where[k][p]++
}

func (d *directory) removeLocked(p *peer, session string) {
	k, known := p.sessions[session]
	if !known {
		return
	}
	delete(p.sessions, session)
	if d.where[k][p]--; d.where[k][p] <= 0 {
		delete(d.where[k], p)
		delete(p.epoch, k)
	}
	if len(d.where[k]) == 0 {
		delete(d.where, k)
	}
}

func (d *directory) forgetSessionsLocked(p *peer) {
	for s := range p.sessions {
		d.removeLocked(p, s)
	}
}

// linked notes that the link to a peer is up, or with nil that it is down. What the peer has told stays believed until
// its lease has lapsed: it may be on its way back.
// drains is closed when the peer says over this link that it is about to stop.
func (d *directory) linked(p *peer, s tunnel.Session) (drains <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.link, p.draining, p.drains = s, false, make(chan struct{})
	if s == nil {
		p.told, p.load, p.agents = false, 0, ""
	} else {
		p.agents = s.Peer().Attrs[attrAgents]
	}
	return p.drains
}

// meet makes sure that a peer is known at its address. fresh says that it was not.
func (d *directory) meet(id, address string) (p *peer, fresh bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p = d.peers[id]
	if fresh = p == nil; fresh {
		p = &peer{id: id, sessions: map[string]key{}, epoch: map[key]uint64{}}
		d.peers[id] = p
	}
	p.address = address
	return p, fresh
}

// judge forgets the peers that have no lease any more and can't be reached either; it is called with what the database
// has said just now, and never while it can't be read. It returns what ends the links to them.
func (d *directory) judge(live map[string]bool) (stops []func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, p := range d.peers {
		if live[id] || p.link != nil {
			continue
		}
		d.forgetSessionsLocked(p)
		delete(d.peers, id)
		if p.stop != nil {
			stops = append(stops, p.stop)
		}
	}
	return stops
}

// others is how many other replicas can be reached now.
func (d *directory) others() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.peers {
		if p.link != nil && !p.draining {
			n++
		}
	}
	return n
}

// sighted reports whether a replica that can be reached, and stays, has its database.
func (d *directory) sighted() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.peers {
		if p.link != nil && p.told && !p.draining && !p.blind {
			return true
		}
	}
	return false
}

// named are the other replicas that agents can reach each by an address of its own, at most so many.
func (d *directory) named(most int) map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]string{}
	for id, p := range d.peers { // in no order: which ones are left out differs
		if p.link != nil && !p.draining && p.agents != "" && len(out) < most {
			out[id] = p.agents
		}
	}
	return out
}

// holder is a peer that holds sessions of one cluster, as known now.
type holder struct {
	*peer
	link     tunnel.Session // nil: it can't be reached
	epoch    uint64
	count    int
	load     int64
	draining bool
}

// holders lists who holds sessions of a cluster.
func (d *directory) holders(k key) (out []holder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for p, n := range d.where[k] {
		out = append(out, holder{peer: p, link: p.link, count: n, epoch: p.epoch[k], load: p.load + p.hops.Load(), draining: p.draining})
	}
	return out
}

func (p *peer) suspected() { p.suspect.Store(time.Now().Add(suspectFor).UnixNano()) }

func (d *directory) addressOf(p *peer) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return p.address
}

// heard reports whether the peer itself says what it holds.
func (d *directory) heard(p *peer) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return p.told
}

func (d *directory) stopWith(p *peer, stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.stop = stop
}

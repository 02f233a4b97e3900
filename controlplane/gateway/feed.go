package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// change is one session that came or went.
type change struct {
	key
	session string
	here    bool
}

// feed is what one other replica has not been told yet. However often a session changes meanwhile, it is told once.
type feed struct {
	changed chan struct{} // of one: that there is something is all that counts

	// guarded by the registry's mu
	told, seq uint64 // the last change that was told, and the last there is
	pending   map[string]change
}

func (f *feed) put(seq uint64, c change) {
	f.seq = seq
	f.pending[c.session] = c
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// subscribe begins a feed with everything there is.
func (r *registry) subscribe() *feed {
	f := &feed{changed: make(chan struct{}, 1), pending: map[string]change{}}
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, links := range r.links {
		for _, l := range links {
			f.pending[l.id] = change{key: k, session: l.id, here: true}
		}
	}
	f.seq, f.told = r.seq, r.seq
	r.feeds[f] = true
	return f
}

func (r *registry) unsubscribe(f *feed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.feeds, f)
}

// take is the next notice of the feed.
func (r *registry) take(f *feed) notice {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := notice{From: f.told, To: f.seq}
	for _, c := range f.pending {
		if c.here {
			n.Here = append(n.Here, heldSession{c.tenant, c.cluster, c.session})
		} else {
			n.Gone = append(n.Gone, c.session)
		}
	}
	clear(f.pending)
	f.told = f.seq
	return n
}

// notice is one line of a feed, as JSON. Of the first one, Here is everything there was at To. Each other one goes on where
// the last one ended, which its receiver checks: knowing less than all is not possible.
type notice struct {
	From     uint64        `json:"from"`
	To       uint64        `json:"to"`
	Here     []heldSession `json:"here,omitempty"`
	Gone     []string      `json:"gone,omitempty"` // by session
	Load     int64         `json:"load"`           // requests in flight on the sender's sessions
	Draining bool          `json:"draining,omitempty"`
	Blind    bool          `json:"blind,omitempty"` // the sender's database is away
}

type heldSession struct {
	Tenant  tenant.ID  `json:"t"`
	Cluster cluster.ID `json:"c"`
	Session string     `json:"s"`
}

// feedEvery is how often a notice is sent without a change: for its load.
const feedEvery = 2 * time.Second

// sendFeed tells one other replica what is here, until the stream ends.
func (g *Gateway) sendFeed(w io.Writer, done <-chan struct{}) error {
	f := g.sessions.subscribe()
	defer g.sessions.unsubscribe(f)
	tick := time.NewTicker(feedEvery)
	defer tick.Stop()
	out := json.NewEncoder(w)
	leaving := g.leaving
	for {
		n := g.sessions.take(f)
		n.Load, n.Draining, n.Blind = g.inFlight.Load(), isClosed(g.leaving), g.cfg.Blind()
		if err := out.Encode(n); err != nil {
			return fmt.Errorf("tell what is here: %w", err)
		}
		select {
		case <-f.changed:
		case <-tick.C:
		case <-leaving:
			leaving = nil // it is told once, at once
		case <-done:
			return nil
		}
	}
}

// errGap can't happen while both sides are right; a feed that has one is begun again with a snapshot.
var errGap = errors.New("a notice does not follow the one before")

// readFeed keeps what is known of a peer up to date until the feed ends.
func (d *directory) readFeed(p *peer, r io.Reader) error {
	in := json.NewDecoder(r)
	var n notice
	if err := in.Decode(&n); err != nil {
		return fmt.Errorf("read what is there: %w", err)
	}
	d.replace(p, n)
	for at := n.To; ; at = n.To {
		n = notice{}
		if err := in.Decode(&n); err != nil {
			return fmt.Errorf("read what changed there: %w", err)
		}
		if n.From != at {
			return errGap
		}
		d.apply(p, n)
	}
}

package gateway

import (
	"cmp"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// way is one way to a cluster: a session that ends here, or the link to a replica where one ends.
type way struct {
	key
	id        string // not the same after the other end has a new session
	session   tunnel.Session
	route     string        // "" for a session that ends here
	active    *atomic.Int64 // requests of ours on it
	suspected func()        // an open failed

	rank int // the lower, the better
	load int64
}

// The ranks. A session that ends here saves the hop; what is about to end is used only where nothing else is.
const (
	rankHere = iota
	rankPeer
	rankLast // suspect, or asked to drain by us
)

// ways lists how a cluster can be reached, the best first.
func (g *Gateway) ways(k key) []way {
	out := g.waysHere(k)
	now := time.Now().UnixNano()
	for _, h := range g.peers.holders(k) {
		if h.link == nil || isClosed(h.link.Done()) {
			continue
		}
		rank := rankPeer
		if h.draining || h.suspect.Load() > now {
			rank = rankLast
		}
		out = append(out, way{
			key: k, id: h.peer.id + ":" + strconv.FormatUint(h.epoch, 10), session: h.link, route: k.route(), active: &h.hops,
			suspected: h.suspected, rank: rank, load: h.load,
		})
	}
	sortWays(out)
	return out
}

// waysHere lists the cluster's sessions on this replica, the best first. An agent that drains takes nothing more; one that
// we asked to drain does, until its replacement is there.
func (g *Gateway) waysHere(k key) (out []way) {
	now := time.Now().UnixNano()
	for _, l := range g.sessions.of(k) {
		_, goesAway := l.session.PeerDrain()
		if goesAway || isClosed(l.session.Done()) {
			continue
		}
		rank := rankHere
		if l.suspect.Load() > now || isClosed(l.session.Draining()) {
			rank = rankLast
		}
		out = append(out, way{key: k, id: l.id, session: l.session, active: &l.active, suspected: l.suspected, rank: rank, load: l.active.Load()})
	}
	sortWays(out)
	return out
}

func sortWays(ways []way) {
	slices.SortStableFunc(ways, func(a, b way) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.load, b.load)) })
}

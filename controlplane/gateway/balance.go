package gateway

import (
	"context"
	"math/rand/v2"
	"time"
)

// balance moves one session of each cluster that has all of its sessions here to another replica, now and then: so it is
// after a replica was restarted, when every agent had to go to the others. Until then its end would cut the cluster off
// for a moment.
func (g *Gateway) balance(ctx context.Context) {
	every := 2 * g.cfg.Peers.Every
	for sleep(ctx, every+time.Duration(rand.Int64N(int64(every)))) == nil {
		if g.peers.others() == 0 || isClosed(g.leaving) {
			continue
		}
		for _, l := range g.lopsided() {
			l.moveOnce.Do(func() { close(l.move) })
		}
	}
}

// lopsided lists one session of each cluster that has several, all of them here: of as many as may move at once.
func (g *Gateway) lopsided() (out []*link) {
	seen := map[key]bool{}
	for _, l := range g.sessions.all() {
		if seen[l.key] || len(out) == movesPerSecond {
			continue
		}
		seen[l.key] = true
		ways := g.ways(l.key)
		if len(ways) > 1 && ways[len(ways)-1].rank == rankHere { // a draining one ranks last, and is on its way already
			out = append(out, l)
		}
	}
	return out
}

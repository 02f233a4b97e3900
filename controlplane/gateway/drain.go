package gateway

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

const (
	movesPerSecond = 200 // agents that are asked to dial again; each costs the others a handshake
	longestSpread  = 2 * time.Minute
	replaceWait    = 15 * time.Second // for the replacement of a session, once its agent may dial
	drainTick      = 50 * time.Millisecond
)

// Leave begins the end of this replica, while it goes on serving: agents are asked, a few at a time, to replace their
// sessions here by others elsewhere, new ones are turned away, and the other replicas are told to look for other ways.
// ServeTunnels and ServePeers then end sooner.
func (g *Gateway) Leave() { g.leave.Do(func() { close(g.leaving) }) }

// spread is when an agent should dial its replacement.
func (g *Gateway) spread() time.Duration {
	over := min(time.Duration(len(g.sessions.all()))*time.Second/movesPerSecond, longestSpread)
	return time.Duration(rand.Int64N(int64(over) + 1))
}

// drain asks the agent to replace the session, lets the streams in it go on, at most for grace, moves the watches when
// the replacement is there, and closes it when nothing needs it any more. Until ctx ends, this replica needs it as long
// as there is no replacement.
func (g *Gateway) drain(ctx context.Context, l *link, in, grace time.Duration, reason tunnel.Reason) {
	over, cancel := context.WithTimeout(context.Background(), max(grace, 0))
	defer cancel()
	replaceBy := time.Now().Add(in + replaceWait)
	_ = l.session.Drain(over, tunnel.Drain{ReconnectIn: in, Deadline: grace}) // without an answer the deadline below holds all the same
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	idle := 0
	for idle < 2 { // twice in a row: a request may be between choosing this session and opening its stream
		select {
		case <-l.session.Done():
			return
		case <-over.Done():
			idle = 2
		case <-tick.C:
			g.moveWatches(l.session)
			if idle++; g.needed(ctx, l, replaceBy) {
				idle = 0
			}
		}
	}
	_ = l.session.CloseWith(reason, "")
}

// needed says whether a session that drains still is.
func (g *Gateway) needed(ctx context.Context, l *link, replaceBy time.Time) bool {
	switch {
	case l.active.Load() > 0:
		return true
	case g.replaced(l.key, l.session):
		return false
	case !isClosed(g.leaving) && ctx.Err() == nil:
		return time.Now().Before(replaceBy)
	case ctx.Err() == nil:
		return true
	}
	return g.peers.others() > 0 && time.Now().Before(replaceBy) // alone, there is nothing it could be replaced by
}

package agent

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/kubechat/kubechat/tunnel"
)

// attrReplicas, in the control plane's HELLO, is how many replicas it has.
const attrReplicas = "replicas"

// dialsElsewhere is how often a session is given up for one to another replica. A balancer that takes turns needs one
// more dial; one that does not may need a few. The session to the same replica is better than none.
const dialsElsewhere = 4

// replicaSpread are the sessions that are up, by which replica they end at: two to the same one end together.
type replicaSpread struct {
	mu   sync.Mutex // guards up
	up   []tunnel.Session
	dial func(context.Context) (tunnel.Session, error)
}

// dialElsewhere makes a session to a replica that has none of this agent's yet, if there is one.
func (r *replicaSpread) dialElsewhere(ctx context.Context) (tunnel.Session, error) {
	for tries := 1; ; tries++ {
		session, err := r.dial(ctx)
		if err != nil {
			return nil, err
		}
		if r.take(session, tries == dialsElsewhere) {
			return session, nil
		}
		_ = session.CloseWith(tunnel.ReasonNormal, "another replica is wanted")
	}
}

// take keeps the session, unless it ends where another one does and the control plane has a replica without one.
func (r *replicaSpread) take(session tunnel.Session, anyhow bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up = slices.DeleteFunc(r.up, over)
	seen := map[string]bool{}
	for _, s := range r.up {
		seen[s.Peer().Name] = true
	}
	there, _ := strconv.Atoi(session.Peer().Attrs[attrReplicas]) // an older one says nothing
	if !anyhow && seen[session.Peer().Name] && len(seen) < there {
		return false
	}
	r.up = append(r.up, session)
	return true
}

// over says whether a session has ended, or is being replaced.
func over(s tunnel.Session) bool {
	select {
	case <-s.Done():
		return true
	case <-s.Draining():
		return true
	default:
		return false
	}
}

package agent

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// The control plane's words in its HELLO: how many replicas it has, and those of the others that have an address of their own
// for agents, as JSON {"replica": "host:port"}.
const (
	attrReplicas = "replicas"
	attrPeers    = "peers"
)

// dialsElsewhere is how often a session is given up for one to another replica. A balancer that takes turns needs one
// more dial; one that does not may need a few. The session to the same replica is better than none.
const dialsElsewhere = 4

// What may be spent on a replica's own address, and for how long one that did not work is left alone: there may be no way to
// it from here, and there is always the gateway's.
const (
	byNameWithin = 5 * time.Second
	byNameAgain  = 10 * time.Minute
)

// replicaSpread are the sessions that are up, by which replica they end at: two to the same one end together.
type replicaSpread struct {
	// dial makes a session with the gateway, or with the replica at an address.
	dial    func(ctx context.Context, at string) (tunnel.Session, error)
	gateway string // host:port
	log     *slog.Logger

	mu      sync.Mutex // guards the rest
	up      []tunnel.Session
	peers   string               // as the last HELLO_ACK names them
	useless map[string]time.Time // addresses that did not work, and until when they are left alone
}

// dialElsewhere makes a session to a replica that has none of this agent's yet, if there is one.
func (r *replicaSpread) dialElsewhere(ctx context.Context) (tunnel.Session, error) {
	for tries := 1; ; tries++ {
		if session := r.dialByName(ctx); session != nil {
			return session, nil
		}
		session, err := r.dial(ctx, "")
		if err != nil {
			return nil, err
		}
		if r.take(session, tries == dialsElsewhere) {
			return session, nil
		}
		_ = session.CloseWith(tunnel.ReasonNormal, "another replica is wanted")
	}
}

// dialByName makes a session to a replica that the control plane has named; nil if that is not to be had.
func (r *replicaSpread) dialByName(ctx context.Context) tunnel.Session {
	for _, at := range r.named() {
		dialling, cancel := context.WithTimeout(ctx, byNameWithin)
		session, err := r.dial(dialling, at)
		cancel()
		if err == nil && r.take(session, false) {
			return session
		}
		if err == nil { // its address leads somewhere else
			_ = session.CloseWith(tunnel.ReasonNormal, "another replica is wanted")
		}
		if ctx.Err() != nil {
			return nil
		}
		r.log.InfoContext(ctx, "replica can't be reached at its own address", "address", at, "error", err)
		r.leaveAlone(at)
	}
	return nil
}

func (r *replicaSpread) leaveAlone(at string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.useless) >= 100 {
		clear(r.useless)
	}
	r.useless[at] = time.Now().Add(byNameAgain)
}

// named lists the addresses of replicas that have no session of this agent's, in any order.
func (r *replicaSpread) named() (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seenLocked()
	var peers map[string]string
	if len(seen) == 0 || json.Unmarshal([]byte(r.peers), &peers) != nil {
		return nil // any replica will do; or an older control plane, which names none
	}
	for replica, at := range peers {
		if !seen[replica] && besides(r.gateway, at) && time.Now().After(r.useless[at]) {
			out = append(out, at)
		}
	}
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(len(out), 2)]
}

// besides reports whether an address may be a replica's: the gateway's host, or a name under it or beside it. Whoever owns
// that domain can lead this agent anywhere in any case; the control plane's word alone must not.
func besides(gateway, at string) bool {
	own, _, err := net.SplitHostPort(gateway)
	host, port, err2 := net.SplitHostPort(at)
	if n, err3 := strconv.ParseUint(port, 10, 16); err != nil || err2 != nil || err3 != nil || n == 0 {
		return false
	}
	own, host = strings.ToLower(own), strings.ToLower(host)
	if host == own {
		return true
	}
	if net.ParseIP(own) != nil || net.ParseIP(host) != nil {
		return false
	}
	if _, parent, _ := strings.Cut(own, "."); strings.Contains(parent, ".") && strings.HasSuffix(host, "."+parent) {
		return true
	}
	return strings.HasSuffix(host, "."+own)
}

// take keeps the session, unless it ends where another one does and the control plane has a replica without one.
func (r *replicaSpread) take(session tunnel.Session, anyhow bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peers = session.Peer().Attrs[attrPeers]
	seen := r.seenLocked()
	there, _ := strconv.Atoi(session.Peer().Attrs[attrReplicas]) // an older one says nothing
	if !anyhow && seen[session.Peer().Name] && len(seen) < there {
		return false
	}
	r.up = append(r.up, session)
	return true
}

// seenLocked forgets the sessions that are over, and tells the replicas of the others.
func (r *replicaSpread) seenLocked() map[string]bool {
	r.up = slices.DeleteFunc(r.up, over)
	seen := map[string]bool{}
	for _, s := range r.up {
		seen[s.Peer().Name] = true
	}
	return seen
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

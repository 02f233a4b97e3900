package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
)

// attrKubernetes is the agent's word for the API server's version, in its HELLO; attrReplicas, in our HELLO_ACK, is how
// many replicas there are, so that an agent knows whether a second session to another one can be had, and attrPeers where
// others are reached each by an address of its own.
const (
	attrKubernetes = "kubernetes_version"
	attrReplicas   = "replicas"
	attrPeers      = "peers"

	mostPeers = 16 // that an agent is told of
)

const (
	recheckEvery = 5 * time.Minute  // a lock set on another replica is seen at the latest then; a revocation is signalled
	endSpread    = 30 * time.Minute // sessions that began together do not end together
	replaceTime  = time.Minute      // between asking an agent to make a new session and closing the old one
)

// serveTunnel holds one session from its HELLO to its end.
func (g *Gateway) serveTunnel(ctx context.Context, conn arrival) {
	k, err := g.peer(conn.state)
	if err != nil { // verify has let it in, so this can't be
		_ = conn.close()
		return
	}
	if isClosed(g.leaving) || ctx.Err() != nil { // another replica is to have it
		_ = conn.close()
		return
	}
	log := g.cfg.Log.With("cluster", string(k.cluster), "tenant", string(k.tenant))
	session, err := conn.plane(ctx, tunnel.Config{
		Hello: g.hello(), Budget: g.cfg.Budget, Log: log, Check: g.prove(ctx, k, conn.state.VerifiedChains[0][0]),
		Admit: func(tunnel.Header) (tunnel.RefuseCode, string) {
			return tunnel.RefuseUnsupported, "agents open no streams"
		},
	})
	if err != nil {
		log.InfoContext(ctx, "no session", "error", err)
		return
	}
	l := &link{key: k, id: uuid.NewString(), session: session, move: make(chan struct{})}
	info := sessionInfo(l.id, session.Peer(), conn.state.VerifiedChains[0][0].NotAfter)
	info.Transport = conn.transport
	err = g.arriving.ask(ctx, func() error { return g.cfg.Clusters.SessionOpened(ctx, k.tenant, k.cluster, info) })
	if err != nil {
		reason := tunnel.ReasonShutdown
		if problem.Is(err, problem.Conflict) || problem.Is(err, problem.NotFound) {
			reason = tunnel.ReasonRevoked
		}
		log.WarnContext(ctx, "session refused", "error", err)
		_ = session.CloseWith(reason, "the session could not be recorded")
		return
	}
	g.sessions.add(l)
	g.meter.sessions.Inc()
	log.InfoContext(ctx, "session opened", "session", l.id, "agent", info.AgentVersion)

	end := pki.SessionEnd(conn.state.VerifiedChains[0][0], time.Now())
	stopMeasuring := g.measure(ctx, l)
	g.hold(ctx, l, end.Add(-time.Duration(rand.Int64N(int64(min(endSpread, time.Until(end)/10)+1)))))

	stopMeasuring()
	g.sessions.remove(l)
	g.meter.sessions.Dec()
	info.Reason = reasonText(session.Cause())
	g.cfg.Clusters.SessionClosed(context.WithoutCancel(ctx), k.tenant, k.cluster, info)
	log.InfoContext(ctx, "session closed", "session", l.id, "cause", session.Cause())
}

func (g *Gateway) hello() tunnel.Hello {
	attrs := map[string]string{
		attrReplicas: strconv.Itoa(1 + g.peers.others()), attrBundle: strconv.FormatInt(g.cfg.Authority.Bundle().Version, 10),
	}
	if named := g.peers.named(mostPeers); len(named) > 0 {
		if list, err := json.Marshal(named); err == nil { // of strings: it can't fail
			attrs[attrPeers] = string(list)
		}
	}
	return tunnel.Hello{Name: g.cfg.ReplicaID, Version: g.cfg.Version, Attrs: attrs}
}

// hold waits for the session's end, or brings it about: when its time is over, when the cluster may no longer connect,
// or when this replica stops.
func (g *Gateway) hold(ctx context.Context, l *link, end time.Time) {
	life := time.NewTimer(time.Until(end.Add(-replaceTime)))
	defer life.Stop()
	recheck := time.NewTimer(jitter(recheckEvery))
	defer recheck.Stop()
	draining, move := l.session.Draining(), (<-chan time.Time)(nil)
	for {
		select {
		case <-l.session.Done():
			return
		case <-g.leaving:
			g.drain(ctx, l, g.spread(), g.cfg.DrainTime, tunnel.ReasonShutdown)
			return
		case <-ctx.Done():
			g.drain(ctx, l, g.spread(), g.cfg.DrainTime, tunnel.ReasonShutdown)
			return
		case <-l.move:
			g.drain(ctx, l, g.spread(), g.cfg.DrainTime, tunnel.ReasonReplaced)
			return
		case <-life.C:
			g.drain(ctx, l, 0, time.Until(end), tunnel.ReasonExpired)
			return
		case <-recheck.C:
			g.recheck(ctx, l.key)
			recheck.Reset(jitter(recheckEvery))
		case <-draining: // the agent stops, or moves: it closes the session when nothing is left in it
			tick := time.NewTicker(drainTick)
			defer tick.Stop()
			draining, move = nil, tick.C
		case <-move:
			g.moveWatches(l.session)
		}
	}
}

// watch ends sessions of revoked clusters as soon as the word comes.
func (g *Gateway) watch(ctx context.Context) {
	for ctx.Err() == nil {
		for s := range g.cfg.Clusters.Revocations(ctx) {
			if s.Cluster == "" {
				g.recheckAll(ctx)
				continue
			}
			if s.Locked {
				g.Lock(s.Tenant, s.Cluster)
				continue
			}
			g.Revoke(ctx, s.Tenant, s.Cluster)
		}
		_ = sleep(ctx, time.Second) // the channel ended before we did
	}
}

func (g *Gateway) recheckAll(ctx context.Context) {
	seen := map[key]bool{}
	for _, l := range g.sessions.all() {
		if !seen[l.key] {
			seen[l.key] = true
			g.recheck(ctx, l.key)
		}
	}
}

// recheck ends the sessions of a cluster that may no longer connect. While nobody can say, they stay.
func (g *Gateway) recheck(ctx context.Context, k key) {
	switch err := g.admitted.ask(ctx, string(k.tenant), string(k.cluster)); {
	case errors.Is(err, pki.ErrRevoked):
		g.close(k, tunnel.ReasonRevoked, err)
	case err != nil && isRefusal(err):
		g.close(k, tunnel.ReasonUnacceptable, err)
	}
}

func jitter(d time.Duration) time.Duration { return d + time.Duration(rand.Int64N(int64(d/5))) }

// reasonText is the end of a session in words for people.
func reasonText(err error) string {
	var c *tunnel.CloseError
	if !errors.As(err, &c) {
		return "The connection was lost."
	}
	switch c.Reason {
	case tunnel.ReasonRevoked:
		return "The cluster was revoked."
	case tunnel.ReasonExpired:
		return "The session's time was over; the agent makes a new one."
	case tunnel.ReasonShutdown:
		if c.Remote {
			return "The agent was stopped."
		}
		return "This replica of KubeChat was stopped; the agent connects to another."
	case reasonReplica:
		return "The replica of KubeChat that held the tunnel was stopped; the agent connects to another."
	case tunnel.ReasonNormal, tunnel.ReasonReplaced:
		return "The agent closed the connection."
	case tunnel.ReasonDead:
		if c.Remote { // it could still say so
			return "The agent heard nothing any more from KubeChat: something on the way drops what is sent to it."
		}
		return "The agent no longer answered: its network or node may be away."
	case tunnel.ReasonProtocol, tunnel.ReasonUnacceptable:
		return "The connection was refused: " + c.Detail
	}
	return "The connection was lost."
}

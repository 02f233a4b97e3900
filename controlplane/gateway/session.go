package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

// attrKubernetes is the agent's word for the API server's version, in its HELLO.
const attrKubernetes = "kubernetes_version"

const (
	recheckEvery = 5 * time.Minute  // a lock set on another replica is seen at the latest then; a revocation is signalled
	endSpread    = 30 * time.Minute // sessions that began together do not end together
	replaceTime  = time.Minute      // between asking an agent to make a new session and closing the old one
)

// serveTunnel holds one session from its HELLO to its end.
func (g *Gateway) serveTunnel(ctx context.Context, conn *tls.Conn) {
	k, err := g.peer(conn.ConnectionState())
	if err != nil { // verify has let it in, so this can't be
		_ = conn.Close()
		return
	}
	log := g.cfg.Log.With("cluster", string(k.cluster), "tenant", string(k.tenant))
	session, err := tlsmux.Plane(ctx, conn, tunnel.Config{
		Hello: tunnel.Hello{Name: g.cfg.ReplicaID, Version: g.cfg.Version}, Log: log,
		Admit: func(tunnel.Header) (tunnel.RefuseCode, string) {
			return tunnel.RefuseUnsupported, "agents open no streams"
		},
	})
	if err != nil {
		log.InfoContext(ctx, "no session", "error", err)
		return
	}
	l := &link{key: k, id: uuid.NewString(), session: session}
	info := cluster.SessionInfo{ID: l.id, AgentVersion: session.Peer().Version, KubernetesVersion: session.Peer().Attrs[attrKubernetes]}
	if err := g.cfg.Clusters.SessionOpened(ctx, k.tenant, k.cluster, info); err != nil {
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

	end := pki.SessionEnd(conn.ConnectionState().VerifiedChains[0][0], time.Now())
	g.hold(ctx, l, end.Add(-time.Duration(rand.Int64N(int64(min(endSpread, time.Until(end)/10)+1)))))

	g.sessions.remove(l)
	g.meter.sessions.Dec()
	info.Reason = reasonText(session.Cause())
	g.cfg.Clusters.SessionClosed(context.WithoutCancel(ctx), k.tenant, k.cluster, info)
	log.InfoContext(ctx, "session closed", "session", l.id, "cause", session.Cause())
}

// hold waits for the session's end, or brings it about: when its time is over, when the cluster may no longer connect,
// or when this replica stops.
func (g *Gateway) hold(ctx context.Context, l *link, end time.Time) {
	life := time.NewTimer(time.Until(end.Add(-replaceTime)))
	defer life.Stop()
	recheck := time.NewTimer(jitter(recheckEvery))
	defer recheck.Stop()
	for {
		select {
		case <-l.session.Done():
			return
		case <-ctx.Done():
			g.drain(l, g.cfg.DrainTime, tunnel.ReasonShutdown)
			return
		case <-life.C:
			g.drain(l, time.Until(end), tunnel.ReasonExpired)
			return
		case <-recheck.C:
			g.recheck(ctx, l.key)
			recheck.Reset(jitter(recheckEvery))
		}
	}
}

// drain asks the agent to replace the session, waits for the streams in it, at most for grace, and closes it.
func (g *Gateway) drain(l *link, grace time.Duration, reason tunnel.Reason) {
	ctx, cancel := context.WithTimeout(context.Background(), max(grace, 0))
	defer cancel()
	_ = l.session.Drain(ctx, tunnel.Drain{Deadline: grace}) // without an answer the deadline below holds all the same
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	idle := 0
	for idle < 2 { // twice in a row: a request may be between choosing this session and opening its stream
		select {
		case <-l.session.Done():
			return
		case <-ctx.Done():
			idle = 2
		case <-tick.C:
			if idle++; l.active.Load() > 0 {
				idle = 0
			}
		}
	}
	_ = l.session.CloseWith(reason, "")
}

// watch ends sessions of revoked clusters as soon as the word comes.
func (g *Gateway) watch(ctx context.Context) {
	for ctx.Err() == nil {
		for s := range g.cfg.Clusters.Revocations(ctx) {
			if s.Cluster == "" {
				g.recheckAll(ctx)
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
	case tunnel.ReasonNormal, tunnel.ReasonReplaced:
		return "The agent closed the connection."
	case tunnel.ReasonDead:
		return "The agent no longer answered: its network or node may be away."
	case tunnel.ReasonProtocol, tunnel.ReasonUnacceptable:
		return "The connection was refused: " + c.Detail
	}
	return "The connection was lost."
}

package gateway

import (
	"context"
	"strconv"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/tunnel"
)

// What an agent's HELLO says for the fleet's pages, besides versions.
const (
	attrTransport   = "transport"   // tls, websocket or quic; missing: tls
	attrIntercepted = "intercepted" // "true": the outer certificate it saw is not ours
	attrSessions    = "sessions"    // how many sessions it keeps up
)

// A round trip is measured soon after a session began and every minute, and written only when it has changed: ten
// thousand sessions must not be ten thousand writes a minute.
const (
	measureFirst = 2 * time.Second
	measureEvery = time.Minute
	measureWait  = 10 * time.Second
)

// sessionInfo is what is known of a session when it opens. What the agent said is believed only as far as it is shown.
func sessionInfo(id string, peer tunnel.Hello, certificateUntil time.Time) cluster.SessionInfo {
	info := cluster.SessionInfo{
		ID: id, AgentVersion: peer.Version, KubernetesVersion: peer.Attrs[attrKubernetes], AgentName: peer.Name,
		Transport: "tls", CertificateUntil: certificateUntil, Intercepted: peer.Attrs[attrIntercepted] == "true",
	}
	switch t := peer.Attrs[attrTransport]; t {
	case "websocket", "quic":
		info.Transport = t
	}
	info.Trouble = words(peer.Attrs[attrTrouble])
	if problem, says := peer.Attrs[attrProblem]; says {
		problem = words(problem)
		info.Problem = &problem
	}
	if n, err := strconv.Atoi(peer.Attrs[attrSessions]); err == nil && n > 0 && n <= 16 {
		info.Wanted = n
	}
	return info
}

// measure keeps the session's round trip up to date until stop is called, which waits for it.
func (g *Gateway) measure(ctx context.Context, l *link) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var told time.Duration
		for wait := measureFirst; sleep(ctx, jitter(wait)) == nil; wait = measureEvery {
			told = g.measureOnce(ctx, l, told)
		}
	}()
	return func() { cancel(); <-done }
}

// measureOnce returns the round trip that is written down.
func (g *Gateway) measureOnce(ctx context.Context, l *link, told time.Duration) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, measureWait)
	defer cancel()
	now, err := l.session.Ping(ctx)
	if err != nil || !changed(told, now) {
		return told // a session that does not answer is the keepalive's business
	}
	if err := g.cfg.Clusters.SessionMeasured(ctx, l.tenant, l.cluster, l.id, now); err != nil {
		return told
	}
	return now
}

// changed leaves out what nobody would see: less than a millisecond, or a quarter.
func changed(before, now time.Duration) bool {
	diff := (now - before).Abs()
	return before == 0 || diff > time.Millisecond && diff > before/4
}

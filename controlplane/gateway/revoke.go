package gateway

import (
	"context"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
)

// Revoke ends the cluster's sessions on this replica at once, lets none of its handshakes in any more, and tells the
// authority. It is called for each revocation that Presence tells of, and may be called again.
func (g *Gateway) Revoke(ctx context.Context, t tenant.ID, id cluster.ID) {
	k := key{t, id}
	g.admitted.refuse(k, pki.ErrRevoked)
	g.close(k, tunnel.ReasonRevoked, pki.ErrRevoked)
	if err := g.cfg.Authority.RevokeCluster(ctx, string(t), string(id)); err != nil {
		g.cfg.Log.ErrorContext(ctx, "revocation not recorded at the authority", "cluster", string(id), "error", err)
	}
}

// Lock ends the sessions of a cluster whose identity is held by two parties; see authority.Config.OnLock.
func (g *Gateway) Lock(t tenant.ID, id cluster.ID) {
	k := key{t, id}
	g.admitted.refuse(k, pki.ErrLocked)
	g.close(k, tunnel.ReasonUnacceptable, pki.ErrLocked)
}

func (g *Gateway) close(k key, reason tunnel.Reason, why error) {
	for _, l := range g.sessions.of(k) {
		_ = l.session.CloseWith(reason, why.Error())
	}
}

package chattest

import (
	"context"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Fleet is several clusters, each with objects of its own. One that is not in it is not connected.
type Fleet map[cluster.ID]*Cluster

var _ chat.Clusters = Fleet{}

// Open gives one.
func (f Fleet) Open(ctx context.Context, scope tenant.Scope, id cluster.ID) (chat.Cluster, error) {
	c, ok := f[id]
	if !ok {
		return nil, problem.New(problem.Unavailable, "The cluster is not connected.").WithCode("cluster_offline")
	}
	return c.Open(ctx, scope, id)
}

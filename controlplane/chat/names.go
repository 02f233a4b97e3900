package chat

import (
	"context"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	namesFor = 2 * time.Second // how old a list of clusters may be
	maxNames = 200             // tenants whose list is kept
)

// names keeps each tenant's list of clusters for a moment, since every question looks whether it names one. All members
// see the same clusters; what they may do there is asked each time.
type names struct {
	mu  sync.Mutex // guards all
	all map[tenant.ID]listed
}

type listed struct {
	at       time.Time
	clusters []cluster.Cluster
}

func (n *names) of(ctx context.Context, scope tenant.Scope, d Directory) ([]cluster.Cluster, error) {
	n.mu.Lock()
	known, ok := n.all[scope.Tenant]
	n.mu.Unlock()
	if ok && time.Since(known.at) < namesFor {
		return known.clusters, nil
	}
	at := time.Now()
	clusters, err := d.List(ctx, scope)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.all) >= maxNames || n.all == nil {
		n.all = map[tenant.ID]listed{}
	}
	n.all[scope.Tenant] = listed{at, clusters}
	return clusters, nil
}

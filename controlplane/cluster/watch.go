package cluster

import (
	"context"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Signal says that something about a cluster changed, on whatever replica; it carries no state.
type Signal struct {
	Tenant  tenant.ID
	Cluster ID
	Revoked bool
	Locked  bool // two parties hold its identity
}

// Subscription collects signals until they are taken. However many there are of one cluster, it is one signal.
type Subscription interface {
	// Ready has a value when Take has something.
	Ready() <-chan struct{}
	// Take returns what came since the last Take. missed says that there may have been more: look at everything.
	Take() (signals []Signal, missed bool)
	Close()
}

// Signals reach every replica.
type Signals interface {
	// Subscribe listens to one tenant's clusters, or with "" to all.
	Subscribe(t tenant.ID) Subscription
}

// Change is one thing a watcher is told: a cluster as it is now, or that it should list again.
type Change struct {
	Cluster Cluster
	Resync  bool
}

// recheck is how long a change can stay unseen whose signal was lost with the replica that made it.
const recheck = 20 * time.Second

// Watch tells of changes to the tenant's clusters until ctx ends, which closes the channel. Changes that come faster
// than they are read are merged: the last state always arrives.
func (s *Service) Watch(ctx context.Context, scope tenant.Scope) (<-chan Change, error) {
	if !scope.Can(tenant.ReadClusters) {
		return nil, onlyMembers
	}
	w := &watch{service: s, scope: scope, sub: s.signals.Subscribe(scope.Tenant), out: make(chan Change), last: map[ID]Cluster{}}
	if err := w.prime(ctx); err != nil {
		w.sub.Close()
		return nil, err
	}
	go w.run(ctx) // ends with ctx
	return w.out, nil
}

type watch struct {
	service *Service
	scope   tenant.Scope
	sub     Subscription
	out     chan Change // unbuffered: what waits to be read is still merged; closed by run
	last    map[ID]Cluster
}

// prime remembers what the caller can list for itself.
func (w *watch) prime(ctx context.Context) error {
	all, err := w.service.store.Clusters(ctx, w.scope.Tenant)
	for _, c := range all {
		w.last[c.ID] = c
	}
	return err
}

func (w *watch) run(ctx context.Context) {
	defer close(w.out)
	defer w.sub.Close()
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		var ids []ID
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.sub.Ready():
			signals, missed := w.sub.Take()
			if !missed {
				ids = clustersOf(signals)
			}
		}
		if !w.tell(ctx, ids) {
			return
		}
	}
}

// tell sends those of ids that differ from what was last told; all clusters when there are none.
func (w *watch) tell(ctx context.Context, ids []ID) bool {
	now, err := w.service.store.Clusters(ctx, w.scope.Tenant, ids...)
	if err != nil {
		if problem.Is(err, problem.Unavailable) { // the listener is told when the database is back
			return true
		}
		w.service.log.WarnContext(ctx, "cluster watch could not read", "err", err)
		return w.send(ctx, Change{Resync: true})
	}
	for _, c := range now {
		if same(w.last[c.ID], c) {
			continue
		}
		if !w.send(ctx, Change{Cluster: c}) {
			return false
		}
		w.last[c.ID] = c
	}
	return true
}

func (w *watch) send(ctx context.Context, c Change) bool {
	select {
	case w.out <- c:
		return true
	case <-ctx.Done():
		return false
	}
}

// same leaves LastSeen out: of a connected cluster it moves with every heartbeat. Times are compared as instants.
func same(a, b Cluster) bool {
	if !a.Since.Equal(b.Since) || !a.CreatedAt.Equal(b.CreatedAt) || !a.CertificateUntil.Equal(b.CertificateUntil) {
		return false
	}
	for _, c := range []*Cluster{&a, &b} {
		c.LastSeen, c.Since, c.CreatedAt, c.CertificateUntil = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	}
	return a == b
}

func clustersOf(signals []Signal) []ID {
	ids := make([]ID, len(signals))
	for i, s := range signals {
		ids[i] = s.Cluster
	}
	return ids
}

// Revocations tells the gateway which clusters were revoked or locked, in every tenant, until ctx ends, which closes the
// channel. A zero Signal means that some may have been missed: ask Admit about every cluster with a session.
func (s *Service) Revocations(ctx context.Context) <-chan Signal {
	out := make(chan Signal)
	sub := s.signals.Subscribe("")
	go func() { // ends with ctx
		defer close(out)
		defer sub.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case <-sub.Ready():
			}
			signals, missed := sub.Take()
			if missed {
				signals = append(signals, Signal{Revoked: true})
			}
			for _, sig := range signals {
				if !sig.Revoked && !sig.Locked {
					continue
				}
				if sig.Cluster == "" {
					sig = Signal{}
				}
				select {
				case out <- sig:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

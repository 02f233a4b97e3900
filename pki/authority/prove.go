package authority

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// Prove decides whether the holder of a verified certificate, who claims to run in the cluster that once enrolled, may
// open a session. It refuses a certificate that is not the newest one or the one before (pki.ErrSuperseded), or that we
// never issued (pki.ErrForged). When the claim shows that the holder is somewhere else, the cluster is locked
// (pki.ErrLocked). It also records the trust bundle that the agent says it holds.
func (a *Authority) Prove(ctx context.Context, tenant, cluster string, leaf *x509.Certificate, claim pki.Claim) error {
	id := pki.ClusterID(a.cfg.TrustDomain, tenant, cluster)
	line, err := a.cfg.Store.State(ctx, tenant, cluster)
	if err != nil {
		return fmt.Errorf("state of cluster %s: %w", cluster, err)
	}
	if err := a.hold(ctx, id, line, leaf); err != nil {
		return err
	}
	if err := a.inOwnCluster(ctx, id, line, claim); err != nil {
		return err
	}
	return a.acknowledge(ctx, id, line, claim.Bundle)
}

// hold is Line.Holds, aloud about a forged certificate.
func (a *Authority) hold(ctx context.Context, id pki.ID, line pki.Line, leaf *x509.Certificate) error {
	err := line.Holds(leaf)
	if errors.Is(err, pki.ErrForged) {
		a.forged(ctx, id)
	}
	return err
}

// inOwnCluster locks the line of a cluster whose identity turns up elsewhere.
func (a *Authority) inOwnCluster(ctx context.Context, id pki.ID, line pki.Line, claim pki.Claim) error {
	if line.ClusterUID != "" && claim.ClusterUID != "" && claim.ClusterUID != line.ClusterUID {
		return a.Lock(ctx, id.Tenant, id.Cluster, "This cluster's identity was used from another Kubernetes cluster.")
	}
	err := checkPin(line.Pin, claim.Token, time.Now())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTokenMissing), errors.Is(err, errTokenForeign), errors.Is(err, errTokenOther):
		return a.Lock(ctx, id.Tenant, id.Cluster, "Somebody used this cluster's identity and could not prove to be its agent: "+err.Error()+".")
	}
	a.cfg.Log.WarnContext(ctx, "agent did not prove its own cluster", "tenant", id.Tenant, "cluster", id.Cluster, "error", err)
	return fmt.Errorf("%w: %w", pki.ErrProof, err)
}

// Lock stops a cluster's line, tells of it once, and returns pki.ErrLocked.
func (a *Authority) Lock(ctx context.Context, tenant, cluster, reason string) error {
	locked := false
	err := a.cfg.Store.Line(ctx, tenant, cluster, func(l *pki.Line) error {
		if locked = l.Closed == "" && l.Serial != "" && l.LockedAt.IsZero(); locked {
			l.Lock(reason, time.Now())
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("lock cluster %s: %w", cluster, err)
	}
	if locked {
		a.locked(ctx, pki.ClusterID(a.cfg.TrustDomain, tenant, cluster), reason)
	}
	return pki.ErrLocked
}

func (a *Authority) acknowledge(ctx context.Context, id pki.ID, line pki.Line, bundle int64) error {
	if bundle <= 0 || bundle == line.Bundle {
		return nil
	}
	err := a.cfg.Store.Line(ctx, id.Tenant, id.Cluster, func(l *pki.Line) error { l.Bundle = bundle; return nil })
	if err != nil {
		return fmt.Errorf("record the bundle of cluster %s: %w", id.Cluster, err)
	}
	return nil
}

// Learn records which bundle the holder of a verified certificate has, takes over its cluster's new keys, and returns
// the bundle to hold. New keys count from who proves with a token of the keys pinned before; a cluster that had said
// nothing of its keys is pinned now.
func (a *Authority) Learn(ctx context.Context, tenant, cluster string, leaf *x509.Certificate, in pki.TrustRequest) (pki.Bundle, error) {
	id := pki.ClusterID(a.cfg.TrustDomain, tenant, cluster)
	line, err := a.cfg.Store.State(ctx, tenant, cluster)
	if err != nil {
		return pki.Bundle{}, fmt.Errorf("state of cluster %s: %w", cluster, err)
	}
	if err := a.hold(ctx, id, line, leaf); err != nil {
		return pki.Bundle{}, err
	}
	if err := a.keys(ctx, id, line, in.OwnCluster); err != nil {
		return pki.Bundle{}, err
	}
	return a.Bundle(), a.acknowledge(ctx, id, line, in.Bundle)
}

func (a *Authority) keys(ctx context.Context, id pki.ID, line pki.Line, own pki.OwnCluster) error {
	if len(own.Keys) == 0 || own.ServiceAccountToken == "" {
		return nil
	}
	if err := a.inOwnCluster(ctx, id, line, pki.Claim{Token: own.ServiceAccountToken}); err != nil {
		return err
	}
	pin, err := NewPin(own, time.Now())
	if err != nil {
		return fmt.Errorf("%w: %w", pki.ErrProof, err)
	}
	if pin == line.Pin {
		return nil
	}
	err = a.cfg.Store.Line(ctx, id.Tenant, id.Cluster, func(l *pki.Line) error {
		if l.Pin == line.Pin { // else another replica of the agent was faster
			l.Pin = pin
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep the keys of cluster %s: %w", id.Cluster, err)
	}
	a.cfg.Log.InfoContext(ctx, "keys of a cluster taken over", "tenant", id.Tenant, "cluster", id.Cluster, "issuer", pin.Issuer)
	return nil
}

package authority

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	step "github.com/smallstep/certificates/authority"

	"github.com/kubechat/kubechat/pki"
)

// EnrolCluster is Enrol of an agent that says nothing of its cluster.
func (a *Authority) EnrolCluster(ctx context.Context, tenant, cluster string, csr *x509.CertificateRequest) ([]*x509.Certificate, error) {
	return a.Enrol(ctx, tenant, cluster, csr, pki.Pin{})
}

// Enrol issues a cluster's first certificate, or its first after joining again: whatever was held before can't renew
// any more. The caller has redeemed a join token for exactly this tenant and cluster, and made pin with Pin.
func (a *Authority) Enrol(ctx context.Context, tenant, cluster string, csr *x509.CertificateRequest, pin pki.Pin) ([]*x509.Certificate, error) {
	id := pki.ClusterID(a.cfg.TrustDomain, tenant, cluster)
	if err := id.Validate(); err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	if err := pki.CheckRequest(csr, pki.ID{}); err != nil {
		return nil, err
	}
	if a.cfg.Remote != nil {
		return nil, errElsewhere
	}
	// Signed before the line is locked, since smallstep asks the store as well: a transaction never waits for a second
	// connection. A certificate that is refused after all never leaves this function.
	chain, err := a.ring().clients().sign(ctx, clusters, csr, id.String())
	if err != nil {
		return nil, fmt.Errorf("enrol cluster %s: %w", cluster, err)
	}
	err = a.cfg.Store.Line(ctx, tenant, cluster, func(l *pki.Line) error {
		if l.Closed != "" {
			return pki.ErrRevoked
		}
		l.Enrol(chain[0], pin, time.Now())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("enrol cluster %s: %w", cluster, err)
	}
	return chain, nil
}

// Renew issues the successor of a certificate, for the new key in csr. The certificate is the leaf of a connection's
// chain; it is verified again here, because smallstep would renew anything, and looked up, because the certificate
// before the last one must not renew. Of two holders of one identity the second is refused, and the cluster locked.
func (a *Authority) Renew(ctx context.Context, leaf *x509.Certificate, csr *x509.CertificateRequest) ([]*x509.Certificate, error) {
	id, bad, err := a.verify(ctx, leaf, time.Now(), false)
	if err != nil {
		return nil, fmt.Errorf("renew: %w", err)
	}
	return a.succeed(ctx, id, bad, leaf, csr, a.rekey(ctx, leaf))
}

// rekey is smallstep's renewal, for another key.
func (a *Authority) rekey(ctx context.Context, leaf *x509.Certificate) func(*x509.CertificateRequest) ([]*x509.Certificate, error) {
	return func(csr *x509.CertificateRequest) ([]*x509.Certificate, error) {
		i := a.ring().clients()
		chain, err := i.step.RenewContext(step.NewContext(ctx, i.step), leaf, csr.PublicKey)
		return chain, scrub(err, "")
	}
}

// succeed lets sign make the successor of a leaf that was verified, if the cluster's line admits it. Of a leaf from a
// tainted authority that is not on record whole, nothing is made.
func (a *Authority) succeed(ctx context.Context, id pki.ID, tainted bool, leaf *x509.Certificate, csr *x509.CertificateRequest,
	sign func(*x509.CertificateRequest) ([]*x509.Certificate, error)) ([]*x509.Certificate, error) {
	if a.cfg.Remote != nil {
		return nil, errElsewhere
	}
	if err := pki.CheckRequest(csr, id); err != nil {
		return nil, err
	}
	if pub, ok := leaf.PublicKey.(*ecdsa.PublicKey); ok && pub.Equal(csr.PublicKey) {
		return nil, fmt.Errorf("%w: renewal needs a new key", pki.ErrRequest)
	}
	line, err := a.cfg.Store.State(ctx, id.Tenant, id.Cluster)
	if err != nil {
		return nil, fmt.Errorf("renew cluster %s: %w", id.Cluster, err)
	}
	if tainted && line.Hash == "" {
		return nil, fmt.Errorf("renew cluster %s: %w", id.Cluster, pki.ErrDistrusted)
	}
	var chain []*x509.Certificate
	if line.Admit(leaf, time.Now()) == nil { // else nothing is signed, and the line refuses below
		if chain, err = sign(csr); err != nil {
			return nil, fmt.Errorf("renew cluster %s: %w", id.Cluster, err)
		}
	}
	if err := a.advance(ctx, id, leaf, chain); err != nil {
		return nil, fmt.Errorf("renew cluster %s: %w", id.Cluster, err)
	}
	return chain, nil
}

// advance moves the cluster's line on from the holder of leaf to chain, or refuses and may lock. It alone decides: two
// renewals at once may both have been signed, one of them gets here first.
func (a *Authority) advance(ctx context.Context, id pki.ID, leaf *x509.Certificate, chain []*x509.Certificate) error {
	var refused error
	var locked string
	err := a.cfg.Store.Line(ctx, id.Tenant, id.Cluster, func(l *pki.Line) error {
		now, before := time.Now(), l.LockedAt
		refused = l.Admit(leaf, now)
		switch {
		case refused == nil && chain == nil:
			refused = pki.ErrIdentity // another renewal changed the line in between: ask again
		case refused == nil:
			l.Advance(leaf, chain[0], now)
		case before.IsZero() && !l.LockedAt.IsZero():
			locked = l.LockReason
		}
		return nil // a lock is kept
	})
	if err != nil {
		return err
	}
	if locked != "" {
		a.locked(ctx, id, locked)
	}
	if errors.Is(refused, pki.ErrForged) {
		a.forged(ctx, id)
	}
	return refused
}

// verify checks that an authority of ours signed the leaf, that it was good at the time at, and that it names a cluster.
// It also says whether that authority is tainted. Retired roots count only where the caller says so.
func (a *Authority) verify(ctx context.Context, leaf *x509.Certificate, at time.Time, retired bool) (id pki.ID, bad bool, err error) {
	t, err := a.cfg.Store.Trust(ctx, a.cfg.TrustDomain) // another replica may issue with a newer authority than ours
	if err != nil {
		return pki.ID{}, false, fmt.Errorf("read authorities: %w", err)
	}
	roots, issuing := anchors(&t, retired)
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: pki.Pool(roots), Intermediates: pki.Pool(issuing), CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return pki.ID{}, false, fmt.Errorf("%w: %w", pki.ErrIdentity, err)
	}
	id, err = pki.PeerID(tls.ConnectionState{VerifiedChains: chains})
	if err != nil || !id.IsCluster() || id.TrustDomain != a.cfg.TrustDomain {
		return pki.ID{}, false, pki.ErrIdentity
	}
	return id, tainted(&t, chains[0]), nil
}

// forged is the loudest word there is: somebody has our key.
func (a *Authority) forged(ctx context.Context, id pki.ID) {
	a.cfg.Log.ErrorContext(ctx, "a certificate was shown that our authority signed and never issued: "+
		"its key may be stolen, see docs/pki.md", "tenant", id.Tenant, "cluster", id.Cluster)
}

func (a *Authority) locked(ctx context.Context, id pki.ID, reason string) {
	a.cfg.Log.ErrorContext(ctx, "cluster locked", "tenant", id.Tenant, "cluster", id.Cluster, "reason", reason)
	if a.cfg.OnLock != nil {
		a.cfg.OnLock(ctx, id.Tenant, id.Cluster, reason)
	}
}

// RevokeCluster makes every certificate of the cluster worthless for renewal, for good, and records their serials.
// Ending live sessions is the gateway's part.
func (a *Authority) RevokeCluster(ctx context.Context, tenant, cluster string) error {
	err := a.cfg.Store.Line(ctx, tenant, cluster, func(l *pki.Line) error { l.Closed = "revoked"; return nil })
	if err != nil {
		return fmt.Errorf("revoke cluster %s: %w", cluster, err)
	}
	issued, err := a.cfg.Store.Issued(ctx, tenant, cluster, time.Now())
	if err != nil {
		return fmt.Errorf("revoke cluster %s: %w", cluster, err)
	}
	for _, c := range issued {
		if err := a.cfg.Store.RevokeSerial(ctx, c.SerialNumber.String(), "cluster revoked", c.NotAfter); err != nil {
			return fmt.Errorf("revoke cluster %s: %w", cluster, err)
		}
	}
	return nil
}

// Admits reports whether a cluster may connect: nil, pki.ErrRevoked or pki.ErrLocked, or the store's error.
func (a *Authority) Admits(ctx context.Context, tenant, cluster string) error {
	line, err := a.cfg.Store.State(ctx, tenant, cluster)
	switch {
	case err != nil:
		return fmt.Errorf("state of cluster %s: %w", cluster, err)
	case line.Closed != "":
		return pki.ErrRevoked
	case !line.LockedAt.IsZero():
		return pki.ErrLocked
	case line.Serial == "":
		return pki.ErrIdentity
	}
	return nil
}

package authority

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync"
	"time"

	step "github.com/smallstep/certificates/authority"
	"github.com/smallstep/certificates/authority/provisioner"

	"github.com/kubechat/kubechat/pki"
)

// EnrolCluster issues a cluster's first certificate, or its first after joining again: whatever was held before can't
// renew any more. The caller has redeemed a join token for exactly this tenant and cluster.
func (a *Authority) EnrolCluster(ctx context.Context, tenant, cluster string, csr *x509.CertificateRequest) ([]*x509.Certificate, error) {
	id := pki.ClusterID(a.cfg.TrustDomain, tenant, cluster)
	if err := id.Validate(); err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	if err := pki.CheckRequest(csr, pki.ID{}); err != nil {
		return nil, err
	}
	// Signed before the line is locked, since smallstep asks the store as well: a transaction never waits for a second
	// connection. A certificate that is refused after all never leaves this function.
	chain, err := a.issuer().sign(ctx, clusters, csr, id.String())
	if err != nil {
		return nil, fmt.Errorf("enrol cluster %s: %w", cluster, err)
	}
	err = a.cfg.Store.Line(ctx, tenant, cluster, func(l *pki.Line) error {
		if l.Closed != "" {
			return pki.ErrRevoked
		}
		l.Enrol(chain[0], time.Now())
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
	id, err := a.verify(ctx, leaf)
	if err != nil {
		return nil, fmt.Errorf("renew: %w", err)
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
	var chain []*x509.Certificate
	if line.Admit(leaf, time.Now()) == nil { // else nothing is signed, and the line refuses below
		i := a.issuer()
		if chain, err = i.step.RenewContext(step.NewContext(ctx, i.step), leaf, csr.PublicKey); err != nil {
			return nil, fmt.Errorf("renew cluster %s: %w", id.Cluster, scrub(err, ""))
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
	return refused
}

// verify checks that we issued the leaf, that it has not expired, and that it names a cluster.
func (a *Authority) verify(ctx context.Context, leaf *x509.Certificate) (pki.ID, error) {
	i := a.issuer()
	cas, err := a.cfg.Store.CAs(ctx, a.cfg.TrustDomain) // another replica may issue with a newer one than ours
	if err != nil {
		return pki.ID{}, fmt.Errorf("read CA certificates: %w", err)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: pki.Pool([]*x509.Certificate{i.root}), Intermediates: pki.Pool(cas),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return pki.ID{}, fmt.Errorf("%w: %w", pki.ErrIdentity, err)
	}
	id, err := pki.PeerID(tls.ConnectionState{VerifiedChains: chains})
	if err != nil || !id.IsCluster() || id.TrustDomain != a.cfg.TrustDomain {
		return pki.ID{}, pki.ErrIdentity
	}
	return id, nil
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
	ctx = provisioner.NewContextWithMethod(ctx, provisioner.RevokeMethod)
	for _, c := range issued {
		err := a.issuer().step.Revoke(ctx, &step.RevokeOptions{
			Serial: c.SerialNumber.String(), Reason: "cluster revoked", ReasonCode: 5, // cessationOfOperation
			PassiveOnly: true, MTLS: true, Crt: c, // without Crt it panics
		})
		if err != nil {
			return fmt.Errorf("revoke cluster %s: %w", cluster, scrub(err, ""))
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

// Service issues a certificate for one instance of a service of ours. The chain holds the root as well, so that an
// agent that knows only the root's hash can find it. A nil key makes a new one.
func (a *Authority) Service(ctx context.Context, name, instance string, dnsNames []string, ips []net.IP, key crypto.Signer) (*tls.Certificate, error) {
	id := pki.ServiceID(a.cfg.TrustDomain, name, instance)
	if err := id.Validate(); err != nil {
		return nil, fmt.Errorf("service certificate: %w", err)
	}
	if key == nil {
		fresh, err := pki.NewKey()
		if err != nil {
			return nil, err
		}
		key = fresh
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		return nil, err
	}
	sans := append([]string(nil), dnsNames...)
	for _, ip := range ips {
		sans = append(sans, ip.String())
	}
	i := a.issuer()
	chain, err := i.sign(ctx, services, csr, id.String(), sans...)
	if err != nil {
		return nil, fmt.Errorf("service certificate of %s: %w", name, err)
	}
	out := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range append(chain, i.root) {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out, nil
}

// ServiceCertificate gives a tls.Config's GetCertificate for a service: issued when first asked for, and again at two
// thirds of its life. While the store is away the certificate held serves to its end.
func (a *Authority) ServiceCertificate(name, instance string, dnsNames []string, ips []net.IP) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex // guards held
	var held *tls.Certificate
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if held != nil && now.Before(pki.RenewAt(held.Leaf)) {
			return held, nil
		}
		ctx := context.Background()
		if hello != nil {
			ctx = hello.Context()
		}
		next, err := a.Service(ctx, name, instance, dnsNames, ips, nil)
		if err != nil {
			if held != nil && now.Before(held.Leaf.NotAfter) {
				a.cfg.Log.WarnContext(ctx, "service certificate not renewed", "service", name, "error", err)
				return held, nil
			}
			return nil, err
		}
		held = next
		return held, nil
	}
}

package authority

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// keyring is one state of the authority: never changed, only replaced.
type keyring struct {
	trust   pki.Trust
	issuers map[string]*issuer // by fingerprint of the root, of those that are believed; nil where another process issues
}

// clients signs agents' certificates, servers those of services.
func (k *keyring) clients() *issuer { return k.issuers[k.trust.ClientRoot()] }
func (k *keyring) servers() *issuer { return k.issuers[k.trust.ServerRoot()] }

// hinted is the root to show a client that says which ones it knows; without a match it is that of servers.
func (k *keyring) hinted(protos []string) string {
	hints, usual := pki.Hinted(protos), k.trust.ServerRoot()
	if len(hints) == 0 {
		return usual
	}
	for _, root := range append([]string{usual}, k.trust.Live()...) {
		c := k.trust.Find(root)
		if c != nil && k.signs(root) != nil && slices.Contains(hints, pki.RootHint(pki.SPKIHash(c.Certificate))) {
			return root
		}
	}
	return usual
}

// signs is the certificate that services are issued with under a root; nil: none is, just now.
func (k *keyring) signs(root string) *x509.Certificate {
	if k.issuers != nil {
		if i := k.issuers[root]; i != nil {
			return i.chain[0]
		}
		return nil
	}
	if all := signing(&k.trust, root, time.Now()); len(all) > 0 {
		return all[0].Certificate
	}
	return nil
}

// load reads the state, brings it up to date, and makes a keyring of it. What old has already is taken from there.
func load(ctx context.Context, cfg Config, old *keyring) (*keyring, error) {
	t, err := cfg.Store.Trust(ctx, cfg.TrustDomain)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	if cfg.Remote != nil {
		if t.Version == 0 {
			return nil, ErrNoAuthority
		}
		return &keyring{trust: t}, nil
	}
	if due(cfg, &t, time.Now()) {
		err := cfg.Store.ChangeTrust(ctx, cfg.TrustDomain, func(locked *pki.Trust) error {
			_, err := maintain(ctx, cfg, locked, time.Now())
			t = *locked
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return assemble(ctx, cfg, t, old)
}

// due reports whether maintain may have something to do; it makes nothing.
func due(cfg Config, t *pki.Trust, now time.Time) bool {
	return t.Version == 0 || slices.ContainsFunc(t.Live(), func(root string) bool {
		what, _ := plan(cfg, t, root, now)
		return what != nothing
	})
}

func assemble(ctx context.Context, cfg Config, t pki.Trust, old *keyring) (*keyring, error) {
	k := &keyring{trust: t, issuers: map[string]*issuer{}}
	for _, root := range t.Live() {
		i, err := issuerFor(ctx, cfg, &t, root, old)
		if err != nil {
			if root != t.ClientRoot() && root != t.ServerRoot() { // it signs nothing yet, or nothing any more
				continue
			}
			return nil, err
		}
		k.issuers[root] = i
	}
	return k, nil
}

func issuerFor(ctx context.Context, cfg Config, t *pki.Trust, root string, old *keyring) (*issuer, error) {
	if now := time.Now(); old != nil && old.issuers[root] != nil {
		have := old.issuers[root]
		if best := signing(t, root, now); len(best) > 0 && best[0].Certificate.Equal(have.chain[0]) {
			return have, nil
		}
	}
	ca, err := signer(ctx, cfg, t, root, time.Now())
	if err != nil {
		return nil, err
	}
	return newIssuer(cfg, ca)
}

// anchors are what a certificate of ours may chain to: roots, of which retired ones count only for who asks for them,
// and issuing certificates. Those that were tainted are among the issuing ones: a leaf that is on record is good
// whoever else has the key.
func anchors(t *pki.Trust, retired bool) (roots, issuing []*x509.Certificate) {
	live := t.Live()
	for _, c := range t.CAs {
		switch {
		case !c.IsRoot():
			issuing = append(issuing, c.Certificate)
		case c.Slot != pki.Tainted && (retired || slices.Contains(live, pki.Fingerprint(c.Certificate))):
			roots = append(roots, c.Certificate)
		}
	}
	return roots, issuing
}

// tainted reports a chain through an authority that was revoked.
func tainted(t *pki.Trust, chain []*x509.Certificate) bool {
	return slices.ContainsFunc(chain[1:], func(c *x509.Certificate) bool {
		ca := t.Find(pki.Fingerprint(c))
		return ca != nil && ca.Slot == pki.Tainted
	})
}

// Package authority issues, renews and revokes the certificates of clusters and services. It embeds
// smallstep/certificates, of which it is the only importer: the agent never links this package. What smallstep leaves
// open is closed here: nothing is renewed before its chain was verified and its serial looked up, every renewal
// rekeys, a cloned identity locks its cluster, and revocation is of a cluster, not of a serial. Start at Authority.
package authority

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// Config is what an Authority needs.
type Config struct {
	TrustDomain string        // of the region, such as eu1.kubechat.dev
	Region      string        // for answers to agents
	Keys        pki.KeySource // where the CA keys are
	Store       Store
	// DNSNames and IPs are what certificates of services may hold: the gateway's names and our internal ones. They are
	// the issuing certificate's name constraints.
	DNSNames []string
	IPs      []net.IP
	// OnLock is told that a cluster was locked because two parties hold its identity. Nil: only the log is told.
	OnLock func(ctx context.Context, tenant, cluster, reason string)
	Log    *slog.Logger // nil is slog.Default
}

// Validate reports every problem of the configuration at once.
func (c Config) Validate() error {
	var errs []error
	if !pki.ValidTrustDomain(c.TrustDomain) {
		errs = append(errs, fmt.Errorf("trust domain %q is not a lower-case DNS name", c.TrustDomain))
	}
	if c.Keys == nil {
		errs = append(errs, errors.New("no key source"))
	}
	if c.Store == nil {
		errs = append(errs, errors.New("no store"))
	}
	return errors.Join(errs...)
}

// Authority is the certificate authority of one trust domain.
type Authority struct {
	cfg Config
	mu  sync.RWMutex // guards now, which is replaced as a whole when the issuing certificate changes
	now *issuer
}

// New loads the root and the issuing certificate, or creates them where there are none and the key source allows it.
func New(ctx context.Context, cfg Config) (*Authority, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	a := &Authority{cfg: cfg}
	if err := a.reload(ctx); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	return a, nil
}

// Run replaces the issuing certificate when its time has come, until ctx ends. Leaves carry their chain, so nobody
// else notices.
func (a *Authority) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := a.reload(ctx); err != nil {
			a.cfg.Log.ErrorContext(ctx, "issuing certificate not renewed", "error", err, "notAfter", a.issuer().chain[0].NotAfter)
		}
	}
}

func (a *Authority) reload(ctx context.Context) error {
	ca, err := loadCA(ctx, a.cfg)
	if err != nil {
		return err
	}
	if old := a.issuer(); old != nil && old.chain[0].Equal(ca.chain[0]) && old.root.Equal(ca.root) {
		return nil
	}
	next, err := newIssuer(a.cfg, ca)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = next
	return nil
}

func (a *Authority) issuer() *issuer {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.now
}

// Roots is whom to believe: the bundle that agents get.
func (a *Authority) Roots() []*x509.Certificate { return []*x509.Certificate{a.issuer().root} }

// RootSPKI is the pin for join tokens: the hash of the root's public key.
func (a *Authority) RootSPKI() [32]byte { return pki.SPKIHash(a.issuer().root) }

// TrustDomain is the trust domain of every certificate issued here.
func (a *Authority) TrustDomain() string { return a.cfg.TrustDomain }

// Region is the region's name.
func (a *Authority) Region() string { return a.cfg.Region }

// NewJoinToken makes a token for this region, to be dialled at gateway.
func (a *Authority) NewJoinToken(gateway string) (pki.JoinToken, error) {
	return pki.NewJoinToken(a.cfg.Region, gateway, a.RootSPKI())
}

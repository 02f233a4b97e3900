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
	Keys        pki.KeySource // where the CA keys are; nil where Remote issues
	Store       Store
	// Remote issues in this process's stead: of a replica that has no keys. It follows what is in the store, and judges
	// clusters by it, as any other does.
	Remote Remote
	// DNSNames and IPs are what certificates of services may hold: the gateway's names and our internal ones. They are
	// the issuing certificate's name constraints.
	DNSNames []string
	IPs      []net.IP
	// OnLock is told that a cluster was locked because two parties hold its identity. Nil: only the log is told.
	OnLock func(ctx context.Context, tenant, cluster, reason string)
	// Changed, optional, has a value when another process may have changed the authorities: Run looks at once then.
	Changed <-chan struct{}
	Log     *slog.Logger // nil is slog.Default
}

// Validate reports every problem of the configuration at once.
func (c Config) Validate() error {
	var errs []error
	if !pki.ValidTrustDomain(c.TrustDomain) {
		errs = append(errs, fmt.Errorf("trust domain %q is not a lower-case DNS name", c.TrustDomain))
	}
	if (c.Keys == nil) == (c.Remote == nil) {
		errs = append(errs, errors.New("either a key source, or somebody else who issues"))
	}
	if c.Store == nil {
		errs = append(errs, errors.New("no store"))
	}
	return errors.Join(errs...)
}

// Authority is the certificate authority of one trust domain.
type Authority struct {
	cfg    Config
	mu     sync.RWMutex // guards now and served
	now    *keyring
	served []*served // the certificates that ServiceCertificate keeps

	reloading sync.Mutex // one reload at a time
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
	if err := a.Reload(ctx); err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	return a, nil
}

// Refresh is how long a change that another replica made to the authorities can go unnoticed.
const Refresh = time.Minute

const retryReload = 5 * time.Second

// Run replaces the issuing certificate when its time has come, and follows what other replicas change, until ctx ends.
// Leaves carry their chain, so nobody else notices a new issuing certificate. Where another process issues, it renews
// this one's service certificates.
func (a *Authority) Run(ctx context.Context) error {
	tick := time.NewTicker(Refresh)
	defer tick.Stop()
	var warned time.Time
	changed := a.cfg.Changed
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-changed:
		}
		tick.Reset(Refresh)
		changed = a.cfg.Changed
		if err := a.Reload(ctx); err != nil {
			a.cfg.Log.ErrorContext(ctx, "authorities not up to date", "error", err)
			tick.Reset(retryReload)
			changed = nil // a store that is away makes itself heard all the time
		}
		if a.cfg.Remote != nil {
			a.keepServices(ctx)
			continue
		}
		t, now := a.ring().trust, time.Now()
		for _, root := range t.Live() {
			if overdue(a.cfg, &t, root, now) && now.Sub(warned) > time.Hour {
				a.cfg.Log.WarnContext(ctx, "the next issuing certificate is due, and the root's key is not here: hold a ceremony", "root", root)
				warned = now
			}
		}
	}
}

// Reload takes over the state of this moment.
func (a *Authority) Reload(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	next, err := load(ctx, a.cfg, a.ring())
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = next
	return nil
}

func (a *Authority) ring() *keyring {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.now
}

// Bundle is whom to believe: what agents get.
func (a *Authority) Bundle() pki.Bundle { t := a.ring().trust; return t.Bundle() }

// Roots are the bundle's roots.
func (a *Authority) Roots() []*x509.Certificate { return a.Bundle().Roots }

// RootSPKI is the pin for join tokens: the hash of the key of the root that gateways show.
func (a *Authority) RootSPKI() [32]byte {
	t := a.ring().trust
	root := t.Find(t.ServerRoot())
	if root == nil { // there is one as soon as there is a keyring
		return [32]byte{}
	}
	return pki.SPKIHash(root.Certificate)
}

// TrustDomain is the trust domain of every certificate issued here.
func (a *Authority) TrustDomain() string { return a.cfg.TrustDomain }

// Region is the region's name.
func (a *Authority) Region() string { return a.cfg.Region }

// NewJoinToken makes a token for this region, to be dialled at gateway.
func (a *Authority) NewJoinToken(gateway string) (pki.JoinToken, error) {
	return pki.NewJoinToken(a.cfg.Region, gateway, a.RootSPKI())
}

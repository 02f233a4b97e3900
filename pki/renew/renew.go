// Package renew keeps an agent's identity fresh. A Keeper gives tls.Config callbacks that always present the newest
// certificate, and rekeys at two thirds of its life: a new key, a request signed by it, sent over mTLS with the
// certificate still held. Several agents of one cluster share one stored identity: each looks whether another has
// renewed it before doing so itself. Start at Keeper.
package renew

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// Func sends a certificate request, with the identity held as proof, and returns the answer.
type Func func(ctx context.Context, held pki.Identity, csr *x509.CertificateRequest) (pki.Certificates, error)

// Config is what a Keeper needs.
type Config struct {
	Identity pki.Identity
	// Renew sends the request; see HTTP.
	Renew Func
	// Learn asks for the trust bundle to hold, and tells which one is held; see Trust. Nil: whom to believe changes with
	// renewals only.
	Learn func(ctx context.Context, held pki.Identity) (pki.Bundle, error)
	// Load reads the stored identity, which another agent of the cluster may have renewed. Nil: nothing is shared.
	Load func(context.Context) (pki.Identity, error)
	// Save stores a renewed identity. It is tried again until it succeeds: an identity that is only in memory is lost
	// with the pod, and the stored one may be used once more for ten minutes only.
	Save func(context.Context, pki.Identity) error
	// MayRenew says whether this agent is the one to renew. Nil: it is.
	MayRenew func() bool
	Log      *slog.Logger     // nil is slog.Default
	Now      func() time.Time // nil is time.Now
	Rand     func() float64   // [0,1); nil is math/rand
}

// Keeper holds the newest identity.
type Keeper struct {
	cfg Config

	mu      sync.Mutex // guards what follows
	id      pki.Identity
	unsaved bool
	due     time.Time // when to renew id
	ask     time.Time // when to ask whom to believe
	changed chan struct{}

	wake chan struct{} // size 1: there may be something to do before its time
}

// Retry times of a renewal that failed, and of a look at what another agent may have stored.
const (
	retryFirst = 5 * time.Second
	retryMax   = 5 * time.Minute
	lookEvery  = time.Minute
	askEvery   = 20 * time.Minute // within which a change of trust reaches an agent that hears nothing of it
	stepLimit  = time.Minute
)

// New makes a Keeper. It starts nothing: Run does.
func New(cfg Config) *Keeper {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	k := &Keeper{cfg: cfg, changed: make(chan struct{}), wake: make(chan struct{}, 1)}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.setLocked(cfg.Identity)
	k.askLater()
	return k
}

// Identity is the newest identity.
func (k *Keeper) Identity() pki.Identity {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.id
}

// Changed is closed when the identity held now has been replaced; sessions made with the old one may then be renewed.
func (k *Keeper) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// TLSConfig is a client's configuration towards the gateway, speaking one of alpn. It presents the newest certificate,
// and believes the newest roots, at each handshake, however long ago it was made.
func (k *Keeper) TLSConfig(alpn ...string) *tls.Config {
	id := k.Identity()
	host, _, err := net.SplitHostPort(id.Gateway)
	if err != nil {
		host = id.Gateway
	}
	cfg := pki.GatewayConfig(host, id.ID.TrustDomain, nil, append(alpn[:len(alpn):len(alpn)], id.Bundle().RootHints()...)...)
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		cert := k.Identity().TLSCertificate()
		return &cert, nil
	}
	// RootCAs can't be changed per handshake, so the chain is verified here, against the roots of the moment.
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		return verify(cs, k.Identity(), host, alpn, k.cfg.Now())
	}
	return cfg
}

func verify(cs tls.ConnectionState, id pki.Identity, host string, alpn []string, now time.Time) error {
	chains, err := id.Bundle().VerifyServer(cs.PeerCertificates, host, now)
	if err != nil {
		return err
	}
	cs.VerifiedChains = chains
	return pki.CheckGateway(cs, id.ID.TrustDomain, alpn)
}

// Heard tells which bundle a gateway says is the one to hold (its HELLO_ACK). Another one than ours is asked for at once.
func (k *Keeper) Heard(version int64) {
	k.mu.Lock()
	news := version > k.id.BundleVersion && k.cfg.Learn != nil
	if news {
		k.ask = k.cfg.Now()
	}
	k.mu.Unlock()
	if news {
		select {
		case k.wake <- struct{}{}:
		default: // it is known already
		}
	}
}

// Run renews until ctx ends. An error of one attempt is logged and tried again; it returns only when ctx has ended or
// the control plane has refused for good (a *pki.CallError that is Final), which trying again would not change.
func (k *Keeper) Run(ctx context.Context) error {
	retry := retryFirst
	for {
		if err := k.rest(ctx, k.untilDue()); err != nil {
			return err
		}
		err := k.step(ctx)
		var refused *pki.CallError
		switch {
		case err == nil:
			retry = retryFirst
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &refused) && refused.Final():
			return fmt.Errorf("renew: %w", err)
		}
		k.cfg.Log.WarnContext(ctx, "certificate not renewed", "error", err, "notAfter", k.Identity().Chain[0].NotAfter)
		if err := k.rest(ctx, time.Duration(float64(retry)*(0.5+0.5*k.cfg.Rand()))); err != nil {
			return err
		}
		retry = min(2*retry, retryMax)
	}
}

// rest waits for d, or until something was heard.
func (k *Keeper) rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
	case <-k.wake:
	}
	return nil
}

// step looks at what is stored, renews if it is time, and saves what is not saved yet.
func (k *Keeper) step(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if err := k.adopt(ctx); err != nil {
		return err
	}
	if err := k.save(ctx); err != nil {
		return err
	}
	if err := k.learn(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	due := !k.cfg.Now().Before(k.due)
	k.mu.Unlock()
	if !due || (k.cfg.MayRenew != nil && !k.cfg.MayRenew()) {
		return nil
	}
	if err := k.renew(ctx); err != nil {
		return err
	}
	return k.save(ctx)
}

// adopt takes over an identity that another agent of the cluster has stored.
func (k *Keeper) adopt(ctx context.Context) error {
	if k.cfg.Load == nil {
		return nil
	}
	stored, err := k.cfg.Load(ctx)
	if err != nil {
		return fmt.Errorf("read stored identity: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if stored.ID != k.id.ID {
		return nil
	}
	if stored.Chain[0].NotAfter.After(k.id.Chain[0].NotAfter) {
		if ours := k.id.Bundle(); ours.Version > stored.BundleVersion {
			stored = stored.WithBundle(ours)
		}
		k.setLocked(stored)
		k.unsaved = false
	} else if stored.BundleVersion > k.id.BundleVersion {
		k.id = k.id.WithBundle(stored.Bundle())
	}
	return nil
}

// learn asks whom to believe, if it is time, and stores what is new. Only a newer bundle counts: an older one may be a
// recording. What was learned is told at once.
func (k *Keeper) learn(ctx context.Context) error {
	for range 2 {
		k.mu.Lock()
		held, due := k.id, k.cfg.Learn != nil && !k.cfg.Now().Before(k.ask)
		k.mu.Unlock()
		if !due || !k.cfg.Now().Before(held.Chain[0].NotAfter) { // an expired one can't ask; its renewal tells
			return nil
		}
		bundle, err := k.cfg.Learn(ctx, held)
		if err != nil {
			k.cfg.Log.WarnContext(ctx, "whom to believe can't be asked", "error", err)
			bundle = pki.Bundle{}
		}
		k.mu.Lock()
		news := bundle.Version > k.id.BundleVersion
		if news {
			k.id = k.id.WithBundle(bundle)
			k.hurry()
		} else {
			k.askLater()
		}
		k.mu.Unlock()
		if !news {
			return nil
		}
		k.cfg.Log.InfoContext(ctx, "trust bundle learned", "version", bundle.Version, "roots", len(bundle.Roots), "distrusted", len(bundle.Distrusted))
		if k.cfg.Save != nil && (k.cfg.MayRenew == nil || k.cfg.MayRenew()) { // else another replica learns and stores it
			k.mu.Lock()
			k.unsaved = true
			k.mu.Unlock()
			if err := k.save(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// hurry renews at once a certificate whose authority was revoked; the caller holds mu.
func (k *Keeper) hurry() {
	if _, err := k.id.Bundle().Trusted([][]*x509.Certificate{k.id.Chain}); err != nil {
		k.due = k.cfg.Now()
	}
}

func (k *Keeper) askLater() {
	k.ask = k.cfg.Now().Add(time.Duration(float64(askEvery) * (0.75 + 0.5*k.cfg.Rand())))
}

// Once renews held one time: a new key, a request, and every part of the answer checked.
func Once(ctx context.Context, held pki.Identity, ask Func, now func() time.Time) (pki.Identity, error) {
	key, err := pki.NewKey()
	if err != nil {
		return pki.Identity{}, err
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		return pki.Identity{}, err
	}
	answer, err := ask(ctx, held, csr)
	if err != nil {
		return pki.Identity{}, err
	}
	next, err := pki.NewIdentity(crypto.Signer(key), answer, held.Gateway, now())
	if err != nil {
		return pki.Identity{}, err
	}
	if next.ID != held.ID {
		return pki.Identity{}, errors.New("the renewed certificate names someone else")
	}
	return next, nil
}

func (k *Keeper) renew(ctx context.Context) error {
	next, err := Once(ctx, k.Identity(), k.cfg.Renew, k.cfg.Now)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.setLocked(next)
	k.unsaved = k.cfg.Save != nil
	return nil
}

func (k *Keeper) save(ctx context.Context) error {
	k.mu.Lock()
	id, unsaved := k.id, k.unsaved
	k.mu.Unlock()
	if !unsaved {
		return nil
	}
	if err := k.cfg.Save(ctx, id); err != nil {
		return fmt.Errorf("store identity: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unsaved = false
	return nil
}

// setLocked holds id, and plans its renewal: up to a twentieth of its life before two thirds of it, so that a fleet
// which enrolled at once does not renew at once.
func (k *Keeper) setLocked(id pki.Identity) {
	k.id = id
	leaf := id.Chain[0]
	spread := leaf.NotAfter.Sub(leaf.NotBefore) / 20
	k.due = pki.RenewAt(leaf).Add(-time.Duration(k.cfg.Rand() * float64(spread)))
	close(k.changed)
	k.changed = make(chan struct{})
}

// untilDue is how long to wait before the next step: until the renewal is due, or the next look at what is stored.
func (k *Keeper) untilDue() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := k.due.Sub(k.cfg.Now())
	if wait <= 0 { // due, and it is another's turn
		wait = retryFirst
	}
	if k.unsaved {
		wait = min(wait, retryFirst)
	}
	if k.cfg.Load != nil {
		wait = min(wait, lookEvery)
	}
	if k.cfg.Learn != nil {
		wait = min(wait, max(k.ask.Sub(k.cfg.Now()), 0))
	}
	return wait
}

package renew_test

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/pki/pkitest"
	"github.com/kubechat/kubechat/pki/renew"
)

// direct renews at the authority without a network in between.
func direct(a *pkitest.Authority) renew.Func {
	return func(ctx context.Context, held pki.Identity, csr *x509.CertificateRequest) (pki.Certificates, error) {
		chain, err := a.Renew(ctx, held.Chain[0], csr)
		return a.Answer(chain), err
	}
}

// secret is a stored identity that several agents share.
type secret struct {
	mu    sync.Mutex // guards what follows
	id    pki.Identity
	fails int
	saved int
}

func (s *secret) load(context.Context) (pki.Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, nil
}

// state is what is stored, and how often it was.
func (s *secret) state() (pki.Identity, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id, s.saved
}

func (s *secret) save(_ context.Context, id pki.Identity) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails > 0 {
		s.fails--
		return errors.New("API server away")
	}
	s.id = id
	s.saved++
	return nil
}

func start(t *testing.T, cfg renew.Config) (*renew.Keeper, func() error) {
	cfg.Log = slog.New(slog.DiscardHandler)
	k := renew.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1) // the end of Run, read once
	go func() { done <- k.Run(ctx) }()
	return k, func() error { cancel(); return <-done }
}

func TestKeeperRekeysAtTwoThirdsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "localhost:8443")
		kept := &secret{id: first}
		k, stop := start(t, renew.Config{Identity: first, Renew: direct(a), Load: kept.load, Save: kept.save})
		changed := k.Changed()
		time.Sleep(14 * time.Hour)
		if k.Identity().Chain[0] != first.Chain[0] {
			t.Error("renewed too early")
		}
		time.Sleep(2*time.Hour + 10*time.Minute)
		select {
		case <-changed:
		default:
			t.Fatal("not renewed at two thirds of its life")
		}
		next := k.Identity()
		if _, saved := kept.state(); next.ID != first.ID || next.Chain[0].PublicKey == first.Chain[0].PublicKey || saved != 1 {
			t.Errorf("renewed to %v, saved %d times", next.ID, saved)
		}
		time.Sleep(10 * 24 * time.Hour)
		if time.Now().After(k.Identity().Chain[0].NotAfter) {
			t.Error("expired in the end")
		}
		_ = stop()
	})
}

func TestKeeperSurvivesOutageOfControlPlaneAndOfItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "localhost:8443")
		kept := &secret{id: first, fails: 3}
		k, stop := start(t, renew.Config{Identity: first, Renew: direct(a), Save: kept.save})
		a.Store.SetAway(true)
		time.Sleep(23 * time.Hour)
		a.Store.SetAway(false)
		time.Sleep(20 * time.Minute)
		stored, saved := kept.state()
		if saved != 1 || stored.Chain[0] != k.Identity().Chain[0] || stored.Chain[0] == first.Chain[0] {
			t.Errorf("saved %d times", saved)
		}
		_ = stop()
	})
}

func TestTwoAgentsOfOneClusterRenewOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "localhost:8443")
		kept := &secret{id: first}
		k1, stop1 := start(t, renew.Config{Identity: first, Renew: direct(a), Load: kept.load, Save: kept.save, Rand: func() float64 { return 0.9 }})
		k2, stop2 := start(t, renew.Config{Identity: first, Renew: direct(a), Load: kept.load, Save: kept.save, Rand: func() float64 { return 0.1 }})
		time.Sleep(7 * 24 * time.Hour)
		if k1.Identity().Chain[0].SerialNumber.Cmp(k2.Identity().Chain[0].SerialNumber) != 0 {
			t.Error("they hold different certificates")
		}
		if err := a.Admits(t.Context(), first.ID.Tenant, first.ID.Cluster); err != nil {
			t.Errorf("they look like copies of each other: %v", err)
		}
		_, _ = stop1(), stop2()
	})
}

func TestAgentWithoutTheLeaseLeavesRenewingToTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "localhost:8443")
		k, stop := start(t, renew.Config{Identity: first, Renew: direct(a), MayRenew: func() bool { return false }})
		time.Sleep(20 * time.Hour)
		if k.Identity().Chain[0] != first.Chain[0] {
			t.Error("it renewed")
		}
		_ = stop()
	})
}

func TestKeeperStopsWhenRefusedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		refuse := func(context.Context, pki.Identity, *x509.CertificateRequest) (pki.Certificates, error) {
			return pki.Certificates{}, &pki.CallError{Status: http.StatusForbidden, Detail: "The cluster is revoked."}
		}
		k := renew.New(renew.Config{Identity: a.Enrol(t, "", "", "localhost:8443"), Renew: refuse, Log: slog.New(slog.DiscardHandler)})
		var refused *pki.CallError
		if err := k.Run(t.Context()); !errors.As(err, &refused) {
			t.Fatalf("ended with %v", err)
		}
	})
}

func TestKeeperRefusesSomeoneElsesCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "localhost:8443")
		other := a.Enrol(t, "", "", "localhost:8443")
		wrong := func(ctx context.Context, _ pki.Identity, csr *x509.CertificateRequest) (pki.Certificates, error) {
			return direct(a)(ctx, other, csr)
		}
		k, stop := start(t, renew.Config{Identity: first, Renew: wrong})
		time.Sleep(20 * time.Hour)
		if k.Identity().ID != first.ID || k.Identity().Chain[0] != first.Chain[0] {
			t.Error("it became someone else")
		}
		_ = stop()
	})
}

func TestKeeperLearnsWhomToBelieveStoresItAndTellsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "localhost:8443")
		kept := &secret{id: first}
		var mu sync.Mutex
		var told []int64
		learn := func(ctx context.Context, held pki.Identity) (pki.Bundle, error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, held.BundleVersion)
			return a.Learn(ctx, held.ID.Tenant, held.ID.Cluster, held.Chain[0], pki.TrustRequest{Bundle: held.BundleVersion})
		}
		k, stop := start(t, renew.Config{Identity: first, Renew: direct(a), Learn: learn, Load: kept.load, Save: kept.save})
		synctest.Wait()
		if _, err := a.PrepareRoot(t.Context(), "test"); err != nil {
			t.Fatal(err)
		}
		if err := a.Enter(t.Context(), "test", pki.Init, "", authority.Override{}); err != nil {
			t.Fatal(err)
		}
		k.Heard(a.Bundle().Version)
		synctest.Wait()
		if got := k.Identity(); got.BundleVersion != 2 || len(got.Roots) != 2 {
			t.Errorf("holds bundle %d with %d roots", got.BundleVersion, len(got.Roots))
		}
		if stored, _ := kept.state(); stored.BundleVersion != 2 {
			t.Errorf("stored bundle %d", stored.BundleVersion)
		}
		mu.Lock()
		if len(told) != 2 || told[1] != 2 {
			t.Errorf("told %v", told)
		}
		mu.Unlock()
		if w, err := a.Waiting(t.Context(), pki.UpdateClients); err != nil || w.Any() {
			t.Errorf("waiting: %v, %v", w, err)
		}
		if err := a.Enter(t.Context(), "test", pki.Rollback, "", authority.Override{}); err != nil {
			t.Fatal(err)
		}
		if err := a.Enter(t.Context(), "test", pki.Standby, "", authority.Override{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // it asks by itself as well
		if got := k.Identity(); got.BundleVersion != 3 || len(got.Roots) != 1 {
			t.Errorf("holds bundle %d with %d roots", got.BundleVersion, len(got.Roots))
		}
		_ = stop()
	})
}

func TestKeeperRenewsAtOnceWhenItsAuthorityIsRevokedAndKeepsANewerBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "localhost:8443")
		var recorded atomic.Pointer[pki.Bundle]
		learn := func(context.Context, pki.Identity) (pki.Bundle, error) {
			if b := recorded.Load(); b != nil {
				return *b, nil
			}
			return a.Bundle(), nil
		}
		k, stop := start(t, renew.Config{Identity: first, Renew: direct(a), Learn: learn})
		synctest.Wait()
		old := a.Bundle()
		if err := a.Taint(t.Context(), "test", pki.Fingerprint(first.Chain[1]), "drill"); err != nil {
			t.Fatal(err)
		}
		k.Heard(a.Bundle().Version)
		time.Sleep(time.Minute)
		got := k.Identity()
		if got.Chain[0] == first.Chain[0] || got.Chain[1].Equal(first.Chain[1]) || len(got.Distrusted) != 1 {
			t.Errorf("still holds %v, distrusts %v", got.Chain[0].SerialNumber, got.Distrusted)
		}
		recorded.Store(&old)
		time.Sleep(time.Hour)
		if got := k.Identity(); got.BundleVersion != a.Bundle().Version {
			t.Errorf("an older bundle was taken over: %d", got.BundleVersion)
		}
		_ = stop()
	})
}

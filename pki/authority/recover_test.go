package authority_test

import (
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/pkitest"
)

// same makes a forged certificate that could be taken for id's.
func same(id pki.Identity) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		leaf := id.Chain[0]
		c.SerialNumber, c.URIs, c.NotBefore, c.NotAfter = leaf.SerialNumber, []*url.URL{id.ID.URL()}, leaf.NotBefore, leaf.NotAfter
	}
}

// recovery asks for a successor of id by a proof that signer made.
func recovery(t *testing.T, a *pkitest.Authority, shown, signer pki.Identity) error {
	t.Helper()
	_, csr := pkitest.Request(t)
	shown.Key = signer.Key
	proof, err := pki.SignProof(shown, csr, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = a.Recover(t.Context(), proof, csr)
	return err
}

func TestExpiredIdentityIsRenewedByAProofOfItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		id := a.Enrol(t, "", "", "")
		time.Sleep(pki.AgentLifetime + 13*24*time.Hour)
		if err := renew(t, a, id.Chain[0]); !errors.Is(err, pki.ErrIdentity) {
			t.Errorf("without a proof: %v", err)
		}
		key, csr := pkitest.Request(t)
		proof, err := pki.SignProof(id, csr, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		got, chain, err := a.Recover(t.Context(), proof, csr)
		if err != nil || got != id.ID {
			t.Fatal(got, err)
		}
		fresh, err := pki.NewIdentity(key, a.Answer(chain), "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := prove(t, a, fresh, pki.Claim{}); err != nil {
			t.Errorf("session with the new one: %v", err)
		}
		if _, _, err := a.Recover(t.Context(), proof, csr); !errors.Is(err, pki.ErrIdentity) {
			t.Errorf("the same proof again: %v", err)
		}
	})
}

func TestProofHasToBeFreshItsOwnAndOfAnIdentityOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, theirs := pkitest.New(t), pkitest.New(t)
		id := a.Enrol(t, "", "", "")
		foreign := theirs.Enrol(t, id.ID.Tenant, id.ID.Cluster, "")
		forged := a.Forge(t, same(id))
		revoked, live := a.Enrol(t, "", "", ""), a.Enrol(t, "", "", "")
		if err := a.RevokeCluster(t.Context(), revoked.ID.Tenant, revoked.ID.Cluster); err != nil {
			t.Fatal(err)
		}
		if err := recovery(t, a, live, live); !errors.Is(err, pki.ErrRequest) {
			t.Errorf("of one that has not expired: %v", err)
		}
		_, csr := pkitest.Request(t)
		stale, err := pki.SignProof(id, csr, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(pki.AgentLifetime + time.Hour)
		if _, _, err := a.Recover(t.Context(), stale, csr); !errors.Is(err, pki.ErrIdentity) {
			t.Errorf("an old proof: %v", err)
		}
		now, err := pki.SignProof(id, csr, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		_, other := pkitest.Request(t)
		if _, _, err := a.Recover(t.Context(), now, other); !errors.Is(err, pki.ErrIdentity) {
			t.Errorf("for another request: %v", err)
		}
		for name, text := range map[string]string{"empty": "", "cut": now[:len(now)-4], "nonsense": "a.b.c", "long": strings.Repeat("x", 1<<16)} {
			if _, _, err := a.Recover(t.Context(), text, csr); !errors.Is(err, pki.ErrIdentity) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, c := range map[string]struct {
			shown, signer pki.Identity
			want          error
		}{
			"another key's":       {id, foreign, pki.ErrIdentity},
			"another authority's": {foreign, foreign, pki.ErrIdentity},
			"never issued":        {forged, forged, pki.ErrForged},
			"a revoked cluster's": {revoked, revoked, pki.ErrRevoked},
		} {
			if err := recovery(t, a, c.shown, c.signer); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := recovery(t, a, id, id); err != nil {
			t.Errorf("the true one, after all that: %v", err)
		}
	})
}

func TestIdentityExpiredForAFortnightNeedsANewToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		id := a.Enrol(t, "", "", "")
		time.Sleep(pki.AgentLifetime + pki.RecoveryLimit + time.Hour)
		if err := recovery(t, a, id, id); !errors.Is(err, pki.ErrTooLate) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTwoWhoRecoverOneIdentityLockIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		id := a.Enrol(t, "", "", "")
		time.Sleep(pki.AgentLifetime + time.Hour)
		if err := recovery(t, a, id, id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err := recovery(t, a, id, id); !errors.Is(err, pki.ErrLocked) {
			t.Errorf("the second: %v", err)
		}
	})
}

// TestProvenRenewalNeedsNoConnectionToBeSeen: an authority apart from the gateway renews by the proof alone.
func TestProvenRenewalNeedsNoConnectionToBeSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		id := a.Enrol(t, "", "", "")
		renewed := func(held pki.Identity, agentsClock time.Time) (pki.Identity, error) {
			t.Helper()
			key, csr := pkitest.Request(t)
			proof, err := pki.SignProof(held, csr, agentsClock)
			if err != nil {
				t.Fatal(err)
			}
			_, chain, err := a.RenewProven(t.Context(), proof, csr)
			if err != nil {
				return pki.Identity{}, err
			}
			if _, _, err := a.RenewProven(t.Context(), proof, csr); !errors.Is(err, pki.ErrIdentity) {
				t.Errorf("the same proof again: %v", err)
			}
			return pki.NewIdentity(key, a.Answer(chain), "", time.Now())
		}
		time.Sleep(16 * time.Hour)
		for _, wrong := range []time.Duration{-48 * time.Hour, 24 * time.Hour} { // by which the certificate was not good
			if _, err := renewed(id, time.Now().Add(wrong)); !errors.Is(err, pki.ErrIdentity) {
				t.Errorf("a clock off by %s: %v", wrong, err)
			}
		}
		second, err := renewed(id, time.Now().Add(-time.Hour)) // an agent's clock may be wrong, a little
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(pki.AgentLifetime + time.Hour)
		third, err := renewed(second, time.Now())
		if err != nil || third.ID != id.ID {
			t.Fatalf("expired: %v", err)
		}
		if _, err := renewed(id, time.Now()); !errors.Is(err, pki.ErrLocked) {
			t.Errorf("by a copy: %v", err)
		}
		if _, err := renewed(third, time.Now()); !errors.Is(err, pki.ErrLocked) {
			t.Errorf("after a copy was seen: %v", err)
		}
	})
}

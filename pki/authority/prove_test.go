package authority_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.step.sm/crypto/jose"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/pkitest"
)

func prove(t *testing.T, a *pkitest.Authority, id pki.Identity, claim pki.Claim) error {
	t.Helper()
	return a.Prove(t.Context(), id.ID.Tenant, id.ID.Cluster, id.Chain[0], claim)
}

func TestIdentityUsedOutsideItsClusterLocksIt(t *testing.T) {
	t.Parallel()
	home, other := pkitest.NewCluster(t), pkitest.NewCluster(t)
	for name, token := range map[string]string{
		"without a token":                "",
		"with another cluster's token":   other.Token(t, nil),
		"with another service account's": home.Token(t, func(c *jose.Claims) { c.Subject = "system:serviceaccount:kubechat:default" }),
		"with another namespace's":       home.Token(t, func(c *jose.Claims) { c.Subject = "system:serviceaccount:evil:kubechat-agent" }),
		"with another issuer's":          home.Token(t, func(c *jose.Claims) { c.Issuer = "https://evil.test" }),
		"with a token for someone else":  home.Token(t, func(c *jose.Claims) { c.Audience = jose.Audience{"vault"} }),
		"with no signature":              "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
		"with nonsense":                  strings.Repeat("x.", 100),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := pkitest.New(t)
			id := a.EnrolIn(t, home, "", "", "")
			if err := prove(t, a, id, pki.Claim{Token: home.Token(t, nil)}); err != nil {
				t.Fatalf("at home: %v", err)
			}
			if err := prove(t, a, id, pki.Claim{Token: token}); !errors.Is(err, pki.ErrLocked) {
				t.Fatalf("elsewhere: %v", err)
			}
			if got := <-a.Locks; got != id.ID.Cluster {
				t.Errorf("alerted for %s", got)
			}
			if err := prove(t, a, id, pki.Claim{Token: home.Token(t, nil)}); !errors.Is(err, pki.ErrLocked) {
				t.Errorf("at home, after it was locked: %v", err)
			}
			if err := renew(t, a, id.Chain[0]); !errors.Is(err, pki.ErrLocked) {
				t.Errorf("renewed: %v", err)
			}
			if l, err := a.Store.State(t.Context(), id.ID.Tenant, id.ID.Cluster); err != nil || l.LockReason == "" || strings.Contains(l.LockReason, token) && token != "" {
				t.Errorf("reason %q, %v", l.LockReason, err)
			}
		})
	}
}

func TestIdentityUsedFromAnotherKubeSystemNamespaceLocksIt(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	id := a.Enrol(t, "", "", "")
	err := a.Store.Line(t.Context(), id.ID.Tenant, id.ID.Cluster, func(l *pki.Line) error { l.ClusterUID = "uid-1"; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for uid, want := range map[string]error{"uid-1": nil, "": nil} { // agents of before say nothing
		if err := prove(t, a, id, pki.Claim{ClusterUID: uid}); !errors.Is(err, want) {
			t.Errorf("%q: %v", uid, err)
		}
	}
	if err := prove(t, a, id, pki.Claim{ClusterUID: "uid-2"}); !errors.Is(err, pki.ErrLocked) {
		t.Errorf("another cluster: %v", err)
	}
}

func TestExpiredTokenIsRefusedAndLocksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, home := pkitest.New(t), pkitest.NewCluster(t)
		id := a.EnrolIn(t, home, "", "", "")
		stale := home.Token(t, nil)
		time.Sleep(2 * time.Hour)
		if err := prove(t, a, id, pki.Claim{Token: stale}); !errors.Is(err, pki.ErrProof) {
			t.Errorf("got %v", err)
		}
		if err := prove(t, a, id, pki.Claim{Token: home.Token(t, nil)}); err != nil {
			t.Errorf("with a fresh one: %v", err)
		}
	})
}

func TestNewKeysOfAClusterCountFromWhoHoldsTheOldOnes(t *testing.T) {
	t.Parallel()
	a, home := pkitest.New(t), pkitest.NewCluster(t)
	id := a.EnrolIn(t, home, "", "", "")
	learn := func(own pki.OwnCluster) error {
		_, err := a.Learn(t.Context(), id.ID.Tenant, id.ID.Cluster, id.Chain[0], pki.TrustRequest{OwnCluster: own})
		return err
	}
	old := home.Token(t, nil)
	home.Rotate(t)
	next := home.Own(t) // both keys, as an API server shows them in the middle of a rotation
	next.ServiceAccountToken = old
	if err := learn(next); err != nil {
		t.Fatalf("over a token of the old key: %v", err)
	}
	home.Forget()
	if err := prove(t, a, id, pki.Claim{Token: home.Token(t, nil)}); err != nil {
		t.Fatalf("with the new key: %v", err)
	}
	thief := pkitest.NewCluster(t)
	if err := learn(thief.Own(t)); !errors.Is(err, pki.ErrLocked) {
		t.Errorf("keys of another cluster: %v", err)
	}
	if err := prove(t, a, id, pki.Claim{Token: thief.Token(t, nil)}); err == nil {
		t.Error("they were taken over")
	}
}

func TestPinNeedsATokenThatItsKeysSigned(t *testing.T) {
	t.Parallel()
	a, home, other := pkitest.New(t), pkitest.NewCluster(t), pkitest.NewCluster(t)
	good := home.Own(t)
	if pin, err := a.Pin(pki.OwnCluster{}); err != nil || !pin.IsZero() {
		t.Errorf("an agent that says nothing: %v", err)
	}
	if pin, err := a.Pin(good); err != nil || pin.Subject != pkitest.ServiceAccount || pin.Issuer != home.Issuer {
		t.Errorf("%+v, %v", pin, err)
	}
	for name, own := range map[string]pki.OwnCluster{
		"another's token": {Keys: good.Keys, ServiceAccountToken: other.Token(t, nil)},
		"a person's":      {Keys: good.Keys, ServiceAccountToken: home.Token(t, func(c *jose.Claims) { c.Subject = "ana" })},
		"no keys":         {Keys: []byte(`{"keys":[]}`), ServiceAccountToken: good.ServiceAccountToken},
		"a shared secret": {Keys: []byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`), ServiceAccountToken: good.ServiceAccountToken},
		"too many":        {Keys: append([]byte(`{"keys":[]}`), make([]byte, 64<<10)...), ServiceAccountToken: good.ServiceAccountToken},
	} {
		if _, err := a.Pin(own); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestOnlyTheNewestCertificateAndTheOneBeforeOpenSessions(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	first := a.Enrol(t, "", "", "")
	second := a.Renewed(t, first)
	third := a.Renewed(t, second)
	for name, c := range map[string]struct {
		id   pki.Identity
		want error
	}{"first": {first, pki.ErrSuperseded}, "second": {second, nil}, "third": {third, nil}} {
		if err := prove(t, a, c.id, pki.Claim{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificateMadeWithAStolenIssuingKeyOpensNothing(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	real := a.Enrol(t, "", "", "")
	forged := a.Forge(t, same(real)) // the same name, the same serial, another key
	if err := prove(t, a, forged, pki.Claim{}); !errors.Is(err, pki.ErrForged) {
		t.Errorf("session: %v", err)
	}
	if err := renew(t, a, forged.Chain[0]); !errors.Is(err, pki.ErrForged) {
		t.Errorf("renewal: %v", err)
	}
	a.Renewed(t, real)
}

func TestAcknowledgedBundleIsKept(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	id := a.Enrol(t, "", "", "")
	behind := func() int {
		all, err := a.Store.Behind(t.Context(), time.Now(), a.Bundle().Version, nil)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if behind() != 1 {
		t.Error("it holds a bundle before it said so")
	}
	if err := prove(t, a, id, pki.Claim{Bundle: a.Bundle().Version}); err != nil || behind() != 0 {
		t.Errorf("%d behind, %v", behind(), err)
	}
}

package authority_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/pki/pkitest"
)

func renew(t *testing.T, a *pkitest.Authority, leaf *x509.Certificate) error {
	t.Helper()
	_, csr := pkitest.Request(t)
	_, err := a.Renew(t.Context(), leaf, csr)
	return err
}

func TestEnrolledCertificateIsTheProfileOfACluster(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	tenant, cluster := uuid.NewString(), uuid.NewString()
	id := a.Enrol(t, tenant, cluster, "localhost:8443")
	leaf := id.Chain[0]
	if id.ID != pki.ClusterID(pkitest.TrustDomain, tenant, cluster) {
		t.Errorf("names %s", id.ID)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life != pki.AgentLifetime+pki.Backdate {
		t.Errorf("lives %s", life)
	}
	if len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || leaf.IsCA ||
		leaf.KeyUsage != x509.KeyUsageDigitalSignature || len(leaf.DNSNames)+len(leaf.EmailAddresses)+len(leaf.IPAddresses) > 0 {
		t.Errorf("profile: %v %v %v", leaf.ExtKeyUsage, leaf.KeyUsage, leaf.DNSNames)
	}
	if strings.Contains(leaf.Subject.String(), tenant) {
		t.Errorf("the subject means something: %s", leaf.Subject)
	}
	issuing := id.Chain[1]
	if !issuing.PermittedDNSDomainsCritical || !issuing.MaxPathLenZero || len(issuing.PermittedURIDomains) != 1 {
		t.Errorf("issuing certificate is not constrained: %+v", issuing.PermittedURIDomains)
	}
}

func TestIssuingKeyCannotNameAnotherTrustDomain(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	for name, change := range map[string]func(*x509.Certificate){
		"trust domain": func(c *x509.Certificate) {
			c.URIs = []*url.URL{pki.ClusterID("us1.kubechat.test", uuid.NewString(), uuid.NewString()).URL()}
		},
		"subdomain": func(c *x509.Certificate) {
			c.URIs = []*url.URL{pki.ClusterID("x."+pkitest.TrustDomain, uuid.NewString(), uuid.NewString()).URL()}
		},
		"DNS name": func(c *x509.Certificate) { c.DNSNames = []string{"kubernetes.default.svc"} },
		"e-mail":   func(c *x509.Certificate) { c.EmailAddresses = []string{"root@kubechat.test"} },
	} {
		id := a.Forge(t, change)
		_, err := id.Chain[0].Verify(x509.VerifyOptions{
			Roots: pki.Pool(id.Roots), Intermediates: pki.Pool(id.Chain[1:]), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err == nil {
			t.Errorf("%s: a stolen issuing key made a certificate that verifies", name)
		}
	}
}

func TestEnrolRefusesRequestsForMore(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	other := pki.ClusterID(pkitest.TrustDomain, uuid.NewString(), uuid.NewString()).URL()
	for name, c := range map[string]struct {
		tmpl x509.CertificateRequest
		key  any
	}{
		"another tenant": {x509.CertificateRequest{URIs: []*url.URL{other}}, key},
		"DNS name":       {x509.CertificateRequest{DNSNames: []string{"localhost"}}, key},
		"RSA 1024":       {x509.CertificateRequest{}, small},
	} {
		der, err := x509.CreateCertificateRequest(rand.Reader, &c.tmpl, c.key)
		if err != nil {
			t.Fatal(err)
		}
		csr, err := x509.ParseCertificateRequest(der)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.EnrolCluster(t.Context(), uuid.NewString(), uuid.NewString(), csr); !errors.Is(err, pki.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, csr := pkitest.Request(t)
	if _, err := a.EnrolCluster(t.Context(), "not-a-uuid", uuid.NewString(), csr); err == nil {
		t.Error("a tenant that is no UUID was named in a certificate")
	}
}

// Smallstep renews whatever it is given: the next three are what we add.

func TestCertificateOfAForeignAuthorityIsNotRenewed(t *testing.T) {
	t.Parallel()
	ours, theirs := pkitest.New(t), pkitest.New(t)
	tenant, cluster := uuid.NewString(), uuid.NewString()
	ours.Enrol(t, tenant, cluster, "")
	foreign := theirs.Enrol(t, tenant, cluster, "") // same trust domain, same name
	if err := renew(t, ours, foreign.Chain[0]); !errors.Is(err, pki.ErrIdentity) {
		t.Fatalf("got %v", err)
	}
}

func TestExpiredCertificateWithoutProvisionerIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		expired := a.Forge(t, nil) // for an hour, and on record as the newest one: nothing but its end stands in the way
		err := a.Store.Line(t.Context(), expired.ID.Tenant, expired.ID.Cluster, func(l *pki.Line) error {
			l.Enrol(expired.Chain[0], pki.Pin{}, time.Now())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if err := renew(t, a, expired.Chain[0]); !errors.Is(err, pki.ErrIdentity) {
			t.Errorf("expired: %v", err)
		}
		unknown := a.Forge(t, nil) // signed by our own key, and never issued
		if err := renew(t, a, unknown.Chain[0]); !errors.Is(err, pki.ErrIdentity) {
			t.Errorf("unknown serial: %v", err)
		}
	})
}

func TestNoSerialOfARevokedClusterIsRenewed(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	first := a.Enrol(t, "", "", "")
	second := a.Renewed(t, first)
	if err := a.RevokeCluster(t.Context(), first.ID.Tenant, first.ID.Cluster); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]pki.Identity{"current": second, "previous": first} {
		if err := renew(t, a, id.Chain[0]); !errors.Is(err, pki.ErrRevoked) {
			t.Errorf("%s: %v", name, err)
		}
		if revoked, err := a.Store.SerialRevoked(t.Context(), id.Chain[0].SerialNumber.String()); err != nil || !revoked {
			t.Errorf("%s serial not recorded as revoked: %v", name, err)
		}
	}
	if err := a.Admits(t.Context(), first.ID.Tenant, first.ID.Cluster); !errors.Is(err, pki.ErrRevoked) {
		t.Errorf("admitted: %v", err)
	}
	_, csr := pkitest.Request(t)
	if _, err := a.EnrolCluster(t.Context(), first.ID.Tenant, first.ID.Cluster, csr); !errors.Is(err, pki.ErrRevoked) {
		t.Errorf("enrolled again: %v", err)
	}
}

func TestRenewalNeedsANewKeyAndNoOtherName(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	id := a.Enrol(t, "", "", "")
	csr, err := pki.NewCSR(id.Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Renew(t.Context(), id.Chain[0], csr); !errors.Is(err, pki.ErrRequest) {
		t.Errorf("same key: %v", err)
	}
	next := a.Renewed(t, id)
	if next.ID != id.ID || next.Chain[0].SerialNumber.Cmp(id.Chain[0].SerialNumber) == 0 {
		t.Errorf("renewed to %s", next.ID)
	}
}

func TestServiceCertificateIsNotRenewedAsACluster(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	cert, err := a.Service(t.Context(), pki.GatewayService, "r1", []string{"localhost"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := renew(t, a, cert.Leaf); !errors.Is(err, pki.ErrIdentity) {
		t.Fatalf("got %v", err)
	}
}

func TestLostAnswerGivesOneSecondChance(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	first := a.Enrol(t, "", "", "")
	lost := a.Renewed(t, first)
	again := a.Renewed(t, first) // the answer with lost never arrived
	third := a.Renewed(t, again)
	_ = a.Renewed(t, third)
	if err := renew(t, a, lost.Chain[0]); !errors.Is(err, pki.ErrLocked) {
		t.Fatalf("the lost certificate renews: %v", err)
	}
}

func TestSecondChanceEndsAfterTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "")
		a.Renewed(t, first)
		time.Sleep(11 * time.Minute) // the bubble's clock
		if err := renew(t, a, first.Chain[0]); !errors.Is(err, pki.ErrLocked) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestCopiedIdentityLocksItsClusterUntilItJoinsAgain(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	owner := a.Enrol(t, "", "", "")
	thief := owner
	owner = a.Renewed(t, a.Renewed(t, owner))
	if err := renew(t, a, thief.Chain[0]); !errors.Is(err, pki.ErrLocked) {
		t.Fatalf("the copy renews: %v", err)
	}
	if got := <-a.Locks; got != owner.ID.Cluster {
		t.Errorf("alerted for %s", got)
	}
	if err := renew(t, a, owner.Chain[0]); !errors.Is(err, pki.ErrLocked) {
		t.Errorf("nobody knows which one is the owner, and one renewed: %v", err)
	}
	if err := a.Admits(t.Context(), owner.ID.Tenant, owner.ID.Cluster); !errors.Is(err, pki.ErrLocked) {
		t.Errorf("admitted: %v", err)
	}
	select {
	case <-a.Locks:
		t.Error("alerted twice")
	default:
	}
}

func TestJoiningAgainVoidsWhatWasHeldAndUnlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		old := a.Enrol(t, "", "", "")
		time.Sleep(time.Hour)
		fresh := a.Enrol(t, old.ID.Tenant, old.ID.Cluster, "")
		if err := renew(t, a, old.Chain[0]); !errors.Is(err, pki.ErrIdentity) {
			t.Errorf("old identity: %v", err)
		}
		if err := a.Admits(t.Context(), old.ID.Tenant, old.ID.Cluster); err != nil {
			t.Errorf("an old identity locked the new one: %v", err)
		}
		a.Renewed(t, fresh)
	})
}

func TestAnyReplicaRenewsWhatAnotherIssued(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	id := a.Enrol(t, "", "", "")
	b := pkitest.At(t, a.Store, a.Keys) // another replica, or this one restarted
	if a.RootSPKI() != b.RootSPKI() {
		t.Fatal("two roots")
	}
	a.Renewed(t, b.Renewed(t, id))
}

func TestIssuingCertificateIsPreparedAMonthAndReplacedAWeekBeforeItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "").Chain[1]
		slots := func() (out []pki.Slot) {
			trust, err := a.Store.Trust(t.Context(), pkitest.TrustDomain)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range trust.CAs {
				if !c.IsRoot() {
					out = append(out, c.Slot)
				}
			}
			return out
		}
		at := func(before time.Duration, want ...pki.Slot) *x509.Certificate {
			t.Helper()
			time.Sleep(time.Until(first.NotAfter.Add(-before)) + time.Minute)
			if err := a.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := slots(); !slices.Equal(got, want) {
				t.Errorf("%s before its end: %v", before, got)
			}
			return a.Enrol(t, "", "", "").Chain[1]
		}
		if !at(31*24*time.Hour, pki.Active).Equal(first) || !at(30*24*time.Hour, pki.Active, pki.Prepared).Equal(first) {
			t.Error("something else signs before its time")
		}
		if at(7*24*time.Hour, pki.Retired, pki.Active).Equal(first) {
			t.Error("the issuing certificate is still the first")
		}
	})
}

func TestRunFollowsWhatAnotherReplicaChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		first := a.Enrol(t, "", "", "").Chain[1]
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		if err := pkitest.At(t, a.Store, a.Keys).RotateIssuing(t.Context(), "somebody"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * authority.Refresh)
		next := a.Enrol(t, "", "", "")
		if next.Chain[1].Equal(first) {
			t.Error("the issuing certificate is still the first")
		}
		if err := renew(t, a, next.Chain[0]); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAgentOfAReplacedIssuingCertificateRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		time.Sleep(pki.IssuingLifetime - 7*24*time.Hour - time.Hour)
		id := a.Enrol(t, "", "", "")
		time.Sleep(2 * time.Hour)
		b := pkitest.At(t, a.Store, a.Keys) // starts in the last week, and makes a new issuing certificate
		next := b.Renewed(t, id)
		if next.Chain[1].Equal(id.Chain[1]) {
			t.Fatal("not replaced")
		}
		a.Renewed(t, next) // the first replica has not noticed yet
	})
}

func TestStoreAwayRefusesAndSaysSo(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	id := a.Enrol(t, "", "", "")
	cert := a.Gateway(t)
	if _, err := cert(nil); err != nil {
		t.Fatal(err)
	}
	a.Store.SetAway(true)
	if err := renew(t, a, id.Chain[0]); !errors.Is(err, pkitest.ErrAway) {
		t.Errorf("renew: %v", err)
	}
	if err := a.Admits(t.Context(), id.ID.Tenant, id.ID.Cluster); !errors.Is(err, pkitest.ErrAway) {
		t.Errorf("admits: %v", err)
	}
	if _, err := cert(nil); err != nil {
		t.Errorf("the gateway's certificate: %v", err)
	}
}

func TestServiceCertificateShowsTheRootAndRenewsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := pkitest.New(t)
		get := a.Gateway(t)
		first := must(t, get)
		if n := len(first.Certificate); n != 3 {
			t.Fatalf("%d certificates", n)
		}
		root, err := x509.ParseCertificate(first.Certificate[2])
		if err != nil || pki.SPKIHash(root) != a.RootSPKI() {
			t.Errorf("the last one is not the root: %v", err)
		}
		time.Sleep(5 * time.Hour)
		if must(t, get) != first {
			t.Error("renewed too early")
		}
		time.Sleep(time.Hour)
		if must(t, get) == first {
			t.Error("not renewed at two thirds of its life")
		}
	})
}

func must(t *testing.T, get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Certificate {
	t.Helper()
	c, err := get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

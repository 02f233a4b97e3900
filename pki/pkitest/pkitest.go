// Package pkitest gives tests a throwaway authority: the real one of pki/authority over a store in memory and keys in a
// temporary directory. Inside testing/synctest its clock is in the test's hand. Forge makes the certificates that the
// authority would refuse. Start at New.
package pkitest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
)

// TrustDomain is that of every throwaway authority.
const TrustDomain = "eu1.kubechat.test"

// Region is theirs, too.
const Region = "eu1"

// Authority is a throwaway authority, with what tests need to see of its inside.
type Authority struct {
	*authority.Authority
	Store *Store
	Keys  pki.Dir
	Locks chan string // clusters that were locked
}

// New makes one that may issue services for localhost and 127.0.0.1.
func New(t testing.TB) *Authority {
	t.Helper()
	return At(t, NewStore(), pki.Dir(t.TempDir()))
}

// At makes one over a store and keys that exist already: another replica, or the same one restarted.
func At(t testing.TB, store *Store, keys pki.Dir) *Authority {
	t.Helper()
	a := &Authority{Store: store, Keys: keys, Locks: make(chan string, 16)} // more than any test locks
	var err error
	a.Authority, err = authority.New(t.Context(), authority.Config{
		TrustDomain: TrustDomain, Region: Region, Keys: keys, Store: store,
		DNSNames: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		OnLock: func(_ context.Context, _, cluster, _ string) { a.Locks <- cluster },
		Log:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatalf("throwaway authority: %v", err)
	}
	return a
}

// Enrol makes the identity of a cluster that has joined; empty ids are made up.
func (a *Authority) Enrol(t testing.TB, tenant, cluster, gateway string) pki.Identity {
	t.Helper()
	key, csr := Request(t)
	chain, err := a.EnrolCluster(t.Context(), orNew(tenant), orNew(cluster), csr)
	if err != nil {
		t.Fatalf("enrol: %v", err)
	}
	return a.identity(t, key, chain, gateway)
}

// Renewed makes the successor of an identity.
func (a *Authority) Renewed(t testing.TB, id pki.Identity) pki.Identity {
	t.Helper()
	key, csr := Request(t)
	chain, err := a.Renew(t.Context(), id.Chain[0], csr)
	if err != nil {
		t.Fatalf("renew: %v", err)
	}
	return a.identity(t, key, chain, id.Gateway)
}

// Answer is what a gateway answers with a chain.
func (a *Authority) Answer(chain []*x509.Certificate) pki.Certificates {
	b := a.Bundle().Answer()
	return pki.Certificates{
		Certificates: string(pki.MarshalChainPEM(chain)), Roots: b.Roots, Bundle: b.Bundle, Distrusted: b.Distrusted, Region: Region,
	}
}

func (a *Authority) identity(t testing.TB, key crypto.Signer, chain []*x509.Certificate, gateway string) pki.Identity {
	t.Helper()
	id, err := pki.NewIdentity(key, a.Answer(chain), gateway, time.Now())
	if err != nil {
		t.Fatalf("identity: %v", err)
	}
	return id
}

// Gateway gives the tls.Config.GetCertificate of a gateway at localhost and 127.0.0.1.
func (a *Authority) Gateway(t testing.TB) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	t.Helper()
	return a.ServiceCertificate(pki.GatewayService, "test-1", []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
}

// Request makes a key and a request for it.
func Request(t testing.TB) (crypto.Signer, *x509.CertificateRequest) {
	t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, csr
}

// Forge signs a client's leaf with the authority's own issuing key, past every rule of it; change alters the template.
func (a *Authority) Forge(t testing.TB, change func(*x509.Certificate)) pki.Identity {
	t.Helper()
	return Forge(t, a.Store, a.Keys, a.Roots(), change)
}

// Forge is the same for any authority's store and keys.
func Forge(t testing.TB, store authority.CAStore, keys pki.KeySource, roots []*x509.Certificate, change func(*x509.Certificate)) pki.Identity {
	t.Helper()
	trust, err := store.Trust(t.Context(), TrustDomain)
	if err != nil {
		t.Fatal(err)
	}
	for _, ca := range trust.CAs {
		if ca.IsRoot() || ca.Slot != pki.Active {
			continue
		}
		if key, err := keys.Key(t.Context(), authority.KeyName(ca.Certificate)); err == nil {
			return forge(t, ca.Certificate, key, roots, change)
		}
	}
	t.Fatal("no issuing certificate")
	return pki.Identity{}
}

func forge(t testing.TB, ca *x509.Certificate, caKey crypto.Signer, roots []*x509.Certificate, change func(*x509.Certificate)) pki.Identity {
	t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	id := pki.ClusterID(TrustDomain, uuid.NewString(), uuid.NewString())
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "forged"}, URIs: []*url.URL{id.URL()},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(tmpl)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if len(leaf.URIs) == 1 {
		if named, err := pki.ParseID(leaf.URIs[0].String()); err == nil {
			id = named
		}
	}
	return pki.Identity{Key: key, Chain: []*x509.Certificate{leaf, ca}, Roots: roots, ID: id, Region: Region}
}

func orNew(id string) string {
	if id == "" {
		return uuid.NewString()
	}
	return id
}

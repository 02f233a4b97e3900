package authority

import (
	"context"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	step "github.com/smallstep/certificates/authority"
	"github.com/smallstep/certificates/authority/provisioner"
	"go.step.sm/crypto/jose"

	"github.com/kubechat/kubechat/pki"
)

// ottStore is the part of a Store that one-time tokens need; pkitest's whole one imports this package.
type ottStore struct {
	Store
	trust pki.Trust
	used  map[string]bool
}

func (s *ottStore) Trust(context.Context, string) (pki.Trust, error) { return s.trust, nil }

func (s *ottStore) ChangeTrust(_ context.Context, _ string, f func(*pki.Trust) error) error {
	return f(&s.trust)
}

func (s *ottStore) UseOTT(_ context.Context, id string, _ time.Time) (bool, error) {
	first := !s.used[id]
	s.used[id] = true
	return first, nil
}

func testConfig(t *testing.T) Config {
	return Config{
		TrustDomain: "eu1.kubechat.test", Keys: pki.Dir(t.TempDir()), Store: &ottStore{used: map[string]bool{}},
		DNSNames: []string{"localhost"},
	}
}

func testIssuer(t *testing.T, cfg Config) *issuer {
	t.Helper()
	k, err := load(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k.clients()
}

func redeem(i *issuer, ott string, csr *x509.CertificateRequest) error {
	ctx := provisioner.NewContextWithMethod(step.NewContext(context.Background(), i.step), provisioner.SignMethod)
	opts, err := i.step.Authorize(ctx, ott)
	if err != nil {
		return scrub(err, ott)
	}
	_, err = i.step.SignWithContext(ctx, csr, provisioner.SignOptions{}, opts...)
	return scrub(err, ott)
}

func request(t *testing.T) *x509.CertificateRequest {
	t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

func TestOneTimeTokenIsForOneUseOfOneRequestInOneProcess(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	i := testIssuer(t, cfg)
	csr := request(t)
	subject := pki.ClusterID(cfg.TrustDomain, uuid.NewString(), uuid.NewString()).String()
	mint := func() string {
		ott, err := i.mint(clusters, csr, subject, nil)
		if err != nil {
			t.Fatal(err)
		}
		return ott
	}
	ott := mint()
	if err := redeem(i, ott, csr); err != nil {
		t.Fatalf("first use: %v", err)
	}
	for name, err := range map[string]error{
		"replayed":                     redeem(i, ott, csr),
		"replayed in another process":  redeem(testIssuer(t, cfg), ott, csr),
		"minted by another process":    redeem(testIssuer(t, cfg), mint(), csr),
		"used for another request":     redeem(i, mint(), request(t)),
		"cut":                          redeem(i, ott[:len(ott)-2], csr),
		"of the other provisioner":     redeemOther(t, i, csr, subject),
		"naming another trust domain":  redeemNamed(t, i, csr, pki.ClusterID("us1.kubechat.test", uuid.NewString(), uuid.NewString()).String()),
		"naming something else":        redeemNamed(t, i, csr, "https://example.test/"),
		"naming a host of someone's":   redeemService(t, i, csr, "kubernetes.default.svc"),
		"naming a service and address": redeemService(t, i, csr, "10.0.0.1"),
	} {
		if err == nil {
			t.Errorf("a token %s was accepted", name)
		}
		if err != nil && strings.Contains(err.Error(), ott) {
			t.Errorf("%s: the error shows the token", name)
		}
	}
}

// redeemOther signs with the key of the services a token that claims to be of the clusters.
func redeemOther(t *testing.T, i *issuer, csr *x509.CertificateRequest, subject string) error {
	t.Helper()
	swapped := *i
	swapped.keys = map[string]*jose.JSONWebKey{clusters: i.keys[services]}
	ott, err := swapped.mint(clusters, csr, subject, nil)
	if err != nil {
		t.Fatal(err)
	}
	return redeem(i, ott, csr)
}

func redeemNamed(t *testing.T, i *issuer, csr *x509.CertificateRequest, subject string, more ...string) error {
	t.Helper()
	ott, err := i.mint(clusters, csr, subject, more)
	if err != nil {
		t.Fatal(err)
	}
	return redeem(i, ott, csr)
}

func redeemService(t *testing.T, i *issuer, csr *x509.CertificateRequest, host string) error {
	t.Helper()
	ott, err := i.mint(services, csr, pki.ServiceID("eu1.kubechat.test", "gateway", "1").String(), []string{host})
	if err != nil {
		t.Fatal(err)
	}
	return redeem(i, ott, csr)
}

// FuzzReadProof: what anybody can send who has no certificate.
func FuzzReadProof(f *testing.F) {
	key, err := pki.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJFUzI1NiIsIng1Y0luc2VjdXJlIjpbIkFBPT0iXX0.e30.AA")
	f.Fuzz(func(t *testing.T, proof string) {
		if _, _, err := readProof(proof, "eu1.kubechat.test", csr); err == nil {
			t.Errorf("accepted %q", proof)
		}
	})
}

// FuzzVerifyToken: what an agent sends as its service account's.
func FuzzVerifyToken(f *testing.F) {
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, "a.b.c")
	f.Fuzz(func(t *testing.T, keys, token string) {
		set, err := parseKeySet([]byte(keys))
		if err != nil {
			return
		}
		if _, err := verifyToken(set, token, time.Now()); err == nil {
			t.Errorf("accepted %q with %q", token, keys)
		}
	})
}

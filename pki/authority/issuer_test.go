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
	cas  []*x509.Certificate
	used map[string]bool
}

func (s *ottStore) CAs(context.Context, string) ([]*x509.Certificate, error) { return s.cas, nil }

func (s *ottStore) AddCA(_ context.Context, _ string, c *x509.Certificate) error {
	s.cas = append(s.cas, c)
	return nil
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
	ca, err := loadCA(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	i, err := newIssuer(cfg, ca)
	if err != nil {
		t.Fatal(err)
	}
	return i
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

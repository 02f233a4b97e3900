package pki_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/pki"
)

const (
	tenantA  = "0197a3f0-1111-7000-8000-00000000000a"
	clusterA = "0197a3f0-2222-7000-8000-00000000000a"
)

func TestParseIDReadsBackWhatStringWrites(t *testing.T) {
	t.Parallel()
	for _, id := range []pki.ID{
		pki.ClusterID("eu1.kubechat.dev", tenantA, clusterA), pki.ServiceID("eu1.kubechat.dev", "gateway", "replica-1"),
	} {
		got, err := pki.ParseID(id.String())
		if err != nil || got != id {
			t.Errorf("ParseID(%s) = %+v, %v", id, got, err)
		}
		if id.URL().String() != id.String() {
			t.Errorf("URL changes %s to %s", id, id.URL())
		}
	}
}

func TestParseIDRefusesEverySecondSpelling(t *testing.T) {
	t.Parallel()
	good := pki.ClusterID("eu1.kubechat.dev", tenantA, clusterA).String()
	for name, s := range map[string]string{
		"empty":                "",
		"other scheme":         strings.Replace(good, "spiffe", "https", 1),
		"upper-case scheme":    strings.Replace(good, "spiffe", "SPIFFE", 1),
		"upper-case domain":    strings.Replace(good, "eu1", "EU1", 1),
		"upper-case UUID":      strings.ToUpper(good),
		"UUID in braces":       strings.Replace(good, tenantA, "{"+tenantA+"}", 1),
		"UUID without dashes":  strings.Replace(good, tenantA, strings.ReplaceAll(tenantA, "-", ""), 1),
		"zero UUID":            strings.Replace(good, tenantA, uuid.Nil.String(), 1),
		"port":                 strings.Replace(good, ".dev/", ".dev:443/", 1),
		"user":                 strings.Replace(good, "//eu1", "//root@eu1", 1),
		"query":                good + "?x=1",
		"fragment":             good + "#x",
		"trailing slash":       good + "/",
		"double slash":         strings.Replace(good, "/cluster", "//cluster", 1),
		"dot segment":          strings.Replace(good, "/cluster", "/./cluster", 1),
		"escape":               strings.Replace(good, "cluster", "%63luster", 1),
		"escaped slash":        strings.Replace(good, "/cluster/", "/cluster%2f", 1),
		"more path":            good + "/agent/1",
		"cluster only":         "spiffe://eu1.kubechat.dev/cluster/" + clusterA,
		"IP as domain":         strings.Replace(good, "eu1.kubechat.dev", "10.0.0.1", 1),
		"empty domain":         strings.Replace(good, "eu1.kubechat.dev", "", 1),
		"domain ends in a dot": strings.Replace(good, ".dev/", ".dev./", 1),
		"service with dots":    "spiffe://eu1.kubechat.dev/svc/gateway/..",
		"service upper case":   "spiffe://eu1.kubechat.dev/svc/Gateway/1",
		"too long":             "spiffe://eu1.kubechat.dev/svc/gateway/" + strings.Repeat("a", 3000),
		"NUL":                  good + "\x00",
	} {
		if id, err := pki.ParseID(s); err == nil {
			t.Errorf("%s: accepted as %+v", name, id)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(pki.ClusterID("eu1.kubechat.dev", tenantA, clusterA).String())
	f.Add("spiffe://a/svc/gateway/1")
	f.Add("spiffe://a.b/tenant/x/cluster/%2e%2e")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := pki.ParseID(s)
		if err != nil {
			return
		}
		if id.String() != s {
			t.Fatalf("%q has a second spelling, %q", s, id.String())
		}
		if u, err := url.Parse(s); err != nil || u.String() != s || u.Port() != "" || u.User != nil || u.RawQuery != "" {
			t.Fatalf("%q is no plain URL", s)
		}
	})
}

func TestJoinTokenRoundTrip(t *testing.T) {
	t.Parallel()
	tok, err := pki.NewJoinToken("eu1", "tunnel.eu1.kubechat.dev:443", [32]byte{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	got, err := pki.ParseJoinToken(" " + tok.String() + "\n")
	if err != nil || got != tok {
		t.Fatalf("got %v, %v", got.LogValue(), err)
	}
	if !pki.LooksLikeJoinToken(tok.String()) {
		t.Error("a join token does not look like one")
	}
	zero := pki.JoinToken{Region: "eu1", Gateway: "127.0.0.1:8443"} // leading zeros must survive base62
	if got, err := pki.ParseJoinToken(zero.String()); err != nil || got != zero {
		t.Errorf("got %v, %v", got.LogValue(), err)
	}
}

func TestJoinTokenCatchesDamage(t *testing.T) {
	t.Parallel()
	tok, err := pki.NewJoinToken("eu1", "localhost:8443", [32]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	s := tok.String()
	for i := range len(s) {
		damaged := []byte(s)
		damaged[i] ^= 1
		for _, bad := range []string{string(damaged), s[:i], s[:i] + s[i+1:]} {
			if _, err := pki.ParseJoinToken(bad); err == nil {
				t.Fatalf("accepted with byte %d changed or missing", i)
			} else if len(bad) > 20 && strings.Contains(err.Error(), bad[10:20]) {
				t.Fatalf("the error shows the token: %v", err)
			}
		}
	}
}

func TestJoinTokenStaysOutOfLogs(t *testing.T) {
	t.Parallel()
	tok, err := pki.NewJoinToken("eu1", "localhost:8443", [32]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("joining", "token", tok, "request", pki.EnrolRequest{Token: tok.String(), KubeSystemUID: "uid"})
	if s := out.String(); strings.Contains(s, "kcj1_") || strings.Contains(s, "ecret") || !strings.Contains(s, "localhost:8443") {
		t.Errorf("logged %s", s)
	}
}

func FuzzParseJoinToken(f *testing.F) {
	f.Add(pki.JoinToken{Region: "eu1", Gateway: "127.0.0.1:8443"}.String())
	f.Add("kcj1_")
	f.Add("kcj1_0000000")
	f.Fuzz(func(t *testing.T, s string) {
		if tok, err := pki.ParseJoinToken(s); err == nil && tok.String() != strings.TrimSpace(s) {
			t.Fatalf("%q has a second spelling", s)
		}
	})
}

func TestKeyFilesAreForTheirOwnerOnly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := pki.Dir(filepath.Join(t.TempDir(), "keys"))
	if _, err := dir.Key(ctx, "root"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a missing key: %v", err)
	}
	made, err := dir.Create(ctx, "root")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Create(ctx, "root"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second root key: %v", err)
	}
	read, err := dir.Key(ctx, "root")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := mustPEM(t, made), mustPEM(t, read); !bytes.Equal(a, b) {
		t.Error("the key read is not the key made")
	}
	if err := os.Chmod(filepath.Join(string(dir), "root.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Key(ctx, "root"); err == nil {
		t.Error("a key that everybody may read was used")
	}
	if _, err := dir.Key(ctx, "../root"); err == nil {
		t.Error("a key outside of the directory was used")
	}
}

func TestRequestsThatAskForMoreThanTheirKeyAreRefused(t *testing.T) {
	t.Parallel()
	own := pki.ClusterID("eu1.kubechat.dev", tenantA, clusterA)
	other := pki.ClusterID("eu1.kubechat.dev", uuid.NewString(), clusterA)
	ca := pkix.Extension{Id: []int{2, 5, 29, 19}, Value: []byte{0x30, 0x03, 0x01, 0x01, 0xff}} // basicConstraints CA:TRUE
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		tmpl x509.CertificateRequest
		key  any
		ok   bool
	}{
		"nothing":        {ok: true},
		"its own name":   {tmpl: x509.CertificateRequest{URIs: []*url.URL{own.URL()}}, ok: true},
		"another tenant": {tmpl: x509.CertificateRequest{URIs: []*url.URL{other.URL()}}},
		"two names":      {tmpl: x509.CertificateRequest{URIs: []*url.URL{own.URL(), other.URL()}}},
		"a DNS name":     {tmpl: x509.CertificateRequest{DNSNames: []string{"gateway.kubechat.dev"}}},
		"an address":     {tmpl: x509.CertificateRequest{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}},
		"an e-mail":      {tmpl: x509.CertificateRequest{EmailAddresses: []string{"a@b.test"}}},
		"CA:TRUE":        {tmpl: x509.CertificateRequest{ExtraExtensions: []pkix.Extension{ca}}},
		"a subject":      {tmpl: x509.CertificateRequest{Subject: pkix.Name{CommonName: "root"}}},
		"RSA 1024":       {key: small},
	} {
		if c.key == nil {
			c.key = key
		}
		der, err := x509.CreateCertificateRequest(rand.Reader, &c.tmpl, c.key)
		if err != nil {
			t.Fatal(err)
		}
		csr, err := x509.ParseCertificateRequest(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := pki.CheckRequest(csr, own); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPeerIDNeedsAVerifiedChain(t *testing.T) {
	t.Parallel()
	own := pki.ClusterID("eu1.kubechat.dev", tenantA, clusterA)
	leaf := &x509.Certificate{URIs: []*url.URL{own.URL()}}
	if _, err := pki.PeerID(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}); err == nil {
		t.Error("an unverified certificate was believed")
	}
	verified := func(c *x509.Certificate) tls.ConnectionState {
		return tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{c}}}
	}
	if id, err := pki.PeerID(verified(leaf)); err != nil || id != own {
		t.Errorf("got %v, %v", id, err)
	}
	for name, c := range map[string]*x509.Certificate{
		"no name":         {},
		"two names":       {URIs: []*url.URL{own.URL(), own.URL()}},
		"a DNS name more": {URIs: leaf.URIs, DNSNames: []string{"x"}},
		"foreign scheme":  {URIs: []*url.URL{{Scheme: "https", Host: "x"}}},
	} {
		if _, err := pki.PeerID(verified(c)); err == nil {
			t.Errorf("%s: believed", name)
		}
	}
}

func mustPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// FuzzParseCSR: what an agent sends before anything of it is known.
func FuzzParseCSR(f *testing.F) {
	key, err := pki.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pki.MarshalCSR(csr))
	f.Add("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n")
	f.Fuzz(func(t *testing.T, s string) {
		csr, err := pki.ParseCSR(s)
		if err == nil && pki.CheckRequest(csr, pki.ID{}) == nil && len(csr.URIs)+len(csr.DNSNames)+len(csr.Extensions) > 0 {
			t.Errorf("accepted a request for names: %q", s)
		}
	})
}

// FuzzParseBundle: what a control plane answers.
func FuzzParseBundle(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", int64(1))
	f.Fuzz(func(t *testing.T, roots string, version int64) {
		b, err := pki.TrustAnswer{Roots: roots, Bundle: version}.ParseBundle()
		if err == nil && len(b.Roots) == 0 {
			t.Error("a bundle without a root")
		}
	})
}

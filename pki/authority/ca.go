package authority

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"slices"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// caSet is what certificates are issued with.
type caSet struct {
	root  *x509.Certificate
	chain []*x509.Certificate // the issuing certificate
	key   crypto.Signer       // of chain[0]
}

const rootKey = "root" // of the first root; later ones have a name of their own

// makeRoot makes a root and its key.
func makeRoot(ctx context.Context, cfg Config, first bool) (*x509.Certificate, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // it never fails
	name := rootKey
	if !first {
		name = rootKeyName(id[:])
	}
	key, err := cfg.Keys.Create(ctx, name)
	if first && errors.Is(err, fs.ErrExist) { // from a start that got no further
		key, err = cfg.Keys.Key(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("make root key: %w", err)
	}
	c, err := sign(&x509.Certificate{
		Subject:      pkix.Name{Organization: []string{"KubeChat"}, CommonName: "KubeChat root " + cfg.TrustDomain + " " + hex.EncodeToString(id[:4])},
		SubjectKeyId: id[:],
		IsCA:         true, BasicConstraintsValid: true, MaxPathLen: 1, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, key.Public(), key, pki.RootLifetime)
	if err != nil {
		return nil, fmt.Errorf("make root: %w", err)
	}
	return c, nil
}

// rootSigner is the key of a root. One that is not at hand, since it is kept offline, is fs.ErrNotExist.
func rootSigner(ctx context.Context, keys pki.KeySource, root *x509.Certificate) (crypto.Signer, error) {
	for _, name := range []string{rootKeyName(root.SubjectKeyId), rootKey} {
		key, err := keys.Key(ctx, name)
		if err == nil && holds(key, root) {
			return key, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("root key: %w", err)
		}
	}
	return nil, fmt.Errorf("the root's key is not in this key source: %w", fs.ErrNotExist)
}

// makeIssuing makes an issuing certificate and its key.
func makeIssuing(ctx context.Context, cfg Config, root *x509.Certificate) (*x509.Certificate, error) {
	signer, err := rootSigner(ctx, cfg.Keys, root)
	if err != nil {
		return nil, err
	}
	id, key, err := makeIssuingKey(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c, err := signIssuing(cfg, id, key.Public(), root, signer)
	if err != nil {
		return nil, fmt.Errorf("make issuing certificate: %w", err)
	}
	return c, nil
}

func makeIssuingKey(ctx context.Context, cfg Config) (id []byte, key crypto.Signer, err error) {
	id = make([]byte, 8)
	_, _ = rand.Read(id) // it never fails
	if key, err = cfg.Keys.Create(ctx, issuingKeyName(id)); err != nil {
		return nil, nil, fmt.Errorf("make issuing key: %w", err)
	}
	return id, key, nil
}

// signIssuing signs an issuing certificate whose critical name constraints hold even if its key is stolen: no leaf for
// another trust domain, and no DNS name or address that is not ours.
func signIssuing(cfg Config, id []byte, pub crypto.PublicKey, root *x509.Certificate, signer crypto.Signer) (*x509.Certificate, error) {
	tmpl := &x509.Certificate{
		Subject:      pkix.Name{Organization: []string{"KubeChat"}, CommonName: "KubeChat issuing " + cfg.TrustDomain},
		SubjectKeyId: id,
		IsCA:         true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, // the flag makes the whole extension critical
	}
	constrain(tmpl, cfg)
	return sign(tmpl, root, pub, signer, pki.IssuingLifetime)
}

var allIPs = []*net.IPNet{
	{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
}

func constrain(c *x509.Certificate, cfg Config) {
	c.PermittedURIDomains = []string{cfg.TrustDomain}
	c.ExcludedURIDomains = []string{"." + cfg.TrustDomain} // crypto/x509 would take the line above to permit subdomains
	c.PermittedEmailAddresses = []string{"nobody@invalid"} // none: an empty list would permit all
	c.PermittedDNSDomains = slices.Sorted(slices.Values(cfg.DNSNames))
	if len(cfg.DNSNames) == 0 {
		c.PermittedDNSDomains = []string{"invalid"}
	}
	for _, ip := range cfg.IPs {
		if v4 := ip.To4(); v4 != nil {
			ip = v4
		}
		c.PermittedIPRanges = append(c.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	if len(cfg.IPs) == 0 {
		c.ExcludedIPRanges = allIPs
	}
}

func sameConstraints(c *x509.Certificate, cfg Config) bool {
	var want x509.Certificate
	constrain(&want, cfg)
	return slices.Equal(c.PermittedURIDomains, want.PermittedURIDomains) &&
		slices.Equal(c.PermittedDNSDomains, want.PermittedDNSDomains) &&
		fmt.Sprint(c.PermittedIPRanges) == fmt.Sprint(want.PermittedIPRanges)
}

func sign(tmpl, parent *x509.Certificate, pub crypto.PublicKey, signer crypto.Signer, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	tmpl.SerialNumber = serial.Add(serial, big.NewInt(1))
	tmpl.NotBefore, tmpl.NotAfter = now.Add(-pki.Backdate), now.Add(life)
	if parent == nil {
		parent = tmpl
	} else if tmpl.NotAfter.After(parent.NotAfter) {
		tmpl.NotAfter = parent.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// KeyAt reports whether the key of an authority's certificate is in the key source.
func KeyAt(ctx context.Context, keys pki.KeySource, c *x509.Certificate) bool {
	if pki.IsRoot(c) {
		_, err := rootSigner(ctx, keys, c)
		return err == nil
	}
	key, err := keys.Key(ctx, KeyName(c))
	return err == nil && holds(key, c)
}

// KeyName is the name in the key source of the key that belongs to an issuing certificate.
func KeyName(issuing *x509.Certificate) string { return issuingKeyName(issuing.SubjectKeyId) }

func issuingKeyName(id []byte) string { return "issuing-" + hex.EncodeToString(id) }

func rootKeyName(id []byte) string { return "root-" + hex.EncodeToString(id) }

func holds(key crypto.Signer, c *x509.Certificate) bool {
	pub, ok := key.Public().(*ecdsa.PublicKey)
	return ok && pub.Equal(c.PublicKey)
}

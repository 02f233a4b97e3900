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

const rootKey = "root"

// loadCA finds the newest usable issuing certificate, and makes a new one when there is none, when half of its life is
// over, or when its name constraints are not those of the configuration. Making one needs the root's key, which a
// production replica does not have: then the old one serves until its end.
func loadCA(ctx context.Context, cfg Config) (caSet, error) {
	known, err := cfg.Store.CAs(ctx, cfg.TrustDomain)
	if err != nil {
		return caSet{}, fmt.Errorf("read CA certificates: %w", err)
	}
	root, signer, err := loadRoot(ctx, cfg, known)
	if err != nil {
		return caSet{}, err
	}
	found, fresh, err := newestIssuing(ctx, cfg, known, root)
	if err != nil || fresh || (signer == nil && found.key != nil) {
		return found, err
	}
	if signer == nil {
		return caSet{}, errors.New("no usable issuing certificate, and no root key to make one with")
	}
	return createIssuing(ctx, cfg, root, signer)
}

// loadRoot returns the root, and its key where the key source has it. The very first start makes both.
func loadRoot(ctx context.Context, cfg Config, known []*x509.Certificate) (*x509.Certificate, crypto.Signer, error) {
	key, err := cfg.Keys.Key(ctx, rootKey)
	if errors.Is(err, fs.ErrNotExist) {
		if root := newest(known, func(c *x509.Certificate) bool { return isRoot(c) }); root != nil {
			return root, nil, nil
		}
		if key, err = cfg.Keys.Create(ctx, rootKey); errors.Is(err, fs.ErrExist) { // another replica was faster
			key, err = cfg.Keys.Key(ctx, rootKey)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("root key: %w", err)
	}
	root := newest(known, func(c *x509.Certificate) bool { return isRoot(c) && holds(key, c) })
	if root != nil {
		return root, key, nil
	}
	root, err = sign(&x509.Certificate{
		Subject: pkix.Name{Organization: []string{"KubeChat"}, CommonName: "KubeChat root " + cfg.TrustDomain},
		IsCA:    true, BasicConstraintsValid: true, MaxPathLen: 1, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, key.Public(), key, pki.RootLifetime)
	if err != nil {
		return nil, nil, fmt.Errorf("make root: %w", err)
	}
	return root, key, cfg.Store.AddCA(ctx, cfg.TrustDomain, root)
}

// newestIssuing returns the issuing certificate with the longest life whose key is at hand, and whether it is good
// enough to go on with.
func newestIssuing(ctx context.Context, cfg Config, known []*x509.Certificate, root *x509.Certificate) (caSet, bool, error) {
	candidates := slices.DeleteFunc(slices.Clone(known), func(c *x509.Certificate) bool {
		return isRoot(c) || c.CheckSignatureFrom(root) != nil || time.Now().After(c.NotAfter)
	})
	slices.SortFunc(candidates, func(a, b *x509.Certificate) int { return b.NotAfter.Compare(a.NotAfter) })
	for _, c := range candidates {
		key, err := cfg.Keys.Key(ctx, issuingKeyName(c.SubjectKeyId))
		if errors.Is(err, fs.ErrNotExist) || (err == nil && !holds(key, c)) {
			continue
		}
		if err != nil {
			return caSet{}, false, fmt.Errorf("issuing key: %w", err)
		}
		half := c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 2)
		fresh := time.Now().Before(half) && sameConstraints(c, cfg)
		return caSet{root: root, chain: []*x509.Certificate{c}, key: key}, fresh, nil
	}
	return caSet{}, false, nil
}

// createIssuing makes an issuing certificate whose critical name constraints hold even if its key is stolen: no leaf
// for another trust domain, and no DNS name or address that is not ours.
func createIssuing(ctx context.Context, cfg Config, root *x509.Certificate, signer crypto.Signer) (caSet, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // it never fails
	key, err := cfg.Keys.Create(ctx, issuingKeyName(id[:]))
	if err != nil {
		return caSet{}, fmt.Errorf("make issuing key: %w", err)
	}
	tmpl := &x509.Certificate{
		Subject:      pkix.Name{Organization: []string{"KubeChat"}, CommonName: "KubeChat issuing " + cfg.TrustDomain},
		SubjectKeyId: id[:],
		IsCA:         true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage:                 []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		PermittedDNSDomainsCritical: true, // the flag makes the whole extension critical
	}
	constrain(tmpl, cfg)
	c, err := sign(tmpl, root, key.Public(), signer, pki.IssuingLifetime)
	if err != nil {
		return caSet{}, fmt.Errorf("make issuing certificate: %w", err)
	}
	if err := cfg.Store.AddCA(ctx, cfg.TrustDomain, c); err != nil {
		return caSet{}, fmt.Errorf("store issuing certificate: %w", err)
	}
	return caSet{root: root, chain: []*x509.Certificate{c}, key: key}, nil
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

// KeyName is the name in the key source of the key that belongs to an issuing certificate.
func KeyName(issuing *x509.Certificate) string { return issuingKeyName(issuing.SubjectKeyId) }

func issuingKeyName(id []byte) string { return "issuing-" + hex.EncodeToString(id) }

func isRoot(c *x509.Certificate) bool { return c.IsCA && c.CheckSignatureFrom(c) == nil }

func holds(key crypto.Signer, c *x509.Certificate) bool {
	pub, ok := key.Public().(*ecdsa.PublicKey)
	return ok && pub.Equal(c.PublicKey)
}

func newest(certs []*x509.Certificate, ok func(*x509.Certificate) bool) (best *x509.Certificate) {
	for _, c := range certs {
		if ok(c) && time.Now().Before(c.NotAfter) && (best == nil || c.NotAfter.After(best.NotAfter)) {
			best = c
		}
	}
	return best
}

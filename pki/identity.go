package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Identity is what an agent is after enrolment: its key, its certificate with the chain, whom it believes, and where
// its region is. It is a value: renewing makes a new one.
type Identity struct {
	Key     crypto.Signer
	Chain   []*x509.Certificate // leaf first
	Roots   []*x509.Certificate // whom to believe
	ID      ID
	Gateway string // host:port
	Region  string

	BundleVersion int64    // of Roots and Distrusted
	Distrusted    []string // fingerprints; see Bundle
}

// Bundle is whom the identity believes.
func (i Identity) Bundle() Bundle {
	return Bundle{Version: i.BundleVersion, Roots: i.Roots, Distrusted: i.Distrusted}
}

// WithBundle is the identity believing b.
func (i Identity) WithBundle(b Bundle) Identity {
	i.BundleVersion, i.Roots, i.Distrusted = b.Version, b.Roots, b.Distrusted
	return i
}

// The keys of a marshalled Identity, which is the data of one Kubernetes Secret.
const (
	SecretKey      = "tls.key"
	SecretChain    = "tls.crt"
	SecretRoots    = "ca.crt"
	SecretIdentity = "identity.json"
)

type identityJSON struct {
	ID      string `json:"id"`
	Gateway string `json:"gateway"`
	Region  string `json:"region"`

	Bundle     int64    `json:"bundle,omitempty"`
	Distrusted []string `json:"distrusted,omitempty"`
}

// Marshal gives the data of the Secret that keeps the identity.
func (i Identity) Marshal() (map[string][]byte, error) {
	key, err := MarshalKeyPEM(i.Key)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	about, err := json.Marshal(identityJSON{
		ID: i.ID.String(), Gateway: i.Gateway, Region: i.Region, Bundle: i.BundleVersion, Distrusted: i.Distrusted,
	})
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return map[string][]byte{
		SecretKey: key, SecretChain: MarshalChainPEM(i.Chain), SecretRoots: MarshalChainPEM(i.Roots), SecretIdentity: about,
	}, nil
}

// ErrNoIdentity means that the data holds no identity at all: the agent has not enrolled yet.
var ErrNoIdentity = errors.New("no identity yet")

// UnmarshalIdentity reads what Marshal gave, and refuses one whose parts do not belong together. An expired one is
// not refused: whoever uses it looks at Chain[0].
func UnmarshalIdentity(data map[string][]byte) (Identity, error) {
	if len(data[SecretKey]) == 0 && len(data[SecretChain]) == 0 {
		return Identity{}, ErrNoIdentity
	}
	i, err := unmarshalIdentity(data)
	if err != nil {
		return Identity{}, fmt.Errorf("stored identity: %w", err)
	}
	return i, nil
}

func unmarshalIdentity(data map[string][]byte) (i Identity, err error) {
	if i.Key, err = ParseKeyPEM(data[SecretKey]); err != nil {
		return i, fmt.Errorf("%s: %w", SecretKey, err)
	}
	if i.Chain, err = ParseChainPEM(data[SecretChain]); err != nil {
		return i, fmt.Errorf("%s: %w", SecretChain, err)
	}
	if i.Roots, err = ParseChainPEM(data[SecretRoots]); err != nil {
		return i, fmt.Errorf("%s: %w", SecretRoots, err)
	}
	var about identityJSON
	if err := json.Unmarshal(data[SecretIdentity], &about); err != nil {
		return i, fmt.Errorf("%s: %w", SecretIdentity, err)
	}
	if i.ID, err = ParseID(about.ID); err != nil {
		return i, fmt.Errorf("%s: %w", SecretIdentity, err)
	}
	i.Gateway, i.Region, i.BundleVersion, i.Distrusted = about.Gateway, about.Region, about.Bundle, about.Distrusted
	return i, i.check()
}

// check reports parts that do not belong together.
func (i Identity) check() error {
	leaf := i.Chain[0]
	pub, ok := i.Key.Public().(*ecdsa.PublicKey)
	if !ok || !pub.Equal(leaf.PublicKey) {
		return errors.New("the key is not the certificate's")
	}
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != i.ID.String() {
		return errors.New("the certificate names someone else")
	}
	return nil
}

// NewIdentity puts an identity together from an answer of the control plane, and checks every part of it: the key is
// ours, the chain verifies against the roots at the time now, and it names a cluster.
func NewIdentity(key crypto.Signer, c Certificates, gateway string, now time.Time) (Identity, error) {
	i := Identity{Key: key, Gateway: gateway, Region: c.Region}
	var err error
	if i.Chain, err = ParseChainPEM([]byte(c.Certificates)); err != nil {
		return i, fmt.Errorf("issued certificate: %w", err)
	}
	bundle, err := TrustAnswer{Roots: c.Roots, Bundle: c.Bundle, Distrusted: c.Distrusted}.ParseBundle()
	if err != nil {
		return i, err
	}
	i = i.WithBundle(bundle)
	verified, err := i.Chain[0].Verify(x509.VerifyOptions{
		Roots: Pool(i.Roots), Intermediates: Pool(i.Chain[1:]), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return i, fmt.Errorf("issued certificate: %w", err)
	}
	if verified, err = bundle.Trusted(verified); err != nil {
		return i, fmt.Errorf("issued certificate: %w", err)
	}
	i.ID, err = PeerID(tls.ConnectionState{VerifiedChains: verified})
	if err != nil {
		return i, fmt.Errorf("issued certificate: %w", err)
	}
	if !i.ID.IsCluster() {
		return i, errors.New("issued certificate: it does not name a cluster")
	}
	return i, i.check()
}

// Pool is certificates as a pool.
func Pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}

// TLSCertificate is the identity as a client certificate.
func (i Identity) TLSCertificate() tls.Certificate {
	c := tls.Certificate{PrivateKey: i.Key, Leaf: i.Chain[0]}
	for _, x := range i.Chain {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	return c
}

// LogValue shows who it is, never the key.
func (i Identity) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("id", i.ID.String()), slog.String("gateway", i.Gateway)}
	if len(i.Chain) > 0 {
		attrs = append(attrs, slog.Time("notAfter", i.Chain[0].NotAfter))
	}
	return slog.GroupValue(attrs...)
}

package authority

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// A ceremony lets the root's key stay on a machine without a network (docs/pki.md):
//
//	offline  CeremonyRoot      a root and its key
//	online   CeremonyRequest   an issuing key, and a request for its certificate
//	offline  CeremonySign      the issuing certificate
//	online   Import            both certificates become known; the issuing one is prepared

// CeremonyRoot makes a root for the configuration's trust domain in its key source.
func CeremonyRoot(ctx context.Context, cfg Config) (*x509.Certificate, error) {
	return makeRoot(ctx, cfg, false)
}

// CeremonyRequest makes an issuing key in the configuration's key source, and a request for its certificate.
func CeremonyRequest(ctx context.Context, cfg Config) (*x509.CertificateRequest, error) {
	id, key, err := makeIssuingKey(ctx, cfg)
	if err != nil {
		return nil, err
	}
	// The common name carries the key's id to the offline machine, and back in the certificate.
	return newIssuingRequest(id, key)
}

// CeremonySign signs an issuing certificate for a request, with the root's key in the configuration's key source. The
// name constraints are the configuration's; the request decides nothing but the key.
func CeremonySign(ctx context.Context, cfg Config, root *x509.Certificate, csr *x509.CertificateRequest) (*x509.Certificate, error) {
	if !pki.IsRoot(root) {
		return nil, errors.New("this certificate is no root")
	}
	id, err := requestedID(csr)
	if err != nil {
		return nil, err
	}
	signer, err := rootSigner(ctx, cfg.Keys, root)
	if err != nil {
		return nil, err
	}
	return signIssuing(cfg, id, csr.PublicKey, root, signer)
}

// Import makes the certificates of a ceremony known. The root may be one that is known already; the issuing
// certificate's key must be in the key source. A new root is prepared; an issuing certificate of a root in use is
// prepared and signs when its time has come, or at RotateIssuing.
func Import(ctx context.Context, cfg Config, actor string, root, issuing *x509.Certificate) error {
	now := time.Now()
	switch {
	case !pki.IsRoot(root) || now.After(root.NotAfter):
		return errors.New("this is no root, or one that has expired")
	case issuing.CheckSignatureFrom(root) != nil || !issuing.IsCA || !issuing.MaxPathLenZero || now.After(issuing.NotAfter):
		return errors.New("the issuing certificate was not signed by this root, or is none, or has expired")
	case !sameConstraints(issuing, cfg):
		return errors.New("the issuing certificate permits other names than this configuration (trust domain, tunnel host): sign it again with the same settings")
	}
	key, err := cfg.Keys.Key(ctx, KeyName(issuing))
	if err != nil || !holds(key, issuing) {
		return fmt.Errorf("the issuing certificate's key is not in this key source: %w", errors.Join(err, errors.New("was the request made here?")))
	}
	return cfg.Store.ChangeTrust(ctx, cfg.TrustDomain, func(t *pki.Trust) error {
		fingerprint := pki.Fingerprint(root)
		known := t.Find(fingerprint)
		first := t.Version == 0
		switch {
		case known != nil && known.Slot == pki.Tainted:
			return errors.New("this root was revoked")
		case first:
			t.Version, t.Phase, t.Since, t.Root = 1, pki.Standby, now, fingerprint
			t.Add(root, pki.Active, now)
		case known == nil:
			t.Add(root, pki.Prepared, now)
		}
		slot := pki.Prepared
		if len(signing(t, fingerprint, now)) == 0 {
			slot = pki.Active // of its root
		}
		t.Add(issuing, slot, now)
		t.Record(actor, "ceremony.imported", "root %s, issuing %s", fingerprint, pki.Fingerprint(issuing))
		return nil
	})
}

const issuingRequest = "KubeChat issuing "

func newIssuingRequest(id []byte, key crypto.Signer) (*x509.CertificateRequest, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: issuingRequest + hex.EncodeToString(id)},
	}, key)
	if err != nil {
		return nil, fmt.Errorf("issuing request: %w", err)
	}
	return x509.ParseCertificateRequest(der)
}

func requestedID(csr *x509.CertificateRequest) ([]byte, error) {
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("issuing request: %w", err)
	}
	pub, ok := csr.PublicKey.(*ecdsa.PublicKey)
	name, found := strings.CutPrefix(csr.Subject.CommonName, issuingRequest)
	id, err := hex.DecodeString(name)
	if !ok || pub.Curve != elliptic.P256() || !found || err != nil || len(id) != 8 {
		return nil, errors.New("this is no request of `kubechatd pki ceremony request`")
	}
	return id, nil
}

// Status is the state of a trust domain's authorities for an operator.
type Status struct {
	Trust   pki.Trust
	Bundle  pki.Bundle
	Waiting map[pki.Phase]Waiting // for each phase that may follow
	Due     []string              // roots whose next issuing certificate should have been made
}

// ReadStatus reads it; it needs no key.
func ReadStatus(ctx context.Context, cfg Config) (Status, error) {
	t, err := cfg.Store.Trust(ctx, cfg.TrustDomain)
	if err != nil {
		return Status{}, fmt.Errorf("read authorities: %w", err)
	}
	s := Status{Trust: t, Bundle: t.Bundle(), Waiting: map[pki.Phase]Waiting{}}
	for _, p := range t.Phase.Follows() {
		if s.Waiting[p], err = waiting(ctx, cfg, p); err != nil {
			return Status{}, err
		}
	}
	for _, root := range t.Live() {
		if overdue(cfg, &t, root, time.Now()) {
			s.Due = append(s.Due, root)
		}
	}
	return s, nil
}

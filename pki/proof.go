package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"
)

// Audience is what the agent's projected service account token must be for.
const Audience = "kubechat"

// Pin is who an agent is in its own cluster: the issuer and subject of its service account token, and the keys that
// signed it, as told at enrolment. Whoever copies an identity can't sign with these keys.
type Pin struct {
	Issuer  string
	Subject string // system:serviceaccount:NAMESPACE:NAME
	KeySet  string // RFC 7517, as JSON
}

// IsZero reports whether the agent said nothing.
func (p Pin) IsZero() bool { return p == Pin{} }

// Claim is what an agent says of itself when it opens a session, besides showing its certificate.
type Claim struct {
	Token      string // of its service account, for Audience
	ClusterUID string // of its kube-system namespace
	Bundle     int64  // the version of the trust bundle it holds; 0 from agents that know none
}

// LogValue hides the token.
func (c Claim) LogValue() slog.Value {
	return slog.GroupValue(slog.String("clusterUid", c.ClusterUID), slog.Int64("bundle", c.Bundle), slog.Bool("token", c.Token != ""))
}

// How an expired identity is renewed: by a JWT in the shape of smallstep's renew token (RFC 7519 with the header
// x5cInsecure), signed with the old key, bound to the new request, good for ProofLife, and for RecoveryLimit after the
// certificate's end.
const (
	ProofIssuer   = "kubechat-agent"
	ProofHeader   = "x5cInsecure"
	ProofLife     = 5 * time.Minute
	RecoveryLimit = 14 * 24 * time.Hour
)

// ProofAudience is for whom a proof is made.
func ProofAudience(trustDomain string) string { return "https://" + trustDomain + "/1.0/renew" }

// ProofClaims are the claims of such a proof. Times are seconds since 1970.
type ProofClaims struct {
	Issuer    string            `json:"iss"`
	Subject   string            `json:"sub"` // the identity's SPIFFE id
	Audience  string            `json:"aud"`
	ID        string            `json:"jti"`
	IssuedAt  int64             `json:"iat"`
	NotBefore int64             `json:"nbf"`
	Expires   int64             `json:"exp"`
	Confirm   map[string]string `json:"cnf"` // x5rt#S256: SHA-256 of the request
}

// RequestHash binds a token to a certificate request.
func RequestHash(csr *x509.CertificateRequest) string {
	sum := sha256.Sum256(csr.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// SignProof makes the proof that lets an expired identity be renewed for csr.
func SignProof(i Identity, csr *x509.CertificateRequest, now time.Time) (string, error) {
	var chain []string
	for _, c := range i.Chain {
		chain = append(chain, base64.StdEncoding.EncodeToString(c.Raw))
	}
	head, err := json.Marshal(map[string]any{"alg": "ES256", "typ": "JWT", ProofHeader: chain})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(ProofClaims{
		Issuer: ProofIssuer, Subject: i.ID.String(), Audience: ProofAudience(i.ID.TrustDomain), ID: rand.Text(),
		IssuedAt: now.Unix(), NotBefore: now.Add(-Backdate).Unix(), Expires: now.Add(ProofLife).Unix(),
		Confirm: map[string]string{"x5rt#S256": RequestHash(csr)},
	})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	sig, err := signES256(i.Key, text)
	if err != nil {
		return "", fmt.Errorf("sign proof: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

// signES256 is RFC 7518, 3.4: both numbers, 32 bytes each.
func signES256(key crypto.Signer, text string) ([]byte, error) {
	sum := sha256.Sum256([]byte(text))
	der, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var n struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &n); err != nil || len(rest) > 0 {
		return nil, errors.New("the key's signature can't be read")
	}
	out := make([]byte, 64)
	n.R.FillBytes(out[:32])
	n.S.FillBytes(out[32:])
	return out, nil
}

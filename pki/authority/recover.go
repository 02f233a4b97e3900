package authority

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"go.step.sm/crypto/jose"

	"github.com/kubechat/kubechat/pki"
)

// Recover renews an identity that has expired, for who proves to hold its key (pki.SignProof): at most
// pki.RecoveryLimit after its end, once for each proof, and under every rule of Renew.
func (a *Authority) Recover(ctx context.Context, proof string, csr *x509.CertificateRequest) (pki.ID, []*x509.Certificate, error) {
	now := time.Now()
	leaf, claims, err := readProof(proof, a.cfg.TrustDomain, csr)
	if err == nil {
		err = ofNow(claims, now)
	}
	if err != nil {
		return pki.ID{}, nil, fmt.Errorf("recover: %w", err)
	}
	switch {
	case now.Before(leaf.NotAfter.Add(-skew)):
		return pki.ID{}, nil, fmt.Errorf("recover: %w: the certificate has not expired by our clock; is the agent's clock ahead?", pki.ErrRequest)
	case now.After(leaf.NotAfter.Add(pki.RecoveryLimit)):
		return pki.ID{}, nil, fmt.Errorf("recover: %w", pki.ErrTooLate)
	}
	id, bad, err := a.verify(ctx, leaf, leaf.NotAfter.Add(-time.Second), true)
	if err != nil {
		return pki.ID{}, nil, fmt.Errorf("recover: %w", err)
	}
	if claims.Subject != id.String() {
		return pki.ID{}, nil, fmt.Errorf("recover: %w", pki.ErrIdentity)
	}
	if err := a.once(ctx, claims, now.Add(2*pki.ProofLife)); err != nil {
		return pki.ID{}, nil, fmt.Errorf("recover: %w", err)
	}
	chain, err := a.succeed(ctx, id, bad, leaf, csr, func(csr *x509.CertificateRequest) ([]*x509.Certificate, error) {
		return a.ring().clients().sign(ctx, clusters, csr, id.String()) // smallstep's own renewal wants one that is valid
	})
	return id, chain, err
}

// RenewProven is Renew for who proves to hold the certificate's key in the request itself: of an authority that did not
// see the connection, and believes nobody who says that he has. An identity that has expired is recovered. While the
// certificate is good its own times bound the proof, not the agent's clock; it is for one use all the same.
func (a *Authority) RenewProven(ctx context.Context, proof string, csr *x509.CertificateRequest) (pki.ID, []*x509.Certificate, error) {
	now := time.Now()
	leaf, claims, err := readProof(proof, a.cfg.TrustDomain, csr)
	if err != nil {
		return pki.ID{}, nil, fmt.Errorf("renew: %w", err)
	}
	if now.After(leaf.NotAfter) {
		return a.Recover(ctx, proof, csr)
	}
	if claims.Expiry.Time().After(leaf.NotAfter.Add(pki.ProofLife)) || claims.IssuedAt.Time().Before(leaf.NotBefore.Add(-skew)) {
		return pki.ID{}, nil, fmt.Errorf("renew: %w: the proof is of another time than the certificate", pki.ErrIdentity)
	}
	id, bad, err := a.verify(ctx, leaf, now, false)
	if err != nil {
		return pki.ID{}, nil, fmt.Errorf("renew: %w", err)
	}
	if claims.Subject != id.String() {
		return pki.ID{}, nil, fmt.Errorf("renew: %w", pki.ErrIdentity)
	}
	if err := a.once(ctx, claims, leaf.NotAfter.Add(2*pki.ProofLife)); err != nil {
		return pki.ID{}, nil, fmt.Errorf("renew: %w", err)
	}
	chain, err := a.succeed(ctx, id, bad, leaf, csr, a.rekey(ctx, leaf))
	return id, chain, err
}

// once refuses a proof that was used before; it is remembered until it could be of no use any more.
func (a *Authority) once(ctx context.Context, claims jose.Claims, until time.Time) error {
	first, err := a.cfg.Store.UseOTT(ctx, "proof-"+claims.ID, until)
	if err != nil {
		return err
	}
	if !first {
		return fmt.Errorf("%w: this proof was used before", pki.ErrIdentity)
	}
	return nil
}

// ofNow checks that a proof was made now.
func ofNow(claims jose.Claims, now time.Time) error {
	if now.After(claims.Expiry.Time()) || now.Before(claims.IssuedAt.Time().Add(-skew)) {
		return fmt.Errorf("%w: the proof is of another time: is the agent's clock right?", pki.ErrIdentity)
	}
	return nil
}

// readProof checks that the holder of the leaf's key made the proof, for us and for this request, with all its claims.
// Whether the leaf is any good, and the proof of now, is not its question.
func readProof(proof, trustDomain string, csr *x509.CertificateRequest) (*x509.Certificate, jose.Claims, error) {
	refuse := func(why string) (*x509.Certificate, jose.Claims, error) {
		return nil, jose.Claims{}, fmt.Errorf("%w: %s", pki.ErrIdentity, why)
	}
	tok, err := jose.ParseSigned(proof)
	if err != nil || len(tok.Headers) != 1 || tok.Headers[0].Algorithm != jose.ES256 {
		return refuse("the proof can't be read")
	}
	leaf, err := proofLeaf(tok.Headers[0].ExtraHeaders[pki.ProofHeader])
	if err != nil {
		return refuse(err.Error())
	}
	var claims struct {
		jose.Claims
		Confirm map[string]string `json:"cnf"`
	}
	if err := tok.Claims(leaf.PublicKey, &claims); err != nil {
		return refuse("the proof was signed with another key")
	}
	switch {
	case claims.Issuer != pki.ProofIssuer || !claims.Audience.Contains(pki.ProofAudience(trustDomain)):
		return refuse("the proof is for somebody else")
	case claims.Confirm["x5rt#S256"] != pki.RequestHash(csr):
		return refuse("the proof is for another request")
	case claims.ID == "" || len(claims.ID) > 64 || claims.Expiry == nil || claims.IssuedAt == nil:
		return refuse("the proof lacks a claim")
	case claims.Expiry.Time().Sub(claims.IssuedAt.Time()) > pki.ProofLife:
		return refuse("the proof lives too long")
	}
	return leaf, claims.Claims, nil
}

func proofLeaf(header any) (*x509.Certificate, error) {
	list, ok := header.([]any)
	if !ok || len(list) == 0 || len(list) > 8 {
		return nil, errors.New("the proof holds no certificate")
	}
	text, ok := list[0].(string)
	if !ok {
		return nil, errors.New("the proof holds no certificate")
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("the proof's certificate can't be read")
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errors.New("the proof's certificate can't be read")
	}
	return c, nil
}

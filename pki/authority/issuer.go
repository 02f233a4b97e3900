package authority

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	step "github.com/smallstep/certificates/authority"
	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/authority/provisioner"
	"go.step.sm/crypto/jose"

	"github.com/kubechat/kubechat/pki"
)

// issuer is smallstep's authority around one issuing certificate. Its root pool and name constraints are fixed when it
// is made, so a new issuing certificate gets a new issuer.
type issuer struct {
	caSet
	step     *step.Authority
	audience string
	keys     map[string]*jose.JSONWebKey // by provisioner; made here, never stored: they prove that this process asks
}

// The provisioners. A certificate names the one it came from, and can be renewed only where one of that name exists.
const (
	clusters = "agent-enrol"
	services = "cp-services"
)

// The templates are static; values enter through toJson only (smallstep's 2020 audit: template injection). The common
// name means nothing to us.
const (
	clusterTemplate = `{"subject": {"commonName": "KubeChat cluster"}, "uris": [{{ toJson .Token.sub }}],
		"keyUsage": ["digitalSignature"], "extKeyUsage": ["clientAuth"]}`
	serviceTemplate = `{"subject": {"commonName": "KubeChat service"}, "sans": {{ toJson .SANs }},
		"keyUsage": ["digitalSignature"], "extKeyUsage": ["serverAuth", "clientAuth"]}`
)

const ottLifetime = time.Minute

func newIssuer(cfg Config, ca caSet) (*issuer, error) {
	i := &issuer{caSet: ca, audience: "https://" + cfg.TrustDomain + "/1.0/sign", keys: map[string]*jose.JSONWebKey{}}
	clusterProv, err := i.provisioner(clusters, clusterTemplate, pki.AgentLifetime)
	if err != nil {
		return nil, err
	}
	serviceProv, err := i.provisioner(services, serviceTemplate, pki.ServiceLifetime)
	if err != nil {
		return nil, err
	}
	i.step, err = step.NewEmbedded(
		step.WithConfig(&config.Config{DNSNames: []string{cfg.TrustDomain}, AuthorityConfig: &config.AuthConfig{
			// iat has whole seconds: a token minted in the second in which this authority was made would be refused. Our
			// store enforces single use.
			DisableIssuedAtCheck: true,
			Provisioners:         provisioner.List{clusterProv, serviceProv},
			Backdate:             &provisioner.Duration{Duration: pki.Backdate},
		}}),
		step.WithX509RootCerts(ca.root),
		step.WithX509SignerFunc(func() ([]*x509.Certificate, crypto.Signer, error) { return ca.chain, ca.key, nil }),
		step.WithX509IntermediateCerts(ca.chain...),
		step.WithDatabase(authDB{cfg.Store}),
		step.WithAuthorizeRenewFunc(authorizeRenew),
		step.WithX509Enforcers(provisioner.CertificateEnforcerFunc(enforceProfile)),
		step.WithQuietInit(),
	)
	if err != nil {
		return nil, fmt.Errorf("embed smallstep: %w", err)
	}
	return i, nil
}

func (i *issuer) provisioner(name, template string, life time.Duration) (*provisioner.JWK, error) {
	key, err := jose.GenerateJWK("EC", "P-256", "ES256", "sig", name, 0)
	if err != nil {
		return nil, fmt.Errorf("provisioner key: %w", err)
	}
	i.keys[name] = key
	pub := key.Public()
	dur := func(d time.Duration) *provisioner.Duration { return &provisioner.Duration{Duration: d} }
	return &provisioner.JWK{
		Type: "JWK", Name: name, Key: &pub,
		Claims: &provisioner.Claims{
			MinTLSDur: dur(5 * time.Minute), DefaultTLSDur: dur(life), MaxTLSDur: dur(life + pki.Backdate),
		},
		Options: &provisioner.Options{X509: &provisioner.X509Options{Template: template}},
	}, nil
}

// enforceProfile is the last look at a leaf before it is signed.
func enforceProfile(c *x509.Certificate) error {
	switch {
	case c.IsCA || len(c.URIs) != 1:
		return errors.New("not a leaf with one URI name")
	case c.KeyUsage != x509.KeyUsageDigitalSignature || len(c.EmailAddresses) > 0:
		return errors.New("not the profile of a leaf")
	}
	id, err := pki.ParseID(c.URIs[0].String())
	if err == nil && id.IsCluster() && (len(c.DNSNames)+len(c.IPAddresses) > 0 || len(c.ExtKeyUsage) != 1) {
		return errors.New("not the profile of a cluster")
	}
	return err
}

// authorizeRenew replaces smallstep's own check, so it makes that one too. The real decision was taken in Renew.
func authorizeRenew(ctx context.Context, p *provisioner.Controller, c *x509.Certificate) error {
	if len(c.URIs) != 1 {
		return pki.ErrIdentity
	}
	if _, err := pki.ParseID(c.URIs[0].String()); err != nil {
		return pki.ErrIdentity
	}
	return provisioner.DefaultAuthorizeRenew(ctx, p, c)
}

// sign mints a one-time token for exactly this request and these names, and redeems it at once.
func (i *issuer) sign(ctx context.Context, prov string, csr *x509.CertificateRequest, subject string, sans ...string) ([]*x509.Certificate, error) {
	ott, err := i.mint(prov, csr, subject, sans)
	if err != nil {
		return nil, fmt.Errorf("one-time token: %w", err)
	}
	ctx = provisioner.NewContextWithMethod(step.NewContext(ctx, i.step), provisioner.SignMethod)
	opts, err := i.step.Authorize(ctx, ott)
	if err != nil {
		return nil, scrub(err, ott)
	}
	chain, err := i.step.SignWithContext(ctx, csr, provisioner.SignOptions{}, opts...)
	return chain, scrub(err, ott)
}

type ottClaims struct {
	jose.Claims
	SANs []string          `json:"sans"`
	Cnf  map[string]string `json:"cnf"`
}

func (i *issuer) mint(prov string, csr *x509.CertificateRequest, subject string, sans []string) (string, error) {
	key := i.keys[prov]
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Key},
		new(jose.SignerOptions).WithType("JWT").WithHeader("kid", key.KeyID))
	if err != nil {
		return "", err
	}
	now := time.Now()
	sum := sha256.Sum256(csr.Raw)
	return jose.Signed(signer).Claims(ottClaims{
		Claims: jose.Claims{
			ID: uuid.NewString(), Issuer: prov, Subject: subject, Audience: jose.Audience{i.audience},
			IssuedAt: jose.NewNumericDate(now), NotBefore: jose.NewNumericDate(now), Expiry: jose.NewNumericDate(now.Add(ottLifetime)),
		},
		SANs: append([]string{subject}, sans...),
		Cnf:  map[string]string{"x5rt#S256": base64.RawURLEncoding.EncodeToString(sum[:])},
	}).CompactSerialize()
}

// scrub turns smallstep's error into plain text: its details hold the token and the whole request.
func scrub(err error, ott string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if ott != "" {
		text = strings.ReplaceAll(text, ott, "(token)")
	}
	return errors.New(text)
}

// Package ca decides who gets a certificate: it redeems join tokens, renews for who proves to hold what is to be renewed,
// and puts an authority's refusals into words. It is the same whether the authority is in this process or apart, with
// package caapi in between. Making certificates is package pki/authority's part. Start at Desk.
package ca

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
)

// Authority makes certificates. Its refusals are those of package pki.
type Authority interface {
	Issuer
	Trust
	// Pin checks what an agent says of its own cluster; its error may be shown.
	Pin(own pki.OwnCluster) (pki.Pin, error)
}

// Issuer is what signs.
type Issuer interface {
	Enrol(ctx context.Context, tenant, cluster string, csr *x509.CertificateRequest, pin pki.Pin) ([]*x509.Certificate, error)
	Renew(ctx context.Context, leaf *x509.Certificate, csr *x509.CertificateRequest) ([]*x509.Certificate, error)
	Recover(ctx context.Context, proof string, csr *x509.CertificateRequest) (pki.ID, []*x509.Certificate, error)
	RenewProven(ctx context.Context, proof string, csr *x509.CertificateRequest) (pki.ID, []*x509.Certificate, error)
}

// Trust is what goes with each answer.
type Trust interface {
	Bundle() pki.Bundle
	Region() string
}

// Redeem uses a join token up, once, and says for which cluster it was: cluster.Service.Redeem.
type Redeem func(ctx context.Context, hash []byte, kubeSystemUID string) (tenant.ID, cluster.ID, error)

// Desk is where agents' calls end that ask for a certificate.
type Desk struct {
	authority Authority
	redeem    Redeem
	log       *slog.Logger
}

// NewDesk makes one; a nil log is slog.Default.
func NewDesk(a Authority, redeem Redeem, log *slog.Logger) *Desk {
	if log == nil {
		log = slog.Default()
	}
	return &Desk{authority: a, redeem: redeem, log: log}
}

// issueWithin is how long a certificate may take once its token is used up.
const issueWithin = 15 * time.Second

// Enrol turns a join token into a first certificate. What can be refused without using the token up is refused first.
func (d *Desk) Enrol(ctx context.Context, in pki.EnrolRequest) (pki.Certificates, error) {
	token, err := pki.ParseJoinToken(in.Token)
	if err != nil {
		return pki.Certificates{}, problem.New(problem.Invalid, "The join token can't be read.").WithCode("join_token_malformed").
			WithFix("Copy it again, whole, from the page that made it.").WithCause(err)
	}
	csr, err := request(in.CSR)
	if err != nil {
		return pki.Certificates{}, err
	}
	if err := pki.CheckRequest(csr, pki.ID{}); err != nil {
		return pki.Certificates{}, Refusal(err)
	}
	pin, err := d.authority.Pin(in.OwnCluster)
	if err != nil {
		return pki.Certificates{}, notProven(problem.Invalid, err)
	}
	hash := token.SecretHash()
	t, id, err := d.redeem(ctx, hash[:], in.KubeSystemUID)
	if err != nil {
		return pki.Certificates{}, err
	}
	// The token is used up: an agent that hangs up now does not make it worthless.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), issueWithin)
	defer cancel()
	chain, err := d.authority.Enrol(ctx, string(t), string(id), csr, pin)
	if err != nil {
		return pki.Certificates{}, Refusal(err)
	}
	d.log.InfoContext(ctx, "cluster enrolled", "tenant", string(t), "cluster", string(id), "request", in)
	return d.answer(string(t), string(id), chain), nil
}

// Renew issues the successor of the certificate that the caller of ours saw in TLS. Where it saw none, the identity has
// expired, and the request's proof stands in for it.
func (d *Desk) Renew(ctx context.Context, shown *x509.Certificate, in pki.RenewRequest) (pki.Certificates, error) {
	if shown == nil {
		return d.proven(ctx, in, d.authority.Recover)
	}
	csr, err := request(in.CSR)
	if err != nil {
		return pki.Certificates{}, err
	}
	chain, err := d.authority.Renew(ctx, shown, csr)
	if err != nil {
		return pki.Certificates{}, Refusal(err)
	}
	return d.certificates(chain), nil
}

// RenewProven issues the successor of the certificate whose key made the request's proof: for callers that are not
// believed when they say what they saw.
func (d *Desk) RenewProven(ctx context.Context, in pki.RenewRequest) (pki.Certificates, error) {
	return d.proven(ctx, in, d.authority.RenewProven)
}

func (d *Desk) proven(ctx context.Context, in pki.RenewRequest,
	renew func(context.Context, string, *x509.CertificateRequest) (pki.ID, []*x509.Certificate, error)) (pki.Certificates, error) {
	if in.Proof == "" {
		return pki.Certificates{}, problem.New(problem.Unauthenticated, "Renewal needs the certificate held, or a proof of its key.")
	}
	csr, err := request(in.CSR)
	if err != nil {
		return pki.Certificates{}, err
	}
	id, chain, err := renew(ctx, in.Proof, csr)
	if err != nil {
		return pki.Certificates{}, Refusal(err)
	}
	d.log.InfoContext(ctx, "identity renewed by a proof", "tenant", id.Tenant, "cluster", id.Cluster)
	return d.certificates(chain), nil
}

// certificates is the answer with a chain whose leaf the authority has just made.
func (d *Desk) certificates(chain []*x509.Certificate) pki.Certificates {
	var id pki.ID
	if len(chain) > 0 && len(chain[0].URIs) == 1 {
		id, _ = pki.ParseID(chain[0].URIs[0].String()) // the authority checked it before it signed
	}
	return d.answer(id.Tenant, id.Cluster, chain)
}

func (d *Desk) answer(t, id string, chain []*x509.Certificate) pki.Certificates {
	b := d.authority.Bundle().Answer()
	return pki.Certificates{
		Certificates: string(pki.MarshalChainPEM(chain)), Roots: b.Roots, Bundle: b.Bundle, Distrusted: b.Distrusted,
		TenantID: t, ClusterID: id, Region: d.authority.Region(),
	}
}

func request(text string) (*x509.CertificateRequest, error) {
	csr, err := pki.ParseCSR(text)
	if err != nil {
		return nil, problem.New(problem.Invalid, "The certificate request can't be read.").WithCause(err)
	}
	return csr, nil
}

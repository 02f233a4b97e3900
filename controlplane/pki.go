package controlplane

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	_ "github.com/kubechat/kubechat/pki/kms" // the key sources that this build has
)

// PKI is an operator's way to the authorities: what the commands below `kubechatd pki` do. Start at OpenPKI.
type PKI struct {
	cfg   authority.Config
	db    *store.DB // nil at an offline machine
	actor string
}

// OpenPKI opens the authorities of a configuration for actor, who stands in the record. Without a DSN it is for the
// offline part of a ceremony only. Close it.
func OpenPKI(ctx context.Context, c Config, actor string) (*PKI, error) {
	c = c.withDefaults()
	names, ips := subjects(c.TunnelHost)
	if c.TunnelHost == "" {
		names, ips = subjects(c.TunnelAddr)
	}
	keys, err := pki.OpenKeys(ctx, c.KeyDir)
	if err != nil {
		return nil, err
	}
	p := &PKI{actor: actor, cfg: authority.Config{
		TrustDomain: c.TrustDomain, Region: c.Region, Keys: keys, DNSNames: names, IPs: ips, Log: c.Telemetry.Log,
	}}
	if c.DSN == "" {
		return p, nil
	}
	if p.db, err = store.Open(ctx, store.Config{DSN: c.DSN, MaxConns: 2, Log: c.Telemetry.Log}); err != nil {
		return nil, err
	}
	p.cfg.Store = p.db.PKI()
	return p, nil
}

// Close lets the database go.
func (p *PKI) Close() {
	if p.db != nil {
		p.db.Close()
	}
}

// PKIStatus is what an operator is shown.
type PKIStatus struct {
	TrustDomain string             `json:"trustDomain"`
	Phase       string             `json:"phase"`
	Since       time.Time          `json:"since"`
	Bundle      int64              `json:"bundle"`
	Authorities []AuthorityStatus  `json:"authorities"`
	Next        []PhaseStatus      `json:"next"`
	Due         []string           `json:"ceremonyDue,omitempty"` // roots under which an issuing certificate should be made
	Events      []store.TrustEvent `json:"events"`
}

// AuthorityStatus is one certificate.
type AuthorityStatus struct {
	Fingerprint string    `json:"fingerprint"`
	Kind        string    `json:"kind"` // root or issuing
	Slot        string    `json:"slot"`
	Since       time.Time `json:"since"`
	NotAfter    time.Time `json:"notAfter"`
	Signs       string    `json:"signs,omitempty"` // what it signs now: clients, servers, or both
	Reason      string    `json:"reason,omitempty"`
	KeyHere     bool      `json:"keyHere"`
}

// PhaseStatus is a phase that may follow, and what it waits for.
type PhaseStatus struct {
	Phase  string    `json:"phase"`
	Behind int       `json:"behind"`
	Until  time.Time `json:"until,omitzero"`
}

// Status reads it.
func (p *PKI) Status(ctx context.Context) (PKIStatus, error) {
	s, err := authority.ReadStatus(ctx, p.cfg)
	if err != nil {
		return PKIStatus{}, err
	}
	out := PKIStatus{TrustDomain: p.cfg.TrustDomain, Phase: string(s.Trust.Phase), Since: s.Trust.Since, Bundle: s.Bundle.Version, Due: s.Due}
	for _, c := range s.Trust.CAs {
		out.Authorities = append(out.Authorities, p.authorityStatus(ctx, &s.Trust, c))
	}
	for _, phase := range s.Trust.Phase.Follows() {
		w := s.Waiting[phase]
		out.Next = append(out.Next, PhaseStatus{Phase: string(phase), Behind: len(w.Behind), Until: w.Until})
	}
	out.Events, err = p.db.PKI().TrustEvents(ctx, p.cfg.TrustDomain, 10)
	return out, err
}

func (p *PKI) authorityStatus(ctx context.Context, t *pki.Trust, c pki.CA) AuthorityStatus {
	a := AuthorityStatus{
		Fingerprint: pki.Fingerprint(c.Certificate), Kind: "issuing", Slot: string(c.Slot), Since: c.Since,
		NotAfter: c.Certificate.NotAfter, Reason: c.Reason, KeyHere: authority.KeyAt(ctx, p.cfg.Keys, c.Certificate),
	}
	if c.IsRoot() {
		a.Kind = "root"
		return a
	}
	under := func(root string) bool {
		r := t.Find(root)
		return c.Slot == pki.Active && r != nil && c.Certificate.CheckSignatureFrom(r.Certificate) == nil
	}
	switch clients, servers := under(t.ClientRoot()), under(t.ServerRoot()); {
	case clients && servers:
		a.Signs = "clients, servers"
	case clients:
		a.Signs = "clients"
	case servers:
		a.Signs = "servers"
	}
	return a
}

func (p *PKI) authority(ctx context.Context) (*authority.Authority, error) {
	return authority.New(ctx, p.cfg)
}

// RotateIssuing makes another issuing certificate sign from now on.
func (p *PKI) RotateIssuing(ctx context.Context) error {
	a, err := p.authority(ctx)
	if err != nil {
		return err
	}
	return a.RotateIssuing(ctx, p.actor)
}

// RotateRoot moves the replacement of the root to a phase. To begin (init) without a prepared root makes one, if the
// key source may.
func (p *PKI) RotateRoot(ctx context.Context, to string, force bool, reason string) error {
	a, err := p.authority(ctx)
	if err != nil {
		return err
	}
	err = a.Enter(ctx, p.actor, pki.Phase(to), "", authority.Override{Force: force, Reason: reason})
	if pki.Phase(to) != pki.Init || err == nil || !errors.Is(err, pki.ErrNoRoot) {
		return err
	}
	if _, err := a.PrepareRoot(ctx, p.actor); err != nil {
		return err
	}
	return a.Enter(ctx, p.actor, pki.Init, "", authority.Override{})
}

// RevokeAuthority makes what an authority signed worthless.
func (p *PKI) RevokeAuthority(ctx context.Context, fingerprint, reason string) error {
	a, err := p.authority(ctx)
	if err != nil {
		return err
	}
	return a.Taint(ctx, p.actor, fingerprint, reason)
}

// ReplicaToken makes a token by which replicas without keys get their first certificates; purpose is for the record.
func (p *PKI) ReplicaToken(ctx context.Context, purpose string, life time.Duration) (string, error) {
	t, err := authority.MakeReplicaToken(ctx, p.cfg, p.actor, purpose, life)
	return t.String(), err
}

// RevokeReplicaToken makes the token with that id worthless.
func (p *PKI) RevokeReplicaToken(ctx context.Context, id, reason string) error {
	return authority.RevokeReplicaToken(ctx, p.cfg, p.actor, id, reason)
}

// CeremonyRoot, CeremonyRequest and CeremonySign are the steps of a ceremony; what they return is PEM.
func (p *PKI) CeremonyRoot(ctx context.Context) ([]byte, error) {
	c, err := authority.CeremonyRoot(ctx, p.cfg)
	return certPEM(c, err)
}

// CeremonyRequest makes an issuing key here, and a request for the offline machine.
func (p *PKI) CeremonyRequest(ctx context.Context) ([]byte, error) {
	csr, err := authority.CeremonyRequest(ctx, p.cfg)
	if err != nil {
		return nil, err
	}
	return []byte(pki.MarshalCSR(csr)), nil
}

// CeremonySign signs the request with the root's key, at the offline machine.
func (p *PKI) CeremonySign(ctx context.Context, root, request []byte) ([]byte, error) {
	r, err := oneCertificate(root)
	if err != nil {
		return nil, fmt.Errorf("root: %w", err)
	}
	csr, err := pki.ParseCSR(string(request))
	if err != nil {
		return nil, err
	}
	c, err := authority.CeremonySign(ctx, p.cfg, r, csr)
	return certPEM(c, err)
}

// CeremonyImport makes what was signed known.
func (p *PKI) CeremonyImport(ctx context.Context, root, issuing []byte) error {
	r, err := oneCertificate(root)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	i, err := oneCertificate(issuing)
	if err != nil {
		return fmt.Errorf("issuing certificate: %w", err)
	}
	return authority.Import(ctx, p.cfg, p.actor, r, i)
}

func certPEM(c *x509.Certificate, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), nil
}

func oneCertificate(data []byte) (*x509.Certificate, error) {
	all, err := pki.ParseChainPEM(data)
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, fmt.Errorf("%d certificates, want one", len(all))
	}
	return all[0], nil
}

package authority

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"

	"github.com/kubechat/kubechat/pki"
)

// Service issues a certificate for one instance of a service of ours. The chain holds the root as well, so that an
// agent that knows only the root's hash can find it. A nil key makes a new one.
func (a *Authority) Service(ctx context.Context, name, instance string, dnsNames []string, ips []net.IP, key crypto.Signer) (*tls.Certificate, error) {
	if key == nil {
		fresh, err := pki.NewKey()
		if err != nil {
			return nil, err
		}
		key = fresh
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		return nil, err
	}
	chain, err := a.IssueService(ctx, pki.ServiceID(a.cfg.TrustDomain, name, instance), "", dnsNames, ips, csr)
	if err != nil {
		return nil, err
	}
	return tlsCertificate(key, chain), nil
}

func (i *issuer) service(ctx context.Context, id pki.ID, dnsNames []string, ips []net.IP, csr *x509.CertificateRequest) ([]*x509.Certificate, error) {
	sans := append([]string(nil), dnsNames...)
	for _, ip := range ips {
		sans = append(sans, ip.String())
	}
	chain, err := i.sign(ctx, services, csr, id.String(), sans...)
	if err != nil {
		return nil, fmt.Errorf("service certificate of %s: %w", id.Service, err)
	}
	return append(chain, i.root), nil
}

// ServiceCertificate gives a tls.Config's GetCertificate for a service: issued when first asked for, again at two thirds
// of its life, and when the authority changes. In the middle of a root's replacement a client is shown the root that it
// says it knows (pki.RootHint). While the store, or the authority that runs apart, is away, the certificate held serves
// to its end.
func (a *Authority) ServiceCertificate(name, instance string, dnsNames []string, ips []net.IP) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s := &served{
		a: a, id: pki.ServiceID(a.cfg.TrustDomain, name, instance), dnsNames: dnsNames, ips: ips, held: map[string]*tls.Certificate{},
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.served = append(a.served, s)
	return s.get
}

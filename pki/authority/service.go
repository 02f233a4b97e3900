package authority

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// Service issues a certificate for one instance of a service of ours. The chain holds the root as well, so that an
// agent that knows only the root's hash can find it. A nil key makes a new one.
func (a *Authority) Service(ctx context.Context, name, instance string, dnsNames []string, ips []net.IP, key crypto.Signer) (*tls.Certificate, error) {
	id := pki.ServiceID(a.cfg.TrustDomain, name, instance)
	if err := id.Validate(); err != nil {
		return nil, fmt.Errorf("service certificate: %w", err)
	}
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
	return a.service(ctx, a.ring().servers(), id, dnsNames, ips, csr, key)
}

func (a *Authority) service(ctx context.Context, i *issuer, id pki.ID, dnsNames []string, ips []net.IP, csr *x509.CertificateRequest,
	key crypto.Signer) (*tls.Certificate, error) {
	sans := append([]string(nil), dnsNames...)
	for _, ip := range ips {
		sans = append(sans, ip.String())
	}
	chain, err := i.sign(ctx, services, csr, id.String(), sans...)
	if err != nil {
		return nil, fmt.Errorf("service certificate of %s: %w", id.Service, err)
	}
	out := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range append(chain, i.root) {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out, nil
}

// ServiceCertificate gives a tls.Config's GetCertificate for a service: issued when first asked for, again at two thirds
// of its life, and when the authority changes. In the middle of a root's replacement a client is shown the root that it
// says it knows (pki.RootHint). While the store is away the certificate held serves to its end.
func (a *Authority) ServiceCertificate(name, instance string, dnsNames []string, ips []net.IP) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex                     // guards held
	held := map[string]*tls.Certificate{} // by fingerprint of the root
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		k := a.ring()
		i, ctx := k.servers(), context.Background()
		if hello != nil {
			i, ctx = k.hinted(hello.SupportedProtos), hello.Context()
		}
		root := pki.Fingerprint(i.root)
		mu.Lock()
		defer mu.Unlock()
		have, now := held[root], time.Now()
		if have != nil && bytes.Equal(have.Certificate[1], i.chain[0].Raw) && now.Before(pki.RenewAt(have.Leaf)) {
			return have, nil
		}
		next, err := a.fresh(ctx, i, pki.ServiceID(a.cfg.TrustDomain, name, instance), dnsNames, ips)
		if err != nil {
			if have != nil && now.Before(have.Leaf.NotAfter) {
				a.cfg.Log.WarnContext(ctx, "service certificate not renewed", "service", name, "error", err)
				return have, nil
			}
			return nil, err
		}
		held[root] = next
		return next, nil
	}
}

// fresh is a certificate for a new key.
func (a *Authority) fresh(ctx context.Context, i *issuer, id pki.ID, dnsNames []string, ips []net.IP) (*tls.Certificate, error) {
	if err := id.Validate(); err != nil {
		return nil, fmt.Errorf("service certificate: %w", err)
	}
	key, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		return nil, err
	}
	return a.service(ctx, i, id, dnsNames, ips, csr, key)
}

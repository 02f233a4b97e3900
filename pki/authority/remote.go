package authority

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// Remote issues certificates of services for a process that has no keys: a client of the authority that runs apart.
type Remote interface {
	// Service returns a certificate's chain, which ends with the root.
	Service(ctx context.Context, req ServiceRequest) ([]*x509.Certificate, error)
}

// ServiceRequest asks for the certificate of a service's instance. Which names it holds, the authority knows.
type ServiceRequest struct {
	Name, Instance string
	Root           string // fingerprint of the root it is to come from
	CSR            *x509.CertificateRequest
	Held           *tls.Certificate // the one to be replaced; nil: there is none that is good
}

var (
	// ErrNoAuthority means that the authority that runs apart has not made its root yet.
	ErrNoAuthority = errors.New("this trust domain has no authority yet: start the replica with the role ca, or hold a ceremony")

	errElsewhere = errors.New("this process has no keys: the authority that runs apart issues")
)

// IssueService issues for an instance of a service, under the root with that fingerprint if it is one that signs. The
// chain ends with the root.
func (a *Authority) IssueService(ctx context.Context, id pki.ID, root string, dnsNames []string, ips []net.IP,
	csr *x509.CertificateRequest) ([]*x509.Certificate, error) {
	if a.cfg.Remote != nil {
		return nil, errElsewhere
	}
	if err := id.Validate(); err != nil {
		return nil, fmt.Errorf("service certificate: %w", err)
	}
	if err := pki.CheckRequest(csr, pki.ID{}); err != nil {
		return nil, err
	}
	k := a.ring()
	i := k.issuers[root]
	if i == nil {
		i = k.servers()
	}
	return i.service(ctx, id, dnsNames, ips, csr)
}

// served is one service certificate that is kept good: one for each root that clients may have to be shown.
type served struct {
	a        *Authority
	id       pki.ID
	dnsNames []string
	ips      []net.IP

	mu   sync.Mutex                  // guards held
	held map[string]*tls.Certificate // by fingerprint of the root

	renewing sync.Mutex // one at a time; guards the rest
	failed   time.Time
	failure  error
}

// failedFor is how long a failure is the answer to everybody: a crowd of handshakes must not wait one after the other.
const failedFor = time.Second

// get is a tls.Config's GetCertificate.
func (s *served) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	k, ctx := s.a.ring(), context.Background()
	root := k.trust.ServerRoot()
	if hello != nil {
		root, ctx = k.hinted(hello.SupportedProtos), hello.Context()
	}
	have := s.at(root)
	switch {
	case have != nil && !stale(k, root, have, time.Now()):
		return have, nil
	case s.a.cfg.Remote != nil && good(k, have): // Run renews it: no handshake waits for another process
		return have, nil
	}
	return s.renew(ctx, root)
}

func (s *served) at(root string) *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[root]
}

// stale reports that a certificate should be replaced: its time has come, or another one signs.
func stale(k *keyring, root string, have *tls.Certificate, now time.Time) bool {
	signs := k.signs(root)
	return have == nil || !now.Before(pki.RenewAt(have.Leaf)) || signs != nil && !bytes.Equal(have.Certificate[1], signs.Raw)
}

// good reports that a certificate can still be shown.
func good(k *keyring, have *tls.Certificate) bool {
	if have == nil || time.Now().After(have.Leaf.NotAfter) {
		return false
	}
	issuing, err := x509.ParseCertificate(have.Certificate[1])
	return err == nil && !tainted(&k.trust, []*x509.Certificate{have.Leaf, issuing})
}

// renew gets the next one, unless somebody else just has. While none can be had, the one held serves to its end.
func (s *served) renew(ctx context.Context, root string) (*tls.Certificate, error) {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	k, have := s.a.ring(), s.at(root)
	if have != nil && !stale(k, root, have, time.Now()) {
		return have, nil
	}
	var next *tls.Certificate
	err := s.failure
	if err == nil || s.a.cfg.Remote == nil || time.Since(s.failed) > failedFor {
		next, err = s.fresh(ctx, k, root, have)
		s.failure, s.failed = err, time.Now()
	}
	if err != nil {
		if have != nil && time.Now().Before(have.Leaf.NotAfter) {
			s.a.cfg.Log.WarnContext(ctx, "service certificate not renewed", "service", s.id.Service, "error", err)
			return have, nil
		}
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[root] = next
	return next, nil
}

// fresh is a certificate for a new key.
func (s *served) fresh(ctx context.Context, k *keyring, root string, have *tls.Certificate) (*tls.Certificate, error) {
	key, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	csr, err := pki.NewCSR(key)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	if s.a.cfg.Remote == nil {
		chain, err = s.a.IssueService(ctx, s.id, root, s.dnsNames, s.ips, csr)
	} else {
		if !good(k, have) {
			have = nil
		}
		chain, err = s.a.cfg.Remote.Service(ctx, ServiceRequest{Name: s.id.Service, Instance: s.id.Instance, Root: root, CSR: csr, Held: have})
		if err == nil {
			err = s.check(chain, key)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("service certificate of %s: %w", s.id.Service, err)
	}
	return tlsCertificate(key, chain), nil
}

// check looks at what the authority that runs apart has answered: a certificate for our key and in our name.
func (s *served) check(chain []*x509.Certificate, key crypto.Signer) error {
	pub, ok := key.Public().(*ecdsa.PublicKey)
	switch {
	case len(chain) < 3:
		return errors.New("the authority's answer is no chain up to the root")
	case !ok || !pub.Equal(chain[0].PublicKey):
		return errors.New("the authority's answer is for another key")
	case len(chain[0].URIs) != 1 || chain[0].URIs[0].String() != s.id.String():
		return errors.New("the authority's answer names somebody else")
	}
	return nil
}

func tlsCertificate(key crypto.Signer, chain []*x509.Certificate) *tls.Certificate {
	out := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out
}

// keepServices renews, where another process issues, what it is time for, under every root that a client may have to be
// shown.
func (a *Authority) keepServices(ctx context.Context) {
	a.mu.RLock()
	k, all := a.now, slices.Clone(a.served)
	a.mu.RUnlock()
	for _, s := range all {
		for _, root := range k.trust.Live() {
			if k.signs(root) == nil || !stale(k, root, s.at(root), time.Now()) {
				continue
			}
			if _, err := s.renew(ctx, root); err != nil {
				a.cfg.Log.ErrorContext(ctx, "no service certificate", "service", s.id.Service, "error", err)
			}
		}
	}
}

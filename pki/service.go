package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// ReplicaService is the service name in the certificate by which one replica of kubechatd knows another.
const ReplicaService = "kubechatd"

// CAService is the service name of an authority that runs apart. All its processes are the same instance: who calls it
// need not know which one answers.
const (
	CAService  = "ca"
	CAInstance = "authority"
)

// ServiceTLS is one instance of a service, as the others see it: mutual TLS 1.3, no tickets, no trust in addresses or
// DNS names.
type ServiceTLS struct {
	// Certificate is the instance's own, its chain up to the issuing certificate at least.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Roots is whom to believe, asked for each connection, so that a new root is believed at once.
	Roots func() []*x509.Certificate
	// Bundle, optional, is asked as well for the authorities that were revoked; its roots are not looked at.
	Bundle func() Bundle
}

// Client dials exactly one instance: want, and nobody else with a certificate of ours.
func (s ServiceTLS) Client(want ID, alpn string) *tls.Config {
	c := s.config(alpn)
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.Certificate(nil) }
	// The library's check asks for a DNS name or an address, which say nothing here; VerifyConnection checks the chain
	// and the one name that counts.
	c.InsecureSkipVerify = true // #nosec G402
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		id, err := s.peer(cs, x509.ExtKeyUsageServerAuth)
		if err != nil {
			return err
		}
		if id != want {
			return fmt.Errorf("service identity: %s answers, %s was dialled", id, want)
		}
		return nil
	}
	return c
}

// Server lets in instances of the services of trustDomain that allowed names, and nobody else.
func (s ServiceTLS) Server(trustDomain, alpn string, allowed ...string) *tls.Config {
	c := s.config(alpn)
	c.GetCertificate = s.Certificate
	c.ClientAuth = tls.RequireAnyClientCert // VerifyConnection verifies it
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		id, err := s.peer(cs, x509.ExtKeyUsageClientAuth)
		if err != nil {
			return err
		}
		if id.TrustDomain != trustDomain || id.IsCluster() || !slices.Contains(allowed, id.Service) {
			return fmt.Errorf("service identity: %s may not call this", id)
		}
		return nil
	}
	return c
}

// Doorstep is Server that also lets in who shows no certificate at all, for the one call by which a service gets its
// first. Whoever handles calls must ask PeerService who is there; a stranger is an error of it.
func (s ServiceTLS) Doorstep(trustDomain, alpn string, allowed ...string) *tls.Config {
	c := s.Server(trustDomain, alpn, allowed...)
	known := c.VerifyConnection
	c.ClientAuth = tls.RequestClientCert
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 {
			return nil
		}
		return known(cs)
	}
	return c
}

func (s ServiceTLS) config(alpn string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{alpn}, SessionTicketsDisabled: true}
}

// peer verifies the other side's chain and reads its one name.
func (s ServiceTLS) peer(cs tls.ConnectionState, usage x509.ExtKeyUsage) (ID, error) {
	chains, err := s.verify(cs, usage)
	if err != nil {
		return ID{}, err
	}
	return PeerID(tls.ConnectionState{VerifiedChains: chains})
}

func (s ServiceTLS) verify(cs tls.ConnectionState, usage x509.ExtKeyUsage) ([][]*x509.Certificate, error) {
	if len(cs.PeerCertificates) == 0 {
		return nil, errors.New("service identity: no certificate")
	}
	chains, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: Pool(s.Roots()), Intermediates: Pool(cs.PeerCertificates[1:]), KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return nil, fmt.Errorf("service identity: %w", err)
	}
	if s.Bundle == nil {
		return chains, nil
	}
	if chains, err = s.Bundle().Trusted(chains); err != nil {
		return nil, fmt.Errorf("service identity: %w", err)
	}
	return chains, nil
}

// PeerService is the service at the other end of a connection that ServiceTLS made.
func (s ServiceTLS) PeerService(cs tls.ConnectionState) (ID, error) {
	chains, err := s.verify(cs, x509.ExtKeyUsageAny)
	if err != nil {
		return ID{}, err
	}
	return PeerID(tls.ConnectionState{VerifiedChains: chains})
}

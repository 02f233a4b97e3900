package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/pkitest"
)

const alpn = "test/1"

// meet makes one handshake over memory, and returns what each side thinks of it.
func meet(t *testing.T, client, server *tls.Config) (clientErr, serverErr error) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	done := make(chan error, 1) // the server's one result
	go func() {
		s := tls.Server(far, server)
		err := s.HandshakeContext(t.Context())
		if err == nil {
			_, err = s.Write([]byte{1})
		} else {
			_ = far.Close()
		}
		done <- err
	}()
	c := tls.Client(near, client)
	clientErr = c.HandshakeContext(t.Context())
	if clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1))
	}
	_ = near.Close()
	return clientErr, <-done
}

func TestServicesBelieveExactlyWhoTheyMean(t *testing.T) {
	t.Parallel()
	a, stranger := pkitest.New(t), pkitest.New(t)
	service := func(of *pkitest.Authority, name, instance string) pki.ServiceTLS {
		cert, err := of.Service(t.Context(), name, instance, nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return pki.ServiceTLS{
			Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil },
			Roots:       func() []*x509.Certificate { return of.Roots() },
		}
	}
	id := func(instance string) pki.ID {
		return pki.ServiceID(pkitest.TrustDomain, pki.ReplicaService, instance)
	}
	server := service(a, pki.ReplicaService, "b").Server(pkitest.TrustDomain, alpn, pki.ReplicaService)
	for _, c := range []struct {
		what   string
		client *tls.Config
		ok     bool
	}{
		{"a replica that dials this one", service(a, pki.ReplicaService, "a").Client(id("b"), alpn), true},
		{"a replica that means another one", service(a, pki.ReplicaService, "a").Client(id("c"), alpn), false},
		{"another service", service(a, pki.GatewayService, "a").Client(id("b"), alpn), false},
		{"another authority's", service(stranger, pki.ReplicaService, "a").Client(id("b"), alpn), false},
		{"nobody", &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpn}}, false}, //nolint:gosec // asks the server
	} {
		clientErr, serverErr := meet(t, c.client, server)
		if ok := errors.Join(clientErr, serverErr) == nil; ok != c.ok {
			t.Errorf("%s: client %v, server %v", c.what, clientErr, serverErr)
		}
	}
}

func TestServiceOfARevokedAuthorityIsNotBelieved(t *testing.T) {
	t.Parallel()
	a := pkitest.New(t)
	cert, err := a.Service(t.Context(), pki.ReplicaService, "a", nil, nil, nil) // as the thief of its key can make one
	if err != nil {
		t.Fatal(err)
	}
	stolen := pki.ServiceTLS{
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil }, Roots: a.Roots, Bundle: a.Bundle,
	}
	honest := pki.ServiceTLS{Certificate: a.ServiceCertificate(pki.ReplicaService, "b", nil, nil), Roots: a.Roots, Bundle: a.Bundle}
	handshake := func() error {
		return errors.Join(meet(t, stolen.Client(pki.ServiceID(pkitest.TrustDomain, pki.ReplicaService, "b"), alpn),
			honest.Server(pkitest.TrustDomain, alpn, pki.ReplicaService)))
	}
	if err := handshake(); err != nil {
		t.Fatalf("before: %v", err)
	}
	issuing, err := x509.ParseCertificate(cert.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Taint(t.Context(), "test", pki.Fingerprint(issuing), "drill"); err != nil {
		t.Fatal(err)
	}
	if err := handshake(); !errors.Is(err, pki.ErrDistrusted) {
		t.Errorf("after: %v", err)
	}
}

package tunneltest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"
)

// TLS is for both ends of mutual TLS 1.3, with one throwaway certificate for both. The agent's end offers what protocol
// says; the plane's takes that and what else is named.
func TLS(t testing.TB, protocol string, others ...string) (agent, plane *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"tunnel.test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	own := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	agent = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: own, RootCAs: pool, ServerName: "tunnel.test", NextProtos: []string{protocol}}
	plane = &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: own, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: append([]string{protocol}, others...),
	}
	return agent, plane
}

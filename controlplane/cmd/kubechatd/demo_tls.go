//go:build demo

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// demoTLS lets kubectl in by https on the port where the browser uses http: kubectl sends no credential over plain http,
// and a browser would warn of a certificate that nobody has signed.
type demoTLS struct {
	config *tls.Config
	ca     []byte // PEM, for the kubeconfig
}

// ownTLS makes a certificate that believes in itself, new at each start.
func ownTLS(dir string) (*demoTLS, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the demo's key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "KubeChat demo on this machine"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().AddDate(0, 3, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the demo's certificate: %w", err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := writeSecret(filepath.Join(dir, "web-ca.crt"), ca); err != nil {
		return nil, err
	}
	return &demoTLS{ca: ca, config: &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"},
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}}, nil
}

func (d *demoTLS) listener(l net.Listener) net.Listener { return eitherListener{l, d.config} }

// eitherListener accepts TLS and plain connections on one port.
type eitherListener struct {
	net.Listener
	config *tls.Config
}

// Accept never waits for the caller's first byte: one that sends none must not hold up the next.
func (l eitherListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &eitherConn{Conn: c, config: l.config}, nil
}

// eitherConn finds out with its first read whether it is TLS. Servers of HTTP/1.1 read before they write.
type eitherConn struct {
	net.Conn
	config *tls.Config
	once   sync.Once
	inner  atomic.Pointer[net.Conn]
	err    error // of finding out; read after once
}

const tlsHandshake = 0x16 // the first byte of every TLS connection, and of no HTTP request

func (c *eitherConn) find() {
	first := make([]byte, 1)
	if _, c.err = io.ReadFull(c.Conn, first); c.err != nil {
		return
	}
	var inner net.Conn = &prefixed{Conn: c.Conn, r: io.MultiReader(bytes.NewReader(first), c.Conn)}
	if first[0] == tlsHandshake {
		inner = tls.Server(inner, c.config)
	}
	c.inner.Store(&inner)
}

// NetConn is the connection below, as of a tls.Conn.
func (c *eitherConn) NetConn() net.Conn { return c.Conn }

// Read reads what was sent, decrypted if need be.
func (c *eitherConn) Read(b []byte) (int, error) {
	c.once.Do(c.find)
	if c.err != nil {
		return 0, c.err
	}
	return (*c.inner.Load()).Read(b)
}

// Write writes, encrypted if need be.
func (c *eitherConn) Write(b []byte) (int, error) {
	if inner := c.inner.Load(); inner != nil {
		return (*inner).Write(b)
	}
	return c.Conn.Write(b)
}

// Close ends the connection.
func (c *eitherConn) Close() error {
	if inner := c.inner.Load(); inner != nil {
		return (*inner).Close()
	}
	return c.Conn.Close()
}

// prefixed is a connection of which the first byte was read already.
type prefixed struct {
	net.Conn
	r io.Reader
}

// Read gives that byte first.
func (p *prefixed) Read(b []byte) (int, error) { return p.r.Read(b) }

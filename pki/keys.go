package pki

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// KeySource keeps private keys by name and signs with them. Files are the first implementation; a KMS is another.
type KeySource interface {
	// Key returns the key of that name. An error that is fs.ErrNotExist means there is none yet.
	Key(ctx context.Context, name string) (crypto.Signer, error)
	// Create makes a P-256 key. An error that is fs.ErrExist means that the name is taken.
	Create(ctx context.Context, name string) (crypto.Signer, error)
}

// Dir is a KeySource that keeps each key as a PKCS#8 file, readable by its owner only.
type Dir string

var _ KeySource = Dir("")

// Key reads the key; a file that others may read is refused.
func (d Dir) Key(_ context.Context, name string) (crypto.Signer, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key %s: %s may be read by others (mode %o): chmod 600 it", name, path, info.Mode().Perm())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	key, err := ParseKeyPEM(data)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	return key, nil
}

// Create writes a new key, whole or not at all: a crash leaves no half-written key behind under its name.
func (d Dir) Create(_ context.Context, name string) (crypto.Signer, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	data, err := MarshalKeyPEM(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	tmp, err := os.CreateTemp(string(d), ".new-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // the link below keeps the content
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	if err := os.Link(tmp.Name(), path); err != nil { // unlike rename, it never replaces a key
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	return key, nil
}

func (d Dir) path(name string) (string, error) {
	if !validLabel(name) {
		return "", fmt.Errorf("key name %q: want a-z, 0-9 and '-': %w", name, fs.ErrInvalid)
	}
	return filepath.Join(string(d), name+".key"), nil
}

// NewKey makes a P-256 key, the only kind used here.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// MarshalKeyPEM is a private key as a PKCS#8 PEM block.
func MarshalKeyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParseKeyPEM reads what MarshalKeyPEM wrote. Only P-256 is accepted.
func ParseKeyPEM(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("not a PKCS#8 PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("not a PKCS#8 key") // the parser's text may quote the input
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, errors.New("not a P-256 key")
	}
	return ec, nil
}

// MarshalChainPEM is certificates as PEM blocks, in order.
func MarshalChainPEM(chain []*x509.Certificate) []byte {
	var out []byte
	for _, c := range chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// maxChain is more certificates than any of our chains or bundles holds.
const maxChain = 16

// ParseChainPEM reads certificates, at least one.
func ParseChainPEM(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for len(out) < maxChain {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, errors.New("PEM: something else than a certificate")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("PEM: %w", err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("PEM: no certificate")
	}
	return out, nil
}

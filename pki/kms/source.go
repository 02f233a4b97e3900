//go:build pkcs11 || awskms || cloudkms || azurekms

package kms

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"

	"go.step.sm/crypto/kms/apiv1"

	"github.com/kubechat/kubechat/pki"
)

// source is a pki.KeySource over one of go.step.sm/crypto's key managers.
type source struct {
	keys apiv1.KeyManager
	// uri names a key to the manager; created is called after a key was made, with the manager's own name for it.
	uri     func(name string) string
	created func(ctx context.Context, name, made string) error

	mu   sync.Mutex // guards held
	held map[string]crypto.Signer
}

var _ pki.KeySource = (*source)(nil)

var nameForm = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// Key returns the key of that name. A signer that was found is kept: asking a token or a cloud again costs time.
func (s *source) Key(_ context.Context, name string) (crypto.Signer, error) {
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("key name %q: want a-z, 0-9 and '-': %w", name, fs.ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.held[name]; k != nil {
		return k, nil
	}
	k, err := s.keys.CreateSigner(&apiv1.CreateSignerRequest{SigningKey: s.uri(name)})
	switch {
	case err != nil && missing(err):
		return nil, fmt.Errorf("key %s: %w", name, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	if pub, ok := k.Public().(*ecdsa.PublicKey); !ok || pub.Curve != elliptic.P256() {
		return nil, fmt.Errorf("key %s: not a P-256 key", name)
	}
	s.held[name] = k
	return k, nil
}

// Create makes a key that never leaves where it is made.
func (s *source) Create(ctx context.Context, name string) (crypto.Signer, error) {
	switch _, err := s.Key(ctx, name); {
	case err == nil:
		return nil, fmt.Errorf("key %s: %w", name, fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	made, err := s.keys.CreateKey(&apiv1.CreateKeyRequest{Name: s.uri(name), SignatureAlgorithm: apiv1.ECDSAWithSHA256})
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", name, err)
	}
	if s.created != nil {
		if err := s.created(ctx, name, made.Name); err != nil {
			return nil, fmt.Errorf("name key %s: %w", name, err)
		}
	}
	return s.Key(ctx, name)
}

// missing tells a key that is not there from every other failure. Only some managers have a type for it.
func missing(err error) bool {
	if errors.Is(err, apiv1.NotFoundError{}) {
		return true
	}
	for _, word := range []string{"not found", "NotFound"} {
		if strings.Contains(err.Error(), word) {
			return true
		}
	}
	return false
}

func newSource(keys apiv1.KeyManager, uri func(string) string) *source {
	return &source{keys: keys, uri: uri, held: map[string]crypto.Signer{}}
}

package settings

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"

	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Vault seals keys with AES-256-GCM. What is sealed for one tenant opens for no other. It holds several service keys, so
// that they can be changed: the first one seals, each opens.
type Vault struct {
	keys []vaultKey
	what string // is sealed with them
}

// For gives the same keys for another kind of secret: what one seals, the other does not open.
func (v *Vault) For(what string) *Vault { return &Vault{v.keys, what} }

type vaultKey struct {
	id   [4]byte // of its hash: which one sealed
	aead cipher.AEAD
}

// LogValue keeps it out of logs.
func (*Vault) LogValue() slog.Value { return slog.StringValue("[vault]") }

const sealedVersion = 1

// ParseVault reads service keys, one a line: 32 bytes in base64 each. They are for models' keys; see For.
func ParseVault(text []byte) (*Vault, error) {
	v := Vault{what: "model key"}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(string(line))
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("line %d of the service's keys is not 32 bytes in base64: make one with openssl rand -base64 32", i+1)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("service key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("service key %d: %w", i+1, err)
		}
		sum := sha256.Sum256(key)
		v.keys = append(v.keys, vaultKey{[4]byte(sum[:4]), aead})
	}
	if len(v.keys) == 0 {
		return nil, errors.New("the file of the service's keys is empty: make one with openssl rand -base64 32")
	}
	return &v, nil
}

func (v *Vault) bound(id tenant.ID) []byte {
	return []byte("kubechat " + v.what + "\x00" + string(id))
}

// Seal gives version, key id, nonce and ciphertext.
func (v *Vault) Seal(id tenant.ID, plain string) ([]byte, error) {
	k := v.keys[0]
	nonce := make([]byte, k.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	out := append([]byte{sealedVersion}, k.id[:]...)
	out = append(out, nonce...)
	return k.aead.Seal(out, nonce, []byte(plain), v.bound(id)), nil
}

var errSealed = errors.New("settings: the key was sealed by another service, or for another tenant")

// Open gives what was sealed for the tenant.
func (v *Vault) Open(id tenant.ID, sealed []byte) (string, error) {
	if len(sealed) < 5 || sealed[0] != sealedVersion {
		return "", errSealed
	}
	for _, k := range v.keys {
		rest := sealed[5:]
		if !bytes.Equal(sealed[1:5], k.id[:]) || len(rest) < k.aead.NonceSize() {
			continue
		}
		n := k.aead.NonceSize()
		if plain, err := k.aead.Open(nil, rest[:n], rest[n:], v.bound(id)); err == nil {
			return string(plain), nil
		}
	}
	return "", errSealed
}

//go:build pkcs11

package kms

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/pkcs11"

	"github.com/kubechat/kubechat/pki"
)

func init() { pki.RegisterKeys("pkcs11", openPKCS11) }

// openPKCS11 opens a token that an RFC 7512 URI names, such as
// pkcs11:module-path=/usr/lib/softhsm/libsofthsm2.so;token=kubechat?pin-source=/run/secrets/pin. It needs cgo. The
// process keeps the token open to its end.
func openPKCS11(ctx context.Context, uri string) (pki.KeySource, error) {
	keys, err := pkcs11.New(ctx, apiv1.Options{Type: apiv1.PKCS11, URI: uri})
	if err != nil {
		return nil, errors.New("the token can't be opened: is the module there, the token's label right, and the PIN?") // the library's text may hold the PIN
	}
	return newSource(keys, func(name string) string {
		id := sha256.Sum256([]byte(name))
		return "pkcs11:id=" + hex.EncodeToString(id[:8]) + ";object=" + name
	}), nil
}

package pki

import (
	"context"
	"fmt"
	"strings"
)

// A KeyDriver opens a key source that a URI names, such as pkcs11:… or awskms:….
type KeyDriver func(ctx context.Context, uri string) (KeySource, error)

// drivers are by URI scheme. Only a build with a driver's tag has it: each brings a cloud's or a token's libraries.
var drivers = map[string]KeyDriver{}

// RegisterKeys is for the init of a driver's file.
func RegisterKeys(scheme string, open KeyDriver) { drivers[scheme] = open }

// tags says which build tag brings which scheme.
var tags = map[string]string{"pkcs11": "pkcs11", "awskms": "awskms", "cloudkms": "cloudkms", "azurekms": "azurekms"}

// OpenKeys opens the key source that location names: a directory, or the URI of a KMS or hardware token.
func OpenKeys(ctx context.Context, location string) (KeySource, error) {
	scheme, _, uri := strings.Cut(location, ":")
	if !uri || strings.ContainsAny(scheme, "/.") {
		return Dir(location), nil
	}
	open, ok := drivers[scheme]
	if !ok && tags[scheme] != "" {
		return nil, fmt.Errorf("key source %s: this program was built without it: build with the tag %s", scheme, tags[scheme])
	}
	if !ok {
		return nil, fmt.Errorf("key source %q is not known: give a directory, or a URI of pkcs11, awskms, cloudkms or azurekms", scheme)
	}
	keys, err := open(ctx, location)
	if err != nil {
		return nil, fmt.Errorf("key source %s: %w", scheme, err)
	}
	return keys, nil
}

//go:build cloudkms

package kms

import (
	"context"
	"crypto"
	"errors"
	"strings"

	"go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/cloudkms"

	"github.com/kubechat/kubechat/pki"
)

func init() { pki.RegisterKeys("cloudkms", openCloud) }

// openCloud opens a key ring of Google's, cloudkms:projects/P/locations/L/keyRings/R, with the machine's own identity.
func openCloud(ctx context.Context, uri string) (pki.KeySource, error) {
	ring := strings.TrimPrefix(uri, "cloudkms:")
	if strings.Count(ring, "/") != 5 || !strings.HasPrefix(ring, "projects/") {
		return nil, errors.New("want cloudkms:projects/P/locations/L/keyRings/R")
	}
	keys, err := cloudkms.New(ctx, apiv1.Options{Type: apiv1.CloudKMS})
	if err != nil {
		return nil, err
	}
	return newSource(versioned{keys}, func(name string) string { return ring + "/cryptoKeys/kubechat-" + name }), nil
}

// versioned signs with the one version that our keys have; making a key names it without.
type versioned struct{ *cloudkms.CloudKMS }

// CreateSigner implements apiv1.KeyManager.
func (v versioned) CreateSigner(req *apiv1.CreateSignerRequest) (s crypto.Signer, err error) {
	return v.CloudKMS.CreateSigner(&apiv1.CreateSignerRequest{SigningKey: req.SigningKey + "/cryptoKeyVersions/1"})
}

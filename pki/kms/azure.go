//go:build azurekms

package kms

import (
	"context"

	"go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/azurekms"

	"github.com/kubechat/kubechat/pki"
)

func init() { pki.RegisterKeys("azurekms", openAzure) }

// openAzure opens a vault, azurekms:vault=NAME, with the machine's own identity.
func openAzure(ctx context.Context, uri string) (pki.KeySource, error) {
	keys, err := azurekms.New(ctx, apiv1.Options{Type: apiv1.AzureKMS, URI: uri})
	if err != nil {
		return nil, err
	}
	return newSource(keys, func(name string) string { return "azurekms:name=kubechat-" + name }), nil
}

//go:build awskms

package kms

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/awskms"
	"go.step.sm/crypto/kms/uri"

	"github.com/kubechat/kubechat/pki"
)

func init() { pki.RegisterKeys("awskms", openAWS) }

// openAWS opens a region's keys, awskms:region=eu-central-1, with the machine's own identity. A key is found by its
// alias, alias/kubechat-NAME.
func openAWS(ctx context.Context, location string) (pki.KeySource, error) {
	keys, err := awskms.New(ctx, apiv1.Options{Type: apiv1.AmazonKMS, URI: location})
	if err != nil {
		return nil, err
	}
	u, err := uri.ParseWithScheme("awskms", location)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(u.Get("region")))
	if err != nil {
		return nil, err
	}
	client := kms.NewFromConfig(cfg)
	alias := func(name string) string { return "alias/kubechat-" + name }
	s := newSource(named{keys}, func(name string) string { return "awskms:key-id=" + alias(name) })
	s.created = func(ctx context.Context, name, made string) error {
		_, err := client.CreateAlias(ctx, &kms.CreateAliasInput{
			AliasName: aws.String(alias(name)), TargetKeyId: aws.String(strings.TrimPrefix(made, "awskms:key-id=")),
		})
		return err
	}
	return s, nil
}

// named makes keys under a plain name: the URI is for finding them.
type named struct{ *awskms.KMS }

// CreateKey implements apiv1.KeyManager.
func (n named) CreateKey(req *apiv1.CreateKeyRequest) (*apiv1.CreateKeyResponse, error) {
	plain := *req
	plain.Name = strings.TrimPrefix(req.Name, "awskms:key-id=alias/")
	return n.KMS.CreateKey(&plain)
}

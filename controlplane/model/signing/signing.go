// Package signing is what Bedrock and SageMaker share: as whom a request to AWS is signed, for which region, and what
// its failure means.
package signing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/kubechat/kubechat/controlplane/model"
)

// Config says who asks, and where. Region is required, and one of Key and RoleARN: there is no default of either, for a
// request that went to another region than a tenant chose would be worse than none.
type Config struct {
	Region string
	// Key is "ACCESSKEYID:SECRET", with ":SESSIONTOKEN" if it is temporary; or a Bedrock API key.
	Key string
	// RoleARN is a role of the tenant's account that our own identity may assume, with ExternalID, which the tenant's
	// trust policy demands: so that no other tenant can name the same role.
	RoleARN    string
	ExternalID string
	BaseURL    string // empty: the region's
	HTTP       *http.Client
}

// AWS is the SDK's configuration of c. bearer is the API key, where Key is one.
func AWS(ctx context.Context, c Config) (cfg aws.Config, bearer string, err error) {
	if c.Region == "" {
		return cfg, "", errors.New("signing: Config.Region is required")
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	cfg = aws.Config{Region: c.Region, HTTPClient: c.HTTP, RetryMaxAttempts: 1, Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
	switch id, secret, signed := strings.Cut(c.Key, ":"); {
	case c.Key != "" && signed:
		secret, session, _ := strings.Cut(secret, ":")
		cfg.Credentials = credentials.NewStaticCredentialsProvider(id, secret, session)
	case c.Key != "":
		bearer = c.Key
	case c.RoleARN != "":
		// by its own client: where we learn who we are (the node, the pod) is the operator's network, not a tenant's wish
		own, err := config.LoadDefaultConfig(ctx, config.WithRegion(c.Region))
		if err != nil {
			return cfg, "", fmt.Errorf("find our own identity at AWS: %w", err)
		}
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(own), c.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "kubechat"
			o.ExternalID = &c.ExternalID
		}))
	default:
		return cfg, "", errors.New("signing: one of Config.Key and Config.RoleARN is required")
	}
	if c.BaseURL != "" {
		cfg.BaseEndpoint = &c.BaseURL
	}
	return cfg, bearer, nil
}

// Failure is an error of the SDK in our words; begun says that a part of the answer was there.
func Failure(err error, begun bool, c Config) error {
	id, secret, _ := strings.Cut(c.Key, ":")
	secret, session, _ := strings.Cut(secret, ":")
	secrets := []string{c.Key, id, secret, session}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return model.TransportError(err, begun, secrets...)
	}
	text := api.ErrorCode() + ": " + api.ErrorMessage()
	var res *smithyhttp.ResponseError
	if errors.As(err, &res) && res.HTTPStatusCode() >= 300 {
		return model.StatusError(res.HTTPStatusCode(), res.Response.Header, text, secrets...)
	}
	return model.NewError(kind(api.ErrorCode(), begun), text, secrets...) // an exception in the stream
}

func kind(code string, begun bool) model.Kind {
	switch {
	case code == "ThrottlingException":
		return model.Limited
	case code == "ValidationException":
		return model.Invalid
	case code == "AccessDeniedException":
		return model.Refused
	case begun:
		return model.Cut
	}
	return model.Away
}

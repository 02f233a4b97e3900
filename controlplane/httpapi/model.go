package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Models is what a tenant has decided about its model: package settings.
type Models interface {
	Get(ctx context.Context, scope tenant.Scope) (settings.Settings, error)
	Put(ctx context.Context, scope tenant.Scope, c settings.Change) (settings.Settings, error)
	Used(ctx context.Context, scope tenant.Scope) (settings.Used, error)
}

// ModelSettings are the organisation's model. Its key is never in an answer.
type ModelSettings struct {
	Provider    settings.Provider `json:"provider" enum:",openai,anthropic,ollama,bedrock,sagemaker" doc:"Empty: the organisation uses no model, and the built-in translator answers."`
	Model       string            `json:"model" required:"false" maxLength:"200" doc:"As the provider calls it; of SageMaker the endpoint's name."`
	BaseURL     string            `json:"baseUrl" required:"false" maxLength:"500" doc:"Of a server that speaks the provider's language; empty: the provider's own."`
	Region      string            `json:"region" required:"false" maxLength:"50" doc:"Of AWS: where the model runs. Prompts go nowhere else."`
	RoleARN     string            `json:"roleArn" required:"false" maxLength:"600" doc:"Of AWS, instead of a key: a role that trusts the service, with externalId."`
	ContextSize int64             `json:"contextSize" required:"false" minimum:"0" doc:"The model's context in tokens; 0: 128,000."`
	DayTokens   int64             `json:"dayTokens" required:"false" minimum:"0" doc:"The most tokens in a day; 0: no limit."`
	DayMicros   int64             `json:"dayCostMicros" required:"false" minimum:"0" doc:"The most money in a day, in millionths of your currency's unit; 0: no limit."`
	InputPrice  *int64            `json:"inputPrice,omitempty" minimum:"0" doc:"Of a million tokens read, in millionths of the unit, by your contract; kept if absent."`
	OutputPrice *int64            `json:"outputPrice,omitempty" minimum:"0" doc:"Of a million tokens written."`
}

// ModelPage is the organisation's model as an admin sees it.
type ModelPage struct {
	ModelSettings
	HasKey     bool       `json:"hasKey"`
	ExternalID tenant.ID  `json:"externalId" doc:"What the trust policy of an AWS role has to demand."`
	Used       ModelUsed  `json:"used" doc:"What today, in UTC, has taken of the budgets."`
	UpdatedAt  *time.Time `json:"updatedAt,omitempty"`
}

// ModelUsed is what a day took.
type ModelUsed struct {
	Tokens     int64 `json:"tokens"`
	CostMicros int64 `json:"costMicros"`
}

func (a *API) modelPage(ctx context.Context, scope tenant.Scope, s settings.Settings) (*body[ModelPage], error) {
	used, err := a.models.Used(ctx, scope)
	if err != nil {
		return nil, err
	}
	return &body[ModelPage]{ModelPage{
		ModelSettings: ModelSettings{s.Provider, s.Model, s.BaseURL, s.Region, s.RoleARN, s.Window, s.DayTokens, s.DayMicros, &s.InputPrice, &s.OutputPrice},
		HasKey:        s.HasKey, ExternalID: scope.Tenant, Used: ModelUsed{used.Tokens, used.Micros}, UpdatedAt: timePtr(s.UpdatedAt),
	}}, nil
}

type changeModelInput struct {
	InTenant
	Body struct {
		ModelSettings
		Key *string `json:"key,omitempty" maxLength:"4096" doc:"Kept if absent, forgotten if empty. It is stored sealed and never given back. Of AWS: ACCESSKEYID:SECRET, or a Bedrock API key."`
	}
}

func (in *changeModelInput) change() settings.Change {
	b := in.Body
	c := settings.Change{Key: b.Key, KeepPrices: b.InputPrice == nil && b.OutputPrice == nil, Settings: settings.Settings{
		Provider: b.Provider, Model: b.Model, BaseURL: b.BaseURL, Region: b.Region, RoleARN: b.RoleARN, Window: b.ContextSize,
		DayTokens: b.DayTokens, DayMicros: b.DayMicros,
	}}
	if b.InputPrice != nil {
		c.InputPrice = *b.InputPrice
	}
	if b.OutputPrice != nil {
		c.OutputPrice = *b.OutputPrice
	}
	return c
}

var noModels = problem.New(problem.Unavailable, "This service asks no models.")

func (a *API) registerModel() {
	member(a, op{
		id: "get-model", method: http.MethodGet, path: "/settings/model", tag: "settings", action: tenant.ManageModel,
		summary: "The organisation's model, without its key",
	}, func(ctx context.Context, scope tenant.Scope, _ *InTenant) (*body[ModelPage], error) {
		if a.models == nil {
			return nil, noModels
		}
		s, err := a.models.Get(ctx, scope)
		if err != nil {
			return nil, err
		}
		return a.modelPage(ctx, scope, s)
	})
	member(a, op{
		id: "change-model", method: http.MethodPut, path: "/settings/model", tag: "settings", action: tenant.ManageModel,
		summary: "Choose the organisation's model, from the next question on",
	}, func(ctx context.Context, scope tenant.Scope, in *changeModelInput) (*body[ModelPage], error) {
		if a.models == nil {
			return nil, noModels
		}
		s, err := a.models.Put(ctx, scope, in.change())
		if err != nil {
			return nil, err
		}
		return a.modelPage(ctx, scope, s)
	})
}

package controlplane

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/assist"
	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/anthropic"
	"github.com/kubechat/kubechat/controlplane/model/bedrock"
	"github.com/kubechat/kubechat/controlplane/model/egress"
	"github.com/kubechat/kubechat/controlplane/model/ollama"
	"github.com/kubechat/kubechat/controlplane/model/openai"
	"github.com/kubechat/kubechat/controlplane/model/sagemaker"
	"github.com/kubechat/kubechat/controlplane/model/signing"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// maxModels is how many tenants' clients are kept; beyond it they are made anew.
const maxModels = 1000

// models gives each tenant its own model, with a circuit breaker of its own: one tenant's key must not take the model
// away from another.
type models struct {
	settings *settings.Service
	meter    assist.Meter
	http     *http.Client

	mu    sync.Mutex // guards known
	known map[tenant.ID]knownModel
}

type knownModel struct {
	updated time.Time // of the settings it was made of
	model   model.Streamer
}

var _ chat.Assistants = (*models)(nil)

func newModels(s *settings.Service, meter assist.Meter, egress egress.Policy) *models {
	return &models{settings: s, meter: meter, http: egress.Client(), known: map[tenant.ID]knownModel{}}
}

// Assistant gives the tenant's, or nil when it has chosen no model.
func (m *models) Assistant(ctx context.Context, scope tenant.Scope) (chat.Assistant, error) {
	s, key, ok, err := m.settings.Open(ctx, scope)
	if err != nil || !ok {
		return nil, err
	}
	client, err := m.client(ctx, scope.Tenant, s, key)
	if err != nil {
		return nil, err
	}
	name := string(s.Provider) + "/" + s.Model
	limits := assist.Limits{Window: s.Window}
	if s.Provider == settings.Ollama && s.Window == 0 {
		limits.Window = ollama.DefaultWindow
	}
	return assistant{name: name, inner: assist.New(assist.Config{
		Model: client, Name: name, Meter: m.meter, Prices: assist.Prices{Input: s.InputPrice, Output: s.OutputPrice}, Limits: limits,
	})}, nil
}

func (m *models) client(ctx context.Context, id tenant.ID, s settings.Settings, key string) (model.Streamer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.known[id]; ok && k.updated.Equal(s.UpdatedAt) {
		return k.model, nil
	}
	provider, err := m.open(ctx, id, s, key)
	if err != nil {
		return nil, err
	}
	if len(m.known) >= maxModels {
		clear(m.known)
	}
	c := model.NewResilient(model.ResilientConfig{Model: provider, Breaker: model.NewBreaker(nil)})
	m.known[id] = knownModel{s.UpdatedAt, c}
	return c, nil
}

func (m *models) open(ctx context.Context, id tenant.ID, s settings.Settings, key string) (model.Streamer, error) {
	aws := signing.Config{Region: s.Region, Key: key, RoleARN: s.RoleARN, ExternalID: string(id), HTTP: m.http}
	switch s.Provider {
	case settings.OpenAI:
		return openai.New(openai.Config{BaseURL: s.BaseURL, Key: key, Model: s.Model, HTTP: m.http}), nil
	case settings.Anthropic:
		return anthropic.New(anthropic.Config{BaseURL: s.BaseURL, Key: key, Model: s.Model, HTTP: m.http}), nil
	case settings.Ollama:
		return ollama.New(ollama.Config{BaseURL: s.BaseURL, Key: key, Model: s.Model, Window: int(s.Window), HTTP: m.http}), nil
	case settings.Bedrock:
		return bedrock.New(ctx, bedrock.Config{Config: aws, Model: s.Model})
	case settings.SageMaker:
		return sagemaker.New(ctx, sagemaker.Config{Config: aws, Endpoint: s.Model})
	}
	return nil, fmt.Errorf("provider %q of a model is none of ours", s.Provider)
}

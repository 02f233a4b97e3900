// Package settings is what a tenant has decided about its model: which one, where, with whose key, and how much of it in a
// day. The key is written and never read back; it is kept sealed (Vault). Start at Service.
package settings

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Provider is whoever runs a model.
type Provider string

// The providers.
const (
	None      Provider = "" // the tenant uses no model
	OpenAI    Provider = "openai"
	Anthropic Provider = "anthropic"
	Ollama    Provider = "ollama"
	Bedrock   Provider = "bedrock"
	SageMaker Provider = "sagemaker"
)

// Settings are a tenant's.
type Settings struct {
	Provider  Provider
	Model     string // as the provider calls it; of SageMaker the endpoint's name
	BaseURL   string // empty: the provider's own
	Region    string // of AWS: where the model runs, and nowhere else
	RoleARN   string // of AWS, instead of a key: a role that trusts us with the tenant's id as external id
	Window    int64  // the model's context, in tokens; 0: 128,000
	DayTokens int64  // the most in a day; 0: no limit
	DayMicros int64  // the same in money, millionths of a unit; 0: no limit
	// InputPrice and OutputPrice are millionths of a unit for a million tokens: prices are the tenant's contract, not ours.
	InputPrice, OutputPrice int64
	UpdatedAt               time.Time
	HasKey                  bool
}

// Change is new settings. Key is kept when it is nil and forgotten when it is empty.
type Change struct {
	Settings
	Key        *string
	KeepPrices bool // those of the change are not looked at
}

// Used is what today has taken of the budgets.
type Used struct{ Tokens, Micros int64 }

// Stored is what a Store keeps: Sealed is the key under the service's own.
type Stored struct {
	Settings
	Sealed []byte
}

// Store keeps settings.
type Store interface {
	// Model is problem.NotFound when the tenant has none.
	Model(ctx context.Context, id tenant.ID) (Stored, error)
	// SetModel replaces them, and records who did.
	SetModel(ctx context.Context, by tenant.Scope, s Stored) (Stored, error)
	// RemoveModel forgets them with the key, and records who did.
	RemoveModel(ctx context.Context, by tenant.Scope) error
	// ModelUsed is today's, in UTC.
	ModelUsed(ctx context.Context, id tenant.ID) (Used, error)
}

// Config is what a Service is made of. Store is required.
type Config struct {
	Store Store
	Vault *Vault // nil: this service can keep no keys
	// CheckURL judges a base URL, in words for people.
	CheckURL func(string) error
}

// Service is the domain. It is safe for concurrent use.
type Service struct{ cfg Config }

// New makes a Service.
func New(c Config) *Service { return &Service{cfg: c} }

// Get gives the tenant's settings, without the key.
func (s *Service) Get(ctx context.Context, scope tenant.Scope) (Settings, error) {
	if !scope.Can(tenant.ManageModel) {
		return Settings{}, onlyAdmins
	}
	got, err := s.stored(ctx, scope.Tenant)
	return got.Settings, err
}

// Used is what today has taken of the tenant's budgets.
func (s *Service) Used(ctx context.Context, scope tenant.Scope) (Used, error) {
	if !scope.Can(tenant.ManageModel) {
		return Used{}, onlyAdmins
	}
	return s.cfg.Store.ModelUsed(ctx, scope.Tenant)
}

// Put replaces them.
func (s *Service) Put(ctx context.Context, scope tenant.Scope, c Change) (Settings, error) {
	if !scope.Can(tenant.ManageModel) {
		return Settings{}, onlyAdmins
	}
	if c.Provider == None {
		return Settings{}, s.cfg.Store.RemoveModel(ctx, scope)
	}
	was, err := s.stored(ctx, scope.Tenant)
	if err != nil {
		return Settings{}, err
	}
	if c.KeepPrices {
		c.InputPrice, c.OutputPrice = was.InputPrice, was.OutputPrice
	}
	if err := s.check(c); err != nil {
		return Settings{}, err
	}
	next := Stored{Settings: c.Settings}
	if next.Sealed, err = s.seal(scope.Tenant, was, c); err != nil {
		return Settings{}, err
	}
	next.HasKey = next.Sealed != nil
	if needsKey[next.Provider] && !next.HasKey && next.RoleARN == "" {
		return Settings{}, problem.Newf(problem.Invalid, "%s needs a key.", next.Provider)
	}
	got, err := s.cfg.Store.SetModel(ctx, scope, next)
	return got.Settings, err
}

// seal gives the key to be kept. One that stays goes where it went before and nowhere else: else an admin could have
// another's key sent to a server of their own.
func (s *Service) seal(id tenant.ID, was Stored, c Change) ([]byte, error) {
	switch {
	case c.Key == nil && was.Sealed != nil && (was.Provider != c.Provider || was.BaseURL != c.BaseURL):
		return nil, problem.New(problem.Invalid, "With another provider or base URL the key has to be given again.").WithCode("key_again")
	case c.Key == nil:
		return was.Sealed, nil
	case *c.Key == "":
		return nil, nil
	case s.cfg.Vault == nil:
		return nil, problem.New(problem.Unavailable, "This service can keep no keys.").WithCode("no_secret_key").
			WithFix("Its operator has to start it with --secret-key-file.")
	}
	return s.cfg.Vault.Seal(id, *c.Key)
}

func (s *Service) stored(ctx context.Context, id tenant.ID) (Stored, error) {
	got, err := s.cfg.Store.Model(ctx, id)
	if problem.Is(err, problem.NotFound) {
		return Stored{}, nil
	}
	return got, err
}

// Open gives the settings with the key, for asking the model; ok is false when the tenant has none.
func (s *Service) Open(ctx context.Context, scope tenant.Scope) (got Settings, key string, ok bool, err error) {
	stored, err := s.stored(ctx, scope.Tenant)
	if err != nil || stored.Provider == None {
		return Settings{}, "", false, err
	}
	if stored.Sealed == nil {
		return stored.Settings, "", true, nil
	}
	if s.cfg.Vault == nil {
		return stored.Settings, "", true, errors.New("settings: a sealed key and no key to open it with")
	}
	if key, err = s.cfg.Vault.Open(scope.Tenant, stored.Sealed); err != nil {
		return stored.Settings, "", true, err
	}
	return stored.Settings, key, true, nil
}

var onlyAdmins = problem.New(problem.Forbidden, "Only a tenant_admin may see or change the model.")

var (
	needsKey   = map[Provider]bool{OpenAI: false, Anthropic: true, Bedrock: true, SageMaker: true}
	ofAWS      = []Provider{Bedrock, SageMaker}
	providers  = []Provider{OpenAI, Anthropic, Ollama, Bedrock, SageMaker}
	modelForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}$`)
	regionForm = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+)+-[0-9]$`)
	roleForm   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$`)
)

// check reports every problem at once.
func (s *Service) check(c Change) error {
	var wrong []string
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	aws := slices.Contains(ofAWS, c.Provider)
	if !slices.Contains(providers, c.Provider) {
		fail("A provider is one of openai, anthropic, ollama, bedrock and sagemaker.")
	}
	if !modelForm.MatchString(c.Model) {
		fail("A model's name is 1 to 200 of letters, digits and . _ : / @ -.")
	}
	switch {
	case aws && c.BaseURL != "":
		fail("Of AWS the region says where the model is; there is no base URL.")
	case c.BaseURL == "" && c.Provider == Ollama:
		fail("Ollama needs a base URL.")
	case c.BaseURL != "" && s.cfg.CheckURL != nil:
		if err := s.cfg.CheckURL(c.BaseURL); err != nil {
			fail("%s.", strings.ToUpper(err.Error()[:1])+err.Error()[1:])
		}
	}
	if aws {
		wrong = append(wrong, checkAWS(c)...)
	} else if c.Region != "" || c.RoleARN != "" {
		fail("A region and a role are of AWS only.")
	}
	if c.Window < 0 || c.Window > 0 && c.Window < 8_000 || c.Window > 10_000_000 {
		fail("A context is 8,000 to 10,000,000 tokens.")
	}
	if min(c.DayTokens, c.DayMicros, c.InputPrice, c.OutputPrice) < 0 {
		fail("Budgets and prices are not negative.")
	}
	if c.DayMicros > 0 && c.InputPrice+c.OutputPrice == 0 {
		fail("A budget in money needs the prices of a million tokens.")
	}
	if c.Key != nil && (len(*c.Key) > 4096 || strings.ContainsAny(*c.Key, "\r\n\x00 ")) {
		fail("A key has no white space and at most 4,096 characters.")
	}
	if len(wrong) == 0 {
		return nil
	}
	return problem.New(problem.Invalid, strings.Join(wrong, " "))
}

// checkAWS: an inference profile of another part of the world would carry prompts there.
func checkAWS(c Change) (wrong []string) {
	if !regionForm.MatchString(c.Region) {
		wrong = append(wrong, "AWS needs a region, such as eu-central-1.")
	}
	if c.RoleARN != "" && !roleForm.MatchString(c.RoleARN) {
		wrong = append(wrong, "A role is written arn:aws:iam::ACCOUNT:role/NAME.")
	}
	for prefix, area := range map[string]string{"us.": "us-", "eu.": "eu-", "apac.": "ap-", "us-gov.": "us-gov-", "global.": "nowhere"} {
		if c.Provider == Bedrock && strings.HasPrefix(c.Model, prefix) && !strings.HasPrefix(c.Region, area) {
			wrong = append(wrong, fmt.Sprintf("The inference profile %s leaves the region %s.", c.Model, c.Region))
		}
	}
	return wrong
}

// Host is where prompts go, for people.
func (s Settings) Host() string {
	if u, err := url.Parse(s.BaseURL); err == nil && u.Host != "" {
		return u.Host
	}
	if s.Region != "" {
		return string(s.Provider) + " in " + s.Region
	}
	return string(s.Provider)
}

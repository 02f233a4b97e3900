// Package billing is the domain of what a tenant used. An event is written in the same transaction as the fact it
// counts, under an id that comes from the fact, so that nothing is counted twice and nothing is lost; agents report
// none. Start at Service.
package billing

import (
	"context"
	"regexp"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Meter is a thing that is counted.
type Meter string

// The meters.
const (
	Command    Meter = "command"     // one executed plan step, or one non-read request on the kubectl path
	APIRequest Meter = "api_request" // one read; summed per minute
	LLMTokens  Meter = "llm_tokens"  // of the tenant's model, in and out
	// LLMCost is what they cost by the tenant's own prices, in millionths of a unit. It is the provider's to bill, not ours.
	LLMCost Meter = "llm_cost_micros"
)

// Meters lists every meter.
var Meters = []Meter{Command, APIRequest, LLMTokens, LLMCost}

// Usage is how much of a meter was used in a period.
type Usage struct {
	Meter    Meter
	Quantity int64
}

// Period is from From, inclusive, to To, exclusive.
type Period struct {
	From, To time.Time
}

var monthForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}$`)

// Month is the calendar month "2026-01" in UTC.
func Month(s string) (Period, error) {
	from, err := time.Parse("2006-01", s)
	if err != nil || !monthForm.MatchString(s) {
		return Period{}, problem.New(problem.Invalid, "month is written YYYY-MM.")
	}
	return Period{From: from, To: from.AddDate(0, 1, 0)}, nil
}

// Store sums what was used.
type Store interface {
	Usage(ctx context.Context, t tenant.ID, p Period) ([]Usage, error)
}

// Config is what a Service is made of.
type Config struct {
	Store Store
}

// Service is the domain. Its methods are safe for concurrent use.
type Service struct {
	store Store
}

// New makes a Service.
func New(c Config) *Service { return &Service{store: c.Store} }

// Usage returns every meter's sum over a period, zero where nothing was used.
func (s *Service) Usage(ctx context.Context, scope tenant.Scope, p Period) ([]Usage, error) {
	if !scope.Can(tenant.ReadUsage) {
		return nil, problem.New(problem.Forbidden, "A tenant_viewer may not see usage.").
			WithFix("Ask a tenant_admin for the role tenant_user.")
	}
	if !p.From.Before(p.To) {
		return nil, problem.New(problem.Invalid, "A period ends after it begins.")
	}
	return s.store.Usage(ctx, scope.Tenant, p)
}

package httpapi

import (
	"context"
	"net/http"

	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Usage is what was used: package billing.
type Usage interface {
	Usage(ctx context.Context, scope tenant.Scope, p billing.Period) ([]billing.Usage, error)
}

// MeterUsage is how much of one meter was used.
type MeterUsage struct {
	Meter    billing.Meter `json:"meter" enum:"command,api_request,llm_tokens,llm_cost_micros"`
	Quantity int64         `json:"quantity"`
}

type usageInput struct {
	InTenant
	Month string `query:"month" maxLength:"7" doc:"YYYY-MM, in UTC; this month if absent." example:"2026-11"`
}

func (a *API) registerUsage() {
	member(a, op{
		id: "get-usage", method: http.MethodGet, path: "/usage", tag: "usage", action: tenant.ReadUsage,
		summary: "What the organisation used in a month",
	}, func(ctx context.Context, scope tenant.Scope, in *usageInput) (*body[list[MeterUsage]], error) {
		month := in.Month
		if month == "" {
			month = a.now().UTC().Format("2006-01")
		}
		p, err := billing.Month(month)
		if err != nil {
			return nil, err
		}
		us, err := a.usage.Usage(ctx, scope, p)
		return listOf(us, func(u billing.Usage) MeterUsage { return MeterUsage{u.Meter, u.Quantity} }), err
	})
}

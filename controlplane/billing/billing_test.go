package billing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestUsageSumsAPeriodWithoutItsEnd(t *testing.T) {
	t.Parallel()
	d := storetest.New(t)
	admin, other := storetest.Tenant(t, d.DB, "acme"), storetest.Tenant(t, d.DB, "other")
	for _, at := range []string{"2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", "2026-02-28T23:59:59.999Z", "2026-03-01T00:00:00Z"} {
		d.Exec(t, `insert into usage_event (tenant_id, source, event_id, meter, quantity, at) values ($1, 'test', $2, 'command', 2, $2::text::timestamptz)`, admin.Tenant, at)
		d.Exec(t, `insert into usage_minute (tenant_id, meter, minute, quantity) values ($1, 'api_request', date_trunc('minute', $2::timestamptz), 10)`, admin.Tenant, at)
	}
	d.Exec(t, `insert into usage_event (tenant_id, source, event_id, meter, quantity, at) values ($1, 'test', 'x', 'command', 1000, '2026-02-02')`, other.Tenant)
	s := billing.New(billing.Config{Store: d.DB.Billing()})
	feb, err := billing.Month("2026-02")
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Usage(t.Context(), admin, feb)
	if want := []billing.Usage{{Meter: billing.Command, Quantity: 4}, {Meter: billing.APIRequest, Quantity: 20}, {Meter: billing.LLMTokens}, {Meter: billing.LLMCost}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	empty, err := billing.Month("2025-12")
	if err != nil {
		t.Fatal(err)
	}
	got, err = s.Usage(t.Context(), admin, empty)
	if want := []billing.Usage{{Meter: billing.Command}, {Meter: billing.APIRequest}, {Meter: billing.LLMTokens}, {Meter: billing.LLMCost}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v; want zeros", got, err)
	}
	viewer := storetest.Member(t, d.DB, admin, "vera@acme.test", tenant.Viewer)
	if _, err := s.Usage(t.Context(), viewer, feb); !problem.Is(err, problem.Forbidden) {
		t.Errorf("a viewer: %v", err)
	}
	if _, err := s.Usage(t.Context(), admin, billing.Period{From: feb.To, To: feb.From}); !problem.Is(err, problem.Invalid) {
		t.Errorf("backwards: %v", err)
	}
}

func TestMonthIsHalfOpenAndWrittenOneWay(t *testing.T) {
	t.Parallel()
	p, err := billing.Month("2026-12")
	if err != nil || !p.From.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) || !p.To.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, s := range []string{"", "2026", "2026-13", "2026-1", "26-01", "2026-01-01"} {
		if _, err := billing.Month(s); !problem.Is(err, problem.Invalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

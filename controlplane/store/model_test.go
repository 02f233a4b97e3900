package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/assist"
	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
)

func TestADaysBudgetHoldsWhoeverAsksAtOnce(t *testing.T) {
	t.Parallel()
	d := storetest.New(t)
	acme, other := storetest.Tenant(t, d.DB, "acme"), storetest.Tenant(t, d.DB, "other")
	models := d.DB.Models()
	if _, err := models.SetModel(t.Context(), acme, settings.Stored{Settings: settings.Settings{Provider: settings.OpenAI, Model: "m", DayTokens: 1000}}); err != nil {
		t.Fatal(err)
	}
	call := assist.Call{ID: "c", Input: 90, Output: 10, CostMicros: 5}
	var wg sync.WaitGroup
	results := make(chan error, 20) // one for each
	for range 20 {
		wg.Go(func() { results <- models.Reserve(t.Context(), acme, call) })
	}
	wg.Wait()
	close(results)
	taken := 0
	for err := range results {
		switch {
		case err == nil:
			taken++
		case !problem.Is(err, problem.Limited):
			t.Error(err)
		}
	}
	if taken != 10 {
		t.Errorf("%d calls of 100 tokens fit into 1000", taken)
	}
	if err := models.Reserve(t.Context(), other, call); err != nil {
		t.Errorf("another tenant, without a limit: %v", err)
	}
}

func TestACallIsSettledAndCountedOnce(t *testing.T) {
	t.Parallel()
	d := storetest.New(t)
	acme := storetest.Tenant(t, d.DB, "acme")
	models := d.DB.Models()
	call := assist.Call{ID: "c1", Input: 90, Output: 10, CostMicros: 50}
	if err := models.Reserve(t.Context(), acme, call); err != nil {
		t.Fatal(err)
	}
	used := assist.Call{ID: "c1", Input: 30, Output: 4, CostMicros: 20, ReservedTokens: 100, ReservedCost: 50}
	b, err := models.Settle(t.Context(), acme, used)
	if err != nil || b != (assist.Budget{Used: 34}) {
		t.Errorf("%+v, %v", b, err)
	}
	used.ReservedTokens, used.ReservedCost = 34, 20
	if _, err := models.Settle(t.Context(), acme, used); err != nil { // once more
		t.Fatal(err)
	}
	month, err := billing.Month(time.Now().UTC().Format("2006-01"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := billing.New(billing.Config{Store: d.DB.Billing()}).Usage(t.Context(), acme, month)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range got {
		if want := map[billing.Meter]int64{billing.LLMTokens: 34, billing.LLMCost: 20}[u.Meter]; u.Quantity != want {
			t.Errorf("%s: %d, want %d", u.Meter, u.Quantity, want)
		}
	}
}

package gateway_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/tunnel"
)

func TestRequestsAreRefusedWhileNodeHasNoRoom(t *testing.T) {
	t.Parallel()
	budget, metrics := tunnel.NewBudget(1<<20), prometheus.NewRegistry()
	r := newRig(t, func(c *gateway.Config) { c.Budget, c.Metrics, c.WaitSession = budget, metrics, patience })
	c, _ := r.connected(t, "prod", hello)
	if body, err := r.get(t.Context(), r.admin, c.ID, "/a"); err != nil || body != "/a" {
		t.Fatalf("with room: %q, %v", body, err)
	}

	budget.Take(1 << 20) // of others' sessions
	if got := gauge(t, metrics, "kubechat_gateway_buffered_bytes"); got < 1<<20 {
		t.Errorf("%v bytes are shown as reserved", got)
	}
	if got := gauge(t, metrics, "kubechat_gateway_buffered_limit_bytes"); got != 1<<20 {
		t.Errorf("%v bytes are shown as the limit", got)
	}
	_, err := r.get(t.Context(), r.admin, c.ID, "/a")
	if p := problem.As(err); p.Kind != problem.Limited || p.Code != "overloaded" || p.RetryAfter < time.Second {
		t.Errorf("without room: %v (%+v)", err, p)
	}

	budget.Release(1 << 20)
	if body, err := r.get(t.Context(), r.admin, c.ID, "/a"); err != nil || body != "/a" {
		t.Errorf("with room again: %q, %v", body, err)
	}
}

func gauge(t *testing.T, reg prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

package telemetry

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Health knows whether this process is alive and whether it wants traffic.
type Health struct {
	mu       sync.Mutex // guards the rest
	checks   map[string]func(context.Context) error
	draining bool
}

// NewHealth has no checks and wants traffic.
func NewHealth() *Health { return &Health{checks: map[string]func(context.Context) error{}} }

// Require adds a part without which this process wants no traffic.
func (h *Health) Require(part string, check func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[part] = check
}

// Drain makes the process unready for good: it is about to stop.
func (h *Health) Drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}

// readyWithin bounds all checks together, below the period of any sensible prober.
const readyWithin = 2 * time.Second

// Ready tells, by name, which parts are not well. Empty means that traffic is wanted.
func (h *Health) Ready(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	h.mu.Lock()
	checks := make(map[string]func(context.Context) error, len(h.checks))
	for part, check := range h.checks {
		checks[part] = check
	}
	draining := h.draining
	h.mu.Unlock()

	failing := map[string]string{}
	if draining {
		failing["process"] = "draining"
	}
	for part, check := range checks {
		if err := check(ctx); err != nil {
			failing[part] = Redact(err.Error())
		}
	}
	return failing
}

// ServeLive answers 200 while the process can answer at all.
func (h *Health) ServeLive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// ServeReady answers 200 when traffic is wanted, else 503. Which part is not well is told only where detail is set:
// on the operators' listener, never on the customers'.
func (h *Health) ServeReady(detail bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		failing := h.Ready(r.Context())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		answer := map[string]any{"ready": len(failing) == 0}
		if detail && len(failing) > 0 {
			answer["failing"] = failing
		}
		if len(failing) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// OpsHandler is what operators and probes see: health in detail and the metrics.
func (t *Telemetry) OpsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", t.Health.ServeLive)
	mux.HandleFunc("GET /readyz", t.Health.ServeReady(true))
	mux.Handle("GET /metrics", promhttp.HandlerFor(t.Registry, promhttp.HandlerOpts{Registry: t.Registry}))
	return mux
}

package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubechat/kubechat/controlplane/problem"
)

type requestIDKey struct{}

// RequestID names the request that ctx belongs to; empty outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// WithRequestID names the request that ctx belongs to.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestIDHeader carries the request's id: in the answer, and to the handlers behind this package.
const RequestIDHeader = "X-Request-Id"

func newRequestID() string { return uuid.Must(uuid.NewV7()).String() }

// withRequestID gives every request an id of ours. A caller's own is not taken: it would let one caller write under
// another's in the audit.
func (a *API) withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := a.newID()
		r = r.WithContext(WithRequestID(r.Context(), id))
		r.Header.Set(RequestIDHeader, id)
		w.Header().Set(RequestIDHeader, id)
		next.ServeHTTP(w, r)
	})
}

type metrics struct {
	duration *prometheus.HistogramVec
	streams  prometheus.Gauge
	limited  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kubechat_http_request_duration_seconds", Help: "Time to answer, by route; streams are not in it.",
			Buckets: []float64{.005, .01, .025, .05, .1, .3, 1, 3, 10},
		}, []string{"route", "method", "code"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kubechat_sse_clients", Help: "Event streams open now.",
		}),
		limited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "kubechat_ratelimit_denied_total", Help: "Requests answered 429 by the limit per login.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.duration, m.streams, m.limited)
	}
	return m
}

// withLog writes one line for each request of the API, counts it, and turns a panic into a problem.
func (a *API) withLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
					panic(v)
				}
				a.log.ErrorContext(r.Context(), "request panicked", "request", RequestID(r.Context()), "panic", v,
					"stack", string(debug.Stack()))
				if ww.Status() == 0 {
					writeProblem(ww, newProblem(r.Context(), problem.New(problem.Internal, "Something went wrong on our side.")))
				}
			}
			a.record(r, ww, time.Since(began))
		}()
		next.ServeHTTP(ww, r)
	})
}

// record names the route by its pattern: a path would make one series per tenant, and put ids into logs.
func (a *API) record(r *http.Request, ww middleware.WrapResponseWriter, took time.Duration) {
	route := "other"
	if rc := chi.RouteContext(r.Context()); rc != nil && rc.RoutePattern() != "" {
		route = rc.RoutePattern()
	}
	status := ww.Status()
	if status == 0 {
		status = http.StatusOK
	}
	if ww.Header().Get("Content-Type") != eventStream {
		a.metrics.duration.WithLabelValues(route, r.Method, strconv.Itoa(status)).Observe(took.Seconds())
	}
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	a.log.Log(r.Context(), level, "request answered", "route", route, "method", r.Method, "status", status, "took", took,
		"bytes", ww.BytesWritten(), "request", RequestID(r.Context()))
}

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

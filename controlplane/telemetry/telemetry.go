// Package telemetry is how the service is seen from outside: logs that never hold a secret, a metrics registry, and
// the health of its parts, served on an operator's listener that is not the customers'. What is counted is decided
// by the package that counts; this one only collects. Start at New.
package telemetry

import (
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Config says where logs go and what the process calls itself.
type Config struct {
	Output  io.Writer  // where log lines go; nil discards them
	Level   slog.Level // the lowest level written
	JSON    bool       // one JSON object per line instead of text for people
	Version string     // of the program, for the build_info metric
	Replica string     // this replica's id, on every line; may be empty
}

// Telemetry holds what the parts of one process report to.
type Telemetry struct {
	Log      *slog.Logger
	Registry *prometheus.Registry
	Health   *Health
}

// New builds the telemetry of one process. It starts nothing.
func New(cfg Config) *Telemetry {
	out := cfg.Output
	if out == nil {
		out = io.Discard
	}
	log := NewLogger(out, cfg.Level, cfg.JSON)
	if cfg.Replica != "" {
		log = log.With("replica", cfg.Replica)
	}
	reg := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "kubechat_build_info",
		Help:        "Always 1; the version is its label.",
		ConstLabels: prometheus.Labels{"version": cfg.Version},
	})
	build.Set(1)
	reg.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Telemetry{Log: log, Registry: reg, Health: NewHealth()}
}

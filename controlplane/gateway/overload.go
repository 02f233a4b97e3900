package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/tunnel"
)

// overload is what a request is told that no session takes for want of room: here, where all sessions of this process
// share one budget, or in its own session or agent.
func (g *Gateway) overload(last error) error {
	if g.cfg.Budget.Full() {
		return problem.New(problem.Limited, "KubeChat holds more answers than it has room for, which nobody has read yet.").WithCode("overloaded").
			WithFix("Try again in a moment.").WithRetryAfter(2 * time.Second).WithCause(last)
	}
	return problem.New(problem.Limited, "The cluster's agent has too many requests in flight.").WithCode("agent_overloaded").
		WithFix("End some watches, logs or shells.").WithRetryAfter(time.Second).WithCause(last)
}

// meterBudget counts what is reserved of the budget, and how large it is; without one both are zero.
func meterBudget(reg prometheus.Registerer, b *tunnel.Budget) {
	if reg == nil {
		return
	}
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "kubechat_gateway_buffered_bytes",
			Help: "Bytes of tunnels' answers that are reserved: received and not read yet, or promised room."},
			func() float64 { return float64(b.Used()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "kubechat_gateway_buffered_limit_bytes",
			Help: "How many may be; beyond it requests are answered with 429."},
			func() float64 { return float64(b.Limit()) }))
}

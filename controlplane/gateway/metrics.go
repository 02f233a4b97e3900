package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What is counted here. Labels are small sets, never tenants or clusters.
var (
	sessionsOpts = prometheus.GaugeOpts{
		Name: "kubechat_gateway_sessions", Help: "Live tunnel sessions on this replica."}
	connectionsOpts = prometheus.CounterOpts{
		Name: "kubechat_gateway_connections_total", Help: "Connections to the tunnel port, by how they ended up."}
	requestsOpts = prometheus.CounterOpts{
		Name: "kubechat_gateway_requests_total", Help: "Requests to clusters, by door and by what became of them."}
	openOpts = prometheus.HistogramOpts{
		Name: "kubechat_gateway_open_seconds", Help: "From a request to its accepted stream, waiting for a session included.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1, 5}}
	streamsOpts = prometheus.GaugeOpts{
		Name: "kubechat_gateway_streams", Help: "Requests in flight to clusters."}
	hopsOpts = prometheus.CounterOpts{
		Name: "kubechat_gateway_hops_total", Help: "Requests that another replica passed on to a session here, by end."}
	agentCallsOpts = prometheus.CounterOpts{
		Name: "kubechat_gateway_agent_calls_total", Help: "Enrolments, renewals and questions about trust, by result."}
	refusedHellosOpts = prometheus.CounterOpts{
		Name: "kubechat_gateway_refused_hellos_total", Help: "Sessions refused for who opened them, by reason. Alert on any locked or forged."}
)

// The doors a request comes through, and what becomes of it.
const (
	doorKubectl = "kubectl"
	doorService = "service"

	endAnswered     = "answered"
	endDisconnected = "disconnected" // not sent
	endLost         = "lost"         // sent, and no answer
)

type meter struct {
	sessions    prometheus.Gauge
	streams     prometheus.Gauge
	connections *prometheus.CounterVec
	requests    *prometheus.CounterVec
	agentCalls  *prometheus.CounterVec

	refusedHellos *prometheus.CounterVec
	hops          *prometheus.CounterVec
	open          prometheus.Histogram
}

func newMeter(reg prometheus.Registerer) *meter {
	m := &meter{
		sessions: prometheus.NewGauge(sessionsOpts), streams: prometheus.NewGauge(streamsOpts),
		connections: prometheus.NewCounterVec(connectionsOpts, []string{"end"}),
		requests:    prometheus.NewCounterVec(requestsOpts, []string{"door", "end"}),
		agentCalls:  prometheus.NewCounterVec(agentCallsOpts, []string{"call", "result"}),
		hops:        prometheus.NewCounterVec(hopsOpts, []string{"end"}),
		open:        prometheus.NewHistogram(openOpts),

		refusedHellos: prometheus.NewCounterVec(refusedHellosOpts, []string{"reason"}),
	}
	if reg != nil {
		reg.MustRegister(m.sessions, m.streams, m.connections, m.requests, m.agentCalls, m.refusedHellos, m.hops, m.open)
	}
	return m
}

func (m *meter) opened(start time.Time) { m.open.Observe(time.Since(start).Seconds()) }

package agent

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// meters are the agent's metrics. The text format is written by hand: the usual library would be a fifth of the
// binary for ten numbers.
type meters struct {
	mu       sync.Mutex // guards the rest
	requests map[requestLabels]int
	seconds  map[float64]int // upper bound -> how many answers took no longer, streams left out
	total    float64
	count    int
	ups      map[dialer.Transport]int // sessions that came up
	failures int                      // attempts and sessions that failed
}

type requestLabels struct {
	verb    string
	code    int
	refused bool
}

var secondsBounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

func newMeters() *meters {
	return &meters{requests: map[requestLabels]int{}, seconds: map[float64]int{}, ups: map[dialer.Transport]int{dialer.TLS: 0}}
}

func (m *meters) observe(o kubeproxy.Observation) {
	verb := o.Info.Verb
	switch verb {
	case "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection":
	default:
		verb = "other"
	}
	streams := o.Info.Upgrade || verb == "watch" || o.Info.Subresource == "log"
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[requestLabels{verb, o.Code, o.Refused}]++
	if streams {
		return
	}
	took := o.Duration.Seconds()
	m.total += took
	m.count++
	for _, bound := range secondsBounds {
		if took <= bound {
			m.seconds[bound]++
		}
	}
}

func (m *meters) slot(s dialer.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch s.Phase {
	case dialer.Up:
		m.ups[cmp.Or(dialer.TransportOf(s.Session), dialer.TLS)]++
	case dialer.Waiting:
		m.failures++
	}
}

func (m *meters) write(w io.Writer, version string, policyValid bool, s *status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ready, _ := s.ready()
	metric(w, "kubechat_agent_info", "gauge", "The program's version.")
	fmt.Fprintf(w, "kubechat_agent_info{version=%q} 1\n", version)
	metric(w, "kubechat_agent_ready", "gauge", "1 while a session with the control plane is up.")
	fmt.Fprintf(w, "kubechat_agent_ready %d\n", number(ready))
	metric(w, "kubechat_agent_policy_valid", "gauge", "0 while the local policy can't be used and everything is refused.")
	fmt.Fprintf(w, "kubechat_agent_policy_valid %d\n", number(policyValid))
	metric(w, "kubechat_agent_sessions_total", "counter", "Sessions that came up, by transport, and attempts or sessions that failed.")
	fmt.Fprintf(w, "kubechat_agent_sessions_total{result=\"failed\",transport=\"\"} %d\n", m.failures)
	for _, transport := range slices.Sorted(maps.Keys(m.ups)) {
		fmt.Fprintf(w, "kubechat_agent_sessions_total{result=\"up\",transport=%q} %d\n", transport, m.ups[transport])
	}
	metric(w, "kubechat_agent_requests_total", "counter", "Requests served; refused is true if by the agent itself.")
	for _, l := range slices.SortedFunc(maps.Keys(m.requests), requestLabels.compare) {
		fmt.Fprintf(w, "kubechat_agent_requests_total{verb=%q,code=\"%d\",refused=\"%t\"} %d\n", l.verb, l.code, l.refused, m.requests[l])
	}
	metric(w, "kubechat_agent_request_seconds", "histogram", "From a request's arrival to the end of its answer, streams left out.")
	for _, bound := range secondsBounds {
		fmt.Fprintf(w, "kubechat_agent_request_seconds_bucket{le=%q} %d\n", strconv.FormatFloat(bound, 'g', -1, 64), m.seconds[bound])
	}
	fmt.Fprintf(w, "kubechat_agent_request_seconds_bucket{le=\"+Inf\"} %d\n", m.count)
	fmt.Fprintf(w, "kubechat_agent_request_seconds_sum %g\nkubechat_agent_request_seconds_count %d\n", m.total, m.count)
}

func metric(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (l requestLabels) compare(o requestLabels) int {
	return cmp.Or(strings.Compare(l.verb, o.verb), cmp.Compare(l.code, o.code), cmp.Compare(number(l.refused), number(o.refused)))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

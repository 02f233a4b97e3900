package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/agent/kubereq"
)

func TestMetricsCountRequestsByFewLabels(t *testing.T) {
	t.Parallel()
	m := newMeters()
	for _, verb := range []string{"get", "get", "drop table", "watch"} {
		m.observe(kubeproxy.Observation{Info: kubereq.Info{Verb: verb, Name: "secret-name"}, Code: 200, Duration: 7 * time.Millisecond})
	}
	m.observe(kubeproxy.Observation{Info: kubereq.Info{Verb: "get"}, Code: 403, Refused: true})
	var b strings.Builder
	m.write(&b, "1.2.3", false, newStatus())
	for _, line := range []string{
		`kubechat_agent_info{version="1.2.3"} 1`, "kubechat_agent_ready 0", "kubechat_agent_policy_valid 0",
		`kubechat_agent_requests_total{verb="get",code="200",refused="false"} 2`, `kubechat_agent_requests_total{verb="get",code="403",refused="true"} 1`,
		`kubechat_agent_requests_total{verb="other",code="200",refused="false"} 1`, `kubechat_agent_request_seconds_bucket{le="0.005"} 1`,
		`kubechat_agent_request_seconds_bucket{le="0.01"} 4`, `kubechat_agent_request_seconds_bucket{le="+Inf"} 4`, "kubechat_agent_request_seconds_count 4",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("%s is missing in\n%s", line, b.String())
		}
	}
	if strings.Contains(b.String(), "secret-name") || strings.Contains(b.String(), "drop") {
		t.Error("labels hold what requests hold")
	}
}

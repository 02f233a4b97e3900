// Package storm kills every replica of kubechatd while thousands of agents hold tunnels to them, starts one, and looks
// how soon all are back and what somebody else's requests meanwhile cost. The agents are simulated, many to a process:
// the real dialer and tunnel, identities enrolled through the plane's own API, and a handler in place of a Kubernetes.
// Bounded in `make test`; KUBECHAT_SOAK gives it its full size, KUBECHAT_STORM another number of agents.
package storm

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// herdVar makes this test's program a process of simulated agents.
const herdVar = "KUBECHAT_STORM_HERD"

func TestMain(m *testing.M) {
	if os.Getenv(herdVar) == "" {
		os.Exit(m.Run())
	}
	if err := herd(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "simulated agents:", err)
		os.Exit(1)
	}
}

// size is how large a storm is, and what is asked of the plane in it.
type size struct {
	agents, processes int
	back              time.Duration // within which all are back, once the replica is ready
	worse             float64       // the control tenant's p99 against its idle one, at most
	fine              time.Duration // a p99 that is good enough whatever it was
	idle              time.Duration // for which that is measured
}

// bounded leaves everything else on the machine ten times the time: nothing is measured by it.
var bounded = size{agents: 200, processes: 2, back: 300 * time.Second, worse: 20, fine: time.Second, idle: 3 * time.Second}

func sizeOf(t *testing.T) size {
	t.Helper()
	s := bounded
	if os.Getenv("KUBECHAT_SOAK") != "" {
		s = size{agents: 5000, processes: 2, back: 30 * time.Second, worse: 2, idle: 20 * time.Second}
	}
	if text := os.Getenv("KUBECHAT_STORM"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("KUBECHAT_STORM: %v", err)
		}
		s.agents = n
	}
	return s
}

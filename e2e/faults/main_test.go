// Package faults breaks the network between agents and control plane in every way that docs/faults.md lists, under each
// kind of load, and holds against it how soon a fault is found, what a client is told, that nothing is left behind, and
// that no watch misses a change. The rig is e2e/rig's: real gateways, real agents, real TLS on loopback.
//
// Most rows wait: they all run at once. Durations are the real ones except where a row says so; KUBECHAT_SOAK=DURATION
// (make soak) runs the rows again and again for that long, with the long forms of those that have one.
package faults

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
)

// What the design promises, and what a machine busy with all rows at once may add to it.
const (
	idleBar    = 25 * time.Second // until a fault is found that nothing else shows
	waitingBar = 5 * time.Second  // until a request that was not accepted goes another way
	slack      = 3 * time.Second
	atOnce     = 3 * time.Second // what needs no timer
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "24"); err != nil { // rows wait for most of their time
		panic(err)
	}
	rig.Main(m)
}

// soak is how long the rows are repeated; 0 is the bounded form.
func soak() time.Duration {
	d, err := time.ParseDuration(os.Getenv("KUBECHAT_SOAK"))
	if err != nil {
		return 0
	}
	return d
}

// long is d in a soak, and bounded otherwise.
func long(d, bounded time.Duration) time.Duration {
	if soak() > 0 {
		return d
	}
	return bounded
}

package storm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel/dialer"
)

// TestAllAgentsAreBackAfterEveryReplicaWasKilled is a region's worst moment: no replica is left, no session was drained,
// and one replica comes back for all of them.
func TestAllAgentsAreBackAfterEveryReplicaWasKilled(t *testing.T) {
	s := sizeOf(t)
	p := newPlane(t, 2)
	c := p.control()
	began := time.Now()
	h := startHerds(t, p.organisation("herd", 1+s.agents/100), s)
	t.Logf("joined after %.1fs", time.Since(began).Seconds())
	eventually(t, 3*time.Minute, "every agent has a session", func() bool {
		n, _, _ := h.back(time.Time{})
		return n == s.agents && c.up.Load()
	})

	t.Logf("all up after %.1fs", time.Since(began).Seconds())

	c.measure(t.Context(), time.Second) // caches are warm after it
	idle := c.measure(t.Context(), s.idle)
	for _, r := range p.replicas {
		_ = r.cmd.Process.Kill()
	}
	for _, r := range p.replicas {
		<-r.ended
	}
	h.forget()
	killed, one := time.Now(), p.replicas[0]
	one.start()
	one.awaitReady()
	ready := time.Now()

	meanwhile, stop := context.WithCancel(t.Context())
	defer stop()
	var storm timings
	var measuring sync.WaitGroup
	measuring.Go(func() {
		c.awaitUp(meanwhile, killed)
		storm = c.measure(meanwhile, 4*s.back)
	})
	n := 0
	for began := time.Now(); n < s.agents && time.Since(began) < 4*s.back; { // those who come too late are counted, too
		<-time.After(50 * time.Millisecond)
		n, _, _ = h.back(killed)
	}
	stop()
	measuring.Wait()

	_, first, last := h.back(killed)
	used, took := one.cpu(), last.Sub(first)
	load, _ := os.ReadFile("/proc/loadavg")
	t.Logf("%d agents at a load of %.5s: ready %.2fs after the kill, the last HELLO %.2fs after that; %.0f handshakes/s over %.2fs; CPU of the replica since its start %.2fs, %.2f ms each; %d descriptors",
		s.agents, load, ready.Sub(killed).Seconds(), last.Sub(ready).Seconds(), float64(s.agents)/took.Seconds(), took.Seconds(),
		used.Seconds(), float64(used.Milliseconds())/float64(s.agents), one.descriptors())
	if n < s.agents {
		t.Errorf("%d of %d agents came back", n, s.agents)
	}
	t.Logf("failed attempts:%s", h.troubles())
	t.Logf("10,000 agents at this rate: %.1fs", 10_000/float64(s.agents)*took.Seconds())
	t.Logf("the control tenant: idle %s; in the storm %s", idle, storm)
	if late := last.Sub(ready); late > s.back {
		t.Errorf("the last HELLO was finished %s after the replica was ready, want %s", late, s.back)
	}
	if storm.failed != nil {
		t.Errorf("a request of the control tenant failed: %v", storm.failed)
	}
	if a, b := storm.at(0.99), idle.at(0.99); a > s.fine && float64(a) > s.worse*float64(b) {
		t.Errorf("the control tenant's p99 was %s, idle %s: want at most %g times", a, b, s.worse)
	}
}

// control is a tenant with one cluster, whose requests are measured.
type control struct {
	*organisation
	url   string
	up    atomic.Bool
	since atomic.Int64 // when it was last up, in nanoseconds
}

func (p *plane) control() *control {
	p.t.Helper()
	c := &control{organisation: p.organisation("control", 1)}
	cluster, a, err := c.join(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := c.call(p.t.Context(), http.MethodPut, "/clusters/"+cluster+"/groups/"+string(c.admin.Member), map[string]string{"group": "viewer"}, nil); err != nil {
		p.t.Fatal(err)
	}
	c.url = fmt.Sprintf("http://%s/t/control/clusters/%s/k8s/api/v1/namespaces/default/configmaps/weather", p.replicas[0].webAt, cluster)
	a.Number = 0 // it dials the first replica first
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.t.Context()))
	ended := make(chan error, 1)
	go func() {
		// It is back among the first: what is measured is the storm, not its own place in it.
		ended <- a.run(ctx, dialer.Config{BackoffBase: 20 * time.Millisecond, BackoffMax: 100 * time.Millisecond}, func(e event) {
			c.up.Store(e.Up)
			if e.Up {
				c.since.Store(e.At.UnixNano())
			}
		})
	}()
	p.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
	})
	return c
}

// awaitUp waits for a session made after a moment.
func (c *control) awaitUp(ctx context.Context, since time.Time) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.since.Load() <= since.UnixNano() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// timings are what requests took.
type timings struct {
	took   []time.Duration // sorted
	slow   []string        // when, and how long, those of over 20 ms
	failed error           // of the first that was not answered
}

func (t timings) at(q float64) time.Duration {
	if len(t.took) == 0 {
		return 0
	}
	return t.took[int(q*float64(len(t.took)-1))]
}

// String is for the log.
func (t timings) String() string {
	return fmt.Sprintf("p50 %s, p99 %s of %d requests, slow ones %v", t.at(0.5).Round(10*time.Microsecond), t.at(0.99).Round(10*time.Microsecond), len(t.took), t.slow)
}

// measure sends a request each 10 ms until ctx ends, or the time is over.
func (c *control) measure(ctx context.Context, lasts time.Duration) (t timings) {
	start, over := time.Now(), time.NewTimer(lasts)
	defer over.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			began := time.Now()
			if err := c.ask(); err != nil {
				t.failed = errors.Join(t.failed, err)
				continue
			}
			took := time.Since(began)
			t.took = append(t.took, took)
			if took > 20*time.Millisecond && len(t.slow) < 20 {
				t.slow = append(t.slow, fmt.Sprintf("%.2fs: %dms", began.Sub(start).Seconds(), took.Milliseconds()))
			}
			continue
		case <-over.C:
		case <-ctx.Done():
		}
		slices.Sort(t.took)
		return t
	}
}

// ask sends one request. It is let finish when the storm is over.
func (c *control) ask() error {
	req, err := http.NewRequestWithContext(context.WithoutCancel(c.t.Context()), http.MethodGet, c.url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.tokens[0])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, text)
	}
	return err
}

package faults

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
)

// steady reads every 50 ms, as many at once as it takes, and keeps what went wrong.
type steady struct {
	tasks sync.WaitGroup

	mu      sync.Mutex // guards the rest
	n       int
	failed  []string
	longest time.Duration
}

// reads begins one; stop waits for the reads under way and fails the test if one of them did.
func reads(t *testing.T, c *rig.Client) (s *steady, stop func()) {
	t.Helper()
	s = &steady{}
	ctx, cancel := context.WithCancel(t.Context())
	s.tasks.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				s.tasks.Go(func() { s.once(t.Context(), c) })
			}
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		s.tasks.Wait()
		if len(s.failed) > 0 {
			t.Errorf("%d of %d reads failed: %s", len(s.failed), s.n, s.failed[0])
		}
	})
	t.Cleanup(stop)
	return s, stop
}

func (s *steady) once(ctx context.Context, c *rig.Client) {
	began := time.Now()
	a, err := c.Get(ctx, rig.Pods+"/cart")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.longest = max(s.longest, time.Since(began))
	if err != nil || a.Code != http.StatusOK {
		s.failed = append(s.failed, fmt.Sprintf("after %s: %d %s, %v", time.Since(began).Round(time.Millisecond), a.Code, a.Body, err))
	}
}

// count is how many there were, and how long the longest took.
func (s *steady) count() (int, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.longest
}

// more waits for so many further reads.
func (s *steady) more(t *testing.T, n int) {
	t.Helper()
	before, _ := s.count()
	rig.Eventually(t, 2*idleBar, "reads go on", func() bool { now, _ := s.count(); return now >= before+n })
}

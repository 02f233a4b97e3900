package tunnel_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

const unasked = `{"n":0}`

func TestIdlePlaneSpeaksInTicks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(77 * time.Millisecond) // to be between two
		h, _ := withPlane(t, tunnel.Config{})
		said, seen := time.Now(), map[time.Duration]bool{}
		for range 50 {
			if body := h.want(pong); body != unasked {
				t.Fatalf("PONG %s", body)
			}
			h.send(pong, unasked)
			now := time.Now()
			if now.UnixNano()%int64(250*time.Millisecond) != 0 {
				t.Errorf("spoke at %s, which other sessions do not", now)
			}
			after := now.Sub(said)
			if after < 12*time.Second || after > 12750*time.Millisecond {
				t.Errorf("spoke after %s, want 12s to 12.75s", after)
			}
			said, seen[after] = now, true
		}
		if len(seen) < 2 {
			t.Errorf("always after %v: sessions made together speak together for ever", seen)
		}
	})
}

func TestAgentAnswersTheSilenceItIsToldOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := withAgent(t, tunnel.Config{})
		for range 20 {
			time.Sleep(12 * time.Second)
			asked := time.Now()
			h.send(pong, unasked)
			h.want(pong)
			if took := time.Since(asked); took != 0 {
				t.Errorf("answered after %s: it waited for a moment of its own", took)
			}
			h.send(pong, unasked) // it has just spoken
		}
		left := time.Now()
		if h.want(pong); time.Since(left) < 12750*time.Millisecond || time.Since(left) > 13500*time.Millisecond {
			t.Errorf("left alone it spoke after %s, want 12.75s to 13.5s", time.Since(left))
		}
	})
}

// TestIdleSessionSaysOneWordEachWay holds the price of an idle session: with both ends of this version nobody speaks
// twice in a round, and nobody asks.
func TestIdleSessionSaysOneWordEachWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		plane, _ := withPlane(t, tunnel.Config{})
		agent, _ := withAgent(t, tunnel.Config{})
		const rounds = 290 // an hour
		pass := func(from, to *byHand) {
			for range rounds {
				from.want(pong)
				to.send(pong, unasked)
			}
		}
		done := make(chan struct{})
		began := time.Now()
		go func() {
			defer close(done)
			pass(agent, plane)
		}()
		pass(plane, agent)
		<-done
		if took := time.Since(began); took < rounds*12*time.Second || took > rounds*12750*time.Millisecond {
			t.Errorf("%d words each way in %s, want one in 12s to 12.75s", rounds, took)
		}
	})
}

func TestAgentOfBeforeIsHeardAsItWas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := withPlane(t, tunnel.Config{})
		done := make(chan struct{})
		defer func() { <-done }()
		go func() { // speaks at moments of its own only
			defer close(done)
			for range 270 {
				time.Sleep(13500 * time.Millisecond)
				h.send(pong, unasked)
			}
		}()
		for range 250 {
			last := time.Now()
			h.want(pong)
			if quiet := time.Since(last); quiet > 13500*time.Millisecond {
				t.Errorf("nothing said for %s", quiet)
			}
		}
		if s.Cause() != nil {
			t.Error(s.Cause())
		}
	})
}

func TestStalledReaderIsFoundWhereTheTimerNeverRings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := tunneltest.Connect(t, tunneltest.Memory(t), tunnel.Config{}, tunnel.Config{})
		time.Sleep(10 * time.Minute) // the plane leads, the agent answers
		plane, agent := stream(t, r)
		start := time.Now()
		if _, err := agent.Write(make([]byte, 1<<20)); err == nil {
			t.Error("nobody read, and all of it was written")
		}
		if took := time.Since(start); took < time.Minute || took > 75*time.Second {
			t.Errorf("it took %s, want 60s to 75s", took)
		}
		plane.Close()
		agent.Close()
		synctest.Wait()
	})
}

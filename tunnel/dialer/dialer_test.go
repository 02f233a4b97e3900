package dialer_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// fleet is the control plane's side of every session dialled, and when each attempt came.
type fleet struct {
	t      *testing.T
	mu     sync.Mutex // guards what follows
	refuse error      // what Dial fails with
	dials  []time.Time
	planes []tunnel.Session
	states []dialer.State
}

func newFleet(t *testing.T) *fleet { return &fleet{t: t} }

func (f *fleet) dial(ctx context.Context) (tunnel.Session, error) {
	f.mu.Lock()
	f.dials = append(f.dials, time.Now())
	refuse := f.refuse
	f.mu.Unlock()
	if refuse != nil {
		return nil, refuse
	}
	agent, plane := tunneltest.Pair(f.t, tunnel.Config{}, tunnel.Config{})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.planes = append(f.planes, plane)
	return agent, nil
}

func (f *fleet) failWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = err
}

func (f *fleet) note(s dialer.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.states = append(f.states, s)
}

// live are the planes of the sessions that are up.
func (f *fleet) live() (up []tunnel.Session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.planes {
		if s.Cause() == nil {
			up = append(up, s)
		}
	}
	return up
}

// gaps are the times between one dial and the next.
func (f *fleet) gaps() (gaps []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := 1; i < len(f.dials); i++ {
		gaps = append(gaps, f.dials[i].Sub(f.dials[i-1]))
	}
	return gaps
}

// untilEnd is the plainest Serve.
func untilEnd(ctx context.Context, s tunnel.Session) error {
	select {
	case <-s.Done():
	case <-ctx.Done():
	}
	return nil
}

// longest makes the jitter choose the longest wait.
func longest() float64 { return math.Nextafter(1, 0) }

// run starts the dialer in a bubble; stop ends it and waits.
func (f *fleet) run(cfg dialer.Config) (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	if cfg.Dial == nil {
		cfg.Dial = f.dial
	}
	if cfg.Serve == nil {
		cfg.Serve = untilEnd
	}
	cfg.OnState = f.note
	done := make(chan error)
	go func() { done <- dialer.Run(ctx, cfg) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Errorf("Run: %v", err)
		}
	}
}

func TestKeepsItsSlotsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		stop := f.run(dialer.Config{})
		synctest.Wait()
		if n := len(f.live()); n != 2 {
			t.Fatalf("%d sessions are up, want 2", n)
		}
		f.live()[0].CloseWith(tunnel.ReasonReplaced, "")
		time.Sleep(time.Second)
		if n := len(f.live()); n != 2 {
			t.Errorf("%d sessions are up after one was lost, want 2", n)
		}
		stop()
		if n := len(f.live()); n != 0 {
			t.Errorf("%d sessions outlived Run", n)
		}
		for _, s := range f.planes[1:] {
			var e *tunnel.CloseError
			if !errors.As(s.Cause(), &e) || e.Reason != tunnel.ReasonShutdown || !e.Remote {
				t.Errorf("the plane was told %v", s.Cause())
			}
		}
	})
}

func TestHealthySessionIsRedialledAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		stop := f.run(dialer.Config{Slots: 1, Rand: longest})
		time.Sleep(61 * time.Second)
		f.live()[0].CloseWith(tunnel.ReasonShutdown, "")
		synctest.Wait()
		if n := len(f.live()); n != 1 {
			t.Errorf("%d sessions are up at once, want 1", n)
		}
		stop()
	})
}

func TestBackoffDoublesUpToItsBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.failWith(errors.New("no route"))
		stop := f.run(dialer.Config{Slots: 1, Rand: longest})
		time.Sleep(5 * time.Minute)
		stop()
		want := []float64{0.5, 1, 2, 4, 8, 16, 30, 30, 30}
		gaps := f.gaps()
		if len(gaps) < len(want) {
			t.Fatalf("only %d attempts in five minutes", len(gaps))
		}
		for i, seconds := range want {
			if math.Abs(gaps[i].Seconds()-seconds) > 0.001 {
				t.Errorf("wait %d was %s, want %gs", i, gaps[i], seconds)
			}
		}
	})
}

func TestJitterIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.failWith(errors.New("no route"))
		draws := []float64{0, 0.25, 0.5}
		stop := f.run(dialer.Config{Slots: 1, Rand: func() float64 {
			d := draws[0]
			draws = append(draws[1:], d)
			return d
		}})
		time.Sleep(10 * time.Second)
		stop()
		for i, want := range []time.Duration{0, 250 * time.Millisecond, time.Second} {
			if got := f.gaps()[i]; got != want {
				t.Errorf("wait %d was %s, want %s", i, got, want)
			}
		}
	})
}

func TestFlappingSessionBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		stop := f.run(dialer.Config{Slots: 1, Rand: longest, Serve: func(_ context.Context, s tunnel.Session) error {
			time.Sleep(time.Second) // short of healthy
			return errors.New("broken")
		}})
		time.Sleep(time.Minute)
		stop()
		if n := len(f.gaps()); n > 7 {
			t.Errorf("%d dials in a minute", n)
		}
	})
}

func TestHangingDialIsGivenUpAndHoldsUpNoOtherSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		var once sync.Once
		hung := make(chan error, 1)
		stop := f.run(dialer.Config{Dial: func(ctx context.Context) (tunnel.Session, error) {
			first := false
			once.Do(func() { first = true })
			if first { // a backend that accepts and then says nothing
				<-ctx.Done()
				hung <- context.Cause(ctx)
				return nil, ctx.Err()
			}
			return f.dial(ctx)
		}})
		synctest.Wait()
		if n := len(f.live()); n != 1 {
			t.Errorf("%d sessions beside the hanging dial, want 1", n)
		}
		start := time.Now()
		<-hung
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("the dial was given up after %s", took)
		}
		time.Sleep(time.Second)
		if n := len(f.live()); n != 2 {
			t.Errorf("%d sessions after the retry, want 2", n)
		}
		stop()
	})
}

func TestDrainMakesTheReplacementBeforeItBreaks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		stop := f.run(dialer.Config{Slots: 1})
		synctest.Wait()
		old := f.live()[0]
		if err := old.Drain(t.Context(), tunnel.Drain{ReconnectIn: 10 * time.Second, Deadline: time.Hour}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(9 * time.Second)
		if n := len(f.live()); n != 1 {
			t.Errorf("%d sessions before the time to reconnect, want 1", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(f.live()); n != 2 {
			t.Errorf("%d sessions while draining, want the old one and its replacement", n)
		}
		old.CloseWith(tunnel.ReasonShutdown, "")
		time.Sleep(time.Second)
		if n := len(f.live()); n != 1 {
			t.Errorf("%d sessions after the drain, want 1", n)
		}
		stop()
	})
}

func TestDrainedSessionTheOtherSideForgetsIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		stop := f.run(dialer.Config{Slots: 1})
		synctest.Wait()
		old := f.live()[0]
		if err := old.Drain(t.Context(), tunnel.Drain{Deadline: time.Minute}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		if old.Cause() == nil {
			t.Error("the drained session still lives")
		}
		stop()
	})
}

func TestSessionLostWhileItDrainsIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		stop := f.run(dialer.Config{Slots: 1})
		synctest.Wait()
		old := f.live()[0]
		if err := old.Drain(t.Context(), tunnel.Drain{ReconnectIn: time.Minute, Deadline: time.Hour}); err != nil {
			t.Fatal(err)
		}
		old.CloseWith(tunnel.ReasonShutdown, "")
		synctest.Wait()
		if n := len(f.live()); n != 1 {
			t.Errorf("%d sessions, want the replacement", n)
		}
		stop()
	})
}

func TestRevokedAgentAsksAtTheSlowestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.failWith(&tunnel.CloseError{Reason: tunnel.ReasonRevoked, Remote: true})
		stop := f.run(dialer.Config{Slots: 1, Rand: longest})
		time.Sleep(time.Minute + time.Second)
		stop()
		if n := len(f.gaps()); n != 2 {
			t.Errorf("%d retries in a minute, want 2", n)
		}
	})
}

func TestStatesTellWhatHappens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		why := errors.New("no route")
		f.failWith(why)
		stop := f.run(dialer.Config{Slots: 1, Rand: longest})
		synctest.Wait()
		f.failWith(nil)
		time.Sleep(time.Second)
		stop()
		want := []dialer.Phase{dialer.Dialing, dialer.Waiting, dialer.Dialing, dialer.Up}
		if len(f.states) != len(want) {
			t.Fatalf("states %+v", f.states)
		}
		for i, s := range f.states {
			if s.Phase != want[i] {
				t.Errorf("state %d is %s, want %s", i, s.Phase, want[i])
			}
		}
		if w := f.states[1]; !errors.Is(w.Err, why) || w.Failed != 1 || w.Wait < 499*time.Millisecond {
			t.Errorf("waiting: %+v", w)
		}
	})
}

func TestConfigWithoutItsFunctionsIsAnError(t *testing.T) {
	t.Parallel()
	if err := dialer.Run(t.Context(), dialer.Config{Slots: -1}); err == nil {
		t.Error("it ran")
	}
}

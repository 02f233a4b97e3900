package gateway

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestHandshakesComputeInTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns, ctx := &turns{free: 2}, t.Context()
		var at, most atomic.Int64
		for range 50 {
			go func() {
				if err := turns.take(ctx, false); err != nil {
					t.Error(err)
				}
				defer turns.pass()
				if n := at.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Millisecond) // of the bubble's clock: the computing
				at.Add(-1)
			}()
		}
		time.Sleep(time.Second)
		synctest.Wait() // sleeping alone orders nothing before what is read here
		if most.Load() != 2 || turns.free != 2 {
			t.Errorf("%d at once, and %d turns left, want 2 and 2", most.Load(), turns.free)
		}
	})
}

func TestHandshakesThatHaveBegunComeFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns, ctx := &turns{free: 1}, t.Context()
		if err := turns.take(ctx, false); err != nil {
			t.Fatal(err)
		}
		order := make(chan string, 2)
		wait := func(name string, begun bool) {
			if err := turns.take(ctx, begun); err != nil {
				t.Error(err)
			}
			order <- name
			turns.pass()
		}
		go wait("fresh", false)
		synctest.Wait()
		go wait("begun", true)
		synctest.Wait()
		turns.pass()
		if first := <-order; first != "begun" {
			t.Errorf("%s came first", first)
		}
		<-order
	})
}

func TestHandshakeThatCanNotEndInTimeIsNotBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := &turns{free: 0}
		began := time.Now()
		if err := turns.take(t.Context(), false); err == nil || time.Since(began) != beginWithin {
			t.Errorf("fresh: %v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		if err := turns.take(ctx, true); err == nil || time.Since(began) != time.Minute {
			t.Errorf("begun: %v after %s", err, time.Since(began))
		}
		turns.pass() // to nobody: those two wait no more
		if err := turns.take(t.Context(), false); err != nil || turns.free != 0 {
			t.Errorf("the turn was lost: %v", err)
		}
	})
}

func TestWaitingForTheOtherSideTakesNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := &turns{free: 1}
		var ends []net.Conn
		read := make(chan error, 1)
		for range 100 { // who say nothing
			here, there := net.Pipe()
			ends = append(ends, here, there)
			go (&turned{Conn: here, ctx: t.Context(), turns: turns}).Read(make([]byte, 1))
		}
		here, there := net.Pipe()
		ends = append(ends, here, there)
		c := &turned{Conn: here, ctx: t.Context(), turns: turns}
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		if _, err := there.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := <-read; err != nil || turns.free != 0 || !c.holds {
			t.Errorf("its turn did not come: %v", err)
		}
		if c.end(); turns.free != 1 {
			t.Error("the turn was kept after the end")
		}
		for _, e := range ends {
			e.Close()
		}
	})
}

func TestNewcomersLeaveTheDatabaseToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, answered := make(newcomers, 2), make(chan struct{})
		var asking atomic.Int64
		for range 5 {
			go n.ask(t.Context(), func() error {
				asking.Add(1)
				<-answered
				return nil
			})
		}
		synctest.Wait()
		if asking.Load() != 2 {
			t.Errorf("%d ask at once, want 2", asking.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n.ask(ctx, func() error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a place: %v", err)
		}
		close(answered)
		synctest.Wait()
		if err := n.ask(t.Context(), func() error { return nil }); err != nil || asking.Load() != 5 {
			t.Errorf("%v, and %d have asked", err, asking.Load())
		}
	})
}

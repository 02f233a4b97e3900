package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/kubechat/kubechat/controlplane/problem"
)

// listener asks as the one of signals does, a database that answers unless it hangs.
type listener struct {
	*presence
	answers atomic.Pointer[chan struct{}] // closed while it does not hang
}

func newListener() *listener {
	l := &listener{presence: newPresence()}
	l.hang()
	close(*l.answers.Load())
	return l
}

func (l *listener) hang() {
	c := make(chan struct{})
	l.answers.Store(&c)
}

// runs asks every second, or when somebody doubts, until the test's bubble ends.
func (l *listener) runs(ctx context.Context) {
	for ctx.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, hearing)
		heard := l.hurried(cancel)
		<-wait.Done()
		heard()
		cancel()
		_ = l.prove(answerWithin, func() error { return l.use(ctx) })
	}
}

// use waits for as long as the database hangs.
func (l *listener) use(ctx context.Context) error {
	select {
	case <-*l.answers.Load():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestHangingDatabaseIsSaidToBeAwayWithinASecondWhateverIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := newListener()
		var told atomic.Int32
		l.lost = func(time.Time) { told.Add(1) }
		go l.runs(ctx)
		for range 20 {
			time.Sleep(137 * time.Millisecond)
			if err := l.during(ctx, l.use); err != nil {
				t.Fatal(err)
			}
		}
		l.hang()
		for range 3 {
			began := time.Now()
			err := l.during(ctx, l.use)
			if !problem.Is(err, problem.Unavailable) || !errors.Is(err, errGone) {
				t.Errorf("want the database's absence: %v", err)
			}
			if took := time.Since(began); took > answerWithin+time.Second {
				t.Errorf("it took %s to say so", took)
			}
		}
		began := time.Now()
		_ = l.during(ctx, l.use)
		if time.Since(began) > 0 || told.Load() != 1 {
			t.Errorf("known to be away, it held up its user for %s; told %d times", time.Since(began), told.Load())
		}
		close(*l.answers.Load())
		synctest.Wait()
		if err := l.during(ctx, l.use); err != nil {
			t.Errorf("it answers again: %v", err)
		}
		cancel()
	})
}

func TestSlowStatementIsNoAbsentDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := newListener()
		go l.runs(ctx)
		slow := func(context.Context) error { time.Sleep(30 * time.Second); return ctx.Err() }
		if err := l.during(ctx, slow); err != nil {
			t.Error(err)
		}
		cancel()
	})
}

// TestAnswersToOthersAreSignsOfLife: the listener's own connection may be the only one that is lost.
func TestAnswersToOthersAreSignsOfLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPresence()
		p.lost = func(time.Time) { t.Error("it was called away") }
		never := make(chan struct{})
		asked := make(chan error)
		go func() { asked <- p.prove(answerWithin, func() error { <-never; return errors.New("connection lost") }) }()
		for range 50 {
			time.Sleep(answerWithin / 3)
			if err := p.during(t.Context(), func(context.Context) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		close(never)
		<-asked
	})
}

// TestConnectionThatIsTurnedAwayIsNotTheDatabasesEnd: there may be too many of them, and those that are in go on.
func TestConnectionThatIsTurnedAwayIsNotTheDatabasesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPresence()
		refused := func() error { return p.prove(connectWithin, func() error { return &pgconn.PgError{Code: "53300"} }) }
		if err := p.during(t.Context(), func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		_ = refused()
		if err := p.during(t.Context(), func(context.Context) error { return errors.New("of the statement") }); problem.Is(err, problem.Unavailable) {
			t.Errorf("one connection was turned away: %v", err)
		}
		time.Sleep(connectWithin)
		_ = refused()
		if err := p.during(t.Context(), func(context.Context) error { return nil }); !problem.Is(err, problem.Unavailable) {
			t.Errorf("nobody was let in, and nobody is: %v", err)
		}
	})
}

func TestNobodyIsJudgedWhereNobodyListens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPresence()
		err := p.during(t.Context(), func(context.Context) error { time.Sleep(time.Hour); return nil })
		if err != nil {
			t.Error(err)
		}
	})
}

func TestUseThatItsCallerEndsIsNobodysAbsence(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := newPresence().during(ctx, func(ctx context.Context) error { return ctx.Err() })
	if !errors.Is(err, context.Canceled) || problem.Is(err, problem.Unavailable) {
		t.Error(err)
	}
}

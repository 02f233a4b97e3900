// Package dialer keeps an agent's sessions up: so many at once, redialled with backoff when they end, replaced before
// they end when the other side drains. How to dial and what to do with a session are the caller's. Start at Run.
package dialer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// Phase is what a slot is doing.
type Phase string

// The phases.
const (
	Dialing  Phase = "dialing"  // an attempt is under way
	Up       Phase = "up"       // a session is served
	Draining Phase = "draining" // the other side asked to move away: a replacement comes while the session goes on
	Waiting  Phase = "waiting"  // the last attempt or session failed; the next attempt comes after Wait
)

// State is told to Config.OnState at each change of a slot.
type State struct {
	Slot    int
	Phase   Phase
	Session tunnel.Session // in Up and Draining
	Failed  int            // attempts and short sessions in a row
	Wait    time.Duration  // in Waiting, and in Draining before the replacement is dialled
	Err     error          // in Waiting: what ended the last attempt or session
}

// Config is what Run needs. Dial and Serve must be given.
type Config struct {
	// Dial makes one session. Its ctx ends after DialTimeout, whatever step hangs.
	Dial func(context.Context) (tunnel.Session, error)
	// Serve uses a session until that has ended, and returns then. When its ctx ends it finishes what it can, and
	// returns; the session is closed after it.
	Serve func(context.Context, tunnel.Session) error

	Slots       int           // how many sessions to keep up; 0 is 2
	DialTimeout time.Duration // 0 is 30 s
	BackoffBase time.Duration // 0 is 500 ms
	BackoffMax  time.Duration // 0 is 30 s
	Healthy     time.Duration // a session that lived so long is redialled at once; 0 is 60 s

	// Better, optional, gives a channel that is closed when sessions made until then should be replaced, since there
	// is a better way: Race.Better. The new one is made first.
	Better func() <-chan struct{}

	OnState func(State)    // called from several goroutines; nil is nobody
	Rand    func() float64 // in [0,1); nil is math/rand/v2
	Log     *slog.Logger   // nil discards
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var errs []error
	if c.Dial == nil {
		errs = append(errs, errors.New("dialer: Dial is missing"))
	}
	if c.Serve == nil {
		errs = append(errs, errors.New("dialer: Serve is missing"))
	}
	if c.Slots < 0 {
		errs = append(errs, errors.New("dialer: Slots is negative"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	orElse(&c.Slots, 2)
	orElse(&c.DialTimeout, 30*time.Second)
	orElse(&c.BackoffBase, 500*time.Millisecond)
	orElse(&c.BackoffMax, 30*time.Second)
	orElse(&c.Healthy, time.Minute)
	if c.Better == nil {
		c.Better = func() <-chan struct{} { return nil }
	}
	if c.OnState == nil {
		c.OnState = func(State) {}
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func orElse[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Run keeps the sessions up until ctx ends, and returns when all of them are served to their end and closed. Each slot
// dials on its own: one address that hangs holds up no other.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	var slots sync.WaitGroup
	for i := range cfg.Slots {
		slots.Go(func() { (&slot{cfg: cfg, number: i}).run(ctx) })
	}
	slots.Wait()
	return nil
}

// slot keeps one session up, and beside it those it has replaced.
type slot struct {
	cfg     Config
	number  int
	failed  int
	old     tunnel.Session // to be replaced by the next one; nil is none
	leaving sync.WaitGroup // sessions that drain
}

func (s *slot) run(ctx context.Context) {
	defer s.leaving.Wait()
	for ctx.Err() == nil {
		s.tell(State{Phase: Dialing})
		better := s.cfg.Better() // of before the dial: what is found meanwhile counts
		session, err := s.dial(ctx)
		if err == nil {
			s.retire(ctx)
			err = s.serve(ctx, session, better)
			if err == nil {
				continue // replaced
			}
		} else {
			s.failed++
		}
		if ctx.Err() == nil {
			s.wait(ctx, err)
		}
	}
}

func (s *slot) dial(ctx context.Context) (tunnel.Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.DialTimeout,
		fmt.Errorf("no session within %s", s.cfg.DialTimeout))
	defer cancel()
	session, err := s.cfg.Dial(ctx)
	if err != nil && context.Cause(ctx) != nil && ctx.Err() == context.DeadlineExceeded {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return session, err
}

// serve returns why the session ended, or nil when it drains and its replacement is due; then it is served on beside.
func (s *slot) serve(ctx context.Context, session tunnel.Session, better <-chan struct{}) error {
	since := time.Now()
	s.tell(State{Phase: Up, Session: session})
	served := make(chan struct{})
	s.leaving.Go(func() {
		defer close(served)
		s.attend(ctx, session)
	})
	for draining := session.Draining(); ; {
		select {
		case <-served:
			if s.failed++; time.Since(since) >= s.cfg.Healthy {
				s.failed = 0
			}
			return endOf(session)
		case <-draining:
			if d, asked := session.PeerDrain(); asked {
				s.drain(ctx, session, d, served)
				return nil
			}
			draining = nil // this side drains: it is about to stop
		case <-better:
			s.old = session
			return nil
		}
	}
}

// attend serves a session to its end and closes it.
func (s *slot) attend(ctx context.Context, session tunnel.Session) {
	if err := s.cfg.Serve(ctx, session); err != nil {
		s.cfg.Log.InfoContext(ctx, "serving a tunnel session ended", "slot", s.number, "cause", err)
	}
	if ctx.Err() != nil {
		session.CloseWith(tunnel.ReasonShutdown, "")
	} else {
		session.Close()
	}
}

// drain waits for the moment the other side wants the replacement dialled. The session is closed from here if the other
// side never does.
func (s *slot) drain(ctx context.Context, session tunnel.Session, d tunnel.Drain, served <-chan struct{}) {
	in := min(max(d.ReconnectIn, 0), maxReconnectIn)
	s.tell(State{Phase: Draining, Session: session, Wait: in})
	s.failed = 0
	if d.Deadline > 0 {
		late := time.AfterFunc(min(d.Deadline, maxDrain)+drainGrace, func() {
			session.CloseWith(tunnel.ReasonShutdown, "the drain's deadline is long over")
		})
		s.leaving.Go(func() {
			<-served
			late.Stop()
		})
	}
	sleep(ctx, in, served)
}

// retire drains the session that has just been replaced by a better one, and closes it when it is empty.
func (s *slot) retire(ctx context.Context) {
	session := s.old
	s.old = nil
	if session == nil {
		return
	}
	s.leaving.Go(func() {
		_ = session.Drain(ctx, tunnel.Drain{Deadline: retireGrace}) // without an answer it ends at the deadline all the same
		late := time.NewTimer(retireGrace)
		defer late.Stop()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done(): // Serve ends it
				return
			case <-session.Done():
				return
			case <-late.C:
			case <-tick.C:
				if session.Streams() > 0 {
					continue
				}
			}
			session.CloseWith(tunnel.ReasonReplaced, "a better transport is there")
			return
		}
	})
}

const (
	// retireGrace is how long streams may go on in a session that was replaced by a better one.
	retireGrace = time.Hour
	// maxReconnectIn bounds what a drain may ask for: the spread of the largest deploy.
	maxReconnectIn = 2 * time.Minute
	// maxDrain bounds the deadline a drain may announce.
	maxDrain = 24 * time.Hour
	// drainGrace is how much longer than announced a drained session may live.
	drainGrace = time.Minute
)

// wait is the backoff: the first retry after a healthy session is immediate, the others wait a random time below a
// bound that doubles, so that agents that failed together do not come back together.
func (s *slot) wait(ctx context.Context, err error) {
	wait := s.backoff(err)
	s.cfg.Log.InfoContext(ctx, "tunnel down", "slot", s.number, "failed", s.failed, "wait", wait, "cause", err)
	s.tell(State{Phase: Waiting, Wait: wait, Err: err})
	sleep(ctx, wait, nil)
}

func (s *slot) backoff(err error) time.Duration {
	if s.failed == 0 {
		return 0
	}
	bound := s.cfg.BackoffMax
	if doublings := s.failed - 1; doublings < 32 && !hopeless(err) {
		bound = min(bound, s.cfg.BackoffBase<<doublings)
	}
	return time.Duration(s.cfg.Rand() * float64(bound))
}

// hopeless says whether the other side understood and does not want this agent: trying again soon changes nothing, but
// an operator may, so it goes on at the slowest pace.
func hopeless(err error) bool {
	e, ok := errors.AsType[*tunnel.CloseError](err)
	return ok && e.Remote && (e.Reason == tunnel.ReasonRevoked || e.Reason == tunnel.ReasonUnacceptable)
}

// endOf is why a session is over; a session that Serve left while it was alive has no cause of its own.
func endOf(session tunnel.Session) error {
	if err := session.Cause(); err != nil {
		return err
	}
	return errors.New("the session was given up")
}

func (s *slot) tell(state State) {
	state.Slot, state.Failed = s.number, s.failed
	s.cfg.OnState(state)
}

// sleep waits for a time, or until ctx or early ends.
func sleep(ctx context.Context, d time.Duration, early <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-early:
	}
}

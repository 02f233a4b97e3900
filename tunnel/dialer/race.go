package dialer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

const (
	// rememberFor is how long the transport that won is tried alone first.
	rememberFor = 24 * time.Hour
	// probeEvery, give or take half, is how often a better one than the winner is tried again.
	probeEvery = 6 * time.Hour
)

// Contender is one way to a session, in a race.
type Contender struct {
	Transport Transport
	// HeadStart is how long after the race's begin this one starts; at once when all before it have failed.
	HeadStart time.Duration
	// Dial makes a session with the gateway, or with the one of its replicas that is reached at a host:port of its own.
	Dial func(ctx context.Context, at string) (tunnel.Session, error)
}

// Race makes sessions over the transport that gets through. The first finished HELLO wins and the others are closed.
// Make it with NewRace.
type Race struct {
	contenders []Contender // best first
	now        func() time.Time
	rand       func() float64

	mu     sync.Mutex // guards the rest
	winner Transport
	until  time.Time
	tasks  sync.WaitGroup // attempts, also those that came too late
	better chan struct{}  // closed, and replaced, when a better transport than the winner was found to work
}

// NewRace is a race of at least one contender, the best first. rand gives numbers in [0,1); nil is math/rand/v2.
func NewRace(contenders []Contender, random func() float64) *Race {
	if random == nil {
		random = rand.Float64
	}
	return &Race{contenders: contenders, now: time.Now, rand: random, better: make(chan struct{})}
}

// Winner is the transport that is tried first, and until when; "" is none.
func (r *Race) Winner() (Transport, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.now().Before(r.until) {
		return "", time.Time{}
	}
	return r.winner, r.until
}

// Remember sets the winner, as one that an earlier run of the program has stored.
func (r *Race) Remember(winner Transport, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.winner, r.until = winner, until
}

// Forget makes a transport that won no longer the one that is tried alone: its sessions did not stay.
func (r *Race) Forget(t Transport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.winner == t {
		r.until = time.Time{}
	}
}

// Better is closed when a better transport is found to work than that which won before; see Config.Better.
func (r *Race) Better() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.better
}

// Dial makes one session with the gateway.
func (r *Race) Dial(ctx context.Context) (tunnel.Session, error) { return r.DialAt(ctx, "") }

// DialAt makes one with the replica that is reached at a host:port of its own. The way to that may not be the way to the
// gateway: it neither counts nor is remembered for the latter.
func (r *Race) DialAt(ctx context.Context, at string) (tunnel.Session, error) {
	order := r.order()
	starts := make([]time.Duration, len(order))
	for i, c := range order {
		starts[i] = c.HeadStart
	}
	var below fate
	won, err := race(ctx, r.tasks.Go, starts, func(f finish) { f.session.Close() }, func(ctx context.Context, i int) (finish, error) {
		c := order[i]
		if below.sealed(c.Transport) {
			return finish{}, errSealed
		}
		session, err := c.Dial(ctx, at)
		if err != nil {
			below.note(c.Transport, err)
			return finish{}, fmt.Errorf("over %s: %w", c.Transport, err)
		}
		return finish{session, c.Transport}, nil
	})
	if err != nil {
		return nil, err
	}
	if at == "" {
		r.Remember(won.transport, r.now().Add(rememberFor))
	}
	return carried{won.session, won.transport}, nil
}

// carried is a session that knows what carries it.
type carried struct {
	tunnel.Session
	transport Transport
}

// TransportOf is what carries a session that a Race made; "" of any other.
func TransportOf(s tunnel.Session) Transport {
	c, _ := s.(carried)
	return c.transport
}

// fate is what transports over TCP share: the same name, address and proxy. Where one could not even connect, the other
// is not tried; else a gateway that restarts would find its agents on WebSockets afterwards.
type fate struct {
	mu   sync.Mutex // guards down
	down bool
}

func (f *fate) note(t Transport, err error) {
	e, ok := errors.AsType[*StepError](err)
	if ok && t != QUIC && (e.Step == StepDNS || e.Step == StepTCP || e.Step == StepProxy) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.down = true
	}
}

func (f *fate) sealed(t Transport) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.down && t != QUIC
}

type finish struct {
	session   tunnel.Session
	transport Transport
}

// errSealed is left out of what is reported: the first one's error says it.
var errSealed = errors.New("as the other transport over TCP")

// refused marks an answer of the gateway itself: over another transport it would be the same.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// order is the contenders with the last winner in front.
func (r *Race) order() []Contender {
	winner, _ := r.Winner()
	order := make([]Contender, 0, len(r.contenders))
	for _, c := range r.contenders {
		if c.Transport == winner {
			c.HeadStart = 0
			order = append(order, c)
		}
	}
	for _, c := range r.contenders {
		if c.Transport != winner {
			if winner != "" {
				c.HeadStart = max(c.HeadStart, afterWinner)
			}
			order = append(order, c)
		}
	}
	return order
}

// afterWinner is the least head start of a transport that won before: in a storm handshakes wait for their turn, and
// must not be made twice.
const afterWinner = 5 * time.Second

// Run looks, now and then, whether a better transport than the winner works again, until ctx ends. It returns when nothing
// of the races is left: ctx has to end after the last Dial.
func (r *Race) Run(ctx context.Context) error {
	for {
		wait := time.Duration((0.5 + r.rand()) * float64(probeEvery))
		sleep(ctx, wait, nil)
		if ctx.Err() != nil {
			r.tasks.Wait()
			return nil
		}
		r.probe(ctx)
	}
}

// probe tries those that are better than the winner, one after the other.
func (r *Race) probe(ctx context.Context) {
	winner, _ := r.Winner()
	if winner == "" {
		return // the next dial tries all anyway
	}
	for _, c := range r.contenders {
		if c.Transport == winner {
			return
		}
		try, cancel := context.WithTimeout(ctx, probeTimeout)
		session, err := c.Dial(try, "")
		cancel()
		if err != nil {
			continue
		}
		session.Close()
		r.Remember(c.Transport, r.now().Add(rememberFor))
		r.mu.Lock()
		close(r.better)
		r.better = make(chan struct{})
		r.mu.Unlock()
		return
	}
}

const probeTimeout = 30 * time.Second

// race runs attempts, each at its start or as soon as one before has failed, and returns the first success. Successes
// that come later are dropped; attempts that go on are cancelled, and not waited for. An error that is refused decides.
// spawn starts a goroutine.
func race[T any](ctx context.Context, spawn func(func()), starts []time.Duration, drop func(T), attempt func(context.Context, int) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(errLost)
	results := make(chan result, len(starts)) // room for all, so that none waits when nobody listens any more
	began := time.Now()
	started, pending := 0, 0
	defer func() {
		left := pending
		spawn(func() {
			for range left {
				if r := <-results; r.err == nil {
					drop(r.value)
				}
			}
		})
	}()
	var errs []error
	for failed := false; ; {
		for started < len(starts) && (failed || time.Since(began) >= starts[started]) {
			i := started
			spawn(func() {
				v, err := attempt(ctx, i)
				results <- result{v, err}
			})
			started++
			pending++
		}
		if pending == 0 && failed {
			return none, errors.Join(errs...)
		}
		next := make(<-chan time.Time)
		if started < len(starts) {
			timer := time.NewTimer(starts[started] - time.Since(began))
			defer timer.Stop() // at most one per attempt
			next = timer.C
		}
		select {
		case <-next:
		case <-ctx.Done():
			return none, errors.Join(append(errs, context.Cause(ctx))...)
		case r := <-results:
			pending--
			if r.err == nil {
				return r.value, nil
			}
			if r.err != errSealed {
				errs = append(errs, r.err)
			}
			if _, decided := errors.AsType[refused](r.err); decided {
				return none, r.err
			}
			failed = true
		}
	}
}

// errLost is what cancels the attempts that came too late.
var errLost = errors.New("another attempt was faster")

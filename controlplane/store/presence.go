package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// How soon a database that does not answer is called away. One that refuses or hangs up is at once; one that is silent may
// only be busy, or this machine is, and what is called away fails for everybody.
const (
	// doubtAfter is how long a use of the database may take before the listener asks whether it is there at all.
	doubtAfter = 200 * time.Millisecond
	// answerWithin is how long it may take to say so: for that it needs neither its disk nor a lock.
	answerWithin = 3 * time.Second
	// connectWithin is the same for a new connection, which costs the database a process and both of us a handshake.
	connectWithin = 5 * time.Second
)

// errGone ends what is under way when the database is found away.
var errGone = errors.New("the database does not answer")

// presence knows whether the database answers. A database that hangs, or whose host vanished, looks like a slow one to each
// statement, so nobody judges by his own: the listener of signals asks on a connection of its own, and when it gets no
// answer, everything under way fails at once and nothing new is begun until there is one. Without the listener (DB.Run)
// nobody is judged.
type presence struct {
	lost     func(since time.Time) // told once for each absence; may be nil
	back     func(since time.Time)
	answered atomic.Int64 // Unix nanoseconds of the last answer to anything

	mu    sync.Mutex         // guards the rest
	here  context.Context    // ends when the database is found away
	leave context.CancelFunc // of here
	since time.Time          // when it was found away; zero while it is here
	hurry context.CancelFunc // makes the listener ask now; nil while it does
	asked time.Time          // when it was hurried last
}

func newPresence() *presence {
	p := &presence{}
	p.here, p.leave = context.WithCancel(context.Background())
	return p
}

// during uses the database as long as it is there. What fails because it is not is errAway.
func (p *presence) during(ctx context.Context, use func(context.Context) error) error {
	p.mu.Lock()
	here := p.here
	p.mu.Unlock()
	if here.Err() != nil {
		return errAway.WithCause(errGone)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(here, func() { cancel(errGone) })()
	defer time.AfterFunc(doubtAfter, func() { p.keepDoubting(ctx) }).Stop()
	err := use(ctx)
	if err == nil {
		p.answered.Store(time.Now().UnixNano())
		return nil
	}
	if errors.Is(context.Cause(ctx), errGone) {
		return errAway.WithCause(errors.Join(errGone, err))
	}
	return outside(err)
}

// keepDoubting has the listener ask again and again as long as one use goes on: the database may vanish in its midst.
func (p *presence) keepDoubting(ctx context.Context) {
	if ctx.Err() == nil {
		p.doubt()
		time.AfterFunc(doubtAfter, func() { p.keepDoubting(ctx) })
	}
}

// doubt makes the listener ask now.
func (p *presence) doubt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); p.hurry != nil && now.Sub(p.asked) > doubtAfter/2 {
		p.asked = now
		p.hurry()
	}
}

// hurried lets doubt end a wait, until done is called.
func (p *presence) hurried(end context.CancelFunc) (done func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hurry = end
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.hurry = nil
	}
}

// prove runs a question to the database, and judges by how long the answer takes. It returns when the question does,
// which has a time limit of its own. Answers to others count as well: they are just as good a sign of life.
func (p *presence) prove(within time.Duration, question func() error) error {
	asked := make(chan error, 1) // of one result
	go func() { asked <- question() }()
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		select {
		case err := <-asked:
			switch {
			case err == nil:
				p.found()
			case away(err) && p.quiet() >= within: // else it turns away this connection only
				p.gone()
			}
			return err
		case <-late.C:
			if quiet := p.quiet(); quiet < within {
				late.Reset(within - quiet)
				continue
			}
			p.gone()
		}
	}
}

// quiet is for how long nothing was answered.
func (p *presence) quiet() time.Duration { return time.Since(time.Unix(0, p.answered.Load())) }

func (p *presence) gone() {
	p.mu.Lock()
	first := p.since.IsZero()
	if first {
		p.since = time.Now()
		p.leave()
	}
	since := p.since
	p.mu.Unlock()
	if first && p.lost != nil {
		p.lost(since)
	}
}

func (p *presence) found() {
	p.answered.Store(time.Now().UnixNano())
	p.mu.Lock()
	since := p.since
	if !since.IsZero() {
		p.since = time.Time{}
		p.here, p.leave = context.WithCancel(context.Background())
	}
	p.mu.Unlock()
	if !since.IsZero() && p.back != nil {
		p.back(since)
	}
}

// Away says since when the database has not answered; zero while it does.
func (db *DB) Away() time.Time {
	db.presence.mu.Lock()
	defer db.presence.mu.Unlock()
	return db.presence.since
}

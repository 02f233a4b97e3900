package model

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"
)

const (
	maxRetries = 2
	firstWait  = 500 * time.Millisecond
	// longestWait is what we wait for at most when a provider says how long; beyond it the person is better served by an
	// answer without the model.
	longestWait = 20 * time.Second
)

// ResilientConfig is what Resilient is made of. Model and Breaker are required.
type ResilientConfig struct {
	Model   Streamer
	Breaker *Breaker
	// Sleep waits, or fails when ctx ends; nil: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Jitter is drawn from 0 to 1 for each wait; nil: random.
	Jitter func() float64
}

// Resilient retries what may be over in a moment, at most twice and only while nothing of the answer has been given, and
// does not ask at all while the breaker is open.
type Resilient struct{ cfg ResilientConfig }

var _ Streamer = (*Resilient)(nil)

// NewResilient wraps a provider.
func NewResilient(c ResilientConfig) *Resilient {
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	return &Resilient{cfg: c}
}

// Stream asks until there is an answer, or no point in asking.
func (r *Resilient) Stream(ctx context.Context, req Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for try := 0; ; try++ {
			begun, err := r.once(ctx, req, yield)
			if err == nil {
				return
			}
			wait, again := r.next(err, try)
			if begun || !again || ctx.Err() != nil || r.cfg.Sleep(ctx, wait) != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// once makes one call. begun says that the reader has seen something of it; an error is not yet yielded.
func (r *Resilient) once(ctx context.Context, req Request, yield func(Event, error) bool) (begun bool, err *Error) {
	if wait, ok := r.cfg.Breaker.Allow(); !ok {
		e := NewError(Open, "it failed too often just now")
		e.RetryAfter = wait
		return false, e
	}
	verdict := Unknown // also when the reader goes, or panics
	defer func() { r.cfg.Breaker.Report(verdict) }()
	for event, failed := range r.cfg.Model.Stream(ctx, req) {
		if failed != nil {
			err = As(failed)
			switch {
			case ctx.Err() != nil:
			case err.Transient():
				verdict = Failed
			default:
				verdict = Healthy // it answers, and says no
			}
			return begun, err
		}
		if _, done := event.(Done); done {
			verdict = Healthy
		}
		begun = true
		if !yield(event, nil) {
			return true, nil
		}
	}
	return begun, nil
}

// next says whether to ask again, and after how long.
func (r *Resilient) next(err *Error, try int) (time.Duration, bool) {
	if !err.Transient() || try >= maxRetries || err.RetryAfter > longestWait {
		return 0, false
	}
	backoff := firstWait << try
	wait := backoff/2 + time.Duration(r.cfg.Jitter()*float64(backoff))
	if err.RetryAfter > 0 { // jitter on top: everybody was told the same
		wait = err.RetryAfter + time.Duration(r.cfg.Jitter()*float64(backoff))
	}
	return wait, true
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

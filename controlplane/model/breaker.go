package model

import (
	"sync"
	"time"
)

// The circuit breaker's numbers: so many failures within so long open it for so long; then one probe decides.
const (
	breakerFailures = 5
	breakerWindow   = 30 * time.Second
	breakerOpen     = 30 * time.Second
)

// Breaker keeps us from asking a model that does not answer. There is one per provider, model and owner of the key: a
// tenant whose key fails must not take the model away from others. It is safe for concurrent use.
type Breaker struct {
	now func() time.Time

	mu       sync.Mutex  // guards what is below
	failures []time.Time // of the last breakerWindow, the oldest first
	openTill time.Time   // zero: closed
	probing  bool        // half open, and one call is finding out
}

// NewBreaker makes a closed one; now is nil for time.Now.
func NewBreaker(now func() time.Time) *Breaker {
	if now == nil {
		now = time.Now
	}
	return &Breaker{now: now}
}

// Allow tells whether a call may be made; if not, when it makes sense to ask again. Each allowed call is Reported.
func (b *Breaker) Allow() (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.openTill.IsZero() {
		return 0, true
	}
	if left := b.openTill.Sub(b.now()); left > 0 {
		return left, false
	}
	if b.probing {
		return time.Second, false
	}
	b.probing = true
	return 0, true
}

// Verdict is what a call says about its provider.
type Verdict int

// The verdicts.
const (
	Healthy Verdict = iota
	Failed          // it was not answered as it should be
	Unknown         // the caller gave up: nothing is known
)

// Report says how an allowed call went.
func (b *Breaker) Report(v Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	probe := b.probing
	b.probing = false
	now := b.now()
	switch {
	case v == Healthy:
		b.failures, b.openTill = nil, time.Time{}
	case v == Failed && probe:
		b.openTill = now.Add(breakerOpen)
	case v == Failed:
		for len(b.failures) > 0 && now.Sub(b.failures[0]) >= breakerWindow {
			b.failures = b.failures[1:]
		}
		if b.failures = append(b.failures, now); len(b.failures) >= breakerFailures {
			b.failures, b.openTill = nil, now.Add(breakerOpen)
		}
	}
}

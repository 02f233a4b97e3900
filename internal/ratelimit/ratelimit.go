// Package ratelimit bounds how often something is done for each key: a token bucket for one login, address or cluster, on
// this replica. Start at Limiter.
package ratelimit

import (
	"math"
	"net/netip"
	"sync"
	"time"
)

// maxKeys bounds the memory that callers from many addresses can cost: beyond it full buckets are forgotten, and if there
// are none, every new key waits.
const maxKeys = 50_000

// Limiter is a token bucket per key. It forgets keys whose bucket is full again. It is safe for concurrent use.
type Limiter struct {
	rate, burst float64 // tokens per second, and at most

	mu      sync.Mutex // guards buckets
	buckets map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// New makes a Limiter that lets burst through at once, and rate per second in the long run.
func New(rate, burst float64) *Limiter {
	return &Limiter{rate: rate, burst: burst, buckets: map[string]bucket{}}
}

// Take takes one of the key's tokens, or says how long to wait for one; 0 means that it was taken.
func (l *Limiter) Take(key string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets[key]
	if !ok {
		if len(l.buckets) >= maxKeys {
			l.forget(now)
		}
		if len(l.buckets) >= maxKeys {
			return time.Second
		}
		b = bucket{tokens: l.burst, at: now}
	}
	b.tokens, b.at = l.level(b, now), now
	if b.tokens < 1 {
		wait = time.Duration(math.Ceil((1 - b.tokens) / l.rate * float64(time.Second)))
	} else {
		b.tokens--
	}
	l.buckets[key] = b
	return wait
}

func (l *Limiter) level(b bucket, now time.Time) float64 {
	return min(l.burst, b.tokens+now.Sub(b.at).Seconds()*l.rate)
}

// forget drops the buckets that have filled up again: they say nothing that a new one would not.
func (l *Limiter) forget(now time.Time) {
	for key, b := range l.buckets {
		if l.level(b, now) >= l.burst {
			delete(l.buckets, key)
		}
	}
}

// Address is the key of who calls from remote, an address with a port: the address itself, or the /64 of an IPv6 one,
// which one customer owns whole.
func Address(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	ip := ap.Addr().Unmap()
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

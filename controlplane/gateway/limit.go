package gateway

import (
	"math"
	"net"
	"net/netip"
	"sync"
	"time"
)

// limiter is a token bucket per key. It forgets keys whose bucket is full again.
type limiter struct {
	rate, burst float64 // tokens per second, and at most

	mu      sync.Mutex // guards buckets
	buckets map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// maxBuckets bounds the memory that callers from many addresses can cost; beyond it full buckets are forgotten, and if
// there are none, everybody new waits.
const maxBuckets = 50_000

func newLimiter(rate, burst float64) *limiter {
	return &limiter{rate: rate, burst: burst, buckets: map[string]bucket{}}
}

// take returns how long to wait; 0 means now.
func (l *limiter) take(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets[key]
	if !ok {
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		if len(l.buckets) >= maxBuckets {
			return time.Second
		}
		b = bucket{tokens: l.burst, at: now}
	}
	b.tokens, b.at = l.level(b, now), now
	if b.tokens < 1 {
		l.buckets[key] = b
		return time.Duration(math.Ceil((1 - b.tokens) / l.rate * float64(time.Second)))
	}
	b.tokens--
	l.buckets[key] = b
	return 0
}

func (l *limiter) level(b bucket, now time.Time) float64 {
	return min(l.burst, b.tokens+now.Sub(b.at).Seconds()*l.rate)
}

func (l *limiter) forget(now time.Time) {
	for key, b := range l.buckets {
		if l.level(b, now) >= l.burst {
			delete(l.buckets, key)
		}
	}
}

// addressKey is what an address is limited by: itself, or the /64 of an IPv6 one, which one customer owns whole.
func addressKey(addr net.Addr) string {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return addr.String()
	}
	ip := ap.Addr().Unmap()
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

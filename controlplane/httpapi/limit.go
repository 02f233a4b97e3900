package httpapi

import (
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
)

// Limit is a token bucket: Burst at once, PerSecond in the long run.
type Limit struct {
	PerSecond float64
	Burst     float64
}

// The defaults: a person clicking, or a script that behaves, never meets them.
var (
	defaultLoginLimit   = Limit{PerSecond: 50, Burst: 200}
	defaultAddressLimit = Limit{PerSecond: 10, Burst: 100} // for those who are nobody yet; an office may share one
)

// maxBuckets bounds the memory of a limiter: beyond it, buckets that are full again are forgotten.
const maxBuckets = 50_000

// limiter holds one bucket per key on this replica.
type limiter struct {
	limit Limit
	now   func() time.Time

	mu      sync.Mutex // guards buckets
	buckets map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(l Limit, now func() time.Time) *limiter {
	return &limiter{limit: l, now: now, buckets: map[string]bucket{}}
}

// take takes one token of the key's, or says how long to wait for one.
func (l *limiter) take(key string) (wait time.Duration) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets[key]
	if !ok {
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		b = bucket{tokens: l.limit.Burst, at: now}
	}
	b.tokens = math.Min(l.limit.Burst, b.tokens+now.Sub(b.at).Seconds()*l.limit.PerSecond)
	b.at = now
	if b.tokens < 1 {
		wait = time.Duration((1 - b.tokens) / l.limit.PerSecond * float64(time.Second))
	} else {
		b.tokens--
	}
	l.buckets[key] = b
	return wait
}

// forget drops the buckets that have filled up again: they say nothing that a new one would not.
func (l *limiter) forget(now time.Time) {
	full := time.Duration(l.limit.Burst / l.limit.PerSecond * float64(time.Second))
	for k, b := range l.buckets {
		if now.Sub(b.at) > full {
			delete(l.buckets, k)
		}
	}
	if len(l.buckets) >= maxBuckets { // all of them busy: better forget than grow
		clear(l.buckets)
	}
}

func (a *API) limited(wait time.Duration) *problem.Error {
	a.metrics.limited.Inc()
	return problem.New(problem.Limited, "Too many requests from this login in a short time.").WithCode("rate_limited").
		WithFix("Wait a moment.").WithRetryAfter(time.Duration(math.Ceil(wait.Seconds())) * time.Second)
}

// maxStreams is how many event streams one login may have open: a browser needs two, and each costs memory here.
const maxStreams = 64

// address is the limiter's key for those who are nobody yet. IPv6 counts by /64: that is one household.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip := net.ParseIP(host)
	if ip == nil || ip.To4() != nil {
		return host
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}

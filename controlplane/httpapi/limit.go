package httpapi

import (
	"math"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/internal/ratelimit"
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

// take takes one token of the key's, or says how long to wait for one.
func (a *API) take(l *ratelimit.Limiter, key string) (wait time.Duration) {
	return l.Take(key, a.now())
}

func (a *API) limited(wait time.Duration) *problem.Error {
	a.metrics.limited.Inc()
	return problem.New(problem.Limited, "Too many requests from this login in a short time.").WithCode("rate_limited").
		WithFix("Wait a moment.").WithRetryAfter(time.Duration(math.Ceil(wait.Seconds())) * time.Second)
}

// maxStreams is how many event streams one login may have open: a browser needs two, and each costs memory here.
const maxStreams = 64

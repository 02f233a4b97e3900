package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/renew"
)

// selfCheck is what the agent finds wrong in its own cluster while it is connected: rights it lacks, a policy that can't
// be understood. People who ask see requests fail; the cluster's page says why.
type selfCheck struct {
	mu      sync.Mutex // guards the rest
	looked  bool
	problem string // as found last; empty: none
	told    bool   // whether the control plane knows of problem
}

// found keeps what was found, and reports whether it is news.
func (s *selfCheck) found(problem string) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.looked || s.problem != problem {
		s.looked, s.problem, s.told = true, problem, false
	}
	return !s.told
}

// attr is what HELLO says of it: nothing before the first look.
func (s *selfCheck) attr() (problem string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem, s.looked
}

// tell notes that the control plane has heard of it.
func (s *selfCheck) tell(problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = s.told || s.looked && s.problem == problem
}

// checkEvery is how often the agent looks; while something is wrong ten times as often, so that mending it shows.
const checkEvery = 5 * time.Minute

// reportAfter leaves a HELLO that is under way the time to say it: a call of its own is a handshake more.
const reportAfter = 3 * time.Second

// checkSelf looks until ctx ends, and reports what is news.
func (a *agent) checkSelf(ctx context.Context) error {
	for {
		wait := a.cfg.CheckEvery
		if a.checkOnce(ctx) {
			wait /= 10
		}
		if err := sleep(ctx, time.Duration(float64(wait)*(0.75+0.5*rand.Float64()))); err != nil {
			return nil
		}
	}
}

// checkOnce reports whether there is something to come back to soon.
func (a *agent) checkOnce(ctx context.Context) bool {
	problem := a.wrong(ctx)
	if ctx.Err() != nil {
		return false
	}
	if !a.check.found(problem) {
		return problem != ""
	}
	if problem != "" {
		a.log.WarnContext(ctx, "something is wrong in this cluster", "problem", problem)
	}
	if sleep(ctx, reportAfter) != nil || !a.check.found(problem) {
		return problem != ""
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := renew.Report(a.dialGateway)(call, a.keeper.Identity(), problem)
	refused, answered := errors.AsType[*pki.CallError](err)
	switch {
	case err == nil, answered && refused.Status == http.StatusNotFound: // one of before, which hears nothing
		a.check.tell(problem)
		return problem != ""
	}
	a.log.DebugContext(ctx, "the problem is not reported yet", "error", err)
	return true
}

// wrong is what a diagnosis of the cluster's side finds, in words for people.
func (a *agent) wrong(ctx context.Context) string {
	d := &diagnosis{cfg: a.cfg, now: time.Now, at: map[string]Finding{}}
	d.api(ctx) // else the API server's absence would be blamed on rights
	d.rbac(ctx)
	d.policy()
	var says []string
	for _, step := range []string{stepAPI, stepRBAC, stepPolicy} {
		if f := d.at[step]; f.Verdict == Failed {
			says = append(says, step+": "+f.Says+" "+f.Do)
		}
	}
	return cutWords(strings.Join(says, " "))
}

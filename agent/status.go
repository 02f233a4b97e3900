package agent

import (
	"sync"

	"github.com/kubechat/kubechat/tunnel/dialer"
)

// status is what /readyz tells.
type status struct {
	mu     sync.Mutex // guards the rest
	reason string     // why no session is up
	served int        // sessions; one that is being replaced counts until its end
	drains bool
}

func newStatus() *status { return &status{reason: "starting"} }

// waiting says what the agent is waiting for.
func (s *status) waiting(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reason = reason
}

// serving notes that sessions came or went.
func (s *status) serving(change int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served += change
}

// slot notes why one of the sessions is not up.
func (s *status) slot(state dialer.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state.Err != nil {
		s.reason = "the last session ended, or could not be opened: " + state.Err.Error() + " (kubechat-agent diagnose says what to do)"
	}
}

func (s *status) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drains = true
}

func (s *status) draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drains
}

// ready reports whether a session is up, and if none is, why.
func (s *status) ready() (bool, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drains {
		return false, "stopping"
	}
	if s.served > 0 {
		return true, "connected"
	}
	return false, s.reason
}

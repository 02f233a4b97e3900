package tunnel

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// The heartbeat is one timer: a session that is idle costs no goroutine for it. After Keepalive without a byte it sends
// a PING; KeepaliveTimeout later, still without one, the session is dead. Whatever arrives counts, so nobody has to
// answer in time. But each side says something every Keepalive, asked or not: when our uplink is slow and full, our PING
// queues behind our own data, and the other side, hearing that data, would see no reason to speak.
//
// What an idle session costs a plane that holds thousands is the waking up. So the plane speaks first, many sessions at
// the same moment, and the agent, whose time comes a little later, answers: one wake of the plane's process for many
// sessions' words, and one more for what comes back.
func (s *session) startHeartbeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause == nil {
		now := time.Now()
		s.saidLocked(now)
		s.heartbeat = time.AfterFunc(s.sayAt.Sub(now), s.beat)
	}
}

// beatTick is what the plane rounds the moments it speaks at to.
const beatTick = 250 * time.Millisecond

// saidLocked notes that this side speaks now, and decides when it does so again. Speaking comes before asking, so that
// in health nobody asks. Sessions made together must not all speak together.
func (s *session) saidLocked(now time.Time) {
	k := s.cfg.Keepalive
	s.saidAt, s.sayAt = now, now.Add(k*17/20+rand.N(k/20+1))
	if !s.plane {
		return
	}
	at, tick := now.Add(k*4/5+rand.N(k/30+1)), min(beatTick, k/60)
	s.sayAt = at.Add(at.Truncate(tick).Add(tick).Sub(at)) // Truncate loses the monotonic clock, Add keeps it
}

var unasked = func() []byte {
	text, err := appendMessage(nil, msgPong, pingBody{})
	if err != nil {
		panic(err) // of two constants
	}
	return text
}()

func (s *session) beat() {
	defer s.begin()()
	s.resetStalled()
	heard := s.mux.LastReceived()
	s.mu.Lock()
	if s.cause != nil {
		s.mu.Unlock()
		return
	}
	now := time.Now()
	quiet := now.Sub(heard)
	left := s.cfg.Keepalive*29/30 - quiet
	ask, say := false, false
	if waiting := heard.Before(s.pingedAt); waiting {
		left = s.cfg.KeepaliveTimeout - now.Sub(s.pingedAt)
	} else if left <= 0 {
		ask, s.pingedAt, left = true, now, s.cfg.KeepaliveTimeout
	}
	dead := left <= 0
	say = !ask && !dead && !now.Before(s.sayAt)
	if ask || say {
		s.saidLocked(now)
	}
	if !dead {
		s.heartbeat.Reset(min(left, s.sayAt.Sub(now)))
	}
	s.mu.Unlock()
	switch {
	case dead:
		s.end(&CloseError{Reason: ReasonDead, Detail: fmt.Sprintf("nothing received for %s", quiet.Round(time.Millisecond))}, true)
	case ask:
		s.send(msgPing, pingBody{})
	case say && s.enqueue(unasked):
		s.flush() // a timer has a goroutine of its own
	}
}

// spokenTo is told of each PONG nobody asked for. Who has been silent for long answers with one, instead of waiting for
// a moment of its own: the other side then hears many at a time. Half of Keepalive keeps two sides from answering each
// other's answers.
func (s *session) spokenTo() {
	s.mu.Lock()
	if s.cause != nil || s.heartbeat == nil {
		s.mu.Unlock()
		return
	}
	now := time.Now()
	say := now.Sub(s.saidAt) > s.cfg.Keepalive/2
	if say {
		s.saidLocked(now)
	}
	s.heartbeat.Reset(min(s.cfg.Keepalive*29/30, s.sayAt.Sub(now))) // it need not look after this side's question
	s.mu.Unlock()
	if !say {
		return
	}
	s.resetStalled() // the timer may never get to it
	if s.enqueue(unasked) {
		s.spawn(s.flush)
	}
}

// suspect checks for life now instead of at the next beat: a stream could not be opened in time.
func (s *session) suspect() {
	s.mu.Lock()
	start := s.cause == nil && !s.mux.LastReceived().Before(s.pingedAt)
	if start {
		s.pingedAt = time.Now()
		s.saidLocked(s.pingedAt)
		s.heartbeat.Reset(s.cfg.KeepaliveTimeout)
	}
	s.mu.Unlock()
	if start {
		s.send(msgPing, pingBody{})
	}
}

// resetStalled ends the streams whose readers take nothing: each holds a window at the other side and a task here.
func (s *session) resetStalled() {
	if s.cfg.WriteStall < 0 {
		return
	}
	s.mu.Lock()
	conns := slices.Collect(maps.Values(s.conns))
	s.mu.Unlock()
	for _, c := range conns {
		if c.stalled(s.cfg.WriteStall) {
			c.abort(&CloseError{Reason: ReasonStalled, Detail: fmt.Sprintf("the reader took nothing for %s", s.cfg.WriteStall)}, true)
		}
	}
}

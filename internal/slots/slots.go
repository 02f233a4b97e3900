// Package slots bounds how many things of one key go on at once: one login's streams, one member's requests.
package slots

import "sync"

// Slots has so many places for each key. It keeps nothing of a key that has none taken. It is safe for concurrent use.
type Slots struct {
	each int

	mu    sync.Mutex // guards taken
	taken map[string]int
}

// New makes Slots with so many places for each key.
func New(each int) *Slots { return &Slots{each: each, taken: map[string]int{}} }

// Take takes one of the key's places. release gives it back, and is called once; it is nil when all are taken.
func (s *Slots) Take(key string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[key] >= s.each {
		return nil
	}
	s.taken[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taken[key]--; s.taken[key] == 0 {
			delete(s.taken, key)
		}
	}
}

package chat

import (
	"context"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	eventPage   = 200              // events read at once; also what a slow reader can be behind in memory
	eventRepoll = 15 * time.Second // a lost notification delays an event by this much at most
)

// Events streams a run's events after seq `after`: the stored ones, then the live ones, without a gap and without a
// buffer that could overflow, because live only means being woken to read the store again. The channel is closed after
// the `end` event, when ctx ends, when the service stops, or when the store fails: a reader that has not seen `end`
// resumes from its last seq.
func (s *Service) Events(ctx context.Context, scope tenant.Scope, id RunID, after int64) (<-chan Event, error) {
	if err := mayAsk(scope); err != nil {
		return nil, err
	}
	if _, err := s.cfg.Store.Run(ctx, scope, id); err != nil {
		return nil, err
	}
	out := make(chan Event, 16) // closed by follow; the size only saves wake-ups
	woken, leave := s.hub.join(id)
	go func() {
		defer close(out)
		defer leave()
		s.follow(ctx, scope, id, after, woken, out)
	}()
	return out, nil
}

func (s *Service) follow(ctx context.Context, scope tenant.Scope, id RunID, after int64, woken <-chan struct{}, out chan<- Event) {
	for {
		page, err := s.cfg.Store.Events(ctx, scope, id, after, eventPage)
		if err != nil {
			if ctx.Err() == nil {
				s.log.WarnContext(ctx, "event stream ended early", "run", id, "cause", err)
			}
			return
		}
		for _, e := range page {
			select {
			case out <- e:
				after = e.Seq
			case <-ctx.Done():
				return
			case <-s.stopped:
				return
			}
			if e.Type == TypeEnd {
				return
			}
		}
		if len(page) == eventPage {
			continue
		}
		repoll := time.NewTimer(eventRepoll)
		select {
		case <-woken:
		case <-repoll.C:
		case <-ctx.Done():
		case <-s.stopped:
		}
		repoll.Stop()
		if ctx.Err() != nil || s.isStopped() {
			return
		}
	}
}

// hub wakes whoever follows a run.
type hub struct {
	mu   sync.Mutex // guards subs
	subs map[RunID]map[chan struct{}]struct{}
}

func newHub() *hub { return &hub{subs: map[RunID]map[chan struct{}]struct{}{}} }

func (h *hub) join(id RunID) (woken <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1) // one pending wake stands for any number
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs[id] == nil {
		h.subs[id] = map[chan struct{}]struct{}{}
	}
	h.subs[id][c] = struct{}{}
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs[id], c)
		if len(h.subs[id]) == 0 {
			delete(h.subs, id)
		}
	}
}

// wake wakes the followers of one run, or of all with "".
func (h *hub) wake(id RunID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for run, subs := range h.subs {
		if id != "" && id != run {
			continue
		}
		for c := range subs {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}

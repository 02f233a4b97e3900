package modeltest

import (
	"context"
	"iter"
	"sync"

	"github.com/kubechat/kubechat/controlplane/model"
)

// Player is a model without a server. Play says what it answers to each request; it may obey whatever it reads.
type Player struct {
	Play func(n int, req model.Request) ([]model.Event, error) // n counts requests from 0

	mu       sync.Mutex // guards requests
	requests []model.Request
}

var _ model.Streamer = (*Player)(nil)

// Script plays answers one after the other; the last again and again.
func Script(answers ...Answer) *Player {
	return &Player{Play: func(n int, _ model.Request) ([]model.Event, error) {
		return answers[min(n, len(answers)-1)].Events()
	}}
}

// Events is an answer without a server.
func (a Answer) Events() (out []model.Event, err error) {
	if a.Status != 0 {
		return nil, model.StatusError(a.Status, a.Header, a.Message)
	}
	for _, t := range a.Text {
		out = append(out, model.TextDelta{Text: t})
	}
	if a.Cut {
		return out, model.NewError(model.Cut, "cut")
	}
	for i, c := range a.Calls {
		out = append(out, model.NewToolCall(c.ID, c.Name, args(c), i))
	}
	if a.Usage != nil {
		out = append(out, *a.Usage)
	}
	return append(out, model.Done{Reason: a.reason()}), nil
}

// Requests are those so far.
func (p *Player) Requests() []model.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]model.Request(nil), p.requests...)
}

// Stream plays one answer.
func (p *Player) Stream(ctx context.Context, req model.Request) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		p.mu.Lock()
		n := len(p.requests)
		p.requests = append(p.requests, req)
		p.mu.Unlock()
		events, err := p.Play(n, req)
		for _, e := range events {
			if ctx.Err() != nil {
				yield(nil, model.TransportError(ctx.Err(), true))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

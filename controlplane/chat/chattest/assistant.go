package chattest

import (
	"context"
	"iter"
	"sync"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Assistant is every tenant's model: each turn it looks, gives its outputs, and fails if it is to.
type Assistant struct {
	Looks   []nlp.Step
	Outputs []chat.AssistOutput
	Err     error // ends each turn
	Away    error // there is no turn

	mu     sync.Mutex // guards what follows
	asked  []chat.AssistInput
	failed []error
}

var (
	_ chat.Assistants = (*Assistant)(nil)
	_ chat.Assistant  = (*Assistant)(nil)
)

// Assistant gives itself.
func (a *Assistant) Assistant(context.Context, tenant.Scope) (chat.Assistant, error) {
	if a.Away != nil {
		return nil, a.Away
	}
	return a, nil
}

// Assist plays the turn.
func (a *Assistant) Assist(ctx context.Context, in chat.AssistInput) iter.Seq2[chat.AssistOutput, error] {
	return func(yield func(chat.AssistOutput, error) bool) {
		a.mu.Lock()
		a.asked = append(a.asked, in)
		a.mu.Unlock()
		for _, step := range a.Looks {
			if _, err := in.Look(ctx, step); err != nil {
				a.mu.Lock()
				a.failed = append(a.failed, err)
				a.mu.Unlock()
			}
		}
		for _, o := range a.Outputs {
			if !yield(o, nil) {
				return
			}
		}
		if a.Err != nil {
			yield(nil, a.Err)
		}
	}
}

// Asked is how many turns there were.
func (a *Assistant) Asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

// Input is the last turn's.
func (a *Assistant) Input() chat.AssistInput {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.asked) == 0 {
		return chat.AssistInput{}
	}
	return a.asked[len(a.asked)-1]
}

// LookErrors are what looking was refused with.
func (a *Assistant) LookErrors() []error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]error(nil), a.failed...)
}

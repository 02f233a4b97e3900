package nlp

import (
	"context"
	"log/slog"
	"runtime/debug"
)

// Request is one thing somebody said about one cluster.
type Request struct {
	ID         string
	Utterance  string
	Context    []Turn // earlier turns, oldest first; used only when Focus is empty
	Focus      Focus  // what the conversation is about, from the previous Translation
	Vocabulary *Vocabulary
}

// Turn is an earlier thing said in the conversation.
type Turn struct {
	Utterance string `json:"utterance"`
}

// Focus is what words such as "it", "its logs" and "same for staging" refer to.
type Focus struct {
	Namespace string   `json:"namespace,omitempty"`
	Resource  Resource `json:"resource"`
	Names     []string `json:"names,omitempty"`
	Container string   `json:"container,omitempty"`
	Plan      *Plan    `json:"plan,omitempty"`    // the last plan
	Changed   *Plan    `json:"changed,omitempty"` // the last plan that changes something; a caller that did not make the change drops it
	Rows      []string `json:"rows,omitempty"`    // names of the last answer's rows, in order, if the caller fills them in
	Choices   []Choice `json:"choices,omitempty"` // of an open question: the next turn may answer it by a label
	Asked     string   `json:"asked,omitempty"`   // what the open question was about: the next turn may complete it
}

// Choice is one answer to a question: Text is what to say, complete in itself; Label is what a button shows.
type Choice struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// TraceEntry says which words became which part of the plan, by which rule.
type TraceEntry struct {
	Words string `json:"words"`
	As    string `json:"as"`
}

// Translation is the answer: a plan, a question (Clarify) or a polite no (Refuse).
type Translation struct {
	Class   Class        `json:"class"`
	Plan    *Plan        `json:"plan,omitempty"`    // nil for Clarify and Refuse
	Kubectl string       `json:"kubectl,omitempty"` // the plan as people would type it, one line per step
	Message string       `json:"message"`
	Choices []Choice     `json:"choices,omitempty"` // of a question; or, with a plan, near readings of it
	Trace   []TraceEntry `json:"trace,omitempty"`
	Focus   Focus        `json:"focus"` // to be handed back with the next Request
	// Undo: the last change of the conversation is to be undone ("undo that"), by what was recorded when it was made.
	// Plan is then what its words alone say the opposite is, or nil where they do not say it; Class is Mutate at least.
	Undo bool `json:"undo,omitempty"`
	// Lost: the words were not understood, which somebody with a model may still do. A refusal by a rule is not that.
	Lost bool `json:"lost,omitempty"`
}

// Translator turns words into plans. The zero value is ready; it holds no state and is safe for concurrent use.
type Translator struct{}

// Translate never fails: what it cannot turn into a plan, it asks about or refuses, saying what it can do.
// A fault in one of its rules costs that sentence its answer, and nobody else theirs.
func (Translator) Translate(ctx context.Context, req Request) (tr Translation) {
	defer func() {
		if fault := recover(); fault != nil {
			slog.ErrorContext(ctx, "a rule of the translator failed", "fault", fault, "stack", string(debug.Stack()))
			tr = Translation{Class: Clarify, Message: "I failed at this sentence; that is a fault of mine. Please say it in other words.", Focus: req.Focus, Lost: true}
		}
	}()
	return translate(ctx, req)
}

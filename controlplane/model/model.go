// Package model is what is asked of a language model and what comes back, whoever runs it. A provider is a folder below
// (openai, anthropic, ollama, bedrock, sagemaker) with a Stream of this package's types and none of its own; modeltest
// holds the suite that all of them pass. Around any of them, Resilient retries and breaks the circuit. What is asked, and
// what may come of an answer, is package assist's business. Start at Streamer.
package model

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
)

// Streamer answers one request by a sequence of events. It ends with Done, or with an *Error; whoever stops reading, or
// cancels ctx, ends the request to the provider. It retries nothing by itself.
type Streamer interface {
	Stream(ctx context.Context, req Request) iter.Seq2[Event, error]
}

// Request is one call of a model. The order of its parts is the order of a prompt that providers cache: what changes
// least comes first.
type Request struct {
	System string
	Tools  []Tool // ordered by name
	// Withdrawn says that no tool may be called any more. They stay described: providers refuse a history of calls
	// without. One that cannot be told so may call one all the same.
	Withdrawn   bool
	Messages    []Message
	MaxTokens   int      // of the answer; always sent, because every provider's default differs
	Temperature *float64 // nil: the model's own
}

// Tool is something the model may ask for.
type Tool struct {
	Name        string
	Description string
	Schema      json.RawMessage // JSON Schema of an object; every property is required and no other allowed ("strict")
}

// Role says whose a message is.
type Role string

// The roles. Results of tools are a role of their own, so that no provider can confuse them with a person's words.
const (
	User      Role = "user"
	Assistant Role = "assistant"
	Results   Role = "results"
)

// Message is one turn: Text of User and Assistant, Calls of Assistant, Results of the message after those calls.
type Message struct {
	Role    Role
	Text    string
	Calls   []ToolCall
	Results []ToolResult
}

// ToolResult answers one call. Every call of a message is answered in the next one.
type ToolResult struct {
	Call   string // the call's ID
	Text   string
	Failed bool
}

// Event is one of TextDelta, ToolCall, Usage, Done.
type Event interface{ event() }

// TextDelta is more of the answer's text.
type TextDelta struct{ Text string }

// ToolCall is a whole call, never a part of one.
type ToolCall struct {
	ID        string
	Name      string
	Args      json.RawMessage // an object; "{}" beside Malformed
	Malformed string          // what the model wrote instead of an object
}

// Usage is what the provider counted. It comes at most once, and from some providers never.
type Usage struct {
	InputTokens  int64 // with those from the cache
	CachedTokens int64
	OutputTokens int64
}

// Done is the last event.
type Done struct{ Reason Reason }

// Reason is why an answer ended.
type Reason string

// The reasons.
const (
	Stop      Reason = "stop"
	ToolUse   Reason = "tools"
	MaxTokens Reason = "max_tokens"
	Filtered  Reason = "filtered" // the provider's own filter, or the model, refused
)

func (TextDelta) event() {}
func (ToolCall) event()  {}
func (Usage) event()     {}
func (Done) event()      {}

// NewToolCall makes a call of what a model wrote. A provider that gives no id gets one of the call's place in the answer.
func NewToolCall(id, name, args string, place int) ToolCall {
	c := ToolCall{ID: id, Name: name, Args: json.RawMessage(args)}
	if id == "" {
		c.ID = fmt.Sprintf("call_%d", place)
	}
	raw := bytes.TrimSpace(c.Args)
	switch {
	case len(raw) == 0:
		c.Args = json.RawMessage("{}")
	case raw[0] != '{' || !json.Valid(raw):
		c.Args, c.Malformed = json.RawMessage("{}"), args
	}
	return c
}

// Failing is a sequence that is nothing but an error.
func Failing(err error) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { yield(nil, err) }
}

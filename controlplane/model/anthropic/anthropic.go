// Package anthropic speaks to Anthropic's messages, with the part of a prompt that does not change marked for its cache.
package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/kubechat/kubechat/controlplane/model"
)

// DefaultURL is Anthropic's own.
const DefaultURL = "https://api.anthropic.com"

// Config is one model. Key and Model are required.
type Config struct {
	BaseURL string // empty: DefaultURL
	Key     string
	Model   string
	HTTP    *http.Client // nil: http.DefaultClient
}

// Client asks one model.
type Client struct {
	cfg      Config
	messages anthropic.MessageService
}

var _ model.Streamer = (*Client)(nil)

// New makes a Client. Nothing of the process's environment reaches it.
func New(c Config) *Client {
	if c.BaseURL == "" {
		c.BaseURL = DefaultURL
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	return &Client{cfg: c, messages: anthropic.NewMessageService(
		option.WithBaseURL(strings.TrimRight(c.BaseURL, "/")+"/"), option.WithHTTPClient(c.HTTP), option.WithMaxRetries(0), option.WithAPIKey(c.Key),
	)}
}

// Stream makes one call.
func (c *Client) Stream(ctx context.Context, req model.Request) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		stream := c.messages.NewStreaming(ctx, c.params(req))
		defer func() { _ = stream.Close() }()
		var a answer
		for stream.Next() {
			for _, e := range a.take(stream.Current()) {
				if !yield(e, nil) {
					return
				}
			}
		}
		if err := stream.Err(); err != nil {
			yield(nil, c.failure(err, a.begun))
			return
		}
		if !a.ended {
			yield(nil, model.NewError(model.Cut, "the answer ended without an end"))
			return
		}
		for _, e := range a.end() {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (c *Client) params(req model.Request) anthropic.MessageNewParams {
	system := anthropic.TextBlockParam{Text: req.System, CacheControl: anthropic.NewCacheControlEphemeralParam()}
	p := anthropic.MessageNewParams{
		Model: anthropic.Model(c.cfg.Model), MaxTokens: int64(req.MaxTokens), System: []anthropic.TextBlockParam{system}, Messages: messages(req),
	}
	if req.Temperature != nil {
		p.Temperature = anthropic.Float(*req.Temperature)
	}
	if req.Withdrawn && len(req.Tools) > 0 {
		none := anthropic.NewToolChoiceNoneParam()
		p.ToolChoice = anthropic.ToolChoiceUnionParam{OfNone: &none}
	}
	for i, t := range req.Tools {
		var schema struct {
			Properties map[string]any `json:"properties"`
			Required   []string       `json:"required"`
		}
		if err := json.Unmarshal(t.Schema, &schema); err != nil {
			panic(fmt.Sprintf("anthropic: the schema of tool %s: %v", t.Name, err)) // it is compiled in
		}
		tool := anthropic.ToolParam{Name: t.Name, Description: anthropic.String(t.Description), InputSchema: anthropic.ToolInputSchemaParam{
			Properties: schema.Properties, Required: schema.Required, ExtraFields: map[string]any{"additionalProperties": false},
		}}
		if i == len(req.Tools)-1 {
			tool.CacheControl = anthropic.NewCacheControlEphemeralParam()
		}
		p.Tools = append(p.Tools, anthropic.ToolUnionParam{OfTool: &tool})
	}
	return p
}

// messages puts results first in a person's next turn, as the interface wants it: results and the text after them are one.
func messages(req model.Request) []anthropic.MessageParam {
	var out []anthropic.MessageParam
	add := func(role anthropic.MessageParamRole, blocks ...anthropic.ContentBlockParamUnion) {
		if n := len(out); n > 0 && out[n-1].Role == role {
			out[n-1].Content = append(out[n-1].Content, blocks...)
			return
		}
		out = append(out, anthropic.MessageParam{Role: role, Content: blocks})
	}
	for _, m := range req.Messages {
		var blocks []anthropic.ContentBlockParamUnion
		if m.Text != "" {
			blocks = append(blocks, anthropic.NewTextBlock(m.Text))
		}
		switch m.Role {
		case model.Assistant:
			for _, call := range m.Calls {
				blocks = append(blocks, anthropic.NewToolUseBlock(call.ID, call.Args, call.Name))
			}
			add(anthropic.MessageParamRoleAssistant, blocks...)
		case model.Results:
			for _, r := range m.Results {
				blocks = append(blocks, anthropic.NewToolResultBlock(r.Call, r.Text, r.Failed))
			}
			add(anthropic.MessageParamRoleUser, blocks...)
		default:
			add(anthropic.MessageParamRoleUser, blocks...)
		}
	}
	return out
}

func (c *Client) failure(err error, begun bool) error {
	var status *anthropic.Error
	if !errors.As(err, &status) {
		return model.TransportError(err, begun, c.cfg.Key)
	}
	var said struct {
		Error struct {
			Type, Message string
		}
	}
	_ = json.Unmarshal([]byte(status.RawJSON()), &said)
	text := said.Error.Message
	if text == "" {
		text = http.StatusText(status.StatusCode)
	}
	if status.StatusCode >= 300 {
		var h http.Header
		if status.Response != nil {
			h = status.Response.Header
		}
		return model.StatusError(status.StatusCode, h, text, c.cfg.Key)
	}
	kind := model.Away // an error in the middle of a stream, which began with 200
	if begun {
		kind = model.Cut
	}
	if said.Error.Type == "rate_limit_error" {
		kind = model.Limited
	}
	return model.NewError(kind, text, c.cfg.Key)
}

// answer puts events together. A call's arguments come as fragments of JSON.
type answer struct {
	begun, ended bool
	reason       anthropic.StopReason
	calls        []*call
	usage        *model.Usage
}

type call struct {
	index    int64
	id, name string
	args     strings.Builder
}

func (a *answer) take(e anthropic.MessageStreamEventUnion) []model.Event {
	switch e.Type {
	case "message_start":
		if u := e.Message.Usage; u.InputTokens+u.CacheReadInputTokens+u.CacheCreationInputTokens > 0 {
			a.usage = &model.Usage{
				InputTokens:  u.InputTokens + u.CacheReadInputTokens + u.CacheCreationInputTokens,
				CachedTokens: u.CacheReadInputTokens, OutputTokens: u.OutputTokens,
			}
		}
	case "content_block_start":
		a.begun = true
		if e.ContentBlock.Type == "tool_use" {
			a.calls = append(a.calls, &call{index: e.Index, id: e.ContentBlock.ID, name: e.ContentBlock.Name})
		} else if e.ContentBlock.Text != "" {
			return []model.Event{model.TextDelta{Text: e.ContentBlock.Text}}
		}
	case "content_block_delta":
		if e.Delta.Text != "" {
			return []model.Event{model.TextDelta{Text: e.Delta.Text}}
		}
		for _, c := range a.calls {
			if c.index == e.Index {
				c.args.WriteString(e.Delta.PartialJSON)
			}
		}
	case "message_delta":
		a.reason = e.Delta.StopReason
		if n := e.Usage.OutputTokens; n > 0 && a.usage != nil {
			a.usage.OutputTokens = n
		}
	case "message_stop":
		a.ended = true
	}
	return nil
}

func (a *answer) end() []model.Event {
	var out []model.Event
	for i, c := range a.calls {
		out = append(out, model.NewToolCall(c.id, c.name, c.args.String(), i))
	}
	if a.usage != nil {
		out = append(out, *a.usage)
	}
	reason := model.Stop
	switch a.reason {
	case anthropic.StopReasonRefusal:
		reason = model.Filtered
	case anthropic.StopReasonMaxTokens, anthropic.StopReasonModelContextWindowExceeded:
		reason = model.MaxTokens
	case anthropic.StopReasonToolUse:
		reason = model.ToolUse
	}
	return append(out, model.Done{Reason: reason})
}

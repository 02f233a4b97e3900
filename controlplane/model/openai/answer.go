package openai

import (
	"strings"

	"github.com/openai/openai-go/v3"

	"github.com/kubechat/kubechat/controlplane/model"
)

// answer puts chunks together. Calls come in fragments, each with the index of its call; they are given whole, at the end.
type answer struct {
	begun   bool
	reason  string
	calls   []*call
	usage   *model.Usage
	refused bool
}

type call struct {
	index    int64
	id, name string
	args     strings.Builder
}

func (a *answer) take(chunk openai.ChatCompletionChunk) []model.Event {
	if u := chunk.Usage; u.TotalTokens > 0 || u.PromptTokens > 0 {
		a.usage = &model.Usage{InputTokens: u.PromptTokens, CachedTokens: u.PromptTokensDetails.CachedTokens, OutputTokens: u.CompletionTokens}
	}
	var out []model.Event
	for _, choice := range chunk.Choices {
		if choice.FinishReason != "" {
			a.reason = choice.FinishReason
		}
		text := choice.Delta.Content
		if r := choice.Delta.Refusal; r != "" {
			a.refused, text = true, text+r
		}
		if text != "" {
			a.begun = true
			out = append(out, model.TextDelta{Text: text})
		}
		for _, t := range choice.Delta.ToolCalls {
			a.begun = true
			c := a.call(t.Index, t.ID)
			if t.ID != "" {
				c.id = t.ID
			}
			if t.Function.Name != "" {
				c.name = t.Function.Name
			}
			c.args.WriteString(t.Function.Arguments)
		}
	}
	return out
}

// call finds the call that a fragment belongs to. Some servers number every call 0 and tell them apart by their ids.
func (a *answer) call(index int64, id string) *call {
	for i := len(a.calls) - 1; i >= 0; i-- {
		if c := a.calls[i]; c.index == index && (id == "" || c.id == "" || c.id == id) {
			return c
		}
	}
	c := &call{index: index}
	a.calls = append(a.calls, c)
	return c
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
	switch {
	case a.refused, a.reason == "content_filter":
		reason = model.Filtered
	case a.reason == "length":
		reason = model.MaxTokens
	case len(a.calls) > 0:
		reason = model.ToolUse
	}
	return append(out, model.Done{Reason: reason})
}

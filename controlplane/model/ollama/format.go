package ollama

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/kubechat/kubechat/controlplane/model"
)

// formatRequest asks a model without tools for an answer of a form that can name one.
func (c *Client) formatRequest(req model.Request) request {
	out := c.bare(req)
	for i := range out.Messages {
		m := &out.Messages[i]
		if m.Role == "tool" { // it has never heard of that role
			m.Role, m.Content = "user", "Result of the tool "+m.ToolName+":\n"+m.Content
			m.ToolName = ""
		}
		for _, call := range m.Calls {
			said, err := json.Marshal(formatted{Tool: call.Function.Name, Arguments: call.Function.Arguments})
			if err == nil {
				m.Content += string(said)
			}
		}
		m.Calls = nil
	}
	if req.Withdrawn || len(req.Tools) == 0 {
		return out
	}
	out.Messages[0].Content += describe(req.Tools)
	names := []string{""}
	for _, t := range req.Tools {
		names = append(names, t.Name)
	}
	schema, err := json.Marshal(map[string]any{
		"type": "object", "required": []string{"tool", "arguments"}, "properties": map[string]any{
			"tool": map[string]any{"type": "string", "enum": names}, "arguments": map[string]any{"type": "object"}, "answer": map[string]any{"type": "string"},
		},
	})
	if err == nil {
		out.Format = schema
	}
	return out
}

// formatted is an answer of that form.
type formatted struct {
	Tool      string          `json:"tool"`
	Arguments json.RawMessage `json:"arguments"`
	Answer    string          `json:"answer,omitempty"`
}

// readFormat reads the whole of such an answer: a part of it means nothing.
func readFormat(ctx context.Context, body io.ReadCloser, key string, yield func(model.Event, error) bool) {
	var text strings.Builder
	for l, err := range lines(ctx, body, key) {
		if err != nil {
			yield(nil, err)
			return
		}
		text.WriteString(l.Message.Content)
		if !l.Done {
			continue
		}
		event, called := readFormatted(text.String())
		if event != nil && !yield(event, nil) {
			return
		}
		l.end(called, yield)
	}
}

func readFormatted(text string) (event model.Event, called bool) {
	var f formatted
	if err := json.Unmarshal([]byte(text), &f); err != nil || f.Tool == "" && f.Answer == "" {
		if strings.TrimSpace(text) == "" {
			return nil, false
		}
		return model.TextDelta{Text: text}, false // it said something, in its own form
	}
	if f.Tool != "" {
		return model.NewToolCall("", f.Tool, arguments(f.Arguments), 0), true
	}
	return model.TextDelta{Text: f.Answer}, false
}

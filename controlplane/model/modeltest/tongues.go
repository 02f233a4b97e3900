package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/kubechat/kubechat/controlplane/model"
)

func number(v any) int {
	f, _ := v.(float64)
	return int(f)
}

func maybe(v any) *float64 {
	if f, ok := v.(float64); ok {
		return &f
	}
	return nil
}

func list(v any) []map[string]any {
	items, _ := v.([]any)
	var out []map[string]any
	for _, i := range items {
		if m, ok := i.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

func text(v any) string { s, _ := v.(string); return s }

func data(w http.ResponseWriter, event string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a script's own values
	}
	if event != "" {
		_, _ = fmt.Fprintf(w, "event: %s\n", event)
	}
	_, _ = fmt.Fprintf(w, "data: %s\n\n", b)
	_ = http.NewResponseController(w).Flush()
}

func fail(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

type m = map[string]any

// OpenAI is chat completions by server-sent events.
type OpenAI struct{}

// Read understands a chat completion.
func (OpenAI) Read(_ *http.Request, b map[string]any) Seen {
	s := Seen{MaxTokens: number(b["max_tokens"]) + number(b["max_completion_tokens"]), Temperature: maybe(b["temperature"])}
	for _, msg := range list(b["messages"]) {
		switch msg["role"] {
		case "system":
			s.System += text(msg["content"])
		case "tool":
			s.Results = append(s.Results, text(msg["tool_call_id"]))
		}
	}
	for _, t := range list(b["tools"]) {
		s.Tools = append(s.Tools, text(object(t["function"])["name"]))
	}
	return s
}

// Write streams chunks; the calls' arguments come in pieces, in turns.
func (OpenAI) Write(w http.ResponseWriter, a Answer) {
	w.Header().Set("Content-Type", "text/event-stream")
	chunk := func(delta m, finish any) {
		data(w, "", m{"id": "c", "object": "chat.completion.chunk", "model": "scripted", "choices": []m{{"index": 0, "delta": delta, "finish_reason": finish}}})
	}
	for _, t := range a.Text {
		chunk(m{"role": "assistant", "content": t}, nil)
	}
	if a.Cut || a.Hang {
		return
	}
	for part := range 2 {
		for i, c := range a.Calls {
			call := m{"index": i, "function": m{"arguments": halves(args(c))[part]}}
			if part == 0 {
				call["id"], call["type"], call["function"] = c.ID, "function", m{"name": c.Name, "arguments": halves(args(c))[0]}
			}
			chunk(m{"tool_calls": []m{call}}, nil)
		}
	}
	reasons := map[model.Reason]string{model.Stop: "stop", model.ToolUse: "tool_calls", model.MaxTokens: "length", model.Filtered: "content_filter"}
	chunk(m{}, reasons[a.reason()])
	if u := a.Usage; u != nil {
		data(w, "", m{"id": "c", "object": "chat.completion.chunk", "choices": []m{}, "usage": m{
			"prompt_tokens": u.InputTokens, "completion_tokens": u.OutputTokens, "total_tokens": u.InputTokens + u.OutputTokens,
			"prompt_tokens_details": m{"cached_tokens": u.CachedTokens},
		}})
	}
	_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
}

// Fail answers as OpenAI does.
func (OpenAI) Fail(w http.ResponseWriter, a Answer, message string) {
	fail(w, a.Status, m{"error": m{"message": message, "type": "server_error", "code": nil, "param": nil}})
}

// Anthropic is messages by server-sent events.
type Anthropic struct{}

// Read understands a message.
func (Anthropic) Read(_ *http.Request, b map[string]any) Seen {
	s := Seen{MaxTokens: number(b["max_tokens"]), Temperature: maybe(b["temperature"])}
	for _, block := range list(b["system"]) {
		s.System += text(block["text"])
	}
	for _, t := range list(b["tools"]) {
		s.Tools = append(s.Tools, text(t["name"]))
	}
	for _, msg := range list(b["messages"]) {
		for _, block := range list(msg["content"]) {
			if block["type"] == "tool_result" {
				s.Results = append(s.Results, text(block["tool_use_id"]))
			}
		}
	}
	return s
}

// Write streams blocks.
func (Anthropic) Write(w http.ResponseWriter, a Answer) {
	w.Header().Set("Content-Type", "text/event-stream")
	usage := m{}
	if u := a.Usage; u != nil {
		usage = m{"input_tokens": u.InputTokens - u.CachedTokens, "cache_read_input_tokens": u.CachedTokens, "output_tokens": 1}
	}
	data(w, "message_start", m{"type": "message_start", "message": m{"id": "m", "type": "message", "role": "assistant", "content": []any{}, "usage": usage}})
	data(w, "ping", m{"type": "ping"})
	index := 0
	if len(a.Text) > 0 {
		data(w, "content_block_start", m{"type": "content_block_start", "index": 0, "content_block": m{"type": "text", "text": ""}})
		for _, t := range a.Text {
			data(w, "content_block_delta", m{"type": "content_block_delta", "index": 0, "delta": m{"type": "text_delta", "text": t}})
		}
		index++
	}
	if a.Cut || a.Hang {
		return
	}
	for _, c := range a.Calls {
		data(w, "content_block_start", m{"type": "content_block_start", "index": index, "content_block": m{"type": "tool_use", "id": c.ID, "name": c.Name, "input": m{}}})
		for _, h := range halves(args(c)) {
			data(w, "content_block_delta", m{"type": "content_block_delta", "index": index, "delta": m{"type": "input_json_delta", "partial_json": h}})
		}
		data(w, "content_block_stop", m{"type": "content_block_stop", "index": index})
		index++
	}
	reasons := map[model.Reason]string{model.Stop: "end_turn", model.ToolUse: "tool_use", model.MaxTokens: "max_tokens", model.Filtered: "refusal"}
	end := m{}
	if a.Usage != nil {
		end["output_tokens"] = a.Usage.OutputTokens
	}
	data(w, "message_delta", m{"type": "message_delta", "delta": m{"stop_reason": reasons[a.reason()]}, "usage": end})
	data(w, "message_stop", m{"type": "message_stop"})
}

// Fail answers as Anthropic does.
func (Anthropic) Fail(w http.ResponseWriter, a Answer, message string) {
	fail(w, a.Status, m{"type": "error", "error": m{"type": "api_error", "message": message}})
}

// Ollama is /api/chat by lines of JSON.
type Ollama struct {
	NoTools bool // the model knows none, and the server says so
}

// Read understands a chat. Ollama answers calls by their order and name: they have no ids on the wire.
func (Ollama) Read(_ *http.Request, b map[string]any) Seen {
	opts := object(b["options"])
	s := Seen{MaxTokens: number(opts["num_predict"]), Temperature: maybe(opts["temperature"])}
	var ids []string
	for _, msg := range list(b["messages"]) {
		switch msg["role"] {
		case "system":
			s.System += text(msg["content"])
		case "assistant":
			for _, c := range list(msg["tool_calls"]) {
				ids = append(ids, text(c["id"]))
			}
		case "tool":
			if len(s.Results) < len(ids) {
				s.Results = append(s.Results, ids[len(s.Results)])
			}
		}
	}
	for _, t := range list(b["tools"]) {
		s.Tools = append(s.Tools, text(object(t["function"])["name"]))
	}
	return s
}

// Write streams lines; calls come whole.
func (Ollama) Write(w http.ResponseWriter, a Answer) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	line := func(v m) {
		_ = json.NewEncoder(w).Encode(v)
		_ = http.NewResponseController(w).Flush()
	}
	for _, t := range a.Text {
		line(m{"message": m{"role": "assistant", "content": t}, "done": false})
	}
	if a.Cut || a.Hang {
		return
	}
	var calls []m
	for _, c := range a.Calls {
		f := m{"name": c.Name, "arguments": json.RawMessage(c.Args)}
		if c.Malformed != "" {
			f["arguments"] = c.Malformed
		}
		calls = append(calls, m{"id": c.ID, "function": f})
	}
	if len(calls) > 0 {
		line(m{"message": m{"role": "assistant", "content": "", "tool_calls": calls}, "done": false})
	}
	end := m{"message": m{"role": "assistant", "content": ""}, "done": true, "done_reason": "stop"}
	if a.reason() == model.MaxTokens {
		end["done_reason"] = "length"
	}
	if u := a.Usage; u != nil {
		end["prompt_eval_count"], end["eval_count"] = u.InputTokens, u.OutputTokens
	}
	line(end)
}

// Fail answers as Ollama does.
func (Ollama) Fail(w http.ResponseWriter, a Answer, message string) {
	fail(w, a.Status, m{"error": message})
}

package modeltest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/kubechat/kubechat/controlplane/model"
)

func frame(w http.ResponseWriter, event, contentType string, payload []byte) {
	headers := eventstream.Headers{}
	headers.Set(":message-type", eventstream.StringValue("event"))
	headers.Set(":event-type", eventstream.StringValue(event))
	headers.Set(":content-type", eventstream.StringValue(contentType))
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, eventstream.Message{Headers: headers, Payload: payload}); err != nil {
		panic(err) // a script's own values
	}
	_, _ = w.Write(b.Bytes())
	_ = http.NewResponseController(w).Flush()
}

// Bedrock is ConverseStream by AWS event-stream frames.
type Bedrock struct{}

// Read understands a conversation.
func (Bedrock) Read(_ *http.Request, b map[string]any) Seen {
	conf := object(b["inferenceConfig"])
	s := Seen{MaxTokens: number(conf["maxTokens"]), Temperature: maybe(conf["temperature"])}
	for _, block := range list(b["system"]) {
		s.System += text(block["text"])
	}
	for _, t := range list(object(b["toolConfig"])["tools"]) {
		s.Tools = append(s.Tools, text(object(t["toolSpec"])["name"]))
	}
	for _, msg := range list(b["messages"]) {
		for _, block := range list(msg["content"]) {
			if r := object(block["toolResult"]); r != nil {
				s.Results = append(s.Results, text(r["toolUseId"]))
			}
		}
	}
	return s
}

// Write streams frames.
func (Bedrock) Write(w http.ResponseWriter, a Answer) {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	send := func(event string, v m) {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		frame(w, event, "application/json", b)
	}
	send("messageStart", m{"role": "assistant"})
	for _, t := range a.Text {
		send("contentBlockDelta", m{"contentBlockIndex": 0, "delta": m{"text": t}})
	}
	if a.Cut || a.Hang {
		return
	}
	for i, c := range a.Calls {
		send("contentBlockStart", m{"contentBlockIndex": i + 1, "start": m{"toolUse": m{"toolUseId": c.ID, "name": c.Name}}})
		for _, h := range halves(args(c)) {
			send("contentBlockDelta", m{"contentBlockIndex": i + 1, "delta": m{"toolUse": m{"input": h}}})
		}
		send("contentBlockStop", m{"contentBlockIndex": i + 1})
	}
	reasons := map[model.Reason]string{model.Stop: "end_turn", model.ToolUse: "tool_use", model.MaxTokens: "max_tokens", model.Filtered: "content_filtered"}
	send("messageStop", m{"stopReason": reasons[a.reason()]})
	if u := a.Usage; u != nil {
		send("metadata", m{"usage": m{
			"inputTokens": u.InputTokens - u.CachedTokens, "cacheReadInputTokens": u.CachedTokens, "outputTokens": u.OutputTokens, "totalTokens": u.InputTokens + u.OutputTokens,
		}, "metrics": m{"latencyMs": 1}})
	}
}

// Fail answers as AWS does.
func (Bedrock) Fail(w http.ResponseWriter, a Answer, message string) {
	w.Header().Set("X-Amzn-Errortype", awsError(a.Status))
	fail(w, a.Status, m{"message": message})
}

func awsError(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "ThrottlingException"
	case http.StatusForbidden, http.StatusUnauthorized:
		return "AccessDeniedException"
	case http.StatusBadRequest:
		return "ValidationException"
	}
	return "ServiceUnavailableException"
}

// SageMaker is an endpoint whose container speaks chat completions: OpenAI's events in payload parts, cut anywhere.
type SageMaker struct{}

// Read understands the container's request.
func (SageMaker) Read(r *http.Request, b map[string]any) Seen { return OpenAI{}.Read(r, b) }

// Write streams OpenAI's bytes in frames that end in the middle of lines.
func (SageMaker) Write(w http.ResponseWriter, a Answer) {
	rec := httptest.NewRecorder()
	OpenAI{}.Write(rec, a)
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	w.Header().Set("X-Amzn-SageMaker-Content-Type", "text/event-stream")
	for all := rec.Body.Bytes(); len(all) > 0; {
		n := min(len(all), 61)
		frame(w, "PayloadPart", "application/octet-stream", all[:n])
		all = all[n:]
	}
}

// Fail answers as AWS does.
func (SageMaker) Fail(w http.ResponseWriter, a Answer, message string) { Bedrock{}.Fail(w, a, message) }

// Package ollama speaks to an Ollama server's own /api/chat: newline-delimited JSON. Its OpenAI interface can't set the
// size of the context, and silently cuts what does not fit. Models that know no tools get them as a JSON schema for their
// answer instead.
package ollama

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/kubechat/kubechat/controlplane/model"
)

// Config is one model at one server. BaseURL and Model are required.
type Config struct {
	BaseURL string // http://host:11434
	Key     string // for a server behind a proxy that wants one; empty: none is sent
	Model   string
	Window  int          // tokens of context that the server keeps room for; 0: 32768
	HTTP    *http.Client // nil: http.DefaultClient
}

// DefaultWindow is the context, in tokens, that is asked for where nobody says.
const DefaultWindow = 32768

const (
	keepAlive = "10m" // a model that is loaded anew for each question of a conversation answers none in time
	maxLine   = 4 << 20
)

// Client asks one model.
type Client struct {
	cfg     Config
	noTools atomic.Bool // the server has said that this model knows none
}

var _ model.Streamer = (*Client)(nil)

// New makes a Client.
func New(c Config) *Client {
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	if c.Window <= 0 {
		c.Window = DefaultWindow
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	return &Client{cfg: c}
}

// Stream makes one call; a second one when the server says that the model knows no tools.
func (c *Client) Stream(ctx context.Context, req model.Request) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		if !c.noTools.Load() {
			body, err := c.send(ctx, c.request(req))
			if err == nil {
				c.read(ctx, body, yield)
				return
			}
			if !errors.Is(err, errNoTools) || len(req.Tools) == 0 {
				yield(nil, err)
				return
			}
			c.noTools.Store(true)
		}
		body, err := c.send(ctx, c.formatRequest(req))
		if err != nil {
			yield(nil, err)
			return
		}
		readFormat(ctx, body, c.cfg.Key, yield)
	}
}

var errNoTools = errors.New("the model knows no tools")

type request struct {
	Model     string          `json:"model"`
	Messages  []message       `json:"messages"`
	Tools     []tool          `json:"tools,omitempty"`
	Format    json.RawMessage `json:"format,omitempty"`
	Stream    bool            `json:"stream"`
	KeepAlive string          `json:"keep_alive"`
	Options   options         `json:"options"`
}

type options struct {
	Window      int      `json:"num_ctx"`
	MaxTokens   int      `json:"num_predict"`
	Temperature *float64 `json:"temperature,omitempty"`
}

type message struct {
	Role     string     `json:"role"`
	Content  string     `json:"content"`
	Calls    []toolCall `json:"tool_calls,omitempty"`
	ToolName string     `json:"tool_name,omitempty"`
}

type toolCall struct {
	ID       string `json:"id,omitempty"`
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

type tool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	} `json:"function"`
}

func (c *Client) request(req model.Request) request {
	out := c.bare(req)
	if req.Withdrawn {
		return out
	}
	for _, t := range req.Tools {
		var x tool
		x.Type = "function"
		x.Function.Name, x.Function.Description, x.Function.Parameters = t.Name, t.Description, t.Schema
		out.Tools = append(out.Tools, x)
	}
	return out
}

func (c *Client) bare(req model.Request) request {
	out := request{
		Model: c.cfg.Model, Stream: true, KeepAlive: keepAlive, Messages: []message{{Role: "system", Content: req.System}},
		Options: options{Window: c.cfg.Window, MaxTokens: req.MaxTokens, Temperature: req.Temperature},
	}
	names := map[string]string{} // of calls, by id
	for _, m := range req.Messages {
		switch m.Role {
		case model.Assistant:
			x := message{Role: "assistant", Content: m.Text}
			for _, call := range m.Calls {
				names[call.ID] = call.Name
				var t toolCall
				t.ID, t.Function.Name, t.Function.Arguments = call.ID, call.Name, call.Args
				x.Calls = append(x.Calls, t)
			}
			out.Messages = append(out.Messages, x)
		case model.Results:
			for _, r := range m.Results {
				out.Messages = append(out.Messages, message{Role: "tool", Content: r.Text, ToolName: names[r.Call]})
			}
		default:
			out.Messages = append(out.Messages, message{Role: "user", Content: m.Text})
		}
	}
	return out
}

func (c *Client) send(ctx context.Context, body request) (io.ReadCloser, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, model.NewError(model.Invalid, err.Error(), c.cfg.Key)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.BaseURL+"/api/chat", bytes.NewReader(b))
	if err != nil {
		return nil, model.NewError(model.Invalid, "the base URL is none", c.cfg.Key)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	res, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return nil, model.TransportError(err, false, c.cfg.Key)
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var said struct{ Error string }
	if json.Unmarshal(text, &said) == nil && said.Error != "" {
		text = []byte(said.Error)
	}
	if res.StatusCode == http.StatusBadRequest && strings.Contains(string(text), "does not support tools") {
		return nil, errNoTools
	}
	return nil, model.StatusError(res.StatusCode, res.Header, string(text), c.cfg.Key)
}

// line is one line of an answer.
type line struct {
	Message    message `json:"message"`
	Done       bool    `json:"done"`
	DoneReason string  `json:"done_reason"`
	Error      string  `json:"error"`
	Prompt     *int64  `json:"prompt_eval_count"`
	Output     int64   `json:"eval_count"`
}

// lines gives an answer's lines until the one that is done; any other end is an error.
func lines(ctx context.Context, body io.ReadCloser, key string) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		stop := context.AfterFunc(ctx, func() { _ = body.Close() })
		defer func() { stop(); _ = body.Close() }()
		scan := bufio.NewScanner(body)
		scan.Buffer(nil, maxLine)
		begun := false
		for scan.Scan() {
			if len(bytes.TrimSpace(scan.Bytes())) == 0 {
				continue
			}
			var l line
			if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
				yield(l, model.TransportError(err, true, key))
				return
			}
			if l.Error != "" {
				kind := model.Away
				if begun {
					kind = model.Cut
				}
				yield(l, model.NewError(kind, l.Error, key))
				return
			}
			begun = true
			if !yield(l, nil) || l.Done {
				return
			}
		}
		err := scan.Err()
		if ctx.Err() != nil {
			err = ctx.Err()
		} else if err == nil {
			err = io.ErrUnexpectedEOF
		}
		yield(line{}, model.TransportError(err, begun, key))
	}
}

func (c *Client) read(ctx context.Context, body io.ReadCloser, yield func(model.Event, error) bool) {
	calls := 0
	for l, err := range lines(ctx, body, c.cfg.Key) {
		if err != nil {
			yield(nil, err)
			return
		}
		if l.Message.Content != "" && !yield(model.TextDelta{Text: l.Message.Content}, nil) {
			return
		}
		for _, t := range l.Message.Calls {
			if !yield(model.NewToolCall(t.ID, t.Function.Name, arguments(t.Function.Arguments), calls), nil) {
				return
			}
			calls++
		}
		if l.Done {
			l.end(calls > 0, yield)
		}
	}
}

// arguments are an object, or with some models the text of one.
func arguments(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func (l line) end(called bool, yield func(model.Event, error) bool) {
	if l.Prompt != nil && !yield(model.Usage{InputTokens: *l.Prompt, OutputTokens: l.Output}, nil) {
		return
	}
	reason := model.Stop
	switch {
	case l.DoneReason == "length":
		reason = model.MaxTokens
	case called:
		reason = model.ToolUse
	}
	yield(model.Done{Reason: reason}, nil)
}

// describe writes the tools into a prompt, for a model that has no other way to hear of them.
func describe(tools []model.Tool) string {
	var b strings.Builder
	b.WriteString("\n\nYou may call one tool at a time. Answer with one JSON object: {\"tool\": name, \"arguments\": {…}} to call a tool, " +
		"or {\"tool\": \"\", \"arguments\": {}, \"answer\": text} to answer. The tools, with the JSON schema of their arguments:\n")
	for _, t := range tools {
		fmt.Fprintf(&b, "%s: %s %s\n", t.Name, t.Description, t.Schema)
	}
	return b.String()
}

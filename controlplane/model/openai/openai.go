// Package openai speaks to OpenAI and to every server that understands its chat completions: vLLM, LiteLLM, Azure and
// others. It uses no newer interface, because not every such server has one.
package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/shared"

	"github.com/kubechat/kubechat/controlplane/model"
)

// DefaultURL is OpenAI's own.
const DefaultURL = "https://api.openai.com/v1"

// Config is one model at one server. Model is required.
type Config struct {
	BaseURL string // empty: DefaultURL
	Key     string // empty: none is sent
	Model   string
	HTTP    *http.Client // nil: http.DefaultClient
}

// Client asks one model.
type Client struct {
	cfg         Config
	completions openai.ChatCompletionService
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
	opts := []option.RequestOption{
		option.WithBaseURL(strings.TrimRight(c.BaseURL, "/") + "/"), option.WithHTTPClient(c.HTTP), option.WithMaxRetries(0),
	}
	if c.Key != "" {
		opts = append(opts, option.WithAPIKey(c.Key))
	}
	return &Client{cfg: c, completions: openai.NewChatCompletionService(opts...)}
}

// Stream makes one call.
func (c *Client) Stream(ctx context.Context, req model.Request) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		stream := c.completions.NewStreaming(ctx, c.params(req))
		defer func() { _ = stream.Close() }()
		a := answer{}
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
		if a.reason == "" {
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

func (c *Client) params(req model.Request) openai.ChatCompletionNewParams {
	p := openai.ChatCompletionNewParams{
		Model: c.cfg.Model, Messages: messages(req),
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
	}
	own := strings.HasPrefix(c.cfg.BaseURL, DefaultURL)
	if own { // the old field is refused by its newer models, and the new one unknown to many other servers
		p.MaxCompletionTokens = openai.Int(int64(req.MaxTokens))
	} else {
		p.MaxTokens = openai.Int(int64(req.MaxTokens))
	}
	if req.Temperature != nil && !(own && reasons(c.cfg.Model)) {
		p.Temperature = openai.Float(*req.Temperature)
	}
	if req.Withdrawn && len(req.Tools) > 0 {
		p.ToolChoice.OfAuto = openai.String("none")
	}
	for _, t := range req.Tools {
		var schema map[string]any
		if err := json.Unmarshal(t.Schema, &schema); err != nil {
			panic(fmt.Sprintf("openai: the schema of tool %s: %v", t.Name, err)) // it is compiled in
		}
		def := shared.FunctionDefinitionParam{Name: t.Name, Description: openai.String(t.Description), Parameters: schema}
		if own {
			def.Strict = openai.Bool(true)
		}
		p.Tools = append(p.Tools, openai.ChatCompletionFunctionTool(def))
	}
	return p
}

// reasons tells whether OpenAI's model takes no temperature.
func reasons(name string) bool {
	return slices.ContainsFunc([]string{"o1", "o3", "o4", "gpt-5"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

func messages(req model.Request) []openai.ChatCompletionMessageParamUnion {
	out := []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(req.System)}
	for _, m := range req.Messages {
		switch m.Role {
		case model.Assistant:
			out = append(out, assistant(m))
		case model.Results:
			for _, r := range m.Results {
				out = append(out, openai.ToolMessage(r.Text, r.Call))
			}
		default:
			out = append(out, openai.UserMessage(m.Text))
		}
	}
	return out
}

func assistant(m model.Message) openai.ChatCompletionMessageParamUnion {
	var a openai.ChatCompletionAssistantMessageParam
	if m.Text != "" {
		a.Content.OfString = param.NewOpt(m.Text)
	}
	for _, call := range m.Calls {
		a.ToolCalls = append(a.ToolCalls, openai.ChatCompletionMessageToolCallUnionParam{OfFunction: &openai.ChatCompletionMessageFunctionToolCallParam{
			ID: call.ID, Function: openai.ChatCompletionMessageFunctionToolCallFunctionParam{Name: call.Name, Arguments: string(call.Args)},
		}})
	}
	return openai.ChatCompletionMessageParamUnion{OfAssistant: &a}
}

func (c *Client) failure(err error, begun bool) error {
	var status *openai.Error
	if errors.As(err, &status) {
		var h http.Header
		if status.Response != nil {
			h = status.Response.Header
		}
		text := status.Message
		if text == "" {
			text = http.StatusText(status.StatusCode)
		}
		return model.StatusError(status.StatusCode, h, text, c.cfg.Key)
	}
	var said *ssestream.StreamError
	if errors.As(err, &said) {
		kind := model.Away
		if begun {
			kind = model.Cut
		}
		return model.NewError(kind, said.Message, c.cfg.Key)
	}
	return model.TransportError(err, begun, c.cfg.Key)
}

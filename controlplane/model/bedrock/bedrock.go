// Package bedrock speaks to AWS Bedrock's ConverseStream: one form for the models of every vendor there.
package bedrock

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go/auth/bearer"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/model/signing"
)

// Config is one model, or inference profile, in one region.
type Config struct {
	signing.Config
	Model string
}

// Client asks one model.
type Client struct {
	cfg    Config
	client *bedrockruntime.Client
}

var _ model.Streamer = (*Client)(nil)

// New makes a Client; it asks AWS nothing yet.
func New(ctx context.Context, c Config) (*Client, error) {
	cfg, token, err := signing.AWS(ctx, c.Config)
	if err != nil {
		return nil, err
	}
	client := bedrockruntime.NewFromConfig(cfg, func(o *bedrockruntime.Options) {
		if token != "" {
			o.BearerAuthTokenProvider = bearer.StaticTokenProvider{Token: bearer.Token{Value: token}}
			o.AuthSchemePreference = []string{"httpBearerAuth"}
		}
	})
	return &Client{cfg: c, client: client}, nil
}

// Stream makes one call.
func (c *Client) Stream(ctx context.Context, req model.Request) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		out, err := c.client.ConverseStream(ctx, c.input(req))
		if err != nil {
			yield(nil, signing.Failure(err, false, c.cfg.Config))
			return
		}
		stream := out.GetStream()
		defer func() { _ = stream.Close() }()
		var a answer
		for e := range stream.Events() {
			if text := a.take(e); text != "" && !yield(model.TextDelta{Text: text}, nil) {
				return
			}
		}
		switch err := stream.Err(); {
		case ctx.Err() != nil:
			yield(nil, model.TransportError(ctx.Err(), a.begun))
		case err != nil:
			yield(nil, signing.Failure(err, a.begun, c.cfg.Config))
		case a.reason == "":
			yield(nil, model.NewError(model.Cut, "the answer ended without an end"))
		default:
			a.end(yield)
		}
	}
}

func (c *Client) input(req model.Request) *bedrockruntime.ConverseStreamInput {
	in := &bedrockruntime.ConverseStreamInput{
		ModelId: &c.cfg.Model, System: []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: req.System}},
		InferenceConfig: &types.InferenceConfiguration{MaxTokens: aws.Int32(int32(req.MaxTokens))}, Messages: messages(req),
	}
	if req.Temperature != nil {
		in.InferenceConfig.Temperature = aws.Float32(float32(*req.Temperature))
	}
	if len(req.Tools) == 0 {
		return in
	}
	// it has no "none": tools that are withdrawn stay, and whoever calls us refuses what they are called for
	in.ToolConfig = &types.ToolConfiguration{}
	for _, t := range req.Tools {
		var schema map[string]any
		if err := json.Unmarshal(t.Schema, &schema); err != nil {
			panic(fmt.Sprintf("bedrock: the schema of tool %s: %v", t.Name, err)) // it is compiled in
		}
		in.ToolConfig.Tools = append(in.ToolConfig.Tools, &types.ToolMemberToolSpec{Value: types.ToolSpecification{
			Name: aws.String(t.Name), Description: aws.String(t.Description),
			InputSchema: &types.ToolInputSchemaMemberJson{Value: document.NewLazyDocument(schema)},
		}})
	}
	return in
}

// messages answers every call of a message in the one message after it.
func messages(req model.Request) []types.Message {
	var out []types.Message
	add := func(role types.ConversationRole, blocks []types.ContentBlock) {
		if n := len(out); n > 0 && out[n-1].Role == role {
			out[n-1].Content = append(out[n-1].Content, blocks...)
			return
		}
		out = append(out, types.Message{Role: role, Content: blocks})
	}
	for _, m := range req.Messages {
		var blocks []types.ContentBlock
		if m.Text != "" {
			blocks = append(blocks, &types.ContentBlockMemberText{Value: m.Text})
		}
		switch m.Role {
		case model.Assistant:
			for _, call := range m.Calls {
				var args map[string]any
				if json.Unmarshal(call.Args, &args) != nil || args == nil {
					args = map[string]any{}
				}
				blocks = append(blocks, &types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{
					ToolUseId: aws.String(call.ID), Name: aws.String(call.Name), Input: document.NewLazyDocument(args),
				}})
			}
			add(types.ConversationRoleAssistant, blocks)
		case model.Results:
			for _, r := range m.Results {
				blocks = append(blocks, result(r))
			}
			add(types.ConversationRoleUser, blocks)
		default:
			add(types.ConversationRoleUser, blocks)
		}
	}
	return out
}

func result(r model.ToolResult) types.ContentBlock {
	status := types.ToolResultStatusSuccess
	if r.Failed {
		status = types.ToolResultStatusError
	}
	return &types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{
		ToolUseId: aws.String(r.Call), Status: status, Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: r.Text}},
	}}
}

// answer puts events together. A call's input comes in fragments until its block stops.
type answer struct {
	begun  bool
	reason types.StopReason
	calls  []*call
	usage  *model.Usage
}

type call struct {
	index    int32
	id, name string
	args     strings.Builder
}

func (a *answer) take(e types.ConverseStreamOutput) (text string) {
	switch e := e.(type) {
	case *types.ConverseStreamOutputMemberContentBlockStart:
		a.begun = true
		if start, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
			a.calls = append(a.calls, &call{
				index: aws.ToInt32(e.Value.ContentBlockIndex), id: aws.ToString(start.Value.ToolUseId), name: aws.ToString(start.Value.Name),
			})
		}
	case *types.ConverseStreamOutputMemberContentBlockDelta:
		a.begun = true
		switch d := e.Value.Delta.(type) {
		case *types.ContentBlockDeltaMemberText:
			return d.Value
		case *types.ContentBlockDeltaMemberToolUse:
			for _, c := range a.calls {
				if c.index == aws.ToInt32(e.Value.ContentBlockIndex) {
					c.args.WriteString(aws.ToString(d.Value.Input))
				}
			}
		}
	case *types.ConverseStreamOutputMemberMessageStop:
		a.reason = e.Value.StopReason
	case *types.ConverseStreamOutputMemberMetadata:
		if u := e.Value.Usage; u != nil {
			cached := int64(aws.ToInt32(u.CacheReadInputTokens))
			a.usage = &model.Usage{
				InputTokens:  int64(aws.ToInt32(u.InputTokens)) + cached + int64(aws.ToInt32(u.CacheWriteInputTokens)),
				CachedTokens: cached, OutputTokens: int64(aws.ToInt32(u.OutputTokens)),
			}
		}
	}
	return ""
}

func (a *answer) end(yield func(model.Event, error) bool) {
	for i, c := range a.calls {
		if !yield(model.NewToolCall(c.id, c.name, c.args.String(), i), nil) {
			return
		}
	}
	if a.usage != nil && !yield(*a.usage, nil) {
		return
	}
	reason := model.Stop
	switch a.reason {
	case types.StopReasonToolUse:
		reason = model.ToolUse
	case types.StopReasonMaxTokens, types.StopReasonModelContextWindowExceeded:
		reason = model.MaxTokens
	case types.StopReasonContentFiltered, types.StopReasonGuardrailIntervened:
		reason = model.Filtered
	}
	yield(model.Done{Reason: reason}, nil)
}

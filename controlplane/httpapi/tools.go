package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/kubechat/kubechat/controlplane/assist"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Outside is the part of Chat for assistants outside of the service.
type Outside interface {
	UseTool(ctx context.Context, scope tenant.Scope, id cluster.ID, call, tool string, args json.RawMessage) (text string, failed bool, err error)
	Suggest(ctx context.Context, scope tenant.Scope, id cluster.ID, g chat.Suggestion) (chat.Run, []chat.Event, error)
}

// Tool is one thing that an assistant may do in a cluster.
type Tool struct {
	Name        string         `json:"name"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	InputSchema map[string]any `json:"inputSchema" doc:"A JSON Schema of its arguments."`
	ReadOnly    bool           `json:"readOnly" doc:"False of the one that proposes a change, which is not used here but at …/proposals."`
}

// ToolAnswer is what a tool gave.
type ToolAnswer struct {
	Text   string `json:"text" doc:"For the assistant: JSON that says where it came from. What a cluster said is data written by others."`
	Failed bool   `json:"failed" doc:"The text says why nothing was found out."`
}

// Proposed is a change that an assistant proposed. It waits for the person, if state is awaiting_approval; otherwise it
// ended, because nothing of it may be done or there is nothing to do.
type Proposed struct {
	Run     Run               `json:"run"`
	Path    string            `json:"path" doc:"Of the page, under the service's own address, where the person decides."`
	Access  *chat.AccessData  `json:"access,omitempty" doc:"What the cluster's own RBAC says."`
	Message string            `json:"message,omitempty" doc:"Why it does not wait."`
	Problem *chat.ProblemData `json:"problem,omitempty" doc:"What stands against it."`
}

type toolInput struct {
	ClusterPath
	Tool string `path:"tool" maxLength:"64"`
	Body struct {
		Arguments map[string]any `json:"arguments,omitempty"`
	}
}

type proposalInput struct {
	ClusterPath
	Body struct {
		Request        string              `json:"request" minLength:"1" maxLength:"4000" doc:"The person's own words that ask for the change."`
		Steps          []map[string]any    `json:"steps" minItems:"1" maxItems:"5" doc:"As the schema of propose_plan says."`
		Program        string              `json:"program,omitempty" maxLength:"200" doc:"What the assistant is called."`
		ConversationID chat.ConversationID `json:"conversationId,omitempty" maxLength:"64" doc:"Of an earlier proposal, to go on with."`
		Key            string              `json:"key" minLength:"8" maxLength:"200" doc:"Choose it at random, once per proposal."`
	}
}

func (a *API) registerTools() {
	member(a, op{
		id: "list-tools", method: http.MethodGet, path: "/tools", tag: "tools", action: tenant.Ask,
		summary: "What an assistant may do in a cluster: look, and propose",
	}, func(context.Context, tenant.Scope, *InTenant) (*body[list[Tool]], error) {
		return listOf(assist.Outside(), func(t assist.Tool) Tool { return Tool{t.Name, t.Title, t.Description, t.Schema, t.ReadOnly} }), nil
	})
	member(a, op{
		id: "use-tool", method: http.MethodPost, path: "/clusters/{c}/tools/{tool}", tag: "tools", action: tenant.Ask,
		summary: "Look into a cluster as an assistant of the caller's; it is recorded as such",
	}, func(ctx context.Context, scope tenant.Scope, in *toolInput) (*body[ToolAnswer], error) {
		args, err := json.Marshal(orNone(in.Body.Arguments))
		if err != nil {
			return nil, fmt.Errorf("encode arguments: %w", err)
		}
		scope.Via = tenant.ViaMCP
		text, failed, err := a.chat.UseTool(ctx, scope, in.Cluster, RequestID(ctx), in.Tool, args)
		return &body[ToolAnswer]{ToolAnswer{text, failed}}, err
	})
	member(a, op{
		id: "propose-plan", method: http.MethodPost, path: "/clusters/{c}/proposals", tag: "tools", action: tenant.RunChanges,
		summary: "Propose a change as an assistant of the caller's, who approves it in the web chat, or not", status: http.StatusCreated,
	}, a.proposePlan)
}

func orNone(args map[string]any) map[string]any {
	if args == nil {
		return map[string]any{}
	}
	return args
}

func (a *API) proposePlan(ctx context.Context, scope tenant.Scope, in *proposalInput) (*body[Proposed], error) {
	args, err := json.Marshal(map[string]any{"steps": in.Body.Steps})
	if err != nil {
		return nil, fmt.Errorf("encode steps: %w", err)
	}
	scope.Via = tenant.ViaMCP
	run, events, err := a.chat.Suggest(ctx, scope, in.Cluster, chat.Suggestion{
		Request: in.Body.Request, Program: in.Body.Program, Conversation: in.Body.ConversationID, Key: in.Body.Key, Call: RequestID(ctx), Args: args,
	})
	if err != nil {
		return nil, err
	}
	out := Proposed{Run: viewRun(run), Path: fmt.Sprintf("/t/%s/chat/%s?run=%s", scope.Slug, run.Conversation, run.ID)}
	for _, e := range events {
		if err := out.hear(e); err != nil {
			return nil, err
		}
	}
	return &body[Proposed]{out}, nil
}

// hear takes from an event what an assistant is told.
func (p *Proposed) hear(e chat.Event) error {
	switch e.Type {
	case chat.TypeAccess:
		return json.Unmarshal(e.Data, &p.Access)
	case chat.TypeError:
		var failed chat.ErrorData
		err := json.Unmarshal(e.Data, &failed)
		p.Problem = &failed.Problem
		return err
	case chat.TypeRefused, chat.TypeEnd:
		var said struct{ Message string }
		err := json.Unmarshal(e.Data, &said)
		if said.Message != "" {
			p.Message = said.Message
		}
		return err
	}
	return nil
}

package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Chat is the domain of conversations and runs: package chat.
type Chat interface {
	Create(ctx context.Context, scope tenant.Scope, id cluster.ID) (chat.Conversation, error)
	List(ctx context.Context, scope tenant.Scope, search string) ([]chat.Conversation, error)
	Rename(ctx context.Context, scope tenant.Scope, id chat.ConversationID, title string) (chat.Conversation, error)
	Get(ctx context.Context, scope tenant.Scope, id chat.ConversationID) (chat.Conversation, []chat.Run, error)
	Delete(ctx context.Context, scope tenant.Scope, id chat.ConversationID) error
	Runs
	Outside
}

// Conversation is one thread of one member about one cluster.
type Conversation struct {
	ID        chat.ConversationID `json:"id"`
	Title     string              `json:"title"`
	Cluster   chat.ClusterRef     `json:"cluster"`
	Namespace string              `json:"namespace,omitempty"`
	CreatedAt time.Time           `json:"createdAt"`
	UpdatedAt time.Time           `json:"updatedAt"`
}

// ConversationWithRuns is a conversation with all its runs, the oldest first.
type ConversationWithRuns struct {
	Conversation
	Runs []Run `json:"runs"`
}

// ConversationPath is embedded in the input of every operation on one conversation.
type ConversationPath struct {
	InTenant
	ID chat.ConversationID `path:"id" maxLength:"64"`
}

type newConversationInput struct {
	InTenant
	Idempotent
	Body struct {
		ClusterID cluster.ID `json:"clusterId" maxLength:"64"`
	}
}

type searchInput struct {
	InTenant
	Q string `query:"q" maxLength:"200" doc:"Words that the title, or one question, must have; in any case and order."`
}

type renameInput struct {
	ConversationPath
	Body struct {
		Title string `json:"title" minLength:"1" maxLength:"200"`
	}
}

func (a *API) registerConversations() {
	member(a, op{
		id: "list-conversations", method: http.MethodGet, path: "/conversations", tag: "chat", action: tenant.Ask,
		summary: "The caller's own conversations, the latest first; with `q`, those whose title or questions have all its words",
	}, a.listConversations)
	creates(a, op{
		id: "create-conversation", method: http.MethodPost, path: "/conversations", tag: "chat", action: tenant.Ask,
		summary: "Begin a conversation about one cluster", status: http.StatusCreated,
	}, func(ctx context.Context, scope tenant.Scope, in *newConversationInput) (Conversation, error) {
		c, err := a.chat.Create(ctx, scope, in.Body.ClusterID)
		if err != nil {
			return Conversation{}, err
		}
		return a.viewConversation(ctx, scope, c)
	})
	member(a, op{
		id: "get-conversation", method: http.MethodGet, path: "/conversations/{id}", tag: "chat", action: tenant.Ask,
		summary: "One of the caller's conversations, with its runs",
	}, a.getConversation)
	member(a, op{
		id: "rename-conversation", method: http.MethodPatch, path: "/conversations/{id}", tag: "chat", action: tenant.Ask,
		summary: "Give one of the caller's conversations another title",
	}, func(ctx context.Context, scope tenant.Scope, in *renameInput) (*body[Conversation], error) {
		c, err := a.chat.Rename(ctx, scope, in.ID, in.Body.Title)
		if err != nil {
			return nil, err
		}
		v, err := a.viewConversation(ctx, scope, c)
		return &body[Conversation]{v}, err
	})
	member(a, op{
		id: "delete-conversation", method: http.MethodDelete, path: "/conversations/{id}", tag: "chat", action: tenant.Ask,
		summary: "Delete a conversation; what was done stays in the audit",
	}, func(ctx context.Context, scope tenant.Scope, in *ConversationPath) (*empty, error) {
		return &empty{}, a.chat.Delete(ctx, scope, in.ID)
	})
}

func (a *API) listConversations(ctx context.Context, scope tenant.Scope, in *searchInput) (*body[list[Conversation]], error) {
	cs, err := a.chat.List(ctx, scope, in.Q)
	if err != nil {
		return nil, err
	}
	clusters, err := a.clusters.List(ctx, scope)
	if err != nil {
		return nil, err
	}
	names := make(map[cluster.ID]string, len(clusters))
	for _, c := range clusters {
		names[c.ID] = c.Name
	}
	return listOf(cs, func(c chat.Conversation) Conversation { return conversation(c, names[c.Cluster]) }), nil
}

func (a *API) getConversation(ctx context.Context, scope tenant.Scope, in *ConversationPath) (*body[ConversationWithRuns], error) {
	c, runs, err := a.chat.Get(ctx, scope, in.ID)
	if err != nil {
		return nil, err
	}
	v, err := a.viewConversation(ctx, scope, c)
	if err != nil {
		return nil, err
	}
	return &body[ConversationWithRuns]{ConversationWithRuns{v, listOf(runs, viewRun).Body.Items}}, nil
}

func (a *API) viewConversation(ctx context.Context, scope tenant.Scope, c chat.Conversation) (Conversation, error) {
	cl, err := a.clusters.Get(ctx, scope, c.Cluster)
	if err != nil && !problem.Is(err, problem.NotFound) {
		return Conversation{}, err
	}
	return conversation(c, cl.Name), nil
}

func conversation(c chat.Conversation, clusterName string) Conversation {
	return Conversation{
		ID: c.ID, Title: c.Title, Cluster: chat.ClusterRef{ID: c.Cluster, Name: clusterName}, Namespace: c.Namespace,
		CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}

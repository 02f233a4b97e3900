package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// JoinTokens is the part of Clusters about join tokens.
type JoinTokens interface {
	NewJoinToken(ctx context.Context, scope tenant.Scope, id cluster.ID) (cluster.JoinToken, string, error)
	JoinTokens(ctx context.Context, scope tenant.Scope, id cluster.ID) ([]cluster.JoinToken, error)
	RevokeJoinToken(ctx context.Context, scope tenant.Scope, id cluster.ID, token string) error
}

// Join is a new join token and what to do with it.
type Join struct {
	ID        string    `json:"id"`
	Token     string    `json:"token" doc:"Shown this once, and kept nowhere; good for one agent."`
	ExpiresAt time.Time `json:"expiresAt"`
	Helm      string    `json:"helm" doc:"The whole line to run in the cluster."`
	Demo      string    `json:"demo,omitempty"`
}

// JoinToken is one join token, without its secret.
type JoinToken struct {
	ID        string     `json:"id"`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt time.Time  `json:"expiresAt"`
	UsedAt    *time.Time `json:"usedAt,omitempty"`
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
}

func viewJoinToken(t cluster.JoinToken) JoinToken {
	return JoinToken{t.ID, t.CreatedAt.UTC(), t.ExpiresAt.UTC(), timePtr(t.UsedAt), timePtr(t.RevokedAt)}
}

type newJoinTokenInput struct {
	ClusterPath
	Idempotent
}

type joinTokenInput struct {
	ClusterPath
	ID string `path:"id" maxLength:"64"`
}

func (a *API) registerJoinTokens() {
	member(a, op{
		id: "list-join-tokens", method: http.MethodGet, path: "/clusters/{c}/join-tokens", tag: "clusters",
		action: tenant.ManageClusters, summary: "A cluster's join tokens, newest first",
	}, func(ctx context.Context, scope tenant.Scope, in *ClusterPath) (*body[list[JoinToken]], error) {
		ts, err := a.clusters.JoinTokens(ctx, scope, in.Cluster)
		return listOf(ts, viewJoinToken), err
	})
	creates(a, op{
		id: "create-join-token", method: http.MethodPost, path: "/clusters/{c}/join-tokens", tag: "clusters",
		action: tenant.ManageClusters, summary: "Make a join token: one agent may enrol with it, within a day", status: http.StatusCreated,
	}, func(ctx context.Context, scope tenant.Scope, in *newJoinTokenInput) (Join, error) {
		return a.newJoin(ctx, scope, in.Cluster)
	})
	member(a, op{
		id: "revoke-join-token", method: http.MethodDelete, path: "/clusters/{c}/join-tokens/{id}", tag: "clusters",
		action: tenant.ManageClusters, summary: "Void an unused join token",
	}, func(ctx context.Context, scope tenant.Scope, in *joinTokenInput) (*empty, error) {
		return &empty{}, a.clusters.RevokeJoinToken(ctx, scope, in.Cluster, in.ID)
	})
}

func (a *API) newJoin(ctx context.Context, scope tenant.Scope, id cluster.ID) (Join, error) {
	t, secret, err := a.clusters.NewJoinToken(ctx, scope, id)
	if err != nil {
		return Join{}, err
	}
	j := Join{ID: t.ID, Token: secret, ExpiresAt: t.ExpiresAt.UTC(), Helm: a.install.Helm(secret)}
	if a.demo {
		j.Demo = a.install.Demo(secret)
	}
	return j, nil
}

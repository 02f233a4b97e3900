package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Tokens keeps a member's API tokens: package signin.
type Tokens interface {
	CreateToken(ctx context.Context, scope tenant.Scope, name string, expires time.Time) (login.Token, login.Secret, error)
	Tokens(ctx context.Context, scope tenant.Scope) ([]login.Token, error)
	RevokeToken(ctx context.Context, scope tenant.Scope, id string) error
}

// Token is one API token, without its secret.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  time.Time  `json:"expiresAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
	RevokedAt  *time.Time `json:"revokedAt,omitempty"`
}

func viewToken(t login.Token) Token {
	return Token{t.ID, t.Name, t.CreatedAt.UTC(), t.ExpiresAt.UTC(), timePtr(t.LastUsedAt), timePtr(t.RevokedAt)}
}

// NewToken is an API token with its secret.
type NewToken struct {
	Token
	Secret string `json:"token" doc:"Shown this once, and kept nowhere."`
}

type newTokenInput struct {
	InTenant
	Idempotent
	Body struct {
		Name      string    `json:"name" minLength:"1" maxLength:"80"`
		ExpiresAt time.Time `json:"expiresAt" doc:"At most a year from now."`
	}
}

type tokenInput struct {
	InTenant
	ID string `path:"id" maxLength:"64"`
}

func (a *API) registerTokens() {
	member(a, op{
		id: "list-tokens", method: http.MethodGet, path: "/tokens", tag: "tokens", action: tenant.ManageTokens,
		summary: "The caller's own API tokens",
	}, func(ctx context.Context, scope tenant.Scope, _ *InTenant) (*body[list[Token]], error) {
		ts, err := a.tokens.Tokens(ctx, scope)
		return listOf(ts, viewToken), err
	})
	creates(a, op{
		id: "create-token", method: http.MethodPost, path: "/tokens", tag: "tokens", action: tenant.ManageTokens,
		summary: "Make an API token, which may do what its member may do at the moment of its use", status: http.StatusCreated,
	}, func(ctx context.Context, scope tenant.Scope, in *newTokenInput) (NewToken, error) {
		t, secret, err := a.tokens.CreateToken(ctx, scope, in.Body.Name, in.Body.ExpiresAt)
		return NewToken{viewToken(t), secret.Reveal()}, err
	})
	member(a, op{
		id: "revoke-token", method: http.MethodDelete, path: "/tokens/{id}", tag: "tokens", action: tenant.ManageTokens,
		summary: "Revoke an API token, from the next request on",
	}, func(ctx context.Context, scope tenant.Scope, in *tokenInput) (*empty, error) {
		return &empty{}, a.tokens.RevokeToken(ctx, scope, in.ID)
	})
}

package signin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const maxTokenName = 80

// CreateToken makes an API token for the scope's own member. The secret is returned once and not kept.
func (s *Service) CreateToken(ctx context.Context, scope tenant.Scope, name string, expires time.Time) (login.Token, login.Secret, error) {
	if !scope.Can(tenant.ManageTokens) {
		return login.Token{}, "", problem.New(problem.Forbidden, "Your role does not include API tokens.")
	}
	return s.mint(ctx, scope, name, expires, false)
}

// CreateSingleUse makes a token that opens one login and does nothing else: the first admin's way in, or the demo's.
func (s *Service) CreateSingleUse(ctx context.Context, scope tenant.Scope, name string, life time.Duration) (login.Token, login.Secret, error) {
	return s.mint(ctx, scope, name, s.now().Add(life), true)
}

func (s *Service) mint(ctx context.Context, scope tenant.Scope, name string, expires time.Time, singleUse bool) (login.Token, login.Secret, error) {
	now := s.now()
	name = strings.TrimSpace(name)
	switch {
	case name == "" || len(name) > maxTokenName:
		return login.Token{}, "", problem.Newf(problem.Invalid, "A token needs a name of at most %d letters.", maxTokenName)
	case !expires.After(now):
		return login.Token{}, "", problem.New(problem.Invalid, "The token would already have expired.").WithFix("Give a later expiry.")
	case expires.Sub(now) > login.MaxTokenAge:
		return login.Token{}, "", problem.New(problem.Invalid, "A token lives at most one year.").WithFix("Give an earlier expiry.")
	}
	tok := login.Token{ID: newID(), Name: name, CreatedAt: now, ExpiresAt: expires, SingleUse: singleUse}
	secret := login.NewTokenSecret()
	if err := s.store.CreateToken(ctx, scope, tok, secret.Hash()); err != nil {
		return login.Token{}, "", fmt.Errorf("create API token: %w", err)
	}
	return tok, secret, nil
}

// Tokens lists the scope's own tokens, newest first, without those that ended long ago.
func (s *Service) Tokens(ctx context.Context, scope tenant.Scope) ([]login.Token, error) {
	return s.store.Tokens(ctx, scope)
}

// RevokeToken ends one of the scope's own tokens, from the next request on.
func (s *Service) RevokeToken(ctx context.Context, scope tenant.Scope, id string) error {
	return s.store.RevokeToken(ctx, scope, id, s.now())
}

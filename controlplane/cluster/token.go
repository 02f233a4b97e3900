package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// TokenStore keeps join tokens, by hash only.
type TokenStore interface {
	// CreateJoinToken lets the database's clock decide when the token ends, since that clock judges it later.
	CreateJoinToken(ctx context.Context, by tenant.Scope, t JoinToken, hash []byte, life time.Duration) (JoinToken, error)
	JoinTokens(ctx context.Context, t tenant.ID, id ID) ([]JoinToken, error)
	RevokeJoinToken(ctx context.Context, by tenant.Scope, id ID, token string) error
	// RedeemJoinToken uses the token up in one statement: of racing callers one gets the cluster.
	RedeemJoinToken(ctx context.Context, hash []byte, kubeSystemUID string) (tenant.ID, ID, error)
	// JoinTokenState says of a token what Redeem would find; problem.NotFound: it was never made.
	JoinTokenState(ctx context.Context, hash []byte) (TokenState, error)
}

// TokenState is whether a join token is still good.
type TokenState string

// The states. Only an unused token can be redeemed.
const (
	TokenUnused         TokenState = "unused"
	TokenUsed           TokenState = "used"
	TokenExpired        TokenState = "expired"
	TokenRevoked        TokenState = "revoked"
	TokenClusterRevoked TokenState = "cluster_revoked"
)

// NewJoinToken makes a single-use token for one cluster. The string is what the user is shown, once.
func (s *Service) NewJoinToken(ctx context.Context, scope tenant.Scope, id ID) (JoinToken, string, error) {
	if !scope.Can(tenant.ManageClusters) {
		return JoinToken{}, "", onlyAdmins("make join tokens")
	}
	display, hash, err := s.mint()
	if err != nil {
		return JoinToken{}, "", fmt.Errorf("mint a join token: %w", err)
	}
	t := JoinToken{ID: uuid.Must(uuid.NewV7()).String(), Cluster: id}
	t, err = s.store.CreateJoinToken(ctx, scope, t, hash, s.life)
	if err != nil {
		return JoinToken{}, "", err
	}
	return t, display, nil
}

// JoinTokens returns a cluster's tokens, newest first, without their secrets, which nobody has.
func (s *Service) JoinTokens(ctx context.Context, scope tenant.Scope, id ID) ([]JoinToken, error) {
	if !scope.Can(tenant.ManageClusters) {
		return nil, onlyAdmins("see join tokens")
	}
	return s.store.JoinTokens(ctx, scope.Tenant, id)
}

// RevokeJoinToken ends an unused token.
func (s *Service) RevokeJoinToken(ctx context.Context, scope tenant.Scope, id ID, token string) error {
	if !scope.Can(tenant.ManageClusters) {
		return onlyAdmins("revoke join tokens")
	}
	return s.store.RevokeJoinToken(ctx, scope, id, token)
}

// Redeem turns a token's hash into the cluster it is for, once. It has no scope: the token is all that the caller, an
// agent that enrols, has. kubeSystemUID names the Kubernetes cluster the agent runs in.
func (s *Service) Redeem(ctx context.Context, hash []byte, kubeSystemUID string) (tenant.ID, ID, error) {
	if len(hash) != 32 {
		return "", "", problem.New(problem.Unauthenticated, "That is not a join token.")
	}
	if len(kubeSystemUID) > 100 {
		return "", "", problem.New(problem.Invalid, "The kube-system namespace's UID is too long.")
	}
	return s.store.RedeemJoinToken(ctx, hash, kubeSystemUID)
}

// TokenState says whether a token is still good, without using it up. It has no scope: who knows the token's secret may
// know.
func (s *Service) TokenState(ctx context.Context, hash []byte) (TokenState, error) {
	if len(hash) != 32 {
		return "", problem.New(problem.Unauthenticated, "That is not a join token.")
	}
	return s.store.JoinTokenState(ctx, hash)
}

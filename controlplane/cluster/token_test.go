package cluster_test

import (
	"sync"
	"testing"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
)

func TestJoinTokenLetsExactlyOneOfManyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	_, token, err := w.service.NewJoinToken(t.Context(), w.admin, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	const racers = 16
	won := make(chan cluster.ID, racers)
	start := make(chan struct{})
	var wait sync.WaitGroup
	for range racers {
		wait.Go(func() {
			<-start
			_, id, err := w.service.Redeem(t.Context(), hashOf(token), "uid-1")
			if err == nil {
				won <- id
			} else if problem.As(err).Code != "join_token_used" {
				t.Errorf("loser: %v", err)
			}
		})
	}
	close(start)
	wait.Wait()
	if len(won) != 1 || <-won != c.ID {
		t.Errorf("%d winners; want 1, of the token's own cluster", len(won)+1)
	}
	tokens, err := w.service.JoinTokens(t.Context(), w.admin, c.ID)
	if err != nil || len(tokens) != 1 || tokens[0].UsedAt.IsZero() {
		t.Errorf("tokens = %+v, %v", tokens, err)
	}
}

func TestJoinTokenEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	fresh := func() (cluster.JoinToken, []byte) {
		tok, display, err := w.service.NewJoinToken(t.Context(), w.admin, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return tok, hashOf(display)
	}
	expired, expiredHash := fresh()
	w.Exec(t, `update join_token set expires_at = now() where join_token_id = $1`, expired.ID)
	revoked, revokedHash := fresh()
	if err := w.service.RevokeJoinToken(t.Context(), w.admin, c.ID, revoked.ID); err != nil {
		t.Fatal(err)
	}
	used, usedHash := fresh()
	if _, _, err := w.service.Redeem(t.Context(), usedHash, "uid"); err != nil {
		t.Fatal(err)
	}
	if err := w.service.RevokeJoinToken(t.Context(), w.admin, c.ID, used.ID); !problem.Is(err, problem.Conflict) {
		t.Errorf("a used token was revoked: %v", err)
	}
	for code, hash := range map[string][]byte{"join_token_expired": expiredHash, "join_token_revoked": revokedHash,
		"join_token_used": usedHash, "join_token_unknown": hashOf("guess")} {
		if _, _, err := w.service.Redeem(t.Context(), hash, "uid"); err == nil || problem.As(err).Code != code {
			t.Errorf("want %s, got %v", code, err)
		}
	}
	if _, _, err := w.service.Redeem(t.Context(), []byte("short"), "uid"); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("short hash: %v", err)
	}
}

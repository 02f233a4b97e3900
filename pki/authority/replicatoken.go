package authority

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// tokenKey is the name of the key that replica tokens are signed with.
const tokenKey = "replica-tokens"

// MakeReplicaToken makes a token by which replicas without keys get their first certificates, and records who made it and
// what for. It needs the configuration's key source and store, and looks at nothing else.
func MakeReplicaToken(ctx context.Context, cfg Config, actor, purpose string, life time.Duration) (pki.ReplicaToken, error) {
	if life <= 0 || purpose == "" {
		return pki.ReplicaToken{}, errors.New("a replica token needs an end and, for the record, a purpose")
	}
	key, err := openTokenKey(ctx, cfg.Keys, true)
	if err != nil {
		return pki.ReplicaToken{}, err
	}
	t, err := pki.NewReplicaToken(key, cfg.TrustDomain, time.Now().Add(life))
	if err != nil {
		return pki.ReplicaToken{}, err
	}
	return t, record(ctx, cfg, actor, "replica_token.made", t.ID+" until "+t.Expires.UTC().Format(time.RFC3339)+": "+purpose)
}

func record(ctx context.Context, cfg Config, actor, action, detail string) error {
	return cfg.Store.ChangeTrust(ctx, cfg.TrustDomain, func(t *pki.Trust) error {
		t.Record(actor, action, "%s", detail)
		return nil
	})
}

// CheckReplicaToken reports whether a token is good now, and which one it is. Its refusals are pki.ErrIdentity; one that
// has ended and was not revoked is pki.ErrReplicaTokenEnded as well.
func (a *Authority) CheckReplicaToken(ctx context.Context, text string) (id string, err error) {
	t, err := pki.ParseReplicaToken(text)
	if err != nil {
		return "", fmt.Errorf("%w: %w", pki.ErrIdentity, err)
	}
	if a.cfg.Keys == nil {
		return "", errElsewhere
	}
	key, err := openTokenKey(ctx, a.cfg.Keys, false)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: no replica token was ever made here", pki.ErrIdentity)
	}
	if err != nil {
		return "", err
	}
	ended := t.Verify(key.Public(), a.cfg.TrustDomain, time.Now())
	if ended != nil && !errors.Is(ended, pki.ErrReplicaTokenEnded) {
		return "", fmt.Errorf("%w: %w", pki.ErrIdentity, ended)
	}
	revoked, err := a.cfg.Store.SerialRevoked(ctx, revokedToken(t.ID))
	if err != nil {
		return "", fmt.Errorf("look at the replica token: %w", err)
	}
	if revoked {
		return "", fmt.Errorf("%w: the replica token was revoked", pki.ErrIdentity)
	}
	if ended != nil {
		return "", fmt.Errorf("%w: %w", pki.ErrIdentity, ended)
	}
	return t.ID, nil
}

// RevokeReplicaToken makes a token worthless: who has it gets no certificate any more, and renews none. What was issued
// with it stays good to its end, 8 hours at most. It does not know which tokens there are.
func RevokeReplicaToken(ctx context.Context, cfg Config, actor, id, reason string) error {
	if reason == "" {
		return errors.New("revoking a replica token needs a reason, for the record")
	}
	const forever = 100 * 365 * 24 * time.Hour
	if err := cfg.Store.RevokeSerial(ctx, revokedToken(id), reason, time.Now().Add(forever)); err != nil {
		return fmt.Errorf("revoke the replica token: %w", err)
	}
	return record(ctx, cfg, actor, "replica_token.revoked", id+": "+reason)
}

// revokedToken is a token among revoked serials, which are numbers.
func revokedToken(id string) string { return "replica-token-" + id }

func openTokenKey(ctx context.Context, keys pki.KeySource, make bool) (crypto.Signer, error) {
	key, err := keys.Key(ctx, tokenKey)
	if !make || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key, err = keys.Create(ctx, tokenKey)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return keys.Key(ctx, tokenKey)
	}
	return key, err
}

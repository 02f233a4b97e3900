package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/enroll"
	"github.com/kubechat/kubechat/pki/renew"
)

// store keeps the identity, and a lock so that of several replicas only one uses the join token or renews at a time.
type store interface {
	// Load is the stored data, empty before the first Save.
	Load(context.Context) (map[string][]byte, error)
	// Lock takes the right to change what the last Load gave. It says who has it instead, if somebody has, and holder
	// is "" if the data has changed since.
	Lock(context.Context) (ok bool, holder string, err error)
	// Save stores data and gives the lock back.
	Save(context.Context, map[string][]byte) error
	// Unlock gives the lock back without a change.
	Unlock(context.Context) error
	Close() error
}

func (a *agent) openStore() (store, error) {
	if a.cfg.StateDir != "" {
		return openDirStore(a.cfg.StateDir)
	}
	return newSecretStore(a.cfg.Server, a.cfg.Namespace, a.cfg.IdentitySecret, a.cfg.Name), nil
}

// ErrJoin means that the agent has no identity and can't get one with the join token it has, if any. Trying again with
// the same configuration is pointless.
var ErrJoin = errors.New("this cluster can't join KubeChat")

// retryIdentity is the pause between two looks at an identity that another replica may be about to store.
const retryIdentity = 2 * time.Second

// usedTokenKey is beside the identity's own data: the hash of the join token that it cost. A token that the owner gives
// later is thereby known to be a new one.
const usedTokenKey = "join-token.sha256"

// identity is the stored identity, or else a new one for the join token. One that is good makes the token irrelevant:
// it has most likely been used to get it. One that has expired or was refused needs a token that is new.
func (a *agent) identity(ctx context.Context) (pki.Identity, error) {
	for {
		id, err := a.load(ctx)
		switch {
		case err == nil && a.usable(id):
			return id, nil
		case err == nil && a.recoverable(id):
			var done bool
			if id, done, err = a.tryRecover(ctx, id); done || err != nil {
				return id, err
			}
		case err == nil:
			a.log.WarnContext(ctx, "stored identity has expired or was refused", "identity", id)
			fallthrough
		case errors.Is(err, pki.ErrNoIdentity):
			var done bool
			if id, done, err = a.tryJoin(ctx); done || err != nil {
				return id, err
			}
		case ctx.Err() != nil:
			return id, context.Cause(ctx)
		case errors.Is(err, errStore): // the API server may be back soon
			a.status.waiting(err.Error())
			a.log.WarnContext(ctx, "identity can't be read", "error", err)
		default:
			return id, err
		}
		if err := sleep(ctx, retryIdentity); err != nil {
			return id, err
		}
	}
}

func (a *agent) usable(id pki.Identity) bool {
	return time.Now().Before(id.Chain[0].NotAfter) && id.Chain[0].SerialNumber.String() != a.refused
}

// recoverable reports an identity that has expired so shortly ago that it can be renewed by a proof of its key. A new
// join token goes before it: its owner wants something new.
func (a *agent) recoverable(id pki.Identity) bool {
	leaf := id.Chain[0]
	return time.Now().Before(leaf.NotAfter.Add(pki.RecoveryLimit)) && leaf.SerialNumber.String() != a.refused && !a.hasNewToken()
}

// tryRecover renews an expired identity, unless another replica is at it. One that is refused for good is not tried again.
func (a *agent) tryRecover(ctx context.Context, old pki.Identity) (id pki.Identity, done bool, err error) {
	ok, holder, err := a.store.Lock(ctx)
	if err != nil || !ok {
		a.log.InfoContext(ctx, "another replica may be renewing", "holder", holder, "error", err)
		a.status.waiting("another replica " + holder + " is renewing this cluster's identity")
		return id, false, nil
	}
	a.status.waiting("renewing an expired identity at " + old.Gateway)
	a.log.InfoContext(ctx, "renewing an expired identity", "identity", old)
	id, err = renew.Once(ctx, old, a.renewal(), time.Now)
	if err == nil {
		return id, true, a.keep(ctx, id)
	}
	if refused := a.unlockAfter(ctx, err); refused != nil {
		a.refused = old.Chain[0].SerialNumber.String()
		a.log.WarnContext(ctx, "expired identity is not renewed", "error", refused)
		return id, false, nil
	}
	if ctx.Err() != nil {
		return id, false, context.Cause(ctx)
	}
	a.troubles.note(err)
	a.status.waiting("renewing an expired identity failed, and is tried again: " + err.Error())
	a.log.WarnContext(ctx, "expired identity not renewed yet", "error", err)
	return id, false, nil
}

// unlockAfter gives the lock back, and returns the control plane's refusal if trying again makes no sense.
func (a *agent) unlockAfter(ctx context.Context, err error) *pki.CallError {
	unlock, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.store.Unlock(unlock); err != nil {
		a.log.WarnContext(ctx, "identity can't be unlocked", "error", err)
	}
	var refused *pki.CallError
	if errors.As(err, &refused) && refused.Final() {
		return refused
	}
	return nil
}

// own is what proves which cluster this is: its API server's keys, and a token that it signed. An agent outside a
// cluster has no such token, and one that may not read the keys says nothing.
func (a *agent) own(ctx context.Context) pki.OwnCluster {
	token, err := readOptional(a.cfg.ServiceAccountTokenFile)
	if token = strings.TrimSpace(token); err != nil || token == "" {
		return pki.OwnCluster{}
	}
	keys, err := a.cfg.Server.KeySet(ctx)
	if err != nil {
		a.log.DebugContext(ctx, "the cluster's keys can't be read", "error", err)
		return pki.OwnCluster{}
	}
	return pki.OwnCluster{Keys: keys, ServiceAccountToken: token}
}

// tryJoin enrols, unless another replica is at it.
func (a *agent) tryJoin(ctx context.Context) (id pki.Identity, done bool, err error) {
	token, err := a.joinToken()
	if err != nil {
		return id, false, err
	}
	ok, holder, err := a.store.Lock(ctx)
	if err != nil || !ok {
		a.log.InfoContext(ctx, "another replica may be enrolling", "holder", holder, "error", err)
		a.status.waiting("another replica " + holder + " is enrolling this cluster")
		return id, false, nil
	}
	a.status.waiting("enrolling at " + token.Gateway)
	a.log.InfoContext(ctx, "enrolling", "gateway", token.Gateway, "region", token.Region)
	id, err = enroll.Join(ctx, enroll.Config{
		Token: token, Dial: a.dialGateway, Fallback: a.fallback(),
		KubeSystemUID: a.clusterUID, AgentVersion: a.cfg.Version, KubernetesVersion: a.clusterVersion,
		Own: a.own(ctx),
	})
	if err != nil {
		return id, false, a.joinFailed(ctx, err)
	}
	a.usedToken.Store(tokenHash(token))
	return id, true, a.keep(ctx, id)
}

// joinFailed gives the lock back, and says whether trying again makes sense.
func (a *agent) joinFailed(ctx context.Context, err error) error {
	if refused := a.unlockAfter(ctx, err); refused != nil {
		return fmt.Errorf("%w: %w. Create a new join token in KubeChat and give it to the agent", ErrJoin, refused)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	a.troubles.note(err)
	a.status.waiting("enrolment failed, and is tried again: " + err.Error())
	a.log.WarnContext(ctx, "enrolment failed", "error", err)
	return nil
}

// keep stores a new identity, as often as it takes: the token that it cost can't be used again.
func (a *agent) keep(ctx context.Context, id pki.Identity) error {
	for {
		err := a.save(ctx, id)
		if err == nil {
			return nil
		}
		a.log.ErrorContext(ctx, "new identity can't be stored", "error", err)
		a.status.waiting("the new identity can't be stored: " + err.Error())
		if err := sleep(ctx, retryIdentity); err != nil {
			return err
		}
	}
}

// joinToken is a token that has not been used for the stored identity, or an error in words for the owner.
func (a *agent) joinToken() (pki.JoinToken, error) {
	text, err := a.joinTokenText()
	if err != nil {
		return pki.JoinToken{}, fmt.Errorf("%w: the join token can't be read: %w", ErrJoin, err)
	}
	if text == "" && a.usedToken.Load() == "" {
		return pki.JoinToken{}, fmt.Errorf("%w: it has no identity yet, and no join token. "+
			"Create one in KubeChat under Clusters and give it to the chart as join.token", ErrJoin)
	}
	const renewable = "Create a new join token for the cluster in KubeChat and give it to the chart as join.token"
	if text == "" {
		return pki.JoinToken{}, fmt.Errorf("%w: its identity has expired, since it was offline for too long. "+renewable, ErrJoin)
	}
	token, err := pki.ParseJoinToken(text)
	if err != nil {
		return pki.JoinToken{}, fmt.Errorf("%w: its join token is not whole (%w). Copy it again, all of it: it starts with kcj1_", ErrJoin, err)
	}
	if tokenHash(token) == a.usedToken.Load() {
		return pki.JoinToken{}, fmt.Errorf("%w: its identity has expired, since it was offline for too long, and its join token has been used. "+renewable, ErrJoin)
	}
	return token, nil
}

func (a *agent) joinTokenText() (string, error) {
	text := a.cfg.JoinToken
	if text == "" {
		var err error
		if text, err = readOptional(a.cfg.JoinTokenFile); err != nil {
			return "", err
		}
	}
	return strings.TrimSpace(text), nil
}

// hasNewToken reports whether the owner has given a token since the identity in use was made.
func (a *agent) hasNewToken() bool {
	text, err := a.joinTokenText()
	if err != nil || text == "" {
		return false
	}
	token, err := pki.ParseJoinToken(text)
	return err == nil && tokenHash(token) != a.usedToken.Load()
}

func tokenHash(t pki.JoinToken) string {
	sum := t.SecretHash()
	return hex.EncodeToString(sum[:])
}

func (a *agent) load(ctx context.Context) (pki.Identity, error) {
	data, err := a.store.Load(ctx)
	if err != nil {
		return pki.Identity{}, err
	}
	id, err := pki.UnmarshalIdentity(data)
	if err == nil {
		a.usedToken.Store(string(data[usedTokenKey]))
	}
	return id, err
}

func (a *agent) save(ctx context.Context, id pki.Identity) error {
	data, err := id.Marshal()
	if err != nil {
		return err
	}
	data[usedTokenKey] = []byte(a.usedToken.Load().(string))
	return a.store.Save(ctx, data)
}

// mayRenew locks the identity as it was last loaded, so that two replicas never renew the same one: the control plane
// would take the second for a thief. The lock is given back by Save, or is taken over when its holder went quiet.
func (a *agent) mayRenew(ctx context.Context) func() bool {
	return func() bool {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		ok, holder, err := a.store.Lock(ctx)
		if !ok {
			a.log.InfoContext(ctx, "renewal left to another replica", "holder", holder, "error", err)
		}
		return ok
	}
}

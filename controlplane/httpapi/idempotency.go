package httpapi

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Answers keeps what was answered to requests that may be sent twice.
type Answers interface {
	// Claim makes the key the caller's, or says what an earlier request with it asked and was answered. status is 0
	// while that one is under way.
	Claim(ctx context.Context, scope tenant.Scope, key, asked []byte, at time.Time) (mine bool, was []byte, status int, sealed []byte, err error)
	Keep(ctx context.Context, scope tenant.Scope, key []byte, status int, sealed []byte) error
	// Forget gives the key back: nothing was created.
	Forget(ctx context.Context, scope tenant.Scope, key []byte) error
}

// Idempotent is embedded in the input of every operation that creates something.
type Idempotent struct {
	IdempotencyKey string `header:"Idempotency-Key" minLength:"16" maxLength:"200" doc:"Choose it at random, once per intention: the same key gives the same answer, and creates once, for 24 hours."`
}

func (i Idempotent) idempotencyKey() string { return i.IdempotencyKey }

// creation is an input of an operation that creates.
type creation interface{ idempotencyKey() string }

// created is the answer of such an operation.
type created[T any] struct {
	Status int
	Body   T
}

// creates registers an operation that creates something, once per Idempotency-Key.
func creates[I any, PI interface {
	*I
	creation
}, T any](a *API, o op, h func(context.Context, tenant.Scope, *I) (T, error)) {
	member(a, o, func(ctx context.Context, scope tenant.Scope, in *I) (*created[T], error) {
		key := PI(in).idempotencyKey()
		if key == "" {
			v, err := h(ctx, scope, in)
			return &created[T]{o.status, v}, err
		}
		return once(ctx, a, scope, o, key, in, h)
	})
}

func once[I, T any](ctx context.Context, a *API, scope tenant.Scope, o op, key string, in *I, h func(context.Context, tenant.Scope, *I) (T, error)) (*created[T], error) {
	asked, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("hash request: %w", err)
	}
	askedHash := hash("asked", o.id, string(asked))
	keyHash := hash("key", key)
	mine, was, status, sealed, err := a.answers.Claim(ctx, scope, keyHash, askedHash, a.now())
	switch {
	case err != nil:
		return nil, fmt.Errorf("claim idempotency key: %w", err)
	case mine:
		return create(ctx, a, scope, o, key, keyHash, in, h)
	case string(was) != string(askedHash):
		return nil, problem.New(problem.Conflict, "This Idempotency-Key was used for something else.").
			WithCode("idempotency_key_reused").WithFix("Choose a new one.")
	case status == 0:
		return nil, problem.New(problem.Conflict, "The first request with this Idempotency-Key is still under way.").
			WithCode("idempotency_in_progress").WithFix("Try again in a moment.").WithRetryAfter(time.Second)
	}
	out := &created[T]{Status: status}
	if err := unseal(key, sealed, &out.Body); err != nil {
		return nil, fmt.Errorf("read the kept answer: %w", err)
	}
	return out, nil
}

func create[I, T any](ctx context.Context, a *API, scope tenant.Scope, o op, key string, keyHash []byte, in *I, h func(context.Context, tenant.Scope, *I) (T, error)) (*created[T], error) {
	v, err := h(ctx, scope, in)
	// What was created stays created when the caller goes away, so what follows must not depend on the caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err != nil {
		if ferr := a.answers.Forget(ctx, scope, keyHash); ferr != nil {
			a.log.WarnContext(ctx, "idempotency key not given back", "request", RequestID(ctx), "error", ferr)
		}
		return nil, err
	}
	sealed, err := seal(key, v)
	if err == nil {
		err = a.answers.Keep(ctx, scope, keyHash, o.status, sealed)
	}
	if err != nil {
		a.log.WarnContext(ctx, "answer not kept for its idempotency key", "request", RequestID(ctx), "error", err)
	}
	return &created[T]{o.status, v}, nil
}

func hash(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)
}

// seal hides an answer, which may hold a secret shown once, from whoever can read the database: its key is derived from
// the caller's own Idempotency-Key, which is not kept.
func seal(key string, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	aead, err := sealer(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	return aead.Seal(nonce, nonce, plain, nil), nil
}

func unseal(key string, sealed []byte, v any) error {
	aead, err := sealer(key)
	if err != nil {
		return err
	}
	if len(sealed) < aead.NonceSize() {
		return fmt.Errorf("sealed answer of %d bytes is too short", len(sealed))
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil {
		return fmt.Errorf("open sealed answer: %w", err)
	}
	return json.Unmarshal(plain, v)
}

func sealer(key string) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, []byte(key), nil, "kubechat idempotency answer", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

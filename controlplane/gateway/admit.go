package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// How long an answer about a cluster serves, and how long a good one serves while nobody can be asked. After that a
// handshake fails: a gateway without its database lets nobody in, and keeps whom it has.
const (
	admissionFresh = 5 * time.Second
	admissionStale = 60 * time.Second
	admissionAsk   = 3 * time.Second
	maxAdmissions  = 100_000
)

// admissions remembers for a short time which clusters may connect.
type admissions struct {
	ask    func(ctx context.Context, tenant, cluster string) error
	places newcomers // nil: as many as like may ask at once

	mu    sync.Mutex // guards known
	known map[key]admission
}

type admission struct {
	at  time.Time
	err error // nil, or a refusal of package pki
}

func newAdmissions(ask func(context.Context, string, string) error) *admissions {
	return &admissions{ask: ask, known: map[key]admission{}}
}

// check says whether the cluster may connect.
func (a *admissions) check(ctx context.Context, k key) error {
	a.mu.Lock()
	known, ok := a.known[k]
	a.mu.Unlock()
	if ok && time.Since(known.at) < admissionFresh {
		return known.err
	}
	asked := time.Now()
	err := a.places.ask(ctx, func() error { // waiting for a place is not the answer's time
		ctx, cancel := context.WithTimeout(ctx, admissionAsk)
		defer cancel()
		return a.ask(ctx, string(k.tenant), string(k.cluster))
	})
	if err != nil && !isRefusal(err) {
		if ok && known.err == nil && time.Since(known.at) < admissionStale {
			return nil
		}
		return err
	}
	return a.remember(k, admission{at: asked, err: err})
}

// remember keeps an answer, unless a revocation has come in since it was asked for.
func (a *admissions) remember(k key, n admission) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.known[k]; ok && old.at.After(n.at) {
		return old.err
	}
	if len(a.known) >= maxAdmissions {
		clear(a.known)
	}
	a.known[k] = n
	return n.err
}

// refuse notes at once what a signal said, so that no handshake slips in on an older answer.
func (a *admissions) refuse(k key, err error) { _ = a.remember(k, admission{at: time.Now(), err: err}) }

// forget makes the next check ask: the cluster has just joined, maybe again.
func (a *admissions) forget(k key) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, k)
}

func isRefusal(err error) bool {
	return errors.Is(err, pki.ErrRevoked) || errors.Is(err, pki.ErrLocked) || errors.Is(err, pki.ErrIdentity) ||
		errors.Is(err, pki.ErrSuperseded) || errors.Is(err, pki.ErrForged)
}

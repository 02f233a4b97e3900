package store

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/controlplane/tenant"
)

const acme, globex = tenant.ID("acme"), tenant.ID("globex")

// source is what memory stands before: it counts how often it is asked.
type source struct {
	value string
	err   error
	asked int
	while func() // happens while it is asked
}

func (s *source) ask(ctx context.Context) (tenant.ID, string, error) {
	s.asked++
	value := s.value
	if s.while != nil {
		s.while()
	}
	return acme, value, s.err
}

func want(t *testing.T, k *known, s *source, value string, asked int) {
	t.Helper()
	got, err := recall(t.Context(), k, "key", s.ask)
	if err != nil || got != value || s.asked != asked {
		t.Errorf("got %q (%v) after %d questions, want %q after %d", got, err, s.asked, value, asked)
	}
}

func TestAnswersAreKeptOnlyWhileChangesAreHeardOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, s := newKnown(), &source{value: "viewer"}
		want(t, k, s, "viewer", 1)
		want(t, k, s, "viewer", 2) // nobody listens yet
		k.hear(time.Now())
		want(t, k, s, "viewer", 3)
		want(t, k, s, "viewer", 3)
		time.Sleep(deafAfter + time.Millisecond)
		want(t, k, s, "viewer", 4)
		k.hear(time.Now())
		want(t, k, s, "viewer", 4)
		for range int(knownFor/deafAfter) + 1 {
			time.Sleep(deafAfter)
			k.hear(time.Now())
		}
		want(t, k, s, "viewer", 5) // too old, however quiet it was
	})
}

func TestChangeIsSeenByTheNextQuestion(t *testing.T) {
	t.Parallel()
	k, s := newKnown(), &source{value: "admin"}
	k.hear(time.Now())
	want(t, k, s, "admin", 1)
	k.forget(globex)
	want(t, k, s, "admin", 1) // another tenant's change
	s.value = "viewer"
	k.forget(acme)
	want(t, k, s, "viewer", 2)
	s.value = "operator"
	k.forgetAll()
	want(t, k, s, "operator", 3)
}

func TestAnswerThatAChangeOvertookIsNotKept(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*known){"of the tenant": func(k *known) { k.forget(acme) }, "of anything": (*known).forgetAll} {
		k, s := newKnown(), &source{value: "admin"}
		k.hear(time.Now())
		s.while = func() { change(k) }
		want(t, k, s, "admin", 1) // it was so when it was read
		s.while, s.value = nil, "viewer"
		want(t, k, s, "viewer", 2)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestWhileTheDatabaseIsAwayTheLastAnswerHoldsForAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, s := newKnown(), &source{value: "viewer"}
		k.hear(time.Now())
		want(t, k, s, "viewer", 1)
		s.err = errAway
		time.Sleep(deafAfter + time.Millisecond)
		want(t, k, s, "viewer", 2)
		want(t, k, s, "viewer", 2) // it was asked a moment ago
		time.Sleep(retryAway + time.Millisecond)
		want(t, k, s, "viewer", 3)
		time.Sleep(awayGrace)
		if _, err := recall(t.Context(), k, "key", s.ask); !errors.Is(err, errAway) {
			t.Errorf("after the grace: %v", err)
		}
		s.err, s.value = nil, "admin"
		want(t, k, s, "admin", 5)
	})
}

func TestHangingDatabaseHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, s := newKnown(), &source{value: "viewer"}
		k.hear(time.Now())
		want(t, k, s, "viewer", 1)
		time.Sleep(deafAfter + time.Millisecond)
		start := time.Now()
		hang := func(ctx context.Context) (tenant.ID, string, error) {
			<-ctx.Done()
			return "", "", ctx.Err()
		}
		for range 10 {
			if got, err := recall(t.Context(), k, "key", hang); err != nil || got != "viewer" {
				t.Errorf("got %q, %v", got, err)
			}
		}
		if took := time.Since(start); took > 2*retryAway {
			t.Errorf("ten questions took %v", took)
		}
	})
}

func TestOtherFailuresAreNotHidden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, s := newKnown(), &source{value: "viewer"}
		k.hear(time.Now())
		want(t, k, s, "viewer", 1)
		time.Sleep(deafAfter + time.Millisecond)
		s.err = errNoSecret // it is gone: that is an answer
		if _, err := recall(t.Context(), k, "key", s.ask); !errors.Is(err, errNoSecret) {
			t.Error(err)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	k := newKnown()
	k.hear(time.Now())
	for i := range maxKnown + 10 {
		k.keep(k.mark(), strconv.Itoa(i), acme, i)
	}
	if len(k.answers) > maxKnown {
		t.Errorf("%d answers", len(k.answers))
	}
	k.forgetAll()
	for i := range maxKnown + 10 {
		k.forget(tenant.ID(strconv.Itoa(i)))
	}
	if len(k.changed) > maxKnown {
		t.Errorf("%d tenants", len(k.changed))
	}
}

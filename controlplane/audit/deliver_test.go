package audit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// shaky is a real store whose answers are lost now and then.
type shaky struct {
	audit.Store
	mu   sync.Mutex
	lose map[string]bool // by method: the work is done, the answer is lost
	away bool            // nothing is done
}

func (s *shaky) is(method string) (away, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away, s.lose[method]
}

func (s *shaky) set(away bool, lose ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away, s.lose = away, map[string]bool{}
	for _, m := range lose {
		s.lose[m] = true
	}
}

func (s *shaky) Begin(ctx context.Context, replica string, by tenant.Scope, id audit.IntentID, in audit.Intent) error {
	away, lost := s.is("begin")
	if away {
		return errAway
	}
	err := s.Store.Begin(ctx, replica, by, id, in)
	if lost {
		return errors.Join(errAway, err)
	}
	return err
}

func (s *shaky) Finish(ctx context.Context, by tenant.Scope, id audit.IntentID, res audit.Result) error {
	away, lost := s.is("finish")
	if away {
		return errAway
	}
	err := s.Store.Finish(ctx, by, id, res)
	if lost {
		return errors.Join(errAway, err)
	}
	return err
}

func TestResultThatTheDatabaseDidNotTakeIsOfferedUntilItDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &shaky{Store: w.DB.Audit()}
	w.log = audit.New(audit.Config{Store: s, Replica: w.replica})
	runs(t, w.log)
	away, lost := w.begin(t), w.begin(t)
	s.set(true)
	if err := w.log.Finish(t.Context(), w.admin, away, audit.Result{Outcome: audit.Succeeded}); err == nil {
		t.Error("Finish says that it wrote what it did not")
	}
	s.set(false, "finish")
	if err := w.log.Finish(t.Context(), w.admin, lost, audit.Result{Outcome: audit.Failed, HTTPStatus: 500}); err == nil {
		t.Error("Finish says that it knows what it does not")
	}
	s.set(false)
	eventually(t, "both results are there", func() bool { return w.log.Waiting() == 0 })
	if a, b := w.outcome(t, away), w.outcome(t, lost); a != audit.Succeeded || b != audit.Failed {
		t.Errorf("outcomes %q, %q", a, b)
	}
	if n := w.used(t, billing.Command); n != 2 {
		t.Errorf("%d commands used; want 2", n)
	}
}

func TestIntentWhoseCommitWasNotConfirmedIsClosedAsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &shaky{Store: w.DB.Audit(), lose: map[string]bool{"begin": true}}
	w.log = audit.New(audit.Config{Store: s, Replica: w.replica})
	stop := runs(t, w.log)
	if id, err := w.log.Begin(t.Context(), w.admin, w.intent()); err == nil || id != "" {
		t.Fatalf("Begin = %q, %v", id, err)
	}
	stop()
	intents := w.list(t, audit.Query{Kind: audit.KindIntent})
	if len(intents) != 1 || intents[0].Outcome != audit.Denied {
		t.Errorf("%+v; want the intent, denied", intents)
	}
}

// absent is a store in which an unconfirmed intent never arrives.
type absent struct{ audit.Store }

func (absent) Begin(context.Context, string, tenant.Scope, audit.IntentID, audit.Intent) error {
	return errAway
}
func (absent) Finish(context.Context, tenant.Scope, audit.IntentID, audit.Result) error {
	return audit.ErrNoIntent
}

func TestUnconfirmedIntentIsLookedForOnlyAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := audit.New(audit.Config{Store: absent{}})
		runs(t, l)
		if _, err := l.Begin(t.Context(), somebody, audit.Intent{}); err == nil {
			t.Fatal("begun")
		}
		time.Sleep(10 * time.Second)
		if l.Waiting() != 1 {
			t.Error("given up while the commit may still arrive")
		}
		time.Sleep(10 * time.Second)
		if l.Waiting() != 0 {
			t.Error("looked for without end")
		}
	})
}

func TestResultsAreDeliveredBeforeTheProcessEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &shaky{Store: w.DB.Audit()}
	w.log = audit.New(audit.Config{Store: s, Replica: w.replica})
	id := w.begin(t)
	s.set(true)
	if err := w.log.Finish(t.Context(), w.admin, id, audit.Result{Outcome: audit.Succeeded}); err == nil {
		t.Fatal("written while away")
	}
	s.set(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.log.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := w.outcome(t, id); got != audit.Succeeded {
		t.Errorf("outcome %q", got)
	}
}

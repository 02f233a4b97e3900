package gateway

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

var someone = key{"tenant", "cluster"}

func TestAdmissionIsAskedForEveryFiveSecondsAndFailsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("database away")
		var answer error
		asked := 0
		a := newAdmissions(func(context.Context, string, string) error { asked++; return answer })
		check := func(want error, wantAsked int) {
			t.Helper()
			if err := a.check(t.Context(), someone); !errors.Is(err, want) || (want == nil) != (err == nil) || asked != wantAsked {
				t.Errorf("after %d questions: %v, want %v after %d", asked, err, want, wantAsked)
			}
		}
		answer = away
		check(away, 1) // nobody known, nobody to ask: out
		answer = nil
		check(nil, 2)
		answer = pki.ErrRevoked
		check(nil, 2)
		time.Sleep(admissionFresh)
		check(pki.ErrRevoked, 3)
		check(pki.ErrRevoked, 3)
		answer = nil
		time.Sleep(admissionFresh)
		check(nil, 4)
		answer = away
		time.Sleep(admissionFresh)
		check(nil, 5) // known to be good a moment ago
		time.Sleep(admissionStale - admissionFresh)
		check(away, 6)
	})
}

func TestRevocationOvertakesAnAnswerStillUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a *admissions
		a = newAdmissions(func(context.Context, string, string) error {
			time.Sleep(time.Second) // the answer was read before the revocation, and arrives after it
			a.refuse(someone, pki.ErrRevoked)
			return nil
		})
		if err := a.check(t.Context(), someone); !errors.Is(err, pki.ErrRevoked) {
			t.Errorf("let in: %v", err)
		}
	})
}

func TestSuspectsAreTriedLastAndWaitersForgotten(t *testing.T) {
	t.Parallel()
	g := &Gateway{sessions: newRegistry()}
	g.peers = newDirectory(g.sessions.wake)
	_, one := tunneltest.Pair(t, tunnel.Config{}, tunnel.Config{})
	_, two := tunneltest.Pair(t, tunnel.Config{}, tunnel.Config{})
	a, b := &link{key: someone, id: "a", session: one}, &link{key: someone, id: "b", session: two}
	if _, leave := g.sessions.expect(someone); len(g.sessions.waits) != 1 {
		t.Error("nobody waits")
	} else if leave(); len(g.sessions.waits) != 0 {
		t.Error("a waiter that left is still there")
	}
	changed, leave := g.sessions.expect(someone)
	g.sessions.add(a)
	if leave(); !isClosed(changed) {
		t.Error("who waits is not told of a new session")
	}
	g.sessions.add(b)
	a.suspected()
	b.active.Store(5)
	if ways := g.ways(someone); len(ways) != 2 || ways[0].id != "b" {
		t.Error("a suspect is tried first")
	}
	_ = two.Close()
	if ways := g.ways(someone); len(ways) != 1 || ways[0].id != "a" {
		t.Error("a closed session is tried")
	}
	if len(g.ways(key{"other", someone.cluster})) != 0 {
		t.Error("another tenant found it")
	}
	g.sessions.remove(a)
	g.sessions.remove(b)
	if len(g.sessions.links) != 0 {
		t.Error("empty entries stay")
	}
}

package faults

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// stuck is row 8: one of two backends takes connections and gets stuck at a step. Each step has its own
// time; the other slot dials on, and is up at once; the agent says at which step it was.
type stuck struct {
	at        rig.Step
	transport dialer.Transport
	says      string
}

func (c stuck) run(t *testing.T, s *rig.Service, r *rig.Replica) {
	path := rig.NewPath(t, r.Tunnels)
	k := s.Join(t, rig.JoinOptions{Path: path, Transports: []dialer.Transport{c.transport}})
	path.Target(rig.NewStuck(t, r, c.at), r.Tunnels)
	began := time.Now()
	path.Each((*rig.Link).Reset)
	rig.Eventually(t, slack, "the lost sessions are known", func() bool { return len(s.Disconnects(t, k.ID)) == 2 })
	first := rig.Eventually(t, 2*slack, "the slot that met the other backend is up", func() bool { return k.Sessions() >= 1 })
	rig.Eventually(t, 3*idleBar, "both are up", func() bool { return k.Sessions() == 2 })
	if !strings.Contains(k.Said.String(), c.says) {
		t.Errorf("the agent does not say %q", c.says)
	}
	t.Logf("one session after %s, both after %s", first.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if a, err := k.Client(t).Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Errorf("%+v, %v", a, err)
	}
}

// stuckInTCP: nothing answers the first packet. The dial alone, as the agent's address is then the stuck one.
func stuckInTCP(t *testing.T) {
	at := rig.NewFull(t)
	began := time.Now()
	_, err := dialer.Gateway{
		Addr: at, TLS: func(...string) *tls.Config { return nil }, Session: func(context.Context) tunnel.Config { return tunnel.Config{} },
	}.DialTLS(t.Context())
	step, ok := errors.AsType[*dialer.StepError](err)
	if took := time.Since(began); !ok || step.Step != dialer.StepTCP || !strings.Contains(err.Error(), "within 10s") || took > 10*time.Second+slack {
		t.Errorf("after %s: %v", took, err)
	}
}

// blackholedBackend is row 9: a balancer goes on sending every other connection to a backend that is gone. With
// every transport there is, both sessions are up in seconds.
func blackholedBackend(t *testing.T, s *rig.Service, r *rig.Replica) {
	path := rig.NewPath(t, r.Tunnels)
	k := s.Join(t, rig.JoinOptions{Path: path})
	load, stop := reads(t, k.Client(t))
	path.Target(rig.NewStuck(t, r, rig.StuckInTLS), r.Tunnels)
	path.Links()[0].Reset()
	load.more(t, 20)
	path.Links()[0].Reset() // the older of the two: the one that was there before, or its replacement
	took := rig.Eventually(t, idleBar, "both sessions are up again", func() bool { return len(s.Disconnects(t, k.ID)) == 2 && k.Sessions() == 2 })
	t.Logf("both up after %s", took.Round(time.Millisecond))
	stop()
}

// flapping is row 10: three resets, of so many sessions at a time. Reads are answered, watches miss
// nothing, and the agent comes back each time.
func flapping(sessions int) func(*testing.T, *rig.Service, *rig.Replica) {
	return func(t *testing.T, s *rig.Service, _ *rig.Replica) {
		k := s.Join(t, rig.JoinOptions{})
		client := k.Client(t)
		stopCounting := k.API.Counting(t, 20*time.Millisecond)
		w, stopWatch := watch(t, client, 1)
		load, stop := reads(t, client)
		for range 3 {
			load.more(t, 20)
			for _, l := range k.Path.Links()[:sessions] {
				l.Reset()
			}
			wait(t.Context(), long(20*time.Second, 2*time.Second))
			rig.Eventually(t, idleBar, "both sessions are up", func() bool { return k.Sessions() == 2 && len(k.Path.Links()) == 2 })
		}
		load.more(t, 20)
		stop()
		n, longest := load.count()
		t.Logf("%d reads, the longest took %s; the watch was cut %d times", n, longest, len(w.over()))
		goal := w.seen() + 20
		rig.Eventually(t, idleBar, "the watch goes on", func() bool { return w.seen() > goal || w.err() != nil })
		if err := w.err(); err != nil {
			t.Error(err)
		}
		stopWatch()
		stopCounting()
		rig.Eventually(t, slack, "the API server is left in peace", func() bool { return k.API.Active("") == 0 })
	}
}

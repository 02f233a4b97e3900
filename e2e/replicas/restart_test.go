package replicas

import (
	"cmp"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// TestRollingRestartLosesNothing restarts each replica under 200 requests a second, 50 watches and 10 shells: no request
// fails, no watch misses an event, no shell is cut within its grace.
func TestRollingRestartLosesNothing(t *testing.T) {
	s := setup{}
	if soak {
		s.replicas, s.grace = 3, 20*time.Second
	}
	r := newRig(t, s)
	l := r.load(r.web.addr)
	l.write()
	l.pod()
	l.unary(200, 32)
	l.watch(50)
	r.eventually("the load runs", func() bool { return l.reads.Load() > 200 && l.watched.Load() > 500 })
	for i, p := range r.replicas {
		shells := l.shells(10, p)
		began := time.Now()
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		for time.Since(began) < r.grace-time.Second {
			shells.goOn(t, began, r.grace)
		}
		p.waitEnd()
		t.Logf("%s ended after %s, with shells that went on", p.name, time.Since(began).Round(time.Millisecond))
		shells.end()
		before := l.reads.Load()
		r.eventually("the others serve", func() bool { return l.reads.Load() > before+100 })
		p.start()
		r.spread() // an agent whose sessions both end at one replica moves one
		before = l.watched.Load()
		r.eventually("watches go on", func() bool { return l.watched.Load() > before+500 })
		t.Logf("%d of %d replicas restarted after %s", i+1, len(r.replicas), time.Since(l.began).Round(time.Second))
	}
	l.end()
	l.check()
	if l.cleanEnds.Load() == 0 {
		t.Error("no watch was ended: the test has tested nothing")
	}
}

func TestKilledReplicaLosesNoRequestThatWasNotAccepted(t *testing.T) {
	for _, sessions := range []int{1, 2} {
		t.Run(fmt.Sprintf("an agent with %d", sessions), func(t *testing.T) {
			r := newRig(t, setup{sessions: sessions})
			dies := cmp.Or(r.holder(), r.replicas[1])
			lives := r.other(dies)
			l := r.load(lives.webAt)
			l.write()
			l.unary(100, 16)
			l.watch(10)
			r.eventually("the load runs", func() bool { return l.reads.Load() > 50 && l.watched.Load() > 20 })
			if hops := dies.metric("kubechat_gateway_hops_total"); sessions == 1 && hops < 50 {
				t.Errorf("%v requests took the hop to the replica with the tunnel, of %d", hops, l.reads.Load())
			}
			killed := time.Now()
			dies.kill()
			before, events := l.reads.Load(), l.watched.Load()
			r.eventually("reads and watches go on", func() bool { return l.reads.Load() > before+50 && l.watched.Load() > events+20 })
			l.end()
			l.forgive(cut)                   // a watch over the tunnel that died was accepted; its client goes on where it was
			l.forgive(func(f failure) bool { // nobody knows what became of a change that was accepted, and so it is not sent again
				return f.what == "a change" && f.at.Before(killed) && f.at.Add(f.took).After(killed)
			})
			l.check()
		})
	}
}

// TestSecondSessionFindsItsReplicaByName: behind a balancer that always leads to the same replica, only its own name leads to
// another.
func TestSecondSessionFindsItsReplicaByName(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{sticky: true, flags: func(p *replica) []string { return []string{"--tunnel-advertise", p.tunAt} }})
	r.replicas[0].stop() // the balancer leads to the other one now, and back again
	r.eventually("the agent has what there is", func() bool { return r.replicas[1].metric("kubechat_gateway_sessions") == 2 })
	r.replicas[0].start()
	r.spread()
}

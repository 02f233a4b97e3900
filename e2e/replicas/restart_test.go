package replicas

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

func TestRollingRestartLosesNothing(t *testing.T) {
	r := newRig(t, 2)
	l := r.load(r.web.addr)
	l.write()
	l.get(16)
	l.watch(20)
	l.pod()
	r.eventually("the load runs", func() bool { return l.gets.Load() > 50 && l.watched.Load() > 50 })

	var shells []func() error // on the replica that stops first
	for range 4 {
		shells = append(shells, l.shell(r.replicas[0].webAt))
	}
	began := time.Now()
	_ = r.replicas[0].cmd.Process.Signal(syscall.SIGTERM)
	for time.Since(began) < grace-time.Second {
		for _, next := range shells {
			if err := next(); err != nil {
				t.Fatalf("a shell was cut %s after the end was asked for, its grace is %s: %v", time.Since(began).Round(time.Millisecond), grace, err)
			}
		}
	}
	r.replicas[0].waitEnd()
	t.Logf("%s ended after %s, with shells that went on", r.replicas[0].name, time.Since(began).Round(time.Millisecond))
	r.replicas[0].start()
	r.spread() // an agent whose sessions both ended at the other replica moves one

	t.Logf("%s ended after %s", r.replicas[1].name, r.replicas[1].stop().Round(time.Millisecond))
	before := l.gets.Load()
	r.eventually("the first replica serves alone", func() bool { return l.gets.Load() > before+50 })
	r.replicas[1].start()
	r.spread()
	l.end()
	l.check()
	if l.cleanEnds.Load() == 0 {
		t.Error("no watch was ended: the test has tested nothing")
	}
}

func TestKilledReplicaLosesNoRequestThatWasNotAccepted(t *testing.T) {
	for _, sessions := range []int{1, 2} {
		t.Run(fmt.Sprintf("an agent with %d", sessions), func(t *testing.T) {
			r := newRig(t, sessions)
			dies := r.replicas[1]
			if sessions == 1 {
				dies = r.holder()
			}
			lives := r.other(dies)
			l := r.load(lives.webAt)
			l.write()
			l.get(8)
			l.watch(4)
			r.eventually("the load runs", func() bool { return l.gets.Load() > 50 && l.watched.Load() > 20 })
			if hops := dies.metric("kubechat_gateway_hops_total"); sessions == 1 && hops < 50 {
				t.Errorf("%v requests took the hop to the replica with the tunnel, of %d", hops, l.gets.Load())
			}
			dies.kill()
			before, events := l.gets.Load(), l.watched.Load()
			r.eventually("reads and watches go on", func() bool { return l.gets.Load() > before+50 && l.watched.Load() > events+20 })
			l.end()
			l.forgive("cut: ") // a watch over the tunnel that died was accepted; its client goes on where it was
			l.check()
		})
	}
}

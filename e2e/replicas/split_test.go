package replicas

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// split is a rig whose replicas reach each other over wires.
func split(t *testing.T, s setup) (*rig, map[string]*wire) {
	wires := map[string]*wire{} // by the replica they lead to
	s.seen = func(p *replica) string {
		if wires[p.name] == nil {
			wires[p.name] = newWire(t, p.peerAt)
		}
		return wires[p.name].addr
	}
	return newRig(t, s), wires
}

// TestSplitBetweenReplicasIsNotFeltWhereTheAgentIsOnBoth: each has a way of its own.
func TestSplitBetweenReplicasIsNotFeltWhereTheAgentIsOnBoth(t *testing.T) {
	r, wires := split(t, setup{})
	l := r.load(r.web.addr)
	l.write()
	l.unary(50, 8)
	l.watch(6)
	for _, fault := range []func(*wire){(*wire).cut, (*wire).hang} {
		for _, w := range wires {
			fault(w)
		}
		before, events := l.reads.Load(), l.watched.Load()
		r.eventually("requests are served without the other replica", func() bool { return l.reads.Load() > before+150 && l.watched.Load() > events+150 })
		for _, w := range wires {
			w.heal()
		}
	}
	l.quiet()
	l.end()
	l.check()
}

// TestReplicaThatCannotReachTheOneWithTheTunnelSaysSo: the agent is on one replica only, and the other's requests have no
// way to that. When there is one again, they take it.
func TestReplicaThatCannotReachTheOneWithTheTunnelSaysSo(t *testing.T) {
	t.Parallel()
	r, wires := split(t, setup{sessions: 1})
	holder := r.holder()
	without := r.other(holder)
	way := wires[holder.name]
	here, there := r.load(holder.webAt), r.load(without.webAt)
	r.eventually("the hop is known", func() bool { return there.read(http.DefaultClient) == nil })
	for _, c := range []struct {
		what   string
		fault  func(*wire)
		within time.Duration // until the cause is told
	}{
		{"it is cut", (*wire).cut, 7 * time.Second},   // 5 s for another way to come up
		{"it is dead", (*wire).hang, 8 * time.Second}, // 6 s for an answer to the hop
	} {
		c.fault(way)
		for range 3 {
			began := time.Now()
			err := there.read(http.DefaultClient)
			took := time.Since(began).Round(time.Millisecond)
			if err == nil || !strings.Contains(err.Error(), "503") ||
				!strings.Contains(err.Error(), "The replica of KubeChat that holds the tunnel of cluster prod can't be reached") {
				t.Errorf("%s, and after %s the answer is %v", c.what, took, err)
			}
			if took > c.within {
				t.Errorf("%s, and it took %s to say so", c.what, took)
			}
			if err := here.read(http.DefaultClient); err != nil {
				t.Errorf("%s, and where the tunnel ends: %v", c.what, err)
			}
		}
		way.heal()
		began := time.Now()
		r.eventually("the way is found again", func() bool { return there.read(http.DefaultClient) == nil })
		t.Logf("%s: served again %s after it healed", c.what, time.Since(began).Round(time.Millisecond))
	}
}

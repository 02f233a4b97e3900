package faults

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
)

// drainIsLost is the first of row 20: a replica that stops tells its agents, and one does not hear it. The replica
// ends in its time all the same, no read fails, and the agent comes to the other replica when it notices the silence.
func drainIsLost(t *testing.T) {
	s := rig.New(t)
	stays := s.Replica(t, rig.ReplicaOptions{})
	stops := s.Replica(t, rig.ReplicaOptions{DrainTime: 3 * time.Second})
	path := rig.NewPath(t, stays.Tunnels, stops.Tunnels)
	k := s.Join(t, rig.JoinOptions{Path: path})
	rig.Eventually(t, 2*slack, "one session at each", func() bool { return stops.Sessions(s.Admin.Tenant, k.ID) == 1 })
	load, stop := reads(t, k.ClientAt(t, stays.Web))
	load.more(t, 10)
	var lost *rig.Link
	for _, l := range path.Links() {
		if l.Leads(stops.Tunnels) {
			lost = l
		}
	}
	lost.Drop(rig.Down)
	path.Target(stays.Tunnels)
	began := time.Now()
	stops.Stop()
	if took := time.Since(began); took > 3*time.Second+2*slack {
		t.Errorf("the replica's end took %s", took)
	}
	rig.Eventually(t, idleBar+slack, "both sessions are at the other replica", func() bool { return stays.Sessions(s.Admin.Tenant, k.ID) == 2 })
	t.Logf("both sessions are elsewhere after %s", time.Since(began).Round(time.Millisecond))
	load.more(t, 10)
	stop()
}

// drainsDeadlinePasses is the second of row 20: a shell goes on in a session that drains, until the grace is over and
// no longer.
func drainsDeadlinePasses(t *testing.T) {
	s := rig.New(t)
	stays := s.Replica(t, rig.ReplicaOptions{})
	const grace = 4 * time.Second
	stops := s.Replica(t, rig.ReplicaOptions{DrainTime: grace})
	path := rig.NewPath(t, stays.Tunnels, stops.Tunnels)
	k := s.Join(t, rig.JoinOptions{Path: path})
	rig.Eventually(t, 2*slack, "one session at each", func() bool {
		return stops.Sessions(s.Admin.Tenant, k.ID) == 1 && stays.Known(s.Admin.Tenant, k.ID) == 1
	})
	load, stop := reads(t, k.ClientAt(t, stays.Web))
	// the replica that stays has more to do, so that its shell takes the hop to the one that stops
	web := k.ClientAt(t, stays.Web)
	var shells []*rig.Shell
	for range 4 {
		shells = append(shells, shell(t, web))
	}
	own := shell(t, k.ClientAt(t, stops.Web))
	_ = own
	path.Target(stays.Tunnels)
	began := time.Now()
	stops.Leave()
	rig.Eventually(t, 2*slack, "the replacement is there", func() bool { return stays.Sessions(s.Admin.Tenant, k.ID) == 2 })
	for time.Since(began) < grace-time.Second {
		for _, sh := range shells {
			if err := sh.Say("still there"); err != nil {
				t.Fatalf("a shell was cut %s after the drain began: %v", time.Since(began), err)
			}
		}
		wait(t.Context(), 100*time.Millisecond)
	}
	stops.Stop()
	if took := time.Since(began); took > 2*grace+slack {
		t.Errorf("the replica's end took %s", took)
	}
	for _, sh := range shells {
		if err := sh.Say("still there"); err != nil {
			t.Errorf("a shell over the session that stays: %v", err)
		}
	}
	load.more(t, 10)
	stop()
}

// secondReplicaDrains is the third of row 20, with three replicas: one leaves, and before the
// agent has replaced that session so does the other one that it has a session with.
func secondReplicaDrains(t *testing.T) {
	s := rig.New(t)
	stays := s.Replica(t, rig.ReplicaOptions{})
	first := s.Replica(t, rig.ReplicaOptions{DrainTime: 10 * time.Second})
	second := s.Replica(t, rig.ReplicaOptions{DrainTime: 10 * time.Second})
	path := rig.NewPath(t, first.Tunnels, second.Tunnels)
	k := s.Join(t, rig.JoinOptions{Path: path})
	rig.Eventually(t, idleBar, "one session at each", func() bool {
		return first.Sessions(s.Admin.Tenant, k.ID) == 1 && second.Sessions(s.Admin.Tenant, k.ID) == 1 && stays.Known(s.Admin.Tenant, k.ID) == 2
	})
	load, stop := reads(t, k.ClientAt(t, stays.Web)) // each takes a hop
	load.more(t, 10)
	path.Target(second.Tunnels, stays.Tunnels) // the replacement may meet the one that leaves next
	first.Leave()
	second.Leave()
	path.Target(stays.Tunnels)
	rig.Eventually(t, idleBar+slack, "both sessions are at the one that stays", func() bool { return stays.Sessions(s.Admin.Tenant, k.ID) == 2 })
	first.Stop()
	second.Stop()
	load.more(t, 10)
	stop()
	n, longest := load.count()
	t.Logf("%d reads, the longest took %s", n, longest)
}

// replicasCutFromEachOther is row 22: no link between two replicas carries anything, and the agent has a session with
// both: nobody notices. A cluster whose only session is at the other one is said to be just that.
func replicasCutFromEachOther(t *testing.T) {
	s := rig.New(t)
	// where a replica is reached is known before it listens there
	toFirst, toSecond := rig.NewPath(t), rig.NewPath(t)
	first := s.Replica(t, rig.ReplicaOptions{PeersSeen: toFirst.Addr()})
	second := s.Replica(t, rig.ReplicaOptions{PeersSeen: toSecond.Addr()})
	toFirst.Target(first.Peers)
	toSecond.Target(second.Peers)
	both := s.Join(t, rig.JoinOptions{Name: "both", Path: rig.NewPath(t, first.Tunnels, second.Tunnels)})
	only := s.Join(t, rig.JoinOptions{Name: "only", Path: rig.NewPath(t, second.Tunnels), Sessions: 1})
	asked := only.ClientAt(t, first.Web)
	rig.Eventually(t, idleBar, "a hop is possible", func() bool {
		a, err := asked.Get(t.Context(), rig.Pods+"/cart")
		return err == nil && a.Code == http.StatusOK
	})
	loadFirst, stopFirst := reads(t, both.ClientAt(t, first.Web))
	loadSecond, stopSecond := reads(t, both.ClientAt(t, second.Web))
	loadFirst.more(t, 10)
	for _, p := range []*rig.Path{toFirst, toSecond} {
		p.Arrivals(rig.Hanging)
		p.Each(func(l *rig.Link) { l.Drop(rig.Both) })
	}
	began := time.Now()
	a, err := asked.Get(t.Context(), rig.Pods+"/cart")
	if took := time.Since(began); err != nil || a.Code != http.StatusServiceUnavailable || a.Cause != "Kubechat/cluster_disconnected" || took > 3*waitingBar+slack {
		t.Errorf("at first, after %s: %d %s, %v", took, a.Code, a.Body, err)
	}
	rig.Eventually(t, 2*idleBar, "it is said to be the other replica", func() bool {
		a, err := asked.Get(t.Context(), rig.Pods+"/cart")
		return err == nil && strings.Contains(a.Message, "The replica of KubeChat that holds the tunnel of cluster only can't be reached")
	})
	loadFirst.more(t, 10)
	loadSecond.more(t, 10)
	for _, p := range []*rig.Path{toFirst, toSecond} {
		p.Arrivals(rig.Passed)
		p.Each((*rig.Link).Reset)
	}
	rig.Eventually(t, idleBar, "a hop is possible again", func() bool {
		a, err := asked.Get(t.Context(), rig.Pods+"/cart")
		return err == nil && a.Code == http.StatusOK
	})
	stopFirst()
	stopSecond()
}

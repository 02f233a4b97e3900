package faults

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
)

// stoppedAgent is row 6: SIGSTOP, and SIGCONT when its sessions are long given up. Its kernel acknowledges all the
// while. What it wakes up to is over: nothing that was asked meanwhile may happen now.
func stoppedAgent(t *testing.T, s *rig.Service, _ *rig.Replica) {
	k := s.Join(t, rig.JoinOptions{Process: true})
	client := k.Client(t)
	if a, err := client.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Fatalf("%+v, %v", a, err)
	}
	old := k.Path.Links()
	began := time.Now()
	k.Process.Stop()
	change := ask(t, client, http.MethodPatch, rig.Pods+"/asked-meanwhile")
	if r := <-change; r.err != nil || r.Code != http.StatusServiceUnavailable || r.Cause != "Kubechat/cluster_disconnected" || r.at.Sub(began) > 3*waitingBar+slack {
		t.Errorf("a change after %s: %d %s, %v", r.at.Sub(began), r.Code, r.Body, r.err)
	}
	took := rig.Eventually(t, idleBar+slack, "its sessions are given up", func() bool { return k.Sessions() == 0 })
	t.Logf("found after %s", took)
	wait(t.Context(), long(time.Minute, 2*time.Second)-time.Since(began))
	k.Process.Continue()
	rig.Eventually(t, 40*time.Second, "it has made new sessions", func() bool { return k.Sessions() == 2 })
	for _, l := range old {
		rig.Within(t, slack, "an old connection's end", l.Done())
	}
	if a, err := client.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Errorf("%+v, %v", a, err)
	}
	if n := k.API.Changes("asked-meanwhile"); n != 0 {
		t.Errorf("a change that was refused was made %d times when the agent woke up", n)
	}
	ended := s.Disconnects(t, k.ID)
	if says := ended[len(ended)-1].Reason; !strings.Contains(says, saysDead) {
		t.Errorf("it is put down as %q", says)
	}
}

// stoppedReplica is row 7: a replica stops where it is. The agent's other session serves; where the stopped replica
// holds the only one, people are told that it is the replica, and the agent is elsewhere in half a minute.
func stoppedReplica(t *testing.T) {
	s := rig.New(t)
	here := s.Replica(t, rig.ReplicaOptions{})
	there := s.ReplicaProcess(t)
	both := s.Join(t, rig.JoinOptions{Name: "both", Path: rig.NewPath(t, here.Tunnels, there.Tunnels), Sessions: 2, NoWait: true})
	only := s.Join(t, rig.JoinOptions{Name: "only", Path: rig.NewPath(t, there.Tunnels), Sessions: 1, NoWait: true})
	asked := only.Client(t) // of the replica that has no session of its own
	rig.Eventually(t, 2*idleBar, "the other replica's sessions are known here", func() bool {
		return here.Known(s.Admin.Tenant, only.ID) == 1 && here.Known(s.Admin.Tenant, both.ID) == 1 && both.Sessions() == 1
	})
	if a, err := asked.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Fatalf("by a hop: %+v, %v", a, err)
	}
	load, stop := reads(t, both.Client(t))
	load.more(t, 20)
	began := time.Now()
	there.Process.Stop()
	a, err := asked.Get(t.Context(), rig.Pods+"/cart")
	if took := time.Since(began); err != nil || a.Code != http.StatusServiceUnavailable || a.Cause != "Kubechat/cluster_disconnected" || took > 3*waitingBar+slack {
		t.Errorf("after %s: %d %s, %v", took, a.Code, a.Body, err)
	}
	only.Path.Target(here.Tunnels) // as a balancer that has noticed
	took := rig.Eventually(t, idleBar+2*slack, "the agent is elsewhere", func() bool { return only.Sessions() == 1 })
	t.Logf("the agent is elsewhere after %s", took)
	if a, err := asked.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Errorf("once the agent is elsewhere: %+v, %v", a, err)
	}
	load.more(t, 20)
	there.Process.Continue()
	through := both.ClientAt(t, there.Web)
	rig.Eventually(t, idleBar+slack, "the replica serves again", func() bool {
		a, err := through.Get(t.Context(), rig.Pods+"/cart")
		return err == nil && a.Code == http.StatusOK
	})
	stop()
}

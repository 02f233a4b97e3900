package faults

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
)

// behind is a cluster whose agent reaches its API server through a path.
func behind(t *testing.T, s *rig.Service) (k *rig.Cluster, path *rig.Path) {
	t.Helper()
	api := rig.NewAPI(t)
	path = rig.NewPath(t, api.Address())
	k = s.Join(t, rig.JoinOptions{Kubeconfig: api.Kubeconfig(t, path.Addr())})
	k.API = api
	return k, path
}

// apiServerRestarts is the first of row 19: reads wait for nothing longer than a connection, watches go on.
func apiServerRestarts(t *testing.T, s *rig.Service, _ *rig.Replica) {
	k, path := behind(t, s)
	client := k.Client(t)
	stopCounting := k.API.Counting(t, 50*time.Millisecond)
	w, stopWatch := watch(t, client, 1)
	rig.Within(t, slack, "the watch begins", w.began)
	path.Arrivals(rig.Cut) // away
	path.Each((*rig.Link).Reset)
	a, err := client.Get(t.Context(), rig.Pods+"/cart")
	if err != nil || a.Code != http.StatusServiceUnavailable || a.Cause != "KubechatAgentUpstream" || !strings.Contains(a.Message, "API server did not answer") {
		t.Errorf("while it is away: %d %s, %v", a.Code, a.Body, err)
	}
	path.Arrivals(rig.Passed)
	if a, err := client.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Errorf("once it is back: %d %s, %v", a.Code, a.Body, err)
	}
	goal := w.seen() + 10
	rig.Eventually(t, idleBar, "the watch goes on", func() bool { return w.seen() > goal || w.err() != nil })
	if err := w.err(); err != nil {
		t.Error(err)
	}
	for _, e := range w.over() {
		if e.clean {
			t.Error("a watch that broke looks as if it had ended")
		}
	}
	stopWatch()
	stopCounting()
}

// apiServerBlackholed is the second of row 19: the agent's connection to its API server carries nothing any more. It is
// found without anybody's help, is put down to the API server, and the tunnels are left alone.
func apiServerBlackholed(t *testing.T, s *rig.Service, _ *rig.Replica) {
	k, path := behind(t, s)
	client := k.Client(t)
	if a, err := client.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Fatalf("%d %s, %v", a.Code, a.Body, err)
	}
	stopCounting := k.API.Counting(t, 50*time.Millisecond)
	w, _ := watch(t, client, 1)
	rig.Within(t, slack, "the watch begins", w.began)
	path.Arrivals(rig.Hanging)
	path.Each(func(l *rig.Link) { l.Drop(rig.Both) })
	began := time.Now()
	waiting := ask(t, client, http.MethodPatch, rig.Pods+"/changed") // over the connection that hangs
	r := rig.Within(t, idleBar+slack+waitingBar, "the request's end", waiting)
	if r.err != nil || r.Code != http.StatusServiceUnavailable || r.Cause != "KubechatAgentUpstream" {
		t.Errorf("after %s: %d %s, %v", r.at.Sub(began), r.Code, r.Body, r.err)
	}
	t.Logf("a request over the dead connection ended after %s", r.at.Sub(began).Round(time.Millisecond))
	rig.Eventually(t, idleBar, "the watch is cut", func() bool { return len(w.over()) > 0 })
	path.Arrivals(rig.Passed)
	path.Each((*rig.Link).Reset)
	if a, err := client.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Errorf("once it is back: %d %s, %v", a.Code, a.Body, err)
	}
	goal := w.seen() + 10
	rig.Eventually(t, idleBar, "the watch goes on", func() bool { return w.seen() > goal || w.err() != nil })
	if err := w.err(); err != nil {
		t.Error(err)
	}
	if ended := s.Disconnects(t, k.ID); len(ended) > 0 {
		t.Errorf("sessions ended: %+v", ended)
	}
	stopCounting()
}

// tokenRotated is the third of row 19: the API server believes another token from now on, which the
// kubelet has put in the old one's place.
func tokenRotated(t *testing.T, s *rig.Service, _ *rig.Replica) {
	api := rig.NewAPI(t)
	kubeconfig := api.Kubeconfig(t)
	file := filepath.Join(filepath.Dir(kubeconfig), "token")
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	put := func(path, content string) {
		if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil { // at once, as the kubelet does
			t.Fatal(err)
		}
	}
	put(kubeconfig, strings.Replace(string(text), `token: "t"`, "tokenFile: "+file, 1))
	put(file, "t")
	k := s.Join(t, rig.JoinOptions{Kubeconfig: kubeconfig})
	load, stop := reads(t, k.Client(t))
	load.more(t, 10)
	api.Believe("t", "rotated") // as the real one, which believes the old one for a while
	put(file, "rotated")
	load.more(t, 10)
	api.Believe("rotated")
	load.more(t, 10)
	stop()
}

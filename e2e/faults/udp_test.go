package faults

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

var all = []dialer.Transport{dialer.TLS, dialer.QUIC, dialer.WebSocket}

func transports(t *testing.T, s *rig.Service, r *rig.Replica, k *rig.Cluster) string {
	t.Helper()
	c, err := r.Clusters.Get(t.Context(), s.Admin, k.ID)
	if err != nil {
		t.Fatal(err)
	}
	return c.Transports
}

// wholeList reads a bulk list to its end.
func wholeList(t *testing.T, c *rig.Client) {
	t.Helper()
	_, rest := list(t, c)
	if n, err := rest(); err != nil || n < rig.BulkSize {
		t.Errorf("a list of %d bytes, %v", n, err)
	}
}

// udpBlockedFromTheStart is the first of row 15: it costs nothing, since TLS is there first.
func udpBlockedFromTheStart(t *testing.T, s *rig.Service, r *rig.Replica) {
	path := rig.NewPath(t, r.Tunnels)
	path.Datagrams(t, r.Tunnels).Block(true)
	began := time.Now()
	k := s.Join(t, rig.JoinOptions{Path: path, Transports: all})
	t.Logf("two sessions after %s", time.Since(began).Round(time.Millisecond))
	if got := transports(t, s, r, k); strings.Contains(got, "quic") {
		t.Errorf("over %s", got)
	}
}

// udpBlockedLater is the second of row 15: both sessions go over QUIC, with datagrams no larger than an MTU of 1280
// lets through, and then nothing comes through any more. That is found like any silence, and the sessions move to TLS.
func udpBlockedLater(t *testing.T, s *rig.Service, r *rig.Replica) {
	path := rig.NewPath(t, r.Tunnels)
	udp := path.Datagrams(t, r.Tunnels)
	udp.Largest(1280 - 28)
	k := s.Join(t, rig.JoinOptions{Path: path, Transports: all})
	path.Arrivals(rig.Cut)
	path.Each((*rig.Link).Reset)
	rig.Eventually(t, idleBar, "both sessions go over QUIC", func() bool { return transports(t, s, r, k) == "quic" && k.Sessions() == 2 })
	ended := len(s.Disconnects(t, k.ID))
	client := k.Client(t)
	wholeList(t, client)
	w, _ := watch(t, client, 1)
	stop := k.API.Counting(t, 50*time.Millisecond)
	rig.Within(t, slack, "the watch begins", w.began)
	wait(t.Context(), long(5*time.Minute, time.Second))

	path.Arrivals(rig.Passed)
	udp.Block(true)
	began := time.Now()
	rig.Eventually(t, idleBar+slack, "the sessions are given up", func() bool { return len(s.Disconnects(t, k.ID)) == ended+2 })
	found := time.Since(began)
	rig.Eventually(t, 2*waitingBar+slack, "both sessions are there", func() bool { return k.Sessions() == 2 })
	t.Logf("found after %s, over %s after %s; put down as %q", found.Round(time.Millisecond), transports(t, s, r, k), time.Since(began).Round(time.Millisecond), s.Disconnects(t, k.ID)[0].Reason)
	if got := transports(t, s, r, k); strings.Contains(got, "quic") {
		t.Errorf("over %s", got)
	}
	if a, err := client.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Errorf("%+v, %v", a, err)
	}
	goal := w.seen() + 10
	rig.Eventually(t, slack, "the watch goes on", func() bool { return w.seen() > goal || w.err() != nil })
	if err := w.err(); err != nil {
		t.Error(err)
	}
	stop()
}

package faults

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
)

// clientThatNeverReads is row 11: eight lists and logs whose clients read nothing. Others notice nothing, and the
// replica's end does not wait for them.
func clientThatNeverReads(t *testing.T) {
	s := rig.New(t)
	r := s.Replica(t, rig.ReplicaOptions{DrainTime: 3 * time.Second})
	k := s.Join(t, rig.JoinOptions{})
	client := k.Client(t)
	var stuck []*http.Response
	for range 8 {
		res, err := client.Stream(t.Context(), rig.Pods)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		stuck = append(stuck, res)
	}
	sh := shell(t, client)
	load, stop := reads(t, client)
	worst := time.Duration(0)
	for began := time.Now(); time.Since(began) < long(90*time.Second, 5*time.Second); wait(t.Context(), 20*time.Millisecond) {
		typed := time.Now()
		if err := sh.Say("x"); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, time.Since(typed))
	}
	stop()
	n, longest := load.count()
	t.Logf("%d reads, the longest took %s; the slowest keystroke %s", n, longest, worst)
	if longest > 2*waitingBar || worst > 2*waitingBar { // milliseconds, but beside all other rows and a race detector
		t.Errorf("others waited for %s, a keystroke for %s", longest, worst)
	}
	if soak() > 0 { // after a minute in which it took nothing
		if n, err := io.Copy(io.Discard, stuck[0].Body); err == nil || n >= rig.BulkSize {
			t.Errorf("%d bytes, %v: it was to be cut off", n, err)
		}
	} else if k.API.Active("list") != 8 {
		t.Errorf("%d of 8 lists are under way: the test tests nothing", k.API.Active("list"))
	}
	began := time.Now()
	r.Stop()
	if took := time.Since(began); took > 3*time.Second+2*slack {
		t.Errorf("the replica's end took %s", took)
	}
	rig.Eventually(t, slack, "the API server is left in peace", func() bool { return k.API.Active("") == 0 })
}

// clientThatVanishes is row 12: whoever followed a log is gone, with a FIN or a RST; the API server hears of it.
func clientThatVanishes(t *testing.T, s *rig.Service, r *rig.Replica) {
	k := s.Join(t, rig.JoinOptions{})
	web := rig.NewPath(t, strings.TrimPrefix(r.Web, "http://"))
	client := k.ClientAt(t, "http://"+web.Addr())
	const bar = 250 * time.Millisecond
	for i, leave := range []func(*rig.Link){(*rig.Link).Finish, (*rig.Link).Reset, (*rig.Link).Finish, (*rig.Link).Reset} {
		size := 0
		if i >= 2 { // more than anybody reads: the writer waits for the window
			size = 200_000
		}
		res, err := client.Stream(t.Context(), fmt.Sprintf("%s/cart/log?follow=true&limitBytes=%d", rig.Pods, size))
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(res.Body)
		for range 3 {
			if _, err := in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if size > 0 {
			wait(t.Context(), time.Second)
		}
		if n := k.API.Active("log"); n != 1 {
			t.Fatalf("%d logs are followed", n)
		}
		began := time.Now()
		web.Each(leave)
		rig.Eventually(t, 10*bar, "the API server hears that nobody reads", func() bool { return k.API.Active("log") == 0 })
		t.Logf("with lines of %d bytes: after %s; the bar is %s", size, time.Since(began).Round(time.Millisecond), bar)
		_ = res.Body.Close()
	}
}

// outputAfterTheInputsEnd is row 13: a command's input has ended long ago, and all of its output arrives.
func outputAfterTheInputsEnd(t *testing.T, s *rig.Service, _ *rig.Replica) {
	k := s.Join(t, rig.JoinOptions{})
	lines := int(long(2*time.Minute, 3*time.Second) / (20 * time.Millisecond))
	sh, err := k.Client(t).Exec(t.Context(), fmt.Sprintf("%s/cart/exec?command=%d", rig.Pods, lines))
	if err != nil {
		t.Fatal(err)
	}
	defer sh.Close()
	const input = 1 << 20
	go func() {
		_, _ = sh.Write(make([]byte, input))
		_ = sh.CloseWrite()
	}()
	for n := range lines {
		if line, err := sh.In.ReadString('\n'); err != nil || line != fmt.Sprintf("line %d\n", n) {
			t.Fatalf("%q came for line %d, %v", line, n, err)
		}
	}
	if last, err := io.ReadAll(sh.In); err != nil || string(last) != fmt.Sprintf("read %d\n", input) {
		t.Errorf("the last words are %q, %v", last, err)
	}
}

// thinUplink is row 14: 64 logs that are written faster than the uplink of 200 KB/s carries them. No session is lost
// over it, and keystrokes and reads get through.
func thinUplink(t *testing.T, s *rig.Service, r *rig.Replica) {
	path := rig.NewPath(t, r.Tunnels)
	path.Throttle(rig.Up, 20<<20) // while the logs begin
	k := s.Join(t, rig.JoinOptions{Path: path})
	client := k.Client(t)
	sh := shell(t, client)
	for range 64 {
		res, err := client.Stream(t.Context(), rig.Pods+"/cart/log?follow=true&limitBytes=20000")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}()
	}
	path.Throttle(rig.Up, 100_000) // each of the two sessions
	before := len(k.Path.Links())
	worst, slowest := time.Duration(0), time.Duration(0)
	for began := time.Now(); time.Since(began) < long(2*time.Minute, 28*time.Second); wait(t.Context(), 500*time.Millisecond) {
		typed := time.Now()
		if err := sh.Say("x"); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, time.Since(typed))
		asked := time.Now()
		if a, err := client.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
			t.Fatalf("%+v, %v", a, err)
		}
		slowest = max(slowest, time.Since(asked))
	}
	t.Logf("the slowest keystroke took %s, the slowest read %s", worst.Round(time.Millisecond), slowest.Round(time.Millisecond))
	if worst > 2*time.Second+slack/2 || slowest > 2*time.Second+slack/2 {
		t.Errorf("a keystroke waited for %s, a read for %s", worst, slowest)
	}
	if ended := s.Disconnects(t, k.ID); len(ended) > 0 || len(k.Path.Links()) != before {
		t.Errorf("%d sessions ended: %v", len(ended), ended)
	}
}

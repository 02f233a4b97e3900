package faults

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
)

// cut is a way in which a connection ends or stops carrying bytes: rows 1 to 5.
type cut struct {
	row   int
	name  string
	do    func(*rig.Link)
	found time.Duration // until it is found where nobody asks for anything
	mute  bool          // a request on it gets no answer, rather than an error
	says  string        // of the disconnect, for people
}

const (
	saysLost = "The connection was lost."
	saysDead = "The agent no longer answered"
	saysDeaf = "The agent heard nothing any more from KubeChat"
)

var cuts = []cut{
	{1, "RST", (*rig.Link).Reset, atOnce, false, saysLost},
	{2, "FIN", (*rig.Link).Finish, atOnce, false, saysLost},
	{3, "dropped both ways", func(l *rig.Link) { l.Drop(rig.Both) }, idleBar, true, saysDead},
	{4, "dropped towards the plane", func(l *rig.Link) { l.Drop(rig.Up) }, idleBar, true, saysDead},
	{5, "dropped towards the agent", func(l *rig.Link) { l.Drop(rig.Down) }, idleBar, true, saysDeaf},
}

// idle: nobody asks for anything, and the fault is found all the same, named, and made good.
func (c cut) idle(t *testing.T, s *rig.Service, _ *rig.Replica) {
	k := s.Join(t, rig.JoinOptions{})
	c.do(k.Path.Links()[0])
	took := rig.Eventually(t, c.found+slack, "the end of the session is known", func() bool { return len(s.Disconnects(t, k.ID)) > 0 })
	if says := s.Disconnects(t, k.ID)[0].Reason; !strings.Contains(says, c.says) {
		t.Errorf("it is put down as %q", says)
	}
	again := rig.Eventually(t, c.found+slack, "the agent has both sessions again", func() bool { return k.Sessions() == 2 })
	t.Logf("found after %s, made good after %s more", took.Round(time.Millisecond), again.Round(time.Millisecond))
}

// loaded: two of each load, one on each session; those on the one that breaks are cut, or served by the other one, and
// those on the other one notice nothing.
func (c cut) loaded(t *testing.T, s *rig.Service, _ *rig.Replica) {
	tasks := rig.LabelOf(t)
	k := s.Join(t, rig.JoinOptions{})
	client := k.Client(t)
	stopCounting := k.API.Counting(t, 50*time.Millisecond)
	if a, err := client.Get(t.Context(), rig.Pods+"/warm"); err != nil || a.Code != http.StatusOK {
		t.Fatalf("%+v, %v", a, err)
	}
	k.CloseIdle()
	before := tasks.Count()

	l := begin(t, k, client)
	l.broken = k.Path.Links()[0]
	began := time.Now()
	c.do(l.broken)
	c.waiting(t, k, client)
	l.check(t, began, c.found)

	for _, stop := range l.stops {
		stop()
	}
	stopCounting()
	rig.Eventually(t, c.found+slack, "the API server is left in peace", func() bool { return k.API.Active("") == 0 })
	rig.Eventually(t, c.found+slack, "both sessions are there", func() bool { return k.Sessions() == 2 })
	client.HTTP.CloseIdleConnections()
	k.CloseIdle()
	tasks.Settle(t, "after the load", before)
}

// waiting: requests that come after the fault, of which one in two goes to the broken session first, are answered all the
// same, and no change is made twice.
func (c cut) waiting(t *testing.T, k *rig.Cluster, client *rig.Client) {
	began := time.Now()
	var all []<-chan reply
	for i := range 4 {
		all = append(all, ask(t, client, http.MethodGet, fmt.Sprintf("%s/read-%d", rig.Pods, i)),
			ask(t, client, http.MethodPatch, fmt.Sprintf("%s/changed-%d", rig.Pods, i)))
	}
	longest := time.Duration(0)
	for _, one := range all {
		r := <-one
		if r.err != nil || r.Code != http.StatusOK {
			t.Errorf("a request that was not accepted: %d %s, %v", r.Code, r.Body, r.err)
		}
		longest = max(longest, r.at.Sub(began))
	}
	for i := range 4 {
		if n := k.API.Changes(fmt.Sprintf("changed-%d", i)); n != 1 {
			t.Errorf("a change was made %d times", n)
		}
	}
	if longest > waitingBar+slack {
		t.Errorf("a request waited for %s", longest)
	}
	if c.mute && longest < waitingBar/2 {
		t.Errorf("no request met the fault: the longest took %s", longest)
	}
}

// loads are two of each, one on each of the agent's sessions.
type loads struct {
	k       *rig.Cluster
	client  *rig.Client
	broken  *rig.Link
	watches []*watcher
	shells  []*rig.Shell
	silent  []<-chan error // of each shell: its end
	reads   []<-chan reply
	changes []<-chan reply
	lists   []func() (int, error)
	stops   []func()
}

func begin(t *testing.T, k *rig.Cluster, client *rig.Client) *loads {
	t.Helper()
	l := &loads{k: k, client: client}
	active := func(kind string, n int) {
		rig.Eventually(t, slack, "the API server has "+kind, func() bool { return k.API.Active(kind) == n })
	}
	for i := range 2 {
		w, stop := watch(t, client, 1)
		rig.Within(t, slack, "the watch begins", w.began)
		l.watches, l.stops = append(l.watches, w), append(l.stops, stop)
		_ = i
	}
	for range 2 {
		s := shell(t, client)
		over := make(chan error, 1)
		go func() {
			_, err := s.In.Peek(1) // nobody says anything
			over <- err
		}()
		l.shells, l.silent = append(l.shells, s), append(l.silent, over)
		l.stops = append(l.stops, func() { _ = s.Close() })
	}
	for i := range 2 {
		l.reads = append(l.reads, ask(t, client, http.MethodGet, fmt.Sprintf("%s/slow-read-%d", rig.Pods, i)))
		active("get", i+1)
	}
	for i := range 2 {
		l.changes = append(l.changes, ask(t, client, http.MethodPatch, fmt.Sprintf("%s/slow-change-%d", rig.Pods, i)))
		active("patch", i+1)
	}
	for range 2 {
		res, rest := list(t, client)
		l.lists, l.stops = append(l.lists, rest), append(l.stops, func() { _ = res.Body.Close() })
	}
	return l
}

// check waits for the fault's effects, found after began.
func (l *loads) check(t *testing.T, began time.Time, found time.Duration) {
	t.Helper()
	rig.Eventually(t, found+slack, "a watch is cut", func() bool { return len(l.watches[0].over())+len(l.watches[1].over()) > 0 })
	l.checkShells(t, began, found)
	for i := range 2 {
		l.k.API.Release(fmt.Sprintf("slow-read-%d", i))
		l.k.API.Release(fmt.Sprintf("slow-change-%d", i))
	}
	l.checkReads(t)
	l.checkChanges(t)
	l.checkLists(t)
	l.checkWatches(t, began, found)
}

func (l *loads) checkShells(t *testing.T, began time.Time, found time.Duration) {
	t.Helper()
	var ended, lives int
	select {
	case <-l.silent[0]:
		ended, lives = 0, 1
	case <-l.silent[1]:
		ended, lives = 1, 0
	case <-time.After(found + slack - time.Since(began)):
		t.Errorf("no shell was cut")
		return
	}
	if _, err := io.WriteString(l.shells[lives], "still there\n"); err != nil {
		t.Errorf("the shell over the other session: %v", err)
	}
	if err := <-l.silent[lives]; err != nil {
		t.Errorf("shell %d was cut with shell %d: %v", lives, ended, err)
	} else if line, err := l.shells[lives].In.ReadString('\n'); line != "still there\n" {
		t.Errorf("the shell over the other session said %q, %v", line, err)
	}
}

// checkReads: the one whose session broke was asked again over the other.
func (l *loads) checkReads(t *testing.T) {
	t.Helper()
	for _, one := range l.reads {
		if r := rig.Within(t, idleBar, "a read's end", one); r.err != nil || r.Code != http.StatusOK {
			t.Errorf("a read in flight: %d %s, %v", r.Code, r.Body, r.err)
		}
	}
}

// checkChanges: the one whose session broke is never made again, and whoever asked is told what happened.
func (l *loads) checkChanges(t *testing.T) {
	t.Helper()
	failed := 0
	for i, one := range l.changes {
		r := rig.Within(t, idleBar, "a change's end", one)
		if n := l.k.API.Changes(fmt.Sprintf("slow-change-%d", i)); n != 1 {
			t.Errorf("change %d was sent %d times", i, n)
		}
		if r.err == nil && r.Code == http.StatusOK {
			continue
		}
		failed++
		if r.err != nil || r.Code != http.StatusServiceUnavailable || r.Cause != "Kubechat/answer_lost" || !strings.Contains(r.Message, "tunnel") {
			t.Errorf("a change whose answer was lost: %d %s, %v", r.Code, r.Body, r.err)
		}
	}
	if failed != 1 {
		t.Errorf("%d of 2 changes were lost, one on each session", failed)
	}
}

// checkLists: one of them is whole, and the other one does not look it.
func (l *loads) checkLists(t *testing.T) {
	t.Helper()
	whole := 0
	for _, rest := range l.lists {
		n, err := rest()
		switch {
		case err == nil && n >= rig.BulkSize:
			whole++
		case err == nil:
			t.Errorf("a list ended after %d bytes as if it were whole", n)
		case errors.Is(err, io.ErrUnexpectedEOF):
		default:
			t.Logf("a list was cut with %v", err)
		}
	}
	if whole != 1 {
		t.Errorf("%d of 2 lists are whole, one on each session", whole)
	}
}

// checkWatches: one was cut, within an event or not but never as if it were its end; both go on and miss nothing.
func (l *loads) checkWatches(t *testing.T, began time.Time, found time.Duration) {
	t.Helper()
	goal := l.watches[0].seen() + 10
	for _, w := range l.watches {
		rig.Eventually(t, found+slack, "a watch goes on", func() bool { return w.seen() > goal || w.err() != nil })
		if err := w.err(); err != nil {
			t.Errorf("a watch missed something: %v", err)
		}
		for _, e := range w.over() {
			if e.clean || e.at.Sub(began) > found+slack {
				t.Errorf("a watch ended after %s, clean %t: %v", e.at.Sub(began), e.clean, e.err)
			}
		}
	}
	if n := len(l.watches[0].over()) + len(l.watches[1].over()); n != 1 {
		t.Errorf("%d of 2 watches were cut, one on each session", n)
	}
}

// cutOff: no session is left and none can be made. People are told at once that it is the way to the cluster, and as soon
// as there is one again all is as before.
func (c cut) cutOff(t *testing.T, s *rig.Service, _ *rig.Replica) {
	k := s.Join(t, rig.JoinOptions{})
	client := k.Client(t)
	k.Path.Arrivals(rig.Hanging)
	k.Path.Each(c.do)
	began := time.Now()
	a, err := client.Get(t.Context(), rig.Pods+"/cart")
	// each session is tried once, and then one is waited for
	if took := time.Since(began); took > 3*waitingBar+slack {
		t.Errorf("an answer took %s", took)
	}
	if err != nil || a.Code != http.StatusServiceUnavailable || a.Cause != "Kubechat/cluster_disconnected" ||
		!strings.Contains(a.Message, "cluster "+k.Name+" is not connected") && !strings.Contains(a.Message, "cluster "+k.Name+" does not answer") {
		t.Errorf("%d %s, %v", a.Code, a.Body, err)
	}
	rig.Eventually(t, c.found+slack, "both sessions are given up", func() bool { return k.Sessions() == 0 })
	a, err = client.Get(t.Context(), rig.Pods+"/cart")
	if err != nil || a.Code != http.StatusServiceUnavailable || !strings.Contains(a.Message, "last seen at") || !strings.Contains(a.Message, c.says) {
		t.Errorf("once it is known: %d %s, %v", a.Code, a.Body, err)
	}
	k.Path.Arrivals(rig.Passed)
	k.Path.Each((*rig.Link).Reset)
	rig.Eventually(t, 40*time.Second, "the agent is back", func() bool { return k.Sessions() > 0 })
	if a, err := client.Get(t.Context(), rig.Pods+"/cart"); err != nil || a.Code != http.StatusOK {
		t.Errorf("%d %s, %v", a.Code, a.Body, err)
	}
}

package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/tunnel"
)

// events is a watch that has begun: it sends what is told to, and ends with its client.
type events struct {
	send chan string // unbuffered: who sends waits until it is on its way
}

func (e events) serve(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for {
		_ = http.NewResponseController(w).Flush()
		select {
		case <-req.Context().Done():
			return
		case s := <-e.send:
			_, _ = io.WriteString(w, s)
		}
	}
}

// watch begins a watch at a replica.
func watch(t *testing.T, r *rig, c cluster.Cluster) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/api/v1/pods?watch=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.RoundTrip(r.admin, c.ID, req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func TestWatchThroughALeavingReplicaEndsBetweenEventsOnceThereIsAnotherWay(t *testing.T) {
	t.Parallel()
	e := events{make(chan string)}
	here, leaving, c, a := pair(t, e.serve)
	res := watch(t, here, c)
	in := bufio.NewReader(res.Body)
	e.send <- `{"n":1}` + "\n"
	if line, err := in.ReadString('\n'); err != nil || line != `{"n":1}`+"\n" {
		t.Fatalf("%q, %v", line, err)
	}
	leaving.Leave()
	within(t, "the agent is asked to go elsewhere", 5*time.Second, a.Draining())
	e.send <- `{"n":`
	part := make([]byte, 5)
	if _, err := io.ReadFull(in, part); err != nil {
		t.Fatal(err)
	}
	here.agent(t, a.id, tunnel.Config{}, hello) // the replacement comes while an event is under way
	eventually(t, "the other way is there", func() bool { return here.Sessions(tenantOf(a.id), c.ID) == 1 })
	e.send <- "2}\n"
	rest, err := io.ReadAll(in)
	if err != nil || string(rest) != "2}\n" {
		t.Errorf("the watch ended with %q, %v; want the rest of the event and a clean end", rest, err)
	}
	if _, err := here.get(t.Context(), here.admin, c.ID, "/"); err != nil {
		t.Errorf("asked again: %v", err)
	}
}

func TestIdleWatchIsEndedWhenItsReplicaStops(t *testing.T) {
	t.Parallel()
	e := events{make(chan string)}
	r := newRig(t)
	c, _ := r.connected(t, "prod", e.serve)
	res := watch(t, r, c)
	ended := make(chan error, 1) // of the one read
	go func() {
		_, err := io.ReadAll(res.Body)
		ended <- err
	}()
	r.EndWatches()
	if err := <-ended; err != nil {
		t.Errorf("want a clean end: %v", err)
	}
}

func TestLeavingReplicaServesUntilTheReplacementIsThere(t *testing.T) {
	t.Parallel()
	here, leaving, c, a := pair(t, hello)
	eventually(t, "the way is known", func() bool { _, err := here.get(t.Context(), here.admin, c.ID, "/"); return err == nil })
	leaving.Leave()
	within(t, "the agent is asked to go elsewhere", 5*time.Second, a.Draining())
	for range 20 {
		if _, err := here.get(t.Context(), here.admin, c.ID, "/"); err != nil {
			t.Fatalf("no other way, and this one is refused: %v", err)
		}
	}
	if _, err := leaving.dial(t.Context(), a.id, tunnel.Config{}); err == nil {
		t.Error("a replica that leaves took a new session")
	}
	here.agent(t, a.id, tunnel.Config{}, hello)
	within(t, "what was replaced is closed", 10*time.Second, a.Done())
	if _, err := here.get(t.Context(), here.admin, c.ID, "/"); err != nil {
		t.Error(err)
	}
}

func TestReadIsAskedAgainWhenItsTunnelWasLostAndAChangeIsNot(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, id := r.joined(t, "prod")
	first := make(chan func() error, 1) // what ends the session that serves the request
	serve := func(w http.ResponseWriter, req *http.Request) {
		select {
		case end := <-first:
			_ = end()
			<-req.Context().Done()
		default:
			fmt.Fprint(w, "answered")
		}
	}
	one := r.agent(t, id, tunnel.Config{}, serve)
	first <- func() error { return one.CloseWith(tunnel.ReasonShutdown, "") }
	again := make(chan struct{}) // closed when the agent is back
	go func() {
		defer close(again)
		<-one.Done()
		if s, err := r.dial(t.Context(), id, tunnel.Config{}); err == nil {
			go func() { _ = http.Serve(s, http.HandlerFunc(serve)) }() //nolint:gosec // ends with the session
			t.Cleanup(func() { _ = s.Close() })
		}
	}()
	if got, err := r.get(t.Context(), r.admin, c.ID, "/"); err != nil || got != "answered" {
		t.Errorf("a read: %q, %v", got, err)
	}
	<-again
	r.agent(t, id, tunnel.Config{}, serve)
	first <- func() error {
		r.Lock(tenantOf(id), c.ID) // ends every session
		return nil
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "http://x/api/v1/pods/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.RoundTrip(r.admin, c.ID, req)
	if err == nil {
		_ = res.Body.Close()
		t.Error("a change whose answer was lost was sent again")
	}
}

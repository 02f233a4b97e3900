package tunneltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

func headerIsCarriedExactly(t *testing.T, lay Lay) {
	checkHeader(t, lay, tunnel.Header{
		RequestID:   "0198-ünïcode-\x00\x1b[31m",
		Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Kind:        tunnel.KindHTTP,
		Class:       tunnel.ClassBulk,
		Budget:      90*time.Minute + time.Nanosecond,
		Identity: tunnel.Identity{
			User: "kubechat:user", UID: "42", Groups: []string{"kubechat:viewer", "", "a,b"},
			Extra: map[string][]string{"kubechat.io/user": {"Ana <ana@example.com>"}, "empty": {}},
		},
	})
}

func largeHeaderIsCarriedExactly(t *testing.T, lay Lay) {
	groups := []string{}
	for i := range 2000 {
		groups = append(groups, fmt.Sprintf("a-group-with-a-long-name-%d", i))
	}
	checkHeader(t, lay, tunnel.Header{Kind: tunnel.KindHTTP, Identity: tunnel.Identity{Groups: groups}})
}

func checkHeader(t *testing.T, lay Lay, sent tunnel.Header) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	plane, agent := open(t, rig, sent)
	want, _ := json.Marshal(sent)
	for side, c := range map[string]*tunnel.Conn{"plane": plane, "agent": agent} {
		if got, _ := json.Marshal(c.Header()); !bytes.Equal(got, want) {
			t.Errorf("the %s has\n%s\nwant\n%s", side, got, want)
		}
	}
}

func refusalTellsCodeAndDetail(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{Admit: func(h tunnel.Header) (tunnel.RefuseCode, string) {
		if h.RequestID == "no" {
			return tunnel.RefuseForbidden, "not this one"
		}
		return 0, ""
	}}, tunnel.Config{})
	serve(rig.Agent, echo)
	_, err := rig.Plane.Open(t.Context(), tunnel.Header{Kind: tunnel.KindHTTP, RequestID: "no"})
	wantRefusal(t, err, tunnel.RefuseForbidden, "not this one")
	c, err := rig.Plane.Open(t.Context(), tunnel.Header{Kind: tunnel.KindHTTP, RequestID: "yes"})
	if err != nil {
		t.Fatalf("open after a refusal: %v", err)
	}
	c.Close()
	eventually(t, "streams released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
}

func wantRefusal(t testing.TB, err error, code tunnel.RefuseCode, detail string) {
	t.Helper()
	var e *tunnel.RefusedError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Detail, detail) {
		t.Errorf("got %v, want REFUSE %s with %q", err, code, detail)
	}
}

func unknownKindIsRefused(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	_, err := rig.Plane.Open(t.Context(), tunnel.Header{Kind: "of-a-later-version"})
	wantRefusal(t, err, tunnel.RefuseUnsupported, "of-a-later-version")
}

func planeRefusesStreamsOfTheAgent(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	_, err := rig.Agent.Open(t.Context(), plain)
	wantRefusal(t, err, tunnel.RefuseUnsupported, "")
}

func streamsBeyondTheLimitAreRefused(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{MaxStreams: 4}, tunnel.Config{})
	var opened []*tunnel.Conn
	for range 4 {
		c, _ := open(t, rig, plain)
		opened = append(opened, c)
	}
	_, err := rig.Plane.Open(t.Context(), plain)
	wantRefusal(t, err, tunnel.RefuseOverloaded, "")
	opened[0].Reset(tunnel.ReasonCancelled)
	eventually(t, "the refused and the reset stream released", func() bool { return rig.Agent.Streams() == 3 })
	open(t, rig, plain)
}

func manyStreamsAtOnce(t *testing.T, lay Lay) {
	// The echoes wait for each other, and what was sent meanwhile, 12 MB, waits at the agent.
	rig := connect(t, lay, tunnel.Config{MaxBuffered: 32 << 20}, tunnel.Config{})
	serve(rig.Agent, echo)
	data := noise(60_003)
	var streams sync.WaitGroup
	for i := range 200 {
		streams.Go(func() {
			c, err := rig.Plane.Open(t.Context(), plain)
			if err != nil {
				t.Errorf("open %d: %v", i, err)
				return
			}
			defer c.Close()
			sent := data[i:]
			go func() {
				c.Write(sent)
				c.CloseWrite()
			}()
			got, err := io.ReadAll(c)
			if err != nil || digest(got) != digest(sent) {
				t.Errorf("stream %d: %d of %d bytes came back, %v", i, len(got), len(sent), err)
			}
		})
	}
	streams.Wait()
	eventually(t, "streams released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
}

func writingGoesOnAfterTheOtherSideEnded(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	plane, agent := open(t, rig, plain)
	plane.Write([]byte("request"))
	plane.CloseWrite()
	if got, err := io.ReadAll(agent); string(got) != "request" || err != nil {
		t.Fatalf("the agent read %q, %v", got, err)
	}
	data := noise(1 << 20)
	go func() {
		for rest := data; len(rest) > 0; { // many small writes, long after the other half is over
			n := min(1000, len(rest))
			agent.Write(rest[:n])
			rest = rest[n:]
		}
		agent.CloseWrite()
	}()
	got, err := io.ReadAll(plane)
	if err != nil || digest(got) != digest(data) {
		t.Errorf("%d of %d bytes came, %v", len(got), len(data), err)
	}
	if _, err := plane.Write([]byte("x")); err == nil {
		t.Error("a write after CloseWrite did not fail")
	}
	eventually(t, "stream released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
}

func closeDeliversWhatWasWritten(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	plane, agent := open(t, rig, plain)
	data := noise(200_000) // fits into any window
	if _, err := agent.Write(data); err != nil {
		t.Fatal(err)
	}
	agent.Close() // while the other side has read nothing and not ended its own writing
	within(t, soon, "the reader's context", plane.Context().Done())
	if _, err := plane.Write([]byte("x")); err == nil {
		t.Error("a write to somebody who closed did not fail")
	}
	got, err := io.ReadAll(plane)
	if err != nil || digest(got) != digest(data) {
		t.Errorf("%d of %d bytes came, %v", len(got), len(data), err)
	}
	plane.Close()
	eventually(t, "stream released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
}

// closeOnFullWindowLosesNothing: with a window just full END has no room, and Close must not give it up.
func closeOnFullWindowLosesNothing(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	plane, agent := open(t, rig, plain)
	const piece = 64 << 10
	var stop atomic.Bool
	progress, sent := make(chan struct{}, 1000), make(chan int, 1)
	go func() {
		total := 0
		for !stop.Load() {
			n, _ := agent.Write(make([]byte, piece))
			total += n
			progress <- struct{}{}
		}
		agent.Close()
		sent <- total
	}()
	untilQuiet(progress)
	stop.Store(true)
	got := 0
	for got < piece { // byte by byte, so that the last write is done when nothing more fits
		n, err := plane.Read(make([]byte, 1))
		if got += n; err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
	}
	rest, err := io.ReadAll(plane)
	if got += len(rest); err != nil || got != within(t, soon, "the writer's end", sent) {
		t.Errorf("%d bytes came, %v", got, err)
	}
}

// untilQuiet waits until there is no progress any more: a blocked writer announces itself in no other way.
func untilQuiet(progress <-chan struct{}) {
	for {
		select {
		case <-progress:
		case <-time.After(300 * time.Millisecond):
			return
		}
	}
}

func leavingReaderFreesTheWriter(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	for _, leave := range []func(*tunnel.Conn){
		func(c *tunnel.Conn) { c.Close() },
		func(c *tunnel.Conn) { c.Reset(tunnel.ReasonCancelled) },
	} {
		plane, agent := open(t, rig, plain)
		failed := fill(t, agent)
		leave(plane)
		err := within(t, freed, "the blocked writer's end", failed)
		wantClose(t, err, tunnel.ReasonCancelled, true)
		within(t, freed, "the writer's context", agent.Context().Done())
		wantClose(t, context.Cause(agent.Context()), tunnel.ReasonCancelled, true)
		agent.Close()
		eventually(t, "stream released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
	}
}

func resetTellsTheReason(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	plane, agent := open(t, rig, plain)
	agent.Write([]byte("part of an answer"))
	io.ReadFull(plane, make([]byte, 4))
	agent.Reset(tunnel.ReasonRevoked)
	_, err := io.ReadAll(plane)
	wantClose(t, err, tunnel.ReasonRevoked, true)
	wantClose(t, context.Cause(plane.Context()), tunnel.ReasonRevoked, true)
	if _, err := agent.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) && err == nil {
		t.Errorf("reading one's own reset stream: %v", err)
	}
}

func cutIsNeverAnEnd(t *testing.T, lay Lay) {
	for range 5 { // at different moments
		rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
		plane, agent := open(t, rig, plain)
		go io.Copy(agent, zeros{})
		go io.Copy(plane, zeros{})
		received := make(chan struct{})
		go func() {
			io.ReadFull(agent, make([]byte, 100_000))
			close(received)
		}()
		io.ReadFull(plane, make([]byte, 100_000))
		within(t, soon, "both directions flow", received)
		rig.Cut()
		for _, c := range []*tunnel.Conn{plane, agent} {
			_, err := io.Copy(io.Discard, c)
			wantClose(t, err, tunnel.ReasonLost, false)
			_, err = c.Read(make([]byte, 1))
			wantClose(t, err, tunnel.ReasonLost, false) // and stays so
		}
	}
}

func closedSessionIsNeverAnEnd(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	plane, agent := open(t, rig, plain)
	go io.Copy(agent, zeros{})
	io.ReadFull(plane, make([]byte, 100_000))
	rig.Agent.CloseWith(tunnel.ReasonShutdown, "bye")
	_, err := io.Copy(io.Discard, plane)
	wantClose(t, err, tunnel.ReasonShutdown, true)
}

func stoppedReaderStallsOnlyItsStream(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	for range 8 {
		_, agent := open(t, rig, plain) // whose plane end nobody reads
		fill(t, agent)
	}
	serve(rig.Agent, echo)
	c, err := rig.Plane.Open(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	data := noise(1 << 20)
	go func() {
		c.Write(data)
		c.CloseWrite()
	}()
	result := make(chan [32]byte, 1)
	go func() {
		got, _ := io.ReadAll(c)
		result <- digest(got)
	}()
	if within(t, soon, "a stream beside stalled ones", result) != digest(data) {
		t.Error("bytes were lost beside stalled streams")
	}
}

func readDeadlinePassesAndIsLifted(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	plane, agent := open(t, rig, plain)
	plane.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := plane.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read after its deadline: %v", err)
	}
	plane.SetReadDeadline(time.Time{})
	blocked := make(chan error, 1)
	go func() {
		_, err := plane.Read(make([]byte, 1))
		blocked <- err
	}()
	plane.SetReadDeadline(time.Unix(1, 0)) // wakes a Read that is under way, as http.Server does
	if err := within(t, soon, "the woken read", blocked); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("woken read: %v", err)
	}
	plane.SetReadDeadline(time.Time{})
	agent.Write([]byte("still there"))
	agent.CloseWrite()
	if got, err := io.ReadAll(plane); string(got) != "still there" || err != nil {
		t.Errorf("after the deadline was lifted: %q, %v", got, err)
	}
}

func writeDeadlinePasses(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	_, agent := open(t, rig, plain)
	failed := fill(t, agent)
	agent.SetWriteDeadline(time.Unix(1, 0))
	if err := within(t, soon, "the blocked write", failed); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write after its deadline: %v", err)
	}
}

func closeWakesABlockedReader(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	plane, _ := open(t, rig, plain)
	blocked := make(chan error, 1)
	go func() {
		_, err := plane.Read(make([]byte, 1))
		blocked <- err
	}()
	plane.Close()
	if err := within(t, soon, "the blocked read", blocked); err == nil || err == io.EOF {
		t.Errorf("reading a closed stream: %v", err)
	}
}

func budgetEndsTheStream(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	plane, agent := open(t, rig, tunnel.Header{Kind: tunnel.KindHTTP, Budget: 50 * time.Millisecond})
	_, err := io.ReadAll(plane)
	wantClose(t, err, tunnel.ReasonBudget, true)
	within(t, soon, "the agent's context", agent.Context().Done())
	wantClose(t, context.Cause(agent.Context()), tunnel.ReasonBudget, false)
}

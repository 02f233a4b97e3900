package tunneltest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

func openGivesUpWhenNobodyAccepts(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{OpenTimeout: 50 * time.Millisecond}, tunnel.Config{})
	_, err := rig.Plane.Open(t.Context(), plain)
	wantRefusal(t, err, tunnel.RefuseOverloaded, "nobody accepts")
}

func openEndsWithItsContext(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the user left")
	result := make(chan error, 1)
	go func() {
		_, err := rig.Plane.Open(ctx, plain)
		result <- err
	}()
	eventually(t, "the stream arrives", func() bool { return rig.Agent.Streams() == 1 })
	cancel(gone)
	if err := within(t, soon, "open", result); !errors.Is(err, gone) {
		t.Errorf("open: %v", err)
	}
	eventually(t, "stream released", func() bool { return rig.Plane.Streams()+rig.Agent.Streams() == 0 })
}

func openOnStalledConnectionEnds(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{OpenTimeout: 50 * time.Millisecond, KeepaliveTimeout: 50 * time.Millisecond})
	rig.Stall()
	_, err := rig.Plane.Open(t.Context(), plain)
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, tunnel.ErrNotAccepted) {
		t.Errorf("open: %v", err)
	}
	// The failed open made the session suspect: it is not kept until the next keepalive, 15 s away.
	within(t, soon, "the session's end", rig.Plane.Done())
	wantClose(t, rig.Plane.Cause(), tunnel.ReasonDead, false)
}

func stalledConnectionIsDead(t *testing.T, lay Lay) {
	cfg := tunnel.Config{Keepalive: 200 * time.Millisecond, KeepaliveTimeout: 300 * time.Millisecond}
	rig := connect(t, lay, cfg, cfg)
	plane, agent := open(t, rig, plain)
	within := func(s tunnel.Session, c *tunnel.Conn) {
		t.Helper()
		_, err := c.Read(make([]byte, 1))
		wantClose(t, err, tunnel.ReasonDead, false)
		within(t, soon, "the session's end", s.Done())
		wantClose(t, s.Cause(), tunnel.ReasonDead, false)
	}
	rig.Stall()
	within(rig.Agent, agent)
	within(rig.Plane, plane)
}

func drainReachesTheOtherSide(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	serve(rig.Agent, echo)
	c, err := rig.Plane.Open(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	asked := tunnel.Drain{ReconnectIn: 3 * time.Second, Deadline: time.Hour}
	if err := rig.Plane.Drain(t.Context(), asked); err != nil {
		t.Fatalf("drain: %v", err)
	}
	within(t, soon, "draining at the agent", rig.Agent.Draining())
	within(t, soon, "draining at the plane", rig.Plane.Draining())
	if got, ok := rig.Agent.PeerDrain(); got != asked || !ok {
		t.Errorf("the agent was asked for %+v, %v", got, ok)
	}
	if _, ok := rig.Plane.PeerDrain(); ok {
		t.Error("the plane was asked to drain by itself")
	}
	c.Write([]byte("in flight"))
	c.CloseWrite()
	if got, err := io.ReadAll(c); string(got) != "in flight" || err != nil {
		t.Errorf("a stream in flight during the drain: %q, %v", got, err)
	}
	// Until the replacement is there the plane may still need this session.
	c, err = rig.Plane.Open(t.Context(), plain)
	if err != nil {
		t.Fatalf("open on a session this side drains: %v", err)
	}
	c.Close()
}

func drainedAgentIsSentNothingNew(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	if err := rig.Agent.Drain(t.Context(), tunnel.Drain{Deadline: time.Minute}); err != nil {
		t.Fatalf("drain: %v", err)
	}
	_, err := rig.Plane.Open(t.Context(), plain)
	wantRefusal(t, err, tunnel.RefuseDraining, "")
}

func reasonReachesTheOtherSide(t *testing.T, lay Lay) {
	for _, fromAgent := range []bool{true, false} {
		rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
		closer, other := rig.Plane, rig.Agent
		if fromAgent {
			closer, other = other, closer
		}
		closer.CloseWith(tunnel.ReasonRevoked, "certificate \x1b[2Jrevoked")
		within(t, soon, "the other side's end", other.Done())
		wantClose(t, other.Cause(), tunnel.ReasonRevoked, true)
		wantClose(t, closer.Cause(), tunnel.ReasonRevoked, false)
		var e *tunnel.CloseError
		if errors.As(other.Cause(), &e) && e.Detail != "certificate ?[2Jrevoked" {
			t.Errorf("the detail came as %q", e.Detail)
		}
		if _, err := closer.Open(t.Context(), plain); err == nil {
			t.Error("open on a closed session did not fail")
		}
	}
}

// reasonOvertakesBulk: a side that closes while bytes it has not read pile up must not turn CLOSE into a RST.
func reasonOvertakesBulk(t *testing.T, lay Lay) {
	for range 5 {
		rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
		for range 4 {
			plane, agent := open(t, rig, plain)
			go io.Copy(agent, zeros{})
			io.ReadFull(plane, make([]byte, 10_000))
			go io.Copy(io.Discard, plane)
		}
		rig.Plane.CloseWith(tunnel.ReasonReplaced, "")
		within(t, soon, "the other side's end", rig.Agent.Done())
		wantClose(t, rig.Agent.Cause(), tunnel.ReasonReplaced, true)
	}
}

func acceptEndsWithTheSession(t *testing.T, lay Lay) {
	rig := connect(t, lay, tunnel.Config{}, tunnel.Config{})
	result := make(chan error, 1)
	go func() {
		_, err := rig.Agent.Accept()
		result <- err
	}()
	rig.Plane.CloseWith(tunnel.ReasonExpired, "")
	err := within(t, soon, "accept", result)
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
	wantClose(t, err, tunnel.ReasonExpired, true)
}

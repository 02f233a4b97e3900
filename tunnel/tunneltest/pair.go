// Package tunneltest is what tests of tunnels stand on: sessions in memory that run the very machinery of package
// tunnel, connections that fail on request, and the suite every transport has to pass. Start at Pair and
// RunConformance.
package tunneltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// Wire is a connection that is there, with both its ends, before either said HELLO; and the ways to break it.
type Wire struct {
	Agent, Plane func(context.Context, tunnel.Config) (tunnel.Session, error)
	// Cut ends the connection abruptly in both directions, as a RST does.
	Cut func()
	// Stall lets no byte through any more and tells nobody, as a dropping firewall does.
	Stall func()
}

// Rig is a wire with the sessions on it.
type Rig struct {
	Wire
	Agent, Plane tunnel.Session
}

// Memory is a wire in memory. It works inside testing/synctest.
func Memory(testing.TB) Wire {
	l := newLink()
	return Wire{
		Agent: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tunnel.Agent(ctx, l.ends[0], cfg)
		},
		Plane: func(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
			return tunnel.Plane(ctx, l.ends[1], cfg)
		},
		Cut:   l.Cut,
		Stall: l.Stall,
	}
}

// Pair connects an agent and a plane in memory and closes both at the end of the test.
func Pair(t testing.TB, agentCfg, planeCfg tunnel.Config) (agent, plane tunnel.Session) {
	t.Helper()
	rig := Connect(t, Memory(t), agentCfg, planeCfg)
	return rig.Agent, rig.Plane
}

// Connect makes the sessions on a wire and closes both at the end of the test.
func Connect(t testing.TB, w Wire, agentCfg, planeCfg tunnel.Config) Rig {
	t.Helper()
	rig, agentErr, planeErr := w.greet(agentCfg, planeCfg)
	if err := errors.Join(agentErr, planeErr); err != nil {
		t.Fatalf("connect agent and plane: %v", err)
	}
	t.Cleanup(func() {
		rig.Plane.Close()
		rig.Agent.Close()
	})
	return rig
}

// greet runs both sides of the handshake.
func (w Wire) greet(agentCfg, planeCfg tunnel.Config) (rig Rig, agentErr, planeErr error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	rig.Wire = w
	done := make(chan struct{})
	go func() {
		defer close(done)
		rig.Plane, planeErr = w.Plane(ctx, planeCfg)
	}()
	rig.Agent, agentErr = w.Agent(ctx, agentCfg)
	<-done
	return rig, agentErr, planeErr
}

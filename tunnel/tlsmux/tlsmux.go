// Package tlsmux carries a tunnel session over one TLS connection that is already there, multiplexed with
// hashicorp/yamux. What yamux lacks is added here (one write per frame, a write deadline that is fatal, windows chosen
// from the round trip) or in package tunnel (cancel, END, keepalive, bounded opens). Start at Agent and Plane.
package tlsmux

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/kubechat/kubechat/tunnel"
)

// ALPN is the protocol name to negotiate in TLS. Its number is the protocol's major.
const ALPN = "kct/1"

// Agent makes the agent's end of a session of conn, which it owns from here on, also when it fails. A *tls.Conn must
// have negotiated ALPN; its handshake is made now if it was not yet. ctx bounds the handshakes only.
func Agent(ctx context.Context, conn net.Conn, cfg tunnel.Config) (tunnel.Session, error) {
	if err := ready(ctx, conn, cfg); err != nil {
		return nil, err
	}
	m, err := newMux(conn, agentEnd)
	if err != nil {
		return nil, err
	}
	return tunnel.Agent(ctx, m, cfg)
}

// Plane makes the control plane's end of a session; what Agent says holds here as well.
func Plane(ctx context.Context, conn net.Conn, cfg tunnel.Config) (tunnel.Session, error) {
	if err := ready(ctx, conn, cfg); err != nil {
		return nil, err
	}
	m, err := newMux(conn, planeEnd)
	if err != nil {
		return nil, err
	}
	return tunnel.Plane(ctx, m, cfg)
}

// ready finishes the TLS handshake, with a deadline even if the caller set none, and closes conn if that fails.
func ready(ctx context.Context, conn net.Conn, cfg tunnel.Config) error {
	tc, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.HandshakeBudget())
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		conn.Close()
		return fmt.Errorf("TLS handshake of the tunnel: %w", err)
	}
	if got := tc.ConnectionState().NegotiatedProtocol; got != ALPN {
		conn.Close()
		return fmt.Errorf("the other side speaks %q in ALPN, the tunnel needs %q", got, ALPN)
	}
	return nil
}

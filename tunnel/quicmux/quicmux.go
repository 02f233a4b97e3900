// Package quicmux carries a tunnel session over QUIC (RFC 9000), whose own streams and TLS 1.3 take the place of TCP,
// yamux and package tlsmux. It is no faster than TLS over TCP on good networks, and is for lossy ones, where one lost
// packet holds up one stream instead of all. Start at Dial and Listen.
package quicmux

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/kubechat/kubechat/tunnel"
)

// ALPN is the protocol name to negotiate; its number is the protocol's major.
const ALPN = "kct/1"

const (
	keepAlive = 8 * time.Second // mappings of UDP in firewalls live for 30 s, in some for less
	// maxIdle is how long the connection lives without a packet, counted anew when a keepalive is sent after the last one:
	// together they are within the 25 s in which a dead session has to be found.
	maxIdle = 16 * time.Second

	// packetSize is what a path with an MTU of 1280 carries after its own headers, IPv6 and a tunnel's: larger
	// packets are found out by path MTU discovery, and never by a handshake that hangs.
	packetSize = 1200

	// Receive windows. quic-go doubles a stream's window while its reader keeps up, so that a stopped reader holds
	// what it had, mostly the first. The connection's window, for all streams together, bounds what a session can cost
	// in memory; were it small, a few stopped readers would stop the others until tunnel ends them.
	firstStreamWindow = 256 << 10
	planeStreamWindow = 8 << 20
	agentStreamWindow = 1 << 20
	planeWindow       = 16 << 20
	agentWindow       = 4 << 20

	// agentStreams is how many streams the agent takes: those tunnel serves, those it is refusing, and some on top.
	agentStreams = 2048
	// planeStreams is how many the plane takes: the control stream, and what is refused.
	planeStreams = 64
)

// config is quic-go's for one end.
func config(plane bool, handshake time.Duration, window int) *quic.Config {
	c := &quic.Config{
		HandshakeIdleTimeout: handshake, MaxIdleTimeout: maxIdle, KeepAlivePeriod: keepAlive,
		InitialPacketSize:          packetSize,
		InitialStreamReceiveWindow: firstStreamWindow,
		MaxIncomingUniStreams:      -1,
	}
	most := uint64(agentStreamWindow)
	if plane {
		most = planeStreamWindow
		c.MaxIncomingStreams = planeStreams
		c.InitialConnectionReceiveWindow, c.MaxConnectionReceiveWindow = planeWindow, planeWindow
	} else {
		c.MaxIncomingStreams = agentStreams
		c.InitialConnectionReceiveWindow, c.MaxConnectionReceiveWindow = agentWindow, agentWindow
	}
	if window > 0 {
		most = max(uint64(window), firstStreamWindow)
	}
	c.MaxStreamReceiveWindow = most
	return c
}

// quiet keeps quic-go from writing a line about small socket buffers into the middle of our log, once per program.
var quiet = sync.OnceFunc(func() {
	const name = "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING"
	if _, set := os.LookupEnv(name); !set {
		_ = os.Setenv(name, "true")
	}
})

// Dial connects to a plane's UDP address, shakes hands and says HELLO. conn is the socket to use, and belongs to the
// session from here on, also when Dial fails; nil makes one. cfg has ALPN among its protocols. ctx bounds the handshakes only. As with crypto/tls, a
// *net.OpError whose Op is "remote error" means that the plane refused in TLS.
func Dial(ctx context.Context, conn net.PacketConn, to net.Addr, cfg *tls.Config, tc tunnel.Config) (tunnel.Session, error) {
	quiet()
	if conn == nil {
		var err error
		if conn, err = net.ListenUDP("udp", nil); err != nil {
			return nil, fmt.Errorf("UDP socket: %w", err)
		}
	}
	transport := &quic.Transport{Conn: conn}
	release := func() {
		_ = transport.Close()
		_ = conn.Close()
	}
	shake, cancel := context.WithTimeout(ctx, tc.HandshakeBudget())
	defer cancel()
	qc, err := transport.Dial(shake, to, cfg, config(false, tc.HandshakeBudget(), tc.MaxWindow))
	if err != nil {
		release()
		return nil, fmt.Errorf("QUIC handshake: %w", explain(err))
	}
	session, err := tunnel.Agent(ctx, newMux(qc, release), tc)
	if err != nil {
		// TLS 1.3 tells a client that its certificate was refused only after the handshake; then HELLO has failed for it.
		if e, ok := errors.AsType[*quic.TransportError](context.Cause(qc.Context())); ok && e.Remote && e.ErrorCode.IsCryptoError() {
			return nil, &net.OpError{Op: "remote error", Net: "udp", Addr: to, Err: e}
		}
	}
	return session, err
}

// explain words what a handshake over UDP most often fails with. Which of the three timers is first is chance.
func explain(err error) error {
	_, late := errors.AsType[*quic.HandshakeTimeoutError](err)
	_, silent := errors.AsType[*quic.IdleTimeoutError](err)
	if late || silent || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer over UDP, which networks often block: %w", err)
	}
	return err
}

// Listener takes agents' connections on a UDP socket.
type Listener struct {
	transport *quic.Transport
	listener  *quic.Listener
}

// Listen takes connections on conn, which stays the caller's. cfg is as for any TLS server, with ALPN among its protocols. window bounds one stream's receive window in bytes; 0 is 8 MiB.
func Listen(conn net.PacketConn, cfg *tls.Config, window int) (*Listener, error) {
	quiet()
	// Sources are made to prove their address when many knock at once (quic-go's own default does nothing of the kind).
	transport := &quic.Transport{Conn: conn, VerifySourceAddress: newKnocks().tooMany}
	l, err := transport.Listen(cfg, config(true, tunnel.Config{}.HandshakeBudget(), window))
	if err != nil {
		_ = transport.Close()
		return nil, fmt.Errorf("listen for QUIC: %w", err)
	}
	return &Listener{transport, l}, nil
}

// Conn is a connection whose TLS handshake is over, before HELLO.
type Conn struct{ qc *quic.Conn }

// Accept waits for the next one. Take it at once: quic-go keeps 32 and turns the others away.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	qc, err := l.listener.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return &Conn{qc}, nil
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.listener.Addr() }

// Close takes no more connections, and returns when nothing of the listener runs. Sessions that were accepted end with
// it: they share its socket.
func (l *Listener) Close() error {
	_ = l.listener.Close()
	return l.transport.Close()
}

// ConnectionState is the TLS below.
func (c *Conn) ConnectionState() tls.ConnectionState { return c.qc.ConnectionState().TLS }

// RemoteAddr is the agent's, or its network's.
func (c *Conn) RemoteAddr() net.Addr { return c.qc.RemoteAddr() }

// Close ends the connection without a word.
func (c *Conn) Close() error { return c.qc.CloseWithError(codeNormal, "") }

// Plane makes the control plane's end of a session. ctx bounds the handshake only.
func (c *Conn) Plane(ctx context.Context, cfg tunnel.Config) (tunnel.Session, error) {
	return tunnel.Plane(ctx, newMux(c.qc, func() {}), cfg)
}

// knocks counts handshakes that began, for a rate above which sources have to prove their address (RFC 9000, 8.1.2).
type knocks struct {
	mu    sync.Mutex // guards the rest
	since time.Time
	count int
}

const maxKnocks = 200 // in a second; a proof costs one round trip more

func newKnocks() *knocks { return &knocks{since: time.Now()} }

func (k *knocks) tooMany(net.Addr) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.since) > time.Second {
		k.since, k.count = now, 0
	}
	k.count++
	return k.count > maxKnocks
}

// Package tunnel carries streams between an agent and the control plane, both ways, over one authenticated
// connection. It knows neither tenants nor Kubernetes: a stream starts with a Header whose identity is opaque here,
// is answered with ACCEPT or REFUSE before any payload, and then carries bytes with backpressure, cancel and a
// half-close that can be told from a truncation. The bytes on the wire are in docs/protocol.md. Start at Session.
package tunnel

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// Session is one live, authenticated, multiplexed connection between an agent and one replica. Both sides hold one.
// Every method is safe for concurrent use.
type Session interface {
	// Accept waits for the next stream the other side opened, already answered with ACCEPT, and returns it as a
	// *Conn. It makes Session a net.Listener, so an http.Server can serve it. After the session's end it returns
	// net.ErrClosed (wrapped with the cause).
	Accept() (net.Conn, error)
	// Addr is the local address of the connection below.
	Addr() net.Addr
	// Open opens a stream, sends its header and waits for ACCEPT. A *RefusedError means that the other side said no
	// and saw no payload: the request may safely be sent elsewhere. Any other error of Open is as safe, because payload
	// is only written after ACCEPT; errors.Is(err, ErrNotAccepted) is true for all of them. OpenEarly is quicker for
	// requests that may be sent twice.
	Open(ctx context.Context, h Header) (*Conn, error)
	// Peer is what the other side said of itself in its HELLO.
	Peer() Hello
	// Ping measures one round trip on the control stream; an error means that the session is lost or ctx ended.
	Ping(ctx context.Context) (time.Duration, error)
	// Drain asks the other side to bring up a replacement and to open nothing new here; in-flight streams go on.
	Drain(ctx context.Context, d Drain) error
	// Draining is closed once either side asked to drain.
	Draining() <-chan struct{}
	// PeerDrain is what the other side asked for with its DRAIN, and whether it did.
	PeerDrain() (Drain, bool)
	// Streams counts the streams in flight, of both directions.
	Streams() int
	// Done is closed when the session has ended; Cause then tells why.
	Done() <-chan struct{}
	// Cause is nil while the session lives, then a *CloseError.
	Cause() error
	// CloseWith ends the session, telling the other side the reason where the connection still allows it. Streams
	// in flight fail with that reason, never with a clean end.
	CloseWith(r Reason, detail string) error
	// Close is CloseWith(ReasonNormal, "").
	Close() error
}

// Header opens a stream. It is sent by the side that opens and read before ACCEPT or REFUSE is answered.
type Header struct {
	RequestID   string        `json:"id"`
	Traceparent string        `json:"trace,omitempty"` // W3C Trace Context
	Kind        Kind          `json:"kind"`
	Class       Class         `json:"class,omitempty"`
	Budget      time.Duration `json:"budget,omitempty"` // how long the whole stream may take; 0 is no limit. Never a wall-clock time
	Early       bool          `json:"early,omitempty"`  // payload comes before ACCEPT; OpenEarly sets it
	Whole       bool          `json:"whole,omitempty"`  // all payload, and END, come before ACCEPT; OpenWhole sets it
	Identity    Identity      `json:"identity"`
	// Route says to which of its own sessions the receiver passes the stream on. Only replicas of the control plane use
	// it, between themselves; an agent never gets one.
	Route string `json:"route,omitempty"`
}

// Kind says what the payload of a stream is.
type Kind string

// The kinds of streams.
const (
	KindHTTP Kind = "http" // one HTTP/1.1 request and its response, upgrades included
)

// Class says how urgent a stream is.
type Class string

// The classes.
const (
	ClassInteractive Class = "interactive" // a person waits: small answers, keystrokes
	ClassBulk        Class = "bulk"        // lists, logs, copies
)

// Identity is for whom a stream is opened. It is carried, never read, by this package; the agent's proxy checks it
// against its own list and turns it into impersonation.
type Identity struct {
	User   string              `json:"user,omitempty"`
	UID    string              `json:"uid,omitempty"`
	Groups []string            `json:"groups,omitempty"`
	Extra  map[string][]string `json:"extra,omitempty"`
}

// Hello is what each side says of itself first, on the control stream.
type Hello struct {
	MinMinor     int      `json:"min"` // protocol minors spoken, lowest and highest
	MaxMinor     int      `json:"max"`
	Capabilities []string `json:"caps,omitempty"`
	Name         string   `json:"name,omitempty"`    // the replica's id, or the agent pod's name
	Version      string   `json:"version,omitempty"` // of the program
	// Attrs is for the layers above: kubernetes version, kube-system uid, service-account token and such.
	Attrs map[string]string `json:"attrs,omitempty"`
}

// LogValue leaves Attrs out: a service-account token travels in them.
func (h Hello) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", h.Name), slog.String("version", h.Version),
		slog.Int("min", h.MinMinor), slog.Int("max", h.MaxMinor), slog.Any("caps", h.Capabilities))
}

// Drain asks the other side to move away.
type Drain struct {
	ReconnectIn time.Duration `json:"reconnect_in"` // how long to wait before dialling the replacement
	Deadline    time.Duration `json:"deadline"`     // when this session will be closed, from now
}

// Reason is why a session or a stream ended. It is sent as is; an unknown one is shown as is.
type Reason string

// The reasons.
const (
	ReasonNormal       Reason = "normal"       // the owner closed it
	ReasonShutdown     Reason = "shutdown"     // the program stops
	ReasonRevoked      Reason = "revoked"      // the cluster's identity was revoked
	ReasonExpired      Reason = "expired"      // the certificate's lifetime is over
	ReasonReplaced     Reason = "replaced"     // a newer session of the same agent took over
	ReasonProtocol     Reason = "protocol"     // the other side broke the protocol
	ReasonDead         Reason = "dead"         // no sign of life within the deadline
	ReasonLost         Reason = "lost"         // the connection below failed
	ReasonCancelled    Reason = "cancelled"    // the other side no longer wants this stream
	ReasonUnacceptable Reason = "unacceptable" // HELLO was understood and refused
	ReasonBudget       Reason = "budget"       // the stream's Header.Budget is spent
	ReasonStalled      Reason = "stalled"      // the stream's reader took nothing for too long
	ReasonOverloaded   Reason = "overloaded"   // too much was received that nobody read
)

// RefuseCode is the one byte that answers a header; zero is ACCEPT and is never a code.
type RefuseCode byte

// The refusals.
const (
	RefuseOverloaded  RefuseCode = 1 // too many streams; try another session
	RefuseDraining    RefuseCode = 2 // going away; try another session
	RefuseUnsupported RefuseCode = 3 // a kind or version this side does not know
	RefuseInvalid     RefuseCode = 4 // the header can't be read
	RefuseForbidden   RefuseCode = 5 // the layer above does not want it
	RefuseAbsent      RefuseCode = 6 // between replicas: the session that Route asks for is not here
)

package tunnel

import (
	"net"
	"time"
)

// Mux is what a transport brings: streams with flow control over one authenticated connection. Agent and Plane build
// a Session on it; headers, ACCEPT, END, CANCEL, keepalive and reasons are theirs, not the transport's.
type Mux interface {
	// Open opens a stream towards the other side. It may block as long as the connection does.
	Open() (Stream, error)
	// Accept waits for a stream of the other side. An error means that the connection is over, and says why.
	Accept() (Stream, error)
	// LastReceived is when a byte last arrived, of whatever kind: the other side's sign of life.
	LastReceived() time.Time
	// Tune tells the measured round trip and the largest receive window allowed, in bytes (0: the transport's own),
	// once, before the first stream of data.
	Tune(rtt time.Duration, maxWindow int)
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	// Close ends the connection at once; every blocked call on it and on its streams returns.
	Close() error
}

// Stream is one stream of a Mux. Its two halves end independently. A transport's own end of stream means nothing
// here: only END does, so that a truncation can't be taken for an end.
type Stream interface {
	// ID is the same number on both sides, unique over the session's life.
	ID() uint64
	Read(p []byte) (int, error)
	// Write blocks while the other side's window is full.
	Write(p []byte) (int, error)
	// SetReadDeadline and SetWriteDeadline also wake calls that are already blocked on the other side's bytes or window.
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	// CloseSend gives the sending half back, after the last Write, delivering what was written. Reading goes on for
	// as long as the reader likes. It may block as long as the connection does.
	CloseSend() error
	// Discard gives the receiving half back, after the last Read: it frees what was received and throws away what still
	// arrives. It may wait for the other side's CloseSend, and returns an error when that did not come by deadline.
	Discard(deadline time.Time) error
}

// Opener is what a Mux may be as well: TryOpen opens a stream if that takes no waiting, and otherwise says false.
type Opener interface {
	TryOpen() (s Stream, ok bool, err error)
}

// Bounded is what a Mux may be as well, if it can bound what it buffers. Bound is called once, before the first stream
// of data. shed ends a stream that received bytes for which the budget has no room; it does not block.
type Bounded interface {
	Bound(b *Budget, shed func(stream uint64))
}

package forward

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// heldMost is how much of an answer waits for its end.
const heldMost = 16 << 10

// Listener makes l's connections such that Hold holds their answers. It belongs below TLS, whose records are then held too.
func Listener(l net.Listener) net.Listener { return holdListener{l} }

type holdListener struct{ net.Listener }

// Accept implements net.Listener.
func (l holdListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if s, ok := c.(socket); ok {
		return &held{socket: s}, nil
	}
	return c, err
}

type connKey struct{}

// ConnContext is for the http.Server of such a listener.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	for {
		if h, ok := c.(*held); ok {
			return context.WithValue(ctx, connKey{}, h)
		}
		over, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return ctx
		}
		c = over.NetConn()
	}
}

// Hold makes one write of the answer to r, if it is small: net/http writes what goes beyond 4 KiB apart, and TLS its first
// records at 1.2 KiB. Each wakes the client, which takes the processor from who is about to write the rest. It is for
// answers of use only as a whole: what is flushed waits as well. Over HTTP/2, whose requests share a connection, and
// where the listener is another one, it does nothing.
func Hold(r *http.Request) {
	if h, ok := r.Context().Value(connKey{}).(*held); ok && r.ProtoMajor == 1 {
		h.holds.Store(true)
	}
}

// socket is what net/http and tunnels ask of a TCP connection.
type socket interface {
	net.Conn
	CloseWrite() error
	SyscallConn() (syscall.RawConn, error)
}

// held is a connection that can hold back what is written to it.
type held struct {
	socket
	holds atomic.Bool // without it the connection is as it was
	mu    sync.Mutex
	kept  *[]byte
	err   error // of writing what was kept
}

var kept = sync.Pool{New: func() any { b := make([]byte, 0, heldMost); return &b }}

// Write implements net.Conn.
func (h *held) Write(p []byte) (int, error) {
	if !h.holds.Load() {
		return h.socket.Write(p)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return 0, h.err
	}
	if h.kept == nil {
		h.kept = kept.Get().(*[]byte)
	}
	if len(*h.kept)+len(p) <= heldMost {
		*h.kept = append(*h.kept, p...)
		return len(p), nil
	}
	if err := h.release(); err != nil {
		return 0, err
	}
	return h.socket.Write(p)
}

// release writes what was kept, and holds nothing more. With h.mu held.
func (h *held) release() error {
	if h.kept != nil {
		if len(*h.kept) > 0 {
			_, h.err = h.socket.Write(*h.kept)
		}
		*h.kept = (*h.kept)[:0]
		kept.Put(h.kept)
		h.kept = nil
	}
	h.holds.Store(h.err != nil) // who writes on is told
	return h.err
}

// SetReadDeadline implements net.Conn. When an http.Server has written all of an answer, it first ends by a deadline the
// read by which it would have learned that the client is gone.
func (h *held) SetReadDeadline(t time.Time) error {
	h.answered()
	return h.socket.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn. An http.Server sets none after each answer, also where no read was under way.
func (h *held) SetWriteDeadline(t time.Time) error {
	h.answered()
	return h.socket.SetWriteDeadline(t)
}

func (h *held) answered() {
	if h.holds.Load() {
		h.mu.Lock()
		_ = h.release() // the next write says so
		h.mu.Unlock()
	}
}

// closeIn is how long a client that reads nothing delays the end of its connection.
const closeIn = time.Second

// Close implements net.Conn. Of an answer that was given up goes what there was.
func (h *held) Close() error {
	if h.holds.Load() && h.mu.TryLock() { // else somebody writes, whom closing ends
		_ = h.socket.SetWriteDeadline(time.Now().Add(closeIn))
		_ = h.release()
		h.mu.Unlock()
	}
	return h.socket.Close()
}

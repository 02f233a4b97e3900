package tlsmux

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// writeStall is how long one write of at most a frame may take before the connection counts as broken.
	writeStall = 20 * time.Second

	// yamux's frame header: version, type, u16 flags, u32 stream, u32 length; type 0 has length bytes after it.
	frameHeader = 12
	frameData   = 0
)

// wire is what yamux reads and writes: the connection, with a frame's header and body in one write (else each is a TLS
// record and a packet of its own), a deadline on every write, and note taken of life and of the first failure.
type wire struct {
	net.Conn
	base     time.Time
	received atomic.Int64 // when, as time since base: no wall clock
	header   []byte       // of a data frame, waiting for its body; used by yamux's one sender only

	mu    sync.Mutex // guards first
	first error
}

func newWire(conn net.Conn) *wire {
	return &wire{Conn: conn, base: time.Now()}
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.received.Store(int64(time.Since(w.base)))
	}
	if err != nil {
		w.fail(err)
	}
	return n, err
}

func (w *wire) lastReceived() time.Time {
	return w.base.Add(time.Duration(w.received.Load()))
}

// frames holds room for a frame of a full chunk; an idle session holds none.
var frames = sync.Pool{New: func() any { b := make([]byte, 0, frameHeader+32<<10); return &b }}

func (w *wire) Write(p []byte) (int, error) {
	if len(w.header) == 0 {
		if announcesBody(p) {
			w.header = append(w.header, p...)
			return len(p), nil
		}
		return w.send(p)
	}
	room := frames.Get().(*[]byte)
	defer frames.Put(room)
	frame := append(append((*room)[:0], w.header...), p...)
	w.header = w.header[:0]
	n, err := w.send(frame)
	return max(0, n-frameHeader), err
}

func announcesBody(p []byte) bool {
	return len(p) == frameHeader && p[1] == frameData && binary.BigEndian.Uint32(p[8:]) > 0
}

func (w *wire) send(p []byte) (int, error) {
	w.Conn.SetWriteDeadline(time.Now().Add(writeStall))
	n, err := w.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errStalled
	}
	if err != nil {
		w.fail(err)
	}
	return n, err
}

var errStalled = errors.New("the connection took no bytes for " + writeStall.String())

// fail notes the first failure: those that follow are consequences.
func (w *wire) fail(err error) {
	if errors.Is(err, io.EOF) {
		err = errHungUp
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == nil {
		w.first = err
	}
}

var errHungUp = errors.New("the other side closed the connection")

func (w *wire) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}

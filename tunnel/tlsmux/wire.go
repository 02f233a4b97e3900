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

	"github.com/kubechat/kubechat/tunnel"
)

// writeStall is how long one write of at most a batch may take before the connection counts as broken.
const writeStall = 20 * time.Second

// yamux's frame header: version, type, u16 flags, u32 stream, u32 length; type 0 has length bytes after it.
const (
	frameHeader = 12
	frameData   = 0
	frameWindow = 1

	flagSYN = 1
	flagACK = 2
	flagFIN = 4
	flagRST = 8
)

// wire is what yamux reads and writes. It never blocks yamux's one sender: frames go into two queues, small ones of
// streams that say little before those of streams that say much, and a task that lives as long as there is something
// to send writes them, many at a time (queue.go). It also takes the receive windows from yamux, whose windows are the
// same for all streams and can't shrink (flow.go). What passes on the connection is plain yamux. And it takes note of
// life and of the first failure.
type wire struct {
	net.Conn
	base     time.Time
	received atomic.Int64  // when, as time since base: no wall clock
	wake     chan struct{} // rouses the sending task when it rests; holds one, so that nobody waits to send
	notSent  func(int)     // bounds what waits in the socket; nil without one
	clear    func() bool   // says whether the socket holds nothing that was not acknowledged; nil without one
	header   []byte        // of a data frame, waiting for its body; used by yamux's one sender only

	inHead [frameHeader]byte // of the frame that is arriving; used by yamux's one receiver only, as are the next two
	inGot  int
	inBody uint32 // bytes of a frame's body still to come

	mu      sync.Mutex // guards what follows
	first   error      // the first failure
	flows   map[uint32]*flow
	out     queue
	drained *sync.Cond // told when there is room in the queue again, or none will ever be
	bounds  bounds
}

func newWire(conn net.Conn) *wire {
	w := &wire{Conn: conn, base: time.Now(), wake: make(chan struct{}, 1), flows: map[uint32]*flow{}}
	w.drained = sync.NewCond(&w.mu)
	w.bounds = bounds{most: minWindow}
	w.out.pace.batch = startBatch
	if w.notSent, w.clear = tuneTCP(conn); w.notSent != nil {
		w.notSent(startBatch)
	}
	return w
}

func (w *wire) now() time.Duration { return time.Since(w.base) }

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.received.Store(int64(w.now()))
		if wrong := w.arrived(p[:n]); wrong != nil {
			w.fail(wrong)
			return 0, wrong
		}
	}
	if err != nil {
		w.fail(err)
	}
	return n, err
}

func (w *wire) lastReceived() time.Time {
	return w.base.Add(time.Duration(w.received.Load()))
}

// arrived follows the frames that come in.
func (w *wire) arrived(p []byte) error {
	for len(p) > 0 {
		if w.inBody > 0 {
			n := min(w.inBody, uint32(len(p)))
			w.inBody -= n
			p = p[n:]
			continue
		}
		n := copy(w.inHead[w.inGot:], p)
		p = p[n:]
		if w.inGot += n; w.inGot < frameHeader {
			return nil
		}
		w.inGot = 0
		if w.inHead[1] == frameData {
			w.inBody = binary.BigEndian.Uint32(w.inHead[8:])
		}
		if err := w.frameArrived(w.inHead[1], binary.BigEndian.Uint16(w.inHead[2:]), binary.BigEndian.Uint32(w.inHead[4:]), w.inBody); err != nil {
			return err
		}
	}
	return nil
}

// Write is called by yamux's one sender, with a frame's header and its body apart. It does not block.
func (w *wire) Write(p []byte) (int, error) {
	if len(w.header) == 0 {
		if announcesBody(p) {
			w.header = append(w.header, p...)
			return len(p), nil
		}
		return len(p), w.frame(p, nil)
	}
	err := w.frame(w.header, p)
	w.header = w.header[:0]
	return len(p), err
}

func announcesBody(p []byte) bool {
	return len(p) == frameHeader && p[1] == frameData && binary.BigEndian.Uint32(p[8:]) > 0
}

// send writes to the connection, with a deadline that is fatal.
func (w *wire) send(p []byte) error {
	w.Conn.SetWriteDeadline(time.Now().Add(writeStall))
	_, err := w.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errStalled
	}
	if err != nil {
		w.fail(err)
	}
	return err
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
	w.drained.Broadcast()
}

var errHungUp = errors.New("the other side closed the connection")

func (w *wire) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}

// Close implements net.Conn. What streams still hold in memory is nobody's any more.
func (w *wire) Close() error {
	err := w.Conn.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == nil {
		w.first = net.ErrClosed
	}
	w.drained.Broadcast()
	w.kick() // the sending task ends
	for id, f := range w.flows {
		w.bounds.budget.Release(f.charged)
		f.charged, f.gone = 0, true
		delete(w.flows, id)
	}
	return err
}

// bounds is what limits the windows of all streams.
type bounds struct {
	rtt    time.Duration
	most   int            // bytes one stream's window may grow to
	start  int            // bytes it begins with
	budget *tunnel.Budget // of the session; nil has no bound
	shed   func(uint64)   // ends a stream whose bytes have no room; nil when budget is
}

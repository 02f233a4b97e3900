package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Conn is one stream, a net.Conn. Close is graceful as with TCP: what was written is still delivered and followed by
// END. Reset is not. It has a Context, which http.Server's ConnContext can hand to the handlers.
type Conn struct {
	s      *session
	stream Stream
	header Header
	ctx    context.Context
	cancel context.CancelCauseFunc

	rmu  sync.Mutex // one reader at a time; guards left, mark, got
	left int        // bytes of the current chunk still to be read
	mark [chunkMark]byte
	got  int // bytes of mark already here: a deadline may pass between the two

	wmu  sync.Mutex  // one writer at a time, of ACCEPT, chunks or END; guards owes, hold
	owes bool        // ACCEPT was not written yet
	hold *time.Timer // until it is written alone

	mu       sync.Mutex // guards what follows; never held while blocked
	readErr  error      // why nothing more is read: io.EOF after END, otherwise a *CloseError
	writeErr error      // why nothing more is written
	writing  bool       // a chunk may be half written
	moved    time.Time  // when the last chunk was taken, while writing
	sendDone bool       // somebody gives, or gave, the sending half back
	recvDone bool       // the same for the receiving half
	aborted  bool
	halves   int // given back; with the second one the session forgets the stream
	budget   *time.Timer
}

var _ net.Conn = (*Conn)(nil)

var (
	longAgo    = time.Unix(1, 0)
	errClosed  = &CloseError{Reason: ReasonNormal, Detail: "the stream was closed"}
	errEnded   = &CloseError{Reason: ReasonNormal, Detail: "writing was ended"}
	chunkSpace = sync.Pool{New: func() any { return new(chunkBuffer) }}
)

// chunkBuffer has room for what is written at once: ACCEPT, a chunk and END.
type chunkBuffer [1 + chunkMark + maxChunk + chunkMark]byte

func newConn(s *session, stream Stream) *Conn {
	c := &Conn{s: s, stream: stream}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c
}

// Header is what the stream was opened with.
func (c *Conn) Header() Header { return c.header }

// Context is cancelled when the stream is cancelled, reset, closed or lost with its session; context.Cause then is a
// *CloseError. A clean END from the other side does not cancel it. The other side's Close does, because nobody reads
// what is written here any more; what it wrote before can still be read.
func (c *Conn) Context() context.Context { return c.ctx }

// LocalAddr is the local address of the connection below.
func (c *Conn) LocalAddr() net.Addr { return c.s.mux.LocalAddr() }

// RemoteAddr is the remote address of the connection below.
func (c *Conn) RemoteAddr() net.Addr { return c.s.mux.RemoteAddr() }

// The bytes before the first chunk. They are read and written under the same locks as chunks, because an abort waits
// for these before it gives a half back.

func (c *Conn) readHeader() (Header, error) {
	c.rmu.Lock()
	defer c.rmu.Unlock()
	return readHeader(c.stream)
}

func (c *Conn) readAnswer() error {
	c.rmu.Lock()
	defer c.rmu.Unlock()
	return readAnswer(c.stream)
}

func (c *Conn) writeHeader(head []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	_, err := c.stream.Write(head)
	return err
}

func (c *Conn) refuse(e *RefusedError) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.stream.Write(encodeRefusal(e)) // if it fails, the stream's end is refusal enough
}

// Read returns io.EOF only after the other side's END. A stream that ended in any other way gives a *CloseError.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.rmu.Lock()
	defer c.rmu.Unlock()
	for {
		if err := c.readError(); err != nil {
			return 0, err
		}
		if c.left > 0 {
			n, err := c.readPayload(p)
			if n > 0 {
				return n, nil
			}
			if err != nil {
				return 0, c.readFailed(err)
			}
			continue
		}
		if c.got < chunkMark {
			n, err := c.stream.Read(c.mark[c.got:])
			if c.got += n; c.got < chunkMark {
				if err != nil {
					return 0, c.readFailed(err)
				}
				continue
			}
		}
		c.got = 0
		left, err := chunkLength(c.mark)
		if c.left = left; err != nil {
			c.abort(err.(*CloseError), true)
		} else if left == 0 {
			c.readToEnd()
		}
	}
}

// readPayload reads of the current chunk, and with its last byte what is there of the next one's mark: one read of the
// stream for each chunk instead of two. p has room for the mark if it has more than the payload needs.
func (c *Conn) readPayload(p []byte) (int, error) {
	n, err := c.stream.Read(p[:min(len(p), c.left+chunkMark)])
	if n > c.left {
		c.got = copy(c.mark[:], p[c.left:n])
		n = c.left
	}
	c.left -= n
	return n, err
}

func (c *Conn) readError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readErr
}

// readToEnd notes END.
func (c *Conn) readToEnd() {
	c.mu.Lock()
	done := c.recvDone
	c.recvDone = true
	if c.readErr == nil {
		c.readErr = io.EOF
	}
	c.mu.Unlock()
	if !done {
		c.halfDone()
	}
}

// readFailed turns a failure of the stream below into what the reader is told.
func (c *Conn) readFailed(err error) error {
	if told := c.readError(); told != nil {
		return told
	}
	if isTimeout(err) {
		return os.ErrDeadlineExceeded
	}
	c.lost(err)
	return c.readError()
}

// Write returns when all of p is on its way. It blocks while the other side does not read. A write deadline that
// passes with a chunk half written resets the stream.
func (c *Conn) Write(p []byte) (int, error) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if err := c.startWriting(); err != nil {
		return 0, err
	}
	defer c.stopWriting()
	space := chunkSpace.Get().(*chunkBuffer)
	defer chunkSpace.Put(space)
	written := 0
	for written < len(p) {
		if err := c.nextChunk(); err != nil && err != errEnded {
			return written, err
		}
		piece := p[written:min(len(p), written+c.s.chunk)]
		chunk := appendChunk(c.greet(space[:]), piece)
		n, err := c.stream.Write(chunk)
		if err != nil {
			return written + max(0, n-(len(chunk)-len(piece))), c.writeFailed(err, n > 0)
		}
		written += len(piece)
	}
	return written, nil
}

func (c *Conn) startWriting() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = c.writeErr == nil
	return c.writeErr
}

func (c *Conn) nextChunk() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved = time.Now()
	return c.writeErr
}

func (c *Conn) stopWriting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = false
}

func (c *Conn) writeError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeErr
}

func (c *Conn) writeFailed(err error, torn bool) error {
	if told := c.writeError(); told != nil && told != errEnded {
		return told
	}
	if isTimeout(err) {
		if torn {
			c.abort(&CloseError{Reason: ReasonCancelled, Detail: "the write deadline passed within a chunk"}, true)
		}
		return os.ErrDeadlineExceeded
	}
	c.lost(err)
	return c.writeError()
}

// lost ends a stream whose transport failed or ended without END. Why comes by another way: a CANCEL on the control
// stream, or the session's own end; it is given a moment to arrive, so that the cause told is the true one.
func (c *Conn) lost(err error) {
	wait := time.NewTimer(attributionGrace)
	defer wait.Stop()
	select {
	case <-c.ctx.Done():
	case <-c.s.done:
	case <-wait.C:
	}
	e := c.s.ended()
	if e == nil {
		e = &CloseError{Reason: ReasonLost, Detail: "the stream ended without END: " + err.Error()}
	}
	c.abort(e, true)
}

// Queued is what a Stream may be as well: it says whether a Write waits for the connection, which all streams share, and
// not for this stream's reader.
type Queued interface{ Queued() bool }

// stalled says whether the other side's reader takes nothing for longer than it may.
func (c *Conn) stalled(limit time.Duration) bool {
	q, ok := c.stream.(Queued)
	waits := ok && q.Queued()
	c.mu.Lock()
	defer c.mu.Unlock()
	if waits {
		c.moved = time.Now()
	}
	return c.writing && !c.moved.IsZero() && time.Since(c.moved) >= limit
}

// startBudget resets the stream when the header's budget is spent.
func (c *Conn) startBudget() {
	if c.header.Budget <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budget = time.AfterFunc(c.header.Budget, func() { c.abort(&CloseError{Reason: ReasonBudget}, true) })
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline bounds Read, also one that is already blocked. After a timeout the stream can be read on.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readErr != nil {
		return nil
	}
	return c.stream.SetReadDeadline(t)
}

// SetWriteDeadline bounds Write, also one that is already blocked.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writeErr != nil {
		return nil
	}
	return c.stream.SetWriteDeadline(t)
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

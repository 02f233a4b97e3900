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

	wmu sync.Mutex // one writer at a time, of ACCEPT, chunks or END

	mu       sync.Mutex // guards what follows; never held while blocked
	readErr  error      // why nothing more is read: io.EOF after END, otherwise a *CloseError
	writeErr error      // why nothing more is written
	writing  bool       // a chunk may be half written
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
	chunkSpace = sync.Pool{New: func() any { return new([chunkMark + maxChunk]byte) }}
)

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
			n, err := c.stream.Read(p[:min(len(p), c.left)])
			c.left -= n
			if n > 0 {
				return n, nil
			}
			if err != nil {
				return 0, c.readFailed(err)
			}
			continue
		}
		n, err := c.stream.Read(c.mark[c.got:])
		if c.got += n; c.got < chunkMark {
			if err != nil {
				return 0, c.readFailed(err)
			}
			continue
		}
		c.got = 0
		if c.left, err = chunkLength(c.mark); err != nil {
			c.abort(err.(*CloseError), true)
		} else if c.left == 0 {
			c.readToEnd()
		}
	}
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
	space := chunkSpace.Get().(*[chunkMark + maxChunk]byte)
	defer chunkSpace.Put(space)
	written := 0
	for written < len(p) {
		if err := c.writeError(); err != nil && err != errEnded {
			return written, err
		}
		piece := p[written:min(len(p), written+maxChunk)]
		chunk := putChunk(space[:], piece)
		n, err := c.stream.Write(chunk)
		if err != nil {
			return written + max(0, min(n, len(chunk))-chunkMark), c.writeFailed(err, n > 0)
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

// CloseWrite ends this side's writing: the other side reads io.EOF after what was written. Reading goes on.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	if c.writeErr != nil {
		defer c.mu.Unlock()
		if c.writeErr == errEnded {
			return nil
		}
		return c.writeErr
	}
	c.writeErr = errEnded
	end := c.claimEnd()
	c.mu.Unlock()
	if end {
		c.s.spawn(c.writeEnd)
	}
	return nil
}

// Close ends both directions: what was written is delivered and followed by END, the other side's writing is stopped.
// With a Write still blocked there is no END to give, and Close is a Reset.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.writing {
		c.mu.Unlock()
		c.abort(&CloseError{Reason: ReasonCancelled, Detail: "closed while writing"}, true)
		return nil
	}
	if c.readErr == nil {
		c.readErr = errClosed
	}
	if c.writeErr == nil {
		c.writeErr = errClosed
	}
	end := c.claimEnd()
	stop := c.claimReceiving()
	c.mu.Unlock()
	c.cancel(errClosed)
	if stop {
		c.s.spawn(c.stopReading)
	}
	if end {
		c.s.spawn(c.writeEnd)
	}
	return nil
}

// claimEnd makes the caller the one who writes END, if nobody is. With c.mu held.
func (c *Conn) claimEnd() bool {
	if c.sendDone {
		return false
	}
	c.sendDone = true
	c.stream.SetWriteDeadline(time.Time{})
	return true
}

// claimReceiving makes the caller the one who gives the receiving half back, if nobody is. With c.mu held.
func (c *Conn) claimReceiving() bool {
	if c.recvDone {
		return false
	}
	c.recvDone = true
	c.stream.SetReadDeadline(longAgo)
	return true
}

// writeEnd writes END and gives the sending half back. It may wait for the other side's window as long as that takes:
// a CANCEL, a budget or the session's end frees it.
func (c *Conn) writeEnd() {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	var mark [chunkMark]byte
	c.stream.Write(putChunk(mark[:], nil)) // if it fails, the missing END says so
	c.stream.CloseSend()
	c.halfDone()
}

// stopReading asks the other side to end its writing, unless it already did: that END is mostly here, unread, once a
// whole response was read.
func (c *Conn) stopReading() {
	c.rmu.Lock() // once the reader, already woken, has left
	if c.left == 0 && c.got == 0 {
		c.got, _ = c.stream.Read(c.mark[:]) // only what is already here: the read deadline has passed
	}
	ended := c.left == 0 && c.got == chunkMark && c.mark == [chunkMark]byte{}
	c.rmu.Unlock()
	if !ended {
		c.s.send(msgCancel, cancelBody{Stream: c.stream.ID(), Reason: ReasonCancelled, Stop: true})
	}
	c.discard()
}

// discard gives the receiving half back once the reader, already woken, has left.
func (c *Conn) discard() {
	c.rmu.Lock()
	//lint:ignore SA2001 an empty section waits for the reader to leave
	c.rmu.Unlock()
	if err := c.stream.Discard(time.Now().Add(releaseTimeout)); err != nil && isTimeout(err) {
		c.s.end(&CloseError{Reason: ReasonProtocol, Detail: "a cancelled stream was not released"}, true)
	}
	c.halfDone()
}

// Reset ends the stream at once, in both directions, and tells the other side why. What is on its way is lost.
func (c *Conn) Reset(r Reason) error {
	c.abort(&CloseError{Reason: r}, true)
	return nil
}

// abort ends both directions for the reason given; tell says whether the other side has to hear of it.
func (c *Conn) abort(e *CloseError, tell bool) {
	c.mu.Lock()
	if c.aborted || c.halves == 2 {
		c.mu.Unlock()
		c.cancel(e)
		return
	}
	c.aborted = true
	if c.readErr == nil {
		c.readErr = e
	}
	if c.writeErr == nil {
		c.writeErr = e
	}
	send := !c.sendDone
	c.sendDone = true
	c.stream.SetWriteDeadline(longAgo) // also frees an END that waits for the window
	recv := c.claimReceiving()
	c.mu.Unlock()
	c.cancel(e)
	if tell {
		c.s.send(msgCancel, cancelBody{Stream: c.stream.ID(), Reason: e.Reason, Detail: printable(e.Detail, maxDetail)})
	}
	if send {
		c.s.spawn(c.closeSend)
	}
	if recv {
		c.s.spawn(c.discard)
	}
}

// stopSending is the other side's wish to read no more. What it sent before can still be read.
func (c *Conn) stopSending(e *CloseError) {
	c.mu.Lock()
	if c.writeErr == nil {
		c.writeErr = e
	}
	send := !c.sendDone
	c.sendDone = true
	c.stream.SetWriteDeadline(longAgo)
	c.mu.Unlock()
	c.cancel(e)
	if send {
		c.s.spawn(c.closeSend)
	}
}

// closeSend gives the sending half back without END once the writer, already woken, has left.
func (c *Conn) closeSend() {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.stream.CloseSend()
	c.halfDone()
}

// halfDone is called once per half, when it was given back.
func (c *Conn) halfDone() {
	c.mu.Lock()
	c.halves++
	done := c.halves == 2
	if done && c.budget != nil {
		c.budget.Stop()
	}
	c.mu.Unlock()
	if done {
		c.s.forget(c)
	}
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

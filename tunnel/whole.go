package tunnel

import (
	"context"
	"time"
)

// A small question with a small answer takes one transmission each way: header, payload and END; ACCEPT, payload and END.

// acceptHold is how long ACCEPT waits for an answer that it can travel with.
const acceptHold = 20 * time.Millisecond

// LastWriter is what a Stream may be as well: WriteLast is Write and CloseSend in one transmission. It always closes.
type LastWriter interface {
	WriteLast(p []byte) (int, error)
}

// OpenWhole is OpenEarly for a request of which request is all there is: END goes with it, so that nothing can be written
// to the stream. Its answer may take hours all the same. Where the other side does not know of this, END is left out, and
// Close says it.
func OpenWhole(ctx context.Context, s Session, h Header, request []byte) (*Conn, error) {
	own, ok := speaks(s, CapabilityWhole, request)
	if !ok {
		return OpenEarly(ctx, s, h, request)
	}
	h.Early, h.Whole = true, true
	return own.openWith(ctx, h, request)
}

func writeLast(s Stream, p []byte) (int, error) {
	if l, ok := s.(LastWriter); ok {
		return l.WriteLast(p)
	}
	n, err := s.Write(p)
	s.CloseSend()
	return n, err
}

// writeWhole writes a stream's first bytes, which are its last too.
func (c *Conn) writeWhole(all []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.mu.Lock()
	if c.sendDone { // cancelled already
		defer c.mu.Unlock()
		return c.writeErr
	}
	c.sendDone, c.writeErr = true, errEnded
	c.mu.Unlock()
	_, err := writeLast(c.stream, all)
	c.halfDone()
	return err
}

// holdAccept lets ACCEPT travel with the answer, if that comes soon. With c.wmu held.
func (c *Conn) holdAccept() {
	c.owes = true
	c.hold = time.AfterFunc(acceptHold, func() {
		c.wmu.Lock()
		defer c.wmu.Unlock()
		if c.owes {
			c.accept()
		}
	})
}

// accept writes ACCEPT by itself. With c.wmu held.
func (c *Conn) accept() {
	c.owes = false
	if _, err := c.stream.Write([]byte{accepted}); err != nil {
		c.s.spawn(func() { c.lost(err) })
	}
}

// greet begins what is about to be written, with ACCEPT if that is still owed. With c.wmu held.
func (c *Conn) greet(b []byte) []byte {
	b = b[:0]
	if c.owes {
		c.owes = false
		c.hold.Stop()
		b = append(b, accepted)
	}
	return b
}

// Finish is Write and CloseWrite, in one transmission if p fits into a chunk.
func (c *Conn) Finish(p []byte) error {
	if len(p) == 0 || len(p) > c.s.chunk {
		if _, err := c.Write(p); err != nil {
			return err
		}
		return c.CloseWrite()
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if err := c.startWriting(); err != nil {
		return err
	}
	defer c.stopWriting()
	if err := c.nextChunk(); err != nil && err != errEnded {
		return err
	}
	space := chunkSpace.Get().(*chunkBuffer)
	defer chunkSpace.Put(space)
	all := append(appendChunk(c.greet(space[:]), p), endMark[:]...)
	c.mu.Lock()
	if c.sendDone {
		defer c.mu.Unlock()
		return c.writeErr
	}
	c.sendDone = true
	if c.writeErr == nil {
		c.writeErr = errEnded
	}
	c.mu.Unlock()
	_, err := writeLast(c.stream, all)
	c.halfDone()
	if err != nil {
		c.lost(err)
		return c.readError()
	}
	return nil
}

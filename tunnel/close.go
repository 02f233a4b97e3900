package tunnel

import "time"

// How a stream ends: its two halves one by one, or both at once.

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
		c.endNow()
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
	if end {
		c.endNow()
	}
	if stop && !c.readMark() {
		c.s.spawn(c.stopReading)
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

// endNow writes END and gives the sending half back if there is room for END, and otherwise leaves it to a task.
func (c *Conn) endNow() {
	if !c.wmu.TryLock() {
		c.s.spawn(c.writeEnd)
		return
	}
	if c.owes {
		c.wmu.Unlock()
		c.s.spawn(c.writeEnd)
		return
	}
	c.stream.SetWriteDeadline(longAgo)
	n, err := c.stream.Write(endMark[:])
	if err != nil && isTimeout(err) {
		c.mu.Lock()
		if !c.aborted {
			c.stream.SetWriteDeadline(time.Time{})
		}
		c.mu.Unlock()
		c.wmu.Unlock()
		c.s.spawn(func() { c.writeRest(n) })
		return
	}
	c.stream.CloseSend()
	c.wmu.Unlock()
	c.halfDone()
}

var endMark [chunkMark]byte

// writeEnd writes END and gives the sending half back. It may wait for the other side's window as long as that takes:
// a CANCEL, a budget or the session's end frees it.
func (c *Conn) writeEnd() { c.writeRest(0) }

func (c *Conn) writeRest(written int) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.owes {
		c.hold.Stop()
		c.accept()
	}
	c.stream.Write(endMark[written:]) // if it fails, the missing END says so
	c.stream.CloseSend()
	c.halfDone()
}

// readMark says whether END is already here, and gives the receiving half back then. It is mostly here, unread, once a
// whole answer was read.
func (c *Conn) readMark() bool {
	if !c.rmu.TryLock() {
		return false // the reader, already woken, has not left
	}
	defer c.rmu.Unlock()
	if c.left > 0 {
		return false
	}
	if c.got < chunkMark {
		n, _ := c.stream.Read(c.mark[c.got:]) // only what is already here: the read deadline has passed
		c.got += n
	}
	if c.got < chunkMark || c.mark != endMark {
		return false
	}
	c.halfDone()
	return true
}

// stopReading asks the other side to end its writing, unless it does so in a moment: both ends of a request are closed
// at the same time.
func (c *Conn) stopReading() {
	c.rmu.Lock() // once the reader, already woken, has left
	ended := false
	if c.left == 0 {
		c.stream.SetReadDeadline(time.Now().Add(endGrace))
		for c.got < chunkMark {
			n, err := c.stream.Read(c.mark[c.got:])
			if c.got += n; err != nil {
				break
			}
		}
		ended = c.got == chunkMark && c.mark == endMark
	}
	c.rmu.Unlock()
	if ended {
		c.halfDone()
		return
	}
	c.s.send(msgCancel, cancelBody{Stream: c.stream.ID(), Reason: ReasonCancelled, Stop: true})
	c.discard()
}

// endGrace is how long the END of a stream that this side closed is waited for before the other side is asked to stop.
const endGrace = 10 * time.Millisecond

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

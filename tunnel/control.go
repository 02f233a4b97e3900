package tunnel

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxOutbox is how much control traffic may wait for the connection. CANCELs for every stream fit many times over; more
// means that the other side makes us answer and does not read the answers.
const maxOutbox = 256 << 10

type message struct {
	typ  messageType
	body []byte
}

// send queues a control message; it never blocks. After the session's end there is nobody to tell.
func (s *session) send(t messageType, body any) {
	if s.ended() == nil {
		s.queue(t, body)
	}
}

func (s *session) queue(t messageType, body any) {
	text, err := appendMessage(nil, t, body)
	if err != nil {
		s.cfg.Log.Error("tunnel control message dropped", "type", t, "cause", err)
		return
	}
	if s.enqueue(text) {
		s.spawn(s.flush)
	}
}

// enqueue queues a message as it goes over the wire, and says whether the caller has to see to it that it is flushed.
func (s *session) enqueue(text []byte) (flush bool) {
	s.mu.Lock()
	full := len(s.outbox)+len(text) > maxOutbox
	if !full {
		s.outbox = append(s.outbox, text...)
	}
	start := !full && !s.flushing
	s.flushing = s.flushing || start
	s.mu.Unlock()
	if full {
		s.end(&CloseError{Reason: ReasonProtocol, Detail: "the control stream is not read"}, false)
	}
	return start
}

// flush writes what is queued, many messages at a time, and ends with the queue: an idle session needs no goroutine.
func (s *session) flush() {
	for {
		s.mu.Lock()
		out := s.outbox
		s.outbox = nil
		s.flushing = len(out) > 0
		s.mu.Unlock()
		if len(out) == 0 {
			return
		}
		for len(out) > 0 {
			n, err := s.control.Write(out[:min(len(out), maxChunk)])
			if err != nil {
				return // flushing stays set; the accept loop learns why the connection is over
			}
			out = out[n:]
		}
	}
}

// controlLoop handles control messages until the connection's end. It never blocks on anything else.
func (s *session) controlLoop(early []message) {
	for _, m := range early {
		if err := s.handle(m); err != nil {
			s.controlFailed(err)
			return
		}
	}
	for {
		t, body, err := readMessage(s.control)
		if err == nil {
			err = s.handle(message{t, body})
		}
		if err != nil {
			s.controlFailed(err)
			return
		}
	}
}

func (s *session) controlFailed(err error) {
	if e, ok := errors.AsType[*CloseError](err); ok {
		s.end(e, !e.Remote)
		return
	}
	wait := time.NewTimer(attributionGrace)
	defer wait.Stop()
	select {
	case <-s.gone: // the accept loop tells the cause
	case <-s.done:
	case <-wait.C:
		s.end(&CloseError{Reason: ReasonProtocol, Detail: "the control stream ended: " + err.Error()}, true)
	}
}

// handle does what one message asks. An error ends the session.
func (s *session) handle(m message) error {
	switch m.typ {
	case msgHello, msgHelloAck:
		return &CloseError{Reason: ReasonProtocol, Detail: "a second HELLO"}
	case msgPing:
		ping, err := decodeBody[pingBody](m.body)
		if err == nil {
			s.send(msgPong, ping)
		}
		return err
	case msgPong:
		if string(m.body) == `{"n":0}` {
			s.spokenTo()
			return nil
		}
		pong, err := decodeBody[pingBody](m.body)
		if err == nil {
			s.ponged(pong.N)
		}
		return err
	case msgCancel:
		cancel, err := decodeBody[cancelBody](m.body)
		if err == nil {
			s.cancelled(cancel)
		}
		return err
	case msgDrain:
		drain, err := decodeBody[Drain](m.body)
		if err == nil {
			s.drainedByPeer(drain)
		}
		return err
	case msgDrainAck:
		s.drainAck()
		return nil
	case msgClose:
		return decodeClose(m.body)
	}
	return nil // of a later minor
}

// decodeClose is the error CLOSE stands for.
func decodeClose(body []byte) error {
	said, err := decodeBody[closeBody](body)
	if err != nil {
		return err
	}
	return &CloseError{Reason: believed(said.Reason), Detail: printable(said.Detail, maxDetail), Remote: true}
}

func believed(r Reason) Reason { return Reason(printable(string(r), maxReason)) }

func (s *session) cancelled(m cancelBody) {
	c := s.lookup(m.Stream)
	if c == nil {
		return // it ended at the same time
	}
	e := &CloseError{Reason: believed(m.Reason), Detail: printable(m.Detail, maxDetail), Remote: true}
	if m.Stop {
		c.stopSending(e)
	} else {
		c.abort(e, false)
	}
}

func (s *session) drainedByPeer(d Drain) {
	s.mu.Lock()
	s.peerDrain = &d
	s.closeDrainingLocked()
	s.mu.Unlock()
	s.send(msgDrainAck, struct{}{})
}

func (s *session) drainAck() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drainAsked && !s.drainAcked {
		s.drainAcked = true
		close(s.acked)
	}
}

// Ping implements Session.
func (s *session) Ping(ctx context.Context) (time.Duration, error) {
	pong := make(chan struct{})
	s.mu.Lock()
	s.pingCount++
	n := s.pingCount
	s.pings[n] = pong
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.pings, n)
	}()
	start := time.Now()
	s.send(msgPing, pingBody{N: n})
	select {
	case <-pong:
		return time.Since(start), nil
	case <-s.done:
		return 0, fmt.Errorf("ping: %w", s.ended())
	case <-ctx.Done():
		return 0, fmt.Errorf("ping: %w", context.Cause(ctx))
	}
}

func (s *session) ponged(n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pong, ok := s.pings[n]; ok {
		delete(s.pings, n)
		close(pong)
	}
}

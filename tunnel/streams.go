package tunnel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// acceptLoop takes the other side's streams until the connection's end, and notices that end.
func (s *session) acceptLoop() {
	defer close(s.gone)
	for {
		stream, err := s.mux.Accept()
		if err != nil {
			e, known := errors.AsType[*CloseError](err) // a transport may know better
			if !known {
				e = &CloseError{Reason: ReasonLost, Detail: err.Error()}
			}
			s.end(e, false)
			return
		}
		c := newConn(s, stream)
		count, over := s.register(c)
		switch {
		case over != nil: // the connection is about to close
			s.spawn(func() { stream.CloseSend() })
		case count > s.cfg.MaxStreams+refuseAtOnce:
			s.end(&CloseError{Reason: ReasonProtocol, Detail: "streams are opened against every refusal"}, true)
		default:
			s.spawn(func() { s.arrived(c, count) })
		}
	}
}

// arrived reads a stream's header, answers it and hands the stream to Accept.
func (s *session) arrived(c *Conn, count int) {
	c.SetDeadline(time.Now().Add(s.cfg.OpenTimeout))
	refusal := s.refuseUnread(count)
	if refusal == nil {
		var err error
		if c.header, err = c.readHeader(); err != nil && !errors.As(err, &refusal) {
			c.abort(&CloseError{Reason: ReasonCancelled, Detail: "no stream header: " + err.Error()}, true)
			return
		}
	}
	if refusal == nil && s.cfg.Relay != nil {
		refusal = s.relay(c)
	} else if refusal == nil {
		if refusal = s.judgeHeader(c.header); refusal == nil {
			refusal = s.handOver(c)
		}
	}
	if refusal != nil {
		c.refuse(refusal)
		c.abort(&CloseError{Reason: ReasonCancelled, Detail: refusal.Error()}, false)
	}
}

// refuseUnread refuses without waiting for the header.
func (s *session) refuseUnread(count int) *RefusedError {
	s.mu.Lock()
	draining := s.drainAsked
	s.mu.Unlock()
	switch {
	case s.plane:
		return &RefusedError{RefuseUnsupported, "the control plane takes no streams"}
	case draining:
		return &RefusedError{RefuseDraining, ""}
	case count > s.cfg.MaxStreams:
		return &RefusedError{RefuseOverloaded, fmt.Sprintf("%d streams are open", s.cfg.MaxStreams)}
	case s.budget.full():
		return &RefusedError{RefuseOverloaded, noRoom}
	}
	return nil
}

func (s *session) judgeHeader(h Header) *RefusedError {
	if h.Kind != KindHTTP {
		return &RefusedError{RefuseUnsupported, "stream kind " + string(h.Kind)}
	}
	if s.cfg.Admit == nil {
		return nil
	}
	if code, detail := s.cfg.Admit(h); code != 0 {
		return &RefusedError{code, detail}
	}
	return nil
}

// handOver gives the stream to a caller of Accept and answers ACCEPT: never before somebody is there to serve it, as it
// can't be taken back. The new owner's first Write waits for ACCEPT to be written.
func (s *session) handOver(c *Conn) *RefusedError {
	c.SetDeadline(time.Time{})
	c.wmu.Lock()
	defer c.wmu.Unlock()
	wait := time.NewTimer(s.cfg.OpenTimeout)
	defer wait.Stop()
	c.startBudget()
	select {
	case s.arrivals <- c:
	case <-c.ctx.Done():
		return nil // cancelled by the opener or with the session
	case <-wait.C:
		return &RefusedError{RefuseOverloaded, "nobody accepts"}
	}
	if c.header.Whole {
		c.holdAccept()
	} else {
		c.accept()
	}
	return nil
}

// relay answers ACCEPT when the layer above has a place for the stream, and lets it do its work.
func (s *session) relay(c *Conn) *RefusedError {
	serve, refusal := s.cfg.Relay(c)
	if refusal != nil {
		return refusal
	}
	c.SetDeadline(time.Time{})
	c.startBudget()
	c.wmu.Lock()
	c.accept()
	c.wmu.Unlock()
	serve()
	return nil
}

// Open implements Session.
func (s *session) Open(ctx context.Context, h Header) (*Conn, error) { return s.openWith(ctx, h, nil) }

// openWith opens a stream and sends first before it is accepted.
func (s *session) openWith(ctx context.Context, h Header, first []byte) (*Conn, error) {
	head, err := encodeHeader(h)
	if err != nil {
		return nil, err
	}
	if _, drained := s.PeerDrain(); drained {
		return nil, &RefusedError{RefuseDraining, ""}
	}
	if s.budget.full() {
		return nil, &RefusedError{RefuseOverloaded, noRoom}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.OpenTimeout, errOpenTimeout)
	defer cancel()
	head = appendChunks(head, first)
	if h.Whole {
		head = append(head, endMark[:]...)
	}
	c, err := s.open(ctx, h, head)
	if _, refused := errors.AsType[*RefusedError](err); err == nil || refused {
		return c, err
	}
	if cause := context.Cause(ctx); cause != nil && s.ended() == nil {
		if cause == errOpenTimeout {
			s.suspect()
		}
		err = cause
	}
	if len(first) > 0 {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	return nil, fmt.Errorf("open stream: %w", &notAccepted{err})
}

const noRoom = "too much that nobody has read yet is buffered here"

var errOpenTimeout = fmt.Errorf("no answer in time: %w", os.ErrDeadlineExceeded)

func (s *session) open(ctx context.Context, h Header, head []byte) (*Conn, error) {
	stream, err := s.openBelow(ctx)
	if err != nil {
		return nil, err
	}
	c := newConn(s, stream)
	c.header = h
	if _, over := s.register(c); over != nil {
		s.spawn(func() { stream.CloseSend() })
		return nil, over
	}
	stop := context.AfterFunc(ctx, func() {
		c.abort(&CloseError{Reason: ReasonCancelled, Detail: "the opener gave up"}, true)
	})
	defer stop()
	write := c.writeHeader
	if h.Whole {
		write = c.writeWhole
	}
	unsent := write(head)
	err = c.readAnswer() // also when the header could not be sent: REFUSE may come before it was read
	if _, refused := errors.AsType[*RefusedError](err); !refused && unsent != nil {
		err = unsent
	}
	switch _, refused := errors.AsType[*RefusedError](err); {
	case err == nil && stop():
		return c, nil
	case refused:
		c.abort(&CloseError{Reason: ReasonCancelled, Detail: err.Error()}, false)
		return nil, err
	case err != nil && ctx.Err() == nil:
		c.lost(err)
	}
	if told := c.readError(); told != nil {
		return nil, told
	}
	return nil, context.Cause(ctx)
}

// openBelow opens a stream of the transport, whose own Open knows no ctx and may block.
func (s *session) openBelow(ctx context.Context) (Stream, error) {
	select {
	case s.opening <- struct{}{}:
	case <-s.done:
		return nil, s.ended()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if quick, ok := s.mux.(Opener); ok {
		if stream, opened, err := quick.TryOpen(); opened {
			<-s.opening
			if err != nil {
				return nil, s.attributed(ctx, err)
			}
			return stream, nil
		}
	}
	opened := make(chan openedBelow, 1) // so that it is left behind also when nobody waits any more
	s.spawn(func() {
		stream, err := s.mux.Open()
		<-s.opening
		opened <- openedBelow{stream, err}
	})
	select {
	case r := <-opened:
		if r.err != nil {
			return nil, s.attributed(ctx, r.err)
		}
		return r.stream, nil
	case <-ctx.Done():
		s.spawn(func() {
			if r := <-opened; r.err == nil {
				r.stream.CloseSend()
				r.stream.Discard(time.Now().Add(s.cfg.OpenTimeout))
			}
		})
		return nil, context.Cause(ctx)
	}
}

type openedBelow struct {
	stream Stream
	err    error
}

// attributed is the session's cause, which is about to be known, instead of the transport's error.
func (s *session) attributed(ctx context.Context, err error) error {
	wait := time.NewTimer(attributionGrace)
	defer wait.Stop()
	select {
	case <-s.done:
		return s.ended()
	case <-ctx.Done():
	case <-wait.C:
	}
	return err
}

package tunneltest

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// window is how much one stream may hold that its reader has not read, as with a real transport.
const window = 256 << 10

// link is a connection in memory with its two ends. It uses nothing but locks and timers, so that it works inside
// testing/synctest, where a real socket does not.
type link struct {
	mu      sync.Mutex // guards everything of both ends and of their streams
	stalled bool       // nothing arrives any more, and nobody is told
	ends    [2]*end
	pipes   map[*pipe]struct{} // those somebody may wait for
	nextID  uint64
}

// end is one end's Mux.
type end struct {
	link     *link
	side     int
	closed   error // once set, nothing works any more at this end
	arrivals []*stream
	arrived  *sync.Cond
	received time.Time
}

var _ tunnel.Mux = (*end)(nil)

// Muxes gives both ends of a connection in memory, for tests that speak the protocol by hand on one of them.
func Muxes() (agent, plane tunnel.Mux) {
	l := newLink()
	return l.ends[0], l.ends[1]
}

func newLink() *link {
	l := &link{pipes: map[*pipe]struct{}{}}
	for side := range l.ends {
		l.ends[side] = &end{link: l, side: side, arrived: sync.NewCond(&l.mu), received: time.Now()}
	}
	return l
}

// close fails everything at both ends, for the first reason given; on a stalled link only at the end that closes, as the
// other one does not hear of it.
func (l *link) close(closer *end, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.ends {
		if e.closed == nil && (closer == nil || closer == e || !l.stalled) {
			e.closed = why
		}
		e.arrived.Broadcast()
	}
	for p := range l.pipes {
		p.changed.Broadcast()
	}
}

var errCut = errors.New("the connection was cut")

// Cut ends the connection at once, as a RST does.
func (l *link) Cut() { l.close(nil, errCut) }

// Stall lets nothing through any more, in either direction, and tells nobody.
func (l *link) Stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = true
}

func (e *end) peer() *end { return e.link.ends[1-e.side] }

// reachedLocked notes life: something of this end reached the other one.
func (e *end) reachedLocked() {
	if !e.link.stalled {
		e.peer().received = time.Now()
	}
}

func (e *end) Open() (tunnel.Stream, error) {
	l := e.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.closed != nil {
		return nil, e.closed
	}
	l.nextID++
	in, out := newPipe(l), newPipe(l)
	e.peer().arrivals = append(e.peer().arrivals, &stream{id: l.nextID, end: e.peer(), in: out, out: in})
	e.peer().arrived.Broadcast()
	e.reachedLocked()
	return &stream{id: l.nextID, end: e, in: in, out: out}, nil
}

func (e *end) Accept() (tunnel.Stream, error) {
	l := e.link
	l.mu.Lock()
	defer l.mu.Unlock()
	for e.closed == nil && (len(e.arrivals) == 0 || l.stalled) {
		e.arrived.Wait()
	}
	if e.closed != nil {
		return nil, e.closed
	}
	s := e.arrivals[0]
	e.arrivals = e.arrivals[1:]
	return s, nil
}

func (e *end) LastReceived() time.Time {
	e.link.mu.Lock()
	defer e.link.mu.Unlock()
	return e.received
}

func (e *end) Tune(time.Duration, int) {}
func (e *end) LocalAddr() net.Addr     { return address(e.side) }
func (e *end) RemoteAddr() net.Addr    { return address(1 - e.side) }

func (e *end) Close() error {
	e.link.close(e, errors.New("the other side closed the connection"))
	return nil
}

type address int

func (address) Network() string  { return "memory" }
func (a address) String() string { return [...]string{"agent", "plane"}[a] }

// pipe is one direction of one stream.
type pipe struct {
	link        *link
	changed     *sync.Cond
	data        []byte
	ended       bool // the sender is done
	read, write deadline
}

func newPipe(l *link) *pipe {
	p := &pipe{link: l, changed: sync.NewCond(&l.mu)}
	p.read.pipe, p.write.pipe = p, p
	l.pipes[p] = struct{}{}
	return p
}

type stream struct {
	id      uint64
	end     *end
	in, out *pipe
}

func (s *stream) ID() uint64 { return s.id }

// Read gives a bare io.EOF when the connection is lost, as careless transports do: only END may count as an end.
func (s *stream) Read(p []byte) (int, error) {
	l := s.end.link
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case len(s.in.data) > 0 && !l.stalled:
			n := copy(p, s.in.data)
			if s.in.data = s.in.data[n:]; len(s.in.data) == 0 {
				s.in.data = nil // an idle stream holds no buffer
			}
			s.in.changed.Broadcast()
			s.end.reachedLocked() // the window's update
			return n, nil
		case s.end.closed != nil, s.in.ended && len(s.in.data) == 0:
			delete(l.pipes, s.in)
			return 0, io.EOF
		case s.in.read.passed:
			return 0, os.ErrDeadlineExceeded
		}
		s.in.changed.Wait()
	}
}

func (s *stream) Write(p []byte) (int, error) {
	l := s.end.link
	l.mu.Lock()
	defer l.mu.Unlock()
	written := 0
	for {
		switch {
		case s.end.closed != nil:
			return written, s.end.closed
		case s.out.ended:
			return written, errors.New("write after the end of the stream")
		}
		n := min(window-len(s.out.data), len(p)-written)
		if n > 0 {
			s.out.data = append(s.out.data, p[written:written+n]...)
			s.end.reachedLocked()
			s.out.changed.Broadcast()
		}
		if written += n; written == len(p) {
			return written, nil
		}
		if s.out.write.passed {
			return written, os.ErrDeadlineExceeded
		}
		s.out.changed.Wait()
	}
}

func (s *stream) SetReadDeadline(t time.Time) error  { s.in.read.set(t); return nil }
func (s *stream) SetWriteDeadline(t time.Time) error { s.out.write.set(t); return nil }

func (s *stream) CloseSend() error {
	l := s.end.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stalled {
		return nil // never arrives
	}
	s.out.ended = true
	s.out.changed.Broadcast()
	s.end.reachedLocked()
	if len(s.out.data) == 0 {
		delete(l.pipes, s.out) // nobody has to wait for it any more
	}
	return nil
}

// Discard waits for the other side's end of sending, as yamux's does.
func (s *stream) Discard(until time.Time) error {
	s.SetReadDeadline(until)
	var waste [4 << 10]byte
	for {
		if _, err := s.Read(waste[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// deadline is passed or not, as the pipe's state; link.mu guards it.
type deadline struct {
	pipe   *pipe
	timer  *time.Timer
	passed bool
}

func (d *deadline) set(t time.Time) {
	mu := &d.pipe.link.mu
	mu.Lock()
	defer mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.timer, d.passed = nil, false
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.passed = true
		d.pipe.changed.Broadcast()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		mu.Lock()
		defer mu.Unlock()
		if d.timer == timer {
			d.passed = true
			d.pipe.changed.Broadcast()
		}
	})
	d.timer = timer
}

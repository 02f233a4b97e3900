package tunnel

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// closeGrace is how long a closing side waits for the other side to hang up after CLOSE. Closing at once can make
	// the kernel answer unread bytes with RST, which throws CLOSE away at the other end.
	closeGrace = time.Second
	// attributionGrace is how long a broken stream waits for the reason that travels on the control stream.
	attributionGrace = time.Second
	// releaseTimeout is how long the other side may take to let go of a cancelled stream. It is long because the
	// stream's end waits behind whatever a slow uplink has queued.
	releaseTimeout = 2 * time.Minute
	// openAtOnce bounds the openings in progress; more wait within their own deadline.
	openAtOnce = 128
	// refuseAtOnce is by how much the other side may exceed MaxStreams with streams that are being refused.
	refuseAtOnce = 256
	// The defaults of Config.MaxBuffered.
	maxBufferedPlane = 16 << 20
	maxBufferedAgent = 4 << 20
)

// session is the one Session there is; transports differ in their Mux.
type session struct {
	mux     Mux
	cfg     Config
	plane   bool
	peer    Hello
	control Stream
	budget  *Budget
	chunk   int // the most payload of a chunk that the other side takes

	arrivals chan *Conn    // unbuffered: a stream is answered with ACCEPT when somebody takes it
	opening  chan struct{} // holds a token per opening in progress
	draining chan struct{} // closed when either side asked
	acked    chan struct{} // closed at DRAIN_ACK
	done     chan struct{} // closed when cause is set
	gone     chan struct{} // closed when the connection is over, by the accept loop
	finished chan struct{} // closed when nothing of the session runs any more

	tasks  sync.WaitGroup
	mu     sync.Mutex // guards what follows
	cause  *CloseError
	joined bool // tasks is being waited for: nothing is added
	conns  map[uint64]*Conn

	outbox   []byte // control messages not yet written
	flushing bool   // a task writes them

	pings       map[uint64]chan struct{}
	pingCount   uint64
	drainAsked  bool // by this side
	drainAcked  bool
	drainClosed bool
	peerDrain   *Drain
	heartbeat   *time.Timer
	pingedAt    time.Time // the heartbeat's last PING; a byte since then answers it
	saidAt      time.Time // when the heartbeat last said anything
	sayAt       time.Time // when it says something again
}

var _ Session = (*session)(nil)

func newSession(mux Mux, control Stream, cfg Config, plane bool, peer Hello) *session {
	limit := cfg.MaxBuffered
	if limit <= 0 {
		limit = maxBufferedAgent
		if plane {
			limit = maxBufferedPlane
		}
	}
	chunk := maxChunk
	if min(cfg.Hello.MaxMinor, peer.MaxMinor) < 1 {
		chunk = maxChunk0
	}
	return &session{
		chunk:  chunk,
		budget: cfg.Budget.within(limit),
		mux:    mux, cfg: cfg, plane: plane, peer: peer, control: control,
		arrivals: make(chan *Conn),
		opening:  make(chan struct{}, openAtOnce),
		draining: make(chan struct{}),
		acked:    make(chan struct{}),
		done:     make(chan struct{}),
		gone:     make(chan struct{}),
		finished: make(chan struct{}),
		conns:    map[uint64]*Conn{},
		pings:    map[uint64]chan struct{}{},
	}
}

// start runs the session. early are control messages that came during the handshake.
func (s *session) start(early []message) {
	if b, ok := s.mux.(Bounded); ok {
		b.Bound(s.budget, s.shed)
	}
	s.spawn(s.acceptLoop)
	s.spawn(func() { s.controlLoop(early) })
	s.startHeartbeat()
}

// spawn runs a task that the session's end waits for. Each ends soon after the connection does.
func (s *session) spawn(task func()) {
	done := s.begin()
	go func() {
		defer done()
		task()
	}()
}

// begin counts a task that its caller runs.
func (s *session) begin() (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joined {
		return func() {} // the connection is closed: it ends by itself, and at once
	}
	s.tasks.Add(1)
	return s.tasks.Done
}

// end ends the session for the first reason given. tell says whether the other side has to hear of it.
func (s *session) end(e *CloseError, tell bool) {
	s.mu.Lock()
	if s.cause != nil {
		s.mu.Unlock()
		return
	}
	s.cause = e
	if s.heartbeat != nil {
		s.heartbeat.Stop()
	}
	conns := slices.Collect(maps.Values(s.conns))
	s.mu.Unlock()
	if tell {
		s.queue(msgClose, closeBody{Reason: e.Reason, Detail: printable(e.Detail, maxDetail)})
	}
	close(s.done)
	go s.shutDown(conns, tell)
}

// shutDown lets CLOSE get through, then takes the connection and everything on it down.
func (s *session) shutDown(conns []*Conn, told bool) {
	for _, c := range conns {
		c.abort(s.cause, false)
	}
	if told {
		wait := time.NewTimer(closeGrace)
		select {
		case <-s.gone:
		case <-wait.C:
		}
		wait.Stop()
	}
	s.mux.Close()
	s.mu.Lock()
	s.joined = true
	s.mu.Unlock()
	s.tasks.Wait()
	close(s.finished)
	s.cfg.Log.Debug("tunnel session ended", "reason", s.cause.Reason, "detail", s.cause.Detail, "remote", s.cause.Remote)
}

// Accept implements net.Listener.
func (s *session) Accept() (net.Conn, error) {
	select {
	case c := <-s.arrivals:
		return c, nil
	case <-s.done:
		return nil, fmt.Errorf("accept stream: %w: %w", net.ErrClosed, s.ended())
	}
}

func (s *session) Addr() net.Addr            { return s.mux.LocalAddr() }
func (s *session) Peer() Hello               { return s.peer }
func (s *session) Draining() <-chan struct{} { return s.draining }
func (s *session) Done() <-chan struct{}     { return s.done }
func (s *session) Close() error              { return s.CloseWith(ReasonNormal, "") }

func (s *session) Cause() error {
	if e := s.ended(); e != nil {
		return e
	}
	return nil
}

// ended is Cause with its type.
func (s *session) ended() *CloseError {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// CloseWith returns when nothing of the session runs any more, or after the little time that takes at most.
func (s *session) CloseWith(r Reason, detail string) error {
	s.end(&CloseError{Reason: r, Detail: detail}, true)
	wait := time.NewTimer(3 * closeGrace) // a callback of the session may be the caller: then the end waits for it
	defer wait.Stop()
	select {
	case <-s.finished:
	case <-wait.C:
	}
	return nil
}

func (s *session) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// register lets CANCEL and the session's end find the stream, and counts it. It says how many there are, or that the
// session is over.
func (s *session) register(c *Conn) (int, *CloseError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return 0, s.cause
	}
	s.conns[c.stream.ID()] = c
	return len(s.conns), nil
}

func (s *session) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.stream.ID())
}

func (s *session) lookup(id uint64) *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[id]
}

// shed ends a stream whose bytes have no room. It is called from the transport's receiver, so it only starts the end.
func (s *session) shed(id uint64) {
	if c := s.lookup(id); c != nil {
		s.spawn(func() { c.abort(&CloseError{Reason: ReasonOverloaded, Detail: noRoom}, true) })
	}
}

// Drain implements Session.
func (s *session) Drain(ctx context.Context, d Drain) error {
	s.mu.Lock()
	s.drainAsked = true
	s.closeDrainingLocked()
	s.mu.Unlock()
	s.send(msgDrain, d)
	select {
	case <-s.acked:
		return nil
	case <-s.done:
		return fmt.Errorf("drain session: %w", s.ended())
	case <-ctx.Done():
		return fmt.Errorf("drain session: %w", context.Cause(ctx))
	}
}

func (s *session) closeDrainingLocked() {
	if !s.drainClosed {
		s.drainClosed = true
		close(s.draining)
	}
}

func (s *session) PeerDrain() (Drain, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peerDrain == nil {
		return Drain{}, false
	}
	return *s.peerDrain, true
}

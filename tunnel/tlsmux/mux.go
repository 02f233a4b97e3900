package tlsmux

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/kubechat/kubechat/tunnel"
)

// The receive windows. A window is given anew in parts, see wire.read, so that one stream gets between W/2RTT and
// W/RTT: the largest window is twice what targetRate needs.
const (
	minWindow      = 256 << 10 // yamux's initial one, which can't be made smaller
	maxPlaneWindow = 16 << 20  // lists, logs and copies come this way
	maxAgentWindow = 1 << 20   // uploads; the agent has little memory
	targetRate     = 80 << 20  // bytes per second
	nearWindow     = 1 << 20   // what a window may grow to however short the round trip: it saves updates
	startShare     = 8         // a window begins with this part of what it may grow to
)

// end is which end of the connection this is. The plane opens most streams and is yamux's client.
type end bool

const (
	agentEnd end = false
	planeEnd end = true
)

// mux makes a tunnel.Mux of a yamux session.
type mux struct {
	end     end
	wire    *wire
	config  *yamux.Config
	session *yamux.Session
}

var _ tunnel.Mux = (*mux)(nil)

func newMux(conn net.Conn, e end) (*mux, error) {
	m := &mux{end: e, wire: newWire(conn)}
	m.config = &yamux.Config{
		AcceptBacklog:     256,
		EnableKeepAlive:   false, // its ping queues behind data, and a slow uplink kills its own session
		KeepAliveInterval: time.Hour,
		// yamux gives its windows to all streams alike and can't take them back: wire gives them instead. yamux's own
		// account must never be the smaller one; it keeps half of this above what is unread.
		MaxStreamWindowSize: 4 * maxPlaneWindow,
		// A frame may wait behind many others on a slow uplink. That the connection does not move at all is noticed in
		// wire, per write, and ends the session.
		ConnectionWriteTimeout: time.Hour,
		// tunnel bounds opening itself; yamux would end the whole session for one stream.
		StreamOpenTimeout: 0,
		// With a timeout yamux resets a stream whose reader is merely slow after both ends finished writing, and the
		// reader sees what it had not read yet cut off by a clean EOF. tunnel's own backstop knows cancelled streams
		// from slow ones, see Stream.Discard.
		StreamCloseTimeout: 0,
		LogOutput:          io.Discard, // every cause is in the session's CloseError
	}
	var err error
	if e == planeEnd {
		m.session, err = yamux.Client(m.wire, m.config)
	} else {
		m.session, err = yamux.Server(m.wire, m.config)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("start yamux: %w", err)
	}
	return m, nil
}

// Open may block when the connection does; tunnel bounds how many do at once.
func (m *mux) Open() (tunnel.Stream, error) {
	s, err := m.session.OpenStream()
	if err != nil {
		return nil, m.cause(err)
	}
	return newStream(s, m), nil
}

// TryOpen opens a stream if that can't block: yamux blocks when too many were opened and not yet acknowledged.
func (m *mux) TryOpen() (tunnel.Stream, bool, error) {
	if m.session.NumStreams() >= m.config.AcceptBacklog-openSlack {
		return nil, false, nil
	}
	s, err := m.Open()
	return s, true, err
}

// openSlack is for openings that are counted at the same time.
const openSlack = 128

func (m *mux) Accept() (tunnel.Stream, error) {
	s, err := m.session.AcceptStream()
	if err != nil {
		return nil, m.cause(err)
	}
	return newStream(s, m), nil
}

// cause prefers what the connection said to what yamux made of it, which is often "session shutdown".
func (m *mux) cause(err error) error {
	if first := m.wire.failure(); first != nil {
		return first
	}
	return err
}

// Tune says how large windows may grow. Those that stand grow on their own.
func (m *mux) Tune(rtt time.Duration, limit int) {
	most := maxAgentWindow
	if m.end == planeEnd {
		most = maxPlaneWindow
	}
	if limit > 0 {
		most = limit
	}
	m.wire.mu.Lock()
	defer m.wire.mu.Unlock()
	m.wire.bounds.rtt = rtt
	m.wire.bounds.most = window(rtt, most)
	m.wire.bounds.start = max(minWindow, m.wire.bounds.most/startShare)
}

func window(rtt time.Duration, most int) int {
	need := max(2*rtt.Seconds()*targetRate, nearWindow)
	return int(max(minWindow, min(need, float64(most))))
}

// Bound implements tunnel.Bounded.
func (m *mux) Bound(b *tunnel.Budget, shed func(stream uint64)) {
	m.wire.mu.Lock()
	defer m.wire.mu.Unlock()
	m.wire.bounds.budget, m.wire.bounds.shed = b, shed
}

func (m *mux) LastReceived() time.Time { return m.wire.lastReceived() }
func (m *mux) LocalAddr() net.Addr     { return m.wire.LocalAddr() }
func (m *mux) RemoteAddr() net.Addr    { return m.wire.RemoteAddr() }
func (m *mux) Close() error            { return m.session.Close() }

// stream makes a tunnel.Stream of a yamux stream.
type stream struct {
	*yamux.Stream
	mux  *mux
	flow *flow
}

func newStream(s *yamux.Stream, m *mux) *stream {
	return &stream{s, m, m.wire.lookup(s.StreamID())}
}

func (s *stream) ID() uint64 { return uint64(s.StreamID()) }

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if n > 0 {
		s.mux.wire.read(s.flow, n)
	}
	return n, s.fatal(err)
}

// Write waits while other streams' bulk fills the queue, if this one is bulk too, and while the window is full.
func (s *stream) Write(p []byte) (int, error) {
	if err := s.mux.wire.gate(s.flow); err != nil {
		return 0, err
	}
	n, err := s.Stream.Write(p)
	return n, s.fatal(err)
}

// WriteLast implements tunnel.LastWriter: what one frame has room for waits for FIN, and both go out together.
func (s *stream) WriteLast(p []byte) (int, error) {
	w := s.mux.wire
	w.mu.Lock()
	s.flow.last = len(p)
	w.mu.Unlock()
	n, err := s.Write(p)
	return n, errors.Join(err, s.CloseSend())
}

// SetWriteDeadline implements tunnel.Stream, for both of what Write waits for.
func (s *stream) SetWriteDeadline(t time.Time) error {
	w := s.mux.wire
	w.mu.Lock()
	s.flow.writeBy = t
	w.drained.Broadcast()
	w.mu.Unlock()
	return s.Stream.SetWriteDeadline(t)
}

// Queued implements tunnel.Queued.
func (s *stream) Queued() bool {
	s.mux.wire.mu.Lock()
	defer s.mux.wire.mu.Unlock()
	return s.flow.waiting > 0
}

// fatal ends the session after yamux's write timeout, which leaves a frame in its queue and the other side hanging.
func (s *stream) fatal(err error) error {
	if errors.Is(err, yamux.ErrConnectionWriteTimeout) {
		s.mux.wire.fail(err)
		s.mux.session.Close()
	}
	return err
}

// CloseSend is yamux's Close, which is a half-close: FIN after what was written. With StreamCloseTimeout off, reading
// can go on for as long as it takes.
func (s *stream) CloseSend() error { return s.Stream.Close() }

// Discard reads until the other side's FIN. The window updates this sends are no invitation: the CANCEL is ahead of
// them. Until FIN the stream's buffer holds at most what is in flight.
func (s *stream) Discard(deadline time.Time) error {
	if err := s.SetReadDeadline(deadline); err != nil {
		return err
	}
	defer s.Shrink() // yamux keeps the buffer as long as somebody holds the stream
	var waste [4 << 10]byte
	for {
		if _, err := s.Read(waste[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

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

// The receive windows. yamux updates a window after half of it was read, so that one stream gets between W/2RTT and
// W/RTT: the window is twice what targetRate needs.
const (
	minWindow      = 256 << 10 // yamux's initial one, which can't be made smaller
	maxPlaneWindow = 16 << 20  // lists, logs and copies come this way
	maxAgentWindow = 1 << 20   // uploads; the agent has little memory
	targetRate     = 80 << 20  // bytes per second
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
		AcceptBacklog:       256,
		EnableKeepAlive:     false, // its ping queues behind data, and a slow uplink kills its own session
		KeepAliveInterval:   time.Hour,
		MaxStreamWindowSize: minWindow,
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
	return stream{s, m}, nil
}

func (m *mux) Accept() (tunnel.Stream, error) {
	s, err := m.session.AcceptStream()
	if err != nil {
		return nil, m.cause(err)
	}
	return stream{s, m}, nil
}

// cause prefers what the connection said to what yamux made of it, which is often "session shutdown".
func (m *mux) cause(err error) error {
	if first := m.wire.failure(); first != nil {
		return first
	}
	return err
}

// Tune chooses the window. Writing it to a running yamux is fine because only reads of streams look at it, none is
// under way between the handshake and the first stream of data, and it only ever grows.
func (m *mux) Tune(rtt time.Duration, limit int) {
	most := maxAgentWindow
	if m.end == planeEnd {
		most = maxPlaneWindow
	}
	if limit > 0 {
		most = limit
	}
	m.config.MaxStreamWindowSize = window(rtt, most)
}

func window(rtt time.Duration, most int) uint32 {
	need := 2 * rtt.Seconds() * targetRate
	return uint32(max(minWindow, min(need, float64(most))))
}

func (m *mux) LastReceived() time.Time { return m.wire.lastReceived() }
func (m *mux) LocalAddr() net.Addr     { return m.wire.LocalAddr() }
func (m *mux) RemoteAddr() net.Addr    { return m.wire.RemoteAddr() }
func (m *mux) Close() error            { return m.session.Close() }

// stream makes a tunnel.Stream of a yamux stream.
type stream struct {
	*yamux.Stream
	mux *mux
}

func (s stream) ID() uint64 { return uint64(s.StreamID()) }

func (s stream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	return n, s.fatal(err)
}

func (s stream) Write(p []byte) (int, error) {
	n, err := s.Stream.Write(p)
	return n, s.fatal(err)
}

// fatal ends the session after yamux's write timeout, which leaves a frame in its queue and the other side hanging.
func (s stream) fatal(err error) error {
	if errors.Is(err, yamux.ErrConnectionWriteTimeout) {
		s.mux.wire.fail(err)
		s.mux.session.Close()
	}
	return err
}

// CloseSend is yamux's Close, which is a half-close: FIN after what was written. With StreamCloseTimeout off, reading
// can go on for as long as it takes.
func (s stream) CloseSend() error { return s.Stream.Close() }

// Discard reads until the other side's FIN. The window updates this sends are no invitation: the CANCEL is ahead of
// them. Until FIN the stream's buffer holds at most what is in flight.
func (s stream) Discard(deadline time.Time) error {
	if err := s.SetReadDeadline(deadline); err != nil {
		return err
	}
	defer s.Shrink() // yamux keeps the buffer as long as somebody holds the stream
	var waste [4 << 10]byte
	for {
		if _, err := s.Stream.Read(waste[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return s.fatal(err)
		}
	}
}

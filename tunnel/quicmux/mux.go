package quicmux

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/kubechat/kubechat/tunnel"
)

// Error codes on the wire. They only mark that somebody chose to end something: why is said on the control stream.
const (
	codeNormal quic.ApplicationErrorCode = 0
	codeGone   quic.StreamErrorCode      = 1 // in STOP_SENDING and RESET_STREAM: nobody reads, nothing more is written
)

// controlUrgency puts the control stream before all data (RFC 9218's scale, 3 being the default): a CANCEL must not
// wait behind what it cancels.
const controlUrgency = 0

// mux makes a tunnel.Mux of a QUIC connection.
type mux struct {
	qc      *quic.Conn
	release func() // what belongs to this connection only; called once, after it was closed
	once    sync.Once

	mu       sync.Mutex // guards the rest
	packets  uint64     // received when last looked at
	received time.Time
}

var _ tunnel.Mux = (*mux)(nil)

func newMux(qc *quic.Conn, release func()) *mux {
	return &mux{qc: qc, release: release, received: time.Now()}
}

// Open waits while the other side allows no more streams.
func (m *mux) Open() (tunnel.Stream, error) {
	s, err := m.qc.OpenStreamSync(m.qc.Context())
	if err != nil {
		return nil, cause(m.qc, err)
	}
	return newStream(s), nil
}

// TryOpen implements tunnel.Opener.
func (m *mux) TryOpen() (tunnel.Stream, bool, error) {
	s, err := m.qc.OpenStream()
	if _, full := errors.AsType[*quic.StreamLimitReachedError](err); full {
		return nil, false, nil
	}
	if err != nil {
		return nil, true, cause(m.qc, err)
	}
	return newStream(s), true, nil
}

func (m *mux) Accept() (tunnel.Stream, error) {
	s, err := m.qc.AcceptStream(context.Background()) // which the connection's end ends
	if err != nil {
		return nil, cause(m.qc, err)
	}
	return newStream(s), nil
}

var (
	errHungUp = errors.New("the other side closed the connection")
	errSilent = &tunnel.CloseError{Reason: tunnel.ReasonDead, Detail: "no packet came for " + maxIdle.String()}
)

// cause words why a connection is over.
func cause(qc *quic.Conn, err error) error {
	if why := context.Cause(qc.Context()); why != nil {
		err = why
	}
	if _, idle := errors.AsType[*quic.IdleTimeoutError](err); idle {
		return errSilent
	}
	if e, ok := errors.AsType[*quic.ApplicationError](err); ok && e.Remote && e.ErrorCode == codeNormal {
		return errHungUp
	}
	return err
}

// LastReceived is when the count of packets was last seen to have grown: quic-go tells no time. It is asked for more
// often than a silence may last, and QUIC's own idle timeout does not depend on it.
func (m *mux) LastReceived() time.Time {
	n := m.qc.ConnectionStats().PacketsReceived
	m.mu.Lock()
	defer m.mu.Unlock()
	if n != m.packets {
		m.packets, m.received = n, time.Now()
	}
	return m.received
}

// Tune is not needed: quic-go measures round trips and adapts its windows by itself, up to the limit it was made with.
func (m *mux) Tune(time.Duration, int) {}

func (m *mux) LocalAddr() net.Addr  { return m.qc.LocalAddr() }
func (m *mux) RemoteAddr() net.Addr { return m.qc.RemoteAddr() }

func (m *mux) Close() error {
	err := m.qc.CloseWithError(codeNormal, "")
	m.once.Do(m.release)
	return err
}

// stream makes a tunnel.Stream of a QUIC stream. It lets go of that when both halves are given back: quic-go leaves what
// was received and not read in it, and somebody may hold a stream for long after its end.
type stream struct {
	id uint64
	qs atomic.Pointer[quic.Stream]

	mu       sync.Mutex // guards what follows
	size     int64      // of all that will be received, once FIN is here; else -1
	read     int64
	received bool // the receiving half is given back
	sent     bool // the sending half is given back
}

func newStream(qs *quic.Stream) *stream {
	s := &stream{id: uint64(qs.StreamID()), size: -1}
	s.qs.Store(qs)
	if s.id == 0 {
		qs.SetPriority(controlUrgency, false)
	}
	qs.SetReceiveFinalSizeCallback(s.finished)
	return s
}

func (s *stream) ID() uint64 { return s.id }

func (s *stream) Read(p []byte) (int, error) {
	qs := s.qs.Load()
	if qs == nil {
		return 0, net.ErrClosed
	}
	n, err := qs.Read(p)
	s.mu.Lock()
	s.read += int64(n)
	complete := s.completeLocked()
	s.mu.Unlock()
	if complete {
		s.giveBack(qs)
	}
	if n > 0 && err == io.EOF {
		err = nil // which the next Read says again
	}
	return n, err
}

// finished learns that FIN or RESET_STREAM is here, and with it the size. A reader that has read END asks for no more,
// so that quic-go would wait for ever to tell it of FIN, and count the stream as open.
func (s *stream) finished(size int64) {
	s.mu.Lock()
	s.size = size
	complete := s.completeLocked()
	s.mu.Unlock()
	if qs := s.qs.Load(); complete && qs != nil {
		go s.giveBack(qs) // in the connection's own loop nothing may wait
	}
}

// completeLocked says, once, that all was read.
func (s *stream) completeLocked() bool {
	if s.received || s.size < 0 || s.read < s.size {
		return false
	}
	s.received = true
	return true
}

// giveBack gives the receiving half back.
func (s *stream) giveBack(qs *quic.Stream) {
	qs.CancelRead(codeGone)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.received = true; s.sent {
		s.qs.Store(nil)
	}
}

func (s *stream) Write(p []byte) (int, error) {
	if qs := s.qs.Load(); qs != nil {
		return qs.Write(p)
	}
	return 0, net.ErrClosed
}

func (s *stream) SetReadDeadline(t time.Time) error {
	if qs := s.qs.Load(); qs != nil {
		return qs.SetReadDeadline(t)
	}
	return net.ErrClosed
}

func (s *stream) SetWriteDeadline(t time.Time) error {
	if qs := s.qs.Load(); qs != nil {
		return qs.SetWriteDeadline(t)
	}
	return net.ErrClosed
}

// CloseSend sends FIN after what was written.
func (s *stream) CloseSend() error {
	qs := s.qs.Load()
	if qs == nil {
		return nil
	}
	err := qs.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent = true; s.received {
		s.qs.Store(nil)
	}
	return err
}

// Discard sends STOP_SENDING and needs no waiting: QUIC gives the credit of what still arrives back by itself.
func (s *stream) Discard(time.Time) error {
	if qs := s.qs.Load(); qs != nil {
		s.giveBack(qs)
	}
	return nil
}

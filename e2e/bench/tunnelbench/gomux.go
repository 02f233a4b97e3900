package tunnelbench

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"

	libp2p "github.com/libp2p/go-yamux/v5"

	"github.com/kubechat/kubechat/tunnel"
)

// goMux makes a tunnel.Mux of libp2p's fork of yamux, which has the same frames and adapts its windows by itself. It is
// here to be measured beside tlsmux under the very same session layer; no program of ours links it. What tlsmux adds
// (windows taken back, small frames first, bounded buffers) it does not have.
type goMux struct {
	conn    *signedConn
	session *libp2p.Session
}

var _ tunnel.Mux = (*goMux)(nil)

func newGoMux(conn net.Conn, plane bool) (*goMux, error) {
	m := &goMux{conn: &signedConn{Conn: conn}}
	m.conn.last.Store(time.Now().UnixNano())
	cfg := libp2p.DefaultConfig()
	cfg.EnableKeepAlive = false // tunnel's own, as with tlsmux
	cfg.MeasureRTTInterval = time.Hour
	cfg.ConnectionWriteTimeout = 20 * time.Second
	cfg.LogOutput = io.Discard
	begin := libp2p.Server
	if plane {
		begin = libp2p.Client
	}
	var err error
	m.session, err = begin(m.conn, cfg, nil)
	return m, err
}

func (m *goMux) Open() (tunnel.Stream, error) {
	s, err := m.session.OpenStream(context.Background()) // which the session's end ends
	if err != nil {
		return nil, err
	}
	return goStream{s}, nil
}

func (m *goMux) Accept() (tunnel.Stream, error) {
	s, err := m.session.AcceptStream()
	if err != nil {
		return nil, err
	}
	return goStream{s}, nil
}

func (m *goMux) LastReceived() time.Time { return time.Unix(0, m.conn.last.Load()) }

// Tune does nothing: the library measures the round trip itself and lets windows grow to 16 MiB.
func (m *goMux) Tune(time.Duration, int) {}

func (m *goMux) LocalAddr() net.Addr  { return m.session.LocalAddr() }
func (m *goMux) RemoteAddr() net.Addr { return m.session.RemoteAddr() }
func (m *goMux) Close() error         { return m.session.Close() }

// goStream makes a tunnel.Stream of a stream; reading, writing and deadlines are the library's.
type goStream struct{ *libp2p.Stream }

func (s goStream) ID() uint64       { return uint64(s.StreamID()) }
func (s goStream) CloseSend() error { return s.CloseWrite() }

// Discard reads until the other side's FIN.
func (s goStream) Discard(deadline time.Time) error {
	if err := s.SetReadDeadline(deadline); err != nil {
		return err
	}
	var waste [4 << 10]byte
	for {
		if _, err := s.Read(waste[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// signedConn notes signs of life.
type signedConn struct {
	net.Conn
	last atomic.Int64 // when a byte last arrived, in nanoseconds since 1970
}

func (c *signedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.last.Store(time.Now().UnixNano())
	}
	return n, err
}

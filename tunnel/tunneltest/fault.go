package tunneltest

import (
	"net"
	"os"
	"sync"
	"time"
)

// FaultConn is a net.Conn that fails on request. Wrap what is below TLS.
type FaultConn struct {
	net.Conn
	mu       sync.Mutex // guards what follows
	reading  *gate
	writing  *gate
	writeBy  time.Time
	closed   chan struct{}
	closeOne sync.Once
}

// gate blocks while it is shut.
type gate struct{ open chan struct{} }

func openGate() *gate {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	return g
}

// NewFaultConn wraps a connection that works until told otherwise.
func NewFaultConn(conn net.Conn) *FaultConn {
	return &FaultConn{Conn: conn, reading: openGate(), writing: openGate(), closed: make(chan struct{})}
}

// StallReads lets nothing in any more, and tells nobody.
func (f *FaultConn) StallReads() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reading = &gate{open: make(chan struct{})}
}

// StallWrites lets nothing out any more: writes block, as with a full socket whose peer never acknowledges.
func (f *FaultConn) StallWrites() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writing = &gate{open: make(chan struct{})}
}

// Resume ends the stalls. What was held back is delivered.
func (f *FaultConn) Resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range []*gate{f.reading, f.writing} {
		select {
		case <-g.open:
		default:
			close(g.open)
		}
	}
}

// Cut resets the connection.
func (f *FaultConn) Cut() {
	if tcp, ok := f.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // RST instead of FIN
	}
	f.Close()
}

// Close implements net.Conn and frees what is stalled.
func (f *FaultConn) Close() error {
	f.closeOne.Do(func() { close(f.closed) })
	return f.Conn.Close()
}

// Read fails or stalls as it was told to, and otherwise passes on.
func (f *FaultConn) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	f.mu.Lock()
	g := f.reading
	f.mu.Unlock()
	select {
	case <-g.open:
		return n, err
	case <-f.closed:
		return 0, net.ErrClosed
	}
}

// Write fails or stalls as it was told to, and otherwise passes on.
func (f *FaultConn) Write(p []byte) (int, error) {
	f.mu.Lock()
	g, by := f.writing, f.writeBy
	f.mu.Unlock()
	var late <-chan time.Time
	if !by.IsZero() {
		timer := time.NewTimer(time.Until(by))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-g.open:
		return f.Conn.Write(p)
	case <-late:
		return 0, os.ErrDeadlineExceeded
	case <-f.closed:
		return 0, net.ErrClosed
	}
}

// SetWriteDeadline implements net.Conn, for stalled writes as well.
func (f *FaultConn) SetWriteDeadline(t time.Time) error {
	f.mu.Lock()
	f.writeBy = t
	f.mu.Unlock()
	return f.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (f *FaultConn) SetDeadline(t time.Time) error {
	f.SetReadDeadline(t)
	return f.SetWriteDeadline(t)
}

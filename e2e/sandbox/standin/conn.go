package main

import (
	"io"
	"net"
	"sync"
	"time"
)

// oneConn is a listener that has one connection to give: the stream of a port-forward.
type oneConn struct {
	stream io.ReadWriteCloser
	done   chan struct{} // closed when the stream is

	mu    sync.Mutex // guards given
	given bool
}

// Accept gives the stream, then waits for its end.
func (l *oneConn) Accept() (net.Conn, error) {
	l.mu.Lock()
	first := !l.given
	l.given = true
	l.mu.Unlock()
	if first {
		return &conn{ReadWriteCloser: l.stream, done: l.done}, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

// Close ends nothing: the connection's own end does.
func (l *oneConn) Close() error { return nil }

// Addr is a name, not an address.
func (l *oneConn) Addr() net.Addr { return name{} }

type conn struct {
	io.ReadWriteCloser
	done chan struct{}
	once sync.Once
}

// Close ends the stream and with it the listener.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.ReadWriteCloser.Close()
}

type name struct{}

// Network names no network.
func (name) Network() string { return "stream" }

// String names no address.
func (name) String() string { return "port-forward" }

// LocalAddr is a name.
func (c *conn) LocalAddr() net.Addr { return name{} }

// RemoteAddr is a name.
func (c *conn) RemoteAddr() net.Addr { return name{} }

// SetDeadline is not needed: the stream ends with its connection.
func (c *conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is not needed either.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is not needed either.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

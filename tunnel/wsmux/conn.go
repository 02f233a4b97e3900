package wsmux

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// conn is the bytes of a WebSocket's binary messages, whose borders mean nothing. As with every gorilla connection a
// deadline that has passed is fatal: TLS, the only user, is no more forgiving.
type conn struct {
	ws   *websocket.Conn
	ping time.Duration

	rmu sync.Mutex // one reader; guards message
	// message is what is left of the one being read; nil between two.
	message io.Reader

	wmu sync.Mutex // one writer

	mu      sync.Mutex // guards what follows; never held while blocked
	writing bool
	writeBy time.Time
	wroteAt time.Time
	timer   *time.Timer // sends the next ping; nil once closed
}

var _ net.Conn = (*conn)(nil)

func newConn(ws *websocket.Conn, o Options) *conn {
	c := &conn{ws: ws, ping: o.PingEvery, wroteAt: time.Now()}
	if c.ping <= 0 {
		c.ping = PingEvery
	}
	ws.SetReadLimit(maxMessage)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(c.nextPing(0), c.beat)
	return c
}

// nextPing is earlier by up to a fifth: connections made together must not speak together.
func (c *conn) nextPing(quiet time.Duration) time.Duration {
	return max(c.ping-rand.N(c.ping/5+1)-quiet, 0)
}

// beat sends a ping when this side has written nothing for a while. It is a timer and no goroutine: there may be 10,000.
func (c *conn) beat() {
	c.mu.Lock()
	quiet := time.Since(c.wroteAt)
	due := quiet >= c.ping-c.ping/5-time.Millisecond && !c.writing
	if due {
		c.wroteAt, quiet = time.Now(), 0
	}
	if c.timer != nil {
		c.timer.Reset(max(c.nextPing(quiet), c.ping/10))
	}
	open := c.timer != nil
	c.mu.Unlock()
	if due && open {
		// If it fails the connection is broken, and whoever reads or writes is told.
		_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(controlWait))
	}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c.rmu.Lock()
	defer c.rmu.Unlock()
	for {
		if c.message == nil {
			kind, r, err := c.ws.NextReader()
			if err != nil {
				return 0, ended(err)
			}
			if kind != websocket.BinaryMessage {
				return 0, errors.New("a WebSocket message that is not binary")
			}
			c.message = r
		}
		n, err := c.message.Read(p)
		if err == io.EOF {
			c.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, ended(err)
		}
	}
}

// ended makes an orderly close the end of file that it is for a net.Conn.
func ended(err error) error {
	if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway) {
		return io.EOF
	}
	return err
}

// Write sends p as one message.
func (c *conn) Write(p []byte) (int, error) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.mu.Lock()
	c.writing = true
	err := c.ws.SetWriteDeadline(c.writeBy)
	c.mu.Unlock()
	if err == nil {
		err = c.ws.WriteMessage(websocket.BinaryMessage, p)
	}
	c.mu.Lock()
	c.writing, c.wroteAt = false, time.Now()
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close says so to the other side, unless a write is stuck, and does not wait for its answer: what is closed above in
// good order has been waited for there.
func (c *conn) Close() error {
	c.mu.Lock()
	first := c.timer != nil
	if first {
		c.timer.Stop()
		c.timer = nil
	}
	stuck := c.writing
	c.mu.Unlock()
	if first && !stuck {
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = c.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(controlWait))
	}
	return c.ws.Close()
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.ws.LocalAddr() }

// RemoteAddr is the other end of the TCP connection: maybe that of a proxy.
func (c *conn) RemoteAddr() net.Addr { return c.ws.RemoteAddr() }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.ws.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn, for a write under way as well.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeBy = t
	if !c.writing {
		return nil
	}
	return c.ws.NetConn().SetWriteDeadline(t)
}

// NetConn is what is below, the outer TLS or TCP.
func (c *conn) NetConn() net.Conn { return c.ws.NetConn() }

// Is reports whether c is a WebSocket, or has one below, as a TLS connection may.
func Is(c net.Conn) bool {
	for {
		if _, ok := c.(*conn); ok {
			return true
		}
		over, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return false
		}
		c = over.NetConn()
	}
}

// Package wsmux makes a plain net.Conn of a WebSocket, for networks that let nothing else out. What goes through it is
// the very TLS 1.3 with two certificates, and the very multiplexing, that package tlsmux puts on a TCP connection:
//
//	TCP | outer TLS, of whoever terminates HTTP | WebSocket | inner mTLS | yamux | tunnel
//
// The outer TLS is therefore not trusted with anything. A content delivery network, a load balancer or a company's
// inspecting proxy may end it, and sees nothing but the bytes of the inner one. Start at Client and Upgrade.
package wsmux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// Path is where a WebSocket is asked for.
	Path = "/tunnel"
	// Subprotocol is negotiated in the upgrade; its number is the protocol's major, as in ALPN.
	Subprotocol = "kct.1"
	// PingEvery is the default time between two pings of one side, at most. Balancers cut a WebSocket that is silent
	// for 30 to 60 seconds, and some count only what comes from one side.
	PingEvery = 20 * time.Second
)

const (
	readBuffer = 4 << 10 // larger reads go around it
	// writeBuffer holds a full TLS record (16 KiB and its header), so that each is one message of one frame.
	writeBuffer = 17 << 10
	// maxMessage bounds what the other side may make us expect in one message.
	maxMessage = 1 << 20
	// controlWait is how long a ping or a close may wait for a write that is under way.
	controlWait = time.Second
)

// buffers are shared by all connections: one that is idle holds none.
var buffers sync.Pool

// Options are how a WebSocket behaves; the zero value works.
type Options struct {
	PingEvery time.Duration // 0 is the constant
}

// StatusError is an answer to the upgrade that was no upgrade: what answered is most likely a proxy, or a balancer that
// passes no WebSockets.
type StatusError struct {
	Code int // of HTTP
}

// Error says what to do.
func (e *StatusError) Error() string {
	switch e.Code {
	case http.StatusProxyAuthRequired:
		return "a proxy on the way wants a user name and password"
	case http.StatusNotFound:
		return "HTTP 404: what answers there is not KubeChat's gateway"
	}
	return fmt.Sprintf("HTTP %d instead of a WebSocket: something on the way passes none", e.Code)
}

// Client asks for a WebSocket on conn, on which the outer TLS is done. host is the gateway's, with its port. The
// connection is closed if that fails; ctx bounds the upgrade only.
func Client(ctx context.Context, conn net.Conn, host string, o Options) (net.Conn, error) {
	d := websocket.Dialer{
		NetDialContext:  func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		Subprotocols:    []string{Subprotocol},
		ReadBufferSize:  readBuffer,
		WriteBufferSize: writeBuffer, WriteBufferPool: &buffers,
	}
	// The scheme is ws because conn is encrypted already.
	target := url.URL{Scheme: "ws", Host: host, Path: Path}
	ws, res, err := d.DialContext(ctx, target.String(), http.Header{"User-Agent": {"kubechat-agent"}})
	if err != nil {
		_ = conn.Close()
		if errors.Is(err, websocket.ErrBadHandshake) && res != nil {
			err = &StatusError{Code: res.StatusCode}
		}
		return nil, fmt.Errorf("upgrade to WebSocket: %w", err)
	}
	if ws.Subprotocol() != Subprotocol {
		_ = ws.Close()
		return nil, fmt.Errorf("upgrade to WebSocket: the other side speaks %q, the tunnel needs %q", ws.Subprotocol(), Subprotocol)
	}
	return newConn(ws, o), nil
}

// Upgrade answers a request for a WebSocket; when it fails it has answered with the reason. The handler should return at
// once and leave the connection to others: net/http then frees its own buffers.
func Upgrade(w http.ResponseWriter, r *http.Request, o Options) (net.Conn, error) {
	u := websocket.Upgrader{
		HandshakeTimeout: controlWait,
		Subprotocols:     []string{Subprotocol},
		ReadBufferSize:   readBuffer,
		WriteBufferSize:  writeBuffer, WriteBufferPool: &buffers,
		// A browser has no business here, and could not prove an identity in the inner TLS either.
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "" },
	}
	if !offers(r, Subprotocol) {
		http.Error(w, "the WebSocket subprotocol "+Subprotocol+" is needed", http.StatusBadRequest)
		return nil, errors.New("upgrade to WebSocket: the subprotocol " + Subprotocol + " is not offered")
	}
	ws, err := u.Upgrade(w, r, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrade to WebSocket: %w", err)
	}
	return newConn(ws, o), nil
}

func offers(r *http.Request, protocol string) bool {
	for _, p := range websocket.Subprotocols(r) {
		if p == protocol {
			return true
		}
	}
	return false
}

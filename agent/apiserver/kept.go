package apiserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/kubechat/kubechat/internal/sock"
)

const (
	keptFor   = 90 * time.Second // unused
	maxHeader = 1 << 20          // of an answer
	maxHints  = 5                // 1xx answers before the real one
)

// kept sends requests without a body over HTTP/1.1 connections that it keeps, each used by one request at a time and by
// whoever makes it: an http.Transport has two goroutines for each connection, and passing a small request to and fro
// between three of them is more work than the request. What it sends changes nothing, so that it may be sent again
// where a kept connection turns out to have been closed meanwhile.
type kept struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config

	mu    sync.Mutex // guards the rest
	idle  []*keptConn
	sweep *time.Timer // set while idle is not empty
}

type keptConn struct {
	net.Conn
	r     *bufio.Reader
	limit io.LimitedReader // of what r reads
	w     *bufio.Writer
	used  bool // it has answered before
	since time.Time
}

// RoundTrip implements http.RoundTripper.
func (k *kept) RoundTrip(req *http.Request) (*http.Response, error) {
	for {
		c, err := k.take(req)
		if err != nil {
			return nil, err
		}
		res, err := k.ask(c, req)
		if err == nil {
			return res, nil
		}
		_ = c.Close()
		if !c.used || req.Context().Err() != nil || errors.Is(err, errBegun) {
			return nil, err
		}
		k.CloseIdleConnections() // the others are as old
	}
}

// CloseIdleConnections ends what is kept and not in use.
func (k *kept) CloseIdleConnections() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.idle {
		_ = c.Close()
	}
	k.idle = nil
}

func (k *kept) take(req *http.Request) (*keptConn, error) {
	for c := k.newest(); c != nil; c = k.newest() {
		if sock.Idle(c.Conn) { // what came while nobody asked would be taken for the answer
			return c, nil
		}
		_ = c.Close()
	}
	return k.open(req)
}

// newest takes the connection that was used last, or nil.
func (k *kept) newest() *keptConn {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.idle)
	if n == 0 {
		return nil
	}
	c := k.idle[n-1]
	k.idle = k.idle[:n-1]
	return c
}

func (k *kept) open(req *http.Request) (*keptConn, error) {
	host, port := req.URL.Hostname(), req.URL.Port()
	if port == "" {
		port = map[string]string{"http": "80"}[req.URL.Scheme]
		if port == "" {
			port = "443"
		}
	}
	conn, err := k.dial(req.Context(), "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme == "https" {
		cfg := k.tls.Clone()
		if cfg.ServerName == "" {
			cfg.ServerName = host
		}
		over := tls.Client(conn, cfg)
		ctx, cancel := context.WithTimeout(req.Context(), handshakeTimeout)
		defer cancel()
		if err := over.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = over
	}
	c := &keptConn{Conn: conn, limit: io.LimitedReader{R: conn}, w: bufio.NewWriterSize(conn, 4<<10)}
	c.r = bufio.NewReaderSize(&c.limit, 16<<10)
	return c, nil
}

// errBegun is in the chain of an error after which the request must not be sent again: its answer had begun.
var errBegun = errors.New("the answer broke off")

var errHints = errors.New("the answer never came to its point")

// ask sends the request, and reads its answer's header.
func (k *kept) ask(c *keptConn, req *http.Request) (*http.Response, error) {
	stop := context.AfterFunc(req.Context(), func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	res, err := c.exchange(req)
	if err != nil {
		if stop(); req.Context().Err() != nil {
			err = context.Cause(req.Context())
		}
		return nil, err
	}
	res.Body = &keptBody{ReadCloser: res.Body, ctx: req.Context(), end: func() {
		if stop() && !res.Close && c.silent() {
			k.keep(c)
		} else {
			_ = c.Close()
		}
	}, cut: func() {
		stop()
		_ = c.Close()
	}}
	return res, nil
}

func (c *keptConn) exchange(req *http.Request) (*http.Response, error) {
	c.limit.N = maxHeader
	if err := errors.Join(req.Write(c.w), c.w.Flush()); err != nil {
		return nil, err
	}
	if _, err := c.r.Peek(1); err != nil {
		return nil, err
	}
	for range maxHints {
		res, err := http.ReadResponse(c.r, req)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBegun, err)
		}
		if res.StatusCode >= 200 {
			c.limit.N = 1<<63 - 1
			return res, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", errBegun, errHints)
}

// silent says whether nothing that nobody asked for has been read along: it would be taken for the next request's
// answer. What comes later is looked for when the connection is used again.
func (c *keptConn) silent() bool {
	_ = c.SetReadDeadline(time.Unix(1, 0)) // looks at what is there, and waits for nothing
	_, err := c.r.Peek(1)
	return errors.Is(err, os.ErrDeadlineExceeded) && c.SetReadDeadline(time.Time{}) == nil
}

// keep makes a connection ready for the next request.
func (k *kept) keep(c *keptConn) {
	c.used, c.since = true, time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.idle = append(k.idle, c)
	if k.sweep == nil {
		k.sweep = time.AfterFunc(keptFor, k.sweepOld)
	}
}

// sweepOld closes what nobody has used for long, so that a burst's connections do not stay.
func (k *kept) sweepOld() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.idle = slices.DeleteFunc(k.idle, func(c *keptConn) bool {
		old := time.Since(c.since) >= keptFor
		if old {
			_ = c.Close()
		}
		return old
	})
	if len(k.idle) == 0 {
		k.sweep = nil
		return
	}
	k.sweep.Reset(keptFor / 2)
}

// keptBody is an answer's body. Read to its end it gives its connection back; left before, it ends it, and with it the
// API server's work.
type keptBody struct {
	io.ReadCloser
	ctx  context.Context
	end  func()
	cut  func()
	done bool
}

// Read implements io.Reader.
func (b *keptBody) Read(p []byte) (int, error) {
	if b.done {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.done = true
		b.end()
	case err != nil && b.ctx.Err() != nil:
		err = context.Cause(b.ctx)
	}
	return n, err
}

// Close implements io.Closer.
func (b *keptBody) Close() error {
	if b.done {
		return nil
	}
	b.done = true
	if b.ReadCloser == http.NoBody { // which nobody needs to read
		b.end()
	} else {
		b.cut()
	}
	return nil
}

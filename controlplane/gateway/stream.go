package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/tunnel"
)

// stream is one accepted stream and the one request on it. It is given back exactly once: when its answer was read to
// its end, when that was closed, or when nothing came of it.
type stream struct {
	g    *Gateway
	conn *tunnel.Conn
	way  way
	sent bool        // the request went with the stream's header
	stop func() bool // no longer cancel the stream with the request's context
	done sync.Once
	free func()

	mu    sync.Mutex // guards timer
	timer *time.Timer
}

func (g *Gateway) newStream(ctx context.Context, conn *tunnel.Conn, w way, free func()) *stream {
	return &stream{g: g, conn: conn, way: w, free: free, stop: context.AfterFunc(ctx, func() { _ = conn.Reset(tunnel.ReasonCancelled) })}
}

// release gives the stream back. Reset is right unless both ends are done with it: what is in flight is wanted by nobody.
func (s *stream) release(reset bool) {
	s.done.Do(func() {
		s.stop()
		s.mu.Lock()
		if s.timer != nil {
			s.timer.Stop()
		}
		s.mu.Unlock()
		if reset {
			_ = s.conn.Reset(tunnel.ReasonCancelled)
		} else {
			_ = s.conn.Close()
		}
		s.free()
	})
}

// recheck ends the stream when its member has lost the right to it. While nobody can say, it goes on.
func (s *stream) recheck(ctx context.Context, every time.Duration, still func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(every, func() {
		if s.conn.Context().Err() != nil {
			return
		}
		asking, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err := still(asking)
		if problem.Is(err, problem.Unauthenticated) || problem.Is(err, problem.NotFound) || problem.Is(err, problem.Forbidden) {
			_ = s.conn.Reset(tunnel.ReasonCancelled)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.timer.Reset(every)
	})
}

// send writes the request, unless it went with the stream's header, and waits for the answer's. Each request has its own
// stream and nothing pools those, so that one member's connection is never given to another's request.
func (s *stream) send(req, out *http.Request) (*http.Response, error) {
	res, err := s.roundTrip(out)
	if err != nil {
		s.release(true)
		if cause := s.lost(); cause != nil && req.Context().Err() == nil {
			err = answerLost(err, cause)
		}
		return nil, err
	}
	res.Request = req
	for _, name := range foreign {
		res.Header.Del(name)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		if rw, ok := res.Body.(io.ReadWriteCloser); ok {
			res.Body = &duplex{ReadWriteCloser: rw, s: s}
			return res, nil
		}
	}
	if res.Body == http.NoBody {
		s.release(false)
		return res, nil
	}
	res.Body = &answer{ReadCloser: res.Body, s: s}
	if f := watchFrames(req, res); f != nil {
		res.Body = newWatchBody(s.g, s, s.way.key, res.Body, f)
	}
	return res, nil
}

func (s *stream) roundTrip(req *http.Request) (*http.Response, error) {
	if bodiless(req) {
		res, err := s.ask(req)
		if err != nil && req.Context().Err() != nil {
			err = req.Context().Err() // the stream was cancelled because the request was
		}
		return res, err
	}
	t := &http.Transport{
		DialContext: once(s.conn), DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeaderBytes,
	}
	return t.RoundTrip(req)
}

// lost is why the stream ended, if it was not us.
func (s *stream) lost() error {
	var c *tunnel.CloseError
	if errors.As(context.Cause(s.conn.Context()), &c) && c.Reason != tunnel.ReasonCancelled {
		return c
	}
	return nil
}

// answer is a response's body. One that is left before its end cancels its stream, which ends the API server's work.
type answer struct {
	io.ReadCloser
	s *stream
}

// Read gives the stream back at the end.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		a.s.release(false)
	} else if err != nil {
		a.s.release(true)
	}
	return n, err
}

// Close ends the answer where it is.
func (a *answer) Close() error {
	a.s.release(true)
	return a.ReadCloser.Close()
}

// duplex is an upgraded connection: bytes both ways until both ends are done.
type duplex struct {
	io.ReadWriteCloser
	s *stream
}

// CloseWrite ends our half: the last words of a command come after its input has ended.
func (d *duplex) CloseWrite() error { return d.s.conn.CloseWrite() }

// abort ends both directions at once; what is on its way is wanted by nobody.
func (d *duplex) abort() { d.s.release(true) }

// Close ends it. What was written is still delivered.
func (d *duplex) Close() error {
	d.s.release(false)
	return d.ReadWriteCloser.Close()
}

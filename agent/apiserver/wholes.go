package apiserver

import (
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxWholes is how many connections are kept for small reads. More at once share the one of HTTP/2.
const maxWholes = 32

// alive finds an idle connection dead within 25 s, as HTTP/2's ping does; giveUp is for one on which something was sent.
var alive = net.KeepAliveConfig{Enable: true, Idle: pingAfter, Interval: 5 * time.Second, Count: 2}

// wholes sends small reads over HTTP/1.1: a connection for each while it lasts. Through HTTP/2 such a request passes two
// goroutines and several frames more, about a tenth of its CPU time. Watches, logs and changes
// stay on HTTP/2, where a thousand of them need one connection.
type wholes struct {
	few   *kept
	rest  http.RoundTripper
	under atomic.Int32 // requests on few
}

// RoundTrip implements http.RoundTripper.
func (w *wholes) RoundTrip(req *http.Request) (*http.Response, error) {
	if w.under.Add(1) > maxWholes {
		w.under.Add(-1)
		return w.rest.RoundTrip(req)
	}
	res, err := w.few.RoundTrip(req)
	if err != nil {
		w.under.Add(-1)
		return nil, err
	}
	res.Body = &counted{ReadCloser: res.Body, end: sync.OnceFunc(func() { w.under.Add(-1) })}
	return res, nil
}

// counted is a body whose end is counted.
type counted struct {
	io.ReadCloser
	end func()
}

// Close implements io.Closer.
func (c *counted) Close() error {
	c.end()
	return c.ReadCloser.Close()
}

package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
)

// Most requests are reads without a body. For those a transport's two goroutines and its own buffers are most of what a
// request costs here, so they are written and read by hand; everything else takes an http.Transport, see stream.send.

const maxInformational = 5 // 1xx answers before the real one

var (
	writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 4<<10) }}
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 32<<10) }}

	errLongHeader   = errors.New("the answer's header is too long")
	errInformations = errors.New("the answer never came to its point")
)

// bodiless tells whether nothing follows the request's header.
func bodiless(req *http.Request) bool {
	return (req.Body == nil || req.Body == http.NoBody) && req.Header.Get("Upgrade") == ""
}

// ask writes a request without a body and reads the answer's header. The answer's body gives its buffer back when
// it was read to its end; one that was left is left to the garbage collector, as somebody may still be reading.
func (s *stream) ask(req *http.Request) (*http.Response, error) {
	if !s.sent {
		if err := s.write(req); err != nil {
			return nil, err
		}
	}
	limit := &io.LimitedReader{R: s.conn, N: maxHeaderBytes}
	r := readers.Get().(*bufio.Reader)
	r.Reset(limit)
	for range maxInformational {
		res, err := http.ReadResponse(r, req)
		if err != nil {
			if limit.N <= 0 {
				err = errLongHeader
			}
			return nil, err
		}
		if res.StatusCode < 200 {
			continue
		}
		limit.N = 1<<63 - 1
		if res.Body != http.NoBody {
			res.Body = &buffered{ReadCloser: res.Body, ctx: req.Context(), r: r}
		}
		return res, nil
	}
	return nil, errInformations
}

func (s *stream) write(req *http.Request) error {
	req.Close = true // one stream, one request
	w := writers.Get().(*bufio.Writer)
	w.Reset(s.conn)
	err := errors.Join(req.Write(w), w.Flush())
	w.Reset(nil)
	writers.Put(w)
	return err
}

// buffered is an answer's body over a pooled buffer.
type buffered struct {
	io.ReadCloser
	ctx context.Context
	r   *bufio.Reader
}

// Read gives the buffer back at the end, after which nothing is read from it.
func (b *buffered) Read(p []byte) (int, error) {
	if b.r == nil {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.r.Reset(nil)
		readers.Put(b.r)
		b.r = nil
	} else if err != nil && b.ctx.Err() != nil {
		err = b.ctx.Err() // the stream was cancelled because the request was
	}
	return n, err
}

// buffers lends httputil.ReverseProxy what it copies with.
type buffers struct{}

// Get implements httputil.BufferPool.
func (buffers) Get() []byte { return copySpace.Get().(*[32 << 10]byte)[:] }

// Put implements httputil.BufferPool.
func (buffers) Put(b []byte) { copySpace.Put((*[32 << 10]byte)(b)) }

package agent

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/tunnel"
)

// Most requests are small reads that come whole, in one transmission, and whose answers are small. For those an
// http.Server's goroutines, buffers and writes cost more than everything else here together, so they are read and
// answered by hand, in one transmission if the answer is small. All others are http.Server's: see serve.

const (
	readTime  = 10 * time.Second
	maxHeader = 128 << 10
	// answerSpace is how much of a body is sent at once. With what goes before and after it, it fits into a chunk of the
	// tunnel's.
	answerSpace = 32<<10 - 1<<10
)

var (
	requestReaders = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}
	answerBuffers  = sync.Pool{New: func() any { return new(answerBuffer) }}
)

type answerBuffer struct {
	body [answerSpace]byte
	out  bytes.Buffer // what is about to be written
}

// others is a session of which only those streams are accepted that an http.Server has to serve. The others are answered
// as they come, by workers that stay for a moment: a new goroutine's stack has to grow for each request anew.
type others struct {
	tunnel.Session
	answer func(*tunnel.Conn)
	idle   chan *tunnel.Conn // unbuffered: taken by a worker that waits, if there is one
}

// workerRest is how long a worker waits for more.
const workerRest = time.Second

// Accept implements net.Listener.
func (o others) Accept() (net.Conn, error) {
	for {
		conn, err := o.Session.Accept()
		if err != nil {
			return nil, err
		}
		stream, ok := conn.(*tunnel.Conn)
		if !ok || !stream.Header().Whole {
			return conn, nil
		}
		select {
		case o.idle <- stream:
		default:
			go o.work(stream)
		}
	}
}

// work answers one stream, and then those that come while it rests.
func (o others) work(stream *tunnel.Conn) {
	rest := time.NewTimer(workerRest)
	defer rest.Stop()
	for {
		o.answer(stream)
		rest.Reset(workerRest)
		select {
		case stream = <-o.idle:
		case <-rest.C:
			return
		case <-o.Done():
			return
		}
	}
}

// answer serves one whole request.
func (a *agent) answer(stream *tunnel.Conn, handler http.Handler) {
	done := false
	defer func() {
		if e := recover(); e != nil && e != http.ErrAbortHandler {
			a.log.Error("request failed", "request", stream.Header().RequestID, "panic", e, "stack", string(debug.Stack()))
		}
		if !done { // nothing that could be taken for a whole answer
			_ = stream.Reset(tunnel.ReasonCancelled)
		}
		_ = stream.Close()
	}()
	_ = stream.SetReadDeadline(time.Now().Add(readTime))
	r := requestReaders.Get().(*bufio.Reader)
	r.Reset(io.LimitReader(stream, maxHeader))
	defer func() {
		r.Reset(nil)
		requestReaders.Put(r)
	}()
	req, err := http.ReadRequest(r)
	if err != nil {
		a.log.Debug("request can't be read", "request", stream.Header().RequestID, "error", err)
		return
	}
	ctx := kubeproxy.WithHeader(stream.Context(), stream.Header())
	w := &answerWriter{stream: stream, header: http.Header{}, head: req.Method == http.MethodHead, left: -1,
		buffer: answerBuffers.Get().(*answerBuffer)}
	defer answerBuffers.Put(w.buffer)
	handler.ServeHTTP(w, req.WithContext(ctx))
	done = w.finish() == nil
}

// answerWriter is an http.ResponseWriter that sends what fits as one piece, and the rest in large ones.
type answerWriter struct {
	stream *tunnel.Conn
	header http.Header
	head   bool // of a request without a body in its answer
	buffer *answerBuffer
	n      int   // bytes of body waiting in the buffer
	status int   // 0 until WriteHeader
	begun  bool  // the header is out
	left   int64 // bytes of body still to come; -1 is unknown, then it is sent in chunks
	err    error
}

// Header implements http.ResponseWriter.
func (w *answerWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. An answer before the answer is left out: the asking side did not wait for it.
func (w *answerWriter) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		w.left = n
	}
	for _, name := range []string{"Connection", "Transfer-Encoding", "Trailer"} {
		delete(w.header, name)
	}
	if _, ok := w.header["Date"]; !ok {
		w.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
}

func (w *answerWriter) bodiless() bool {
	return w.head || w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

var errTooLong = errors.New("the answer is longer than its Content-Length")

// Write implements http.ResponseWriter.
func (w *answerWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.err != nil:
		return 0, w.err
	case w.bodiless():
		return len(p), nil
	case w.left >= 0 && int64(len(p)) > w.left:
		w.err = errTooLong
		return 0, w.err
	case w.left >= 0:
		w.left -= int64(len(p))
	}
	written := 0
	for written < len(p) {
		if w.n == len(w.buffer.body) {
			if w.err = w.send(); w.err != nil {
				return written, w.err
			}
		}
		n := copy(w.buffer.body[w.n:], p[written:])
		w.n += n
		written += n
	}
	return written, nil
}

// Flush implements http.Flusher.
func (w *answerWriter) Flush() {
	w.WriteHeader(http.StatusOK)
	if w.err == nil && (w.n > 0 || !w.begun) {
		w.err = w.send()
	}
}

// chunked says whether the body's end has to be marked.
func (w *answerWriter) chunked() bool { return w.header.Get("Content-Length") == "" && !w.bodiless() }

// send writes what waits.
func (w *answerWriter) send() error {
	out := w.start()
	if w.chunked() {
		w.chunk(out)
	} else {
		out.Write(w.buffer.body[:w.n])
	}
	w.n = 0
	_, err := w.stream.Write(out.Bytes())
	return err
}

// start begins a transmission, with the header if it was not sent yet.
func (w *answerWriter) start() *bytes.Buffer {
	out := &w.buffer.out
	out.Reset()
	if w.begun {
		return out
	}
	w.begun = true
	if _, typed := w.header["Content-Type"]; !typed && w.n > 0 {
		w.header.Set("Content-Type", http.DetectContentType(w.buffer.body[:w.n]))
	}
	if w.chunked() {
		w.header.Set("Transfer-Encoding", "chunked")
	}
	fmt.Fprintf(out, "HTTP/1.1 %03d %s\r\n", w.status, http.StatusText(w.status))
	_ = w.header.Write(out) // to memory
	out.WriteString("\r\n")
	return out
}

func (w *answerWriter) chunk(out *bytes.Buffer) {
	if w.n > 0 {
		fmt.Fprintf(out, "%x\r\n", w.n)
		out.Write(w.buffer.body[:w.n])
		out.WriteString("\r\n")
	}
}

// finish sends the rest, and the end.
func (w *answerWriter) finish() error {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.err != nil:
		return w.err
	case w.left > 0 && !w.bodiless():
		return io.ErrUnexpectedEOF
	}
	if !w.begun && w.chunked() { // it is all here
		w.header.Set("Content-Length", strconv.Itoa(w.n))
	}
	out := w.start()
	if w.chunked() {
		w.chunk(out)
		out.WriteString("0\r\n\r\n")
	} else {
		out.Write(w.buffer.body[:w.n])
	}
	return w.stream.Finish(out.Bytes())
}

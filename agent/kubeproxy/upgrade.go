package kubeproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// lingerAfterEnd is how long the asking side may keep its half open once the API server has ended its own.
const lingerAfterEnd = 10 * time.Second

// serveUpgrade carries exec, attach, port-forward and WebSocket watches: one HTTP/1.1 exchange on a connection of its
// own, then bytes both ways that are nobody's business here.
func (p *Proxy) serveUpgrade(w *recorder, r *http.Request, x *exchange) {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.Body, out.ContentLength, out.TransferEncoding = nil, 0, nil
	p.rewrite(out, x)
	res, err := p.cfg.Upgrades.RoundTrip(out)
	if err != nil {
		p.upstreamFailed(w, out, err)
		return
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		p.answerPlainly(w, out, res)
		return
	}
	backend, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		_ = res.Body.Close()
		p.upstreamFailed(w, out, errors.New("its connection can't be written to after the upgrade"))
		return
	}
	defer backend.Close()
	w.code = http.StatusSwitchingProtocols // only remembered: it is written below, on the connection itself
	user, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.cfg.Log.ErrorContext(r.Context(), "connection can't be taken over", "error", err)
		return
	}
	defer user.Close()
	stop := context.AfterFunc(r.Context(), func() { _ = backend.Close(); _ = user.Close() })
	defer stop()
	head := http.Response{StatusCode: res.StatusCode, ProtoMajor: 1, ProtoMinor: 1, Header: res.Header}
	if err := errors.Join(head.Write(buffered), buffered.Flush()); err != nil {
		return
	}
	// What came early is in the buffer. The rest is read from the connection itself: a buffered reader's EOF, which is
	// only the end of the input, makes net/http cancel the whole request.
	early, err := buffered.Peek(buffered.Reader.Buffered())
	if err != nil {
		return
	}
	splice(user, io.MultiReader(bytes.NewReader(early), user), backend)
}

// answerPlainly passes on an answer that refuses the upgrade.
func (p *Proxy) answerPlainly(w http.ResponseWriter, out *http.Request, res *http.Response) {
	defer res.Body.Close()
	if err := p.checkResponse(res); err != nil {
		p.upstreamFailed(w, out, err)
		return
	}
	for name, values := range res.Header {
		switch name {
		case "Connection", "Upgrade", "Keep-Alive", "Transfer-Encoding", "Trailer", "Te", "Proxy-Authenticate":
		default:
			w.Header()[name] = values
		}
	}
	w.WriteHeader(res.StatusCode)
	if _, err := io.Copy(w, res.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// splice copies both ways. All that the backend sent is delivered before anything is closed, even if the user's half
// ended or the backend no longer takes it: the last words of a command come after its input has ended.
func splice(user net.Conn, fromUser io.Reader, backend io.ReadWriteCloser) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		from := &watched{Reader: fromUser}
		switch _, err := io.Copy(backend, from); {
		case err == nil:
			_ = closeWrite(backend)
		case from.failed: // the asking side is gone, and with it the sense of the whole
			_ = backend.Close()
		}
	}()
	_, err := io.Copy(user, backend)
	if err != nil {
		abort(user)
		_ = backend.Close()
	} else {
		_ = closeWrite(user)
		_ = user.SetReadDeadline(time.Now().Add(lingerAfterEnd))
	}
	<-sent
}

// watched tells a failed Read from a failed Write in io.Copy.
type watched struct {
	io.Reader
	failed bool
}

// Read remembers a failure.
func (r *watched) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		r.failed = true
	}
	return n, err
}

func closeWrite(c any) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// abort ends the user's side so that it can't be taken for a clean end.
func abort(user net.Conn) {
	if stream, ok := user.(interface{ Reset(tunnel.Reason) error }); ok {
		_ = stream.Reset(tunnel.ReasonLost)
	}
	_ = user.Close()
}

package gateway

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/kubechat/kubechat/tunnel"
)

// A watch never ends by itself, so what it goes over can't be replaced without ending it. Ended cleanly, between two
// events, its client asks again from the last event it saw and misses none; cut off within one, some clients give up.

// watches are the answers to watches that go on, by what they go over.
type watches struct {
	mu sync.Mutex // guards on
	on map[tunnel.Session]map[*watchBody]bool
}

func (w *watches) add(b *watchBody) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.on == nil {
		w.on = map[tunnel.Session]map[*watchBody]bool{}
	}
	s := b.s.way.session
	if w.on[s] == nil {
		w.on[s] = map[*watchBody]bool{}
	}
	w.on[s][b] = true
}

func (w *watches) remove(b *watchBody) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := b.s.way.session
	if delete(w.on[s], b); len(w.on[s]) == 0 {
		delete(w.on, s)
	}
}

// over lists the watches that go over a session; nil is any.
func (w *watches) over(s tunnel.Session) (out []*watchBody) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for session, bodies := range w.on {
		for b := range bodies {
			if s == nil || s == session {
				out = append(out, b)
			}
		}
	}
	return out
}

// moveWatches ends the watches over a session that is about to end, of those clusters that can be reached in another way.
func (g *Gateway) moveWatches(s tunnel.Session) {
	for _, b := range g.watches.over(s) {
		if g.replaced(b.k, s) {
			b.end()
		}
	}
}

// EndWatches ends every watch between two events: this replica is about to stop, and its clients ask another one.
func (g *Gateway) EndWatches() {
	for _, b := range g.watches.over(nil) {
		b.end()
	}
}

// replaced reports whether a cluster has a way that is not about to end, besides the session.
func (g *Gateway) replaced(k key, besides tunnel.Session) bool {
	for _, w := range g.ways(k) {
		if w.session != besides && w.rank < rankLast {
			return true
		}
	}
	return false
}

// watchFrames says how events are told apart in an answer to a watch; nil if they can't be.
func watchFrames(req *http.Request, res *http.Response) *frames {
	if v := req.URL.Query().Get("watch"); v != "true" && v != "1" || res.StatusCode != http.StatusOK || res.Header.Get("Content-Encoding") != "" {
		return nil
	}
	switch kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) {
	case "application/json":
		return &frames{}
	case "application/vnd.kubernetes.protobuf":
		return &frames{lengths: true}
	}
	return nil
}

// frames follows the boundaries between events: each ends with a newline (JSON, which has none inside), or starts with
// its length in four bytes.
type frames struct {
	lengths bool
	open    bool // within an event
	head    []byte
	left    uint32
}

// boundary takes bytes of the answer and returns how many of them lie before the last boundary among them; 0 means that
// there was none, unless it was at one already.
func (f *frames) boundary(p []byte) (last int) {
	if !f.lengths {
		last = bytes.LastIndexByte(p, '\n') + 1
		if len(p) > 0 {
			f.open = last < len(p)
		}
		return last
	}
	for at := 0; at < len(p); {
		f.open = true
		if f.left == 0 {
			n := min(4-len(f.head), len(p)-at)
			f.head = append(f.head, p[at:at+n]...)
			at += n
			if len(f.head) < 4 {
				break
			}
			f.left, f.head = binary.BigEndian.Uint32(f.head), f.head[:0]
		} else {
			n := min(int(f.left), len(p)-at)
			f.left -= uint32(n)
			at += n
		}
		if f.left == 0 {
			f.open, last = false, at
		}
	}
	return last
}

// watchBody is the answer to a watch, which can be ended between two events.
type watchBody struct {
	io.ReadCloser
	g      *Gateway
	s      *stream
	k      key
	frames *frames

	mu     sync.Mutex // guards the rest
	ending bool
	open   bool // the client has been given a part of an event
	woken  bool // the read below was interrupted, or is about to be
}

func newWatchBody(g *Gateway, s *stream, k key, body io.ReadCloser, f *frames) *watchBody {
	b := &watchBody{ReadCloser: body, g: g, s: s, k: k, frames: f}
	g.watches.add(b)
	return b
}

// end brings a clean end about. Between two events the blocked read is interrupted; within one, the rest is awaited.
func (b *watchBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ending = true
	b.interruptLocked()
}

func (b *watchBody) interruptLocked() {
	if !b.open && !b.woken {
		b.woken = true
		_ = b.s.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// Read reads on, and gives io.EOF at the first boundary after end.
func (b *watchBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	last := b.frames.boundary(p[:n])
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = b.frames.open
	switch {
	case !b.ending:
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded) && b.woken: // it was woken between two events: there is a boundary to end at
		b.s.release(true)
		return last, io.EOF
	case err != nil:
		return n, err
	case !b.open:
		b.s.release(true)
		return n, io.EOF
	case b.woken: // an event had begun to arrive just then
		b.woken = false
		_ = b.s.conn.SetReadDeadline(time.Time{})
	}
	return n, nil
}

// Close forgets the watch.
func (b *watchBody) Close() error {
	b.g.watches.remove(b)
	return b.ReadCloser.Close()
}

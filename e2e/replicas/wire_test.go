package replicas

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// wire is a way to one address that can be cut, or go dead without a word.
type wire struct {
	addr, to string
	tasks    sync.WaitGroup

	mu    sync.Mutex    // guards the rest
	dead  chan struct{} // nil while bytes pass; closed when they do again
	isCut bool
	conns map[net.Conn]bool
}

// newWire leads to an address until the test ends.
func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: l.Addr().String(), to: to, conns: map[net.Conn]bool{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	w.tasks.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			w.tasks.Go(func() { w.pass(ctx, in) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		w.cut()
		w.tasks.Wait()
	})
	return w
}

// cut ends what there is, and lets nothing through.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
	for c := range w.conns {
		_ = c.(*net.TCPConn).SetLinger(0) // RST
		_ = c.Close()
	}
}

// hang keeps connections, and passes nothing on.
func (w *wire) hang() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = make(chan struct{})
}

// heal lets everything through again.
func (w *wire) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = false
	if w.dead != nil {
		close(w.dead)
		w.dead = nil
	}
}

// keep remembers a connection, unless the wire is cut.
func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isCut {
		w.conns[c] = true
	}
	return !w.isCut
}

func (w *wire) forget(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
	_ = c.Close()
}

func (w *wire) pass(ctx context.Context, in net.Conn) {
	defer w.forget(in)
	if !w.keep(in) {
		return
	}
	out, err := (&net.Dialer{}).DialContext(ctx, "tcp", w.to)
	if err != nil {
		return
	}
	defer w.forget(out)
	if !w.keep(out) {
		return
	}
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			_, _ = io.Copy(through{pair[0], w, ctx}, pair[1])
			_, _ = in.Close(), out.Close()
		})
	}
	both.Wait()
}

// through is what is written to over the wire.
type through struct {
	net.Conn
	w   *wire
	ctx context.Context
}

// Write waits while the wire is dead.
func (t through) Write(p []byte) (int, error) {
	t.w.mu.Lock()
	dead := t.w.dead
	t.w.mu.Unlock()
	if dead != nil {
		select {
		case <-dead:
		case <-t.ctx.Done():
			return 0, t.ctx.Err()
		}
	}
	return t.Conn.Write(p)
}

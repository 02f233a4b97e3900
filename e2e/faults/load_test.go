package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/rig"
)

// watcher follows the counter as client-go does: where one watch ends, the next begins at the last version seen. It
// stops at the first version that is missing or comes twice.
type watcher struct {
	client *rig.Client
	began  chan struct{} // closed with the first event

	mu      sync.Mutex // guards the rest
	version int
	ends    []end
	failed  error
}

// end is how and when one watch ended.
type end struct {
	at    time.Time
	clean bool
	err   error
}

// watch begins one; it goes on until stop.
func watch(t *testing.T, c *rig.Client, version int) (w *watcher, stop func()) {
	t.Helper()
	w = &watcher{client: c, version: version, began: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil && w.err() == nil {
			w.once(ctx)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return w, stop
}

func (w *watcher) once(ctx context.Context) {
	w.mu.Lock()
	from := w.version
	w.mu.Unlock()
	res, err := w.client.Stream(ctx, fmt.Sprintf("%s?watch=true&resourceVersion=%d", rig.Counter, from))
	if err != nil {
		wait(ctx, 50*time.Millisecond) // no way to the cluster just now, which other checks are about
		return
	}
	defer res.Body.Close()
	for next := rig.Events(res.Body); ; {
		e, err := next()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.note(end{at: time.Now(), clean: errors.Is(err, io.EOF), err: err})
			return
		}
		w.take(e)
	}
}

func (w *watcher) note(e end) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends = append(w.ends, e)
}

func (w *watcher) take(e rig.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch got := e.Version(); {
	case got != w.version+1 && w.failed == nil:
		w.failed = fmt.Errorf("version %d came after %d (%s %s)", got, w.version, e.Type, e.Object.Message)
	default:
		w.version = got
	}
	select {
	case <-w.began:
	default:
		close(w.began)
	}
}

func (w *watcher) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// seen is the last version.
func (w *watcher) seen() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.version
}

// over lists how its watches ended.
func (w *watcher) over() []end {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]end(nil), w.ends...)
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// reply is a request's end, and when it came.
type reply struct {
	rig.Answer
	err error
	at  time.Time
}

// ask sends a request, and gives its end on a channel of one.
func ask(t *testing.T, c *rig.Client, method, path string) <-chan reply {
	t.Helper()
	end := make(chan reply, 1)
	go func() {
		a, err := c.Do(t.Context(), method, path)
		end <- reply{a, err, time.Now()}
	}()
	return end
}

// list begins a bulk list and reads a little of it; the rest is read when told to.
func list(t *testing.T, c *rig.Client) (res *http.Response, rest func() (int, error)) {
	t.Helper()
	res, err := c.Stream(t.Context(), rig.Pods)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	n, err := io.ReadFull(res.Body, make([]byte, 100_000))
	if err != nil {
		t.Fatal(err)
	}
	return res, func() (int, error) {
		more, err := io.Copy(io.Discard, res.Body)
		return n + int(more), err
	}
}

// shell opens an exec and says something in it.
func shell(t *testing.T, c *rig.Client) *rig.Shell {
	t.Helper()
	s, err := c.Exec(t.Context(), rig.Pods+"/cart/exec")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Say("hello"); err != nil {
		t.Fatal(err)
	}
	return s
}

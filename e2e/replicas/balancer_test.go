package replicas

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// balancer is a plain TCP balancer: it takes turns among the backends that say they are ready, and knows nothing of what
// goes through it. A backend that can't be dialled is passed over, as any balancer does.
type balancer struct {
	addr   string
	sticky bool // it does not take turns
	turn   atomic.Int64
	mu     sync.Mutex // guards ready
	ready  map[string]bool
	order  []string
}

// balance starts one in front of backends; probes are their readiness pages.
func balance(t *testing.T, backends, probes []string, sticky bool) *balancer {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{addr: l.Addr().String(), sticky: sticky, ready: map[string]bool{}, order: backends}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var tasks sync.WaitGroup
	for i, backend := range backends {
		tasks.Go(func() { b.probe(ctx, backend, probes[i]) })
	}
	tasks.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() { b.pass(ctx, in) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		tasks.Wait()
	})
	return b
}

func (b *balancer) probe(ctx context.Context, backend, probe string) {
	client := &http.Client{Timeout: time.Second}
	for {
		is := false
		if res, err := client.Get(probe); err == nil {
			_ = res.Body.Close()
			is = res.StatusCode == http.StatusOK
		}
		b.mu.Lock()
		b.ready[backend] = is
		b.mu.Unlock()
		if !pause(ctx, 100*time.Millisecond) {
			return
		}
	}
}

// pass carries one connection.
func (b *balancer) pass(ctx context.Context, in net.Conn) {
	defer in.Close()
	out := b.dial()
	if out == nil {
		return
	}
	defer out.Close()
	stop := context.AfterFunc(ctx, func() { _, _ = in.Close(), out.Close() })
	defer stop()
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			if _, err := io.Copy(pair[0], pair[1]); err != nil {
				_ = pair[0].Close()
				return
			}
			_ = pair[0].(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
}

func (b *balancer) dial() net.Conn {
	first := 0
	if !b.sticky {
		first = int(b.turn.Add(1))
	}
	for i := range b.order {
		backend := b.order[(first+i)%len(b.order)]
		b.mu.Lock()
		ready := b.ready[backend]
		b.mu.Unlock()
		if !ready {
			continue
		}
		if out, err := net.DialTimeout("tcp", backend, time.Second); err == nil {
			return out
		}
	}
	return nil // as Kubernetes does: nobody is ready, nobody answers
}

// pause waits, and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

package gateway

import (
	"context"
	"errors"
	"sync"

	"github.com/kubechat/kubechat/agent/kubereq"
)

// ErrStopping is the cause with which a server ends the contexts of its requests when it stops. Shells, port-forwards and
// followed logs go on beyond it, until WaitStreams ends them.
var ErrStopping = errors.New("this replica of KubeChat is stopping")

// long are the requests that may take hours and can't be asked again.
type long struct {
	mu    sync.Mutex // guards the rest
	ends  map[int]context.CancelCauseFunc
	next  int
	empty chan struct{} // closed when the last one ends; nil if nobody waits
}

func isLong(i kubereq.Info, query func(string) string) bool {
	return i.Upgrade || i.Subresource == "log" && (query("follow") == "true" || query("follow") == "1")
}

// begin gives a long request a context that ends with its client, but not with ErrStopping.
func (l *long) begin(ctx context.Context) (own context.Context, done func()) {
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); !errors.Is(cause, ErrStopping) {
			cancel(cause)
		}
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ends == nil {
		l.ends = map[int]context.CancelCauseFunc{}
	}
	id := l.next
	l.next++
	l.ends[id] = cancel
	return own, func() {
		stop()
		cancel(nil)
		l.mu.Lock()
		defer l.mu.Unlock()
		if delete(l.ends, id); len(l.ends) == 0 && l.empty != nil {
			close(l.empty)
			l.empty = nil
		}
	}
}

// wait returns a channel that is closed when there are none.
func (l *long) wait() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.empty == nil {
		l.empty = make(chan struct{})
	}
	empty := l.empty
	if len(l.ends) == 0 {
		close(l.empty)
		l.empty = nil
	}
	return empty
}

func (l *long) cut(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cancel := range l.ends {
		cancel(cause)
	}
}

// Streams returns a channel that is closed when no shell, port-forward or followed log is left that came to this replica.
func (g *Gateway) Streams() <-chan struct{} { return g.long.wait() }

// WaitStreams waits for the shells, port-forwards and followed logs that came to this replica, until ctx ends; what is
// left then is cut off.
func (g *Gateway) WaitStreams(ctx context.Context) {
	select {
	case <-g.long.wait():
	case <-ctx.Done():
		g.long.cut(ErrStopping)
		<-g.long.wait()
	}
}

package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/tunnel"
)

// serve answers the requests of one session until it ends. When ctx ends it lets those in flight finish first.
func (a *agent) serve(ctx context.Context, session tunnel.Session) error {
	a.status.serving(1)
	defer a.status.serving(-1)
	var inFlight flights
	server := &http.Server{
		Handler:           inFlight.count(a.handler),
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    128 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		ConnContext:       streamContext,
	}
	server.SetKeepAlivesEnabled(false) // one stream, one request: its identity is the stream's
	served := make(chan error, 1)      // of one result, so that its sender never waits
	go func() {
		served <- server.Serve(others{session, func(s *tunnel.Conn) {
			inFlight.add(1)
			defer inFlight.add(-1)
			a.answer(s, a.handler)
		}, make(chan *tunnel.Conn)})
	}()
	defer session.Close()
	select {
	case err := <-served:
		inFlight.wait()
		if cause := session.Cause(); cause != nil {
			return cause
		}
		return err
	case <-ctx.Done():
	}
	a.drain(ctx, session)
	_ = session.CloseWith(tunnel.ReasonShutdown, "the agent stops")
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		a.log.DebugContext(ctx, "session served to its end", "error", err)
	}
	inFlight.wait()
	return context.Cause(ctx)
}

// drain asks the control plane to send nothing more here, and waits for what it has sent: until the streams are over,
// since an answer's end is still on its way when its handler has returned.
func (a *agent) drain(ctx context.Context, session tunnel.Session) {
	a.status.drain()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Drain)
	defer cancel()
	if err := session.Drain(ctx, tunnel.Drain{Deadline: a.cfg.Drain}); err != nil {
		a.log.DebugContext(ctx, "session can't be drained", "error", err)
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for session.Streams() > 0 {
		select {
		case <-ctx.Done():
			a.log.WarnContext(ctx, "requests in flight are cut off", "after", a.cfg.Drain)
			return
		case <-session.Done():
			return
		case <-tick.C:
		}
	}
}

// streamContext hands a stream's header and end to the handler.
func streamContext(ctx context.Context, conn net.Conn) context.Context {
	stream, ok := conn.(*tunnel.Conn)
	if !ok {
		return ctx
	}
	ctx, cancel := context.WithCancelCause(kubeproxy.WithHeader(ctx, stream.Header()))
	context.AfterFunc(stream.Context(), func() { cancel(context.Cause(stream.Context())) })
	return ctx
}

// flights counts the requests being served, upgraded ones too, which http.Server forgets.
type flights struct {
	mu    sync.Mutex // guards the rest
	n     int
	empty chan struct{} // closed when n falls to 0; nil if nobody waits
}

func (f *flights) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.add(1)
		defer f.add(-1)
		next.ServeHTTP(w, r)
	})
}

func (f *flights) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n += n
	if f.n == 0 && f.empty != nil {
		close(f.empty)
		f.empty = nil
	}
}

// wait returns when nothing is in flight.
func (f *flights) wait() {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return
	}
	if f.empty == nil {
		f.empty = make(chan struct{})
	}
	empty := f.empty
	f.mu.Unlock()
	<-empty
}

package controlplane

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/internal/forward"
)

// serveWeb serves customers until ctx ends. Then watches are ended between two events, what is short gets StopGrace, and
// shells, port-forwards and followed logs get StreamGrace.
func (s *service) serveWeb(l net.Listener) func(context.Context) error {
	return func(ctx context.Context) error {
		requests, cut := context.WithCancelCause(context.WithoutCancel(ctx))
		defer cut(nil)
		srv := newServer(s.lastAnswers(s.edge()), requests)
		served := make(chan error, 1) // Serve's one result
		go func() { served <- srv.Serve(l) }()
		select {
		case err := <-served:
			return err
		case <-ctx.Done():
		}
		all, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(s.cfg.StreamGrace, s.cfg.StopGrace))
		defer cancel()
		err := s.endRequests(all, srv, func() { cut(gateway.ErrStopping) })
		s.gateway.WaitStreams(all) // those that have taken their connection over, which the server knows nothing of
		<-served
		return err
	}
}

// lastAnswers ends each connection with its next answer once this replica is about to stop: one that the server closed in
// silence may have another request on its way, which its client then can't tell from one that was served.
func (s *service) lastAnswers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leaving.Load() && r.ProtoMajor == 1 && r.Header.Get("Upgrade") == "" {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// closeAfter is how long a request that was told to end may take to do so.
const closeAfter = 2 * time.Second

// endRequests returns when no request is left on a connection that is the server's.
func (s *service) endRequests(all context.Context, srv *http.Server, cutShort func()) error {
	closed := make(chan error, 1)                                      // Shutdown's one result
	go func() { closed <- srv.Shutdown(context.WithoutCancel(all)) }() // no connection is asked for another request from here on
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	short := time.NewTimer(s.cfg.StopGrace)
	defer short.Stop()
	over := all.Done()
	var streams <-chan struct{}
	var overdue <-chan time.Time
	for {
		select {
		case err := <-closed:
			return err
		case <-tick.C:
			s.gateway.EndWatches()
		case <-short.C:
			cutShort()
			streams = s.gateway.Streams()
		case <-streams:
			streams, overdue = nil, time.After(closeAfter)
		case <-overdue:
			_ = srv.Close() // Shutdown returns then
		case <-over:
			over = nil
			_ = srv.Close()
		}
	}
}

func newServer(h http.Handler, requests context.Context) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return requests }, ConnContext: forward.ConnContext,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), // strangers' handshakes are no news
	}
}

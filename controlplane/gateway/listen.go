package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
	"github.com/kubechat/kubechat/tunnel/wsmux"
)

// A connection that waits longer than this for its handshake to begin, or to end, is closed: its agent has given up on
// it, and would only cost a handshake more.
const handshakeTimeout = 10 * time.Second

// protoHTTP is the ALPN of the two calls, beside tlsmux.ALPN for tunnels.
const protoHTTP = "http/1.1"

// ServeTunnels serves agents on l until ctx ends: tunnels, enrolment, renewal. Then it asks the agents to go elsewhere,
// gives streams DrainTime to end, and returns when nothing of it is left. It closes l.
func (g *Gateway) ServeTunnels(ctx context.Context, l net.Listener) error {
	if err := g.warmUp(); err != nil {
		return err
	}
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx)) // revocations count while draining, too
	calls, upgraded := newHandoff(l.Addr()), newHandoff(l.Addr())
	g.upgraded.Store(upgraded)
	api := g.agentAPI()
	var wg sync.WaitGroup
	wg.Go(func() { g.watch(watching) })
	wg.Go(func() { _ = api.Serve(calls) })
	stopAccept := context.AfterFunc(ctx, func() { _ = l.Close(); _ = upgraded.Close() })
	defer stopAccept()

	var conns sync.WaitGroup
	turns := newTurns()
	serve := func(c net.Conn) { conns.Go(func() { g.serveConn(ctx, c, turns, calls) }) }
	var sockets sync.WaitGroup
	sockets.Go(func() { _ = g.accept(ctx, upgraded, serve) })
	err := g.accept(ctx, l, serve)
	_ = l.Close()
	_ = upgraded.Close()
	sockets.Wait()
	conns.Wait() // each session drains by itself when ctx has ended
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.DrainTime)
	defer cancel()
	if e := api.Shutdown(stop); e != nil {
		_ = api.Close()
	}
	_ = calls.Close()
	stopWatching()
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("tunnel listener: %w", err)
}

// warmUp finds a gateway without a certificate out before the first agent does.
func (g *Gateway) warmUp() error {
	if _, err := g.cfg.Certificate(nil); err != nil {
		return fmt.Errorf("gateway certificate: %w", err)
	}
	return nil
}

func (g *Gateway) accept(ctx context.Context, l net.Listener, serve func(net.Conn)) error {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			serve(c)
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return err
		default: // out of file descriptors, most likely: those who are in stay in
			g.cfg.Log.WarnContext(ctx, "accept failed", "error", err)
			if sleep(ctx, 100*time.Millisecond) != nil {
				return err
			}
		}
	}
}

// serveConn makes the handshake and hands the connection to what it was made for.
func (g *Gateway) serveConn(ctx context.Context, raw net.Conn, turns *turns, calls *handoff) {
	conn, err := g.handshake(ctx, raw, turns)
	if err != nil {
		_ = raw.Close()
		g.meter.connections.WithLabelValues("refused").Inc()
		g.cfg.Log.InfoContext(ctx, "connection refused", "remote", raw.RemoteAddr().String(), "error", err)
		return
	}
	if conn.ConnectionState().NegotiatedProtocol == tlsmux.ALPN {
		g.meter.connections.WithLabelValues("tunnel").Inc()
		g.serveTunnel(ctx, overTCP(conn))
		return
	}
	g.meter.connections.WithLabelValues("call").Inc()
	calls.give(conn)
}

func (g *Gateway) handshake(ctx context.Context, raw net.Conn, turns *turns) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	in := &turned{Conn: raw, ctx: ctx, turns: turns}
	defer in.end()
	cfg := g.tlsConfig(ctx)
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		in.pause() // it may have to ask the database
		err := g.verify(ctx, cs)
		if err == nil {
			err = in.resume()
		}
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errTurn) {
			_ = raw.Close() // it is not refused, and must not read so in an alert
		}
		return err
	}
	conn := tls.Server(in, cfg)
	return conn, conn.HandshakeContext(ctx)
}

// tlsConfig is made for each connection, so that a new root is believed at once. There are no session tickets: on
// resumption a chain is not checked again.
func (g *Gateway) tlsConfig(ctx context.Context) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
		NextProtos: []string{tlsmux.ALPN, protoHTTP}, GetCertificate: g.cfg.Certificate,
		ClientAuth: tls.VerifyClientCertIfGiven, // enrolment has none yet
		ClientCAs:  pki.Pool(g.cfg.Authority.Roots()),
		VerifyConnection: func(cs tls.ConnectionState) error {
			return g.verify(ctx, cs)
		},
	}
}

// verify decides who may connect, before the handshake ends. A proxy that opens TLS often knows no ALPN: it gets HTTP,
// and what it passes on proves itself inside.
func (g *Gateway) verify(ctx context.Context, cs tls.ConnectionState) error {
	http := cs.NegotiatedProtocol == protoHTTP || cs.NegotiatedProtocol == ""
	if http && len(cs.PeerCertificates) == 0 {
		return nil
	}
	if !http && cs.NegotiatedProtocol != tlsmux.ALPN {
		return errors.New("no protocol of ours")
	}
	k, err := g.peer(cs)
	if err != nil || http { // whether it may renew is the authority's answer, in words
		return err
	}
	return g.admitted.check(ctx, k)
}

// peer is the cluster at the other end of a verified connection; this is where every tenant of a session comes from.
func (g *Gateway) peer(cs tls.ConnectionState) (key, error) {
	id, err := pki.PeerID(cs)
	switch {
	case err != nil:
		return key{}, err
	case !id.IsCluster():
		return key{}, errors.New("peer identity: not a cluster")
	case id.TrustDomain != g.cfg.Authority.TrustDomain():
		return key{}, errors.New("peer identity: another region's")
	}
	return key{tenant.ID(id.Tenant), cluster.ID(id.Cluster)}, nil
}

// handoff is a listener of connections that were accepted, and made their handshake, elsewhere.
type handoff struct {
	addr  net.Addr
	conns chan net.Conn // unbuffered: who gives, waits until it is taken
	done  chan struct{} // closed by Close
	once  sync.Once
}

func newHandoff(addr net.Addr) *handoff {
	return &handoff{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (h *handoff) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.done:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *handoff) Addr() net.Addr { return h.addr }

// agentAPI serves the two calls; every wait in it is bounded.
func (g *Gateway) agentAPI() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET "+wsmux.Path, g.TunnelHandler())
	mux.HandleFunc("POST "+pki.EnrolPath, g.serveEnrol)
	mux.HandleFunc("POST "+pki.RenewPath, g.serveRenew)
	mux.HandleFunc("POST "+pki.TrustPath, g.serveTrust)
	mux.HandleFunc("POST "+pki.TokenPath, g.serveToken)
	mux.HandleFunc("POST "+pki.ReportPath, g.serveReport)
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 5 * time.Second, MaxHeaderBytes: 8 << 10, ConnContext: noteSocket,
		ErrorLog: slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelDebug),
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

package gateway

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/tunnel"
)

// reasonReplica is in a hop's CANCEL when the replica with the tunnel stops: "shutdown" there means that the agent does.
const reasonReplica = tunnel.Reason("replica-stopped")

// route is a cluster in a hop's header.
func (k key) route() string { return string(k.tenant) + "/" + string(k.cluster) }

func parseRoute(s string) (key, bool) {
	t, c, ok := strings.Cut(s, "/")
	return key{tenant.ID(t), cluster.ID(c)}, ok && t != "" && c != ""
}

// relay takes a stream of another replica. Its caller has decided who may do what, and has recorded it; here it only
// gets to one of the cluster's own sessions, never to a third replica. It is accepted when an agent has accepted it.
func (g *Gateway) relay(conn *tunnel.Conn) (func(), *tunnel.RefusedError) {
	h := conn.Header()
	if h.Kind == kindFeed {
		return func() {
			_ = g.sendFeed(conn, conn.Context().Done())
			_ = conn.Reset(tunnel.ReasonNormal)
		}, nil
	}
	k, ok := parseRoute(h.Route)
	if !ok || h.Kind != tunnel.KindHTTP {
		return nil, &tunnel.RefusedError{Code: tunnel.RefuseInvalid, Detail: "a hop needs a cluster"}
	}
	h.Route, h.Early = "", false // what came early waits here, for the agent to accept
	s, err := g.openHere(conn.Context(), k, h)
	if err != nil {
		g.meter.hops.WithLabelValues("refused").Inc()
		var refused *tunnel.RefusedError
		if !errors.As(err, &refused) {
			refused = &tunnel.RefusedError{Code: tunnel.RefuseAbsent, Detail: err.Error()}
		}
		return nil, refused
	}
	g.meter.hops.WithLabelValues("served").Inc()
	s.stop() // from here on the two streams end each other
	return func() {
		splicePeer(conn, s.conn)
		s.release(true) // both ends are done with it, or one has failed; nothing of it is wanted any more
	}, nil
}

var errNotHere = errors.New("no session of the cluster is here")

// openHere tries this replica's own sessions, and nothing else.
func (g *Gateway) openHere(ctx context.Context, k key, h tunnel.Header) (*stream, error) {
	err := errNotHere
	for _, w := range g.waysHere(k) {
		var s *stream
		if s, err = g.openOn(ctx, w, h, nil); err == nil {
			return s, nil
		}
		if ctx.Err() != nil || fatalRefusal(err) {
			break
		}
	}
	return nil, err
}

// splicePeer joins two streams, both ways, until both directions have ended: an END is passed on as an END, anything else
// as what it was.
func splicePeer(a, b *tunnel.Conn) {
	var wg sync.WaitGroup
	fromA, fromB := make(chan struct{}), make(chan struct{}) // closed when nothing more is read there
	one := func(dst, src *tunnel.Conn, read chan struct{}) {
		wg.Go(func() {
			defer close(read)
			from := &watched{Reader: src}
			space := copySpace.Get().(*[32 << 10]byte)
			defer copySpace.Put(space)
			_, err := io.CopyBuffer(onlyWriter{dst}, from, space[:])
			switch {
			case from.failed:
				_ = dst.Reset(passedOn(src))
			case err == nil:
				_ = dst.CloseWrite()
			}
		})
	}
	one(b, a, fromA)
	one(a, b, fromB)
	// Who closes its end reads no more, but what it wrote still counts: the other end hears of it once that is delivered.
	closed := func(src, dst *tunnel.Conn, read chan struct{}) (stop func() bool) {
		return context.AfterFunc(src.Context(), func() {
			<-read
			_ = dst.Close()
		})
	}
	stopA, stopB := closed(a, b, fromA), closed(b, a, fromB)
	wg.Wait()
	stopA()
	stopB()
	_ = a.Close()
	_ = b.Close()
}

// passedOn is the reason for which one half of a hop ends because the other did.
func passedOn(src *tunnel.Conn) tunnel.Reason {
	var c *tunnel.CloseError
	if !errors.As(context.Cause(src.Context()), &c) {
		return tunnel.ReasonLost
	}
	if c.Reason == tunnel.ReasonShutdown && !c.Remote {
		return reasonReplica
	}
	return c.Reason
}

// onlyWriter hides every other method, so that io.CopyBuffer uses our buffer.
type onlyWriter struct{ io.Writer }

// copySpace is what bytes are copied with, here and by the kubectl path.
var copySpace = sync.Pool{New: func() any { return new([32 << 10]byte) }}

package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tlsmux"
)

// Replicas is the database's list of the replicas there are. An error judges nobody: what was known before holds.
type Replicas interface {
	Others(ctx context.Context) ([]cluster.Replica, error)
	HeldBy(ctx context.Context, replica string) ([]cluster.SessionKey, error)
}

// PeerConfig is how replicas reach each other. Its zero value is a replica that is alone.
type PeerConfig struct {
	Replicas Replicas
	// Certificate is this replica's own, …/svc/kubechatd/<replica id>, its chain with the issuing certificate.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Address is where the others reach this replica; they are told at once, before they have read it in the database.
	Address string
	// Agents, optional, is host:port where agents reach this replica and no other; the others tell theirs.
	Agents string
	// Every is how often the list is read; 0 is 3 s.
	Every time.Duration
}

// Between replicas a session is made like an agent's: who is dialled serves, who dials opens streams. A stream without a
// route is the feed of what the serving replica holds; one with a route goes on to an agent's session there.
const (
	kindFeed    = tunnel.Kind("sessions")
	attrAddress = "address" // of the dialling replica, in its HELLO_ACK
	attrAgents  = "agents"  // where agents reach the dialled replica, in its HELLO

	peerStreams   = 16_384
	peerOpen      = 6 * time.Second // a stream to an agent may take 5 s to be accepted; the hop must not give up first
	peerRedialMax = 5 * time.Second
)

func (g *Gateway) peerTLS() pki.ServiceTLS {
	return pki.ServiceTLS{Certificate: g.cfg.Peers.Certificate, Roots: g.cfg.Authority.Roots, Bundle: g.cfg.Authority.Bundle}
}

// ServePeers serves the other replicas on l, and keeps a link to each of them, until ctx ends. Then requests of theirs
// that are under way get the rest of DrainTime. It closes l.
func (g *Gateway) ServePeers(ctx context.Context, l net.Listener) error {
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	k := &keeper{g: g, ctx: keeping}
	accepting, closed := context.WithCancel(ctx)
	stop := context.AfterFunc(accepting, func() { _ = l.Close() })
	defer stop()
	defer closed()
	k.tasks.Go(func() { k.discover(accepting) })
	k.tasks.Go(func() { g.balance(accepting) })
	err := g.acceptPeers(accepting, l, k)
	if ctx.Err() != nil {
		err = nil
	}
	closed()
	k.served.Wait() // each link that others hold to us drains by itself
	stopKeeping()
	k.tasks.Wait()
	return err
}

// keeper keeps the links.
type keeper struct {
	g      *Gateway
	ctx    context.Context // of the links; it outlives the acceptance of new ones
	served sync.WaitGroup  // links that others made
	tasks  sync.WaitGroup  // links to others, and the look-out for them
}

func (g *Gateway) acceptPeers(ctx context.Context, l net.Listener, k *keeper) error {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			k.served.Go(func() { g.servePeer(ctx, c, k) })
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return fmt.Errorf("peer listener: %w", err)
		default:
			g.cfg.Log.WarnContext(ctx, "accept of a replica failed", "error", err)
			_ = sleep(ctx, 100*time.Millisecond)
		}
	}
}

// servePeer serves one other replica: the feed, and hops.
func (g *Gateway) servePeer(ctx context.Context, raw net.Conn, k *keeper) {
	tlsConfig := g.peerTLS().Server(g.cfg.Authority.TrustDomain(), tlsmux.ALPN, pki.ReplicaService)
	conn := tls.Server(raw, tlsConfig)
	shaking, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	id := pki.ID{}
	err := conn.HandshakeContext(shaking)
	if err == nil {
		id, err = g.peerTLS().PeerService(conn.ConnectionState())
	}
	if err != nil {
		_ = raw.Close()
		g.cfg.Log.WarnContext(ctx, "replica refused", "remote", raw.RemoteAddr().String(), "error", err)
		return
	}
	log := g.cfg.Log.With("peer", id.Instance)
	session, err := tlsmux.Agent(shaking, conn, tunnel.Config{
		Hello: tunnel.Hello{Name: g.cfg.ReplicaID, Version: g.cfg.Version, Attrs: map[string]string{attrAgents: g.cfg.Peers.Agents}}, Relay: g.relay, MaxStreams: peerStreams, Budget: g.cfg.Budget, OpenTimeout: peerOpen, Log: log,
	})
	if err != nil {
		log.InfoContext(ctx, "no link from the replica", "error", err)
		return
	}
	if address := session.Peer().Attrs[attrAddress]; address != "" {
		k.meet(cluster.Replica{ID: id.Instance, Address: address})
	}
	g.holdPeer(ctx, session)
}

// holdPeer waits for the end of a link, or brings it about when this replica leaves: once no hop of the other's is left.
func (g *Gateway) holdPeer(ctx context.Context, session tunnel.Session) {
	end := time.NewTimer(pki.SessionLimit - time.Duration(rand.Int64N(int64(pki.SessionLimit/4)))) // certificates are checked again
	defer end.Stop()
	select {
	case <-session.Done():
		return
	case <-end.C:
		_ = session.CloseWith(tunnel.ReasonExpired, "")
		return
	case <-g.leaving:
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), g.cfg.DrainTime)
	defer cancel()
	// The feed has told the other side to move what can be moved. It may still open streams (so this is no DRAIN, after
	// which we would refuse them): a cluster without another session is served here to the end.
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-session.Done():
			return
		case <-grace.Done():
		case <-tick.C:
			if ctx.Err() == nil || session.Streams() > 1 || g.sessions.any() { // one stream is the feed
				continue
			}
		}
		_ = session.CloseWith(tunnel.ReasonShutdown, "")
		return
	}
}

// discover reads the list of replicas, and forgets those that have lapsed.
func (k *keeper) discover(ctx context.Context) {
	every := k.g.cfg.Peers.Every
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		k.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (k *keeper) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, k.g.cfg.Peers.Every)
	defer cancel()
	live, err := k.g.cfg.Peers.Replicas.Others(ctx)
	if err != nil {
		return // nobody is judged by who can't read the list
	}
	ids := map[string]bool{}
	for _, r := range live {
		ids[r.ID] = true
		if r.Address == "" {
			continue
		}
		if p := k.meet(r); !k.g.peers.heard(p) {
			if held, err := k.g.cfg.Peers.Replicas.HeldBy(ctx, r.ID); err == nil {
				k.g.peers.believe(p, held)
			}
		}
	}
	for _, stop := range k.g.peers.judge(ids) {
		stop()
	}
}

// meet makes sure that a link to the replica is kept.
func (k *keeper) meet(r cluster.Replica) *peer {
	p, fresh := k.g.peers.meet(r.ID, r.Address)
	if fresh {
		ctx, stop := context.WithCancel(k.ctx)
		k.g.peers.stopWith(p, stop)
		k.tasks.Go(func() {
			defer stop()
			k.keep(ctx, p)
		})
	}
	return p
}

// keep redials until the peer is forgotten.
func (k *keeper) keep(ctx context.Context, p *peer) {
	for failed := 0; ctx.Err() == nil; {
		began := time.Now()
		err := k.g.follow(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if failed++; time.Since(began) > time.Minute {
			failed = 0
		}
		k.g.cfg.Log.InfoContext(ctx, "link to a replica is down", "peer", p.id, "error", err)
		bound := min(peerRedialMax, 100*time.Millisecond<<min(failed, 10))
		_ = sleep(ctx, time.Duration(rand.Int64N(int64(bound))))
	}
}

// follow makes a link to a peer and reads its feed until that ends.
func (g *Gateway) follow(ctx context.Context, p *peer) error {
	session, err := g.dialPeer(ctx, p)
	if err != nil {
		return err
	}
	defer session.Close()
	stop := context.AfterFunc(ctx, func() { _ = session.CloseWith(tunnel.ReasonShutdown, "") })
	defer stop()
	stream, err := session.Open(ctx, tunnel.Header{Kind: kindFeed})
	if err != nil {
		return err
	}
	defer stream.Reset(tunnel.ReasonNormal)
	drains := g.peers.linked(p, session)
	defer g.peers.linked(p, nil)
	g.cfg.Log.InfoContext(ctx, "link to a replica is up", "peer", p.id)
	var moving sync.WaitGroup
	defer moving.Wait()
	defer session.Close()
	moving.Go(func() { g.moveWhileDraining(session, drains) })
	return g.peers.readFeed(p, stream)
}

// moveWhileDraining ends the watches over a link whose other side stops, each when its cluster has another way.
func (g *Gateway) moveWhileDraining(session tunnel.Session, drains <-chan struct{}) {
	select {
	case <-session.Done():
		return
	case <-drains:
	}
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for {
		select {
		case <-session.Done():
			return
		case <-tick.C:
			g.moveWatches(session)
		}
	}
}

func (g *Gateway) dialPeer(ctx context.Context, p *peer) (tunnel.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	want := pki.ServiceID(g.cfg.Authority.TrustDomain(), pki.ReplicaService, p.id)
	dialer := &tls.Dialer{Config: g.peerTLS().Client(want, tlsmux.ALPN)}
	conn, err := dialer.DialContext(ctx, "tcp", g.peers.addressOf(p))
	if err != nil {
		return nil, err
	}
	return tlsmux.Plane(ctx, conn, tunnel.Config{
		Hello:  tunnel.Hello{Name: g.cfg.ReplicaID, Version: g.cfg.Version, Attrs: map[string]string{attrAddress: g.cfg.Peers.Address}},
		Budget: g.cfg.Budget, OpenTimeout: peerOpen, Log: g.cfg.Log.With("peer", p.id),
	})
}

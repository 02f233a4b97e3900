package rig

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/pki/pkitest"
)

// Replica is one real gateway, with the kubectl path behind a web server.
type Replica struct {
	*gateway.Gateway
	Clusters *cluster.Service
	Issuer   *authority.Authority
	ID       string
	Tunnels  string // host:port where agents connect, over TCP and UDP
	Web      string // http://host:port
	Peers    string // host:port where other replicas connect
	Stop     func() // ends it as SIGTERM does, and waits

	metrics *prometheus.Registry
}

// ReplicaOptions change a Replica; the zero value works.
type ReplicaOptions struct {
	// PeersSeen is where the other replicas are told that they reach this one; "" is the truth.
	PeersSeen string
	// DrainTime is how long streams may go on when it stops; 0 is 1 s.
	DrainTime time.Duration
	Log       *slog.Logger // nil discards
}

// Replica starts one more replica over the service's database, with its keys.
func (s *Service) Replica(t testing.TB, options ReplicaOptions) *Replica {
	t.Helper()
	defer turn()()
	p := &parts{
		db: s.db.DB, keys: s.keys, options: options, auth: s.auth, listen: func(string) string { return "127.0.0.1:0" },
		leadsTo: func(own string) string {
			if s.leadsTo != "" { // s.mu is held by who wants the token
				return s.leadsTo
			}
			return own
		},
	}
	r, run, err := p.make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Stop = background(t, run)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replicas = append(s.replicas, r)
	return r
}

// parts are what a replica is made of, in this process or in one of its own.
type parts struct {
	db      *store.DB
	keys    string
	options ReplicaOptions
	auth    func(*http.Request, string) (tenant.Scope, error)
	listen  func(what string) string    // the address to listen on
	leadsTo func(tunnels string) string // where join tokens lead
}

// make puts a replica together; run serves until its ctx ends.
func (p *parts) make(ctx context.Context) (r *Replica, run func(context.Context) error, err error) {
	if p.options.Log == nil {
		p.options.Log = slog.New(slog.DiscardHandler)
	}
	if p.options.DrainTime == 0 {
		p.options.DrainTime = time.Second
	}
	var config net.ListenConfig
	var l [3]net.Listener
	for i, what := range []string{"tunnels", "web", "peers"} {
		if l[i], err = config.Listen(ctx, "tcp", p.listen(what)); err != nil {
			return nil, nil, err
		}
	}
	udp, err := config.ListenPacket(ctx, "udp", l[0].Addr().String())
	if err != nil {
		return nil, nil, err
	}
	r = &Replica{
		Tunnels: l[0].Addr().String(), Web: "http://" + l[1].Addr().String(), Peers: l[2].Addr().String(), metrics: prometheus.NewRegistry(),
	}
	here := []net.IP{net.IPv4(127, 0, 0, 1)}
	r.Issuer, err = authority.New(ctx, authority.Config{
		TrustDomain: pkitest.TrustDomain, Region: pkitest.Region, Keys: pki.Dir(p.keys), Store: p.db.PKI(), IPs: here, Log: p.options.Log,
		OnLock: func(_ context.Context, t, c, _ string) { r.Lock(tenant.ID(t), cluster.ID(c)) },
	})
	if err != nil {
		return nil, nil, err
	}
	seen := r.Peers
	if p.options.PeersSeen != "" {
		seen = p.options.PeersSeen
	}
	replicas := cluster.NewReplicas(cluster.ReplicasConfig{Store: p.db.Replicas(), Address: seen})
	r.ID = replicas.ID()
	if err := replicas.Register(ctx); err != nil {
		return nil, nil, err
	}
	r.Clusters = cluster.New(cluster.Config{
		Store: p.db.Clusters(), Signals: p.db.ClusterSignals(), Replicas: replicas, Region: pkitest.Region,
		Mint: func() (string, []byte, error) {
			made, err := r.Issuer.NewJoinToken(p.leadsTo(r.Tunnels))
			hash := made.SecretHash()
			return made.String(), hash[:], err
		},
	})
	ledger := audit.New(audit.Config{Store: p.db.Audit(), Replica: r.ID})
	r.Gateway, err = gateway.New(gateway.Config{
		Authority:   r.Issuer,
		Certificate: r.Issuer.ServiceCertificate(pki.GatewayService, r.ID, nil, here),
		Clusters:    r.Clusters, Ledger: ledger, ReplicaID: r.ID, Auth: p.auth,
		DrainTime: p.options.DrainTime, Metrics: r.metrics, Log: p.options.Log, Version: "1.2.3",
		Peers: gateway.PeerConfig{
			Replicas: replicas, Address: seen, Every: 500 * time.Millisecond,
			Certificate: r.Issuer.ServiceCertificate(pki.ReplicaService, r.ID, nil, nil),
		},
	})
	if err != nil {
		return nil, nil, err
	}
	web := &http.Server{Handler: r.KubectlHandler(), ReadHeaderTimeout: patience, ErrorLog: slog.NewLogLogger(p.options.Log.Handler(), slog.LevelDebug)}
	return r, func(ctx context.Context) error {
		below, stopBelow := context.WithCancel(context.WithoutCancel(ctx)) // outlives what records in it
		defer stopBelow()
		var base, all errgroup.Group
		base.Go(func() error { return replicas.Run(below) })
		base.Go(func() error { return ledger.Run(below) })
		all.Go(func() error { return r.ServeTunnels(ctx, l[0]) })
		all.Go(func() error { return r.ServePeers(ctx, l[2]) })
		all.Go(func() error { return r.ServeQUIC(ctx, udp) })
		all.Go(func() error { _ = web.Serve(l[1]); return nil })
		<-ctx.Done()
		_ = web.Close()
		err := all.Wait()
		stopBelow()
		_ = base.Wait()
		return err
	}, nil
}

// Metric is the sum of a metric's samples on this replica.
func (r *Replica) Metric(name string) (sum float64) {
	families, err := r.metrics.Gather()
	if err != nil {
		return -1
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// Streams are the requests in flight to clusters from this replica.
func (r *Replica) Streams() int { return int(r.Metric("kubechat_gateway_streams")) }

// Output is what a program, or a part of one, said.
type Output struct {
	mu sync.Mutex // guards b
	b  []byte
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b = append(o.b, p...)
	return len(p), nil
}

// String is all of it.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.b)
}

// Logger writes everything there.
func (o *Output) Logger(name string) *slog.Logger {
	return slog.New(slog.NewTextHandler(o, &slog.HandlerOptions{Level: slog.LevelDebug})).With("of", fmt.Sprint(name))
}

package controlplane

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/controlplane/httpapi"
	"github.com/kubechat/kubechat/controlplane/kube"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/slackapi"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/tunnel/wsmux"
)

// Every port is served by the adapter that was written for it.
var (
	_ chat.Clusters    = (*kube.Clusters)(nil)
	_ chat.Directory   = (*cluster.Service)(nil)
	_ chat.Members     = (*account.Service)(nil)
	_ chat.Ledger      = (*audit.Log)(nil)
	_ chat.Store       = store.Chats{}
	_ gateway.Clusters = (*cluster.Service)(nil)
	_ gateway.Ledger   = (*audit.Log)(nil)
	_ httpapi.SignIn   = (*signin.Service)(nil)
	_ httpapi.Tokens   = (*signin.Service)(nil)
	_ httpapi.Accounts = (*account.Service)(nil)
	_ httpapi.Clusters = (*cluster.Service)(nil)
	_ httpapi.Chat     = (*chat.Service)(nil)
	_ httpapi.Audit    = (*audit.Log)(nil)
	_ httpapi.Usage    = (*billing.Service)(nil)
	_ httpapi.Answers  = store.Answers{}
	_ httpapi.Models   = (*settings.Service)(nil)
	_ httpapi.Slack    = (*slack.Service)(nil)
	_ signin.Store     = store.Logins{}
	_ slack.Members    = (*account.Service)(nil)
	_ slack.Sealer     = (*settings.Vault)(nil)
	_ slackapi.Chat    = (*chat.Service)(nil)
)

// Parts are the domains of a running service, for what is set up beside its requests: the demonstration.
type Parts struct {
	Accounts *account.Service
	Clusters *cluster.Service
	SignIn   *signin.Service
	// Kubeconfig is a kubeconfig with a credential in it.
	Kubeconfig func(scope tenant.Scope, c cluster.Cluster, token string) []byte
	Addresses  Addresses
	Log        *slog.Logger
}

// Run is one replica: it opens the database, serves until ctx ends, and stops gracefully: it says that it is not ready,
// ends open event streams, finishes or hands off what is under way, and leaves nothing behind.
func Run(ctx context.Context, c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	c = c.withDefaults()
	room := headroom()
	defer runtime.KeepAlive(room)
	log := c.Telemetry.Log
	db, err := store.Open(ctx, store.Config{DSN: c.DSN, MaxConns: int32(c.MaxConns), Log: log})
	if err != nil {
		return err
	}
	defer db.Close()
	l, err := listen(ctx, &c)
	if err != nil {
		return err
	}
	defer l.close()
	s, err := assemble(ctx, c, db, l.addresses)
	if err != nil {
		return err
	}
	if c.Demo.Started != nil {
		if err := c.Demo.Started(s.parts(l.addresses)); err != nil {
			return fmt.Errorf("set up the demonstration: %w", err)
		}
	}
	log.InfoContext(ctx, "serving", "roles", c.Roles, "web", l.addresses.Web, "tunnel", l.addresses.Tunnel, "ca", l.addresses.CA,
		"ops", l.addresses.Ops, "replica", s.replicas.ID(), "version", c.Version)
	if c.Ready != nil {
		c.Ready(l.addresses)
	}
	err = runStages(ctx, s.stages(l), func() { s.drain(ctx) })
	log.InfoContext(context.WithoutCancel(ctx), "stopped", "replica", s.replicas.ID())
	return err
}

// service is everything one replica is made of.
type service struct {
	cfg       Config
	log       *slog.Logger
	db        *store.DB
	replicas  *cluster.Replicas
	accounts  *account.Service
	clusters  *cluster.Service
	ledger    *audit.Log
	signIn    *signin.Service
	authority *authority.Authority
	issuer    gateway.Issuer

	replicaCert func(*tls.ClientHelloInfo) (*tls.Certificate, error) // see replicaCertificate
	gateway     *gateway.Gateway
	kube        *kube.Clusters
	chat        *chat.Service
	models      *settings.Service
	slack       *slack.Service
	slackIn     *slackapi.API
	api         *httpapi.API
	install     install
	leaving     atomic.Bool // balancers are being told to go elsewhere
}

func assemble(ctx context.Context, c Config, db *store.DB, at Addresses) (*service, error) {
	s := &service{cfg: c, log: c.Telemetry.Log, db: db}
	s.replicas = cluster.NewReplicas(cluster.ReplicasConfig{Store: db.Replicas(), Address: c.PeerAdvertise, Log: s.log})
	s.ledger = audit.New(audit.Config{Store: db.Audit(), Replica: s.replicas.ID(), SpoolDir: c.SpoolDir, Log: s.log})
	s.clusters = cluster.New(cluster.Config{
		Store: s.db.Clusters(), Signals: s.db.ClusterSignals(), Replicas: s.replicas, Region: s.cfg.Region, Mint: s.mint, Log: s.log,
	})
	s.watchDatabase()
	var steps []func(context.Context, Addresses) error
	if c.plays(RoleCA) || c.plays(RoleGateway) {
		steps = append(steps, s.buildAuthority)
	}
	if c.plays(RoleGateway) {
		if err := s.replicas.Register(ctx); err != nil {
			return nil, fmt.Errorf("register this replica: %w", err)
		}
		s.accounts = account.New(account.Config{Store: db.Accounts()})
		s.signIn = signin.New(signin.Config{Store: db.Logins(), Secure: secure(at.PublicURL), Log: s.log})
		s.install = install{
			chart: c.Chart, publicURL: at.PublicURL, kubectlURL: c.KubectlURL, kubectlCA: c.KubectlCA, agentLine: c.Demo.AgentLine,
		}
		steps = append(steps, s.buildGateway, s.buildChat, s.buildSlack, s.buildAPI)
	}
	for _, step := range steps {
		if err := step(ctx, at); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// locked ends the sessions of a cluster whose identity two parties hold.
func (s *service) locked(_ context.Context, t, id, _ string) {
	if s.gateway != nil {
		s.gateway.Lock(tenant.ID(t), cluster.ID(id))
	}
}

func (s *service) buildGateway(_ context.Context, _ Addresses) (err error) {
	names, ips := subjects(s.cfg.TunnelHost)
	s.gateway, err = gateway.New(gateway.Config{
		Authority: s.authority, Issuer: s.issuer,
		Certificate: s.authority.ServiceCertificate(pki.GatewayService, s.replicas.ID(), names, ips),
		Clusters:    s.clusters, Ledger: s.ledger, Auth: s.signIn.Bearer, Recheck: s.signIn.Check, Decide: access.Decide,
		Blind: s.blind, RequestID: httpapi.RequestID, ReplicaID: s.replicas.ID(), Version: s.cfg.Version,
		Peers: gateway.PeerConfig{
			Replicas: s.replicas, Address: s.cfg.PeerAdvertise, Agents: s.cfg.TunnelAdvertise, Certificate: s.replicaCertificate(),
		},
		DrainTime: s.cfg.StreamGrace, Budget: tunnelBudget(), Metrics: s.cfg.Telemetry.Registry, Log: s.log,
	})
	return err
}

// mint makes a join token; of its secret only the hash goes further.
func (s *service) mint() (display string, hash []byte, err error) {
	t, err := s.authority.NewJoinToken(s.cfg.TunnelHost)
	if err != nil {
		return "", nil, err
	}
	h := t.SecretHash()
	return t.String(), h[:], nil
}

func (s *service) buildChat(_ context.Context, _ Addresses) (err error) {
	s.kube, err = kube.New(kube.Config{
		Transport: s.gateway.Transport, Index: s.gateway.IndexTransport, Metrics: s.cfg.Telemetry.Registry, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.models = settings.New(settings.Config{Store: s.db.Models(), Vault: s.cfg.Vault, CheckURL: s.cfg.ModelEgress.CheckURL})
	s.chat, err = chat.New(chat.Config{
		Translator: nlp.Translator{}, Clusters: s.kube, Directory: s.clusters, Members: s.accounts, Ledger: s.ledger,
		Decide: access.Decide, Store: s.db.Chats(), Replica: s.replicas.ID(), Log: s.log,
		Assistants: newModels(s.models, s.db.Models(), s.cfg.ModelEgress), Toolbox: toolbox{},
	})
	return err
}

func (s *service) buildSlack(_ context.Context, at Addresses) (err error) {
	c := slack.Config{Store: s.db.Slack(), Members: s.accounts}
	if s.cfg.Vault != nil {
		c.Sealer = s.cfg.Vault.For("slack signing secret")
	}
	s.slack = slack.New(c)
	s.slackIn, err = slackapi.New(slackapi.Config{Accounts: s.slack, Chat: s.chat, Clusters: s.clusters, PublicURL: at.PublicURL, Log: s.log})
	return err
}

func (s *service) buildAPI(_ context.Context, at Addresses) (err error) {
	s.api, err = httpapi.New(httpapi.Config{
		SignIn: s.signIn, Tokens: s.signIn, Accounts: s.accounts, Clusters: s.clusters, Chat: s.chat, Audit: s.ledger,
		Usage: billing.New(billing.Config{Store: s.db.Billing()}), Answers: s.db.Answers(), Models: s.models, Slack: s.slack, SlackIn: s.slackIn,
		Kubectl: s.gateway.KubectlHandler(), Web: s.cfg.Web, Install: s.install, Extra: s.cfg.Demo.Routes,
		Ready: s.cfg.Telemetry.Health.ServeReady(false), Secure: secure(at.PublicURL), Demo: s.cfg.Demo.On,
		Metrics: s.cfg.Telemetry.Registry, Log: s.log,
	})
	return err
}

func (s *service) parts(at Addresses) Parts {
	return Parts{
		Accounts: s.accounts, Clusters: s.clusters, SignIn: s.signIn, Addresses: at, Log: s.log,
		Kubeconfig: func(scope tenant.Scope, c cluster.Cluster, token string) []byte {
			return s.install.kubeconfig(scope.Slug, c, map[string]any{"token": token})
		},
	}
}

// stages says what needs what: a stage needs those before it.
func (s *service) stages(l *listeners) []stage {
	out := []stage{{"directory", []part{{"signals", s.db.Run}, {"ops listener", serveOn(l.ops, s.opsHandler(), time.Second)}}}}
	if s.cfg.plays(RoleGateway) {
		out = append(out, stage{"records", []part{{"replica lease", s.replicas.Run}, {"audit", s.ledger.Run}}})
	}
	if s.authority != nil {
		certificates := stage{"authority", []part{{"authority", s.authority.Run}}}
		if l.ca != nil {
			certificates.parts = append(certificates.parts, part{"authority's listener", s.serveCA(l.ca)})
		}
		out = append(out, certificates)
	}
	if s.cfg.plays(RoleGateway) {
		tunnels := stage{"tunnels", []part{
			{"gateway", func(ctx context.Context) error { return s.gateway.ServeTunnels(ctx, l.tunnel) }},
			{"peers", func(ctx context.Context) error { return s.gateway.ServePeers(ctx, l.peer) }},
		}}
		if l.quic != nil {
			tunnels.parts = append(tunnels.parts, part{"gateway over QUIC", func(ctx context.Context) error { return s.gateway.ServeQUIC(ctx, l.quic) }})
		}
		out = append(out, tunnels)
	}
	if s.cfg.plays(RoleJobs) {
		out = append(out, stage{"jobs", []part{{"jobs", s.runJobs}}})
	}
	if s.cfg.plays(RoleWeb) {
		out = append(out, stage{"names", []part{{"vocabulary index", s.kube.Run}}}, stage{"runs", []part{{"chat", s.chat.Run}}},
			stage{"answers", []part{{"slack", s.slackIn.Run}}}, stage{"web", []part{{"web listener", s.serveWeb(l.web)}}})
	}
	return out
}

// edge is what customers and, where nothing but HTTP leaves their network, their agents see.
func (s *service) edge() http.Handler {
	tunnels := s.gateway.TunnelHandler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // no ServeMux: it rewrites paths, which are the API's to judge
		if r.Method == http.MethodGet && r.URL.Path == wsmux.Path {
			tunnels.ServeHTTP(w, r)
			return
		}
		s.api.ServeHTTP(w, r)
	})
}

// opsHandler is what operators see: health, metrics, and with their token the region's fleet.
func (s *service) opsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.cfg.Telemetry.OpsHandler())
	mux.Handle("GET "+httpapi.Prefix+"/fleet", httpapi.RegionFleet(s.clusters, s.cfg.OperatorTokenHash, s.log))
	return mux
}

// drain tells balancers, agents, other replicas and readers to go elsewhere before anything is closed.
func (s *service) drain(ctx context.Context) {
	s.leaving.Store(true)
	s.cfg.Telemetry.Health.Drain()
	if s.gateway != nil {
		s.gateway.Leave()
	}
	if s.cfg.DrainFor > 0 {
		s.log.InfoContext(context.WithoutCancel(ctx), "draining", "for", s.cfg.DrainFor)
		<-time.After(s.cfg.DrainFor) // balancers need this long to see that we are not ready
	}
	if s.api != nil {
		s.api.Stop()
	}
}

// serveOn serves h until ctx ends. Then requests under way get grace, and are cut off.
func serveOn(l net.Listener, h http.Handler, grace time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		if l == nil {
			<-ctx.Done()
			return nil
		}
		requests, cut := context.WithCancelCause(context.WithoutCancel(ctx))
		defer cut(nil)
		srv := newServer(h, requests)
		served := make(chan error, 1) // Serve's one result
		go func() { served <- srv.Serve(l) }()
		select {
		case err := <-served:
			return err
		case <-ctx.Done():
		}
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		err := srv.Shutdown(wait)
		cut(errors.New("the service is stopping"))
		if err != nil {
			err = srv.Close() // what is still under way has had its time
		}
		<-served
		return err
	}
}

// Package agent is the program in the customer's cluster: it gets itself an identity with a join token, keeps it
// fresh, dials out to KubeChat, and serves the cluster's API to the tunnel under the cluster owner's limits. It is the
// only place that knows identity, tunnel and cluster handler together. Start at Run.
package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubechat/kubechat/agent/apiserver"
	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/agent/policy"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// Config is what an agent needs. Exactly one of IdentitySecret and StateDir says where its identity is kept.
type Config struct {
	// Server is the cluster's API server, with the agent's own credentials for it.
	Server *apiserver.Server
	// Name tells this agent's processes apart, in the tunnel's HELLO and in the lock on the identity: the pod's name.
	Name string
	// Version of the program.
	Version string

	// Namespace is the agent's own. What is in it can't be written, entered or spied on through the tunnel.
	Namespace string
	// OwnNamePrefix is what the agent's roles and bindings are called, or start with.
	OwnNamePrefix string

	// IdentitySecret is the name of a Secret in Namespace, made by the chart, which all replicas share.
	IdentitySecret string
	// StateDir is a folder instead, for an agent outside the cluster.
	StateDir string
	// JoinToken is used while there is no identity; JoinTokenFile holds one.
	JoinToken     string
	JoinTokenFile string

	// PolicyFile is the cluster owner's policy; without one package policy's default holds.
	PolicyFile string
	// ServiceAccountTokenFile holds a token with the audience "kubechat", sent in HELLO, by which a stolen identity is
	// seen. It may be empty or missing.
	ServiceAccountTokenFile string

	// Proxy says through which HTTP proxy to dial; nil is none. See http.ProxyFromEnvironment.
	Proxy func(*url.URL) (*url.URL, error)
	// ProxyCAs are believed besides the system's when the proxy itself speaks TLS.
	ProxyCAs *x509.CertPool
	// Transports are those that sessions may use; none are TLS and WebSocket. QUIC has to be asked for.
	Transports []dialer.Transport

	// HealthAddr is where /healthz, /readyz and /metrics are served; "" is nowhere.
	HealthAddr string
	// Sessions is how many are kept up; 0 is 2.
	Sessions int
	// CheckEvery is how often the agent looks whether something is wrong in its own cluster; 0 is 5 minutes.
	CheckEvery time.Duration
	// Drain is how long requests in flight may take to end when the agent stops; 0 is 20 s.
	Drain time.Duration
	Log   *slog.Logger // nil is slog.Default
}

// OpenServer is the API server that a kubeconfig names, or without one that of the cluster this program runs in.
func OpenServer(kubeconfig, context string, getenv func(string) string) (*apiserver.Server, error) {
	if kubeconfig != "" {
		return apiserver.FromKubeconfig(kubeconfig, context)
	}
	return apiserver.InCluster(getenv)
}

// Validate reports every problem at once.
func (c *Config) Validate() error {
	var errs []error
	if c.Server == nil {
		errs = append(errs, errors.New("no API server is given"))
	}
	if (c.IdentitySecret == "") == (c.StateDir == "") {
		errs = append(errs, errors.New("give either a Secret or a folder for the agent's identity"))
	}
	if c.IdentitySecret != "" && c.Namespace == "" {
		errs = append(errs, errors.New("the namespace of the identity Secret is not known"))
	}
	if len(c.Transports) > 0 {
		if _, err := (dialer.Gateway{}).Contenders(c.Transports...); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// agent is one running agent.
type agent struct {
	cfg    Config
	log    *slog.Logger
	store  store
	status *status
	meters *meters

	troubles troubles
	check    selfCheck

	clusterVersion, clusterUID string
	usedToken                  atomic.Value // string: the hash of the join token that the identity cost
	around                     atomic.Bool  // calls beside sessions go over a WebSocket, as the sessions do
	refused                    string       // the serial number of an identity that was refused for good
	keeper                     *renew.Keeper
	handler                    *kubeproxy.Proxy
}

// Run serves the cluster until ctx ends, which is no error. What it returns is worded for whoever installed the agent.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if len(cfg.Transports) == 0 {
		cfg.Transports = []dialer.Transport{dialer.TLS, dialer.WebSocket}
	}
	if cfg.Sessions == 0 {
		cfg.Sessions = 2
	}
	if cfg.CheckEvery == 0 {
		cfg.CheckEvery = checkEvery
	}
	if cfg.Drain == 0 {
		cfg.Drain = 20 * time.Second
	}
	rules, err := policy.Open(cfg.PolicyFile, cfg.Log)
	if err != nil {
		return err
	}
	a := &agent{cfg: cfg, log: cfg.Log, status: newStatus(), meters: newMeters()}
	a.usedToken.Store("")
	if a.store, err = a.openStore(); err != nil {
		return err
	}
	defer a.store.Close()
	a.handler = a.newHandler(rules)

	// The health endpoint outlives the tunnel's draining: it is what says that the agent is draining.
	health, stopHealth := context.WithCancel(context.WithoutCancel(ctx))
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return a.serveHealth(health, rules) })
	all.Go(func() error { return rules.Run(ctx) })
	all.Go(func() error {
		defer stopHealth()
		return a.work(ctx)
	})
	defer stopHealth()
	if err := all.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// work gets an identity and serves tunnels with it. If the identity is refused for good and the owner has given a new
// join token since, it starts again with that.
func (a *agent) work(ctx context.Context) error {
	if err := a.learnCluster(ctx); err != nil {
		return err
	}
	for {
		id, err := a.identity(ctx)
		if err != nil {
			return err
		}
		a.log.InfoContext(ctx, "identity present", "identity", id)
		err = a.serveAs(ctx, id)
		if !errors.Is(err, errRefused) {
			return err
		}
		a.refused = a.keeper.Identity().Chain[0].SerialNumber.String()
		a.log.InfoContext(ctx, "identity was refused; joining anew with the new token")
	}
}

// errRefused means that the control plane no longer accepts the identity, and that there is a new join token.
var errRefused = errors.New("the identity was refused")

func (a *agent) serveAs(ctx context.Context, id pki.Identity) error {
	a.keeper = renew.New(renew.Config{
		Identity: id, Renew: a.renewal(), Log: a.log,
		Load: a.load, Save: a.save, MayRenew: a.mayRenew(ctx), Learn: renew.Trust(a.dialGateway, a.own),
	})
	refusals := make(chan struct{}, 1) // of one: that it happened is all that counts
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		err := a.keeper.Run(ctx)
		var refused *pki.CallError
		switch {
		case !errors.As(err, &refused):
			return err
		case a.hasNewToken():
			return errRefused
		}
		return fmt.Errorf("KubeChat no longer accepts this cluster's identity (%w). If the cluster was removed there "+
			"on purpose, uninstall the agent; else create a new join token for it and give it to the chart", refused)
	})
	both.Go(func() error { return a.connect(ctx, refusals) })
	both.Go(func() error { return a.checkSelf(ctx) })
	both.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-refusals:
				if a.hasNewToken() {
					return errRefused
				}
			}
		}
	})
	return both.Wait()
}

// learnCluster asks the API server what the control plane wants to know of the cluster. It waits for an API server that
// is not there yet.
func (a *agent) learnCluster(ctx context.Context) error {
	ask := func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if a.clusterVersion, err = a.cfg.Server.Version(ctx); err == nil {
			a.clusterUID, err = a.cfg.Server.UID(ctx)
		}
		return err
	}
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		err := ask()
		if err == nil {
			return nil
		}
		var refused *apiserver.StatusError
		if errors.As(err, &refused) && (refused.Code == 401 || refused.Code == 403) {
			return fmt.Errorf("the agent may not read its own cluster: %w", err)
		}
		a.troubles.note(fmt.Errorf("the cluster's API server does not answer: %w", err))
		a.status.waiting("the cluster's API server does not answer: " + err.Error())
		a.log.WarnContext(ctx, "API server does not answer", "server", a.cfg.Server.URL.Host, "error", err)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (a *agent) newHandler(rules *policy.File) *kubeproxy.Proxy {
	return kubeproxy.New(kubeproxy.Config{
		Server: a.cfg.Server.URL, Requests: a.cfg.Server.Requests(), Wholes: a.cfg.Server.Wholes(), Upgrades: a.cfg.Server.Upgrades(),
		Authorize: a.cfg.Server.Authorize, Policy: rules, Observe: a.meters.observe, Log: a.log,
		Own: policy.Own{Namespace: a.cfg.Namespace, NamePrefix: a.cfg.OwnNamePrefix},
	})
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

// readOptional is a file's content, or "" without one.
func readOptional(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return string(b), err
}

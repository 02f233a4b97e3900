// Package httpapi is the service's HTTP face: the API under /api/v1 that the web app, the command line and scripts use,
// the web app itself, and the place where the kubectl path is mounted. A handler turns a request into a call of a domain
// with a tenant.Scope and the answer into JSON; it decides nothing that a domain could. The OpenAPI description is
// generated from the handlers (api/openapi.yaml). Start at New; a new route starts as a copy of the nearest one.
package httpapi

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/internal/ratelimit"
	"github.com/kubechat/kubechat/internal/slots"
)

// Config is what an API serves. The domains are required; everything else has a default.
type Config struct {
	SignIn   SignIn
	Tokens   Tokens
	Accounts Accounts
	Clusters Clusters
	Chat     Chat
	Audit    Audit
	Usage    Usage
	Answers  Answers
	Models   Models // nil: this service asks no models
	Slack    Slack  // nil: this service serves no Slack

	Kubectl http.Handler            // serves /t/{t}/clusters/{c}/k8s/…; nil: not found
	SlackIn http.Handler            // serves what Slack posts, /slack/commands and /slack/interactions; nil: not found
	Web     http.Handler            // every other address: the web app's pages; nil: not found
	Install Install                 // what a person runs to connect a cluster
	Extra   map[string]http.Handler // further addresses, by path; for demonstrations

	Ready        http.HandlerFunc      // nil: always ready
	Secure       bool                  // browsers reach us by https
	Demo         bool                  // said to pages, which then say it to people
	LoginLimit   Limit                 // per login; zero: the default
	AddressLimit Limit                 // per address of those who are not signed in; zero: the default
	Heartbeat    time.Duration         // of event streams; 0: 15 s
	Recheck      time.Duration         // of the login behind an open event stream; 0: 4 s
	Metrics      prometheus.Registerer // nil: not registered
	Now          func() time.Time      // nil: time.Now
	NewID        func() string         // of requests; nil: UUIDv7
	Log          *slog.Logger          // nil: discards
}

func (c Config) validate() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("httpapi: Config."+what+" is required"))
		}
	}
	need(c.SignIn != nil, "SignIn")
	need(c.Tokens != nil, "Tokens")
	need(c.Accounts != nil, "Accounts")
	need(c.Clusters != nil, "Clusters")
	need(c.Chat != nil, "Chat")
	need(c.Audit != nil, "Audit")
	need(c.Usage != nil, "Usage")
	need(c.Answers != nil, "Answers")
	return errors.Join(errs...)
}

// API serves requests. It starts nothing.
type API struct {
	signIn   SignIn
	tokens   Tokens
	accounts Accounts
	clusters Clusters
	chat     Chat
	audit    Audit
	usage    Usage
	answers  Answers
	models   Models
	slack    Slack
	install  Install

	secure    bool
	demo      bool
	heartbeat time.Duration
	recheck   time.Duration
	now       func() time.Time
	newID     func() string
	log       *slog.Logger
	metrics   *metrics

	perLogin   *ratelimit.Limiter
	perAddress *ratelimit.Limiter
	streams    *slots.Slots // event streams that are open, by login

	huma     huma.API
	actions  map[string]tenant.Action // by operation id
	root     chi.Router
	stopOnce sync.Once
	stopping chan struct{} // closed by Stop: open event streams end
}

// Prefix is where the API is.
const Prefix = "/api/v1"

// New builds an API.
func New(c Config) (*API, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return build(c), nil
}

func build(c Config) *API {
	a := &API{
		signIn: c.SignIn, tokens: c.Tokens, accounts: c.Accounts, clusters: c.Clusters, chat: c.Chat, audit: c.Audit,
		usage: c.Usage, answers: c.Answers, models: c.Models, slack: c.Slack, install: c.Install,
		secure: c.Secure, demo: c.Demo, heartbeat: c.Heartbeat, recheck: c.Recheck, now: c.Now, newID: c.NewID, log: c.Log,
		metrics: newMetrics(c.Metrics), actions: map[string]tenant.Action{}, streams: slots.New(maxStreams), stopping: make(chan struct{}),
	}
	if a.slack == nil {
		a.slack = noSlack{}
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.newID == nil {
		a.newID = newRequestID
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.heartbeat <= 0 {
		a.heartbeat = heartbeatEvery
	}
	if a.recheck <= 0 {
		a.recheck = recheckEvery
	}
	a.perLogin = orLimit(c.LoginLimit, defaultLoginLimit)
	a.perAddress = orLimit(c.AddressLimit, defaultAddressLimit)
	a.root = a.routes(c)
	return a
}

func orLimit(l, fallback Limit) *ratelimit.Limiter {
	if l.PerSecond <= 0 || l.Burst < 1 {
		l = fallback
	}
	return ratelimit.New(l.PerSecond, l.Burst)
}

// ServeHTTP serves everything on the customers' listener.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.root.ServeHTTP(w, r) }

// Stop ends the open event streams, so that a graceful stop need not wait for readers who never leave.
func (a *API) Stop() { a.stopOnce.Do(func() { close(a.stopping) }) }

func (a *API) routes(c Config) chi.Router {
	root := chi.NewRouter()
	root.Use(a.withRequestID, a.withTransportSecurity)
	root.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	root.Get("/readyz", orReady(c.Ready))
	root.Route(Prefix, func(r chi.Router) {
		r.Use(a.withLog, a.withSecurityHeaders, a.withOriginCheck, noStore)
		a.huma = humachi.New(r, describe())
		a.register()
		spec := a.OpenAPI()
		r.Get("/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/openapi+yaml")
			_, _ = w.Write(spec)
		})
		r.NotFound(nothingHere)
		r.MethodNotAllowed(nothingHere)
	})
	if c.Kubectl != nil {
		root.Handle("/t/{t}/clusters/{c}/k8s", c.Kubectl)
		root.Handle("/t/{t}/clusters/{c}/k8s/*", c.Kubectl)
	}
	if c.SlackIn != nil {
		root.Method(http.MethodPost, "/slack/commands", c.SlackIn)
		root.Method(http.MethodPost, "/slack/interactions", c.SlackIn)
	}
	for path, h := range c.Extra {
		root.Handle(path, h)
	}
	root.NotFound(nothingHere)
	if c.Web != nil {
		root.NotFound(c.Web.ServeHTTP)
	}
	return root
}

// describe is the frame of the OpenAPI document.
func describe() huma.Config {
	cfg := huma.DefaultConfig("KubeChat", "v1") // the API's, which changes with what it promises, not with each build
	cfg.Info.Description = "Ask and operate Kubernetes clusters in plain words. Errors are RFC 9457 problems."
	cfg.Servers = []*huma.Server{{URL: Prefix}}
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"login": {Type: "apiKey", In: "cookie", Name: "__Host-kc_…", Description: "A browser's login, one cookie per organisation."},
		"token": {Type: "http", Scheme: "bearer", Description: "An API token: kcp_…"},
	}
	return cfg
}

func (a *API) register() {
	a.registerSession()
	a.registerTenant()
	a.registerClusters()
	a.registerFleet()
	a.registerJoinTokens()
	a.registerGroups()
	a.registerMembers()
	a.registerTokens()
	a.registerConversations()
	a.registerRuns()
	a.registerTools()
	a.registerAudit()
	a.registerUsage()
	a.registerModel()
	a.registerSlack()
	a.registerEvents()
}

// OpenAPI is the description of this API, as YAML.
func (a *API) OpenAPI() []byte {
	b, err := a.huma.OpenAPI().YAML()
	if err != nil { // it is made of our own types
		panic("openapi: " + err.Error())
	}
	return append(bytes.TrimRight(b, "\n"), '\n')
}

// Describe is the OpenAPI description without a service behind it.
func Describe() []byte { return build(Config{}).OpenAPI() }

// Actions says which action each operation under /t/{t} needs, by operation id.
func (a *API) Actions() map[string]tenant.Action { return a.actions }

func nothingHere(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, newProblem(r.Context(), errNothingHere))
}

func orReady(ready http.HandlerFunc) http.HandlerFunc {
	if ready != nil {
		return ready
	}
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{\"ready\":true}\n")) }
}

func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// Package kubeproxy is the cluster as an http.Handler: it takes a request that came through the tunnel, decides on it
// by the cluster owner's policy, and sends it to the API server as the person it is for. It does not believe the
// control plane: what it passes on is rebuilt from what it understood, and every credential or identity in the request
// itself is dropped. Inside, the API server's own RBAC decides. Start at Proxy.ServeHTTP.
package kubeproxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/kubechat/kubechat/agent/kubereq"
	"github.com/kubechat/kubechat/agent/policy"
	"github.com/kubechat/kubechat/tunnel"
)

// Config is what a Proxy needs.
type Config struct {
	// Server is the API server's base URL.
	Server *url.URL
	// Requests carries everything but upgrades: HTTP/2 where the server speaks it.
	Requests http.RoundTripper
	// Wholes carries what has an answer that is of use only as a whole, see kubereq.Info.IsWhole. Nil is Requests.
	Wholes http.RoundTripper
	// Upgrades carries exec, attach, port-forward and the like: HTTP/1.1 only, no connection used twice. A connection on
	// which an upgrade failed may be in any state (CVE-2018-1002105).
	Upgrades http.RoundTripper
	// Authorize puts the agent's own credentials on a request. Nil if the transports prove who the agent is.
	Authorize func(http.Header) error
	// Policy is the owner's file.
	Policy Policy
	// Own is what of the cluster belongs to the agent.
	Own policy.Own
	// Observe is told of each request's end. Nil is fine.
	Observe func(Observation)
	Log     *slog.Logger // nil is slog.Default
}

// Policy is what the cluster's owner allows at the moment.
type Policy interface {
	Current() (*policy.Policy, error)
}

// Observation is one request's end, for metrics.
type Observation struct {
	Info     kubereq.Info
	Code     int           // the status answered
	Refused  bool          // by the agent, not by the API server
	Duration time.Duration // until the answer had gone, streams included
}

// Proxy is the handler.
type Proxy struct {
	cfg     Config
	forward *httputil.ReverseProxy
}

var _ http.Handler = (*Proxy)(nil)

// New makes a Proxy. It starts nothing.
func New(cfg Config) *Proxy {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Observation) {}
	}
	if cfg.Wholes == nil {
		cfg.Wholes = cfg.Requests
	}
	p := &Proxy{cfg: cfg}
	p.forward = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { p.rewrite(r.Out, exchangeFrom(r.In.Context())) },
		Transport:      cfg.Requests,
		FlushInterval:  -1, // watches and logs are waited for line by line
		ModifyResponse: p.checkResponse,
		ErrorHandler:   p.upstreamFailed,
		BufferPool:     buffers{},
		ErrorLog:       slog.NewLogLogger(p.cfg.Log.Handler(), slog.LevelDebug),
	}
	return p
}

type headerKey struct{}

// WithHeader puts a stream's header where the handler looks for it; see http.Server.ConnContext.
func WithHeader(ctx context.Context, h tunnel.Header) context.Context {
	return context.WithValue(ctx, headerKey{}, h)
}

// exchange is one request and all that was decided on it.
type exchange struct {
	info    kubereq.Info
	stream  tunnel.Header
	verdict policy.Verdict // field selectors of the policy and of the guard, joined
	token   http.Header    // the agent's own credentials
	target  *url.URL
	start   time.Time
}

type exchangeKey struct{}

func exchangeFrom(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// ServeHTTP answers one request. Whatever it refuses is a Kubernetes Status that says who refused, and why.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w}
	x := &exchange{start: time.Now()}
	defer func() {
		p.cfg.Observe(Observation{Info: x.info, Code: rec.code, Refused: rec.refused, Duration: time.Since(x.start)})
	}()
	if err := p.decide(r, x); err != nil {
		rec.refused = true
		p.refuse(rec, r, x, err)
		return
	}
	ctx := context.WithValue(r.Context(), exchangeKey{}, x)
	if budget := x.stream.Budget; budget > 0 {
		// a little less than the stream itself lives, so that the asking side hears why
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, budget-min(budget/4, time.Second))
		defer cancel()
	}
	r = r.WithContext(ctx)
	switch {
	case x.info.Upgrade:
		p.serveUpgrade(rec, r, x)
	case x.verdict.HideSecrets:
		p.serveMetadata(rec, r, x)
	case x.info.IsWhole() && r.ContentLength == 0:
		p.serveWhole(rec, r, x)
	default:
		p.forward.ServeHTTP(rec, r)
	}
}

// decide fills x, or says why the request is refused. Nothing has been sent upstream yet.
func (p *Proxy) decide(r *http.Request, x *exchange) error {
	stream, ok := r.Context().Value(headerKey{}).(tunnel.Header)
	if !ok {
		return errors.New("the request came with no identity")
	}
	x.stream = stream
	info, err := kubereq.Parse(r.Method, r.URL, r.Header)
	x.info = info
	if err != nil {
		return &badRequestError{err}
	}
	rules, err := p.cfg.Policy.Current()
	if err != nil {
		return err
	}
	who := stream.Identity
	if err := rules.Identities.Check(who.User, who.UID, who.Groups, who.Extra); err != nil {
		return &identityError{err}
	}
	own, err := p.cfg.Own.Decide(info)
	if err != nil {
		return err
	}
	if x.verdict, err = rules.Decide(info); err != nil {
		return err
	}
	x.verdict.FieldSelector = joinSelectors(x.verdict.FieldSelector, own.FieldSelector)
	if x.verdict.HideSecrets {
		if err := checkMetadataForm(info, r.Header); err != nil {
			return err
		}
	}
	x.target = p.target(r.URL, x.verdict.FieldSelector)
	x.token = http.Header{}
	if p.cfg.Authorize != nil {
		if err := p.cfg.Authorize(x.token); err != nil {
			return &unavailableError{err}
		}
	}
	return nil
}

// target is where the request goes: the server's base and the canonical path and query.
func (p *Proxy) target(u *url.URL, selector string) *url.URL {
	asked := kubereq.Canonical(u)
	query := asked.Query()
	if selector != "" {
		query.Set("fieldSelector", joinSelectors(query.Get("fieldSelector"), selector))
	}
	return &url.URL{
		Scheme: p.cfg.Server.Scheme, Host: p.cfg.Server.Host,
		Path:     strings.TrimSuffix(p.cfg.Server.Path, "/") + asked.Path, // some providers serve clusters below a path
		RawQuery: query.Encode(),
	}
}

func joinSelectors(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}

// rewrite makes out the request that goes upstream: our target, the headers of the allow-list, our impersonation.
func (p *Proxy) rewrite(out *http.Request, x *exchange) {
	out.URL, out.Host = x.target, ""
	out.Header = outgoingHeader(out.Header, x)
	out.Trailer = nil
}

// checkResponse keeps answers from leading anyone elsewhere: redirects belong to proxied applications only.
func (p *Proxy) checkResponse(res *http.Response) error {
	res.Header.Del("Set-Cookie")
	x := exchangeFrom(res.Request.Context())
	redirect := res.StatusCode >= 300 && res.StatusCode < 400 && res.StatusCode != http.StatusNotModified
	if redirect && !x.info.IsProxy() {
		return errors.New("it answered with a redirect, which the agent does not follow")
	}
	return nil
}

type buffers struct{}

var bufferPool = sync.Pool{New: func() any { return new([32 << 10]byte) }}

func (buffers) Get() []byte  { return bufferPool.Get().(*[32 << 10]byte)[:] }
func (buffers) Put(b []byte) { bufferPool.Put((*[32 << 10]byte)(b)) }

// recorder remembers the status for Observe.
type recorder struct {
	http.ResponseWriter
	code    int
	refused bool
}

// WriteHeader remembers the final status.
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 && (code >= 200 || code == http.StatusSwitchingProtocols) {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

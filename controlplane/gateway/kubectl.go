package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/kubechat/kubechat/agent/kubereq"
	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// kubectl serves /t/{tenant}/clusters/{cluster}/k8s/... to plain Kubernetes clients. Typing the command is its approval;
// every other check of the chat path holds here too.
type kubectl struct {
	g     *Gateway
	proxy *httputil.ReverseProxy
}

// KubectlHandler serves /t/{tenant}/clusters/{cluster}/k8s/... to plain Kubernetes clients, kubectl first.
func (g *Gateway) KubectlHandler() http.Handler {
	k := &kubectl{g: g}
	k.proxy = &httputil.ReverseProxy{
		Rewrite: rewrite, Transport: transport{g}, FlushInterval: -1, BufferPool: buffers{},
		ModifyResponse: k.answered, ErrorHandler: k.failed, ErrorLog: slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelDebug),
	}
	return k
}

// exchange is one request on its way; it travels in the context.
type exchange struct {
	scope   tenant.Scope
	cluster cluster.ID
	info    kubereq.Info
	group   cluster.Group
	path    *url.URL // what the API server is asked for
	id      string   // the request's
	intent  audit.IntentID
	began   time.Time

	settled bool
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// ServeHTTP checks the request, has it recorded, and passes it on.
func (k *kubectl) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, err := k.open(r)
	if err != nil {
		writeProblem(w, err)
		return
	}
	release := k.g.members.Take(string(x.scope.Member))
	if release == nil {
		writeProblem(w, problem.Newf(problem.Limited, "You have %d requests to clusters in flight, which is the most there may be.", k.g.cfg.MaxPerMember).
			WithFix("End some watches, logs or shells.").WithRetryAfter(time.Second))
		return
	}
	defer release()
	ctx := context.WithValue(r.Context(), exchangeKey{}, x)
	if isLong(x.info, x.path.Query().Get) {
		own, done := k.g.long.begin(ctx)
		defer done()
		ctx = own
	}
	if !x.info.IsRead() {
		x.intent, err = k.g.cfg.Ledger.Begin(ctx, x.scope, audit.Intent{
			Target: x.target(), Command: x.command(), RequestID: x.id, K8sGroup: x.group,
		})
		if err != nil {
			writeProblem(w, err)
			return
		}
		// A panic in the proxy (a client that went away mid-answer) must not leave the intent without its result.
		defer k.settle(ctx, x, audit.Result{Outcome: audit.Unknown, Detail: "the connection to the client was lost before the answer was complete"})
	}
	w.Header().Set("X-Request-Id", x.id)
	switch r = r.WithContext(ctx); {
	case x.info.Upgrade:
		k.serveUpgrade(w, r, x)
	case x.info.IsWhole() && r.ContentLength == 0:
		k.serveWhole(w, r, x)
	default:
		k.proxy.ServeHTTP(w, r)
	}
}

// open is everything that is known before the request is sent: who, where, what, and whether they may.
func (k *kubectl) open(r *http.Request) (*exchange, error) {
	slug, id, path, err := splitPath(r.URL)
	if err != nil {
		return nil, err
	}
	x := &exchange{cluster: id, path: path, id: k.g.requestID(r.Context()), began: time.Now()}
	if x.scope, err = k.g.cfg.Auth(r, slug); err != nil {
		return nil, err
	}
	if x.group, err = k.g.cfg.Clusters.Group(r.Context(), x.scope, id); err != nil {
		return nil, err
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "Impersonate-") {
			return nil, problem.Newf(problem.Forbidden, "KubeChat acts as your group in this cluster; it takes no %s.", name).
				WithFix("Leave out --as, --as-group and --as-uid.")
		}
	}
	if x.info, err = kubereq.Parse(r.Method, path, r.Header); err != nil {
		return nil, problem.New(problem.Invalid, err.Error())
	}
	return x, k.g.cfg.Decide(access.Request{Scope: x.scope, Group: x.group, IsRead: x.info.IsRead(), Target: access.Target(x.target())})
}

// splitPath takes /t/{tenant}/clusters/{cluster}/k8s/{path} apart. Escapes that survive in the rest stay there, for
// the parser to refuse.
func splitPath(u *url.URL) (slug string, id cluster.ID, rest *url.URL, err error) {
	parts := strings.SplitN(strings.TrimPrefix(u.EscapedPath(), "/"), "/", 6)
	if len(parts) < 5 || parts[0] != "t" || parts[2] != "clusters" || parts[4] != "k8s" {
		return "", "", nil, problem.New(problem.NotFound, "No such page.")
	}
	escaped := "/"
	if len(parts) == 6 {
		escaped += parts[5]
	}
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return "", "", nil, problem.New(problem.Invalid, "The path can't be read: "+err.Error())
	}
	rest = &url.URL{Path: path, RawQuery: u.RawQuery}
	if rest.EscapedPath() != escaped {
		rest.RawPath = escaped
	}
	return parts[1], cluster.ID(parts[3]), rest, nil
}

// strip are the headers that never pass the tunnel, besides the hop-by-hop ones: who somebody is there is ours to say.
var strip = []string{
	"Authorization", "Cookie", "Proxy-Authorization", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded",
	"X-Real-Ip", "X-Remote-User", "X-Remote-Group", "Origin", "Referer",
}

func rewrite(r *httputil.ProxyRequest) {
	x := exchangeOf(r.In.Context())
	r.Out.URL, r.Out.Host = inCluster(x.path), "cluster"
	x.dress(r.Out.Header)
}

// dress makes a header the exchange's.
func (x *exchange) dress(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "X-Remote-") || strings.HasPrefix(name, "Impersonate-") {
			delete(h, name)
		}
	}
	for _, name := range strip {
		delete(h, name)
	}
	h[requestHeader] = []string{x.id}
}

// transport sends the proxy's requests to their cluster.
type transport struct{ g *Gateway }

// RoundTrip finds the exchange in the request's context.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r.Context())
	return t.g.RoundTrip(x.scope, x.cluster, r)
}

package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kubechat/kubechat/agent/kubereq"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/tunnel"
)

// The names under which the agent knows identities; its policy accepts these and no others.
const (
	identityUser   = "kubechat:user"
	identityGroup  = "kubechat:"
	extraUser      = "kubechat.io/user"
	extraSession   = "kubechat.io/session"
	extraRequest   = "kubechat.io/request"
	requestHeader  = "X-Request-Id"
	maxHeaderBytes = 256 << 10 // of an answer
)

// RoundTrip sends one Kubernetes API request to a cluster of the scope's tenant, as the scope's member in their group
// there. The caller closes the body. An error that is ErrNotSent, always a problem, means that no agent has seen
// anything of the request; after any other error nobody knows what became of it.
func (g *Gateway) RoundTrip(scope tenant.Scope, id cluster.ID, req *http.Request) (*http.Response, error) {
	group, err := g.group(req.Context(), scope, id)
	if err != nil {
		return nil, notSent(err)
	}
	return g.carry(req, key{scope.Tenant, id}, g.identity(scope, group), func(ctx context.Context) error {
		return g.disconnected(ctx, scope, id)
	})
}

// stillAllowed is asked while an answer to kubectl goes on; nil if nobody need ask. A run of the chat goes on when its
// login has ended, by design.
func (g *Gateway) stillAllowed(ctx context.Context) func(context.Context) error {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok || g.cfg.Recheck == nil {
		return nil
	}
	return func(ctx context.Context) error { return g.cfg.Recheck(ctx, x.scope) }
}

// Transport is RoundTrip for one member in one cluster, as client-go wants it.
func (g *Gateway) Transport(scope tenant.Scope, id cluster.ID) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) { return g.RoundTrip(scope, id, req) })
}

// IndexTransport carries the service's own reads of names and kinds, as the group that may read only those.
func (g *Gateway) IndexTransport(t tenant.ID, id cluster.ID) http.RoundTripper {
	who := tunnel.Identity{User: identityUser, Groups: []string{identityGroup + string(cluster.GroupIndex)}}
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		return g.carry(req, key{t, id}, who, func(context.Context) error { return errNoSession })
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// group is the member's group in the cluster; another tenant's cluster is not found. On the kubectl path it is the one
// that was decided on.
func (g *Gateway) group(ctx context.Context, scope tenant.Scope, id cluster.ID) (cluster.Group, error) {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && x.cluster == id && x.scope == scope {
		return x.group, nil
	}
	return g.cfg.Clusters.Group(ctx, scope, id)
}

func (g *Gateway) identity(scope tenant.Scope, group cluster.Group) tunnel.Identity {
	extra := map[string][]string{extraUser: {scope.Email}}
	if scope.Login != "" {
		extra[extraSession] = []string{scope.Login}
	}
	return tunnel.Identity{User: identityUser, Groups: []string{identityGroup + string(group)}, Extra: extra}
}

// carry opens a stream for this one request and nobody else's, and sends the request on it.
func (g *Gateway) carry(req *http.Request, k key, who tunnel.Identity, absent func(context.Context) error) (*http.Response, error) {
	res, err := g.carryUncounted(req, k, who, absent)
	if _, ok := req.Context().Value(exchangeKey{}).(*exchange); !ok { // the kubectl path counts its own
		end := endAnswered
		if errors.Is(err, ErrNotSent) {
			end = endDisconnected
		} else if err != nil {
			end = endLost
		}
		g.meter.requests.WithLabelValues(doorService, end).Inc()
	}
	return res, err
}

func (g *Gateway) carryUncounted(req *http.Request, k key, who tunnel.Identity, absent func(context.Context) error) (*http.Response, error) {
	ctx := req.Context()
	header := tunnel.Header{
		RequestID: req.Header.Get(requestHeader), Traceparent: req.Header.Get("Traceparent"), Kind: tunnel.KindHTTP,
		Class: tunnel.ClassInteractive, Identity: who,
	}
	if header.RequestID == "" {
		header.RequestID = g.requestID(ctx)
	}
	if who.Extra != nil {
		who.Extra[extraRequest] = []string{header.RequestID}
	}
	out := outgoing(req)
	first, err := early(req, out)
	if err != nil {
		return nil, notSent(problem.New(problem.Invalid, "The request can't be written: "+err.Error()))
	}
	header.Whole = len(first) > 0 && answeredWhole(req)
	for sent := false; ; sent = true {
		start := time.Now()
		tries := attempts{ways: map[string]bool{}}
		s, err := g.open(ctx, k, header, first, absent, &tries)
		if err != nil {
			if req.Body != nil {
				_ = req.Body.Close()
			}
			if sent || tries.sent {
				var told *problem.Error
				if !errors.As(err, &told) && ctx.Err() == nil {
					err = answerLost(err, err)
				}
				return nil, err
			}
			return nil, notSent(err)
		}
		g.meter.opened(start)
		if still := g.stillAllowed(ctx); still != nil {
			s.recheck(ctx, g.cfg.RecheckEvery, still)
		}
		res, err := s.send(req, out)
		if err == nil || sent || !repeatable(req) || s.lost() == nil || ctx.Err() != nil {
			return res, err
		}
	}
}

// early is a request that may be sent twice as it goes with its stream's header, which saves a round trip; nil if it waits
// for the agent's ACCEPT.
func early(req, out *http.Request) ([]byte, error) {
	if !repeatable(req) {
		return nil, nil
	}
	var b bytes.Buffer
	out.Close = true // one stream, one request
	err := out.Write(&b)
	return b.Bytes(), err
}

// answeredWhole says whether the answer is of use only as a whole.
func answeredWhole(req *http.Request) bool {
	if x, ok := req.Context().Value(exchangeKey{}).(*exchange); ok {
		return x.info.IsWhole()
	}
	info, err := kubereq.Parse(req.Method, req.URL, req.Header)
	return err == nil && info.IsWhole()
}

// repeatable says whether a request may be sent once more after its tunnel was lost before the answer: it changes nothing,
// and no intent stands for the one time that it was sent.
func repeatable(req *http.Request) bool {
	x, kubectl := req.Context().Value(exchangeKey{}).(*exchange)
	return (req.Method == http.MethodGet || req.Method == http.MethodHead) && bodiless(req) && (!kubectl || x.info.IsRead())
}

// open tries the ways to the cluster, the best first, until an agent accepts the stream. Before that nothing of the
// request has left, or it is one that may be sent twice, so trying again is always right. Without a way it waits for one.
func (g *Gateway) open(ctx context.Context, k key, h tunnel.Header, first []byte, absent func(context.Context) error, tries *attempts) (*stream, error) {
	waiting, cancel := context.WithTimeout(ctx, g.cfg.WaitSession)
	defer cancel()
	s, last := g.try(ctx, k, h, first, tries)
	for !decided(ctx, s, last) {
		changed, leave := g.sessions.expect(k) // before looking again, so that nothing is missed
		var err error
		if s, err = g.try(ctx, k, h, first, tries); err != nil {
			last = err
		}
		if decided(ctx, s, err) {
			leave()
			break
		}
		if len(tries.ways) == 0 && waiting.Err() == nil { // whose cluster it is, and whether waiting makes sense at all
			if err := absent(ctx); err != nil && !problem.Is(err, problem.Unavailable) {
				leave()
				return nil, err
			}
		}
		select {
		case <-changed:
		case <-waiting.Done():
		}
		leave()
		if waiting.Err() != nil && !isClosed(changed) {
			return nil, g.nobody(ctx, last, absent)
		}
	}
	switch {
	case s != nil:
		return s, nil
	case ctx.Err() != nil:
		return nil, g.nobody(ctx, last, absent)
	}
	return nil, last
}

// decided says whether there is nothing to wait for: the stream is open, nobody wants it any more, or the agent has said
// no for good.
func decided(ctx context.Context, s *stream, err error) bool {
	return s != nil || ctx.Err() != nil || problem.Is(err, problem.Limited) || errors.Is(err, errAgentRefused)
}

// nobody is the error of a request whose cluster could not be reached in time; last is why the last way failed.
func (g *Gateway) nobody(ctx context.Context, last error, absent func(context.Context) error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("open stream: %w", context.Cause(ctx))
	}
	if err := absent(ctx); err != nil {
		return err
	}
	return errNoSession.WithCause(last)
}

var errAgentRefused = errors.New("the agent does not take the request")

// attempts are what opening a stream for one request has tried.
type attempts struct {
	ways map[string]bool // by their ids
	sent bool            // the request may have reached an agent: it went ahead of an ACCEPT that never came
}

// try opens the stream on the best way that was not tried yet. Without one, both results are nil, or the error is that
// of the last one tried just now.
func (g *Gateway) try(ctx context.Context, k key, h tunnel.Header, first []byte, tries *attempts) (*stream, error) {
	var last error
	for _, w := range g.ways(k) {
		if tries.ways[w.id] {
			continue
		}
		tries.ways[w.id] = true
		s, err := g.openOn(ctx, w, h, first)
		tries.sent = tries.sent || err != nil && !errors.Is(err, tunnel.ErrNotAccepted)
		switch {
		case err == nil:
			return s, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("open stream: %w", context.Cause(ctx))
		case fatalRefusal(err):
			return nil, problem.New(problem.Unavailable, "The cluster's agent does not take this request.").WithCode("agent_refused").
				WithFix("Update the agent.").WithCause(errors.Join(errAgentRefused, err))
		}
		last = err
	}
	if overloaded(last) {
		return nil, g.overload(last)
	}
	return nil, last
}

// fatalRefusal is an agent's no that another session of it would only repeat.
func fatalRefusal(err error) bool {
	var refused *tunnel.RefusedError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case tunnel.RefuseOverloaded, tunnel.RefuseDraining, tunnel.RefuseAbsent:
		return false
	}
	return true
}

func (g *Gateway) openOn(ctx context.Context, w way, h tunnel.Header, first []byte) (*stream, error) {
	whole := h.Whole && w.route == "" // over a hop END would come before the agent was asked
	h.Route, h.Early, h.Whole = w.route, false, false
	w.active.Add(1)
	if w.route == "" {
		g.inFlight.Add(1)
	}
	g.meter.streams.Inc()
	release := func() {
		w.active.Add(-1)
		if w.route == "" {
			g.inFlight.Add(-1)
		}
		g.meter.streams.Dec()
	}
	var conn *tunnel.Conn
	var err error
	switch {
	case whole:
		conn, err = tunnel.OpenWhole(ctx, w.session, h, first)
	case len(first) > 0:
		conn, err = tunnel.OpenEarly(ctx, w.session, h, first)
	default:
		conn, err = w.session.Open(ctx, h)
	}
	if err != nil {
		release()
		var refused *tunnel.RefusedError
		if !errors.As(err, &refused) && ctx.Err() == nil {
			w.suspected()
		}
		return nil, err
	}
	s := g.newStream(ctx, conn, w, release)
	s.sent = len(first) > 0
	return s, nil
}

func overloaded(err error) bool {
	var refused *tunnel.RefusedError
	return errors.As(err, &refused) && refused.Code == tunnel.RefuseOverloaded
}

var errNoSession = problem.New(problem.Unavailable, "The cluster is not connected.").WithCode("cluster_disconnected").
	WithFix("Look at its agent: kubectl get pods -A -l app.kubernetes.io/name=kubechat-agent, run against the cluster directly.").
	WithRetryAfter(5 * time.Second)

// disconnected says why a cluster has no session here: the problem to show, with when it was last seen and what ended
// its last session.
func (g *Gateway) disconnected(ctx context.Context, scope tenant.Scope, id cluster.ID) error {
	c, err := g.cfg.Clusters.Get(ctx, scope, id)
	if err != nil {
		return err
	}
	if c.State == cluster.Revoked {
		return problem.New(problem.Conflict, "This cluster was revoked.").WithCode("cluster_revoked").
			WithFix("Add it again as a new cluster.")
	}
	said := "The cluster " + c.Name + " is not connected"
	switch {
	case g.cutOff(key{scope.Tenant, id}):
		said = "The replica of KubeChat that holds the tunnel of cluster " + c.Name + " can't be reached from this one"
	case c.State.Up():
		said = "The cluster " + c.Name + " does not answer"
	case !c.LastSeen.IsZero():
		said += "; it was last seen at " + c.LastSeen.UTC().Format(time.RFC3339)
	}
	p := *errNoSession
	p.Detail = strings.TrimSpace(said + ". " + c.Reason)
	return &p
}

// cutOff reports whether the cluster's only sessions are on replicas that can't be reached from here, or did not answer when
// they were last asked.
func (g *Gateway) cutOff(k key) bool {
	now := time.Now().UnixNano()
	holders := g.peers.holders(k)
	return len(holders) > 0 && len(g.waysHere(k)) == 0 &&
		!slices.ContainsFunc(holders, func(h holder) bool { return h.link != nil && h.suspect.Load() <= now })
}

// notSent makes sure that an error says that nothing was sent, and in words for people.
func notSent(err error) error {
	if errors.Is(err, ErrNotSent) {
		return err
	}
	p := problem.As(err)
	return p.WithCause(errors.Join(ErrNotSent, errors.Unwrap(p)))
}

// once is a dial that gives out one connection, once.
func once(conn net.Conn) func(context.Context, string, string) (net.Conn, error) {
	given := make(chan net.Conn, 1) // holds the one connection until it is taken
	given <- conn
	return func(context.Context, string, string) (net.Conn, error) {
		select {
		case c := <-given:
			return c, nil
		default:
			return nil, errors.New("a request is sent once")
		}
	}
}

// credentials never pass the tunnel, whoever made the request: who somebody is, is said in the stream's header.
var credentials = []string{"Authorization", "Proxy-Authorization", "Cookie", "Forwarded", "X-Forwarded-For"}

// bearerProtocol in Sec-WebSocket-Protocol is another way to write Authorization.
const bearerProtocol = "base64url.bearer.authorization.k8s.io."

// withoutBearer leaves out of a WebSocket's protocols the one that is a credential.
func withoutBearer(lines []string) []string {
	var kept []string
	for _, line := range lines {
		for protocol := range strings.SplitSeq(line, ",") {
			if p := strings.TrimSpace(protocol); p != "" && !strings.HasPrefix(strings.ToLower(p), bearerProtocol) {
				kept = append(kept, p)
			}
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return []string{strings.Join(kept, ", ")}
}

// foreign are headers by which a cluster's answer could act on a browser that reads it in our origin.
var foreign = []string{
	"Set-Cookie", "Clear-Site-Data", "Strict-Transport-Security", "Alt-Svc", "Refresh", "Service-Worker-Allowed",
	"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Report-To", "Nel", "Www-Authenticate", "Proxy-Authenticate",
}

// outgoing is the request as the agent gets it.
func outgoing(req *http.Request) *http.Request {
	out := new(http.Request)
	*out = *req
	out.Header = maps.Clone(req.Header) // the values are nobody's to change
	out.URL = &url.URL{Scheme: "http", Host: "cluster", Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	out.Host, out.RequestURI = "cluster", ""
	for _, name := range credentials {
		out.Header.Del(name)
	}
	if protocols, ok := out.Header["Sec-Websocket-Protocol"]; ok {
		out.Header["Sec-Websocket-Protocol"] = withoutBearer(protocols)
	}
	for name := range out.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "impersonate-") || strings.HasPrefix(lower, "x-remote-") {
			delete(out.Header, name)
		}
	}
	return out
}

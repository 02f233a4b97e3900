package kubeproxy_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/agent/policy"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

// patience is for things that take milliseconds.
const patience = 10 * time.Second

var (
	viewer = tunnel.Identity{User: "kubechat:user", Groups: []string{"kubechat:viewer"},
		Extra: map[string][]string{"kubechat.io/user": {"ann@example.com"}, "kubechat.io/session": {"s1"}, "kubechat.io/request": {"r1"}}}
	everyone = "identities: {groups: ['kubechat:viewer', 'kubechat:operator', 'kubechat:admin']}\n"
)

// rig is an agent's proxy between a tunnel and an API server that is the test's.
type rig struct {
	t     *testing.T
	api   *httptest.Server
	plane tunnel.Session
	seen  chan kubeproxy.Observation
}

func newRig(t *testing.T, rules string, api http.HandlerFunc) *rig {
	t.Helper()
	r := &rig{t: t, api: httptest.NewUnstartedServer(api), seen: make(chan kubeproxy.Observation, 4000)}
	r.api.EnableHTTP2 = true
	r.api.StartTLS()
	t.Cleanup(r.api.Close)
	base, err := url.Parse(r.api.URL)
	if err != nil {
		t.Fatal(err)
	}
	trust := r.api.Client().Transport.(*http.Transport).TLSClientConfig
	both := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true, DisableCompression: true}
	one := &http.Transport{TLSClientConfig: trust.Clone(), DisableKeepAlives: true, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	t.Cleanup(both.CloseIdleConnections)
	proxy := kubeproxy.New(kubeproxy.Config{
		Server: base, Requests: both, Upgrades: one, Policy: fixed(t, rules), Log: slog.New(slog.DiscardHandler),
		Own:       policy.Own{Namespace: "kubechat", NamePrefix: "kubechat-agent"},
		Authorize: func(h http.Header) error { h.Set("Authorization", "Bearer agents-own"); return nil },
		Observe:   func(o kubeproxy.Observation) { r.seen <- o },
	})
	agent, plane := tunneltest.Pair(t, tunnel.Config{}, tunnel.Config{})
	r.plane = plane
	server := &http.Server{
		Handler: proxy, ReadHeaderTimeout: patience, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			stream := c.(*tunnel.Conn)
			ctx, cancel := context.WithCancel(kubeproxy.WithHeader(ctx, stream.Header()))
			context.AfterFunc(stream.Context(), cancel)
			return ctx
		},
	}
	server.SetKeepAlivesEnabled(false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(agent)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return r
}

type fixedPolicy struct{ *policy.Policy }

func (f fixedPolicy) Current() (*policy.Policy, error) { return f.Policy, nil }

func fixed(t *testing.T, rules string) kubeproxy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	return fixedPolicy{p}
}

// as is a transport for one identity.
func (r *rig) as(id tunnel.Identity) *http.Transport {
	return r.with(tunnel.Header{Kind: tunnel.KindHTTP, RequestID: "req-1", Identity: id})
}

func (r *rig) with(h tunnel.Header) *http.Transport {
	return &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return r.plane.Open(ctx, h) },
	}
}

// do sends "METHOD /path" as the viewer, with headers given as "Name: value".
func (r *rig) do(line string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	return r.doAs(viewer, line, headers...)
}

func (r *rig) doAs(id tunnel.Identity, line string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	res, err := r.as(id).RoundTrip(newRequest(r.t, ctx, line, headers...))
	if err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	return res, string(body)
}

func newRequest(t *testing.T, ctx context.Context, line string, headers ...string) *http.Request {
	t.Helper()
	method, path, _ := strings.Cut(line, " ")
	req, err := http.NewRequestWithContext(ctx, method, "http://cluster"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	return req
}

// apiStatus is what the tests look at in a Status.
type apiStatus struct {
	Kind, Status, Message, Reason string
	Code                          int
	Details                       struct {
		Causes []struct{ Reason, Message, Field string }
	}
}

func readStatus(t *testing.T, body string) apiStatus {
	t.Helper()
	var s apiStatus
	if err := json.Unmarshal([]byte(body), &s); err != nil || s.Kind != "Status" || s.Status != "Failure" {
		t.Fatalf("not a Status: %v: %s", err, body)
	}
	return s
}

// within waits for one value.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		t.Fatalf("no %s within %s", what, patience)
		panic("not reached")
	}
}

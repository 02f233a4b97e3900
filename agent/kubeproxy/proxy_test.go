package kubeproxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/tunnel"
)

func TestRequestGoesOutAsThePersonWithTheAgentsCredentials(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	r := newRig(t, "{}", func(w http.ResponseWriter, req *http.Request) {
		got <- req
		_, _ = io.WriteString(w, `{"kind":"PodList"}`)
	})
	res, body := r.do("GET /api/v1/namespaces/shop/pods?limit=5&a=2&a=1", "Accept: application/json", "User-Agent: kubectl/v1.37",
		"Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"Authorization: Bearer stolen", "Impersonate-User: system:admin", "Impersonate-Group: system:masters", "Impersonate-Uid: 1",
		"Impersonate-Extra-Scopes: all", "Cookie: a=b", "X-Remote-User: root", "X-Remote-Group: system:masters", "X-Remote-Extra-A: b",
		"X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: evil", "Forwarded: for=1", "X-Original-Url: /x", "X-Http-Method-Override: DELETE",
		"Proxy-Authorization: Basic x", "Te: trailers", "Keep-Alive: 5", "X-Anything: at all")
	if res.StatusCode != 200 || body != `{"kind":"PodList"}` {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	req := within(t, "request", got)
	if req.ProtoMajor != 2 || req.URL.RequestURI() != "/api/v1/namespaces/shop/pods?a=2&a=1&limit=5" {
		t.Errorf("%s %s", req.Proto, req.URL.RequestURI())
	}
	want := map[string][]string{
		"Accept": {"application/json"}, "User-Agent": {"kubectl/v1.37"}, "Authorization": {"Bearer agents-own"}, "Audit-Id": {"req-1"},
		"Traceparent":      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		"Impersonate-User": {"kubechat:user"}, "Impersonate-Group": {"kubechat:viewer"}, "Impersonate-Extra-Kubechat.io%2fuser": {"ann@example.com"},
		"Impersonate-Extra-Kubechat.io%2fsession": {"s1"}, "Impersonate-Extra-Kubechat.io%2frequest": {"r1"},
	}
	for name, values := range req.Header {
		if !slices.Equal(want[name], values) {
			t.Errorf("%s: %q reached the API server, want %q", name, values, want[name])
		}
	}
	for name := range want {
		if len(req.Header[name]) == 0 {
			t.Errorf("%s did not reach the API server", name)
		}
	}
	if o := within(t, "observation", r.seen); o.Code != 200 || o.Refused || o.Info.Verb != "list" {
		t.Errorf("observed %+v", o)
	}
}

func TestRefusedRequestsNeverReachTheAPIServer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "readOnly: true", func(_ http.ResponseWriter, req *http.Request) {
		t.Errorf("%s %s reached the API server", req.Method, req.URL)
	})
	as := func(change func(*tunnel.Identity)) tunnel.Identity {
		id := viewer
		change(&id)
		return id
	}
	for _, c := range []struct {
		name, line string
		headers    []string
		id         tunnel.Identity
		code       int
		cause      string
		field      string
	}{
		{"a change under readOnly", "POST /api/v1/namespaces/shop/pods", nil, viewer, 403, kubeproxy.CausePolicy, "readOnly"},
		{"the own namespace", "DELETE /api/v1/namespaces/kubechat", nil, viewer, 403, kubeproxy.CauseGuard, ""},
		{"the own Secrets", "GET /api/v1/namespaces/kubechat/secrets/kubechat-agent-identity", nil, viewer, 403, kubeproxy.CauseGuard, ""},
		{"an exec", "GET /api/v1/namespaces/shop/pods/x/exec?command=sh", []string{"Connection: Upgrade", "Upgrade: websocket"}, viewer, 403, kubeproxy.CausePolicy, "readOnly"},
		{"metrics", "GET /metrics", nil, viewer, 403, kubeproxy.CausePolicy, "nonResourcePaths"},
		{"Secrets as protobuf", "GET /api/v1/namespaces/shop/secrets", []string{"Accept: application/vnd.kubernetes.protobuf"}, viewer, 403, kubeproxy.CausePolicy, "secrets"},
		{"Secrets as YAML", "GET /api/v1/namespaces/shop/secrets/a", []string{"Accept: application/yaml"}, viewer, 403, kubeproxy.CausePolicy, "secrets"},
		{"two slashes", "GET /api//v1/secrets", nil, viewer, 400, kubeproxy.CauseRequest, ""},
		{"dots", "GET /api/v1/namespaces/shop/pods/../../kubechat/secrets", nil, viewer, 400, kubeproxy.CauseRequest, ""},
		{"an encoded slash", "GET /api/v1/namespaces/shop%2fsecrets", nil, viewer, 400, kubeproxy.CauseRequest, ""},
		{"a method", "TRACE /api/v1/pods", nil, viewer, 400, kubeproxy.CauseRequest, ""},
		{"a group above the preset", "GET /api", nil, as(func(i *tunnel.Identity) { i.Groups = []string{"kubechat:admin"} }), 403, kubeproxy.CauseIdentity, "identities.groups"},
		{"system:masters", "GET /api", nil, as(func(i *tunnel.Identity) { i.Groups = []string{"system:masters"} }), 403, kubeproxy.CauseIdentity, "identities.groups"},
		{"no identity", "GET /api", nil, tunnel.Identity{}, 403, kubeproxy.CauseIdentity, ""},
		{"another user", "GET /api", nil, as(func(i *tunnel.Identity) { i.User = "system:admin" }), 403, kubeproxy.CauseIdentity, ""},
		{"a uid", "GET /api", nil, as(func(i *tunnel.Identity) { i.UID = "1" }), 403, kubeproxy.CauseIdentity, ""},
		{"a header in an extra", "GET /api", nil, as(func(i *tunnel.Identity) {
			i.Extra = map[string][]string{"kubechat.io/user": {"a\r\nImpersonate-Group: system:masters"}}
		}), 403, kubeproxy.CauseIdentity, ""},
		{"an extra's key", "GET /api", nil, as(func(i *tunnel.Identity) {
			i.Extra = map[string][]string{"a\r\nb": {"c"}}
		}), 403, kubeproxy.CauseIdentity, ""},
	} {
		res, body := r.doAs(c.id, c.line, c.headers...)
		s := readStatus(t, body)
		if res.StatusCode != c.code || s.Code != c.code || s.Message == "" || len(s.Details.Causes) != 1 ||
			s.Details.Causes[0].Reason != c.cause || s.Details.Causes[0].Field != c.field {
			t.Errorf("%s: %d %s", c.name, res.StatusCode, body)
		}
		if o := within(t, "observation", r.seen); !o.Refused || o.Code != c.code {
			t.Errorf("%s: observed %+v", c.name, o)
		}
	}
}

func TestInterleavedRequestsOfTwoPeopleNeverSwapNames(t *testing.T) {
	t.Parallel()
	r := newRig(t, everyone, func(w http.ResponseWriter, req *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s", req.Header.Get("Impersonate-Extra-Kubechat.io%2fuser"), req.Header["Impersonate-Group"])
	})
	people := []tunnel.Identity{
		{User: "kubechat:user", Groups: []string{"kubechat:viewer"}, Extra: map[string][]string{"kubechat.io/user": {"ann@example.com"}}},
		{User: "kubechat:user", Groups: []string{"kubechat:admin"}, Extra: map[string][]string{"kubechat.io/user": {"bob@example.com"}}},
	}
	var requests sync.WaitGroup
	limit := make(chan struct{}, 64) // requests at once
	for i := range 1000 {
		limit <- struct{}{}
		requests.Go(func() {
			defer func() { <-limit }()
			id := people[i%2]
			res, err := r.as(id).RoundTrip(newRequest(t, t.Context(), "GET /api/v1/namespaces/shop/pods"))
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if want := fmt.Sprintf("%s %s", id.Extra["kubechat.io/user"][0], id.Groups); err != nil || string(body) != want {
				t.Errorf("request %d: %q, %v, want %q", i, body, err, want)
			}
		})
	}
	requests.Wait()
}

func TestRedirectsLeadNowhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, "proxy: [services]", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		http.Redirect(w, req, "https://elsewhere.example.com/", http.StatusFound)
	})
	res, body := r.do("GET /api/v1/namespaces/shop/pods")
	if s := readStatus(t, body); res.StatusCode != 503 || res.Header.Get("Location") != "" || s.Details.Causes[0].Reason != kubeproxy.CauseUpstream {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, body)
	}
	res, _ = r.do("GET /api/v1/namespaces/shop/services/web/proxy/")
	if res.StatusCode != 302 || res.Header.Get("Set-Cookie") != "" {
		t.Errorf("a proxied application's redirect: %d %v", res.StatusCode, res.Header)
	}
}

func TestListsOverAllNamespacesAreNarrowed(t *testing.T) {
	t.Parallel()
	selectors := make(chan string, 1)
	r := newRig(t, "secrets: full\nnamespaces: {deny: [vault]}", func(_ http.ResponseWriter, req *http.Request) {
		selectors <- req.URL.Query().Get("fieldSelector")
	})
	r.do("GET /api/v1/secrets?fieldSelector=type%3DOpaque")
	if got := within(t, "selector", selectors); got != "type=Opaque,metadata.namespace!=vault,metadata.namespace!=kubechat" {
		t.Errorf("selector %q", got)
	}
}

func TestWatchEventsArriveOneByOneAndLeavingFreesTheAPIServer(t *testing.T) {
	t.Parallel()
	next, gone := make(chan string), make(chan struct{})
	r := newRig(t, "{}", func(w http.ResponseWriter, req *http.Request) {
		defer close(gone)
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case line := <-next:
				_, _ = io.WriteString(w, line)
				_ = http.NewResponseController(w).Flush()
			case <-req.Context().Done():
				return
			}
		}
	})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	res, err := r.as(viewer).RoundTrip(newRequest(t, ctx, "GET /api/v1/pods?watch=true"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, line := range []string{"first\n", "second\n"} {
		next <- line
		buf := make([]byte, len(line))
		if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != line {
			t.Fatalf("%q, %v", buf, err)
		}
	}
	leave()
	within(t, "end of the API server's handler", gone)
}

func TestAnswerThatBreaksOffDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t, "{}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half of")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	for _, path := range []string{"/api/v1/pods", "/api/v1/pods?watch=true"} {
		res, err := r.as(viewer).RoundTrip(newRequest(t, t.Context(), "GET "+path))
		if err != nil {
			continue // nothing of it was passed on
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("%s: %q ended cleanly", path, body)
		}
	}
}

func TestAPIServerThatIsAwayOrSlowIsNamed(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	r := newRig(t, "{}", func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-stuck:
		case <-req.Context().Done():
		}
	})
	defer close(stuck)
	header := tunnel.Header{Kind: tunnel.KindHTTP, Identity: viewer, Budget: 2 * time.Second}
	res, err := r.with(header).RoundTrip(newRequest(t, t.Context(), "GET /api/v1/pods"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if s := readStatus(t, string(body)); res.StatusCode != 504 || s.Reason != "Timeout" || s.Details.Causes[0].Reason != kubeproxy.CauseUpstream {
		t.Errorf("slow: %d %s", res.StatusCode, body)
	}

	r.api.CloseClientConnections()
	r.api.Listener.Close()
	res, text := r.do("GET /api/v1/pods")
	if s := readStatus(t, text); res.StatusCode != 503 || s.Reason != "ServiceUnavailable" || !strings.Contains(s.Message, "API server") {
		t.Errorf("away: %d %s", res.StatusCode, text)
	}
}

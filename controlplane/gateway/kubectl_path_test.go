package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/tunnel"
)

// door is the customers' listener with the kubectl path on it.
func (r *rig) door(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(r.KubectlHandler())
	t.Cleanup(srv.Close)
	return srv
}

// kubectl sends one request as the person.
func kubectl(t *testing.T, door *httptest.Server, who, method, path string, change ...func(*http.Request)) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, door.URL+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+who)
	for _, f := range change {
		f(req)
	}
	res, err := door.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func k8s(c cluster.Cluster, path string) string {
	return "/t/acme/clusters/" + string(c.ID) + "/k8s" + path
}

// intents lists the changes recorded in the cluster, newest first.
func (r *rig) intents(t *testing.T, id cluster.ID) []audit.Record {
	t.Helper()
	page, err := r.ledger.List(t.Context(), r.admin, audit.Query{Cluster: id, Kind: audit.KindIntent})
	if err != nil {
		t.Fatal(err)
	}
	return page.Records
}

func (r *rig) reads(t *testing.T, id cluster.ID) []audit.Record {
	t.Helper()
	page, err := r.ledger.List(t.Context(), r.admin, audit.Query{Cluster: id, Kind: audit.KindRead})
	if err != nil {
		t.Fatal(err)
	}
	return page.Records
}

func TestKubectlReadsAreRecordedWithinASecondOrTwo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Set-Cookie", "kc_1=stolen")
		w.Header().Set("Warning", `299 - "old"`)
		fmt.Fprint(w, req.URL.RequestURI())
	})
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupOperator)
	res, body := kubectl(t, r.door(t), "op@acme.test", http.MethodGet, k8s(c, "/api/v1/namespaces/shop/pods?limit=500"))
	if res.StatusCode != http.StatusOK || body != "/api/v1/namespaces/shop/pods?limit=500" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if res.Header.Get("Set-Cookie") != "" || res.Header.Get("Warning") == "" || res.Header.Get("X-Request-Id") == "" {
		t.Errorf("headers %v", res.Header)
	}
	eventually(t, "the read is recorded", func() bool {
		reads := r.reads(t, c.ID)
		return len(reads) == 1 && reads[0].Target.Verb == "list" && reads[0].Target.Resource == "pods" &&
			reads[0].Target.Namespace == "shop" && reads[0].Actor.Email == "op@acme.test" && reads[0].HTTPStatus == 200 &&
			reads[0].RequestID == res.Header.Get("X-Request-Id")
	})
	if n := len(r.intents(t, c.ID)); n != 0 {
		t.Errorf("%d intents", n)
	}
}

func TestKubectlChangeHasItsIntentBeforeTheFirstByteAndItsResultBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var c cluster.Cluster
	at := make(chan int, 1) // intents when the agent saw the request
	outcome := http.StatusOK
	c, _ = r.connected(t, "prod", func(w http.ResponseWriter, _ *http.Request) {
		at <- len(r.intents(t, c.ID))
		w.WriteHeader(outcome)
	})
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupOperator)
	door := r.door(t)
	for n, want := range []struct {
		status  int
		outcome audit.Outcome
	}{
		{http.StatusOK, audit.Succeeded}, {http.StatusForbidden, audit.Denied}, {http.StatusConflict, audit.Failed},
		{http.StatusGatewayTimeout, audit.Unknown},
	} {
		outcome = want.status
		res, _ := kubectl(t, door, "op@acme.test", http.MethodDelete, k8s(c, "/api/v1/namespaces/shop/pods/web-1"))
		if res.StatusCode != want.status {
			t.Errorf("answered %d for %d", res.StatusCode, want.status)
		}
		if seen := <-at; seen != n+1 {
			t.Errorf("the agent saw request %d with %d intents", n+1, seen)
		}
		last := r.intents(t, c.ID)[0]
		if last.Outcome != want.outcome || last.HTTPStatus != want.status || last.Target.Verb != "delete" || last.K8sGroup != cluster.GroupOperator {
			t.Errorf("%d is recorded as %+v", want.status, last)
		}
	}
}

func TestKubectlIsToldInItsOwnWordsWhyNot(t *testing.T) {
	t.Parallel()
	r := newRig(t, impatient)
	sent := make(chan struct{}, 100) // more than are sent
	c, _ := r.connected(t, "prod", func(http.ResponseWriter, *http.Request) { sent <- struct{}{} })
	away, _ := r.joined(t, "away")
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupOperator)
	r.member(t, "eve@acme.test", tenant.Viewer, c.ID, cluster.GroupAdmin)
	door := r.door(t)
	header := func(name, value string) func(*http.Request) {
		return func(req *http.Request) { req.Header[name] = []string{value} }
	}
	pod := "/api/v1/namespaces/shop/pods/web-1"
	for name, s := range map[string]struct {
		who, method, path string
		change            []func(*http.Request)
		code              int
		reason, says      string
	}{
		"nobody":                   {"mallory", "GET", k8s(c, pod), nil, 401, "Unauthorized", "signed in"},
		"a viewer who changes":     {"eve@acme.test", "DELETE", k8s(c, pod), nil, 403, "Forbidden", "tenant_viewer"},
		"a viewer's exec":          {"eve@acme.test", "GET", k8s(c, pod+"/exec?command=sh"), nil, 403, "Forbidden", "tenant_viewer"},
		"a viewer's Secret":        {"eve@acme.test", "GET", k8s(c, "/api/v1/namespaces/shop/secrets/db"), nil, 403, "Forbidden", "tenant_viewer"},
		"impersonation":            {"op@acme.test", "GET", k8s(c, pod), []func(*http.Request){header("Impersonate-User", "root")}, 403, "Forbidden", "--as"},
		"impersonation of groups":  {"op@acme.test", "GET", k8s(c, pod), []func(*http.Request){header("Impersonate-Group", "system:masters")}, 403, "Forbidden", "--as"},
		"another tenant's slug":    {"op@acme.test", "GET", strings.Replace(k8s(c, pod), "acme", "other", 1), nil, 404, "NotFound", ""},
		"no such cluster":          {"op@acme.test", "GET", k8s(cluster.Cluster{ID: cluster.NewID()}, pod), nil, 404, "NotFound", ""},
		"no id of a cluster":       {"op@acme.test", "GET", k8s(cluster.Cluster{ID: "prod"}, pod), nil, 404, "NotFound", ""},
		"a path of two meanings":   {"op@acme.test", "GET", k8s(c, "/api/v1/namespaces/shop/pods/..%2f..%2fsecrets"), nil, 400, "BadRequest", ""},
		"a dot segment":            {"op@acme.test", "GET", k8s(c, "/api/v1/namespaces/shop/%2e%2e/pods"), nil, 400, "BadRequest", ""},
		"an unknown method":        {"op@acme.test", "TRACE", k8s(c, pod), nil, 400, "BadRequest", ""},
		"a cluster that is away":   {"op@acme.test", "GET", k8s(away, pod), nil, 503, "ServiceUnavailable", "not connected"},
		"a change of one, as well": {"op@acme.test", "DELETE", k8s(away, pod), nil, 503, "ServiceUnavailable", "not connected"},
	} {
		res, body := kubectl(t, door, s.who, s.method, s.path, s.change...)
		var status struct {
			Kind, Status, Reason, Message string
			Code                          int
		}
		if err := json.Unmarshal([]byte(body), &status); err != nil {
			t.Errorf("%s: no Status: %s", name, body)
			continue
		}
		if res.StatusCode != s.code || status.Code != s.code || status.Kind != "Status" || status.Status != "Failure" ||
			status.Reason != s.reason || !strings.Contains(status.Message, s.says) {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
	if len(sent) != 0 {
		t.Errorf("%d refused requests reached the agent", len(sent))
	}
	eventually(t, "the change that was not sent is not left unknown", func() bool {
		in := r.intents(t, away.ID)
		return len(in) == 1 && (in[0].Outcome == audit.Failed || in[0].Outcome == audit.Denied)
	})
	if n := len(r.intents(t, c.ID)); n != 0 {
		t.Errorf("%d intents of refused changes", n)
	}
}

// upgrade opens a connection that leaves HTTP.
func upgrade(t *testing.T, door *httptest.Server, who, path string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", door.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"+
		"X-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n\r\n", path, who)
	br := bufio.NewReader(conn)
	res, err := http.ReadResponse(br, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Upgrade") != "SPDY/3.1" {
		t.Fatalf("no upgrade: %v, %v", res, err)
	}
	return conn, br
}

// takeOver answers an upgrade and gives the connection.
func takeOver(t *testing.T, w http.ResponseWriter, req *http.Request) (net.Conn, *bufio.ReadWriter) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", req.Header.Get("Upgrade"))
	_ = rw.Flush()
	return conn, rw
}

func TestExecIsCarriedToItsLastByteAndRecordedAtItsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		conn, rw := takeOver(t, w, req)
		defer conn.Close()
		input, err := io.ReadAll(rw) // to the end of the input, then minutes of output
		if err != nil {
			t.Error(err)
		}
		for range 64 {
			_, _ = conn.Write([]byte(strings.Repeat("o", 32<<10)))
		}
		fmt.Fprintf(conn, "%d", len(input))
	})
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupOperator)
	conn, br := upgrade(t, r.door(t), "op@acme.test", k8s(c, "/api/v1/namespaces/shop/pods/web-1/exec?command=wc&command=-c&container=web&stdin=true"))
	if in := r.intents(t, c.ID); len(in) != 1 || in[0].Outcome != "" || !strings.Contains(in[0].Command, "wc") {
		t.Errorf("while it goes on: %+v", in)
	}
	_, _ = conn.Write([]byte(strings.Repeat("i", 1<<20)))
	_ = conn.(*net.TCPConn).CloseWrite()
	out, err := io.ReadAll(br)
	if err != nil || len(out) != 64*32<<10+len("1048576") || !strings.HasSuffix(string(out), "1048576") {
		t.Errorf("%d bytes came back, %v", len(out), err)
	}
	_ = conn.Close()
	eventually(t, "its result is recorded", func() bool { return r.intents(t, c.ID)[0].Outcome != "" })
	if in := r.intents(t, c.ID)[0]; in.Outcome != audit.Succeeded || in.HTTPStatus != http.StatusSwitchingProtocols {
		t.Errorf("recorded as %+v", in)
	}
}

func TestExecLeftByItsClientEndsAtTheAgent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ended := make(chan struct{})
	c, _ := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		conn, rw := takeOver(t, w, req)
		defer conn.Close()
		_, _ = io.Copy(io.Discard, rw)
		close(ended)
	})
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupOperator)
	conn, _ := upgrade(t, r.door(t), "op@acme.test", k8s(c, "/api/v1/namespaces/shop/pods/web-1/exec?command=sh&stdin=true"))
	_ = conn.Close()
	within(t, "the agent's side ends", 5*time.Second, ended)
	eventually(t, "its result is recorded", func() bool { return r.intents(t, c.ID)[0].Outcome != "" })
}

func TestExecCutByRevocationIsNotCalledDone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, a := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		conn, rw := takeOver(t, w, req)
		defer conn.Close()
		_, _ = io.Copy(io.Discard, rw)
	})
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupOperator)
	_, br := upgrade(t, r.door(t), "op@acme.test", k8s(c, "/api/v1/namespaces/shop/pods/web-1/exec?command=sh&stdin=true"))
	if _, err := r.clusters.Revoke(t.Context(), r.admin, c.ID); err != nil {
		t.Fatal(err)
	}
	within(t, "the session ends", 5*time.Second, a.Done())
	_, _ = io.ReadAll(br)
	eventually(t, "its result is recorded", func() bool { return r.intents(t, c.ID)[0].Outcome != "" })
	if in := r.intents(t, c.ID)[0]; in.Outcome != audit.Unknown {
		t.Errorf("recorded as %+v", in)
	}
}

func TestLostAnswerOfAChangeIsRecordedAsUnknown(t *testing.T) {
	t.Parallel()
	r := newRig(t, impatient)
	begun := make(chan struct{})
	c, a := r.connected(t, "prod", func(_ http.ResponseWriter, req *http.Request) {
		close(begun)
		<-req.Context().Done()
	})
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupOperator)
	go func() {
		<-begun
		_ = a.CloseWith(tunnel.ReasonShutdown, "")
	}()
	res, body := kubectl(t, r.door(t), "op@acme.test", http.MethodDelete, k8s(c, "/api/v1/namespaces/shop/pods/web-1"))
	if res.StatusCode < 500 || !strings.Contains(body, `"kind":"Status"`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if in := r.intents(t, c.ID)[0]; in.Outcome != audit.Unknown {
		t.Errorf("recorded as %+v", in)
	}
}

func TestWatchIsPassedOnEventByEvent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	next := make(chan struct{})
	c, _ := r.connected(t, "prod", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = w.Write([]byte("{\"type\":\"ADDED\"}\n"))
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupViewer)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.door(t).URL+k8s(c, "/api/v1/pods?watch=true"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer op@acme.test")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for range 3 {
		if line, err := lines.ReadString('\n'); err != nil || line != "{\"type\":\"ADDED\"}\n" {
			t.Fatalf("%q, %v", line, err)
		}
		next <- struct{}{} // only now does the agent go on
	}
}

func TestMemberHasABoundedNumberOfRequestsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.MaxPerMember = 2 })
	begun, release := make(chan struct{}), make(chan struct{})
	c, _ := r.connected(t, "prod", func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/api/v1/pods" {
			begun <- struct{}{}
			<-release
		}
	})
	r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupViewer)
	r.member(t, "other@acme.test", tenant.User, c.ID, cluster.GroupViewer)
	door := r.door(t)
	done := make(chan struct{}, 2) // one for each
	for range 2 {
		go func() {
			defer func() { done <- struct{}{} }()
			kubectl(t, door, "op@acme.test", http.MethodGet, k8s(c, "/api/v1/pods"))
		}()
		within(t, "it arrives", patience, begun)
	}
	if res, body := kubectl(t, door, "op@acme.test", http.MethodGet, k8s(c, "/api")); res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if res, body := kubectl(t, door, "other@acme.test", http.MethodGet, k8s(c, "/api")); res.StatusCode != 200 {
		t.Errorf("another member: %d %s", res.StatusCode, body)
	}
	close(release)
	<-done
	<-done
}

func TestGroupOfARequestIsTheOneOfThisMoment(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	seen := make(chan string, 1) // one request at a time
	c, _ := r.connected(t, "prod", func(_ http.ResponseWriter, req *http.Request) { seen <- header(req).Identity.Groups[0] })
	op := r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupAdmin)
	door := r.door(t)
	for _, group := range []cluster.Group{cluster.GroupAdmin, cluster.GroupViewer, cluster.GroupOperator} {
		if err := r.clusters.SetGroup(t.Context(), r.admin, c.ID, op.Member, group); err != nil {
			t.Fatal(err)
		}
		kubectl(t, door, "op@acme.test", http.MethodGet, k8s(c, "/api"))
		if got := <-seen; got != "kubechat:"+string(group) {
			t.Errorf("sent as %s, being %s", got, group)
		}
	}
}

func TestRecheckEndsAWatchWhoseTokenWasRevoked(t *testing.T) {
	t.Parallel()
	over := problem.New(problem.Unauthenticated, "The token was revoked.")
	var revoked atomic.Bool
	r := newRig(t, func(c *gateway.Config) {
		c.RecheckEvery = 10 * time.Millisecond
		c.Recheck = func(context.Context, tenant.Scope) error {
			if revoked.Load() {
				return over
			}
			return nil
		}
	})
	ended := make(chan struct{})
	c, _ := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done()
		close(ended)
	})
	r.member(t, "gone@acme.test", tenant.User, c.ID, cluster.GroupViewer)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.door(t).URL+k8s(c, "/api/v1/pods?watch=true"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer gone@acme.test")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	revoked.Store(true)
	within(t, "the watch ends at the agent", patience, ended)
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the watch looks complete")
	}
}

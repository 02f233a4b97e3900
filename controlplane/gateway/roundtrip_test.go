package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/gateway"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
)

func clusterOf(id pki.Identity) cluster.ID { return cluster.ID(id.ID.Cluster) }

func tenantOf(id pki.Identity) tenant.ID { return tenant.ID(id.ID.Tenant) }

func sessionsOf(r *rig, id pki.Identity) int {
	return r.Sessions(tenant.ID(id.ID.Tenant), clusterOf(id))
}

func impatient(c *gateway.Config) { c.WaitSession = 200 * time.Millisecond }

// TestIdentitiesOfInterleavedRequestsNeverMix is the promise of one stream per request: 1,000 requests of two members in
// different groups over one session.
func TestIdentitiesOfInterleavedRequestsNeverMix(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var mixed atomic.Int32
	c, _ := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		who := header(req).Identity
		// The path says whose request it is; nothing else in it does.
		if len(who.Extra["kubechat.io/user"]) != 1 || req.URL.Path != "/"+who.Extra["kubechat.io/user"][0]+"/"+who.Groups[0] ||
			len(who.Groups) != 1 || who.User != "kubechat:user" || header(req).RequestID != req.Header.Get("X-Request-Id") ||
			who.Extra["kubechat.io/request"][0] != req.Header.Get("X-Request-Id") {
			mixed.Add(1)
		}
		body, _ := io.ReadAll(req.Body)
		_, _ = w.Write(body)
	})
	people := map[string]tenant.Scope{
		"kubechat:operator": r.member(t, "op@acme.test", tenant.User, c.ID, cluster.GroupOperator),
		"kubechat:admin":    r.member(t, "root@acme.test", tenant.User, c.ID, cluster.GroupAdmin),
	}
	var wg sync.WaitGroup
	turns := make(chan struct{}, 32) // requests at once
	for n := range 500 {
		for group, scope := range people {
			turns <- struct{}{}
			wg.Go(func() {
				defer func() { <-turns }()
				want := strings.Repeat(scope.Email, rand.IntN(2000))
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x/"+scope.Email+"/"+group, strings.NewReader(want))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("X-Request-Id", fmt.Sprintf("%s-%d", scope.Member, n))
				res, err := r.RoundTrip(scope, c.ID, req)
				if err != nil {
					t.Error(err)
					return
				}
				defer res.Body.Close()
				if got, err := io.ReadAll(res.Body); err != nil || string(got) != want {
					t.Errorf("%d bytes of %d came back, %v", len(got), len(want), err)
				}
			})
		}
	}
	wg.Wait()
	if n := mixed.Load(); n != 0 {
		t.Errorf("%d of 1000 requests carried another's identity", n)
	}
}

func TestCredentialsDoNotPassTheTunnel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	seen := make(chan http.Header, 1) // of the one request
	c, _ := r.connected(t, "prod", func(_ http.ResponseWriter, req *http.Request) { seen <- req.Header })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Authorization", "Cookie", "Impersonate-User", "Impersonate-Extra-Scopes", "X-Remote-Group", "Proxy-Authorization"} {
		req.Header.Set(name, "canary")
	}
	req.Header.Set("Accept", "application/json")
	res, err := r.RoundTrip(r.admin, c.ID, req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	got := <-seen
	for name, values := range got {
		if strings.Contains(strings.Join(values, ""), "canary") {
			t.Errorf("%s passed", name)
		}
	}
	if got.Get("Accept") != "application/json" {
		t.Error("Accept did not")
	}
}

func TestIndexTransportIsNobodysAndReadsNamesOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	seen := make(chan tunnel.Identity, 1) // of the one request
	c, _ := r.connected(t, "prod", func(_ http.ResponseWriter, req *http.Request) { seen <- header(req).Identity })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.IndexTransport(r.admin.Tenant, c.ID).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if who := <-seen; len(who.Groups) != 1 || who.Groups[0] != "kubechat:index" || len(who.Extra) != 0 {
		t.Errorf("came as %+v", who)
	}
}

func TestOtherTenantsClusterIsNotFoundAndNothingIsSent(t *testing.T) {
	t.Parallel()
	r := newRig(t, impatient)
	c, _ := r.connected(t, "prod", func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	other := storetest.Tenant(t, r.db.DB, "other")
	for name, id := range map[string]cluster.ID{"theirs": c.ID, "nobody's": cluster.NewID(), "no id": "x"} {
		_, err := r.get(t.Context(), other, id, "/api")
		if !problem.Is(err, problem.NotFound) || !errors.Is(err, gateway.ErrNotSent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequestWaitsForItsClusterAndSaysWhyInTheEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, impatient)
	c, id := r.joined(t, "prod")
	_, err := r.get(t.Context(), r.admin, c.ID, "/api")
	p := problem.As(err)
	if p.Kind != problem.Unavailable || p.Code != "cluster_disconnected" || !strings.Contains(p.Detail, "prod") || !errors.Is(err, gateway.ErrNotSent) {
		t.Fatalf("got %#v", p)
	}
	a := r.agent(t, id, tunnel.Config{}, hello)
	_ = a.Close()
	eventually(t, "the session is gone", func() bool { return sessionsOf(r, id) == 0 })
	eventually(t, "the problem says when it was last seen, and why", func() bool {
		_, err = r.get(t.Context(), r.admin, c.ID, "/api")
		return strings.Contains(problem.As(err).Detail, "last seen") && strings.Contains(problem.As(err).Detail, "closed")
	})
}

func TestRequestIsAnsweredByTheSessionItWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.WaitSession = patience })
	c, id := r.joined(t, "prod")
	answered := make(chan string, 1) // of the one request
	go func() {
		body, err := r.get(t.Context(), r.admin, c.ID, "/waited")
		answered <- fmt.Sprint(body, err)
	}()
	r.agent(t, id, tunnel.Config{}, hello)
	if got := <-answered; got != "/waited<nil>" {
		t.Errorf("got %s", got)
	}
}

func TestRefusedRequestGoesToAnotherSession(t *testing.T) {
	t.Parallel()
	r := newRig(t, impatient)
	c, id := r.joined(t, "prod")
	var asked atomic.Int32
	full := tunnel.Config{Admit: func(tunnel.Header) (tunnel.RefuseCode, string) { asked.Add(1); return tunnel.RefuseOverloaded, "full" }}
	r.agent(t, id, full, hello)
	_, err := r.get(t.Context(), r.admin, c.ID, "/a")
	if p := problem.As(err); p.Kind != problem.Limited || p.Code != "agent_overloaded" || !errors.Is(err, gateway.ErrNotSent) {
		t.Errorf("with one, full session: %v", err)
	}
	r.agent(t, id, tunnel.Config{}, hello)
	for range 20 {
		if body, err := r.get(t.Context(), r.admin, c.ID, "/a"); err != nil || body != "/a" {
			t.Fatalf("got %q, %v", body, err)
		}
	}
	if asked.Load() < 2 {
		t.Error("the full session was never asked")
	}
}

func TestRequestsGoToTheLessLoadedSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, id := r.joined(t, "prod")
	var served [2]atomic.Int32
	release := make(chan struct{})
	for n := range served {
		r.agent(t, id, tunnel.Config{}, func(_ http.ResponseWriter, req *http.Request) {
			served[n].Add(1)
			select {
			case <-release:
			case <-req.Context().Done():
			}
		})
	}
	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() { _, _ = r.get(t.Context(), r.admin, c.ID, "/a") })
		eventually(t, "it arrived", func() bool { return int(served[0].Load()+served[1].Load()) == n+1 })
	}
	if a, b := served[0].Load(), served[1].Load(); a != 5 || b != 5 {
		t.Errorf("%d and %d", a, b)
	}
	close(release)
	wg.Wait()
}

func TestCancelledRequestEndsTheAgentsWork(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	begun, ended := make(chan struct{}), make(chan struct{})
	c, _ := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-req.Context().Done()
		close(ended)
	})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1) // of the one request
	go func() {
		_, err := r.get(ctx, r.admin, c.ID, "/logs")
		failed <- err
	}()
	within(t, "the request arrives", patience, begun)
	cancel()
	within(t, "the agent's context ends", 2*time.Second, ended)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnswerLeftByItsReaderEndsTheAgentsWork(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ended := make(chan struct{})
	c, _ := r.connected(t, "prod", func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		line := make([]byte, 32<<10)
		for {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/logs", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.RoundTrip(r.admin, c.ID, req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	_ = res.Body.Close()
	within(t, "the agent's writer is freed", 5*time.Second, ended)
}

func TestLostAnswerIsNotCalledUnsent(t *testing.T) {
	t.Parallel()
	r := newRig(t, impatient)
	begun := make(chan struct{})
	c, a := r.connected(t, "prod", func(_ http.ResponseWriter, req *http.Request) {
		close(begun)
		<-req.Context().Done()
	})
	failed := make(chan error, 1) // of the one request
	go func() {
		_, err := r.get(t.Context(), r.admin, c.ID, "/apis")
		failed <- err
	}()
	within(t, "the request arrives", patience, begun)
	_ = a.CloseWith(tunnel.ReasonShutdown, "")
	if err := <-failed; err == nil || errors.Is(err, gateway.ErrNotSent) {
		t.Errorf("got %v", err)
	}
}

func TestTruncatedAnswerNeverLooksComplete(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, a := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done()
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/pods", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.RoundTrip(r.admin, c.ID, req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 4)); err != nil {
		t.Error(err)
	}
	_ = a.CloseWith(tunnel.ReasonShutdown, "")
	if rest, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("a clean end after %q", rest)
	}
}

func TestStoppingReplicaLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	begun, release := make(chan struct{}), make(chan struct{})
	c, a := r.connected(t, "prod", func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		_, _ = w.Write([]byte("done"))
	})
	answered := make(chan string, 1) // of the one request
	go func() {
		body, err := r.get(t.Context(), r.admin, c.ID, "/slow")
		answered <- fmt.Sprint(body, err)
	}()
	within(t, "the request arrives", patience, begun)
	stopped := make(chan struct{})
	go func() { defer close(stopped); r.stop() }()
	within(t, "the agent is asked to go elsewhere", patience, a.Draining())
	close(release)
	if got := <-answered; got != "done<nil>" {
		t.Errorf("got %s", got)
	}
	within(t, "it stops", patience, stopped)
	var cause *tunnel.CloseError
	within(t, "the agent hears of it", patience, a.Done())
	if !errors.As(a.Cause(), &cause) || cause.Reason != tunnel.ReasonShutdown {
		t.Errorf("told: %v", a.Cause())
	}
	if now, err := r.clusters.Get(t.Context(), r.admin, c.ID); err != nil || now.Sessions != 0 {
		t.Errorf("left behind: %+v, %v", now, err)
	}
}

func TestBytesPassUntouchedBothWays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.connected(t, "prod", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Encoding", "gzip") // says so, and is not: nobody may look
		_, _ = io.Copy(w, req.Body)
	})
	want := make([]byte, 8<<20)
	for n := range want {
		want[n] = byte(rand.Uint32())
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x/big?b=2&a=%2F", strings.NewReader(string(want)))
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.RoundTrip(r.admin, c.ID, req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != string(want) || res.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
	}
}

func TestRequestIDIsTheCallersOrMadeUp(t *testing.T) {
	t.Parallel()
	type idKey struct{}
	r := newRig(t, func(c *gateway.Config) {
		c.RequestID = func(ctx context.Context) string { id, _ := ctx.Value(idKey{}).(string); return id }
	})
	seen := make(chan string, 1) // one request at a time
	c, _ := r.connected(t, "prod", func(_ http.ResponseWriter, req *http.Request) { seen <- header(req).RequestID })
	if _, err := r.get(context.WithValue(t.Context(), idKey{}, "outer"), r.admin, c.ID, "/"); err != nil || <-seen != "outer" {
		t.Error("the outer layer's id is lost", err)
	}
	if _, err := r.get(t.Context(), r.admin, c.ID, "/"); err != nil {
		t.Fatal(err)
	}
	if _, err := uuid.Parse(<-seen); err != nil {
		t.Error(err)
	}
}

package httpapi_test

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/httpapi"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func soon() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }

func TestCommittedDescriptionIsTheHandlersOwn(t *testing.T) {
	t.Parallel()
	committed, err := os.ReadFile("../../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != string(httpapi.Describe()) {
		t.Error("api/openapi.yaml is not what the handlers say: go run ./controlplane/cmd/kubechatd openapi > api/openapi.yaml")
	}
	w := setup(t)
	served := (&caller{t: t, url: w.url}).send((&caller{t: t, url: w.url}).request(http.MethodGet, "/openapi.yaml", ""))
	if served.want(t, http.StatusOK).body != string(committed) {
		t.Error("what is served differs from what is committed")
	}
}

func TestProblemsRepeatNothingThatWasSent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.tenant("acme")
	const secret = "s3cretvalue"
	bodies := map[string]string{
		"wrong type":       `{"name":{"a":"` + secret + `"}}`,
		"unknown property": `{"name":"x","` + secret + `":1}`,
		"not JSON":         `{"name":` + secret + `}`,
		"too long":         `{"name":"` + strings.Repeat(secret, 20) + `"}`,
		"no object":        `["` + secret + `"]`,
		"missing":          `{"nam":"` + secret + `"}`,
	}
	for name, body := range bodies {
		a := acme.call(http.MethodPost, "/clusters", body)
		if a.status < 400 || a.status >= 500 {
			t.Errorf("%s: %d", name, a.status)
		}
		if strings.Contains(a.body, secret) {
			t.Errorf("%s: the value is in %s", name, a.body)
		}
		if a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: content type %s", name, a.header.Get("Content-Type"))
		}
		var p httpapi.Problem
		a.json(t, &p)
		if p.Type == "" || p.Title == "" || p.Status != a.status || p.Detail == "" || p.RequestID != "the-request" {
			t.Errorf("%s: incomplete problem %s", name, a.body)
		}
	}
	for _, query := range []string{"?limit=" + secret, "?kind=" + secret, "?limit=-1"} {
		if a := acme.call(http.MethodGet, "/audit"+query, ""); a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, secret) {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestAnswersCannotBeFramedCachedOrSniffed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a := w.tenant("acme").call(http.MethodGet, "/clusters", "").want(t, http.StatusOK)
	for header, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security": "max-age=", "X-Request-Id": "the-request",
	} {
		if !strings.Contains(a.header.Get(header), want) {
			t.Errorf("%s: %q", header, a.header.Get(header))
		}
	}
}

func TestOtherSitesPagesCannotAct(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.tenant("acme")
	for name, change := range map[string]func(*http.Request){
		"cross-site fetch": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"other origin":     func(r *http.Request) { r.Header.Set("Origin", "https://evil.test") },
		"form as text":     func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"form":             func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"no type":          func(r *http.Request) { r.Header.Del("Content-Type") },
	} {
		req := acme.request(http.MethodPost, "/t/acme/clusters", `{"name":"x"}`)
		change(req)
		if a := acme.send(req); a.status != http.StatusForbidden && a.status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if a := acme.call(http.MethodGet, "/clusters", ""); strings.Contains(a.body, `"x"`) {
		t.Error("a cluster was made")
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a := w.tenant("acme").call(http.MethodPost, "/clusters", `{"name":"`+strings.Repeat("x", 1<<20)+`"}`)
	a.want(t, http.StatusRequestEntityTooLarge)
}

func TestSameIdempotencyKeyCreatesOnceAndAnswersTheSame(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.tenant("acme")
	send := func(c *caller, key, body string) answer {
		req := c.request(http.MethodPost, "/t/"+c.scope.Slug+"/clusters", body)
		req.Header.Set("Idempotency-Key", key)
		return c.send(req)
	}
	const key = "0190a5c2-1111-7000-8000-000000000001"
	first := send(acme, key, `{"name":"prod"}`).want(t, http.StatusCreated)
	again := send(acme, key, `{"name":"prod"}`).want(t, http.StatusCreated)
	if first.body != again.body {
		t.Errorf("first %s, then %s", first.body, again.body)
	}
	var all struct{ Items []httpapi.Cluster }
	acme.call(http.MethodGet, "/clusters", "").json(t, &all)
	if len(all.Items) != 1 {
		t.Errorf("%d clusters", len(all.Items))
	}
	send(acme, key, `{"name":"staging"}`).want(t, http.StatusConflict)
	send(acme, "short", `{"name":"x"}`).want(t, http.StatusUnprocessableEntity)
	// the key is the member's own, and a failure gives it back
	send(w.member(acme, "bea@acme.test", tenant.Admin), key, `{"name":"other"}`).want(t, http.StatusCreated)
	const key2 = "0190a5c2-1111-7000-8000-000000000002"
	send(acme, key2, `{"name":"prod"}`).want(t, http.StatusConflict)
	send(acme, key2, `{"name":"free"}`).want(t, http.StatusCreated)
}

func TestRacingRequestsWithOneKeyCreateOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.tenant("acme")
	var wg sync.WaitGroup
	got := make(chan answer, 8) // one slot per request
	for range cap(got) {
		req := acme.request(http.MethodPost, "/t/acme/members", `{"email":"bea@acme.test","name":"Bea","role":"tenant_user"}`)
		req.Header.Set("Idempotency-Key", "0190a5c2-1111-7000-8000-000000000009")
		wg.Go(func() { got <- acme.send(req) })
	}
	wg.Wait()
	close(got)
	bodies := map[string]bool{}
	for a := range got {
		switch {
		case a.status == http.StatusCreated:
			bodies[a.body] = true
		case a.status != http.StatusConflict || !strings.Contains(a.body, "idempotency_in_progress"):
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("%d different answers", len(bodies))
	}
}

func TestKeptAnswersHoldNoSecretForWhoReadsTheDatabase(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.tenant("acme")
	req := acme.request(http.MethodPost, "/t/acme/tokens", `{"name":"ci","expiresAt":"`+soon()+`"}`)
	req.Header.Set("Idempotency-Key", "0190a5c2-1111-7000-8000-000000000003")
	var made struct{ Token string }
	acme.send(req).want(t, http.StatusCreated).json(t, &made)
	if !strings.HasPrefix(made.Token, "kcp_") {
		t.Fatalf("token %q", made.Token)
	}
	w.db.Exec(t, `do $$ begin
		if exists (select from idempotency where position(convert_to('kcp_', 'UTF8') in sealed) > 0) then
			raise exception 'a token is readable in idempotency'; end if;
		if not exists (select from idempotency where sealed is not null) then raise exception 'nothing was kept'; end if;
	end $$`)
}

func TestTooManyRequestsAreToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *httpapi.Config) {
		c.LoginLimit = httpapi.Limit{PerSecond: 0.5, Burst: 3}
		c.AddressLimit = httpapi.Limit{PerSecond: 0.5, Burst: 3}
	})
	acme := w.tenant("acme")
	for range 3 {
		acme.call(http.MethodGet, "/clusters", "").want(t, http.StatusOK)
	}
	a := acme.call(http.MethodGet, "/clusters", "").want(t, http.StatusTooManyRequests)
	if after := a.header.Get("Retry-After"); after != "1" && after != "2" {
		t.Errorf("Retry-After %q", after)
	}
	w.caller(acme.scope).call(http.MethodGet, "/clusters", "").want(t, http.StatusOK) // another token of the same person

	nobody := &caller{t: t, url: w.url}
	for range 3 {
		nobody.send(nobody.request(http.MethodGet, "/t/acme/clusters", "")).want(t, http.StatusUnauthorized)
	}
	nobody.send(nobody.request(http.MethodPost, "/session", `{"token":"kcp_guess"}`)).want(t, http.StatusTooManyRequests)
}

func TestBrowserSignsInActsAndSignsOut(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *httpapi.Config) { c.Secure = false })
	acme := w.tenant("acme")
	nobody := &caller{t: t, url: w.url}
	in := nobody.send(nobody.request(http.MethodPost, "/session", `{"token":"`+acme.token.Reveal()+`"}`)).want(t, http.StatusOK)
	cookie := (&http.Response{Header: in.header}).Cookies()[0]
	browser := func(method, path, body string) answer {
		req := nobody.request(method, path, body)
		req.AddCookie(cookie)
		return nobody.send(req)
	}
	var s httpapi.Session
	browser(http.MethodGet, "/session", "").want(t, http.StatusOK).json(t, &s)
	if len(s.Logins) != 1 || s.Logins[0].Tenant.Slug != "acme" || s.Logins[0].Role != tenant.Admin {
		t.Fatalf("%+v", s)
	}
	var page httpapi.TenantPage
	browser(http.MethodGet, "/t/acme", "").want(t, http.StatusOK).json(t, &page)
	if page.Me.Email != acme.scope.Email || len(page.Me.Actions) != len(tenant.Actions) || page.Slug != "acme" {
		t.Errorf("%+v", page)
	}
	browser(http.MethodDelete, "/t/acme/session", "").want(t, http.StatusNoContent)
	browser(http.MethodGet, "/t/acme", "").want(t, http.StatusUnauthorized)
	empty := nobody.send(nobody.request(http.MethodGet, "/session", "")).want(t, http.StatusOK)
	if strings.TrimSpace(empty.body) != `{"logins":[]}` {
		t.Errorf("nobody's session: %s", empty.body)
	}
}

func TestUnknownAddressesAreProblemsAndPagesAreTheWebs(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *httpapi.Config) {
		c.Web = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("page")) })
		c.Kubectl = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("kubectl " + r.URL.Path)) })
	})
	nobody := &caller{t: t, url: w.url}
	at := func(path string) answer {
		req := nobody.request(http.MethodGet, "", "")
		req.URL.Path = path
		return nobody.send(req)
	}
	if a := at("/api/v1/no/such").want(t, http.StatusNotFound); !strings.Contains(a.body, "/problems/not-found") {
		t.Error(a.body)
	}
	if a := at("/t/acme/clusters"); a.body != "page" {
		t.Error(a.body)
	}
	if a := at("/t/acme/clusters/1/k8s/api/v1/pods"); a.body != "kubectl /t/acme/clusters/1/k8s/api/v1/pods" {
		t.Error(a.body)
	}
}

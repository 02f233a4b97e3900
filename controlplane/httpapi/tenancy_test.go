package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/tenant"
)

// things are the ids of one tenant's things, by what a route calls them.
type things map[string]string

func (w *world) things(c *caller) things {
	w.t.Helper()
	cl := c.newCluster("prod")
	conversation := c.newConversation(cl.Cluster.ID)
	run := c.newRun(conversation.ID)
	var token struct{ ID string }
	c.call(http.MethodPost, "/tokens", `{"name":"x","expiresAt":"`+soon()+`"}`).want(w.t, http.StatusCreated).json(w.t, &token)
	slackCode, slackLink := w.linkSlack(c)
	return things{
		"slack-code": slackCode, "slack-link": slackLink,
		"cluster": string(cl.Cluster.ID), "join-token": cl.Join.ID, "conversation": string(conversation.ID),
		"run": string(run.ID), "member": string(c.scope.Member), "token": token.ID,
	}
}

func strangers() things {
	out := things{}
	for _, k := range []string{"slack-code", "slack-link", "cluster", "join-token", "conversation", "run", "member", "token"} {
		out[k] = uuid.Must(uuid.NewV7()).String()
	}
	return out
}

// route is one case of the matrix: where the ids of somebody's things go. Ids are written {kind}.
type route struct {
	path string // under /t/{t}
	body string
	// empty: with somebody else's ids the answer is as empty as with unknown ones, rather than 404
	empty bool
}

// routes has a case for every route; TestEveryRouteHidesOtherTenants fails for one that is missing here.
var routes = map[string]route{
	"GET /t/{t}":                                  {path: "", empty: true},
	"DELETE /t/{t}/session":                       {path: "/session", empty: true},
	"GET /t/{t}/events":                           {path: "/events", empty: true},
	"GET /t/{t}/fleet":                            {path: "/fleet", empty: true},
	"GET /t/{t}/clusters/{c}/sessions":            {path: "/clusters/{cluster}/sessions"},
	"GET /t/{t}/clusters":                         {path: "/clusters", empty: true},
	"POST /t/{t}/clusters":                        {path: "/clusters", body: `{"name":"new"}`, empty: true},
	"GET /t/{t}/clusters/{c}":                     {path: "/clusters/{cluster}"},
	"DELETE /t/{t}/clusters/{c}":                  {path: "/clusters/{cluster}"},
	"POST /t/{t}/clusters/{c}/unlock":             {path: "/clusters/{cluster}/unlock", body: `{}`},
	"GET /t/{t}/clusters/{c}/kubeconfig":          {path: "/clusters/{cluster}/kubeconfig"},
	"GET /t/{t}/clusters/{c}/join-tokens":         {path: "/clusters/{cluster}/join-tokens"},
	"POST /t/{t}/clusters/{c}/join-tokens":        {path: "/clusters/{cluster}/join-tokens", body: `{}`},
	"DELETE /t/{t}/clusters/{c}/join-tokens/{id}": {path: "/clusters/{cluster}/join-tokens/{join-token}"},
	"GET /t/{t}/clusters/{c}/groups":              {path: "/clusters/{cluster}/groups"},
	"PUT /t/{t}/clusters/{c}/groups/{member}":     {path: "/clusters/{cluster}/groups/{member}", body: `{"group":"admin"}`},
	"GET /t/{t}/members":                          {path: "/members", empty: true},
	"POST /t/{t}/members":                         {path: "/members", body: `{"email":"new@x.test","name":"N","role":"tenant_user"}`, empty: true},
	"PATCH /t/{t}/members/{id}":                   {path: "/members/{member}", body: `{"role":"tenant_viewer"}`},
	"DELETE /t/{t}/members/{id}":                  {path: "/members/{member}"},
	"GET /t/{t}/tokens":                           {path: "/tokens", empty: true},
	"POST /t/{t}/tokens":                          {path: "/tokens", body: `{"name":"x","expiresAt":"2026-01-01T00:00:00Z"}`, empty: true},
	"DELETE /t/{t}/tokens/{id}":                   {path: "/tokens/{token}"},
	"GET /t/{t}/conversations":                    {path: "/conversations", empty: true},
	"POST /t/{t}/conversations":                   {path: "/conversations", body: `{"clusterId":"{cluster}"}`},
	"GET /t/{t}/conversations/{id}":               {path: "/conversations/{conversation}"},
	"DELETE /t/{t}/standing-approvals":            {path: "/standing-approvals", empty: true},
	"PATCH /t/{t}/conversations/{id}":             {path: "/conversations/{conversation}", body: `{"title":"mine"}`},
	"DELETE /t/{t}/conversations/{id}":            {path: "/conversations/{conversation}"},
	"POST /t/{t}/conversations/{id}/runs":         {path: "/conversations/{conversation}/runs", body: `{"text":"hello","key":"87654321"}`},
	"GET /t/{t}/runs/{id}":                        {path: "/runs/{run}"},
	"DELETE /t/{t}/runs/{id}":                     {path: "/runs/{run}"},
	"GET /t/{t}/runs/{id}/events":                 {path: "/runs/{run}/events"},
	"POST /t/{t}/runs/{id}/approval":              {path: "/runs/{run}/approval", body: `{"planHash":"00","decision":"approve"}`},
	"GET /t/{t}/audit":                            {path: "/audit?cluster={cluster}&member={member}", empty: true},
	"GET /t/{t}/settings/model":                   {path: "/settings/model", empty: true},
	"PUT /t/{t}/settings/model":                   {path: "/settings/model", body: `{"provider":"openai","model":"m"}`, empty: true},
	"GET /t/{t}/slack":                            {path: "/slack", empty: true},
	"PUT /t/{t}/slack":                            {path: "/slack", body: `{"teamId":"T0NEW"}`, empty: true},
	"DELETE /t/{t}/slack":                         {path: "/slack", empty: true},
	"GET /t/{t}/slack/links":                      {path: "/slack/links", empty: true},
	"POST /t/{t}/slack/links":                     {path: "/slack/links", body: `{"code":"{slack-code}"}`},
	"POST /t/{t}/slack/links/preview":             {path: "/slack/links/preview", body: `{"code":"{slack-code}"}`},
	"DELETE /t/{t}/slack/links/{id}":              {path: "/slack/links/{slack-link}"},
	"GET /t/{t}/tools":                            {path: "/tools", empty: true},
	"POST /t/{t}/clusters/{c}/tools/{tool}":       {path: "/clusters/{cluster}/tools/list", body: `{"arguments":{"kind":"pods"}}`},
	"POST /t/{t}/clusters/{c}/proposals": {path: "/clusters/{cluster}/proposals",
		body: `{"request":"restart checkout","key":"87654321","steps":[{"op":"rolloutRestart","kind":"deployment","names":["checkout"]}]}`},
	"GET /t/{t}/usage": {path: "/usage", empty: true},
}

// notOfATenant are the routes that belong to nobody in particular; what they show is only the caller's own.
var notOfATenant = map[string]bool{
	"GET /healthz": true, "GET /readyz": true, "GET /api/v1/openapi.yaml": true,
	"GET /api/v1/session": true, "POST /api/v1/session": true,
}

func (c *caller) try(tenantSlug, name string, ids things) answer {
	r := routes[name]
	method, _, _ := strings.Cut(name, " ")
	fill := make([]string, 0, 2*len(ids))
	for kind, id := range ids {
		fill = append(fill, "{"+kind+"}", id)
	}
	put := strings.NewReplacer(fill...)
	return c.send(c.request(method, "/t/"+tenantSlug+put.Replace(r.path), put.Replace(r.body)))
}

func same(t *testing.T, name string, a, b answer) {
	t.Helper()
	a.header.Del("Date")
	b.header.Del("Date")
	if a.status != b.status || a.body != b.body || len(a.header) != len(b.header) {
		t.Errorf("%s tells them apart:\n%d %s %v\n%d %s %v", name, a.status, a.body, a.header, b.status, b.body, b.header)
	}
}

func TestEveryRouteHidesOtherTenants(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme, globex := w.tenant("acme"), w.tenant("globex")
	theirs, nobodys := w.things(acme), strangers()

	for _, pattern := range w.api.Routes() {
		name := strings.Replace(pattern, " /api/v1", " ", 1)
		if notOfATenant[pattern] {
			continue
		}
		r, ok := routes[name]
		if !ok {
			t.Errorf("%s has no case here: add one to routes", name)
			continue
		}
		real := globex.try("acme", name, theirs)
		same(t, name+" under the other tenant's name", real, globex.try("no-such-tenant", name, theirs))
		if real.status != http.StatusNotFound {
			t.Errorf("%s answers %d to somebody from elsewhere: %s", name, real.status, real.body)
		}
		if r.empty {
			continue
		}
		real = globex.try("globex", name, theirs)
		same(t, name+" with the other tenant's ids", real, globex.try("globex", name, nobodys))
		if real.status != http.StatusNotFound {
			t.Errorf("%s answers %d to another tenant's ids: %s", name, real.status, real.body)
		}
		if malformed := globex.try("globex", name, things{"cluster": "x", "join-token": "x", "conversation": "x", "run": "x", "member": "x", "token": "x"}); malformed.status != http.StatusNotFound {
			t.Errorf("%s answers %d to what is no id: %s", name, malformed.status, malformed.body)
		}
	}
	// nothing of all this has touched the other tenant
	acme.call(http.MethodGet, "/clusters/"+theirs["cluster"], "").want(t, http.StatusOK)
	acme.call(http.MethodGet, "/runs/"+theirs["run"], "").want(t, http.StatusOK)
}

func TestEmptyAnswersAreEmptyOfOtherTenants(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme, globex := w.tenant("acme"), w.tenant("globex")
	theirs := w.things(acme)
	for name, r := range routes {
		if !r.empty || !strings.HasPrefix(name, "GET") || r.path == "/events" {
			continue
		}
		got := globex.try("globex", name, theirs).want(t, http.StatusOK)
		for kind, id := range theirs {
			if strings.Contains(got.body, id) {
				t.Errorf("%s shows another tenant's %s", name, kind)
			}
		}
		if strings.Contains(got.body, "acme") {
			t.Errorf("%s speaks of another tenant: %s", name, got.body)
		}
	}
}

func TestConversationsAreOnesOwnInsideATenantToo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.tenant("acme")
	colleague := w.member(acme, "bea@acme.test", tenant.Admin)
	theirs, nobodys := w.things(acme), strangers()
	for name := range routes {
		if !strings.Contains(routes[name].path, "{conversation}") && !strings.Contains(routes[name].path, "{run}") {
			continue
		}
		real := colleague.try("acme", name, theirs)
		same(t, name, real, colleague.try("acme", name, nobodys))
		if real.status != http.StatusNotFound {
			t.Errorf("%s answers %d to a colleague", name, real.status)
		}
	}
}

func TestEveryRouteOfATenantAsksForALogin(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.tenant("acme")
	theirs := w.things(acme)
	nobody := &caller{t: t, url: w.url}
	for name := range routes {
		real := nobody.try("acme", name, theirs)
		same(t, name, real, nobody.try("no-such-tenant", name, theirs))
		if real.status != http.StatusUnauthorized || real.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s answers %d to nobody", name, real.status)
		}
	}
}

func TestRolesDecideBeforeAnythingIsLookedUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.tenant("acme")
	viewer := w.member(acme, "vi@acme.test", tenant.Viewer)
	theirs, nobodys := w.things(acme), strangers()
	forbidden := map[string]bool{}
	for name, r := range routes {
		if r.path == "/events" || strings.HasSuffix(name, "/session") {
			continue
		}
		real, unknown := viewer.try("acme", name, theirs), viewer.try("acme", name, nobodys)
		if real.status == http.StatusForbidden {
			forbidden[name] = true
			same(t, name, real, unknown)
		}
	}
	for _, name := range []string{
		"POST /t/{t}/clusters", "DELETE /t/{t}/clusters/{c}", "GET /t/{t}/members", "POST /t/{t}/members",
		"PATCH /t/{t}/members/{id}", "PUT /t/{t}/clusters/{c}/groups/{member}", "GET /t/{t}/clusters/{c}/join-tokens",
		"POST /t/{t}/clusters/{c}/join-tokens", "GET /t/{t}/usage",
	} {
		if !forbidden[name] {
			t.Errorf("a tenant_viewer may %s", name)
		}
	}
	for _, name := range []string{"GET /t/{t}", "GET /t/{t}/clusters", "POST /t/{t}/conversations", "GET /t/{t}/tokens"} {
		if forbidden[name] {
			t.Errorf("a tenant_viewer may not %s", name)
		}
	}
}

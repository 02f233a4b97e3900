package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/httpapi"
	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const slackSecret = "0123456789abcdef0123456789abcdef"

// linkSlack connects a workspace, links a Slack user to the caller, and gives a code for another one.
func (w *world) linkSlack(c *caller) (code, link string) {
	w.t.Helper()
	team := "T" + strings.ToUpper(c.scope.Slug)
	c.call(http.MethodPut, "/slack", `{"teamId":"`+team+`","signingSecret":"`+slackSecret+`"}`).want(w.t, http.StatusOK)
	ws := slack.Workspace{Tenant: c.scope.Tenant, Slug: c.scope.Slug, Team: slack.TeamID(team)}
	give := func(user slack.UserID) string {
		code, err := w.slack.NewCode(w.t.Context(), ws, slack.Person{Team: ws.Team, User: user, Name: "ada"})
		if err != nil {
			w.t.Fatal(err)
		}
		return code
	}
	l, err := w.slack.Confirm(w.t.Context(), c.scope, give("U0FIRST"))
	if err != nil {
		w.t.Fatal(err)
	}
	return give("U0SECOND"), l.ID
}

func TestSlacksSecretIsWrittenAndNeverRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme, globex := w.tenant("acme"), w.tenant("globex")
	const settings = `{"teamId":"T0ACME","name":"Acme","signingSecret":"` + slackSecret + `"}`
	put := acme.call(http.MethodPut, "/slack", settings).want(t, http.StatusOK)
	got := acme.call(http.MethodGet, "/slack", "").want(t, http.StatusOK)
	for _, a := range []answer{put, got} {
		if strings.Contains(a.body, slackSecret) || !strings.Contains(a.body, `"connected":true`) || !strings.Contains(a.body, `"T0ACME"`) {
			t.Error(a.body)
		}
	}
	acme.call(http.MethodPut, "/slack", `{"teamId":"T0ACME","name":"Another name"}`).want(t, http.StatusOK) // the secret is kept
	acme.call(http.MethodPut, "/slack", `{"teamId":"T0OTHER"}`).want(t, http.StatusUnprocessableEntity)
	acme.call(http.MethodPut, "/slack", `{"teamId":"acme","signingSecret":"short"}`).want(t, http.StatusUnprocessableEntity)
	globex.call(http.MethodPut, "/slack", settings).want(t, http.StatusConflict)
	if theirs := globex.call(http.MethodGet, "/slack", "").want(t, http.StatusOK); !strings.Contains(theirs.body, `"connected":false`) {
		t.Errorf("another tenant sees %s", theirs.body)
	}
	for _, role := range []tenant.Role{tenant.User, tenant.Viewer} {
		who := w.member(acme, string(role)+"@acme.test", role)
		who.call(http.MethodGet, "/slack", "").want(t, http.StatusForbidden)
		who.call(http.MethodPut, "/slack", settings).want(t, http.StatusForbidden)
		who.call(http.MethodDelete, "/slack", "").want(t, http.StatusForbidden)
	}
	acme.call(http.MethodDelete, "/slack", "").want(t, http.StatusNoContent)
	globex.call(http.MethodPut, "/slack", settings).want(t, http.StatusOK)
	audit := acme.call(http.MethodGet, "/audit", "").want(t, http.StatusOK)
	for _, action := range []string{"slack.connected", "slack.disconnected"} {
		if !strings.Contains(audit.body, action) || strings.Contains(audit.body, slackSecret) {
			t.Errorf("audit without %s: %s", action, audit.body)
		}
	}
}

// browser sends with a login's cookie, as the pages do.
func (w *world) browser(c *caller) func(method, path, body string) answer {
	w.t.Helper()
	resp := c.send(c.request(http.MethodPost, "/session", `{"token":"`+c.token.Reveal()+`"}`))
	cookies := (&http.Response{Header: resp.header}).Cookies()
	if len(cookies) == 0 {
		w.t.Fatalf("no login: %d %s", resp.status, resp.body)
	}
	page := &caller{t: c.t, url: c.url, scope: c.scope, token: login.Secret("")}
	return func(method, path, body string) answer {
		req := page.request(method, "/t/"+c.scope.Slug+path, body)
		req.AddCookie(cookies[0])
		return page.send(req)
	}
}

func TestASlackUserIsLinkedOnceByABrowsersLogin(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.tenant("acme")
	bea, cid := w.member(acme, "bea@acme.test", tenant.User), w.member(acme, "cid@acme.test", tenant.User)
	code, _ := w.linkSlack(acme)
	body := `{"code":"` + code + `"}`

	shown := bea.call(http.MethodPost, "/slack/links/preview", body).want(t, http.StatusOK)
	if !strings.Contains(shown.body, "U0SECOND") || strings.Contains(shown.body, code) {
		t.Error(shown.body)
	}
	bea.call(http.MethodPost, "/slack/links", body).want(t, http.StatusUnprocessableEntity) // a program, with an API token
	page := w.browser(bea)
	var made struct{ ID, Email string }
	page(http.MethodPost, "/slack/links", body).want(t, http.StatusCreated).json(t, &made)
	if made.Email != "bea@acme.test" {
		t.Errorf("linked to %+v", made)
	}
	page(http.MethodPost, "/slack/links", body).want(t, http.StatusNotFound) // used up
	bea.call(http.MethodPost, "/slack/links/preview", body).want(t, http.StatusNotFound)

	if all := acme.call(http.MethodGet, "/slack/links", "").want(t, http.StatusOK); !strings.Contains(all.body, "U0FIRST") || !strings.Contains(all.body, "U0SECOND") {
		t.Errorf("an admin sees %s", all.body)
	}
	if own := bea.call(http.MethodGet, "/slack/links", "").want(t, http.StatusOK); strings.Contains(own.body, "U0FIRST") || !strings.Contains(own.body, "U0SECOND") {
		t.Errorf("a member sees %s", own.body)
	}
	cid.call(http.MethodDelete, "/slack/links/"+made.ID, "").want(t, http.StatusNotFound)
	bea.call(http.MethodDelete, "/slack/links/"+made.ID, "").want(t, http.StatusNoContent)
	bea.call(http.MethodDelete, "/slack/links/"+made.ID, "").want(t, http.StatusNotFound)
}

func TestAServiceWithoutSlackSaysSo(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *httpapi.Config) { c.Slack = nil })
	acme := w.tenant("acme")
	acme.call(http.MethodGet, "/slack", "").want(t, http.StatusServiceUnavailable)
	acme.call(http.MethodGet, "/slack/links", "").want(t, http.StatusServiceUnavailable)
}

package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestAModelsKeyIsWrittenAndNeverRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme, globex := w.tenant("acme"), w.tenant("globex")
	const settings = `{"provider":"openai","model":"gpt-x","dayTokens":1000,"key":"sk-canary-canary-canary"}`
	put := acme.call(http.MethodPut, "/settings/model", settings).want(t, http.StatusOK)
	got := acme.call(http.MethodGet, "/settings/model", "").want(t, http.StatusOK)
	for _, a := range []answer{put, got} {
		if strings.Contains(a.body, "canary") || !strings.Contains(a.body, `"hasKey":true`) || !strings.Contains(a.body, `"gpt-x"`) {
			t.Error(a.body)
		}
	}
	if theirs := globex.call(http.MethodGet, "/settings/model", "").want(t, http.StatusOK); strings.Contains(theirs.body, "gpt-x") || !strings.Contains(theirs.body, `"provider":""`) {
		t.Errorf("another tenant sees %s", theirs.body)
	}
	acme.call(http.MethodPut, "/settings/model", `{"provider":"openai","model":"gpt-x","baseUrl":"https://169.254.169.254","key":"k"}`).want(t, http.StatusUnprocessableEntity)
	for _, role := range []tenant.Role{tenant.User, tenant.Viewer} {
		who := w.member(acme, string(role)+"@acme.test", role)
		who.call(http.MethodGet, "/settings/model", "").want(t, http.StatusForbidden)
		who.call(http.MethodPut, "/settings/model", settings).want(t, http.StatusForbidden)
	}
	audit := acme.call(http.MethodGet, "/audit", "").want(t, http.StatusOK)
	if !strings.Contains(audit.body, "model.set") || strings.Contains(audit.body, "canary") {
		t.Errorf("audit: %s", audit.body)
	}
	acme.call(http.MethodPut, "/settings/model", `{"provider":""}`).want(t, http.StatusOK)
	if got := acme.call(http.MethodGet, "/settings/model", "").want(t, http.StatusOK); !strings.Contains(got.body, `"hasKey":false`) {
		t.Error(got.body)
	}
}

package httpapi_test

import (
	"crypto/sha256"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/httpapi"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestFleetIsForAdminsAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.tenant("acme")
	admin.newCluster("prod")
	for _, role := range []tenant.Role{tenant.User, tenant.Viewer} {
		w.member(admin, string(role)+"@acme.test", role).call(http.MethodGet, "/fleet", "").want(t, http.StatusForbidden)
	}
	w.tenant("globex")
	stranger := w.tenant("initech")
	stranger.send(stranger.request(http.MethodGet, "/t/acme/fleet", "")).want(t, http.StatusNotFound)
	var got httpapi.FleetAnswer
	admin.call(http.MethodGet, "/fleet", "").want(t, http.StatusOK).json(t, &got)
	if got.Total != 1 || len(got.Items) != 1 || got.Items[0].Name != "prod" || got.Counts[cluster.Pending] != 1 || got.Counts[cluster.Offline] != 0 {
		t.Errorf("%+v", got)
	}
}

func TestFleetIsFilteredOrderedAndPaged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.tenant("acme")
	for _, name := range []string{"a1", "a2", "a3", "b1"} {
		admin.newCluster(name)
	}
	names := func(query string) (string, httpapi.FleetAnswer) {
		t.Helper()
		var got httpapi.FleetAnswer
		admin.call(http.MethodGet, "/fleet?"+query, "").want(t, http.StatusOK).json(t, &got)
		out := make([]string, len(got.Items))
		for i, c := range got.Items {
			out[i] = c.Name
		}
		return strings.Join(out, " "), got
	}
	if got, _ := names("q=A&desc=true"); got != "a3 a2 a1" {
		t.Errorf("searched, downwards: %s", got)
	}
	if got, _ := names("state=offline,stale"); got != "" {
		t.Errorf("offline or stale: %s", got)
	}
	if got, _ := names("state=pending&limit=4"); got != "a1 a2 a3 b1" {
		t.Errorf("pending: %s", got)
	}
	first, page := names("limit=3")
	second, last := names("limit=3&after=" + page.Next)
	if first != "a1 a2 a3" || second != "b1" || page.Total != 4 || last.Next != "" {
		t.Errorf("pages: %s, then %s", first, second)
	}
	for _, bad := range []string{"sort=colour", "limit=0", "limit=10001", "transport=pigeon", "after=%25"} {
		if got := admin.call(http.MethodGet, "/fleet?"+bad, "").status; got != http.StatusUnprocessableEntity && got != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, got)
		}
	}
}

func TestUnchangedFleetIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.tenant("acme")
	c := admin.newCluster("prod").Cluster
	first := admin.call(http.MethodGet, "/fleet", "").want(t, http.StatusOK)
	again := func(tag string) answer {
		req := admin.request(http.MethodGet, "/t/acme/fleet", "")
		req.Header.Set("If-None-Match", tag)
		return admin.send(req)
	}
	if got := again(first.header.Get("ETag")); got.status != http.StatusNotModified || strings.TrimSpace(got.body) != "" {
		t.Errorf("%d %q", got.status, got.body)
	}
	if err := w.clusters.SessionOpened(t.Context(), admin.scope.Tenant, c.ID, cluster.SessionInfo{ID: "s", AgentVersion: "0.2.0"}); err != nil {
		t.Fatal(err)
	}
	if got := again(first.header.Get("ETag")); got.status != http.StatusOK || got.header.Get("ETag") == first.header.Get("ETag") {
		t.Errorf("after a change: %d", got.status)
	}
}

func TestSessionsAndTheirEndsAreShown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.tenant("acme")
	c := admin.newCluster("prod").Cluster
	open := func(id string) {
		t.Helper()
		err := w.clusters.SessionOpened(t.Context(), admin.scope.Tenant, c.ID, cluster.SessionInfo{ID: id, AgentVersion: "0.2.0",
			Transport: "quic", AgentName: "pod-a", CertificateUntil: time.Now().Add(time.Hour), RoundTrip: 1500 * time.Microsecond})
		if err != nil {
			t.Fatal(err)
		}
	}
	open("one")
	open("two")
	w.clusters.SessionClosed(t.Context(), admin.scope.Tenant, c.ID, cluster.SessionInfo{ID: "one", Reason: "The agent was stopped."})
	var got httpapi.SessionsAnswer
	w.member(admin, "vera@acme.test", tenant.Viewer).call(http.MethodGet, "/clusters/"+string(c.ID)+"/sessions", "").want(t, http.StatusOK).json(t, &got)
	if len(got.Sessions) != 1 || got.Sessions[0].RoundTripMs != 1.5 || got.Sessions[0].Transport != "quic" || got.Sessions[0].CertificateUntil == nil ||
		len(got.Disconnects) != 1 || got.Disconnects[0].Reason != "The agent was stopped." {
		t.Errorf("%+v", got)
	}
	var now httpapi.Cluster
	admin.call(http.MethodGet, "/clusters/"+string(c.ID), "").want(t, http.StatusOK).json(t, &now)
	if now.State != cluster.Connected || len(now.Transports) != 1 || now.RoundTripMs != 1.5 {
		t.Errorf("%+v", now)
	}
}

func TestRegionIsForWhoHasTheOperatorsToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.tenant("acme").newCluster("secret-name")
	hash := sha256.Sum256([]byte("operators"))
	ask := func(hash []byte, authorization, query string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodGet, "/api/v1/fleet?"+query, nil)
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		httpapi.RegionFleet(w.clusters, hash, slog.New(slog.DiscardHandler)).ServeHTTP(rec, req)
		return rec
	}
	none := sha256.Sum256(nil)
	for name, got := range map[string]*httptest.ResponseRecorder{
		"nothing":                    ask(hash[:], "", ""),
		"another token":              ask(hash[:], "Bearer operator", ""),
		"no scheme":                  ask(hash[:], "operators", ""),
		"no token configured":        ask(nil, "Bearer ", ""),
		"a short hash":               ask(none[:4], "Bearer ", ""),
		"an API token of a customer": ask(hash[:], "Bearer "+w.tenant("globex").token.Reveal(), ""),
	} {
		if got.Code != http.StatusUnauthorized || strings.Contains(got.Body.String(), "acme") {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	got := ask(hash[:], "Bearer operators", "state=pending&limit=10")
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"slug":"acme"`) || strings.Contains(got.Body.String(), "secret-name") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := ask(hash[:], "Bearer operators", "state=offline"); !strings.Contains(got.Body.String(), `"total":0`) {
		t.Errorf("%s", got.Body)
	}
}

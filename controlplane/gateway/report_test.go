package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel"
)

func TestWhatAnAgentSaysOfItsTroublesIsShown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, id := r.joined(t, "prod")
	_, other := r.joined(t, "staging")
	long := strings.Repeat("ä ", 400)
	r.agent(t, id, tunnel.Config{Hello: tunnel.Hello{Attrs: map[string]string{
		"trouble": "The proxy at p:3128\n\u202ewants a password.\x1b[31m", "problem": "",
	}}}, hello)
	sessions, _, err := r.clusters.Sessions(t.Context(), r.admin, c.ID)
	if err != nil || len(sessions) != 1 || sessions[0].Trouble != "The proxy at p:3128 wants a password.[31m" {
		t.Errorf("%+v %v", sessions, err)
	}
	say := func(as pki.Identity, problem string) int {
		t.Helper()
		body, err := json.Marshal(pki.Report{Problem: problem})
		if err != nil {
			t.Fatal(err)
		}
		code, _ := r.post(t, r.client(as.TLSCertificate()), pki.ReportPath, strings.NewReader(string(body)))
		return code
	}
	shown := func() string {
		t.Helper()
		got, err := r.clusters.Get(t.Context(), r.admin, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got.Problem
	}
	if code := say(id, long); code != http.StatusOK || len(shown()) == 0 || len(shown()) > cluster.MaxWords {
		t.Errorf("a long problem: %d, %d bytes", code, len(shown()))
	}
	if code := say(other, "It is fine here."); code != http.StatusOK || strings.Contains(shown(), "fine") {
		t.Errorf("another cluster's words: %d, %q", code, shown())
	}
	if code := say(id, ""); code != http.StatusOK || shown() != "" {
		t.Errorf("mended: %d, %q", code, shown())
	}
	if code, _ := r.post(t, r.client(), pki.ReportPath, strings.NewReader(`{"problem":"x"}`)); code != http.StatusUnauthorized {
		t.Errorf("from nobody: %d", code)
	}
	if _, err := r.clusters.Revoke(t.Context(), r.admin, c.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a revoked cluster has no say", func() bool { return say(id, "still here") == http.StatusForbidden })
}

func TestTokenIsLookedAtByWhoHoldsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, token := r.cluster(t, "prod")
	ask := func(text string) (int, pki.TokenAnswer) {
		t.Helper()
		body, err := json.Marshal(pki.TokenRequest{Token: text})
		if err != nil {
			t.Fatal(err)
		}
		code, answer := r.post(t, r.client(), pki.TokenPath, strings.NewReader(string(body)))
		var out pki.TokenAnswer
		_ = json.Unmarshal([]byte(answer), &out)
		if strings.Contains(answer, token[len(token)-20:]) {
			t.Errorf("the answer shows the token: %s", answer)
		}
		return code, out
	}
	if code, got := ask(token); code != http.StatusOK || got.State != "unused" {
		t.Errorf("a fresh one: %d %+v", code, got)
	}
	if _, err := join(t.Context(), token); err != nil {
		t.Fatalf("looking at it has used it up: %v", err)
	}
	if code, got := ask(token); code != http.StatusOK || got.State != "used" {
		t.Errorf("a used one: %d %+v", code, got)
	}
	never, _, err := r.mint()
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := ask(never); code != http.StatusNotFound {
		t.Errorf("one that nobody made: %d", code)
	}
	if code, _ := ask(token[:40]); code != http.StatusUnprocessableEntity {
		t.Errorf("a damaged one: %d", code)
	}
	for range 60 {
		if code, _ := ask(never); code == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("60 questions in a row were answered")
}

// TestTroublesOfAnotherTenantsClusterAreNotFound: they are shown with its sessions, and nowhere else.
func TestTroublesOfAnotherTenantsClusterAreNotFound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, id := r.joined(t, "prod")
	r.agent(t, id, tunnel.Config{Hello: tunnel.Hello{Attrs: map[string]string{"trouble": "canary", "problem": "canary"}}}, hello)
	stranger := storetest.Tenant(t, r.db.DB, "other")
	if got, _, err := r.clusters.Sessions(t.Context(), stranger, c.ID); err == nil || len(got) > 0 {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := r.clusters.Get(t.Context(), stranger, c.ID); err == nil || got.Problem != "" {
		t.Errorf("%+v %v", got, err)
	}
}

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane"
	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// startService runs a real control plane and gives its address with the single-use token of its first admin.
func startService(t *testing.T) (url string, first login.Secret) {
	t.Helper()
	db := storetest.New(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready := make(chan controlplane.Addresses, 1) // Ready is called once
	ended := make(chan error, 1)                  // Run's one result
	go func() {
		ended <- controlplane.Run(ctx, controlplane.Config{
			DSN: db.DSN, KeyDir: t.TempDir(), WebAddr: "127.0.0.1:0", TunnelAddr: "127.0.0.1:0", OpsAddr: "off",
			MaxConns: 6, StopGrace: 2 * time.Second, Ready: func(a controlplane.Addresses) { ready <- a },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the service ended with: %v", err)
		}
	})
	select {
	case at := <-ready:
		url = at.PublicURL
	case err := <-ended:
		t.Fatalf("the service did not start: %v", err)
	}
	ten, admin, err := account.New(account.Config{Store: db.DB.Accounts()}).CreateTenant(t.Context(), account.NewTenant{
		Slug: "acme", Name: "Acme", AdminEmail: "ada@acme.test", AdminName: "Ada",
	})
	if err != nil {
		t.Fatal(err)
	}
	scope := tenant.Scope{Tenant: ten.ID, Slug: ten.Slug, Member: admin.ID, Role: admin.Role}
	_, first, err = signin.New(signin.Config{Store: db.DB.Logins()}).CreateSingleUse(t.Context(), scope, "first", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return url, first
}

func TestCommandLineAgainstARealService(t *testing.T) {
	t.Parallel()
	url, first := startService(t)
	p := newPerson(t)
	if out := p.must(first.Reveal()+"\n", "login", "--server", url, "--token", "-"); !strings.Contains(out, "ada@acme.test") {
		t.Errorf("login: %s", out)
	}
	if err := newPerson(t).run(first.Reveal()+"\n", "login", "--server", url, "--token", "-"); err == nil {
		t.Error("the single-use token worked twice")
	}
	if out := p.must("", "clusters"); !strings.Contains(out, "No clusters yet") {
		t.Errorf("clusters: %s", out)
	}
	set, err := loadSettings(func(name string) string { return map[string]string{"HOME": p.home}[name] })
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(&set.Logins[0])
	if err := c.call(t.Context(), http.MethodPost, c.in("/clusters"), map[string]string{"name": "prod"}, nil); err != nil {
		t.Fatal(err)
	}
	if out := p.must("", "clusters"); !strings.Contains(out, "prod") || !strings.Contains(out, "pending") {
		t.Errorf("clusters: %s", out)
	}
	config := p.must("", "kubeconfig", "prod")
	for _, want := range []string{"command: kubechat", "client.authentication.k8s.io/v1", url + "/t/acme/clusters/", "- credential"} {
		if !strings.Contains(config, want) {
			t.Errorf("%q is missing in the kubeconfig: %s", want, config)
		}
	}
	if strings.Contains(config, "kcp_") {
		t.Error("the kubeconfig holds a token")
	}
	var cred credential
	if err := json.Unmarshal([]byte(p.must("", "credential", "--server", url, "--tenant", "acme")), &cred); err != nil || !login.WellFormed(cred.Status.Token) {
		t.Errorf("%+v, %v", cred, err)
	}
	if err := p.run("", "ask", "what is running"); err == nil || !strings.Contains(err.Error(), "no cluster is connected") {
		t.Errorf("ask with nothing connected: %v", err)
	}
	if err := p.run("", "ask", "--cluster", "prod", "what is running"); exitCode(err) != 1 || !strings.Contains(p.out.String(), "not connected") {
		t.Errorf("ask of a cluster that is not connected: %v: %s", err, p.out.String())
	}
	token := cred.Status.Token
	p.must("", "logout")
	c.token = token
	if err := c.call(t.Context(), http.MethodGet, "/session", nil, nil); err == nil {
		t.Error("the token works on after the logout")
	}
}

//go:build demo

package main

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/kubechat/kubechat/controlplane"
	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	demoSlug       = "demo"
	demoEmail      = "you@demo.kubechat.test"
	signInPath     = "/demo/sign-in"
	linkName       = "demo sign-in link"
	kubeconfigName = "demo kubeconfig"
	linkLife       = 12 * time.Hour
	kubeconfigLife = 90 * 24 * time.Hour
)

// demonstration is the tenant that a demonstration is about, and how to get into it.
type demonstration struct {
	dir     string
	cluster string
	out     io.Writer
	parts   controlplane.Parts
	scope   tenant.Scope
	link    login.Secret
}

// setUp may be repeated: a second start finds what the first one made, and makes a new link.
func (d *demonstration) setUp(ctx context.Context, p controlplane.Parts) (err error) {
	d.parts = p
	if d.scope, err = d.member(ctx); err != nil {
		return err
	}
	c, err := d.sandbox(ctx)
	if err != nil {
		return err
	}
	if err := d.adminEverywhere(ctx); err != nil {
		return err
	}
	_, join, err := p.Clusters.NewJoinToken(ctx, d.scope, c.ID) // an agent that has joined before ignores it
	if err != nil {
		return err
	}
	if err := d.revoke(ctx, linkName, kubeconfigName); err != nil {
		return err
	}
	if _, d.link, err = p.SignIn.CreateSingleUse(ctx, d.scope, linkName, linkLife); err != nil {
		return err
	}
	_, token, err := p.SignIn.CreateToken(ctx, d.scope, kubeconfigName, time.Now().Add(kubeconfigLife))
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"kubeconfig":   p.Kubeconfig(d.scope, c, token.Reveal()),
		"join-token":   []byte(join + "\n"),
		"sign-in-link": []byte(d.url() + "\n"),
	} {
		if err := writeSecret(filepath.Join(d.dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

func (d *demonstration) member(ctx context.Context) (tenant.Scope, error) {
	accounts := d.parts.Accounts
	id, err := accounts.FindTenant(ctx, demoSlug)
	if problem.Is(err, problem.NotFound) {
		t, admin, err := accounts.CreateTenant(ctx, account.NewTenant{
			Slug: demoSlug, Name: "Demo", AdminEmail: demoEmail, AdminName: "Demo Admin",
		})
		if err != nil {
			return tenant.Scope{}, fmt.Errorf("create tenant: %w", err)
		}
		return accounts.Scope(ctx, t.ID, admin.ID)
	}
	if err != nil {
		return tenant.Scope{}, fmt.Errorf("find tenant: %w", err)
	}
	m, err := accounts.FindByEmail(ctx, tenant.Scope{Tenant: id, Role: tenant.Admin, Via: tenant.ViaJob}, demoEmail)
	if err != nil {
		return tenant.Scope{}, fmt.Errorf("find member: %w", err)
	}
	return accounts.Scope(ctx, id, m.ID)
}

// sandbox finds or adds the first cluster. One that was revoked makes room for a new one of its name.
func (d *demonstration) sandbox(ctx context.Context) (cluster.Cluster, error) {
	all, err := d.parts.Clusters.List(ctx, d.scope)
	if err != nil {
		return cluster.Cluster{}, err
	}
	for _, c := range all {
		if c.Name == d.cluster && c.State != cluster.Revoked {
			return c, nil
		}
	}
	return d.parts.Clusters.Create(ctx, d.scope, d.cluster)
}

// adminEverywhere makes the demo's member admin of its clusters, those that are added later as well.
func (d *demonstration) adminEverywhere(ctx context.Context) error {
	changes, err := d.parts.Clusters.Watch(ctx, d.scope)
	if err != nil {
		return err
	}
	all, err := d.parts.Clusters.List(ctx, d.scope)
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := d.admin(ctx, c); err != nil {
			return err
		}
	}
	go func() { // ends with ctx, which closes changes
		for ch := range changes {
			if err := d.admin(ctx, ch.Cluster); err != nil {
				d.parts.Log.WarnContext(ctx, "group not given", "cluster", ch.Cluster.ID, "error", err)
			}
		}
	}()
	return nil
}

func (d *demonstration) admin(ctx context.Context, c cluster.Cluster) error {
	if c.ID == "" || c.State == cluster.Revoked {
		return nil
	}
	g, err := d.parts.Clusters.Group(ctx, d.scope, c.ID)
	if err != nil || g == cluster.GroupAdmin {
		return err
	}
	return d.parts.Clusters.SetGroup(ctx, d.scope, c.ID, d.scope.Member, cluster.GroupAdmin)
}

// revoke ends what an earlier start left behind.
func (d *demonstration) revoke(ctx context.Context, names ...string) error {
	tokens, err := d.parts.SignIn.Tokens(ctx, d.scope)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		for _, name := range names {
			if t.Name == name && t.Live(time.Now()) {
				if err := d.parts.SignIn.RevokeToken(ctx, d.scope, t.ID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (d *demonstration) url() string {
	return d.parts.Addresses.PublicURL + signInPath + "?token=" + d.link.Reveal()
}

func (d *demonstration) announce(at controlplane.Addresses) {
	fmt.Fprintf(d.out, `
KubeChat is up at %s

  Sign in (works once):  %s
  kubectl:               kubectl --kubeconfig %s get pods -A
  An agent joins with:   %s

`, at.PublicURL, d.url(), filepath.Join(d.dir, "kubeconfig"), filepath.Join(d.dir, "join-token"))
}

var linkUsed = template.Must(template.New("used").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<title>KubeChat demo</title><h1>This link does not work any more</h1><p>{{.}}</p>
<p>Start the demo again for a new one: its start prints it.</p></html>
`))

// signIn is the one-time link.
func (d *demonstration) signIn(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed) // a HEAD of some preview must not use the link up
		return
	}
	holder, err := d.parts.SignIn.SignInWithToken(w, r, login.Secret(r.URL.Query().Get("token")))
	if err != nil {
		p := problem.As(err)
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(p.Kind.Status())
		_ = linkUsed.Execute(w, p.Detail)
		return
	}
	http.Redirect(w, r, "/t/"+holder.Scope.Slug, http.StatusSeeOther)
}

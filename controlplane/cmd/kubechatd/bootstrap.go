package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// firstTokenLife is short: the first admin is waiting for it.
const firstTokenLife = 24 * time.Hour

func runBootstrap(ctx context.Context, e *env, args []string) error {
	f := e.flags("bootstrap")
	dsn := f.String("database-url", "", "the database, as role kc_app: postgres://…")
	var n account.NewTenant
	f.StringVar(&n.Slug, "tenant", "", "the organisation's `slug`: its name in URLs, never changed")
	f.StringVar(&n.Name, "name", "", "the organisation's name; the slug if empty")
	f.StringVar(&n.AdminEmail, "admin-email", "", "the first admin's e-mail `address`")
	f.StringVar(&n.AdminName, "admin-name", "", "the first admin's name; the address if empty")
	if err := e.parse(f, args); err != nil {
		return err
	}
	if *dsn == "" || n.Slug == "" || n.AdminEmail == "" {
		return errors.New("bootstrap needs --database-url, --tenant and --admin-email")
	}
	if n.Name == "" {
		n.Name = n.Slug
	}
	if n.AdminName == "" {
		n.AdminName = n.AdminEmail
	}
	db, err := store.Open(ctx, store.Config{DSN: *dsn, MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	secret, err := firstAdmin(ctx, db, n)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.err, "%s may sign in once, within %s, with this token: on the sign-in page, or by kubechat login.\n",
		n.AdminEmail, firstTokenLife)
	_, err = fmt.Fprintln(e.out, secret.Reveal())
	return err
}

// firstAdmin makes the organisation. It refuses one that is there: whoever may run this could else become its admin.
func firstAdmin(ctx context.Context, db *store.DB, n account.NewTenant) (login.Secret, error) {
	accounts := account.New(account.Config{Store: db.Accounts()})
	t, admin, err := accounts.CreateTenant(ctx, n)
	if err != nil {
		return "", fmt.Errorf("create organisation %s: %w", n.Slug, err)
	}
	scope := tenant.Scope{
		Tenant: t.ID, Slug: t.Slug, Member: admin.ID, Email: admin.Email, Name: admin.Name, Role: admin.Role, Via: tenant.ViaJob,
	}
	_, secret, err := signin.New(signin.Config{Store: db.Logins()}).CreateSingleUse(ctx, scope, "first admin", firstTokenLife)
	return secret, err
}

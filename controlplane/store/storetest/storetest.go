// Package storetest gives each test a PostgreSQL database of its own, on a real server: migrated once into a template,
// cloned for the test, dropped after it. One server serves every test process of this user and ends by itself when
// none is left. Without PostgreSQL on the machine tests fail, saying what to install; they never skip. Start at New.
package storetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Database is one test's own.
type Database struct {
	DB       *store.DB
	DSN      string // as kc_app, for tests that open pools of their own
	OwnerDSN string // as superuser; SET ROLE kc_owner makes it the owner
}

// New clones a database for t.
func New(t testing.TB) *Database {
	t.Helper()
	d := NewClosed(t)
	db, err := store.Open(t.Context(), store.Config{DSN: d.DSN, MaxConns: 4})
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(db.Close)
	d.DB = db
	return d
}

// NewClosed clones a database and leaves opening it, with what pool it likes, to t. DB is nil.
func NewClosed(t testing.TB) *Database {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start PostgreSQL for tests: %v", err)
	}
	name := "t_" + strings.ToLower(rand.Text())
	if err := s.exec(t.Context(), "create database "+name+" template "+s.template+" owner kc_owner"); err != nil {
		t.Fatalf("clone the template database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.exec(context.WithoutCancel(t.Context()), "drop database "+name+" with (force)"); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return &Database{DSN: s.address(name, store.RoleApp, s.appPassword), OwnerDSN: s.address(name, "", "")}
}

// Empty makes a database with nothing in it, for tests of migrations, and gives its superuser's address.
func Empty(t testing.TB) (ownerDSN string) {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start PostgreSQL for tests: %v", err)
	}
	name := "t_" + strings.ToLower(rand.Text())
	if err := s.exec(t.Context(), "create database "+name+" template template0"); err != nil {
		t.Fatalf("create an empty database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.exec(context.WithoutCancel(t.Context()), "drop database "+name+" with (force)"); err != nil {
			t.Errorf("drop the empty database: %v", err)
		}
	})
	return s.address(name, "", "")
}

// Tenant creates a tenant called slug with one member, a tenant_admin, and returns their scope.
func Tenant(t testing.TB, db *store.DB, slug string) tenant.Scope {
	t.Helper()
	accounts := account.New(account.Config{Store: db.Accounts()})
	ten, admin, err := accounts.CreateTenant(t.Context(), account.NewTenant{
		Slug: slug, Name: slug, AdminEmail: "admin@" + slug + ".test", AdminName: "Admin of " + slug,
	})
	if err != nil {
		t.Fatalf("create tenant %s: %v", slug, err)
	}
	scope, err := accounts.Scope(t.Context(), ten.ID, admin.ID)
	if err != nil {
		t.Fatalf("scope of tenant %s: %v", slug, err)
	}
	scope.Login, scope.Via = "test", tenant.ViaWeb
	return scope
}

// Member adds a member with the role to the admin's tenant and returns their scope.
func Member(t testing.TB, db *store.DB, admin tenant.Scope, email string, role tenant.Role) tenant.Scope {
	t.Helper()
	accounts := account.New(account.Config{Store: db.Accounts()})
	m, err := accounts.Create(t.Context(), admin, account.NewMember{Email: email, Name: email, Role: role})
	if err != nil {
		t.Fatalf("create member %s: %v", email, err)
	}
	scope, err := accounts.Scope(t.Context(), admin.Tenant, m.ID)
	if err != nil {
		t.Fatalf("scope of member %s: %v", email, err)
	}
	scope.Login, scope.Via = "test", tenant.ViaWeb
	return scope
}

// Exec runs statements as the superuser in the test's database: for arranging what no program may do.
func (d *Database) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.OwnerDSN)
	if err != nil {
		t.Fatalf("connect as superuser: %v", err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (s *server) address(database, role, password string) string {
	u, err := url.Parse(s.DSN)
	if err != nil {
		panic(err) // we made it
	}
	u.Path = "/" + database
	if role != "" {
		u.User = url.UserPassword(role, password)
	}
	return u.String()
}

package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// narrow is a store whose pool has one connection, so that whatever is left on it meets the next caller.
func narrow(t *testing.T) (*storetest.Database, *store.DB) {
	t.Helper()
	d := storetest.NewClosed(t)
	db, err := store.Open(t.Context(), store.Config{DSN: d.DSN, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return d, db
}

// visible is how many tenants the next user of the pool sees without saying which, and what the setting holds.
func visible(t *testing.T, db *store.DB) (n int, setting string) {
	t.Helper()
	err := db.System(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select (select count(*) from tenant), coalesce(current_setting('app.current_tenant', true), '')`).Scan(&n, &setting)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, setting
}

func TestTenantEndsWithItsTransaction(t *testing.T) {
	t.Parallel()
	_, db := narrow(t)
	scope := storetest.Tenant(t, db, "acme")
	ends := map[string]func(ctx context.Context, cancel func(), tx pgx.Tx) error{
		"returns": func(context.Context, func(), pgx.Tx) error { return nil },
		"fails":   func(context.Context, func(), pgx.Tx) error { return errors.New("no") },
		"sql error": func(ctx context.Context, _ func(), tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `select 1/0`)
			return err
		},
		"panics": func(context.Context, func(), pgx.Tx) error { panic("no") },
		"ctx ends": func(ctx context.Context, cancel func(), tx pgx.Tx) error {
			cancel()
			_, err := tx.Exec(ctx, `select 1`)
			return err
		},
		"ctx ends while the server works": func(ctx context.Context, cancel func(), tx pgx.Tx) error {
			stop := context.AfterFunc(ctx, func() {})
			defer stop()
			go cancel()
			_, err := tx.Exec(ctx, `select pg_sleep(5)`)
			return err
		},
		"rows left open": func(ctx context.Context, _ func(), tx pgx.Tx) error {
			_, err := tx.Query(ctx, `select generate_series(1, 100000)`)
			return err
		},
	}
	for name, end := range ends { // one after the other: they share the one connection
		func() {
			defer func() { _ = recover() }()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_ = db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
				var n int
				if err := tx.QueryRow(ctx, `select count(*) from tenant`).Scan(&n); err != nil || n != 1 {
					t.Errorf("%s: inside, %d tenants, %v; want 1", name, n, err)
				}
				return end(ctx, cancel, tx)
			})
		}()
		if n, setting := visible(t, db); n != 0 || setting != "" {
			t.Errorf("%s: the next user sees %d tenants with setting %q", name, n, setting)
		}
	}
}

func TestWithoutTenantNothingIsSeenOrWritten(t *testing.T) {
	t.Parallel()
	_, db := narrow(t)
	scope := storetest.Tenant(t, db, "acme")
	if n, _ := visible(t, db); n != 0 {
		t.Errorf("%d tenants seen without naming one", n)
	}
	err := db.System(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into member (tenant_id, member_id, email, name, role) values ($1, $2, 'x@x', 'x', 'tenant_admin')`,
			scope.Tenant, tenant.NewMemberID())
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "row-level security") {
		t.Errorf("insert without a tenant: %v", err)
	}
}

func TestRowsOfAnotherTenantCannotBeReachedByAnyStatement(t *testing.T) {
	t.Parallel()
	_, db := narrow(t)
	a, b := storetest.Tenant(t, db, "acme"), storetest.Tenant(t, db, "beta")
	statements := map[string]string{
		"read":                `select count(*) from member where tenant_id = $1`,
		"insert":              `with i as (insert into member (tenant_id, member_id, email, name, role) values ($1, gen_random_uuid(), 'x@x', 'x', 'tenant_admin') returning 1) select count(*) from i`,
		"update":              `with u as (update member set name = 'owned' where tenant_id = $1 returning 1) select count(*) from u`,
		"move a row there":    `with u as (update cluster set tenant_id = $1 returning 1) select count(*) from u`,
		"refer to its member": `with i as (insert into cluster (tenant_id, cluster_id, name, region, created_by) select (select tenant_id from tenant), gen_random_uuid(), 'x', 'x', $1 returning 1) select count(*) from i`,
	}
	seed := `insert into cluster (tenant_id, cluster_id, name, region) values ($1, gen_random_uuid(), 'c', 'r')`
	if err := db.InTenant(t.Context(), b.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, seed, b.Tenant)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for name, sql := range statements {
		var n int
		arg := string(a.Tenant)
		if name == "refer to its member" {
			arg = string(a.Member)
		}
		err := db.InTenant(t.Context(), b.Tenant, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, sql, arg).Scan(&n)
		})
		if err == nil && n != 0 {
			t.Errorf("%s: reached %d rows of another tenant", name, n)
		}
	}
}

// A setting is all that stands for the tenant, so no text that a person can send may change it.
func TestNoTextChangesTheTenant(t *testing.T) {
	t.Parallel()
	_, db := narrow(t)
	a, b := storetest.Tenant(t, db, "acme"), storetest.Tenant(t, db, "beta")
	texts := []string{
		fmt.Sprintf("x'; select set_config('app.current_tenant', '%s', true); --", a.Tenant),
		fmt.Sprintf(`x\'; set app.current_tenant = '%s'; --`, a.Tenant),
		fmt.Sprintf("%s', true), set_config('app.current_tenant', '%s", b.Tenant, a.Tenant),
		"x'; reset app.current_tenant; reset role; --", "x'; set session authorization default; --", "\x00", "\\x00", "$1", "%s",
	}
	for _, text := range texts {
		if err := db.InTenant(t.Context(), tenant.ID(text), func(context.Context, pgx.Tx) error { return nil }); err == nil {
			t.Errorf("a transaction was opened for tenant %q", text)
		}
		if _, err := db.Accounts().FindTenant(t.Context(), text); err == nil {
			t.Errorf("a tenant was found by %q", text)
		}
		if _, err := db.Accounts().Member(t.Context(), b.Tenant, tenant.MemberID(text)); !problem.Is(err, problem.NotFound) {
			t.Errorf("member %q: %v", text, err)
		}
		_, _ = db.Accounts().MemberByEmail(t.Context(), b.Tenant, text)
		err := db.InTenant(t.Context(), b.Tenant, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `select $1::text`, strings.ReplaceAll(text, "\x00", "")); err != nil {
				return err
			}
			var slug string
			if err := tx.QueryRow(ctx, `select slug from tenant`).Scan(&slug); err != nil || slug != "beta" {
				return fmt.Errorf("in tenant %q: %w", slug, err)
			}
			return nil
		})
		if err != nil {
			t.Errorf("after %q: %v", text, err)
		}
	}
	if n, setting := visible(t, db); n != 0 || setting != "" {
		t.Errorf("the next user sees %d tenants with setting %q", n, setting)
	}
}

func TestOpenRefusesARoleThatCouldSeeMoreThanOneTenant(t *testing.T) {
	t.Parallel()
	d := storetest.NewClosed(t)
	swap := func(role string) string { // logs in as role, which trusts kc_app's password
		return strings.Replace(d.DSN, "//kc_app:", "//"+role+":", 1)
	}
	name := "r_" + strings.ReplaceAll(string(tenant.NewID()), "-", "")
	owner, bypass, member := name+"_owner", name+"_bypass", name+"_member"
	d.Exec(t, `create role `+owner+` login password 'kc_app'; grant kc_owner to `+owner)
	d.Exec(t, `create role `+bypass+` login bypassrls password 'kc_app'; grant kc_app to `+bypass)
	d.Exec(t, `create role `+member+` login noinherit password 'kc_app'; grant kc_app, kc_lookup to `+member)
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.WithoutCancel(t.Context()), d.OwnerDSN)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), "drop role "+owner+", "+bypass+", "+member); err != nil {
			t.Error(err)
		}
	})
	for name, dsn := range map[string]string{
		"superuser": d.OwnerDSN, "member of the owner": swap(owner), "BYPASSRLS": swap(bypass), "member of BYPASSRLS": swap(member),
		"superuser become kc_app": d.OwnerDSN + "&role=kc_app",
	} {
		db, err := store.Open(t.Context(), store.Config{DSN: dsn})
		if err == nil {
			db.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if !strings.Contains(err.Error(), "use kc_app") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAwayDatabaseIsSaidToBeAway(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), store.Config{DSN: "postgres://kc_app@127.0.0.1:1/none?sslmode=disable"})
	if !problem.Is(err, problem.Unavailable) {
		t.Errorf("got %v, want problem.Unavailable", err)
	}
}

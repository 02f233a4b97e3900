package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Accounts keeps tenants and members.
type Accounts struct{ db *DB }

// Accounts is the tenants' and members' part of the store.
func (db *DB) Accounts() Accounts { return Accounts{db} }

var _ account.Store = Accounts{}

var (
	noTenant = problem.New(problem.NotFound, "No such tenant.")
	noMember = problem.New(problem.NotFound, "No such member.")
)

// CreateTenant writes the tenant, its first admin and the record of both.
func (a Accounts) CreateTenant(ctx context.Context, t account.Tenant, admin account.Member) (account.Tenant, account.Member, error) {
	err := a.db.InTenant(ctx, t.ID, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `insert into tenant (tenant_id, slug, name) values ($1, $2, $3) returning created_at`,
			t.ID, t.Slug, t.Name).Scan(&t.CreatedAt)
		if isViolation(err, "tenant_slug_key") {
			return problem.Newf(problem.Conflict, "The slug %q is taken.", t.Slug)
		}
		if err != nil {
			return fmt.Errorf("insert tenant: %w", err)
		}
		if admin, err = insertMember(ctx, tx, t.ID, admin); err != nil {
			return err
		}
		return recordAdmin(ctx, tx, tenant.Scope{Tenant: t.ID, Via: tenant.ViaJob},
			adminRecord{action: "tenant.created", name: t.Slug, detail: "first admin: " + admin.Email})
	})
	return t, admin, err
}

// FindTenant looks across tenants, by the one function that may.
func (a Accounts) FindTenant(ctx context.Context, slug string) (id tenant.ID, err error) {
	err = a.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select tenant_id from lookup.tenant_by_slug($1)`, slug).Scan(&id)
		if noRows(err) {
			return noTenant
		}
		return err
	})
	return id, err
}

// Tenant returns one tenant.
func (a Accounts) Tenant(ctx context.Context, id tenant.ID) (t account.Tenant, err error) {
	if !anID(id) {
		return t, noTenant
	}
	err = a.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select tenant_id, slug, name, created_at from tenant where tenant_id = $1`, id).
			Scan(&t.ID, &t.Slug, &t.Name, &t.CreatedAt)
		if noRows(err) {
			return noTenant
		}
		return err
	})
	return t, err
}

// CreateMember writes the member and its record.
func (a Accounts) CreateMember(ctx context.Context, by tenant.Scope, m account.Member) (account.Member, error) {
	err := a.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		if m, err = insertMember(ctx, tx, by.Tenant, m); err != nil {
			return err
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "member.created", name: m.Email, detail: "role " + string(m.Role)})
	})
	return m, err
}

func insertMember(ctx context.Context, tx pgx.Tx, id tenant.ID, m account.Member) (account.Member, error) {
	err := tx.QueryRow(ctx, `
		insert into member (tenant_id, member_id, email, name, role) values ($1, $2, $3, $4, $5) returning created_at`,
		id, m.ID, m.Email, m.Name, m.Role).Scan(&m.CreatedAt)
	if isViolation(err, "member_email_key") {
		return m, problem.Newf(problem.Conflict, "%s is a member of this tenant already.", m.Email)
	}
	if err != nil {
		return m, fmt.Errorf("insert member: %w", err)
	}
	return m, nil
}

const memberColumns = `member_id, email, name, role, created_at, deactivated_at`

func scanMember(row pgx.CollectableRow) (m account.Member, err error) {
	var left *time.Time
	err = row.Scan(&m.ID, &m.Email, &m.Name, &m.Role, &m.CreatedAt, &left)
	m.DeactivatedAt = zeroIfNull(left)
	return m, err
}

// Member returns one member.
func (a Accounts) Member(ctx context.Context, id tenant.ID, m tenant.MemberID) (account.Member, error) {
	if !anID(m) {
		return account.Member{}, noMember
	}
	return a.member(ctx, id, `select `+memberColumns+` from member where member_id = $1`, m)
}

// MemberByEmail returns the member with the address, which is lower case.
func (a Accounts) MemberByEmail(ctx context.Context, id tenant.ID, email string) (account.Member, error) {
	return a.member(ctx, id, `select `+memberColumns+` from member where email = $1`, email)
}

func (a Accounts) member(ctx context.Context, id tenant.ID, sql string, args ...any) (m account.Member, err error) {
	err = a.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		m, err = one(ctx, tx, noMember, scanMember, sql, args...)
		return err
	})
	return m, err
}

// Members returns every member.
func (a Accounts) Members(ctx context.Context, id tenant.ID) (all []account.Member, err error) {
	err = a.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		all, err = many(ctx, tx, scanMember, `select `+memberColumns+` from member order by email`)
		return err
	})
	return all, err
}

// SetRole changes an active member's role.
func (a Accounts) SetRole(ctx context.Context, by tenant.Scope, id tenant.MemberID, role tenant.Role) (account.Member, error) {
	return a.change(ctx, by, id, "member.role_changed", "role "+string(role),
		`update member set role = $2 where member_id = $1 and deactivated_at is null returning `+memberColumns, id, role)
}

// Deactivate ends an active membership.
func (a Accounts) Deactivate(ctx context.Context, by tenant.Scope, id tenant.MemberID) (account.Member, error) {
	return a.change(ctx, by, id, "member.deactivated", "",
		`update member set deactivated_at = now() where member_id = $1 and deactivated_at is null returning `+memberColumns, id)
}

// change locks the tenant's admins first: of two admins who demote each other at once, the second waits, sees the
// first's change and is refused.
func (a Accounts) change(ctx context.Context, by tenant.Scope, id tenant.MemberID, action, detail, sql string, args ...any) (m account.Member, err error) {
	if !anID(id) {
		return m, noMember
	}
	err = a.db.changeAccess(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select from tenant for no key update`); err != nil {
			return fmt.Errorf("lock the tenant: %w", err)
		}
		if m, err = one(ctx, tx, noMember, scanMember, sql, args...); err != nil {
			return err
		}
		var admins int
		err := tx.QueryRow(ctx, `select count(*) from member where role = 'tenant_admin' and deactivated_at is null`).Scan(&admins)
		if err != nil {
			return fmt.Errorf("count the admins: %w", err)
		}
		if admins == 0 {
			return problem.New(problem.Conflict, "A tenant needs at least one tenant_admin.").
				WithFix("Give another member the role tenant_admin first.")
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: action, name: m.Email, detail: detail})
	})
	return m, err
}

package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// The database roles.
const (
	RoleOwner  = "kc_owner"  // NOLOGIN: owns every table; migrations run as it
	RoleApp    = "kc_app"    // LOGIN: what kubechatd is; owns nothing, bypasses nothing
	RoleLookup = "kc_lookup" // NOLOGIN BYPASSRLS: owns the few functions of schema lookup, nothing else
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations is the schema's history, one file a step.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the directory is compiled in
	}
	return sub
}

// Migrate brings the schema to what this program needs. ownerDSN is of a role that is a member of kc_owner; where the
// three roles are missing, it must be able to create them. Any number of replicas may call it at once: one works,
// the others wait for it.
func Migrate(ctx context.Context, ownerDSN string) error {
	if err := ensure(ctx, ownerDSN, append(roleStatements[:len(roleStatements):len(roleStatements)], databaseStatements...)); err != nil {
		return fmt.Errorf("create the database roles: %w", err)
	}
	provider, done, err := provider(ownerDSN)
	if err != nil {
		return err
	}
	defer done()
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func provider(ownerDSN string) (*goose.Provider, func(), error) {
	cc, err := pgx.ParseConfig(ownerDSN)
	if err != nil {
		return nil, nil, fmt.Errorf("parse the owner's database address: %w", err)
	}
	cc.RuntimeParams["role"] = RoleOwner
	cc.RuntimeParams["lock_timeout"] = "5000" // a migration that waits for a lock makes everybody wait behind it
	// a session lock that polls: waiters hold no snapshot, which CREATE INDEX CONCURRENTLY would wait for
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, nil, fmt.Errorf("make the migration lock: %w", err)
	}
	sqlDB := stdlib.OpenDB(*cc)
	p, err := goose.NewProvider(goose.DialectPostgres, sqlDB, Migrations(), goose.WithSessionLocker(locker))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read the migrations: %w", err), sqlDB.Close())
	}
	return p, func() { _ = p.Close() }, nil
}

type statement struct{ unless, create string }

// roleStatements creates what is missing and changes nothing that is there.
var roleStatements = []statement{
	{`select from pg_roles where rolname = 'kc_owner'`, `create role kc_owner nologin`},
	{`select from pg_roles where rolname = 'kc_lookup'`, `create role kc_lookup nologin bypassrls`},
	{`select from pg_roles where rolname = 'kc_app'`, `create role kc_app login`},
	{`select where pg_has_role('kc_owner', 'kc_lookup', 'MEMBER')`, `grant kc_lookup to kc_owner`},
	{`select where pg_has_role(session_user, 'kc_owner', 'MEMBER')`, `grant kc_owner to session_user`},
}

// databaseStatements does the same for what the roles may do in the one database.
var databaseStatements = []statement{
	{`select where has_database_privilege('kc_owner', current_database(), 'CREATE')`,
		`do $$ begin execute format('grant create on database %I to kc_owner', current_database()); end $$`},
	{`select where has_schema_privilege('kc_owner', 'public', 'CREATE')`, `grant create on schema public to kc_owner`},
}

func ensure(ctx context.Context, dsn string, statements []statement) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect as the owner: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, s := range statements {
		tag, err := conn.Exec(ctx, s.unless)
		if err == nil && tag.RowsAffected() == 0 {
			_, err = conn.Exec(ctx, s.create)
		}
		if err != nil && !madeMeanwhile(err) {
			return fmt.Errorf("%s: %w", s.create, err)
		}
	}
	return nil
}

// madeMeanwhile: roles belong to the whole server, so another database's migration may have been first.
func madeMeanwhile(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "42710" || pg.Code == "23505" ||
		pg.Code == "XX000" && strings.Contains(pg.Message, "concurrently updated"))
}

// checkSchema accepts a newer schema, because migrations go forward and code works before and after each.
func (db *DB) checkSchema(ctx context.Context) error {
	need, err := latest()
	if err != nil {
		return err
	}
	var have int64
	err = db.pool.QueryRow(ctx, `select coalesce(max(version_id), 0) from goose_db_version where is_applied`).Scan(&have)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42P01" {
		return errors.New("the database is empty: run `kubechatd migrate` first")
	}
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", outside(err))
	}
	if have < need {
		return fmt.Errorf("the database schema is at %d and this program needs %d: run `kubechatd migrate` first", have, need)
	}
	return nil
}

func latest() (int64, error) {
	entries, err := fs.ReadDir(Migrations(), ".")
	if err != nil {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	var newest int64
	for _, e := range entries {
		v, err := goose.NumericComponent(e.Name())
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", e.Name(), err)
		}
		newest = max(newest, v)
	}
	return newest, nil
}

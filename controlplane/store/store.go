// Package store keeps everything in PostgreSQL, a file per aggregate, and is the only package that holds a connection
// pool. Which tenant a statement may see is the database's business: every tenant table has row-level security that
// even the owner obeys, and the one way to name the tenant is InTenant, for the length of one transaction. Start at
// Open; a new table starts as a copy of one in migrations/0001_base.sql, and the catalog test says what it forgot.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Config says where the database is.
type Config struct {
	DSN      string // of the application's role, which must not be able to bypass row-level security
	MaxConns int32  // 0: 10
	Log      *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxConns <= 0 {
		c.MaxConns = 10
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// DB is the pool and what is built on it. Its methods are safe for concurrent use.
type DB struct {
	pool     *pgxpool.Pool
	log      *slog.Logger
	signals  *signals
	known    *known
	presence *presence
}

// Open connects, and refuses a role that could see more than one tenant at a time, and a schema older than this
// program. Close releases it.
func Open(ctx context.Context, c Config) (*DB, error) {
	c = c.withDefaults()
	pc, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return nil, fmt.Errorf("parse the database's address: %w", err)
	}
	pc.MaxConns = c.MaxConns
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = 5 * time.Second // a database that is away is said to be so at once
	}
	setDefault(pc.ConnConfig.RuntimeParams, "application_name", "kubechatd")
	setDefault(pc.ConnConfig.RuntimeParams, "jit", "off") // of statements of milliseconds it takes a tenth of a second to compile
	setDefault(pc.ConnConfig.RuntimeParams, "idle_in_transaction_session_timeout", "30000")
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db := &DB{pool: pool, log: c.Log, known: newKnown(), presence: newPresence()}
	db.presence.lost = func(time.Time) {
		pool.Reset() // connections to a host that is gone would be found dead one by one
		db.log.Warn("the database is away")
	}
	db.presence.back = func(since time.Time) {
		db.log.Info("the database is back", "after", time.Since(since).Round(time.Millisecond))
	}
	db.signals = newSignals(db)
	if err := db.check(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

func setDefault(m map[string]string, key, value string) {
	if _, ok := m[key]; !ok {
		m[key] = value
	}
}

func (db *DB) check(ctx context.Context) error {
	if err := db.checkRole(ctx); err != nil {
		return err
	}
	return db.checkSchema(ctx)
}

// checkRole asks about both users of the session: the one that logged in can always become itself again.
func (db *DB) checkRole(ctx context.Context) error {
	var who string
	var bypass, owns bool
	err := db.pool.QueryRow(ctx, `
		select session_user,
		  exists (select from pg_roles r where (r.rolsuper or r.rolbypassrls)
		    and (pg_has_role(session_user, r.oid, 'MEMBER') or pg_has_role(current_user, r.oid, 'MEMBER'))),
		  exists (select from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
		    and (pg_has_role(session_user, c.relowner, 'MEMBER') or pg_has_role(current_user, c.relowner, 'MEMBER')))`,
	).Scan(&who, &bypass, &owns)
	switch {
	case err != nil:
		return fmt.Errorf("check the database role: %w", outside(err))
	case bypass:
		return fmt.Errorf("the database role %q can bypass row-level security (it is, or can become, a superuser or a "+
			"BYPASSRLS role): use %s", who, RoleApp)
	case owns:
		return fmt.Errorf("the database role %q owns tables, so it could switch row-level security off: use %s", who, RoleApp)
	}
	return nil
}

// Close ends the pool. Transactions in flight are waited for.
func (db *DB) Close() { db.pool.Close() }

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.presence.during(ctx, db.pool.Ping) }

// InTenant runs f in one transaction that sees and writes the rows of tenant id, and of no other. The tenant is set
// together with BEGIN, in the same round trip, and ends with the transaction: nothing of it stays on the pooled
// connection, whether f returns, fails, panics, or ctx ends.
func (db *DB) InTenant(ctx context.Context, id tenant.ID, f func(context.Context, pgx.Tx) error) error {
	if _, err := tenant.ParseID(string(id)); err != nil {
		return fmt.Errorf("open a tenant's transaction: %w", err)
	}
	return db.tx(ctx, string(id), f)
}

// System runs f in one transaction that belongs to no tenant: it sees no tenant's rows, only the tables without one
// and what the functions in schema lookup return. It is for what must be known before the tenant is, and for jobs
// that find out which tenants have something to do.
func (db *DB) System(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	return db.tx(ctx, "", f)
}

// tx puts id into the text of the statement: BEGIN takes no parameters. It is "" or was parsed as a UUID.
func (db *DB) tx(ctx context.Context, id string, f func(context.Context, pgx.Tx) error) error {
	begin := pgx.TxOptions{BeginQuery: "begin; select set_config('app.current_tenant', '" + id + "', true)"}
	committing := false
	err := db.presence.during(ctx, func(ctx context.Context) error {
		return pgx.BeginTxFunc(ctx, db.pool, begin, func(tx pgx.Tx) error {
			err := f(ctx, tx)
			committing = err == nil
			return err
		})
	})
	if committing && problem.Is(err, problem.Unavailable) {
		return errUnsure.WithCause(err)
	}
	return err
}

// noRows is for look-ups of which absence is an answer.
func noRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

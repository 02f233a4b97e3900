package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// BootstrapConfig says what to set up on a server of our own.
type BootstrapConfig struct {
	SuperDSN    string // a URL (postgres://…) of a role that may create roles and databases
	Database    string // created when missing; empty: kubechat
	AppPassword string // what kc_app logs in with from now on
}

// Addresses are the two ways into a database: the service's, and the one migrations use.
type Addresses struct {
	App   string
	Owner string
}

// Bootstrap sets up roles and database on the embedded server of the demo, and migrates it. It may be repeated.
// In production the provider does the same once, by hand or by Terraform, and runs `kubechatd migrate`.
func Bootstrap(ctx context.Context, c BootstrapConfig) (Addresses, error) {
	if c.Database == "" {
		c.Database = "kubechat"
	}
	if err := createDatabase(ctx, c); err != nil {
		return Addresses{}, fmt.Errorf("create database %s: %w", c.Database, err)
	}
	a, err := addresses(c)
	if err != nil {
		return Addresses{}, err
	}
	return a, Migrate(ctx, a.Owner)
}

func createDatabase(ctx context.Context, c BootstrapConfig) error {
	if err := ensure(ctx, c.SuperDSN, roleStatements); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, c.SuperDSN)
	if err != nil {
		return fmt.Errorf("connect as superuser: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	literal, err := conn.PgConn().EscapeString(c.AppPassword)
	if err != nil {
		return fmt.Errorf("quote the password: %w", err)
	}
	if _, err := conn.Exec(ctx, "alter role kc_app login password '"+literal+"'"); err != nil {
		return errors.New("set the password of kc_app: refused by the server") // its error could repeat the statement
	}
	_, err = conn.Exec(ctx, "create database "+pgx.Identifier{c.Database}.Sanitize()+" owner kc_owner")
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42P04" { // it is there already
		return nil
	}
	return err
}

func addresses(c BootstrapConfig) (Addresses, error) {
	u, err := url.Parse(c.SuperDSN)
	if err != nil || u.Scheme == "" {
		return Addresses{}, errors.New("the superuser's address must be a postgres:// URL")
	}
	u.Path = "/" + c.Database
	app := *u
	app.User = url.UserPassword(RoleApp, c.AppPassword)
	return Addresses{App: app.String(), Owner: u.String()}, nil
}

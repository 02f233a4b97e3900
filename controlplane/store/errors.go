package store

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/kubechat/kubechat/controlplane/problem"
)

// errAway is the true cause, in words for people, of everything that fails because PostgreSQL does not answer.
var errAway = problem.New(problem.Unavailable, "The service's database is away.").WithCode("database_away").
	WithFix("Nothing was changed by this request. Try again in a moment.")

// errUnsure is the same in the middle of a commit: it may have happened although nobody heard of it.
var errUnsure = problem.New(problem.Unavailable, "The service's database went away in the middle of this request.").
	WithCode("database_away").WithFix("Look whether it took effect before you try again.")

// outside turns what means "the database is away" into the problem that says so; every other error stays itself.
func outside(err error) error {
	var p *problem.Error
	if err == nil || errors.As(err, &p) || !away(err) {
		return err
	}
	return errAway.WithCause(err)
}

// away is decided by where the error comes from: the caller's own deadline is not the database's absence.
func away(err error) bool {
	var ce *pgconn.ConnectError
	if errors.As(err, &ce) { // whatever it says: it is of no use to anybody now
		return !errors.Is(err, context.Canceled)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// 08 connection, 57P shutdown and start-up, 53300 too many connections, 25006 a read-only standby
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P") || pg.Code == "53300" || pg.Code == "25006"
	}
	var ne net.Error
	return errors.As(err, &ne) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		strings.Contains(err.Error(), "conn closed") // pgx says it with an unexported error
}

// isViolation tells whether err is PostgreSQL refusing a row because of the named constraint.
func isViolation(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Code, "23") && pg.ConstraintName == constraint
}

// anID tells whether every one of ids can name a row at all. What can't is not found, like another tenant's.
func anID[T ~string](ids ...T) bool {
	for _, id := range ids {
		if u, err := uuid.Parse(string(id)); err != nil || u.String() != string(id) {
			return false
		}
	}
	return true
}

package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// one runs a query for a single row; no row is missing, the problem the caller chose.
func one[T any](ctx context.Context, tx pgx.Tx, missing error, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		var zero T
		return zero, err
	}
	v, err := pgx.CollectExactlyOneRow(rows, scan)
	if noRows(err) {
		return v, missing
	}
	return v, err
}

// many runs a query for any number of rows.
func many[T any](ctx context.Context, tx pgx.Tx, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// zeroIfNull turns NULL into the zero time.
func zeroIfNull(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

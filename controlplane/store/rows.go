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

// batched sends a batch of statements with a query for a single row as its last, all in one round trip.
func batched[T any](ctx context.Context, tx pgx.Tx, batch *pgx.Batch, missing error, scan pgx.RowToFunc[T], sql string, args ...any) (v T, err error) {
	before := batch.Len()
	batch.Queue(sql, args...)
	res := tx.SendBatch(ctx, batch)
	defer func() { err = firstOf(err, res.Close()) }()
	for range before {
		if _, err := res.Exec(); err != nil {
			return v, err
		}
	}
	return next(res, missing, scan)
}

// next reads a batch's next answer, a single row.
func next[T any](res pgx.BatchResults, missing error, scan pgx.RowToFunc[T]) (T, error) {
	rows, err := res.Query()
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

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// zeroIfNull turns NULL into the zero time.
func zeroIfNull(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Answers keeps what was answered to requests that may be sent twice.
type Answers struct{ db *DB }

// Answers keeps answers in db.
func (db *DB) Answers() Answers { return Answers{db} }

// How long an answer is kept, and after which time a request that never answered is taken for lost.
const (
	answersKept  = 24 * time.Hour
	claimExpires = 2 * time.Minute
)

// Claim makes the key the caller's, or says what the earlier request asked and was answered.
func (s Answers) Claim(ctx context.Context, scope tenant.Scope, key, asked []byte, at time.Time) (mine bool, was []byte, status int, sealed []byte, err error) {
	err = s.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			insert into idempotency as i (tenant_id, member_id, key_hash, asked_hash, created_at)
			values ($1, $2, $3, $4, $5)
			on conflict (tenant_id, member_id, key_hash) do update
			  set asked_hash = excluded.asked_hash, created_at = excluded.created_at, status = null, sealed = null
			  where i.created_at < $6 or (i.status is null and i.created_at < $7)`,
			scope.Tenant, scope.Member, key, asked, at, at.Add(-answersKept), at.Add(-claimExpires))
		if err != nil {
			return err
		}
		if mine = tag.RowsAffected() == 1; mine {
			return nil
		}
		return tx.QueryRow(ctx, `
			select asked_hash, coalesce(status, 0), coalesce(sealed, '') from idempotency where member_id = $1 and key_hash = $2`,
			scope.Member, key).Scan(&was, &status, &sealed)
	})
	return mine, was, status, sealed, err
}

// Keep stores the answer for as long as the key counts.
func (s Answers) Keep(ctx context.Context, scope tenant.Scope, key []byte, status int, sealed []byte) error {
	return s.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update idempotency set status = $3, sealed = $4 where member_id = $1 and key_hash = $2`,
			scope.Member, key, status, sealed)
		return err
	})
}

// Forget gives the key back: nothing was created.
func (s Answers) Forget(ctx context.Context, scope tenant.Scope, key []byte) error {
	return s.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from idempotency where member_id = $1 and key_hash = $2 and status is null`, scope.Member, key)
		return err
	})
}

// Sweep removes answers whose time is over.
func (s Answers) Sweep(ctx context.Context, now time.Time) error {
	var tenants []tenant.ID
	before := now.Add(-answersKept)
	err := s.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select tenant_id::text from lookup.tenants_with_old_answers($1)`, before)
		if err != nil {
			return err
		}
		tenants, err = pgx.CollectRows(rows, pgx.RowTo[tenant.ID])
		return err
	})
	if err != nil {
		return err
	}
	for _, t := range tenants {
		err := s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `delete from idempotency where created_at < $1`, before)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

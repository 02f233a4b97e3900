package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Billing sums usage.
type Billing struct{ db *DB }

// Billing is the usage's part of the store.
func (db *DB) Billing() Billing { return Billing{db} }

var _ billing.Store = Billing{}

// Usage sums events and minutes; a meter without any is zero, not absent.
func (b Billing) Usage(ctx context.Context, id tenant.ID, p billing.Period) ([]billing.Usage, error) {
	sums := map[billing.Meter]int64{}
	err := b.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		all, err := many(ctx, tx, pgx.RowToStructByPos[billing.Usage], `
			select meter, sum(quantity)::bigint from usage_event where at >= $1 and at < $2 group by meter
			union all
			select meter, sum(quantity)::bigint from usage_minute where minute >= $1 and minute < $2 group by meter`,
			p.From, p.To)
		for _, u := range all {
			sums[u.Meter] += u.Quantity
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]billing.Usage, len(billing.Meters))
	for i, m := range billing.Meters {
		out[i] = billing.Usage{Meter: m, Quantity: sums[m]}
	}
	return out, nil
}

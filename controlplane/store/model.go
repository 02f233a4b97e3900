package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/assist"
	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Models keeps tenants' models and what was used of them.
type Models struct{ db *DB }

// Models is the models' part of the store.
func (db *DB) Models() Models { return Models{db} }

var (
	_ settings.Store = Models{}
	_ assist.Meter   = Models{}
)

var noModel = problem.New(problem.NotFound, "No model is set.")

const modelColumns = `provider, model, base_url, region, role_arn, context_size, day_tokens, day_micros, input_price, output_price, sealed_key, updated_at`

func scanModel(row pgx.CollectableRow) (s settings.Stored, err error) {
	err = row.Scan(&s.Provider, &s.Model, &s.BaseURL, &s.Region, &s.RoleARN, &s.Window, &s.DayTokens, &s.DayMicros, &s.InputPrice, &s.OutputPrice, &s.Sealed, &s.UpdatedAt)
	s.HasKey, s.UpdatedAt = s.Sealed != nil, s.UpdatedAt.UTC()
	return s, err
}

// Model gives the tenant's.
func (m Models) Model(ctx context.Context, id tenant.ID) (s settings.Stored, err error) {
	if !anID(id) {
		return s, noModel
	}
	err = m.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) (err error) {
		s, err = one(ctx, tx, noModel, scanModel, `select `+modelColumns+` from model_setting where tenant_id = $1`, id)
		return err
	})
	return s, err
}

// SetModel replaces it.
func (m Models) SetModel(ctx context.Context, by tenant.Scope, s settings.Stored) (got settings.Stored, err error) {
	err = m.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		got, err = one(ctx, tx, noModel, scanModel, `
			insert into model_setting (tenant_id, provider, model, base_url, region, role_arn, context_size, day_tokens, day_micros, input_price, output_price, sealed_key)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			on conflict (tenant_id) do update set provider = excluded.provider, model = excluded.model, base_url = excluded.base_url,
			  region = excluded.region, role_arn = excluded.role_arn, context_size = excluded.context_size, day_tokens = excluded.day_tokens,
			  day_micros = excluded.day_micros, input_price = excluded.input_price, output_price = excluded.output_price,
			  sealed_key = excluded.sealed_key, updated_at = now()
			returning `+modelColumns,
			by.Tenant, s.Provider, s.Model, s.BaseURL, s.Region, s.RoleARN, s.Window, s.DayTokens, s.DayMicros, s.InputPrice, s.OutputPrice, s.Sealed)
		if err != nil {
			return fmt.Errorf("set the model: %w", err)
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "model.set", name: s.Model, detail: "at " + s.Host()})
	})
	return got, err
}

// RemoveModel forgets it; that there was none is no error, and no record.
func (m Models) RemoveModel(ctx context.Context, by tenant.Scope) error {
	return m.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from model_setting where tenant_id = $1`, by.Tenant)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "model.removed"})
	})
}

// ModelUsed gives today's sums.
func (m Models) ModelUsed(ctx context.Context, id tenant.ID) (u settings.Used, err error) {
	err = m.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select tokens, micros from model_day where tenant_id = $1 and day = (now() at time zone 'utc')::date`, id).
			Scan(&u.Tokens, &u.Micros)
		if noRows(err) {
			return nil
		}
		return err
	})
	return u, err
}

// budgetLeft is what a day's limits say; zero limits are none.
type budgetLeft struct{ tokens, micros, dayTokens, dayMicros int64 }

func (b budgetLeft) view() assist.Budget {
	if b.dayMicros > 0 {
		return assist.Budget{Used: b.micros, Limit: b.dayMicros}
	}
	return assist.Budget{Used: b.tokens, Limit: b.dayTokens}
}

// addToDay adds to what was used today, which locks the day's row until the transaction ends, and gives the sums.
func addToDay(ctx context.Context, tx pgx.Tx, id tenant.ID, tokens, micros int64) (b budgetLeft, err error) {
	err = tx.QueryRow(ctx, `
		with d as (
		  insert into model_day as m (tenant_id, day, tokens, micros) values ($1, (now() at time zone 'utc')::date, greatest($2, 0), greatest($3, 0))
		  on conflict (tenant_id, day) do update set tokens = greatest(m.tokens + $2, 0), micros = greatest(m.micros + $3, 0)
		  returning tokens, micros)
		select d.tokens, d.micros, coalesce(s.day_tokens, 0), coalesce(s.day_micros, 0)
		from d left join model_setting s on s.tenant_id = $1`, id, tokens, micros).Scan(&b.tokens, &b.micros, &b.dayTokens, &b.dayMicros)
	return b, err
}

// Reserve takes a call's most, unless the day's budget would not hold it.
func (m Models) Reserve(ctx context.Context, scope tenant.Scope, c assist.Call) error {
	return m.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		b, err := addToDay(ctx, tx, scope.Tenant, c.Input+c.Output, c.CostMicros)
		if err != nil {
			return fmt.Errorf("reserve a call of the model: %w", err)
		}
		if b.dayTokens > 0 && b.tokens > b.dayTokens || b.dayMicros > 0 && b.micros > b.dayMicros {
			return problem.New(problem.Limited, "Your organisation's budget for the model is used up for today.").WithCode("model_budget").
				WithFix("It is whole again at midnight UTC; a tenant_admin can raise it.")
		}
		return nil
	})
}

// Settle replaces the reservation by what was used, and counts it as usage, once per call.
func (m Models) Settle(ctx context.Context, scope tenant.Scope, c assist.Call) (assist.Budget, error) {
	var b budgetLeft
	err := m.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		if b, err = addToDay(ctx, tx, scope.Tenant, c.Input+c.Output-c.ReservedTokens, c.CostMicros-c.ReservedCost); err != nil {
			return fmt.Errorf("settle a call of the model: %w", err)
		}
		for meter, n := range map[billing.Meter]int64{billing.LLMTokens: c.Input + c.Output, billing.LLMCost: c.CostMicros} {
			if n == 0 {
				continue
			}
			if _, err := tx.Exec(ctx, `
				insert into usage_event (tenant_id, source, event_id, meter, quantity, member_id) values ($1, 'model', $2, $3, $4, $5)
				on conflict do nothing`, scope.Tenant, c.ID+"/"+string(meter), meter, n, orNull(scope.Member)); err != nil {
				return fmt.Errorf("insert usage: %w", err)
			}
		}
		return nil
	})
	return b.view(), err
}

package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// adminRecord is a change to the tenant itself: who did what to which thing.
type adminRecord struct {
	action  string // a noun and a past participle: member.created
	name    string // of the thing, for people
	detail  string
	cluster cluster.ID // where it is about one
}

// recordAdmin writes the audit record of a change, in the change's own transaction: neither is there without the other.
// Every method that changes something by a member's wish calls it.
func recordAdmin(ctx context.Context, tx pgx.Tx, by tenant.Scope, r adminRecord) error {
	return recordAs(ctx, tx, actorType(by), by, r)
}

// recordAs is recordAdmin for what an agent or the service itself did.
func recordAs(ctx context.Context, tx pgx.Tx, actor string, by tenant.Scope, r adminRecord) error {
	_, err := tx.Exec(ctx, `
		insert into audit_record (tenant_id, record_id, kind, actor_type, actor_id, actor_name, actor_email, login_id, via,
		  cluster_id, action, name, detail)
		values ($1, $2, 'admin', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		by.Tenant, newID(), actor, orNull(by.Member), by.Name, by.Email, by.Login, by.Via,
		orNull(r.cluster), r.action, clean(r.name), clean(r.detail))
	if err != nil {
		return fmt.Errorf("record %s: %w", r.action, err)
	}
	return nil
}

// actorType: a scope without a member is the service's own.
func actorType(s tenant.Scope) string {
	if s.Member == "" {
		return "service"
	}
	return "member"
}

// newID returns an id that sorts by creation.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// orNull turns a zero value into NULL.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// List pages by record id, which is by time: a page costs the same however far down it is.
func (a Audit) List(ctx context.Context, by tenant.Scope, q audit.Query) (page audit.Page, err error) {
	where, args, err := conditions(q)
	if err != nil {
		return page, err
	}
	err = a.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		page.Records, err = many(ctx, tx, scanRecord, `
			select r.record_id, r.at, r.kind, r.intent_id, r.actor_type, r.actor_id, r.actor_name, r.actor_email, r.via,
			  r.cluster_id, coalesce(c.name, ''), r.verb, r.api_group, r.resource, r.subresource, r.namespace, r.name, r.path,
			  r.action, r.command, coalesce(r.outcome, e.outcome), coalesce(r.http_status, e.http_status),
			  case when r.kind = 'intent' then coalesce(e.detail, '') else r.detail end, coalesce(r.duration, e.duration),
			  r.request_id, r.run_id, r.step, r.approved_by, r.k8s_group
			from audit_record r
			left join cluster c on c.tenant_id = r.tenant_id and c.cluster_id = r.cluster_id
			left join lateral (
			  select x.outcome, x.http_status, x.detail, x.duration from audit_record x
			  where x.tenant_id = r.tenant_id and x.intent_id = r.record_id and x.kind = 'result'
			  order by x.settled desc limit 1
			) e on r.kind = 'intent'
			where `+where+`
			order by r.record_id desc limit `+fmt.Sprint(q.Limit+1), args...)
		return err
	})
	if len(page.Records) > q.Limit {
		page.Records = page.Records[:q.Limit]
		page.Next = page.Records[q.Limit-1].ID
	}
	return page, err
}

// conditions never puts a value into the text: values are arguments.
func conditions(q audit.Query) (string, []any, error) {
	parts, args := []string{"true"}, []any(nil)
	add := func(column, op string, v any) {
		args = append(args, v)
		parts = append(parts, fmt.Sprintf("r.%s %s $%d", column, op, len(args)))
	}
	if q.After != "" {
		if !anID(q.After) {
			return "", nil, problem.New(problem.Invalid, "after is the next of an earlier page.")
		}
		add("record_id", "<", q.After)
	}
	if q.Cluster != "" {
		if !anID(q.Cluster) {
			return "", nil, noCluster
		}
		add("cluster_id", "=", q.Cluster)
	}
	if q.Member != "" {
		if !anID(q.Member) {
			return "", nil, noMember
		}
		add("actor_id", "=", q.Member)
	}
	if q.Kind != "" {
		add("kind", "=", string(q.Kind))
	}
	return strings.Join(parts, " and "), args, nil
}

func scanRecord(row pgx.CollectableRow) (r audit.Record, err error) {
	var intent, actor, clusterID, outcome, run, approver *string
	var status, step *int
	var took *time.Duration
	t := &r.Target
	err = row.Scan(&r.ID, &r.At, &r.Kind, &intent, &r.Actor.Type, &actor, &r.Actor.Name, &r.Actor.Email, &r.Via,
		&clusterID, &r.ClusterName, &t.Verb, &t.APIGroup, &t.Resource, &t.Subresource, &t.Namespace, &t.Name, &t.Path,
		&r.Action, &r.Command, &outcome, &status, &r.Detail, &took, &r.RequestID, &run, &step, &approver, &r.K8sGroup)
	r.IntentID = audit.IntentID(deref(intent))
	r.Actor.ID = tenant.MemberID(deref(actor))
	t.Cluster = cluster.ID(deref(clusterID))
	r.Outcome, r.HTTPStatus = audit.Outcome(deref(outcome)), deref(status)
	r.RunID, r.Step, r.ApprovedBy, r.Duration = deref(run), deref(step), tenant.MemberID(deref(approver)), deref(took)
	return r, err
}

// AbandonedIntents looks across tenants, by the one function that may, which also judges whether replica may judge.
func (a Audit) AbandonedIntents(ctx context.Context, replica string) (found []audit.AbandonedIntent, err error) {
	err = a.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		found, err = many(ctx, tx, func(row pgx.CollectableRow) (i audit.AbandonedIntent, err error) {
			err = row.Scan(&i.Tenant, &i.Intent)
			return i, err
		}, `select tenant_id, intent_id from lookup.abandoned_intents($1)`, replica)
		return err
	})
	return found, err
}

// Settle takes the intent from its gone replica, in the tenant's own transaction. Whoever deletes the row in
// open_intent has it: a second sweeper, or a result that arrives after all, finds it gone.
func (a Audit) Settle(ctx context.Context, i audit.AbandonedIntent) (out audit.Abandoned, first bool, err error) {
	out.AbandonedIntent = i
	err = a.db.InTenant(ctx, i.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		var run *string
		var step *int
		t := &out.Target
		err := tx.QueryRow(ctx, `
			delete from open_intent o using replica g, audit_record r
			where o.intent_id = $1 and g.replica_id = o.replica_id and g.lease_until < now()
			  and r.tenant_id = o.tenant_id and r.record_id = o.intent_id
			returning coalesce(r.actor_id::text, ''), r.run_id, r.step, r.cluster_id, r.verb, r.api_group, r.resource,
			  r.subresource, r.namespace, r.name, r.path, r.command`, i.Intent).
			Scan(&out.Member, &run, &step, &t.Cluster, &t.Verb, &t.APIGroup, &t.Resource, &t.Subresource, &t.Namespace,
				&t.Name, &t.Path, &out.Command)
		if noRows(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take the intent over: %w", err)
		}
		out.RunID, out.Step, first = deref(run), deref(step), true
		_, err = insertResult(ctx, tx, i.Intent, audit.Result{Outcome: audit.Unknown,
			Detail: "The replica that sent this was lost before it could tell how it ended. Look before sending it again."}, false)
		return err
	})
	return out, first && err == nil, err
}

// deref turns NULL into a zero value.
func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

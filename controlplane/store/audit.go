package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Audit keeps audit records.
type Audit struct{ db *DB }

// Audit is the audit log's part of the store.
func (db *DB) Audit() Audit { return Audit{db} }

var _ audit.Store = Audit{}

var noCluster = problem.New(problem.NotFound, "No such cluster.")

// Begin writes the intent and who owes its result. Only a replica whose lease holds may owe one: another's would be
// called abandoned at once.
func (a Audit) Begin(ctx context.Context, replica string, by tenant.Scope, id audit.IntentID, in audit.Intent) error {
	if !anID(in.Target.Cluster) {
		return noCluster
	}
	return a.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		t := cleanTarget(in.Target)
		tag, err := tx.Exec(ctx, `
			with owing as (
			  select replica_id from replica where replica_id = $21 and lease_until > now()
			), intent as (
			  insert into audit_record (tenant_id, record_id, kind, actor_type, actor_id, actor_name, actor_email, login_id, via,
			    cluster_id, verb, api_group, resource, subresource, namespace, name, path, command, k8s_group, request_id,
			    run_id, step, approved_by)
			  select $1, $2, 'intent', $3, $4, $5, $6, $7, $8, c.cluster_id, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
			    $20, $22, $23
			  from cluster c, owing where c.cluster_id = $9
			  returning tenant_id, record_id)
			insert into open_intent (tenant_id, intent_id, replica_id)
			select intent.tenant_id, intent.record_id, owing.replica_id from intent, owing`,
			by.Tenant, id, actorType(by), orNull(by.Member), by.Name, by.Email, by.Login, by.Via, t.Cluster, t.Verb,
			t.APIGroup, t.Resource, t.Subresource, t.Namespace, t.Name, t.Path, clean(in.Command),
			in.K8sGroup, clean(in.RequestID), orNull(in.RunID), replica, orNull(in.Step), orNull(in.ApprovedBy))
		if err != nil {
			return fmt.Errorf("insert intent: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return a.whyNoIntent(ctx, tx, in)
		}
		return nil
	})
}

func (a Audit) whyNoIntent(ctx context.Context, tx pgx.Tx, in audit.Intent) error {
	var there bool
	err := tx.QueryRow(ctx, `select exists (select from cluster where cluster_id = $1)`, in.Target.Cluster).Scan(&there)
	if err != nil {
		return fmt.Errorf("look for the intent's cluster: %w", err)
	}
	if !there {
		return noCluster
	}
	return problem.New(problem.Unavailable, "This replica is just rejoining its database.").WithCode("lease_lapsed").
		WithFix("Nothing was sent. Try again in a moment.").WithRetryAfter(3 * time.Second)
}

// Finish writes the result and what it is billed as. The intent's row in open_intent is the lock between a result and
// the sweep that takes its replica for gone.
func (a Audit) Finish(ctx context.Context, by tenant.Scope, id audit.IntentID, res audit.Result) error {
	return a.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from open_intent where intent_id = $1`, id); err != nil {
			return fmt.Errorf("close the intent: %w", err)
		}
		there, err := insertResult(ctx, tx, id, res, true)
		if err != nil {
			return err
		}
		if !there {
			return audit.ErrNoIntent
		}
		if !billed(res) {
			return nil
		}
		_, err = tx.Exec(ctx, `
			insert into usage_event (tenant_id, source, event_id, meter, quantity, cluster_id, member_id)
			select i.tenant_id, 'audit', i.record_id::text, $2, 1, i.cluster_id, i.actor_id
			from audit_record i where i.record_id = $1 and i.kind = 'intent'
			on conflict (tenant_id, source, event_id) do nothing`, id, billing.Command)
		if err != nil {
			return fmt.Errorf("insert usage: %w", err)
		}
		return nil
	})
}

// billed: what was carried out, whatever the cluster said of it. Not what was refused before, and not what nobody
// knows the end of.
func billed(res audit.Result) bool {
	return res.Outcome == audit.Succeeded || res.Outcome == audit.Failed && res.HTTPStatus != 0
}

// insertResult copies what the intent was about, and does nothing when the result is there already.
func insertResult(ctx context.Context, tx pgx.Tx, id audit.IntentID, res audit.Result, settled bool) (there bool, err error) {
	_, err = tx.Exec(ctx, `
		insert into audit_record (tenant_id, record_id, kind, actor_type, actor_id, actor_name, actor_email, login_id, via,
		  cluster_id, verb, api_group, resource, subresource, namespace, name, path, command, k8s_group, request_id,
		  run_id, step, approved_by, intent_id, settled, outcome, http_status, detail, duration, bytes_in, bytes_out)
		select tenant_id, $2, 'result', actor_type, actor_id, actor_name, actor_email, login_id, via,
		  cluster_id, verb, api_group, resource, subresource, namespace, name, path, command, k8s_group, request_id,
		  run_id, step, approved_by, record_id, $3, $4, $5, $6, $7, $8, $9
		from audit_record where record_id = $1 and kind = 'intent'
		on conflict (tenant_id, intent_id, settled) where kind = 'result' do nothing`,
		id, newID(), settled, res.Outcome, orNull(res.HTTPStatus), clean(res.Detail), res.Duration, res.BytesIn, res.BytesOut)
	if err != nil {
		return false, fmt.Errorf("insert result: %w", err)
	}
	err = tx.QueryRow(ctx, `select exists (select from audit_record where record_id = $1 and kind = 'intent')`, id).Scan(&there)
	return there, err
}

// clean makes text that PostgreSQL takes: UTF-8 without NUL. It comes from URLs and clusters.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func cleanTarget(t audit.Target) audit.Target {
	for _, s := range []*string{&t.Verb, &t.APIGroup, &t.Resource, &t.Subresource, &t.Namespace, &t.Name, &t.Path} {
		*s = clean(*s)
	}
	return t
}

// readRows are reads as columns: one array each costs PostgreSQL a fraction of what it takes to read rows as JSON.
type readRows struct {
	id, actor, cluster                                                             []pgtype.UUID
	at                                                                             []time.Time
	actorType, actorName, actorEmail, login, via                                   []string
	verb, group, resource, subresource, namespace, name, path, k8sGroup, requestID []string
	status                                                                         []*int
	duration                                                                       []time.Duration
	bytesOut                                                                       []int64
}

func (rows *readRows) add(r audit.Read) error {
	s, t := r.Scope, cleanTarget(r.Target)
	for _, one := range []struct {
		to   *[]pgtype.UUID
		text string
	}{{&rows.id, r.ID}, {&rows.actor, string(s.Member)}, {&rows.cluster, string(t.Cluster)}} {
		var id pgtype.UUID
		if one.text != "" {
			if err := id.Scan(one.text); err != nil {
				return fmt.Errorf("an id in a read: %w: %w", audit.ErrRefused, err)
			}
		}
		*one.to = append(*one.to, id)
	}
	for _, one := range []struct {
		to   *[]string
		text string
	}{
		{&rows.actorType, actorType(s)}, {&rows.actorName, clean(s.Name)}, {&rows.actorEmail, clean(s.Email)}, {&rows.login, s.Login},
		{&rows.via, string(s.Via)}, {&rows.verb, t.Verb}, {&rows.group, t.APIGroup}, {&rows.resource, t.Resource},
		{&rows.subresource, t.Subresource}, {&rows.namespace, t.Namespace}, {&rows.name, t.Name}, {&rows.path, t.Path},
		{&rows.k8sGroup, string(r.K8sGroup)}, {&rows.requestID, clean(r.RequestID)},
	} {
		*one.to = append(*one.to, one.text)
	}
	rows.at = append(rows.at, r.At)
	rows.status = append(rows.status, orNull(r.HTTPStatus))
	rows.duration = append(rows.duration, r.Duration)
	rows.bytesOut = append(rows.bytesOut, r.BytesOut)
	return nil
}

// Reads writes records and their usage in one statement: what is there already is neither written nor counted again.
func (a Audit) Reads(ctx context.Context, id tenant.ID, reads []audit.Read) error {
	var r readRows
	for _, read := range reads {
		if err := r.add(read); err != nil {
			return err
		}
	}
	return a.db.InTenant(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			with fresh as (
			  insert into audit_record (tenant_id, record_id, at, kind, actor_type, actor_id, actor_name, actor_email, login_id,
			    via, cluster_id, verb, api_group, resource, subresource, namespace, name, path, k8s_group, request_id,
			    http_status, duration, bytes_out)
			  select $1, record_id, at, 'read', actor_type, actor_id, actor_name, actor_email, login_id,
			    via, cluster_id, verb, api_group, resource, subresource, namespace, name, path, k8s_group, request_id,
			    http_status, duration, bytes_out
			  from unnest($3::uuid[], $4::timestamptz[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[],
			    $11::uuid[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
			    $20::text[], $21::integer[], $22::interval[], $23::bigint[])
			    as r (record_id, at, actor_type, actor_id, actor_name, actor_email, login_id, via,
			    cluster_id, verb, api_group, resource, subresource, namespace, name, path, k8s_group,
			    request_id, http_status, duration, bytes_out)
			  on conflict (tenant_id, record_id) do nothing
			  returning at)
			insert into usage_minute as u (tenant_id, meter, minute, quantity)
			select $1, $2, date_trunc('minute', at), count(*) from fresh group by 3
			on conflict (tenant_id, meter, minute) do update set quantity = u.quantity + excluded.quantity`,
			id, billing.APIRequest, r.id, r.at, r.actorType, r.actor, r.actorName, r.actorEmail, r.login, r.via,
			r.cluster, r.verb, r.group, r.resource, r.subresource, r.namespace, r.name, r.path, r.k8sGroup,
			r.requestID, r.status, r.duration, r.bytesOut)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23")) {
			return fmt.Errorf("insert reads: %w: %w", audit.ErrRefused, err)
		}
		if err != nil {
			return fmt.Errorf("insert reads: %w", err)
		}
		return nil
	})
}

// Admin writes one admin record by itself.
func (a Audit) Admin(ctx context.Context, by tenant.Scope, action, target string) error {
	return a.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		return recordAdmin(ctx, tx, by, adminRecord{action: action, name: target})
	})
}

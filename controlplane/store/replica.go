package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// Replicas keeps the directory: replicas, their leases, and the sessions they hold.
type Replicas struct{ db *DB }

// Replicas is the directory's part of the store.
func (db *DB) Replicas() Replicas { return Replicas{db} }

var _ cluster.ReplicaStore = Replicas{}

// Beat extends the lease by the database's clock.
func (r Replicas) Beat(ctx context.Context, replica, address string, lease time.Duration) (since time.Time, err error) {
	err = r.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			insert into replica as r (replica_id, address, lease_until) values ($1, $2, now() + $3::interval)
			on conflict (replica_id) do update set heartbeat_at = now(), address = excluded.address,
			  lease_until = excluded.lease_until,
			  lease_since = case when r.lease_until < now() then now() else r.lease_since end
			returning lease_since`, replica, address, lease).Scan(&since)
	})
	return since, err
}

// Live lists the replicas with a lease.
func (r Replicas) Live(ctx context.Context) (all []cluster.Replica, err error) {
	err = r.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		all, err = many(ctx, tx, pgx.RowToStructByPos[cluster.Replica],
			`select replica_id::text, address from replica where lease_until > now() order by replica_id`)
		return err
	})
	return all, err
}

// Leave ends the lease.
func (r Replicas) Leave(ctx context.Context, replica string) error {
	return r.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update replica set lease_until = now() where replica_id = $1 and lease_until > now()`, replica)
		return err
	})
}

// OpenSession may be repeated. The cluster's row is locked first, so that "since when connected" has one answer.
func (r Replicas) OpenSession(ctx context.Context, replica string, k cluster.SessionKey, info cluster.SessionInfo) error {
	if !anID(k.Cluster) {
		return noCluster
	}
	err := r.db.InTenant(ctx, k.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := lockLiveCluster(ctx, tx, k.Cluster); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			with s as (select count(*) as live from cluster_session join replica using (replica_id)
			  where cluster_id = $1 and lease_until > now())
			update cluster c set agent_version = $2, kubernetes_version = $3, joined_at = coalesce(joined_at, now()),
			  sessions_wanted = $4, connected_at = case when s.live > 0 then connected_at else now() end,
			  complete_at = case when s.live between 1 and $4 - 1 and s.live + 1 >= $4
			    and greatest(connected_at, last_seen_at) < now() - interval '30 seconds' then now() else complete_at end,
			  agent_version_before = case when agent_version <> $2 then agent_version else agent_version_before end,
			  agent_version_at = case when agent_version <> $2 then now() else agent_version_at end,
			  problem_at = `+problemAt+`, problem = coalesce($5, problem)
			from s where cluster_id = $1`, k.Cluster, clean(info.AgentVersion), clean(info.KubernetesVersion), info.Wanted,
			cleanWords(info.Problem))
		if err != nil {
			return fmt.Errorf("mark the cluster as connected: %w", err)
		}
		_, err = tx.Exec(ctx, `
			insert into cluster_session (tenant_id, cluster_id, session_id, replica_id, transport, agent_name, agent_version,
			  kubernetes_version, certificate_until, intercepted, round_trip_us, trouble)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			on conflict (tenant_id, cluster_id, session_id) do nothing`, k.Tenant, k.Cluster, k.Session, replica,
			cmp.Or(info.Transport, "tls"), clean(info.AgentName), clean(info.AgentVersion), clean(info.KubernetesVersion),
			orNull(info.CertificateUntil), info.Intercepted, info.RoundTrip.Microseconds(), clean(info.Trouble))
		if err != nil {
			return fmt.Errorf("insert session: %w", err)
		}
		return nil
	})
	if err == nil {
		r.db.Notify(topicCluster, k.Tenant, string(k.Cluster))
	}
	return err
}

func lockLiveCluster(ctx context.Context, tx pgx.Tx, id cluster.ID) error {
	var revoked bool
	err := tx.QueryRow(ctx, `select revoked_at is not null from cluster where cluster_id = $1 for no key update`, id).Scan(&revoked)
	if noRows(err) {
		return noCluster
	}
	if err != nil {
		return fmt.Errorf("lock the cluster: %w", err)
	}
	if revoked {
		return problem.New(problem.Conflict, "This cluster was revoked.").WithCode("cluster_revoked")
	}
	return nil
}

// CloseSession may be repeated.
func (r Replicas) CloseSession(ctx context.Context, k cluster.SessionKey, reason string) error {
	err := r.db.InTenant(ctx, k.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := recordEnd(ctx, tx, k, reason); err != nil {
			return fmt.Errorf("keep the session's end: %w", err)
		}
		_, err := tx.Exec(ctx, `
			with gone as (
			  delete from cluster_session where cluster_id = $1 and session_id = $2 returning cluster_id)
			update cluster c set last_seen_at = now(), lost_reason = $3 from gone where c.cluster_id = gone.cluster_id`,
			k.Cluster, k.Session, clean(reason))
		return err
	})
	if err == nil {
		r.db.Notify(topicCluster, k.Tenant, string(k.Cluster))
	}
	return err
}

func scanKey(row pgx.CollectableRow) (k cluster.SessionKey, err error) {
	err = row.Scan(&k.Tenant, &k.Cluster, &k.Session)
	return k, err
}

// SessionsOf looks across tenants.
func (r Replicas) SessionsOf(ctx context.Context, replica string) ([]cluster.SessionKey, error) {
	return r.keys(ctx, `select tenant_id, cluster_id, session_id from lookup.sessions_of($1)`, replica)
}

func (r Replicas) keys(ctx context.Context, sql, replica string) (all []cluster.SessionKey, err error) {
	err = r.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		all, err = many(ctx, tx, scanKey, sql, replica)
		return err
	})
	return all, err
}

// SweepSessions removes the lapsed sessions one by one, each in its tenant, and replicas of which nothing is left.
func (r Replicas) SweepSessions(ctx context.Context, replica string) error {
	lapsed, err := r.keys(ctx, `select tenant_id, cluster_id, session_id from lookup.lapsed_sessions($1)`, replica)
	for _, k := range lapsed {
		err = errors.Join(err, r.sweep(ctx, k))
	}
	return errors.Join(err, r.forget(ctx, replica))
}

// forget leaves out what another table still refers to.
func (r Replicas) forget(ctx context.Context, replica string) error {
	err := r.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from replica where replica_id in (select replica_id from lookup.forgettable_replicas($1))`, replica)
		return err
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23503" {
		return nil
	}
	return err
}

// sweep dates the loss to what is known: the replica's last sign of life.
func (r Replicas) sweep(ctx context.Context, k cluster.SessionKey) error {
	err := r.db.InTenant(ctx, k.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			with gone as (
			  delete from cluster_session s using replica r
			  where s.cluster_id = $1 and s.session_id = $2 and r.replica_id = s.replica_id and r.lease_until < now()
			  returning s.*, r.heartbeat_at),
			kept as (
			  insert into cluster_disconnect (tenant_id, cluster_id, session_id, replica_id, transport, agent_name, agent_version,
			    opened_at, closed_at, reason)
			  select tenant_id, cluster_id, session_id, replica_id, transport, agent_name, agent_version, opened_at,
			    greatest(heartbeat_at, opened_at), $3 from gone
			  on conflict do nothing)
			update cluster c set last_seen_at = greatest(c.last_seen_at, gone.heartbeat_at), lost_reason = $3
			from gone where c.cluster_id = gone.cluster_id`, k.Cluster, k.Session,
			"The replica that held its tunnel is gone; the agent is expected back in a moment.")
		return err
	})
	if err == nil {
		r.db.Notify(topicCluster, k.Tenant, string(k.Cluster))
	}
	return err
}

package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

var _ cluster.FleetStore = Clusters{}

// keptDisconnects is how many ends of sessions are kept of each cluster.
const keptDisconnects = 20

// factColumns are what every look at a cluster's state reads, of view cluster_facts or of what has the same columns.
const factColumns = `region, created_at, joined_at, connected_at, complete_at, last_seen_at, revoked_at, locked_at, refused_at,
	agent_version, agent_version_before, agent_version_at, kubernetes_version, sessions_wanted, certificate_until,
	live, lapsed, holders, versions, newest_at, intercepted_at, heard_at, lapsed_heard_at, round_trip_us, transports,
	replicas, asked_at, problem_at`

// judged is a row of facts, and the cluster they make.
type judged struct {
	cluster.Cluster
	facts     cluster.Facts
	times     [14]*time.Time // in the order of factColumns, asked_at aside
	roundTrip int64          // microseconds
}

// targets are where the factColumns go.
func (j *judged) targets() []any {
	f, at := &j.facts, func(i int) any { return &j.times[i] }
	return []any{&j.Region, &j.CreatedAt, at(0), at(1), at(2), at(3), at(4), at(5), at(6),
		&f.AgentVersion, &f.AgentBefore, at(7), &j.KubernetesVersion, &f.Wanted, at(8),
		&f.Live, &f.Lapsed, &f.Holders, &f.Versions, at(9), at(10), at(11), at(12), &j.roundTrip, &j.Transports,
		&f.Replicas, &f.Now, at(13)}
}

// judge fills in what follows from the facts.
func (j *judged) judge() cluster.Cluster {
	f, c := &j.facts, &j.Cluster
	for i, to := range []*time.Time{&f.Joined, &f.Connected, &f.Complete, &f.LastSeen, &f.Revoked, &f.Locked, &f.Refused,
		&f.AgentChanged, &f.CertificateUntil, &f.Newest, &f.Intercepted, &f.Heard, &f.LapsedHeard, &f.ProblemAt} {
		*to = zeroIfNull(j.times[i])
	}
	f.Created = c.CreatedAt
	v := cluster.Judge(*f)
	c.State, c.Since, c.Reason, c.LastSeen = v.State, v.Since, v.Reason, v.LastSeen
	c.AgentVersion, c.SessionsWanted, c.CertificateUntil = f.AgentVersion, f.Wanted, f.CertificateUntil
	c.RoundTrip, c.Intercepted = time.Duration(j.roundTrip)*time.Microsecond, !f.Intercepted.IsZero()
	c.LockedAt, c.Problem = f.Locked, f.Problem
	c.Sessions = f.Live
	if c.State == cluster.Revoked {
		c.Sessions, c.Transports, c.RoundTrip = 0, "", 0
	}
	return *c
}

const clusterColumns = `cluster_id, name, lost_reason, refused_reason, lock_reason, problem, ` + factColumns

func scanCluster(row pgx.CollectableRow) (cluster.Cluster, error) {
	var j judged
	if err := row.Scan(append([]any{&j.ID, &j.Name, &j.facts.LostReason, &j.facts.RefusedReason, &j.LockReason, &j.facts.Problem}, j.targets()...)...); err != nil {
		return cluster.Cluster{}, err
	}
	return j.judge(), nil
}

// Region reads every tenant's facts, without names and texts.
func (s Clusters) Region(ctx context.Context) (all []cluster.RegionCluster, err error) {
	err = s.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		all, err = many(ctx, tx, scanRegion, `select tenant_id, cluster_id, slug, `+factColumns+` from lookup.fleet_facts()`)
		return err
	})
	return all, err
}

func scanRegion(row pgx.CollectableRow) (c cluster.RegionCluster, err error) {
	var j judged
	if err := row.Scan(append([]any{&c.Tenant, &j.ID, &c.Slug}, j.targets()...)...); err != nil {
		return c, err
	}
	c.Cluster = j.judge()
	return c, nil
}

// Sessions reads what the directory holds of one cluster.
func (s Clusters) Sessions(ctx context.Context, t tenant.ID, id cluster.ID) (all []cluster.Session, err error) {
	if !anID(id) {
		return nil, noCluster
	}
	err = s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		all, err = many(ctx, tx, scanSession, `
			select session_id, replica_id, lease_until > now(), agent_name, transport, agent_version, kubernetes_version, opened_at,
			  round_trip_us, certificate_until, intercepted, trouble
			from cluster_session join replica using (replica_id) where cluster_id = $1 order by opened_at, session_id`, id)
		return err
	})
	return all, err
}

func scanSession(row pgx.CollectableRow) (s cluster.Session, err error) {
	var us int64
	var until *time.Time
	err = row.Scan(&s.ID, &s.Replica, &s.Confirmed, &s.AgentName, &s.Transport, &s.AgentVersion, &s.KubernetesVersion, &s.OpenedAt,
		&us, &until, &s.Intercepted, &s.Trouble)
	s.RoundTrip, s.CertificateUntil = time.Duration(us)*time.Microsecond, zeroIfNull(until)
	return s, err
}

// Disconnects reads the last ends of sessions.
func (s Clusters) Disconnects(ctx context.Context, t tenant.ID, id cluster.ID) (all []cluster.Disconnect, err error) {
	if !anID(id) {
		return nil, noCluster
	}
	err = s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		all, err = many(ctx, tx, pgx.RowToStructByPos[cluster.Disconnect], `
			select session_id, replica_id::text, agent_name, agent_version, transport, opened_at, closed_at, reason
			from cluster_disconnect where cluster_id = $1 order by closed_at desc, session_id desc limit $2`, id, keptDisconnects)
		return err
	})
	return all, err
}

// MeasureSession writes the round trip of a session that is there.
func (r Replicas) MeasureSession(ctx context.Context, k cluster.SessionKey, roundTrip time.Duration) error {
	if !anID(k.Cluster) {
		return noCluster
	}
	err := r.db.InTenant(ctx, k.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update cluster_session set round_trip_us = $3 where cluster_id = $1 and session_id = $2`,
			k.Cluster, k.Session, roundTrip.Microseconds())
		return err
	})
	if err == nil {
		r.db.Notify(topicCluster, k.Tenant, string(k.Cluster))
	}
	return err
}

// recordEnds keeps the sessions whose rows the caller is about to delete in the history: those of cluster $1 called $2.
const recordEnds = `
	insert into cluster_disconnect (tenant_id, cluster_id, session_id, replica_id, transport, agent_name, agent_version,
	  opened_at, closed_at, reason)
	select s.tenant_id, s.cluster_id, s.session_id, s.replica_id, s.transport, s.agent_name, s.agent_version, s.opened_at, now(), $3
	from cluster_session s where s.cluster_id = $1 and s.session_id = $2
	on conflict do nothing`

// recordEnd adds to the history, and forgets what is beyond keptDisconnects.
func recordEnd(ctx context.Context, tx pgx.Tx, k cluster.SessionKey, reason string) error {
	tag, err := tx.Exec(ctx, recordEnds, k.Cluster, k.Session, clean(reason))
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `
		delete from cluster_disconnect where cluster_id = $1 and (closed_at, session_id) in (
		  select closed_at, session_id from cluster_disconnect where cluster_id = $1
		  order by closed_at desc, session_id desc offset $2)`, k.Cluster, keptDisconnects)
	return err
}

// noteRefusal tells a cluster's page that an agent was refused with its join token. It runs after the refusal, apart
// from it: that it can't be written is no reason to answer otherwise.
func (s Clusters) noteRefusal(ctx context.Context, hash []byte, reason string) {
	var t tenant.ID
	var id cluster.ID
	err := s.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select tenant_id, cluster_id from lookup.join_token_cluster($1)`, hash).Scan(&t, &id)
		if err != nil {
			return err
		}
		if err := become(ctx, tx, t); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update cluster set refused_at = now(), refused_reason = $2 where cluster_id = $1 and revoked_at is null`,
			id, clean(reason))
		return err
	})
	switch {
	case noRows(err):
	case err != nil:
		s.db.log.WarnContext(ctx, "refusal not noted", "error", err)
	default:
		s.db.Notify(topicCluster, t, string(id))
	}
}

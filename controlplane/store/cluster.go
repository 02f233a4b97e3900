package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Clusters keeps clusters, groups and join tokens.
type Clusters struct{ db *DB }

// Clusters is the clusters' part of the store.
func (db *DB) Clusters() Clusters { return Clusters{db} }

var _ cluster.Store = Clusters{}

func readCluster(ctx context.Context, tx pgx.Tx, id cluster.ID) (cluster.Cluster, error) {
	return one(ctx, tx, noCluster, scanCluster, `select `+clusterColumns+` from cluster_facts where cluster_id = $1`, id)
}

// CreateCluster writes the cluster and its record.
func (s Clusters) CreateCluster(ctx context.Context, by tenant.Scope, c cluster.Cluster) (out cluster.Cluster, err error) {
	err = s.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into cluster (tenant_id, cluster_id, name, region, created_by) values ($1, $2, $3, $4, $5)`,
			by.Tenant, c.ID, c.Name, c.Region, orNull(by.Member))
		if isViolation(err, "cluster_name_key") {
			return problem.Newf(problem.Conflict, "There is a cluster called %q already.", c.Name)
		}
		if err != nil {
			return fmt.Errorf("insert cluster: %w", err)
		}
		if out, err = readCluster(ctx, tx, c.ID); err != nil {
			return err
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "cluster.created", name: c.Name, cluster: c.ID})
	})
	if err == nil {
		s.db.Notify(topicCluster, by.Tenant, string(c.ID))
	}
	return out, err
}

// Cluster returns one cluster.
func (s Clusters) Cluster(ctx context.Context, t tenant.ID, id cluster.ID) (c cluster.Cluster, err error) {
	if !anID(id) {
		return c, noCluster
	}
	err = s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		c, err = readCluster(ctx, tx, id)
		return err
	})
	return c, err
}

// Clusters returns all, or those of ids.
func (s Clusters) Clusters(ctx context.Context, t tenant.ID, ids ...cluster.ID) (all []cluster.Cluster, err error) {
	err = s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		all, err = many(ctx, tx, scanCluster, `
			select `+clusterColumns+` from cluster_facts where $1::uuid[] is null or cluster_id = any($1)
			order by revoked_at is not null, name, cluster_id`, texts(ids))
		return err
	})
	return all, err
}

// texts is nil for none, which PostgreSQL takes for NULL.
func texts[T ~string](ids []T) []string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return out
}

// RevokeCluster voids the cluster and its unused tokens; the signal to end its sessions leaves with the commit.
func (s Clusters) RevokeCluster(ctx context.Context, by tenant.Scope, id cluster.ID) (c cluster.Cluster, err error) {
	if !anID(id) {
		return c, noCluster
	}
	err = s.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update cluster set revoked_at = now() where cluster_id = $1 and revoked_at is null`, id)
		if err != nil {
			return fmt.Errorf("revoke cluster: %w", err)
		}
		if c, err = readCluster(ctx, tx, id); err != nil || tag.RowsAffected() == 0 {
			return err // it was revoked before, or is not there
		}
		_, err = tx.Exec(ctx, `
			update join_token set revoked_at = now() where cluster_id = $1 and used_at is null and revoked_at is null`, id)
		if err != nil {
			return fmt.Errorf("revoke join tokens: %w", err)
		}
		if err := recordAdmin(ctx, tx, by, adminRecord{action: "cluster.revoked", name: c.Name, cluster: id}); err != nil {
			return err
		}
		return notifyTx(ctx, tx, topicRevoked, by.Tenant, string(id))
	})
	return c, err
}

// Group is viewer without a row.
func (s Clusters) Group(ctx context.Context, t tenant.ID, id cluster.ID, m tenant.MemberID) (cluster.Group, error) {
	if !anID(id) {
		return "", noCluster
	}
	return recall(ctx, s.db.known, "group "+string(t)+string(id)+string(m), func(ctx context.Context) (tenant.ID, cluster.Group, error) {
		var g cluster.Group
		err := s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
			err := tx.QueryRow(ctx, `
				select coalesce(g.k8s_group, 'viewer') from cluster c
				left join cluster_group g on g.tenant_id = c.tenant_id and g.cluster_id = c.cluster_id and g.member_id = $2
				where c.cluster_id = $1`, id, orNull(m)).Scan(&g)
			if noRows(err) {
				return noCluster
			}
			return err
		})
		return t, g, err
	})
}

// GroupsOf returns what differs from viewer.
func (s Clusters) GroupsOf(ctx context.Context, t tenant.ID, m tenant.MemberID) (map[cluster.ID]cluster.Group, error) {
	out := map[cluster.ID]cluster.Group{}
	err := s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select cluster_id, k8s_group from cluster_group where member_id = $1`, orNull(m))
		if err != nil {
			return err
		}
		var id cluster.ID
		var g cluster.Group
		_, err = pgx.ForEachRow(rows, []any{&id, &g}, func() error { out[id] = g; return nil })
		return err
	})
	return out, err
}

// Groups returns every active member.
func (s Clusters) Groups(ctx context.Context, t tenant.ID, id cluster.ID) (all []cluster.MemberGroup, err error) {
	if !anID(id) {
		return nil, noCluster
	}
	err = s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := readCluster(ctx, tx, id); err != nil {
			return err
		}
		all, err = many(ctx, tx, pgx.RowToStructByPos[cluster.MemberGroup], `
			select m.member_id, m.email, m.name, coalesce(g.k8s_group, 'viewer') from member m
			left join cluster_group g on g.tenant_id = m.tenant_id and g.member_id = m.member_id and g.cluster_id = $1
			where m.deactivated_at is null order by m.email`, id)
		return err
	})
	return all, err
}

// SetGroup writes the group and its record.
func (s Clusters) SetGroup(ctx context.Context, by tenant.Scope, id cluster.ID, m tenant.MemberID, g cluster.Group) error {
	if !anID(id) {
		return noCluster
	}
	if !anID(m) {
		return noMember
	}
	err := s.db.changeAccess(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		c, err := readCluster(ctx, tx, id)
		if err != nil {
			return err
		}
		var email string
		err = tx.QueryRow(ctx, `select email from member where member_id = $1 and deactivated_at is null`, m).Scan(&email)
		if noRows(err) {
			return noMember
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into cluster_group (tenant_id, cluster_id, member_id, k8s_group) values ($1, $2, $3, $4)
			on conflict (tenant_id, cluster_id, member_id) do update set k8s_group = excluded.k8s_group, given_at = now()`,
			by.Tenant, id, m, g)
		if err != nil {
			return fmt.Errorf("set group: %w", err)
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "group.set", name: email,
			detail: "group " + string(g) + " in " + c.Name, cluster: id})
	})
	if err == nil {
		s.db.Notify(topicCluster, by.Tenant, string(id))
	}
	return err
}

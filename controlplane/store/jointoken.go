package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const tokenColumns = `join_token_id, cluster_id, created_at, expires_at, used_at, revoked_at`

func scanToken(row pgx.CollectableRow) (t cluster.JoinToken, err error) {
	var used, revoked *time.Time
	err = row.Scan(&t.ID, &t.Cluster, &t.CreatedAt, &t.ExpiresAt, &used, &revoked)
	t.UsedAt, t.RevokedAt = zeroIfNull(used), zeroIfNull(revoked)
	return t, err
}

// CreateJoinToken writes the token's hash and its record.
func (s Clusters) CreateJoinToken(ctx context.Context, by tenant.Scope, t cluster.JoinToken, hash []byte, life time.Duration) (out cluster.JoinToken, err error) {
	if !anID(t.Cluster) {
		return out, noCluster
	}
	err = s.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		c, err := readCluster(ctx, tx, t.Cluster)
		if err != nil {
			return err
		}
		if c.State == cluster.Revoked {
			return problem.New(problem.Conflict, "This cluster was revoked.").WithCode("cluster_revoked").
				WithFix("Add it again as a new cluster.")
		}
		out, err = one(ctx, tx, noCluster, scanToken, `
			insert into join_token (tenant_id, join_token_id, cluster_id, secret_hash, created_by, expires_at)
			values ($1, $2, $3, $4, $5, now() + $6::interval) returning `+tokenColumns,
			by.Tenant, t.ID, t.Cluster, hash, orNull(by.Member), life)
		if err != nil {
			return fmt.Errorf("insert join token: %w", err)
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "join_token.created", name: c.Name, cluster: c.ID})
	})
	return out, err
}

// JoinTokens returns a cluster's tokens.
func (s Clusters) JoinTokens(ctx context.Context, t tenant.ID, id cluster.ID) (all []cluster.JoinToken, err error) {
	if !anID(id) {
		return nil, noCluster
	}
	err = s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := readCluster(ctx, tx, id); err != nil {
			return err
		}
		all, err = many(ctx, tx, scanToken, `
			select `+tokenColumns+` from join_token where cluster_id = $1 order by join_token_id desc`, id)
		return err
	})
	return all, err
}

// RevokeJoinToken ends an unused token; one that ended before stays as it is.
func (s Clusters) RevokeJoinToken(ctx context.Context, by tenant.Scope, id cluster.ID, token string) error {
	missing := problem.New(problem.NotFound, "No such join token.")
	if !anID(string(id), token) {
		return missing
	}
	return s.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		t, err := one(ctx, tx, missing, scanToken, `
			select `+tokenColumns+` from join_token where cluster_id = $1 and join_token_id = $2 for update`, id, token)
		if err != nil {
			return err
		}
		if !t.UsedAt.IsZero() {
			return problem.New(problem.Conflict, "This join token was used.").WithFix("Revoke the cluster itself.")
		}
		if !t.RevokedAt.IsZero() {
			return nil
		}
		if _, err := tx.Exec(ctx, `update join_token set revoked_at = now() where join_token_id = $1`, token); err != nil {
			return fmt.Errorf("revoke join token: %w", err)
		}
		return recordAdmin(ctx, tx, by, adminRecord{action: "join_token.revoked", name: token, cluster: id})
	})
}

// RedeemJoinToken uses the token up and marks its cluster as joined, in one transaction that belongs to no tenant until
// the token has said which.
func (s Clusters) RedeemJoinToken(ctx context.Context, hash []byte, uid string) (t tenant.ID, id cluster.ID, err error) {
	err = s.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var token string
		err := tx.QueryRow(ctx, `select tenant_id, cluster_id, join_token_id from lookup.redeem_join_token($1)`, hash).
			Scan(&t, &id, &token)
		if noRows(err) {
			return whyNotRedeemed(ctx, tx, hash)
		}
		if err != nil {
			return fmt.Errorf("redeem join token: %w", err)
		}
		if err := become(ctx, tx, t); err != nil {
			return err
		}
		return joined(ctx, tx, t, id, token, uid)
	})
	if err != nil {
		if p := problem.As(err); p.Kind == problem.Expired {
			s.noteRefusal(ctx, hash, p.Detail)
		}
		return "", "", err
	}
	s.db.Notify(topicCluster, t, string(id))
	return t, id, nil
}

// become makes a System transaction the tenant's, once something that only the tenant could know has named it.
func become(ctx context.Context, tx pgx.Tx, t tenant.ID) error {
	if _, err := tx.Exec(ctx, `select set_config('app.current_tenant', $1, true)`, string(t)); err != nil {
		return fmt.Errorf("enter the tenant: %w", err)
	}
	return nil
}

func joined(ctx context.Context, tx pgx.Tx, t tenant.ID, id cluster.ID, token, uid string) error {
	var name, before string
	err := tx.QueryRow(ctx, `
		with old as (select kube_system_uid from cluster where cluster_id = $1)
		update cluster set joined_at = coalesce(joined_at, now()), kube_system_uid = $2 where cluster_id = $1
		returning name, (select kube_system_uid from old)`, id, clean(uid)).Scan(&name, &before)
	if err != nil {
		return fmt.Errorf("mark the cluster as joined: %w", err)
	}
	detail := "by join token " + token
	if before != "" && before != uid {
		detail += "; another Kubernetes cluster than the one that joined before"
	}
	return recordAs(ctx, tx, "agent", tenant.Scope{Tenant: t}, adminRecord{action: "cluster.joined", name: name, detail: detail, cluster: id})
}

// whyNotRedeemed may say it: who has the token knows its secret.
func whyNotRedeemed(ctx context.Context, tx pgx.Tx, hash []byte) error {
	var why string
	err := tx.QueryRow(ctx, `select status from lookup.join_token_status($1)`, hash).Scan(&why)
	if noRows(err) {
		return problem.New(problem.Unauthenticated, "This join token is not known here.").WithCode("join_token_unknown").
			WithFix("Make a new one on the cluster's page.")
	}
	if err != nil {
		return fmt.Errorf("look at the join token: %w", err)
	}
	return problem.Newf(problem.Expired, "This join token %s.", map[string]string{"used": "was used already",
		"revoked": "was revoked", "expired": "has expired", "cluster_revoked": "is for a cluster that was revoked"}[why]).
		WithCode("join_token_" + why).WithFix("Make a new one on the cluster's page.")
}

// JoinTokenState looks at a token without using it up. It belongs to no tenant, as redeeming does.
func (s Clusters) JoinTokenState(ctx context.Context, hash []byte) (state cluster.TokenState, err error) {
	err = s.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select state from lookup.join_token_state($1)`, hash).Scan(&state)
		if noRows(err) {
			return problem.New(problem.NotFound, "This join token is not known here.").WithCode("join_token_unknown").
				WithFix("Make a new one on the cluster's page.")
		}
		return err
	})
	return state, err
}

package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// livingLogin is the scope's member's, and has not ended.
const livingLogin = `select tenant_id, login_id from login
	where login_id = $1 and member_id = $2 and ended_at is null and expires_at > now()`

var noLogin = problem.New(problem.NotFound, "No such login.")

// remember keeps what the login's member approves beforehand.
func remember(ctx context.Context, tx pgx.Tx, scope tenant.Scope, all []chat.Standing) error {
	if !anID(scope.Login) {
		return noLogin
	}
	tag, err := tx.Exec(ctx, livingLogin, scope.Login, scope.Member)
	if err == nil && tag.RowsAffected() == 0 {
		return noLogin
	}
	for _, st := range all {
		if err == nil {
			_, err = tx.Exec(ctx, `
				insert into standing_approval (tenant_id, login_id, cluster_id, namespace, op) values ($1, $2, $3, $4, $5)
				on conflict do nothing`, scope.Tenant, scope.Login, st.Cluster, st.Namespace, st.Op)
		}
		if err == nil {
			err = recordStanding(ctx, tx, scope, "given", st, "")
		}
	}
	return err
}

// use records that a run goes on because its member has said so beforehand. What was taken back meanwhile stands no more.
func use(ctx context.Context, tx pgx.Tx, scope tenant.Scope, run chat.RunID, all []chat.Standing) error {
	for _, st := range all {
		tag, err := tx.Exec(ctx, `
			select from standing_approval s join (`+livingLogin+`) l using (tenant_id, login_id)
			where s.cluster_id = $3 and s.namespace = $4 and s.op = $5`, scope.Login, scope.Member, st.Cluster, st.Namespace, st.Op)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return chat.ErrMoved
		}
		if err := recordStanding(ctx, tx, scope, "used", st, "run "+string(run)); err != nil {
			return err
		}
	}
	return nil
}

func recordStanding(ctx context.Context, tx pgx.Tx, scope tenant.Scope, what string, st chat.Standing, detail string) error {
	return recordAdmin(ctx, tx, scope, adminRecord{action: "standing_approval." + what, name: string(st.Op) + " in " + st.Namespace, detail: detail, cluster: st.Cluster})
}

// Standing gives what the login's member has approved beforehand in a cluster.
func (c Chats) Standing(ctx context.Context, scope tenant.Scope, at cluster.ID) (all []chat.Standing, err error) {
	if !anID(scope.Login) || !anID(at) {
		return nil, nil
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, pgx.RowToStructByPos[chat.Standing], `
			select s.cluster_id::text, s.namespace, s.op from standing_approval s join (`+livingLogin+`) l using (tenant_id, login_id)
			where s.cluster_id = $3`, scope.Login, scope.Member, at)
		return err
	})
	return all, err
}

// Forget takes back what the login's member has approved beforehand.
func (c Chats) Forget(ctx context.Context, scope tenant.Scope) error {
	if !anID(scope.Login) {
		return nil
	}
	return c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		gone, err := many(ctx, tx, pgx.RowToStructByPos[chat.Standing], `
			delete from standing_approval where login_id in (select login_id from (`+livingLogin+`) l)
			returning cluster_id::text, namespace, op`, scope.Login, scope.Member)
		for _, st := range gone {
			if err == nil {
				err = recordStanding(ctx, tx, scope, "withdrawn", st, "")
			}
		}
		return err
	})
}

package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Opening gives what work on a run begins with, in one transaction and one round trip.
func (c Chats) Opening(ctx context.Context, scope tenant.Scope, id chat.RunID, turns int) (o chat.Opening, err error) {
	if !anID(id) {
		return o, noRun
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		batch := &pgx.Batch{}
		batch.Queue(selectRun+` where r.run_id = $1 and r.member_id = $2`, id, scope.Member)
		batch.Queue(`
			select `+conversationColumns+` from conversation c join run r using (tenant_id, conversation_id)
			where r.run_id = $1 and r.member_id = $2`, id, scope.Member)
		batch.Queue(`
			select e.text, e.created_at, e.state, coalesce(e.plan ->> 'sentence', '') from run e
			join run r on r.tenant_id = e.tenant_id and r.conversation_id = e.conversation_id
			where r.run_id = $1 and r.member_id = $2 and e.parent_id is null
			  and (e.created_at, e.run_id) < (r.created_at, coalesce(r.parent_id, r.run_id))
			order by e.created_at desc, e.run_id desc limit $3`, id, scope.Member, turns)
		res := tx.SendBatch(ctx, batch)
		defer func() { err = firstOf(err, res.Close()) }()
		if o.Run, err = next(res, noRun, scanRun); err != nil {
			return err
		}
		if o.Conversation, err = next(res, noConversation, scanConversation); err != nil {
			return err
		}
		rows, err := res.Query()
		if err != nil {
			return err
		}
		o.Earlier, err = pgx.CollectRows(rows, scanTurn)
		return err
	})
	return o, err
}

func scanTurn(row pgx.CollectableRow) (t chat.Turn, err error) {
	var at time.Time
	err = row.Scan(&t.Text, &at, &t.State, &t.Sentence)
	t.At = at.UTC()
	return t, err
}

// Changed gives the conversation's last run that changed something and has a record of its way back; of a run over
// several clusters, all its parts that do. A run that is being worked on is none of them.
func (c Chats) Changed(ctx context.Context, scope tenant.Scope, id chat.ConversationID) (all []chat.Run, err error) {
	if !anID(id) {
		return nil, noConversation
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, scanRun, selectRun+`
			where r.undo is not null and r.member_id = $2 and coalesce(r.parent_id, r.run_id) = (
			  select coalesce(parent_id, run_id) from run where conversation_id = $1 and member_id = $2 and undo is not null
			  order by created_at desc, run_id desc limit 1) order by r.run_id`, id, scope.Member)
		return err
	})
	return all, err
}

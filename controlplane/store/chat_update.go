package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Update applies one step forward.
func (c Chats) Update(ctx context.Context, scope tenant.Scope, id chat.RunID, ch chat.Change) (r chat.Run, err error) {
	if !anID(id) {
		return r, noRun
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		// the lock makes the run's changes one after the other, and its events without a gap; it comes in a statement
		// of its own, because one that waited for a lock still joins the approvals of before. A part's run is locked
		// first: its events are numbered there.
		lock := &pgx.Batch{}
		lock.Queue(`
			select from run where run_id = $1 or run_id = (select parent_id from run where run_id = $1)
			order by parent_id nulls first for update`, id)
		was, err := batched(ctx, tx, lock, noRun, scanRun, selectRun+` where r.run_id = $1 and r.member_id = $2`, id, scope.Member)
		if err != nil {
			return err
		}
		if len(ch.From) > 0 && !slices.Contains(ch.From, was.State) || ch.FromOwner != "" && ch.FromOwner != was.Owner ||
			ch.FromHash != "" && (was.Approval == nil || was.Approval.Hash != ch.FromHash) {
			return chat.ErrMoved
		}
		if len(ch.Remember) > 0 {
			if err := remember(ctx, tx, scope, ch.Remember); err != nil {
				return err
			}
		}
		if err := use(ctx, tx, scope, was.Root(), ch.Uses); err != nil {
			return err
		}
		r, err = changeRun(ctx, tx, scope, was, ch)
		return err
	})
	if err == nil {
		c.db.Notify(topicRun, scope.Tenant, string(r.Root()))
	}
	return r, err
}

// changeRun writes everything in one round trip.
func changeRun(ctx context.Context, tx pgx.Tx, scope tenant.Scope, was chat.Run, ch chat.Change) (chat.Run, error) {
	batch := &pgx.Batch{}
	if ch.Approval != nil || ch.Decision != "" {
		queueApproval(batch, scope, was, ch)
	}
	if ch.Focus != nil || ch.Namespace != "" || ch.Addressed != nil {
		batch.Queue(`
			update conversation set focus = coalesce($2, focus), namespace = coalesce(nullif($3, ''), namespace),
			  addressed = coalesce($4::uuid[], addressed), updated_at = now()
			where conversation_id = $1`, was.Conversation, asJSON(ch.Focus), ch.Namespace, addressed(ch.Addressed))
	}
	if was.Parent == "" {
		queueEvents(batch, scope.Tenant, was.ID, was.LastSeq, ch.Events)
	}
	for _, p := range ch.Parts {
		batch.Queue(`
			insert into run (tenant_id, run_id, parent_id, conversation_id, member_id, cluster_id, text, state, owner, created_at)
			select tenant_id, $2, run_id, conversation_id, member_id, $3, text, $4, $5, created_at from run where run_id = $1`,
			was.ID, p.ID, p.Cluster, p.State, p.Owner)
	}
	batch.Queue(`
		update run set state = coalesce(nullif($2, ''), state), owner = coalesce(nullif($3, '')::uuid, owner),
		  plan = coalesce($4, plan), ended_at = case when $5 then now() else ended_at end,
		  cluster_id = coalesce(nullif($6, '')::uuid, cluster_id), undo = coalesce($7, undo), divided = divided or $8
		where run_id = $1`, was.ID, ch.State, ch.Owner, asJSON(ch.Plan), ch.State.Final(), ch.Cluster, asJSON(ch.Undo), len(ch.Parts) > 0)
	now, err := batched(ctx, tx, batch, noRun, scanRun, selectRun+` where r.run_id = $1`, was.ID)
	if err != nil {
		return now, fmt.Errorf("change run: %w", err)
	}
	if was.Parent != "" {
		return now, changeWhole(ctx, tx, scope, now, ch)
	}
	return now, nil
}

// changeWhole takes a part's step to the run it is part of: its events, and what state its parts put it in.
func changeWhole(ctx context.Context, tx pgx.Tx, scope tenant.Scope, part chat.Run, ch chat.Change) error {
	whole, err := one(ctx, tx, noRun, scanRun, selectRun+` where r.run_id = $1`, part.Parent)
	if err != nil {
		return err
	}
	states, err := many(ctx, tx, pgx.RowTo[chat.State], `select state from run where parent_id = $1`, part.Parent)
	if err != nil {
		return err
	}
	events := ofPart(part.Cluster, ch.Events)
	state := chat.StateOf(states)
	if state.Final() && !whole.State.Final() {
		end := chat.EndOf(states)
		end.At = time.Now().UTC()
		events = append(events, end)
	}
	batch := &pgx.Batch{}
	queueEvents(batch, scope.Tenant, whole.ID, whole.LastSeq, events)
	batch.Queue(`update run set state = $2, ended_at = case when $3 then now() else ended_at end where run_id = $1`, whole.ID, state, state.Final())
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("change the run of a part: %w", err)
	}
	return nil
}

func queueApproval(batch *pgx.Batch, scope tenant.Scope, was chat.Run, ch chat.Change) {
	decision, by := ch.Decision, scope.Member
	if ch.Approval != nil {
		decision = chat.Superseded
	}
	if decision == chat.Superseded || decision == chat.Expired {
		by = "" // nobody's doing
	}
	batch.Queue(`
		update approval set decision = $2, decided_by = nullif($3, '')::uuid, decided_at = now()
		where run_id = $1 and decision = 'proposed'`, was.ID, decision, by)
	a := ch.Approval
	if a == nil {
		return
	}
	batch.Queue(`
		insert into approval (tenant_id, run_id, revision, hash, member_id, cluster_id, k8s_group, plan, previews, created_at, expires_at, decision)
		values ($1, $2, (select coalesce(max(revision), 0) + 1 from approval where run_id = $2), $3, $4, $5, $6, $7, $8, $9, $10, 'proposed')`,
		scope.Tenant, was.ID, a.Hash, a.Member, a.Cluster, a.Group, asJSON(&a.Plan), asJSON(&a.Previews), a.CreatedAt, a.ExpiresAt)
}

// addressed is NULL for what is to stay as it is.
func addressed(ids *[]cluster.ID) any {
	if ids == nil {
		return nil
	}
	return append([]string{}, texts(*ids)...)
}

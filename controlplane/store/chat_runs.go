package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// CreateRun writes the run with its first event, unless its key has made one already.
func (c Chats) CreateRun(ctx context.Context, scope tenant.Scope, run chat.Run, key string, first chat.Event) (stored chat.Run, created bool, err error) {
	if !anID(run.Conversation) {
		return stored, false, noConversation
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			insert into run (tenant_id, run_id, conversation_id, member_id, cluster_id, text, request_key, state, owner, created_at)
			select $1, $2, conversation_id, member_id, cluster_id, $4, nullif($5, ''), $6, $7, $8
			from conversation where conversation_id = $3 and member_id = $9
			on conflict on constraint run_request_key do nothing`,
			scope.Tenant, run.ID, run.Conversation, run.Text, key, run.State, run.Owner, run.CreatedAt, scope.Member)
		if err != nil {
			return fmt.Errorf("insert run: %w", err)
		}
		if created = tag.RowsAffected() == 1; !created {
			stored, err = one(ctx, tx, noConversation, scanRun, selectRun+` where r.conversation_id = $1 and r.request_key = $2 and r.member_id = $3`,
				run.Conversation, key, scope.Member)
			return err
		}
		if err := insertEvents(ctx, tx, scope.Tenant, run.ID, 0, []chat.Event{first}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			update conversation set title = case when title = '' then $2 else title end, updated_at = $3
			where conversation_id = $1`, run.Conversation, title(chat.Clean(run.Text)), run.CreatedAt); err != nil {
			return fmt.Errorf("update conversation: %w", err)
		}
		stored, err = one(ctx, tx, noRun, scanRun, selectRun+` where r.run_id = $1`, run.ID)
		return err
	})
	return stored, created && err == nil, err
}

const selectRun = `
	select r.run_id::text, r.conversation_id::text, r.member_id::text, r.cluster_id::text, r.text, r.state, r.owner::text,
	  r.stop_asked, r.created_at, r.ended_at, r.plan, r.last_seq,
	  a.hash, a.member_id::text, a.cluster_id::text, a.k8s_group, a.plan, a.previews, a.created_at, a.expires_at, a.decision,
	  coalesce(a.decided_by::text, ''), a.decided_at
	from run r left join lateral (
	  select * from approval where run_id = r.run_id and tenant_id = r.tenant_id order by revision desc limit 1) a on true`

func scanRun(row pgx.CollectableRow) (r chat.Run, err error) {
	var ended, created, expires, decided *time.Time
	var plan, approved, previews []byte
	var hash, member, at, group, decision *string
	var a chat.Approval
	err = row.Scan(&r.ID, &r.Conversation, &r.Member, &r.Cluster, &r.Text, &r.State, &r.Owner, &r.StopAsked, &r.CreatedAt,
		&ended, &plan, &r.LastSeq, &hash, &member, &at, &group, &approved, &previews, &created, &expires, &decision, &a.DecidedBy, &decided)
	if err != nil {
		return r, err
	}
	r.CreatedAt, r.EndedAt = r.CreatedAt.UTC(), zeroIfNull(ended)
	if plan != nil {
		if err := json.Unmarshal(plan, &r.Plan); err != nil {
			return r, fmt.Errorf("run's plan: %w", err)
		}
	}
	if hash == nil {
		return r, nil
	}
	a.Hash, a.CreatedAt, a.ExpiresAt, a.DecidedAt = *hash, created.UTC(), expires.UTC(), zeroIfNull(decided)
	a.Member, a.Decision = tenant.MemberID(*member), chat.Decision(*decision)
	a.Cluster, a.Group = cluster.ID(*at), cluster.Group(*group)
	if err := json.Unmarshal(approved, &a.Plan); err != nil {
		return r, fmt.Errorf("approval's plan: %w", err)
	}
	if err := json.Unmarshal(previews, &a.Previews); err != nil {
		return r, fmt.Errorf("approval's previews: %w", err)
	}
	r.Approval = &a
	return r, nil
}

// Run gives one.
func (c Chats) Run(ctx context.Context, scope tenant.Scope, id chat.RunID) (r chat.Run, err error) {
	if !anID(id) {
		return r, noRun
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		r, err = one(ctx, tx, noRun, scanRun, selectRun+` where r.run_id = $1 and r.member_id = $2`, id, scope.Member)
		return err
	})
	return r, err
}

// Runs gives a conversation's, the oldest first.
func (c Chats) Runs(ctx context.Context, scope tenant.Scope, id chat.ConversationID) (all []chat.Run, err error) {
	if !anID(id) {
		return nil, noConversation
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, scanRun, selectRun+`
			where r.conversation_id = $1 and r.member_id = $2 order by r.created_at, r.run_id`, id, scope.Member)
		return err
	})
	return all, err
}

// Update applies one step forward.
func (c Chats) Update(ctx context.Context, scope tenant.Scope, id chat.RunID, ch chat.Change) (r chat.Run, err error) {
	if !anID(id) {
		return r, noRun
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		// the lock makes the run's changes one after the other, and its events without a gap; it comes in a statement
		// of its own, because one that waited for a lock still joins the approvals of before
		if _, err := tx.Exec(ctx, `select from run where run_id = $1 for update`, id); err != nil {
			return fmt.Errorf("lock run: %w", err)
		}
		was, err := one(ctx, tx, noRun, scanRun, selectRun+` where r.run_id = $1 and r.member_id = $2`, id, scope.Member)
		if err != nil {
			return err
		}
		if len(ch.From) > 0 && !slices.Contains(ch.From, was.State) || ch.FromOwner != "" && ch.FromOwner != was.Owner ||
			ch.FromHash != "" && (was.Approval == nil || was.Approval.Hash != ch.FromHash) {
			return chat.ErrMoved
		}
		if err := changeRun(ctx, tx, scope, was, ch); err != nil {
			return err
		}
		r, err = one(ctx, tx, noRun, scanRun, selectRun+` where r.run_id = $1`, id)
		return err
	})
	if err == nil {
		c.db.Notify(topicRun, scope.Tenant, string(id))
	}
	return r, err
}

func changeRun(ctx context.Context, tx pgx.Tx, scope tenant.Scope, was chat.Run, ch chat.Change) error {
	if ch.Approval != nil || ch.Decision != "" {
		if err := changeApproval(ctx, tx, scope, was, ch); err != nil {
			return err
		}
	}
	if ch.Focus != nil || ch.Namespace != "" {
		_, err := tx.Exec(ctx, `
			update conversation set focus = coalesce($2, focus), namespace = coalesce(nullif($3, ''), namespace), updated_at = now()
			where conversation_id = $1`, was.Conversation, asJSON(ch.Focus), ch.Namespace)
		if err != nil {
			return fmt.Errorf("update conversation: %w", err)
		}
	}
	if err := insertEvents(ctx, tx, scope.Tenant, was.ID, was.LastSeq, ch.Events); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		update run set state = coalesce(nullif($2, ''), state), owner = coalesce(nullif($3, '')::uuid, owner),
		  plan = coalesce($4, plan), ended_at = case when $5 then now() else ended_at end
		where run_id = $1`, was.ID, ch.State, ch.Owner, asJSON(ch.Plan), ch.State.Final())
	if err != nil {
		return fmt.Errorf("update run: %w", err)
	}
	return nil
}

func changeApproval(ctx context.Context, tx pgx.Tx, scope tenant.Scope, was chat.Run, ch chat.Change) error {
	decision, by := ch.Decision, scope.Member
	if ch.Approval != nil {
		decision = chat.Superseded
	}
	if decision == chat.Superseded || decision == chat.Expired {
		by = "" // nobody's doing
	}
	if _, err := tx.Exec(ctx, `
		update approval set decision = $2, decided_by = nullif($3, '')::uuid, decided_at = now()
		where run_id = $1 and decision = 'proposed'`, was.ID, decision, by); err != nil {
		return fmt.Errorf("decide approval: %w", err)
	}
	a := ch.Approval
	if a == nil {
		return nil
	}
	_, err := tx.Exec(ctx, `
		insert into approval (tenant_id, run_id, revision, hash, member_id, cluster_id, k8s_group, plan, previews, created_at, expires_at, decision)
		values ($1, $2, (select coalesce(max(revision), 0) + 1 from approval where run_id = $2), $3, $4, $5, $6, $7, $8, $9, $10, 'proposed')`,
		scope.Tenant, was.ID, a.Hash, a.Member, a.Cluster, a.Group, asJSON(&a.Plan), asJSON(&a.Previews), a.CreatedAt, a.ExpiresAt)
	if err != nil {
		return fmt.Errorf("insert approval: %w", err)
	}
	return nil
}

func insertEvents(ctx context.Context, tx pgx.Tx, t tenant.ID, id chat.RunID, last int64, events []chat.Event) error {
	if len(events) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	for i, e := range events {
		batch.Queue(`insert into run_event (tenant_id, run_id, seq, at, type, data) values ($1, $2, $3, $4, $5, $6)`,
			t, id, last+int64(i)+1, e.At, e.Type, e.Data)
	}
	batch.Queue(`update run set last_seq = $2 where run_id = $1`, id, last+int64(len(events)))
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("insert events: %w", err)
	}
	return nil
}

// asJSON keeps the bytes of what is stored: its hash was made over them. A nil pointer is NULL.
func asJSON[T any](v *T) any {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T always marshals: %v", v, err))
	}
	return json.RawMessage(b)
}

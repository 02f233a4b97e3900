package store

import (
	"context"
	"encoding/json"
	"fmt"
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
		batch := &pgx.Batch{}
		queueEvents(batch, scope.Tenant, run.ID, 0, []chat.Event{first})
		batch.Queue(`
			update conversation set title = case when title = '' then $2 else title end, updated_at = $3
			where conversation_id = $1`, run.Conversation, title(chat.Clean(run.Text)), run.CreatedAt)
		stored, err = batched(ctx, tx, batch, noRun, scanRun, selectRun+` where r.run_id = $1`, run.ID)
		return err
	})
	return stored, created && err == nil, err
}

const selectRun = `
	select r.run_id::text, r.conversation_id::text, r.member_id::text, r.cluster_id::text, r.text, r.state, r.owner::text,
	  r.stop_asked, r.created_at, r.ended_at, r.plan, r.last_seq,
	  a.hash, a.member_id::text, a.cluster_id::text, a.k8s_group, a.plan, a.previews, a.created_at, a.expires_at, a.decision,
	  coalesce(a.decided_by::text, ''), a.decided_at, coalesce(r.parent_id::text, ''), r.divided, r.undo
	from run r left join lateral (
	  select * from approval where run_id = r.run_id and tenant_id = r.tenant_id order by revision desc limit 1) a on true`

func scanRun(row pgx.CollectableRow) (r chat.Run, err error) {
	var ended, created, expires, decided *time.Time
	var plan, approved, previews, undo []byte
	var hash, member, at, group, decision *string
	var a chat.Approval
	err = row.Scan(&r.ID, &r.Conversation, &r.Member, &r.Cluster, &r.Text, &r.State, &r.Owner, &r.StopAsked, &r.CreatedAt,
		&ended, &plan, &r.LastSeq, &hash, &member, &at, &group, &approved, &previews, &created, &expires, &decision, &a.DecidedBy, &decided,
		&r.Parent, &r.Divided, &undo)
	if err != nil {
		return r, err
	}
	r.CreatedAt, r.EndedAt = r.CreatedAt.UTC(), zeroIfNull(ended)
	if plan != nil {
		if err := json.Unmarshal(plan, &r.Plan); err != nil {
			return r, fmt.Errorf("run's plan: %w", err)
		}
	}
	if undo != nil {
		if err := json.Unmarshal(undo, &r.Undo); err != nil {
			return r, fmt.Errorf("run's undo: %w", err)
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

// Run gives one, with its parts.
func (c Chats) Run(ctx context.Context, scope tenant.Scope, id chat.RunID) (r chat.Run, err error) {
	if !anID(id) {
		return r, noRun
	}
	var all []chat.Run
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		// one statement, so that a run and its parts are of the same moment
		all, err = many(ctx, tx, scanRun, selectRun+`
			where (r.run_id = $1 or r.parent_id = $1) and r.member_id = $2 order by r.run_id = $1 desc, r.run_id`, id, scope.Member)
		return err
	})
	if err != nil {
		return r, err
	}
	if len(all) == 0 {
		return r, noRun
	}
	r, r.Parts = all[0], all[1:]
	return r, nil
}

// Runs gives a conversation's, the oldest first, each with its parts.
func (c Chats) Runs(ctx context.Context, scope tenant.Scope, id chat.ConversationID) (all []chat.Run, err error) {
	if !anID(id) {
		return nil, noConversation
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, scanRun, selectRun+`
			where r.conversation_id = $1 and r.member_id = $2 order by r.created_at, r.run_id`, id, scope.Member)
		return err
	})
	return grouped(all), err
}

// grouped puts parts below their runs.
func grouped(all []chat.Run) []chat.Run {
	var out []chat.Run
	at := map[chat.RunID]int{}
	for _, r := range all {
		if r.Parent == "" {
			at[r.ID] = len(out)
			out = append(out, r)
		}
	}
	for _, r := range all {
		if i, ok := at[r.Parent]; ok {
			out[i].Parts = append(out[i].Parts, r)
		}
	}
	return out
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

package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Chats keeps conversations, runs, events and approvals. A member sees their own and nobody else's.
type Chats struct{ db *DB }

// Chats is the conversations' part of the store.
func (db *DB) Chats() Chats { return Chats{db} }

var _ chat.Store = Chats{}

var (
	noConversation = problem.New(problem.NotFound, "No such conversation.")
	noRun          = problem.New(problem.NotFound, "No such run.")
)

const titleRunes = 80

// CreateConversation writes one. The cluster was looked up in the scope before; another tenant's is refused by its key.
func (c Chats) CreateConversation(ctx context.Context, scope tenant.Scope, v chat.Conversation) error {
	return c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into conversation (tenant_id, conversation_id, member_id, cluster_id, title, namespace, created_at, updated_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			scope.Tenant, v.ID, scope.Member, v.Cluster, v.Title, v.Namespace, v.CreatedAt, v.UpdatedAt)
		if err != nil {
			return fmt.Errorf("insert conversation: %w", err)
		}
		return nil
	})
}

const conversationColumns = `conversation_id::text, member_id::text, cluster_id::text, title, namespace, focus, created_at, updated_at`

func scanConversation(row pgx.CollectableRow) (v chat.Conversation, err error) {
	var focus []byte
	err = row.Scan(&v.ID, &v.Member, &v.Cluster, &v.Title, &v.Namespace, &focus, &v.CreatedAt, &v.UpdatedAt)
	if err == nil && focus != nil {
		err = json.Unmarshal(focus, &v.Focus)
	}
	return v, err
}

// Conversation gives one.
func (c Chats) Conversation(ctx context.Context, scope tenant.Scope, id chat.ConversationID) (v chat.Conversation, err error) {
	if !anID(id) {
		return v, noConversation
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		v, err = one(ctx, tx, noConversation, scanConversation, `
			select `+conversationColumns+` from conversation where conversation_id = $1 and member_id = $2`, id, scope.Member)
		return err
	})
	return v, err
}

// Conversations gives the latest two hundred.
func (c Chats) Conversations(ctx context.Context, scope tenant.Scope) (all []chat.Conversation, err error) {
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, scanConversation, `
			select `+conversationColumns+` from conversation where member_id = $1
			order by updated_at desc, conversation_id desc limit 200`, scope.Member)
		return err
	})
	return all, err
}

// DeleteConversation removes one with all that belongs to it.
func (c Chats) DeleteConversation(ctx context.Context, scope tenant.Scope, id chat.ConversationID) error {
	if !anID(id) {
		return noConversation
	}
	return c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from conversation where conversation_id = $1 and member_id = $2`, id, scope.Member)
		if err == nil && tag.RowsAffected() == 0 {
			return noConversation
		}
		return err
	})
}

// Unsettled looks across tenants, by the one function that may.
func (c Chats) Unsettled(ctx context.Context, replica string) (all []chat.Unsettled, err error) {
	err = c.db.System(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, pgx.RowToStructByPos[chat.Unsettled], `
			select tenant_id::text, member_id::text, run_id::text, state, owner::text from lookup.unsettled_runs($1)`, replica)
		return err
	})
	return all, err
}

// Events gives the events after seq, in order.
func (c Chats) Events(ctx context.Context, scope tenant.Scope, id chat.RunID, after int64, limit int) (all []chat.Event, err error) {
	if !anID(id) {
		return nil, noRun
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, scanEvent, `
			select e.seq, e.at, e.type, e.data from run_event e join run r using (tenant_id, run_id)
			where run_id = $1 and r.member_id = $2 and e.seq > $3 order by e.seq limit $4`, id, scope.Member, after, limit)
		return err
	})
	return all, err
}

func scanEvent(row pgx.CollectableRow) (e chat.Event, err error) {
	var data []byte
	err = row.Scan(&e.Seq, &e.At, &e.Type, &data)
	e.Data, e.At = data, e.At.UTC()
	return e, err
}

// title is what a conversation is called: the beginning of its first question.
func title(text string) string {
	r := []rune(text)
	if len(r) <= titleRunes {
		return text
	}
	return string(r[:titleRunes-1]) + "…"
}

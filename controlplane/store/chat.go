package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

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

const conversationColumns = `c.conversation_id::text, c.member_id::text, c.cluster_id::text, c.title, c.namespace, c.focus, c.addressed::text[], c.created_at, c.updated_at`

func scanConversation(row pgx.CollectableRow) (v chat.Conversation, err error) {
	var focus []byte
	err = row.Scan(&v.ID, &v.Member, &v.Cluster, &v.Title, &v.Namespace, &focus, &v.Addressed, &v.CreatedAt, &v.UpdatedAt)
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
			select `+conversationColumns+` from conversation c where conversation_id = $1 and member_id = $2`, id, scope.Member)
		return err
	})
	return v, err
}

// Conversations gives the latest two hundred; with a search, those whose title or questions have all its words.
func (c Chats) Conversations(ctx context.Context, scope tenant.Scope, search chat.Search) (all []chat.Conversation, err error) {
	var words []string
	for _, w := range search.Words {
		words = append(words, "%"+likeEscape.Replace(w)+"%")
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, scanConversation, `
			select `+conversationColumns+` from conversation c where c.member_id = $1 and ($2::text[] is null
			  or c.title ilike all ($2) or exists (select from run r
			    where r.tenant_id = c.tenant_id and r.conversation_id = c.conversation_id and r.text ilike all ($2)))
			order by c.updated_at desc, c.conversation_id desc limit 200`, scope.Member, words)
		return err
	})
	return all, err
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// RenameConversation gives one another title.
func (c Chats) RenameConversation(ctx context.Context, scope tenant.Scope, id chat.ConversationID, to string) (v chat.Conversation, err error) {
	if !anID(id) {
		return v, noConversation
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		v, err = one(ctx, tx, noConversation, scanConversation, `
			update conversation c set title = $3 where conversation_id = $1 and member_id = $2 returning `+conversationColumns,
			id, scope.Member, to)
		return err
	})
	return v, err
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

// title is what a conversation is called: the beginning of its first question.
func title(text string) string {
	r := []rune(text)
	if len(r) <= titleRunes {
		return text
	}
	return string(r[:titleRunes-1]) + "…"
}

package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// The topics of runs.
const (
	topicRun     = "run"
	topicRunStop = "runstop"
)

// AskStop marks the run and tells every replica.
func (c Chats) AskStop(ctx context.Context, scope tenant.Scope, id chat.RunID) error {
	if !anID(id) {
		return noRun
	}
	return c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update run set stop_asked = true where run_id = $1 and member_id = $2`, id, scope.Member)
		if err != nil {
			return fmt.Errorf("ask to stop: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return noRun
		}
		return notifyTx(ctx, tx, topicRunStop, scope.Tenant, string(id))
	})
}

// Watch needs DB.Run to be running.
func (c Chats) Watch(ctx context.Context, f func(chat.Note)) error {
	sub := c.db.Subscribe("", topicRun, topicRunStop)
	defer sub.Close()
	f(chat.Note{}) // what was said before this subscription
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-sub.Ready():
		}
		got, missed := sub.Take()
		if missed {
			f(chat.Note{})
		}
		for _, sig := range got {
			f(chat.Note{Tenant: sig.Tenant, Run: chat.RunID(sig.ID), Stop: sig.Topic == topicRunStop})
		}
	}
}

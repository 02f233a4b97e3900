package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Events gives the events after seq, in order. A part of a run over several clusters has its own among the run's.
func (c Chats) Events(ctx context.Context, scope tenant.Scope, id chat.RunID, after int64, limit int) (all []chat.Event, err error) {
	if !anID(id) {
		return nil, noRun
	}
	err = c.db.InTenant(ctx, scope.Tenant, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = many(ctx, tx, scanEvent, `
			select e.seq, e.at, e.type, coalesce(e.cluster_id::text, ''), e.data from run r
			join run_event e on e.tenant_id = r.tenant_id and e.run_id = coalesce(r.parent_id, r.run_id)
			  and (r.parent_id is null or e.cluster_id = r.cluster_id)
			where r.run_id = $1 and r.member_id = $2 and e.seq > $3 order by e.seq limit $4`, id, scope.Member, after, limit)
		return err
	})
	return all, err
}

func scanEvent(row pgx.CollectableRow) (e chat.Event, err error) {
	var data []byte
	err = row.Scan(&e.Seq, &e.At, &e.Type, &e.Cluster, &data)
	e.Data, e.At = data, e.At.UTC()
	return e, err
}

// queueEvents adds a run's next events to a batch.
func queueEvents(batch *pgx.Batch, t tenant.ID, id chat.RunID, last int64, events []chat.Event) {
	for i, e := range events {
		batch.Queue(`insert into run_event (tenant_id, run_id, seq, at, type, cluster_id, data) values ($1, $2, $3, $4, $5, nullif($6, '')::uuid, $7)`,
			t, id, last+int64(i)+1, e.At, e.Type, e.Cluster, e.Data)
	}
	if len(events) > 0 {
		batch.Queue(`update run set last_seq = $2 where run_id = $1`, id, last+int64(len(events)))
	}
}

// ofPart makes a part's events the run's: they name the cluster, and the part's end is not the run's.
func ofPart(at cluster.ID, events []chat.Event) []chat.Event {
	out := make([]chat.Event, 0, len(events))
	for _, e := range events {
		e.Cluster = at
		if e.Type == chat.TypeEnd {
			e.Type = chat.TypePlanEnd
		}
		out = append(out, e)
	}
	return out
}

// Prune removes the output of runs that ended before a moment: what the cluster answered, what the previews showed of its
// objects, and the way back. Questions, plans, decisions and outcomes stay. It may run on any number of replicas at once.
func (c Chats) Prune(ctx context.Context, endedBefore time.Time) (n int, err error) {
	type due struct {
		Tenant tenant.ID
		Run    chat.RunID
	}
	var runs []due
	err = c.db.System(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		runs, err = many(ctx, tx, pgx.RowToStructByPos[due], `select tenant_id::text, run_id::text from lookup.runs_to_prune($1)`, endedBefore)
		return err
	})
	for _, r := range runs {
		if err == nil {
			err = c.pruneRun(ctx, r.Tenant, r.Run)
			n++
		}
	}
	return n, err
}

func (c Chats) pruneRun(ctx context.Context, t tenant.ID, id chat.RunID) error {
	return c.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update run set pruned = true, undo = null where run_id = $1 and not pruned`, id)
		if err != nil || tag.RowsAffected() == 0 {
			return err // another replica did
		}
		batch := &pgx.Batch{}
		batch.Queue(`update run_event set data = json_build_object('was', type), type = $2 where run_id = $1 and type = any ($3)`,
			id, chat.TypePruned, chat.Bulky)
		batch.Queue(`update approval set previews = '[]' where run_id = $1`, id)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("prune run: %w", err)
		}
		return nil
	})
}

package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// problemAt is since when a cluster's agent reports a problem, after it has said $5: null leaves it as it is. Other words
// about what is still wrong are no new beginning.
const problemAt = `case when $5::text is null then problem_at when $5 = '' then null else coalesce(problem_at, now()) end`

// cleanWords is clean of what may be missing.
func cleanWords(s *string) *string {
	if s == nil {
		return nil
	}
	c := clean(*s)
	return &c
}

// SetProblem writes what the agent says, where it is news.
func (s Clusters) SetProblem(ctx context.Context, t tenant.ID, id cluster.ID, problem string) error {
	if !anID(id) {
		return noCluster
	}
	news := false
	err := s.db.InTenant(ctx, t, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			update cluster set problem = $2, problem_at = case when $2 = '' then null else coalesce(problem_at, now()) end
			where cluster_id = $1 and problem <> $2 and revoked_at is null`, id, clean(problem))
		if err != nil {
			return fmt.Errorf("keep the agent's problem: %w", err)
		}
		news = tag.RowsAffected() > 0
		return nil
	})
	if err == nil && news {
		s.db.Notify(topicCluster, t, string(id))
	}
	return err
}

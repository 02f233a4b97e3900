package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// UnlockCluster takes the lock off, with its record.
func (s Clusters) UnlockCluster(ctx context.Context, by tenant.Scope, id cluster.ID, forgetKeys bool) (c cluster.Cluster, err error) {
	if !anID(id) {
		return c, noCluster
	}
	err = s.db.InTenant(ctx, by.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if c, err = readCluster(ctx, tx, id); err != nil {
			return err
		}
		var reason string
		err := tx.QueryRow(ctx, `select lock_reason from certificate_line where cluster_id = $1 and locked_at is not null for update`, id).
			Scan(&reason)
		if noRows(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the lock: %w", err)
		}
		_, err = tx.Exec(ctx, `
			update certificate_line set locked_at = null, lock_reason = '',
			  pin_issuer = case when $2 then '' else pin_issuer end, pin_subject = case when $2 then '' else pin_subject end,
			  pin_keys = case when $2 then '' else pin_keys end
			where cluster_id = $1`, id, forgetKeys)
		if err != nil {
			return fmt.Errorf("unlock cluster: %w", err)
		}
		detail := "was locked: " + reason
		if forgetKeys {
			detail += " Its own keys are learned anew."
		}
		if err := recordAdmin(ctx, tx, by, adminRecord{action: "cluster.unlocked", name: c.Name, detail: detail, cluster: id}); err != nil {
			return err
		}
		c, err = readCluster(ctx, tx, id)
		return err
	})
	if err == nil {
		s.db.Notify(topicCluster, by.Tenant, string(id))
	}
	return c, err
}

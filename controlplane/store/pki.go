package store

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
)

// PKI keeps what package pki/authority needs: CA certificates, one-time tokens, and each cluster's certificates.
type PKI struct{ db *DB }

// PKI is the authority's part of the store.
func (db *DB) PKI() PKI { return PKI{db} }

// UseOTT tells whether this is the first use of the token, and forgets tokens that have expired.
func (p PKI) UseOTT(ctx context.Context, id string, expires time.Time) (first bool, err error) {
	err = p.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `insert into one_time_token (token_id, expires_at) values ($1, $2) on conflict do nothing`,
			id, expires)
		if err != nil {
			return err
		}
		first = tag.RowsAffected() == 1
		_, err = tx.Exec(ctx, `delete from one_time_token where token_id in (
			select token_id from one_time_token where expires_at < now() - interval '1 hour' limit 10)`)
		return err
	})
	return first, err
}

// readLine takes the reason to refuse from the cluster itself; a cluster that is not there is closed as well.
const readLine = `
	select l.generation, l.serial, l.hash, l.previous, l.previous_hash, l.not_after, l.authority_key, l.enrolled_at,
	  l.advanced_at, l.retried, l.locked_at, l.lock_reason, l.bundle, l.pin_issuer, l.pin_subject, l.pin_keys,
	  c.kube_system_uid, case when c.revoked_at is not null then 'revoked' else coalesce(l.closed, '') end
	from cluster c left join certificate_line l using (tenant_id, cluster_id)
	where c.tenant_id = $1 and c.cluster_id = $2`

func scanLine(row pgx.Row) (l pki.Line, err error) {
	var generation, bundle *int64
	var serial, hash, previous, previousHash, authority, reason, issuer, subject, keys *string
	var until, enrolled, advanced, locked *time.Time
	var retried *bool
	err = row.Scan(&generation, &serial, &hash, &previous, &previousHash, &until, &authority, &enrolled, &advanced, &retried,
		&locked, &reason, &bundle, &issuer, &subject, &keys, &l.ClusterUID, &l.Closed)
	if noRows(err) {
		return pki.Line{Closed: "no such cluster"}, nil
	}
	if err != nil || generation == nil {
		return l, err
	}
	l.Generation, l.Serial, l.Hash, l.Previous, l.PrevHash = *generation, *serial, *hash, *previous, *previousHash
	l.NotAfter, l.Authority, l.Retried, l.LockReason, l.Bundle = zeroIfNull(until), *authority, *retried, *reason, *bundle
	l.Pin = pki.Pin{Issuer: *issuer, Subject: *subject, KeySet: *keys}
	l.EnrolledAt, l.AdvancedAt, l.LockedAt = *enrolled, *advanced, zeroIfNull(locked)
	return l, nil
}

// State reads a cluster's line.
func (p PKI) State(ctx context.Context, tenantID, clusterID string) (l pki.Line, err error) {
	if !anID(tenantID, clusterID) {
		return pki.Line{Closed: "no such cluster"}, nil
	}
	err = p.db.InTenant(ctx, tenant.ID(tenantID), func(ctx context.Context, tx pgx.Tx) error {
		l, err = scanLine(tx.QueryRow(ctx, readLine, tenantID, clusterID))
		return err
	})
	return l, err
}

// Line changes a cluster's line under its cluster's lock, so that of two changes the second sees the first.
func (p PKI) Line(ctx context.Context, tenantID, clusterID string, f func(*pki.Line) error) error {
	if !anID(tenantID, clusterID) {
		return pki.ErrRevoked
	}
	return p.db.InTenant(ctx, tenant.ID(tenantID), func(ctx context.Context, tx pgx.Tx) error {
		// Two statements: a row joined to one that had to be waited for would be as old as the wait.
		_, err := tx.Exec(ctx, `select from cluster where tenant_id = $1 and cluster_id = $2 for no key update`, tenantID, clusterID)
		if err != nil {
			return err
		}
		l, err := scanLine(tx.QueryRow(ctx, readLine, tenantID, clusterID))
		if err != nil {
			return err
		}
		before := l
		if err := f(&l); err != nil {
			return err
		}
		if before.LockedAt.IsZero() && !l.LockedAt.IsZero() {
			if err := recordLock(ctx, tx, tenantID, clusterID, l.LockReason); err != nil {
				return err
			}
		}
		if l.Generation == 0 { // the cluster never joined: there is nothing to keep, and a revoked cluster says so itself
			return nil
		}
		if err := writeLine(ctx, tx, tenantID, clusterID, before, l); err != nil {
			return fmt.Errorf("write certificate line: %w", err)
		}
		for _, c := range l.Issued {
			_, err := tx.Exec(ctx, `
				insert into cluster_certificate (tenant_id, cluster_id, serial, generation, certificate, not_after)
				values ($1, $2, $3, $4, $5, $6)`, tenantID, clusterID, c.SerialNumber.String(), l.Generation, c.Raw, c.NotAfter)
			if err != nil {
				return fmt.Errorf("keep certificate: %w", err)
			}
		}
		return nil
	})
}

func writeLine(ctx context.Context, tx pgx.Tx, tenantID, clusterID string, before, l pki.Line) error {
	closed := l.Closed
	if before.Closed == closed && closed == "revoked" { // the cluster says so itself
		closed = ""
	}
	_, err := tx.Exec(ctx, `
		insert into certificate_line (tenant_id, cluster_id, generation, serial, previous, enrolled_at, advanced_at, retried,
		  locked_at, lock_reason, closed, hash, previous_hash, not_after, authority_key, bundle, pin_issuer, pin_subject, pin_keys)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		on conflict (tenant_id, cluster_id) do update set generation = excluded.generation, serial = excluded.serial,
		  previous = excluded.previous, enrolled_at = excluded.enrolled_at, advanced_at = excluded.advanced_at,
		  retried = excluded.retried, locked_at = excluded.locked_at, lock_reason = excluded.lock_reason,
		  closed = case when certificate_line.closed <> '' then certificate_line.closed else excluded.closed end,
		  hash = excluded.hash, previous_hash = excluded.previous_hash, not_after = excluded.not_after,
		  authority_key = excluded.authority_key, bundle = excluded.bundle, pin_issuer = excluded.pin_issuer,
		  pin_subject = excluded.pin_subject, pin_keys = excluded.pin_keys`,
		tenantID, clusterID, l.Generation, l.Serial, l.Previous, l.EnrolledAt, l.AdvancedAt, l.Retried,
		orNull(l.LockedAt), l.LockReason, closed, l.Hash, l.PrevHash, orNull(l.NotAfter), l.Authority, l.Bundle,
		l.Pin.Issuer, l.Pin.Subject, l.Pin.KeySet)
	return err
}

// recordLock writes the alert into the tenant's own record; the signal to end the sessions leaves with the commit.
func recordLock(ctx context.Context, tx pgx.Tx, tenantID, clusterID, reason string) error {
	var name string
	err := tx.QueryRow(ctx, `select name from cluster where tenant_id = $1 and cluster_id = $2`, tenantID, clusterID).Scan(&name)
	if err != nil {
		return err
	}
	err = recordAs(ctx, tx, "service", tenant.Scope{Tenant: tenant.ID(tenantID)},
		adminRecord{action: "cluster.locked", name: name, detail: reason, cluster: cluster.ID(clusterID)})
	if err != nil {
		return err
	}
	return notifyTx(ctx, tx, topicLocked, tenant.ID(tenantID), clusterID)
}

// Issued lists the certificates of a cluster that have not expired.
func (p PKI) Issued(ctx context.Context, tenantID, clusterID string, now time.Time) (out []*x509.Certificate, err error) {
	if !anID(tenantID, clusterID) {
		return nil, nil
	}
	err = p.db.InTenant(ctx, tenant.ID(tenantID), func(ctx context.Context, tx pgx.Tx) error {
		out, err = many(ctx, tx, certificate, `select certificate from cluster_certificate
			where tenant_id = $1 and cluster_id = $2 and not_after > $3 order by issued_at`, tenantID, clusterID, now)
		return err
	})
	return out, err
}

// RevokeSerial records a serial as revoked, once.
func (p PKI) RevokeSerial(ctx context.Context, serial, reason string, expires time.Time) error {
	return p.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into revoked_serial (serial, reason, expires_at) values ($1, $2, $3)
			on conflict do nothing`, serial, reason, expires)
		return err
	})
}

// SerialRevoked tells whether a serial is.
func (p PKI) SerialRevoked(ctx context.Context, serial string) (revoked bool, err error) {
	err = p.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select exists (select from revoked_serial where serial = $1)`, serial).Scan(&revoked)
	})
	return revoked, err
}

func certificate(row pgx.CollectableRow) (*x509.Certificate, error) {
	var der []byte
	if err := row.Scan(&der); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

package store

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
)

// PKI keeps what package pki/authority needs: CA certificates, one-time tokens, and each cluster's certificates.
type PKI struct{ db *DB }

// PKI is the authority's part of the store.
func (db *DB) PKI() PKI { return PKI{db} }

// CAs lists the CA certificates of a trust domain.
func (p PKI) CAs(ctx context.Context, trustDomain string) (out []*x509.Certificate, err error) {
	err = p.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		out, err = many(ctx, tx, certificate, `select certificate from ca_certificate
			where trust_domain = $1 order by added_at`, trustDomain)
		return err
	})
	return out, err
}

// AddCA adds a CA certificate, once.
func (p PKI) AddCA(ctx context.Context, trustDomain string, c *x509.Certificate) error {
	sum := sha256.Sum256(c.Raw)
	return p.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into ca_certificate (trust_domain, fingerprint, certificate, not_after)
			values ($1, $2, $3, $4) on conflict do nothing`, trustDomain, sum[:], c.Raw, c.NotAfter)
		return err
	})
}

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
	select l.generation, l.serial, l.previous, l.enrolled_at, l.advanced_at, l.retried, l.locked_at, l.lock_reason,
	  case when c.revoked_at is not null then 'revoked' else coalesce(l.closed, '') end
	from cluster c left join certificate_line l using (tenant_id, cluster_id)
	where c.tenant_id = $1 and c.cluster_id = $2`

func scanLine(row pgx.Row) (l pki.Line, err error) {
	var generation *int64
	var serial, previous, reason *string
	var enrolled, advanced, locked *time.Time
	var retried *bool
	err = row.Scan(&generation, &serial, &previous, &enrolled, &advanced, &retried, &locked, &reason, &l.Closed)
	if noRows(err) {
		return pki.Line{Closed: "no such cluster"}, nil
	}
	if err != nil || generation == nil {
		return l, err
	}
	l.Generation, l.Serial, l.Previous, l.Retried, l.LockReason = *generation, *serial, *previous, *retried, *reason
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
		  locked_at, lock_reason, closed)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		on conflict (tenant_id, cluster_id) do update set generation = excluded.generation, serial = excluded.serial,
		  previous = excluded.previous, enrolled_at = excluded.enrolled_at, advanced_at = excluded.advanced_at,
		  retried = excluded.retried, locked_at = excluded.locked_at, lock_reason = excluded.lock_reason,
		  closed = case when certificate_line.closed <> '' then certificate_line.closed else excluded.closed end`,
		tenantID, clusterID, l.Generation, l.Serial, l.Previous, l.EnrolledAt, l.AdvancedAt, l.Retried,
		orNull(l.LockedAt), l.LockReason, closed)
	return err
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

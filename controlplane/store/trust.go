package store

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
)

// Trust reads the state of a trust domain's authorities.
func (p PKI) Trust(ctx context.Context, trustDomain string) (t pki.Trust, err error) {
	err = p.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		t, err = readTrust(ctx, tx, trustDomain, "")
		return err
	})
	return t, err
}

// ChangeTrust changes it under the lock of its row, which is made when it is not there.
func (p PKI) ChangeTrust(ctx context.Context, trustDomain string, f func(*pki.Trust) error) error {
	return p.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into trust_state (trust_domain, version, phase, since, root, next_root)
			values ($1, 0, '', now(), '', '') on conflict do nothing`, trustDomain)
		if err != nil {
			return fmt.Errorf("make trust state: %w", err)
		}
		t, err := readTrust(ctx, tx, trustDomain, " for update")
		if err != nil {
			return err
		}
		if err := f(&t); err != nil {
			return err
		}
		if err := writeTrust(ctx, tx, trustDomain, t); err != nil {
			return err
		}
		return notifyTx(ctx, tx, topicTrust, "", trustDomain)
	})
}

// topicTrust is of no tenant: the authorities of a trust domain.
const topicTrust = "trust"

// TrustChanges has a value when a trust domain's authorities may have changed. It needs DB.Run to be running.
func (db *DB) TrustChanges() <-chan struct{} { return db.Subscribe("", topicTrust).Ready() }

func readTrust(ctx context.Context, tx pgx.Tx, trustDomain, lock string) (t pki.Trust, err error) {
	err = tx.QueryRow(ctx, `select version, phase, since, root, next_root from trust_state where trust_domain = $1`+lock, trustDomain).
		Scan(&t.Version, &t.Phase, &t.Since, &t.Root, &t.Next)
	if err != nil && !noRows(err) {
		return t, fmt.Errorf("read trust state: %w", err)
	}
	t.CAs, err = many(ctx, tx, scanCA, `
		select c.certificate, coalesce(a.slot, ''), coalesce(a.since, c.added_at), coalesce(a.reason, '')
		from ca_certificate c left join ca_authority a using (trust_domain, fingerprint)
		where c.trust_domain = $1 order by c.added_at, c.fingerprint`, trustDomain)
	return t, err
}

func scanCA(row pgx.CollectableRow) (c pki.CA, err error) {
	var der []byte
	if err = row.Scan(&der, &c.Slot, &c.Since, &c.Reason); err == nil {
		c.Certificate, err = x509.ParseCertificate(der)
	}
	return c, err
}

func writeTrust(ctx context.Context, tx pgx.Tx, trustDomain string, t pki.Trust) error {
	_, err := tx.Exec(ctx, `update trust_state set version = $2, phase = $3, since = $4, root = $5, next_root = $6
		where trust_domain = $1`, trustDomain, t.Version, t.Phase, t.Since, t.Root, t.Next)
	if err != nil {
		return fmt.Errorf("write trust state: %w", err)
	}
	for _, c := range t.CAs {
		if err := writeCA(ctx, tx, trustDomain, c); err != nil {
			return fmt.Errorf("write authority: %w", err)
		}
	}
	for _, e := range t.Events {
		_, err := tx.Exec(ctx, `insert into ca_event (trust_domain, event_id, actor, action, detail) values ($1, $2, $3, $4, $5)`,
			trustDomain, newID(), clean(e.Actor), e.Action, clean(e.Detail))
		if err != nil {
			return fmt.Errorf("record %s: %w", e.Action, err)
		}
	}
	return nil
}

func writeCA(ctx context.Context, tx pgx.Tx, trustDomain string, c pki.CA) error {
	sum, err := hex.DecodeString(pki.Fingerprint(c.Certificate))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into ca_certificate (trust_domain, fingerprint, certificate, not_after)
		values ($1, $2, $3, $4) on conflict do nothing`, trustDomain, sum, c.Certificate.Raw, c.Certificate.NotAfter)
	if err != nil || c.Slot == "" {
		return err
	}
	_, err = tx.Exec(ctx, `insert into ca_authority (trust_domain, fingerprint, slot, since, reason) values ($1, $2, $3, $4, $5)
		on conflict (trust_domain, fingerprint) do update set slot = excluded.slot, since = excluded.since, reason = excluded.reason
		where ca_authority.slot <> excluded.slot`, trustDomain, sum, c.Slot, c.Since, clean(c.Reason))
	return err
}

// TrustEvents lists what was done to the authorities, the newest first.
func (p PKI) TrustEvents(ctx context.Context, trustDomain string, limit int) (out []TrustEvent, err error) {
	err = p.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		out, err = many(ctx, tx, pgx.RowToStructByPos[TrustEvent], `select at, actor, action, detail from ca_event
			where trust_domain = $1 order by event_id desc limit $2`, trustDomain, limit)
		return err
	})
	return out, err
}

// TrustEvent is one line of the authorities' record.
type TrustEvent struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Detail string    `json:"detail"`
}

// Behind lists the clusters of all tenants that a change of trust has to wait for.
func (p PKI) Behind(ctx context.Context, now time.Time, version int64, keys []string) (out []authority.Behind, err error) {
	err = p.db.System(ctx, func(ctx context.Context, tx pgx.Tx) error {
		out, err = many(ctx, tx, pgx.RowToStructByPos[authority.Behind], `
			select tenant_id::text, cluster_id::text, bundle, not_after from lookup.clusters_behind($1, $2, $3)`, now, version, keys)
		return err
	})
	return out, err
}

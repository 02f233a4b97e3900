package authority

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/smallstep/certificates/db"
)

// authDB is what smallstep sees of our Store. Its interface carries no context, so each call gets a short one of its
// own. Certificates are stored by us, together with the line they belong to, not through it.
type authDB struct{ store Store }

var _ db.AuthDB = authDB{}

const dbTimeout = 5 * time.Second

// IsRevoked is smallstep's own check of a serial; ours of the cluster came before.
func (d authDB) IsRevoked(serial string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dbTimeout)
	defer cancel()
	return d.store.SerialRevoked(ctx, serial)
}

// Revoke records a serial.
func (d authDB) Revoke(r *db.RevokedCertificateInfo) error {
	ctx, cancel := context.WithTimeout(context.Background(), dbTimeout)
	defer cancel()
	return d.store.RevokeSerial(ctx, r.Serial, r.Reason, r.ExpiresAt)
}

// UseToken enforces that a one-time token is one.
func (d authDB) UseToken(id, _ string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dbTimeout)
	defer cancel()
	return d.store.UseOTT(ctx, id, time.Now().Add(2*ottLifetime))
}

// GetCertificate is never needed: revocation passes the certificate along.
func (authDB) GetCertificate(string) (*x509.Certificate, error) { return nil, db.ErrNotImplemented }

// Shutdown has nothing to do: the store is not ours to close.
func (authDB) Shutdown() error { return nil }

// There is no SSH here.

// IsSSHRevoked is never asked.
func (authDB) IsSSHRevoked(string) (bool, error) { return true, db.ErrNotImplemented }

// RevokeSSH is never asked.
func (authDB) RevokeSSH(*db.RevokedCertificateInfo) error { return db.ErrNotImplemented }

// IsSSHHost is never asked.
func (authDB) IsSSHHost(string) (bool, error) { return false, db.ErrNotImplemented }

// GetSSHHostPrincipals is never asked.
func (authDB) GetSSHHostPrincipals() ([]string, error) { return nil, db.ErrNotImplemented }

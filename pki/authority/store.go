package authority

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// Store keeps what must outlive the process and be the same for every replica.
type Store interface {
	CAStore
	// UseOTT records the use of a one-time token and reports whether it was the first; atomically, across replicas.
	UseOTT(ctx context.Context, id string, expires time.Time) (bool, error)
	// Line calls f with the state of a cluster's certificates, and keeps what f changed, all in one transaction in
	// which the line is locked. A line that does not exist yet is the zero pki.Line. What locks the line is recorded for
	// its tenant, and told to every replica.
	Line(ctx context.Context, tenant, cluster string, f func(*pki.Line) error) error
	// State reads a line without locking it; Issued is left empty.
	State(ctx context.Context, tenant, cluster string) (pki.Line, error)
	// Issued lists the certificates of a cluster that have not expired at the time now.
	Issued(ctx context.Context, tenant, cluster string, now time.Time) ([]*x509.Certificate, error)
	// RevokeSerial records a serial as revoked; a second time is no error.
	RevokeSerial(ctx context.Context, serial, reason string, expires time.Time) error
	// SerialRevoked reports whether it is.
	SerialRevoked(ctx context.Context, serial string) (bool, error)
	// Behind lists the clusters that a change of trust has to wait for: they can still come back without a person's help,
	// and hold an older bundle than version, or a certificate from another authority than one of keys (key ids; nil: any).
	Behind(ctx context.Context, now time.Time, version int64, keys []string) ([]Behind, error)
}

// Behind is a cluster that has not followed yet.
type Behind struct {
	Tenant, Cluster string
	Bundle          int64     // the version it last said it holds
	NotAfter        time.Time // of its certificate
}

// CAStore keeps the certificates of authorities, and their slots; their keys are in a pki.KeySource.
type CAStore interface {
	// Trust is the state of a trust domain's authorities, of which none is the zero pki.Trust. Certificates from before
	// slots were kept are in it, without a slot.
	Trust(ctx context.Context, trustDomain string) (pki.Trust, error)
	// ChangeTrust calls f with that state, and keeps what f changed, all in one transaction in which it is locked.
	ChangeTrust(ctx context.Context, trustDomain string, f func(*pki.Trust) error) error
}

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
	// which the line is locked. A line that does not exist yet is the zero pki.Line.
	Line(ctx context.Context, tenant, cluster string, f func(*pki.Line) error) error
	// State reads a line without locking it; Issued is left empty.
	State(ctx context.Context, tenant, cluster string) (pki.Line, error)
	// Issued lists the certificates of a cluster that have not expired at the time now.
	Issued(ctx context.Context, tenant, cluster string, now time.Time) ([]*x509.Certificate, error)
	// RevokeSerial records a serial as revoked; a second time is no error.
	RevokeSerial(ctx context.Context, serial, reason string, expires time.Time) error
	// SerialRevoked reports whether it is.
	SerialRevoked(ctx context.Context, serial string) (bool, error)
}

// CAStore keeps the certificates of authorities; their keys are in a pki.KeySource.
type CAStore interface {
	// CAs lists all CA certificates of the trust domain, in any order.
	CAs(ctx context.Context, trustDomain string) ([]*x509.Certificate, error)
	// AddCA adds one; adding it again is no error.
	AddCA(ctx context.Context, trustDomain string, c *x509.Certificate) error
}

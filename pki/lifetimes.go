package pki

import (
	"crypto/x509"
	"time"
)

// How long things live. An agent's 24 h with renewal at two thirds leaves 8 h: the longest outage of the control plane
// that needs no manual work.
const (
	RootLifetime    = 10 * 365 * 24 * time.Hour
	IssuingLifetime = 90 * 24 * time.Hour
	AgentLifetime   = 24 * time.Hour
	ServiceLifetime = 8 * time.Hour
	Backdate        = time.Minute    // for clocks that run behind ours
	SessionLimit    = 12 * time.Hour // TLS never re-checks expiry, so no session outlives this or its certificate
)

// RenewAt is when a certificate should be replaced: at two thirds of its life.
func RenewAt(leaf *x509.Certificate) time.Time {
	return leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) * 2 / 3)
}

// SessionEnd is when a connection made at start must be closed: at the certificate's end, 12 h at most.
func SessionEnd(leaf *x509.Certificate, start time.Time) time.Time {
	if end := start.Add(SessionLimit); end.Before(leaf.NotAfter) {
		return end
	}
	return leaf.NotAfter
}

package pki

import (
	"crypto/x509"
	"errors"
	"time"
)

// Why an authority refuses. What it knows beyond that goes to its log only.
var (
	ErrRequest  = errors.New("the certificate request is not acceptable")
	ErrIdentity = errors.New("the certificate held is not valid here")
	ErrRevoked  = errors.New("the cluster is revoked")
	ErrLocked   = errors.New("the cluster's identity is held by more than one party, so it is locked until it joins again")
)

// Line is the state of one cluster's succession of certificates: who holds the right to renew.
type Line struct {
	Generation int64     // counts enrolments and renewals
	Serial     string    // of the certificate that may renew
	Previous   string    // of the one before; it may renew once more, shortly, if the answer with Serial was lost
	EnrolledAt time.Time // of the last enrolment; what was issued before it is void, but no sign of a copy
	AdvancedAt time.Time // when Serial was issued
	Retried    bool      // Previous has used its second chance
	LockedAt   time.Time // zero unless locked
	LockReason string

	// Closed says why the cluster may have no certificate: it is revoked, or its tenant is suspended. Empty: it may.
	// The store reads it from where clusters are kept; setting it to "revoked" on a line is kept too.
	Closed string

	// Issued is what f adds: certificates to keep with the line.
	Issued []*x509.Certificate
}

// retryWindow is for a crash between the answer and its being stored.
const retryWindow = 10 * time.Minute

// Admit decides whether the certificate may renew now, and locks the line when two parties hold it. Its nil does not
// change the line: Advance does.
func (l *Line) Admit(leaf *x509.Certificate, now time.Time) error {
	serial := leaf.SerialNumber.String()
	switch {
	case l.Closed != "":
		return ErrRevoked
	case l.Serial == "" || leaf.NotBefore.Add(Backdate).Before(l.EnrolledAt.Truncate(time.Second)):
		return ErrIdentity
	case !l.LockedAt.IsZero():
		return ErrLocked
	case serial == l.Serial:
		return nil
	case serial == l.Previous && !l.Retried && now.Sub(l.AdvancedAt) <= retryWindow:
		return nil
	}
	// The holder of an older certificate is a copy: of two parties that renew from the same one, the second gets here.
	l.LockedAt, l.LockReason = now, "a superseded certificate was used to renew"
	return ErrLocked
}

// Enrol starts the line anew with first.
func (l *Line) Enrol(first *x509.Certificate, now time.Time) {
	*l = Line{
		Generation: l.Generation + 1, Serial: first.SerialNumber.String(), EnrolledAt: now, AdvancedAt: now,
		Issued: []*x509.Certificate{first},
	}
}

// Advance records next as issued to the holder of held, which Admit has let in.
func (l *Line) Advance(held, next *x509.Certificate, now time.Time) {
	serial := held.SerialNumber.String()
	// A second chance replaces the lost certificate. Should it not be lost after all, its holder's next renewal locks.
	l.Retried = serial == l.Previous
	l.Previous, l.Serial = serial, next.SerialNumber.String()
	l.Generation++
	l.AdvancedAt = now
	l.Issued = append(l.Issued, next)
}

package pki

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"time"
)

// Why an authority refuses. What it knows beyond that goes to its log only.
var (
	ErrRequest  = errors.New("the certificate request is not acceptable")
	ErrIdentity = errors.New("the certificate held is not valid here")
	ErrRevoked  = errors.New("the cluster is revoked")
	ErrLocked   = errors.New("the cluster's identity is held by more than one party, so it is locked until it joins again")

	ErrSuperseded = errors.New("the certificate was replaced by a newer one")
	ErrForged     = errors.New("the certificate was signed by our authority and never issued: its key may be in other hands")
	ErrTooLate    = errors.New("the identity expired too long ago to be renewed")
	ErrProof      = errors.New("the agent did not prove that it runs in its own cluster")
)

// Line is the state of one cluster's succession of certificates: who holds the right to renew.
type Line struct {
	Generation int64     // counts enrolments and renewals
	Serial     string    // of the certificate that may renew
	Hash       string    // Fingerprint of it; "" if it is from before hashes were kept
	Previous   string    // of the one before; it may renew once more, shortly, if the answer with Serial was lost
	PrevHash   string    // Fingerprint of that one
	NotAfter   time.Time // when Serial ends
	Authority  string    // key id of the authority that signed Serial, hexadecimal
	EnrolledAt time.Time // of the last enrolment; what was issued before it is void, but no sign of a copy
	AdvancedAt time.Time // when Serial was issued
	Retried    bool      // Previous has used its second chance
	LockedAt   time.Time // zero unless locked
	LockReason string

	Pin    Pin   // who the agent is in its own cluster, as said at enrolment; zero if it did not say
	Bundle int64 // the version of the trust bundle that the agent last said it holds

	// ClusterUID is the kube-system namespace's UID as told at enrolment. The store reads it from where clusters are kept.
	ClusterUID string

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
	if err := l.open(leaf); err != nil {
		return err
	}
	switch {
	case l.is(leaf, l.Serial, l.Hash):
		return nil
	case l.is(leaf, l.Previous, l.PrevHash) && !l.Retried && now.Sub(l.AdvancedAt) <= retryWindow:
		return nil
	case l.forged(leaf):
		return ErrForged
	}
	// The holder of an older certificate is a copy: of two parties that renew from the same one, the second gets here.
	l.Lock("A superseded certificate was used to renew: two parties hold this cluster's identity.", now)
	return ErrLocked
}

// Holds decides whether the certificate may open a session: it is the newest one, or the one before, which a replica of
// the agent may still show. It never changes the line.
func (l *Line) Holds(leaf *x509.Certificate) error {
	if err := l.open(leaf); err != nil {
		return err
	}
	switch {
	case l.is(leaf, l.Serial, l.Hash) || l.is(leaf, l.Previous, l.PrevHash):
		return nil
	case l.forged(leaf):
		return ErrForged
	}
	return ErrSuperseded
}

// open says why no certificate at all, or none as old as this one, is good.
func (l *Line) open(leaf *x509.Certificate) error {
	switch {
	case l.Closed != "":
		return ErrRevoked
	case l.Serial == "" || leaf.NotBefore.Add(Backdate).Before(l.EnrolledAt.Truncate(time.Second)):
		return ErrIdentity
	case !l.LockedAt.IsZero():
		return ErrLocked
	}
	return nil
}

// is compares the whole certificate where its hash is known: who steals an authority's key can choose a serial.
func (l *Line) is(leaf *x509.Certificate, serial, hash string) bool {
	return serial != "" && leaf.SerialNumber.String() == serial && (hash == "" || Fingerprint(leaf) == hash)
}

// forged reports a certificate that has the serial of one of ours and is not it.
func (l *Line) forged(leaf *x509.Certificate) bool {
	serial := leaf.SerialNumber.String()
	return serial == l.Serial && !l.is(leaf, l.Serial, l.Hash) || serial == l.Previous && !l.is(leaf, l.Previous, l.PrevHash)
}

// Lock stops the line, with the reason in words for people. A line that is locked keeps its first reason.
func (l *Line) Lock(reason string, now time.Time) {
	if l.LockedAt.IsZero() {
		l.LockedAt, l.LockReason = now, reason
	}
}

// Enrol starts the line anew with first. The line begins when first does, not when it is written down, which may be a
// second or more later: else first itself would be from before the enrolment.
func (l *Line) Enrol(first *x509.Certificate, pin Pin, now time.Time) {
	began := now
	if issued := first.NotBefore.Add(Backdate); issued.Before(began) {
		began = issued
	}
	*l = Line{Generation: l.Generation, ClusterUID: l.ClusterUID, EnrolledAt: began, Pin: pin}
	l.take(first, now)
}

// Advance records next as issued to the holder of held, which Admit has let in.
func (l *Line) Advance(held, next *x509.Certificate, now time.Time) {
	// A second chance replaces the lost certificate. Should it not be lost after all, its holder's next renewal locks.
	l.Retried = held.SerialNumber.String() == l.Previous
	l.Previous, l.PrevHash = held.SerialNumber.String(), Fingerprint(held)
	l.take(next, now)
}

func (l *Line) take(c *x509.Certificate, now time.Time) {
	l.Generation++
	l.Serial, l.Hash, l.NotAfter, l.Authority = c.SerialNumber.String(), Fingerprint(c), c.NotAfter, hex.EncodeToString(c.AuthorityKeyId)
	l.AdvancedAt = now
	l.Issued = append(l.Issued, c)
}

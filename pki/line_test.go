package pki_test

import (
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// A certificate's times are whole seconds, and signing takes a while: the line is written down later than the certificate
// begins.
func TestFirstCertificateIsNotFromBeforeItsOwnEnrolment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 2, 48, 31, 1_000_000, time.UTC)
	leaf := func(serial int64, issued time.Time) *x509.Certificate {
		return &x509.Certificate{Raw: []byte{byte(serial)}, SerialNumber: big.NewInt(serial),
			NotBefore: issued.Add(-pki.Backdate).Truncate(time.Second), NotAfter: issued.Add(pki.AgentLifetime)}
	}
	first := leaf(1, now.Add(-1500*time.Millisecond))
	var l pki.Line
	l.Enrol(first, pki.Pin{}, now)
	if err := l.Holds(first); err != nil {
		t.Errorf("it may not open a session: %v", err)
	}
	if err := l.Admit(first, now); err != nil {
		t.Errorf("it may not renew: %v", err)
	}
	if err := l.Holds(leaf(2, now.Add(-time.Hour))); err != pki.ErrIdentity {
		t.Errorf("one from before the enrolment: %v", err)
	}
}

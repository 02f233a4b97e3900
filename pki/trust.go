package pki

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Slot is where an authority's certificate stands in its life.
type Slot string

// The slots. A prepared certificate signs nothing yet, a retired one nothing any more; what either signed is good. What
// a tainted one signed is believed by nobody.
const (
	Prepared Slot = "prepared"
	Active   Slot = "active"
	Retired  Slot = "retired"
	Tainted  Slot = "tainted"
)

// Phase is where the replacement of a root stands. From each one there is a way back until the old root is dropped.
//
//	standby -> init -> update_clients -> update_servers -> standby
//	             |            |                |
//	             +------------+----- rollback -+--------> standby, with the old root
type Phase string

// The phases.
const (
	Standby       Phase = "standby"        // one root
	Init          Phase = "init"           // agents learn the next root; the old one signs
	UpdateClients Phase = "update_clients" // agents' certificates come from the next root
	UpdateServers Phase = "update_servers" // gateways show the next root as well
	Rollback      Phase = "rollback"       // the old root signs again, and both are believed
)

// CA is one certificate of an authority: a root, or an issuing one.
type CA struct {
	Certificate *x509.Certificate
	Slot        Slot
	Since       time.Time // of the slot
	Reason      string    // why it is tainted
}

// IsRoot reports whether the certificate signed itself.
func (c CA) IsRoot() bool { return IsRoot(c.Certificate) }

// IsRoot reports whether a certificate is a root.
func IsRoot(c *x509.Certificate) bool {
	return c.IsCA && slices.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignatureFrom(c) == nil
}

// Fingerprint names a certificate: the hexadecimal SHA-256 of it.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Trust is the state of a trust domain's authorities: one row of the store, changed under its lock.
type Trust struct {
	Version int64     // of the bundle: counts what agents are told to believe
	Phase   Phase     //
	Since   time.Time // of the phase
	Root    string    // fingerprint of the root in use
	Next    string    // of the root that is to replace it; "" in standby
	CAs     []CA

	// Events is what a change adds: for the authority's own record.
	Events []TrustEvent
}

// TrustEvent is one line of the authority's record.
type TrustEvent struct {
	Actor  string // a person at the command line, or "authority"
	Action string // a noun and a past participle
	Detail string
}

// Record adds an event.
func (t *Trust) Record(actor, action, format string, args ...any) {
	t.Events = append(t.Events, TrustEvent{actor, action, fmt.Sprintf(format, args...)})
}

// Find is the authority with that fingerprint.
func (t *Trust) Find(fingerprint string) *CA {
	for i := range t.CAs {
		if Fingerprint(t.CAs[i].Certificate) == fingerprint {
			return &t.CAs[i]
		}
	}
	return nil
}

// Add adds a certificate, once.
func (t *Trust) Add(c *x509.Certificate, slot Slot, now time.Time) {
	if t.Find(Fingerprint(c)) == nil {
		t.CAs = append(t.CAs, CA{Certificate: c, Slot: slot, Since: now})
	}
}

// Move puts a certificate into another slot. Nothing leaves Tainted.
func (t *Trust) Move(fingerprint string, slot Slot, now time.Time) {
	if c := t.Find(fingerprint); c != nil && c.Slot != Tainted && c.Slot != slot {
		c.Slot, c.Since = slot, now
	}
}

// Under lists the issuing certificates of a root, tainted ones not, the newest first.
func (t *Trust) Under(root string) (out []CA) {
	r := t.Find(root)
	if r == nil {
		return nil
	}
	for _, c := range t.CAs {
		if !c.IsRoot() && c.Slot != Tainted && c.Certificate.CheckSignatureFrom(r.Certificate) == nil {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b CA) int { return b.Certificate.NotAfter.Compare(a.Certificate.NotAfter) })
	return out
}

// ClientRoot is the root that agents' certificates come from in this phase, ServerRoot that of gateways.
func (t *Trust) ClientRoot() string {
	if t.Phase == UpdateClients || t.Phase == UpdateServers {
		return t.Next
	}
	return t.Root
}

// ServerRoot is the root that gateways show to whoever does not ask for another one.
func (t *Trust) ServerRoot() string {
	if t.Phase == UpdateServers {
		return t.Next
	}
	return t.Root
}

// Live lists the roots that are believed: the one in use, and the next one.
func (t *Trust) Live() (out []string) {
	for _, f := range []string{t.Root, t.Next} {
		if f != "" {
			out = append(out, f)
		}
	}
	return out
}

// Bundle is what agents and gateways believe now.
func (t *Trust) Bundle() Bundle {
	b := Bundle{Version: t.Version}
	for _, f := range t.Live() {
		if c := t.Find(f); c != nil && c.Slot != Tainted {
			b.Roots = append(b.Roots, c.Certificate)
		}
	}
	for _, c := range t.CAs {
		if c.Slot == Tainted {
			b.Distrusted = append(b.Distrusted, Fingerprint(c.Certificate))
		}
	}
	slices.Sort(b.Distrusted)
	return b
}

// ErrPhase means that the phase asked for does not follow from the one there is.
var ErrPhase = errors.New("that phase does not follow from this one")

// ErrNoRoot means that there is no prepared root to bring in.
var ErrNoRoot = errors.New("there is no prepared root to bring in")

// next says where one may go from a phase.
var next = map[Phase][]Phase{
	Standby:       {Init},
	Init:          {UpdateClients, Rollback},
	UpdateClients: {UpdateServers, Rollback},
	UpdateServers: {Standby, Rollback},
	Rollback:      {Standby},
}

// Follows lists the phases that may come after p.
func (p Phase) Follows() []Phase { return next[p] }

// Enter moves to another phase. It changes the bundle where the phase does, and judges neither who has acknowledged it
// nor who asks. To enter Init, nextRoot names a root that was prepared; it is "" otherwise.
func (t *Trust) Enter(to Phase, nextRoot string, now time.Time) error {
	if !slices.Contains(next[t.Phase], to) {
		return fmt.Errorf("%w: from %s to %s", ErrPhase, t.Phase, to)
	}
	from := t.Phase
	switch {
	case to == Init:
		c := t.Find(nextRoot)
		if c == nil || !c.IsRoot() || c.Slot != Prepared || now.After(c.Certificate.NotAfter) {
			return ErrNoRoot
		}
		t.Next = nextRoot
		t.Version++
	case to == Standby && from == UpdateServers:
		t.retire(t.Root, now)
		t.Root, t.Next = t.Next, ""
		t.Move(t.Root, Active, now)
		t.Version++
	case to == Standby && from == Rollback:
		t.retire(t.Next, now)
		t.Next = ""
		t.Version++
	}
	t.Phase, t.Since = to, now
	return nil
}

func (t *Trust) retire(root string, now time.Time) {
	for _, c := range t.Under(root) {
		t.Move(Fingerprint(c.Certificate), Retired, now)
	}
	t.Move(root, Retired, now)
}

// Taint marks an authority as one that others may hold the key of: nobody believes what it signed any more. A root in
// use can't be tainted: bring in another first.
func (t *Trust) Taint(fingerprint, reason string, now time.Time) error {
	c := t.Find(fingerprint)
	switch {
	case c == nil:
		return errors.New("there is no authority with that fingerprint")
	case c.Slot == Tainted:
		return nil
	case fingerprint == t.Root || fingerprint == t.Next:
		return errors.New("this root is in use: replace it first (rotate to init, update_clients, update_servers, standby), then revoke it")
	}
	c.Slot, c.Since, c.Reason = Tainted, now, reason
	t.Version++
	return nil
}

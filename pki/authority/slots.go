package authority

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// When the next issuing certificate is made, and when it begins to sign, before the end of the one in use (SPIRE's
// thresholds). In between an operator can be warned that a ceremony is due.
const (
	prepareBefore  = 30 * 24 * time.Hour
	activateBefore = 7 * 24 * time.Hour
)

// prepareAt is at half of a life, 30 days before its end at the most; activateAt in the last sixth, 7 days at the most.
func prepareAt(c pki.CA) time.Time {
	return c.Certificate.NotAfter.Add(-min(life(c)/2, prepareBefore))
}

func activateAt(c pki.CA) time.Time {
	return c.Certificate.NotAfter.Add(-min(life(c)/6, activateBefore))
}

func life(c pki.CA) time.Duration { return c.Certificate.NotAfter.Sub(c.Certificate.NotBefore) }

// task is one thing to do for a root's issuing certificates.
type task int

const (
	nothing  task = iota
	activate      // the prepared one signs from now on
	prepare       // make one for later
	replace       // make one, and sign with it at once
)

// plan says what is to be done for a root, and with which certificate.
func plan(cfg Config, t *pki.Trust, root string, now time.Time) (task, pki.CA) {
	usable := slices.DeleteFunc(t.Under(root), func(c pki.CA) bool {
		return now.After(c.Certificate.NotAfter) || !sameConstraints(c.Certificate, cfg)
	})
	in := func(s pki.Slot) (pki.CA, bool) {
		i := slices.IndexFunc(usable, func(c pki.CA) bool { return c.Slot == s })
		if i < 0 {
			return pki.CA{}, false
		}
		return usable[i], true
	}
	active, ok := in(pki.Active)
	ready, prepared := in(pki.Prepared)
	switch {
	case !ok && prepared:
		return activate, ready
	case !ok:
		return replace, pki.CA{}
	case prepared && !now.Before(activateAt(active)):
		return activate, ready
	case !prepared && !now.Before(prepareAt(active)):
		return prepare, pki.CA{}
	}
	return nothing, pki.CA{}
}

// maintain brings the authorities to what time and configuration ask for, and reports whether anything changed. What
// would need a root's key that is not here is left as it is, as long as something can sign.
func maintain(ctx context.Context, cfg Config, t *pki.Trust, now time.Time) (changed bool, err error) {
	if t.Version == 0 {
		if err := begin(ctx, cfg, t, now); err != nil {
			return false, err
		}
		changed = true
	}
	for _, root := range t.Live() {
		for did := true; did; changed = changed || did { // after a long stop, one is made and begins to sign at once
			if did, err = upkeep(ctx, cfg, t, root, now); err != nil {
				return false, err
			}
		}
	}
	return changed, nil
}

// begin makes the first root, or finds it among certificates from before slots were kept.
func begin(ctx context.Context, cfg Config, t *pki.Trust, now time.Time) error {
	t.Version, t.Phase, t.Since = 1, pki.Standby, now
	for i, c := range t.CAs {
		if c.IsRoot() && now.Before(c.Certificate.NotAfter) {
			if old := t.Find(t.Root); old == nil || c.Certificate.NotAfter.After(old.Certificate.NotAfter) {
				t.Root = pki.Fingerprint(c.Certificate)
			}
		}
		t.CAs[i].Slot, t.CAs[i].Since = pki.Retired, now
	}
	if t.Root == "" {
		c, err := makeRoot(ctx, cfg, true)
		if err != nil {
			return err
		}
		t.Add(c, pki.Active, now)
		t.Root = pki.Fingerprint(c)
		t.Record("authority", "root.made", "%s", t.Root)
	}
	t.Move(t.Root, pki.Active, now)
	for _, c := range t.Under(t.Root) { // the newest one whose key is here signs on
		if _, err := cfg.Keys.Key(ctx, KeyName(c.Certificate)); err == nil && now.Before(c.Certificate.NotAfter) {
			t.Move(pki.Fingerprint(c.Certificate), pki.Active, now)
			break
		}
	}
	return nil
}

func upkeep(ctx context.Context, cfg Config, t *pki.Trust, root string, now time.Time) (bool, error) {
	what, with := plan(cfg, t, root, now)
	if what == nothing {
		return false, nil
	}
	if what == prepare || what == replace {
		c, err := makeIssuing(ctx, cfg, t.Find(root).Certificate)
		if errors.Is(err, fs.ErrNotExist) && (what == prepare || len(signing(t, root, now)) > 0) {
			return false, nil // a ceremony is due; until then what there is signs on
		}
		if err != nil {
			return false, fmt.Errorf("no usable issuing certificate: %w", err)
		}
		t.Add(c, pki.Prepared, now)
		with = pki.CA{Certificate: c}
		t.Record("authority", "issuing.prepared", "%s", pki.Fingerprint(c))
	}
	if what != prepare {
		promote(t, root, pki.Fingerprint(with.Certificate), now)
		t.Record("authority", "issuing.activated", "%s", pki.Fingerprint(with.Certificate))
	}
	return true, nil
}

// promote makes one issuing certificate the active one of its root.
func promote(t *pki.Trust, root, fingerprint string, now time.Time) {
	for _, c := range t.Under(root) {
		if c.Slot == pki.Active {
			t.Move(pki.Fingerprint(c.Certificate), pki.Retired, now)
		}
	}
	t.Move(fingerprint, pki.Active, now)
}

// signing lists the certificates that may sign under a root, the best first.
func signing(t *pki.Trust, root string, now time.Time) []pki.CA {
	out := slices.DeleteFunc(t.Under(root), func(c pki.CA) bool { return c.Slot != pki.Active || now.After(c.Certificate.NotAfter) })
	return out
}

// overdue reports a root whose next issuing certificate should have been made, and was not: its key is elsewhere.
func overdue(cfg Config, t *pki.Trust, root string, now time.Time) bool {
	what, _ := plan(cfg, t, root, now)
	return what == prepare || what == replace
}

// signer finds what signs under a root, with its key.
func signer(ctx context.Context, cfg Config, t *pki.Trust, root string, now time.Time) (caSet, error) {
	r := t.Find(root)
	if r == nil {
		return caSet{}, errors.New("the root is not known")
	}
	var missing error = errors.New("no issuing certificate is active")
	for _, c := range signing(t, root, now) {
		var key crypto.Signer
		key, err := cfg.Keys.Key(ctx, KeyName(c.Certificate))
		switch {
		case err != nil:
			missing = fmt.Errorf("issuing key: %w", err)
		case !holds(key, c.Certificate):
			missing = errors.New("issuing key: it is another certificate's")
		default:
			return caSet{root: r.Certificate, chain: certs(c), key: key}, nil
		}
	}
	return caSet{}, fmt.Errorf("nothing can sign under root %.12s: %w", root, missing)
}

func certs(all ...pki.CA) (out []*x509.Certificate) {
	for _, c := range all {
		out = append(out, c.Certificate)
	}
	return out
}

package authority

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/kubechat/kubechat/pki"
)

// RotateIssuing makes another issuing certificate sign now: the prepared one, or a new one.
func (a *Authority) RotateIssuing(ctx context.Context, actor string) error {
	return a.change(ctx, func(t *pki.Trust, now time.Time) error {
		return a.rotateIssuing(ctx, t, actor, now)
	})
}

func (a *Authority) rotateIssuing(ctx context.Context, t *pki.Trust, actor string, now time.Time) error {
	root := t.ClientRoot()
	under := t.Under(root)
	i := slices.IndexFunc(under, func(c pki.CA) bool { return c.Slot == pki.Prepared && sameConstraints(c.Certificate, a.cfg) })
	var next *x509.Certificate
	if i >= 0 {
		next = under[i].Certificate
	} else {
		c, err := makeIssuing(ctx, a.cfg, t.Find(root).Certificate)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("no issuing certificate is prepared, and %w: make one in a ceremony (kubechatd pki ceremony)", err)
		}
		if err != nil {
			return err
		}
		t.Add(c, pki.Prepared, now)
		next = c
	}
	promote(t, root, pki.Fingerprint(next), now)
	t.Record(actor, "issuing.activated", "%s", pki.Fingerprint(next))
	return nil
}

// PrepareRoot makes a root that can replace the one in use, and an issuing certificate under it, and returns its
// fingerprint. Where roots are kept offline, Import takes its place.
func (a *Authority) PrepareRoot(ctx context.Context, actor string) (fingerprint string, err error) {
	err = a.change(ctx, func(t *pki.Trust, now time.Time) error {
		root, err := makeRoot(ctx, a.cfg, false)
		if err != nil {
			return err
		}
		issuing, err := makeIssuing(ctx, a.cfg, root)
		if err != nil {
			return err
		}
		t.Add(root, pki.Prepared, now)
		t.Add(issuing, pki.Active, now) // of its root; it signs once the root's turn has come
		fingerprint = pki.Fingerprint(root)
		t.Record(actor, "root.made", "%s", fingerprint)
		return nil
	})
	return fingerprint, err
}

// Override lets a phase begin although not every agent has followed.
type Override struct {
	Force  bool
	Reason string // in the record
}

// ErrBehind means that agents have not followed yet.
var ErrBehind = errors.New("agents have not followed yet")

// Enter moves the replacement of a root to another phase; nextRoot is the prepared root to bring in, for pki.Init only
// ("" takes the one there is). It refuses with ErrBehind while a cluster that can still come back has not followed,
// unless that is overridden, which is recorded.
func (a *Authority) Enter(ctx context.Context, actor string, to pki.Phase, nextRoot string, o Override) error {
	if o.Force && o.Reason == "" {
		return errors.New("an override needs a reason, for the record")
	}
	before, err := a.cfg.Store.Trust(ctx, a.cfg.TrustDomain)
	if err != nil {
		return fmt.Errorf("read authorities: %w", err)
	}
	wait, err := a.Waiting(ctx, to)
	if err != nil {
		return err
	}
	if wait.Any() && !o.Force {
		return fmt.Errorf("%w: %s", ErrBehind, wait)
	}
	return a.change(ctx, func(t *pki.Trust, now time.Time) error {
		if t.Phase != before.Phase || t.Version != before.Version {
			return errors.New("somebody else changed the authorities meanwhile: look at the status, and try again")
		}
		if to == pki.Init && nextRoot == "" {
			nextRoot = preparedRoot(t)
		}
		if err := t.Enter(to, nextRoot, now); err != nil {
			return err
		}
		detail := fmt.Sprintf("from %s to %s, bundle %d", before.Phase, to, t.Version)
		if o.Force {
			detail += fmt.Sprintf("; forced (%s) although %s", o.Reason, wait)
		}
		t.Record(actor, "rotation.moved", "%s", detail)
		for _, root := range []string{t.ClientRoot(), t.ServerRoot()} {
			if _, err := signer(ctx, a.cfg, t, root, now); err != nil {
				return fmt.Errorf("%s: %w", to, err)
			}
		}
		return nil
	})
}

func preparedRoot(t *pki.Trust) string {
	for _, c := range slices.Backward(t.CAs) {
		if c.IsRoot() && c.Slot == pki.Prepared {
			return pki.Fingerprint(c.Certificate)
		}
	}
	return ""
}

// Waiting says what a phase has to wait for.
type Waiting struct {
	Behind []Behind
	Until  time.Time // zero: not for a time
}

// Any reports whether there is anything to wait for.
func (w Waiting) Any() bool { return len(w.Behind) > 0 || !w.Until.IsZero() }

// String is for people.
func (w Waiting) String() string {
	s := fmt.Sprintf("%d clusters have not followed", len(w.Behind))
	if !w.Until.IsZero() {
		s += fmt.Sprintf(", and identities from before may come back until %s", w.Until.UTC().Format(time.RFC3339))
	}
	return s
}

// Waiting says what moving to a phase has to wait for: before another root signs, every agent holds the bundle with
// both; before one is dropped, none holds a certificate from it, and none can come back with one.
func (a *Authority) Waiting(ctx context.Context, to pki.Phase) (Waiting, error) {
	return waiting(ctx, a.cfg, to)
}

func waiting(ctx context.Context, cfg Config, to pki.Phase) (w Waiting, err error) {
	t, err := cfg.Store.Trust(ctx, cfg.TrustDomain)
	if err != nil {
		return w, fmt.Errorf("read authorities: %w", err)
	}
	now := time.Now()
	var keys []string
	switch to {
	case pki.UpdateClients, pki.UpdateServers:
	case pki.Standby:
		stays, leaves := t.ClientRoot(), t.Since
		if t.Phase == pki.Rollback {
			stays = t.Root
		}
		keys = []string{}
		for _, c := range t.Under(stays) {
			keys = append(keys, hex.EncodeToString(c.Certificate.SubjectKeyId))
		}
		if until := leaves.Add(pki.AgentLifetime + pki.RecoveryLimit); t.Phase == pki.UpdateServers && now.Before(until) {
			w.Until = until
		}
	default:
		return w, nil
	}
	w.Behind, err = cfg.Store.Behind(ctx, now, t.Version, keys)
	if err != nil {
		return w, fmt.Errorf("list the clusters behind: %w", err)
	}
	return w, nil
}

// Taint revokes an authority: nothing it signed is believed any more, but what is on record whole may be renewed once.
// An issuing certificate that signs is replaced in the same step. Agents learn of it with the bundle.
func (a *Authority) Taint(ctx context.Context, actor, fingerprint, reason string) error {
	if reason == "" {
		return errors.New("revoking an authority needs a reason, for the record")
	}
	return a.change(ctx, func(t *pki.Trust, now time.Time) error {
		c := t.Find(fingerprint)
		signs := c != nil && c.Slot == pki.Active && !c.IsRoot()
		if err := t.Taint(fingerprint, reason, now); err != nil {
			return err
		}
		t.Record(actor, "authority.revoked", "%s: %s", fingerprint, reason)
		if !signs {
			return nil
		}
		for _, root := range t.Live() {
			if what, _ := plan(a.cfg, t, root, now); what == activate || what == replace {
				if _, err := upkeep(ctx, a.cfg, t, root, now); err != nil {
					return fmt.Errorf("nothing could sign in its place: %w", err)
				}
			}
		}
		return nil
	})
}

// change changes the state, and takes it over here at once; other replicas follow within Refresh.
func (a *Authority) change(ctx context.Context, f func(*pki.Trust, time.Time) error) error {
	err := a.cfg.Store.ChangeTrust(ctx, a.cfg.TrustDomain, func(t *pki.Trust) error { return f(t, time.Now()) })
	if err != nil {
		return err
	}
	return a.Reload(ctx)
}

package pkitest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
)

// RunStore is what every authority.Store has to pass. Tenant and cluster name one that exists.
func RunStore(t *testing.T, store authority.Store, tenant, cluster string) {
	t.Helper()
	ctx := t.Context()
	src := New(t)
	first, second := src.Enrol(t, "", "", "").Chain[0], src.Enrol(t, "", "", "").Chain[0]

	t.Run("a line is kept with its certificates, or not at all", func(t *testing.T) {
		if l, err := store.State(ctx, tenant, cluster); err != nil || l.Serial != "" || l.Closed != "" {
			t.Fatalf("before: %+v, %v", l, err)
		}
		now := time.Now().Truncate(time.Microsecond)
		began := now // or when first begins, if that is before
		if issued := first.NotBefore.Add(pki.Backdate); issued.Before(now) {
			began = issued
		}
		if err := store.Line(ctx, tenant, cluster, func(l *pki.Line) error {
			l.Enrol(first, pki.Pin{Issuer: "iss", Subject: "sub", KeySet: "{}"}, now)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		failed := errors.New("failed")
		err := store.Line(ctx, tenant, cluster, func(l *pki.Line) error { l.Advance(first, second, now); return failed })
		if !errors.Is(err, failed) {
			t.Fatalf("got %v", err)
		}
		l, err := store.State(ctx, tenant, cluster)
		if err != nil || l.Serial != first.SerialNumber.String() || l.Generation != 1 || !l.EnrolledAt.Equal(began) ||
			l.Hash != pki.Fingerprint(first) || l.Pin.Subject != "sub" || !l.NotAfter.Equal(first.NotAfter) || l.Authority == "" {
			t.Errorf("after a failure: %+v, %v", l, err)
		}
		if err := store.Line(ctx, tenant, cluster, func(l *pki.Line) error { l.Advance(first, second, now); return nil }); err != nil {
			t.Fatal(err)
		}
		l, err = store.State(ctx, tenant, cluster)
		if err != nil || l.Previous != first.SerialNumber.String() || l.Serial != second.SerialNumber.String() || l.Retried ||
			l.PrevHash != pki.Fingerprint(first) || l.Hash != pki.Fingerprint(second) {
			t.Errorf("advanced: %+v, %v", l, err)
		}
		issued, err := store.Issued(ctx, tenant, cluster, time.Now())
		if err != nil || len(issued) != 2 {
			t.Errorf("%d issued, %v", len(issued), err)
		}
		if late, err := store.Issued(ctx, tenant, cluster, time.Now().Add(pki.AgentLifetime)); err != nil || len(late) != 0 {
			t.Errorf("%d not expired, %v", len(late), err)
		}
	})
	t.Run("racing changes of one line follow each other", func(t *testing.T) {
		before, err := store.State(ctx, tenant, cluster)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := store.Line(ctx, tenant, cluster, func(l *pki.Line) error { l.Generation++; return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if l, err := store.State(ctx, tenant, cluster); err != nil || l.Generation != before.Generation+8 {
			t.Errorf("%d after %d, %v", l.Generation, before.Generation, err)
		}
	})
	t.Run("a cluster is behind until it holds the bundle and a certificate of the authority", func(t *testing.T) {
		is := func(version int64, keys []string, at time.Time) bool {
			all, err := store.Behind(ctx, at, version, keys)
			if err != nil {
				t.Error(err)
			}
			return slices.ContainsFunc(all, func(b authority.Behind) bool { return b.Cluster == cluster && b.Tenant == tenant })
		}
		now := time.Now()
		if !is(2, nil, now) {
			t.Error("not behind before it said anything")
		}
		var key string
		if err := store.Line(ctx, tenant, cluster, func(l *pki.Line) error { l.Bundle, key = 2, l.Authority; return nil }); err != nil {
			t.Fatal(err)
		}
		if is(2, nil, now) || is(2, []string{key, "aa"}, now) || !is(3, nil, now) || !is(2, []string{"aa"}, now) || is(3, nil, now.Add(pki.AgentLifetime)) {
			t.Errorf("behind: %v %v %v %v %v", is(2, nil, now), is(2, []string{key}, now), is(3, nil, now), is(2, []string{"aa"}, now), is(3, nil, now.Add(pki.AgentLifetime)))
		}
	})
	t.Run("a lock and a closing are kept", func(t *testing.T) {
		now := time.Now().Truncate(time.Microsecond)
		err := store.Line(ctx, tenant, cluster, func(l *pki.Line) error {
			l.LockedAt, l.LockReason, l.Closed = now, "two of them", "revoked"
			return nil
		})
		l, err2 := store.State(ctx, tenant, cluster)
		if err := errors.Join(err, err2); err != nil || !l.LockedAt.Equal(now) || l.LockReason != "two of them" || l.Closed != "revoked" {
			t.Errorf("%+v, %v", l, err)
		}
	})
	t.Run("a one-time token is used once however many try", func(t *testing.T) {
		id := uuid.NewString()
		won := make(chan bool, 8) // one for each
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				first, err := store.UseOTT(ctx, id, time.Now().Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				won <- first
			})
		}
		wg.Wait()
		close(won)
		n := 0
		for first := range won {
			if first {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d of 8 were first", n)
		}
	})
	t.Run("serials are recorded once", func(t *testing.T) {
		serial := uuid.NewString()
		if revoked, err := store.SerialRevoked(ctx, serial); err != nil || revoked {
			t.Errorf("revoked %v, %v", revoked, err)
		}
		for range 2 {
			if err := store.RevokeSerial(ctx, serial, "test", time.Now()); err != nil {
				t.Error(err)
			}
		}
		if revoked, err := store.SerialRevoked(ctx, serial); err != nil || !revoked {
			t.Errorf("revoked %v, %v", revoked, err)
		}
	})
	t.Run("a change of trust is kept whole or not at all, and apart from other trust domains'", func(t *testing.T) {
		const domain = "suite.kubechat.test"
		root, now := src.Roots()[0], time.Now().Truncate(time.Microsecond)
		change := func(t *pki.Trust) error {
			t.Version, t.Phase, t.Since, t.Root = 3, pki.Init, now, pki.Fingerprint(root)
			t.Add(root, pki.Active, now)
			t.Record("someone", "root.made", "%s", t.Root)
			return nil
		}
		failed := errors.New("failed")
		err := store.ChangeTrust(ctx, domain, func(t *pki.Trust) error { _ = change(t); return failed })
		if got, err2 := store.Trust(ctx, domain); !errors.Is(err, failed) || err2 != nil || got.Version != 0 || len(got.CAs) != 0 {
			t.Errorf("after a failure: %+v, %v, %v", got, err, err2)
		}
		for range 2 {
			if err := store.ChangeTrust(ctx, domain, change); err != nil {
				t.Fatal(err)
			}
		}
		err = store.ChangeTrust(ctx, domain, func(t *pki.Trust) error {
			t.Find(t.Root).Slot, t.Find(t.Root).Reason = pki.Tainted, "lost"
			return nil
		})
		got, err2 := store.Trust(ctx, domain)
		if err := errors.Join(err, err2); err != nil || got.Version != 3 || got.Phase != pki.Init || !got.Since.Equal(now) || len(got.CAs) != 1 ||
			!got.CAs[0].Certificate.Equal(root) || got.CAs[0].Slot != pki.Tainted || got.CAs[0].Reason != "lost" || len(got.Events) > 0 {
			t.Errorf("%+v, %v", got, err)
		}
		if other, err := store.Trust(ctx, "other.kubechat.test"); err != nil || other.Version != 0 || len(other.CAs) != 0 {
			t.Errorf("another trust domain's: %+v, %v", other, err)
		}
	})
	t.Run("racing changes of trust follow each other", func(t *testing.T) {
		const domain = "race.kubechat.test"
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := store.ChangeTrust(ctx, domain, func(t *pki.Trust) error { t.Version++; t.Phase = pki.Standby; return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got, err := store.Trust(ctx, domain); err != nil || got.Version != 8 {
			t.Errorf("version %d, %v", got.Version, err)
		}
	})
}

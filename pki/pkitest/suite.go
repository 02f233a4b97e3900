package pkitest

import (
	"crypto/x509"
	"errors"
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
		if err := store.Line(ctx, tenant, cluster, func(l *pki.Line) error { l.Enrol(first, now); return nil }); err != nil {
			t.Fatal(err)
		}
		failed := errors.New("failed")
		err := store.Line(ctx, tenant, cluster, func(l *pki.Line) error { l.Advance(first, second, now); return failed })
		if !errors.Is(err, failed) {
			t.Fatalf("got %v", err)
		}
		l, err := store.State(ctx, tenant, cluster)
		if err != nil || l.Serial != first.SerialNumber.String() || l.Generation != 1 || !l.EnrolledAt.Equal(now) {
			t.Errorf("after a failure: %+v, %v", l, err)
		}
		if err := store.Line(ctx, tenant, cluster, func(l *pki.Line) error { l.Advance(first, second, now); return nil }); err != nil {
			t.Fatal(err)
		}
		l, err = store.State(ctx, tenant, cluster)
		if err != nil || l.Previous != first.SerialNumber.String() || l.Serial != second.SerialNumber.String() || l.Retried {
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
	t.Run("serials and authorities are recorded once", func(t *testing.T) {
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
		ca := src.Roots()[0]
		for range 2 {
			if err := store.AddCA(ctx, "suite.kubechat.test", ca); err != nil {
				t.Error(err)
			}
		}
		cas, err := store.CAs(ctx, "suite.kubechat.test")
		if err != nil || len(cas) != 1 || !cas[0].Equal(ca) {
			t.Errorf("%d authorities, %v", len(cas), err)
		}
		if cas, err := store.CAs(ctx, "other.kubechat.test"); err != nil || containsCert(cas, ca) {
			t.Errorf("another trust domain's authority, %v", err)
		}
	})
}

func containsCert(certs []*x509.Certificate, c *x509.Certificate) bool {
	for _, x := range certs {
		if x.Equal(c) {
			return true
		}
	}
	return false
}

package gateway_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/pkitest"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel"
)

// cutWithin is the promise: from a revocation or a lock, on any replica, to the last byte of a stream on another. Tests
// on a busy machine are held to ten times that, and print what they saw.
const cutWithin = 5 * time.Second

// far is another replica that shares nothing in memory with r: it has connections of its own to the database.
func (r *rig) far(t *testing.T) *rig {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{DSN: r.db.DSN, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	other := &rig{db: &storetest.Database{DB: db, DSN: r.db.DSN}, keys: r.keys, people: r.people, admin: r.admin}
	other.start(t, nil)
	return other
}

// ticking answers with a byte every millisecond, for as long as somebody listens.
func ticking(w http.ResponseWriter, req *http.Request) {
	out := http.NewResponseController(w)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-req.Context().Done():
			return
		case <-tick.C:
			if _, err := w.Write([]byte(".")); err != nil || out.Flush() != nil {
				return
			}
		}
	}
}

// stream reads from the cluster until it is cut. It tells when the first byte came, then how it ended and when the last did.
func (r *rig) stream(t *testing.T, id cluster.ID) (flows <-chan struct{}, end <-chan cut) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/api/v1/namespaces/a/pods/b/log?follow=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.RoundTrip(r.admin, id, req)
	if err != nil {
		t.Fatal(err)
	}
	began, over := make(chan struct{}), make(chan cut, 1) // one end
	go func() {
		defer res.Body.Close()
		var c cut
		for buf := make([]byte, 64); ; {
			n, err := res.Body.Read(buf)
			if n > 0 {
				if c.last.IsZero() {
					close(began)
				}
				c.last = time.Now()
			}
			if err != nil {
				c.err = err
				over <- c
				return
			}
		}
	}()
	return began, over
}

type cut struct {
	last time.Time
	err  error
}

// TestCutsReachTheOtherReplica: of a cluster whose session, with a stream in it, is on one replica, something is decided
// on another one.
func TestCutsReachTheOtherReplica(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		decide func(t *testing.T, here *rig, id pki.Identity) error
		reason tunnel.Reason
	}{
		"a revocation": {func(t *testing.T, here *rig, id pki.Identity) error {
			_, err := here.clusters.Revoke(t.Context(), here.admin, cluster.ID(id.ID.Cluster))
			return err
		}, tunnel.ReasonRevoked},
		"a lock, seen in a renewal": {func(t *testing.T, here *rig, id pki.Identity) error {
			copied := id
			copied.Gateway = here.addr
			for range 2 { // the second may have been for an answer that was lost, the third can't
				_, csr := pkitest.Request(t)
				if _, err := renew.HTTP(nil)(t.Context(), copied, csr); err != nil {
					return err
				}
			}
			_, csr := pkitest.Request(t)
			if _, err := renew.HTTP(nil)(t.Context(), copied, csr); status(err) != http.StatusForbidden {
				t.Errorf("the copy: %v", err)
			}
			return nil
		}, tunnel.ReasonUnacceptable},
		"a lock, seen in a HELLO": {func(t *testing.T, here *rig, id pki.Identity) error {
			if _, err := here.dial(t.Context(), id, as("", "uid-elsewhere")); err == nil {
				t.Error("an identity from another cluster got a session")
			}
			return nil
		}, tunnel.ReasonUnacceptable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := newRig(t)
			there := here.far(t)
			joined, id := here.joined(t, "prod")
			a := there.agent(t, id, tunnel.Config{}, ticking)
			flows, end := there.stream(t, joined.ID)
			within(t, "the stream flows", patience, flows)
			began := time.Now()
			if err := c.decide(t, here, id); err != nil {
				t.Fatal(err)
			}
			within(t, "the session on the other replica ends", 10*cutWithin, a.Done())
			got := <-end
			if errors.Is(got.err, io.EOF) {
				t.Error("a stream that was cut looks complete")
			}
			took := got.last.Sub(began)
			t.Logf("%s to the last byte on the other replica: %s", name, took.Round(time.Millisecond))
			if took > 10*cutWithin {
				t.Errorf("it took %s", took)
			}
			var closed *tunnel.CloseError
			if !errors.As(a.Cause(), &closed) || closed.Reason != c.reason {
				t.Errorf("the agent was told %v, want %s", a.Cause(), c.reason)
			}
			if _, err := there.dial(t.Context(), id, tunnel.Config{}); err == nil {
				t.Error("it connects to the other replica again")
			}
		})
	}
}

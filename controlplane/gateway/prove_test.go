package gateway_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/authority"
	"github.com/kubechat/kubechat/pki/enroll"
	"github.com/kubechat/kubechat/pki/pkitest"
	"github.com/kubechat/kubechat/pki/renew"
	"github.com/kubechat/kubechat/tunnel"
)

// joinedIn is a cluster whose agent said which Kubernetes cluster it runs in.
func (r *rig) joinedIn(t *testing.T, name string, home *pkitest.Cluster) (cluster.Cluster, pki.Identity) {
	t.Helper()
	c, token := r.cluster(t, name)
	tok, err := pki.ParseJoinToken(token)
	if err != nil {
		t.Fatal(err)
	}
	id, err := enroll.Join(t.Context(), enroll.Config{Token: tok, KubeSystemUID: "uid-1", Own: home.Own(t)})
	if err != nil {
		t.Fatal(err)
	}
	return c, id
}

func as(token, uid string) tunnel.Config {
	return tunnel.Config{Hello: tunnel.Hello{Attrs: map[string]string{"service_account_token": token, "kube_system_uid": uid}}}
}

func refusedHello(t *testing.T, err error, says string) {
	t.Helper()
	var closed *tunnel.CloseError
	if !errors.As(err, &closed) || closed.Reason != tunnel.ReasonUnacceptable || !strings.Contains(closed.Detail, says) {
		t.Errorf("got %v", err)
	}
}

func TestStolenIdentityCutsTheSessionsAndWaitsForAnAdmin(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	home, elsewhere := pkitest.NewCluster(t), pkitest.NewCluster(t)
	c, id := r.joinedIn(t, "prod", home)
	a := r.agent(t, id, as(home.Token(t, nil), "uid-1"), hello)
	_, err := r.dial(t.Context(), id, as(elsewhere.Token(t, nil), "uid-1"))
	refusedHello(t, err, "Two parties hold")
	within(t, "the owner's own session is cut", patience, a.Done())
	_, err = r.dial(t.Context(), id, as(home.Token(t, nil), "uid-1"))
	if err == nil {
		t.Error("the owner connects to a locked cluster")
	}
	var locked []audit.Record
	eventually(t, "the tenant's record tells of it", func() bool {
		page, err := r.ledger.List(t.Context(), r.admin, audit.Query{Cluster: c.ID})
		locked = nil
		for _, rec := range page.Records {
			if rec.Action == "cluster.locked" {
				locked = append(locked, rec)
			}
		}
		return err == nil && len(locked) == 1
	})
	if !strings.Contains(locked[0].Detail, "another cluster's keys") {
		t.Errorf("recorded: %q", locked[0].Detail)
	}

	shown, err := r.clusters.Get(t.Context(), r.admin, c.ID)
	if err != nil || shown.LockedAt.IsZero() || !strings.Contains(shown.LockReason, "another cluster's keys") {
		t.Errorf("shown as locked at %s, %q, %v", shown.LockedAt, shown.LockReason, err)
	}
	viewer := r.member(t, "viewer@acme.test", tenant.Viewer, c.ID, cluster.GroupViewer)
	if _, err := r.clusters.Unlock(t.Context(), viewer, c.ID, false); err == nil {
		t.Error("a viewer unlocked it")
	}
	if shown, err = r.clusters.Unlock(t.Context(), r.admin, c.ID, false); err != nil || !shown.LockedAt.IsZero() || shown.LockReason != "" {
		t.Fatalf("unlocked: %+v %v", shown, err)
	}
	eventually(t, "the owner connects again", func() bool {
		s, err := r.dial(t.Context(), id, as(home.Token(t, nil), "uid-1"))
		if err != nil {
			return false
		}
		_ = s.Close()
		return true
	})
}

func TestIdentityOfAnotherKubernetesClusterIsLocked(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, id := r.joined(t, "prod")
	_, err := r.dial(t.Context(), id, as("", "uid-2"))
	refusedHello(t, err, "Two parties hold")
}

func TestAgentWhoseClusterDidNotSignItsTokenKeepsItsJoinToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, token := r.cluster(t, "prod")
	tok, err := pki.ParseJoinToken(token)
	if err != nil {
		t.Fatal(err)
	}
	own := pkitest.NewCluster(t).Own(t)
	own.ServiceAccountToken = pkitest.NewCluster(t).Token(t, nil)
	if _, err := enroll.Join(t.Context(), enroll.Config{Token: tok, KubeSystemUID: "uid-1", Own: own}); status(err) != 422 {
		t.Errorf("got %v", err)
	}
	if _, err := join(t.Context(), token); err != nil {
		t.Errorf("the token is used up: %v", err)
	}
}

func TestAgentLearnsWhomToBelieveAndIsSeenToHoldIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, id := r.joined(t, "prod")
	ask := renew.Trust(nil, nil)
	b, err := ask(t.Context(), id)
	if err != nil || b.Version != r.authority.Bundle().Version || len(b.Roots) != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
	if _, err := r.authority.PrepareRoot(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	if err := r.authority.Enter(t.Context(), "test", pki.Init, "", noOverride); err != nil {
		t.Fatal(err)
	}
	s, err := r.dial(t.Context(), id, tunnel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Peer().Attrs["trust_bundle"]; got != "2" {
		t.Errorf("HELLO_ACK names bundle %q", got)
	}
	_ = s.Close()
	if b, err = ask(t.Context(), id); err != nil || len(b.Roots) != 2 || b.Version != 2 {
		t.Fatalf("%+v, %v", b, err)
	}
	if wait, err := r.authority.Waiting(t.Context(), pki.UpdateClients); err != nil || len(wait.Behind) != 1 {
		t.Errorf("before it says so: %v, %v", wait, err)
	}
	if _, err := ask(t.Context(), id.WithBundle(b)); err != nil {
		t.Fatal(err)
	}
	if wait, err := r.authority.Waiting(t.Context(), pki.UpdateClients); err != nil || wait.Any() {
		t.Errorf("after: %v, %v", wait, err)
	}
}

func TestExpiredIdentityComesBackThroughTheGateway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c, _ := r.joined(t, "prod")
	old := r.expired(t, c)
	next, err := renew.Once(t.Context(), *old, renew.HTTP(nil), now)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.dial(t.Context(), next, tunnel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if _, err := renew.Once(t.Context(), *r.expired(t, c), renew.HTTP(nil), now); err != nil {
		t.Errorf("a second time, after it joined anew: %v", err)
	}
	if code, text := r.post(t, r.client(), pki.RenewPath, strings.NewReader(`{"csr":"x","proof":"a.b.c"}`)); code != 422 {
		t.Errorf("nonsense: %d %s", code, text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := renew.Once(ctx, *old, renew.HTTP(nil), now); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

var (
	now        = time.Now
	noOverride authority.Override
)

// expired is an identity on record that has just ended.
func (r *rig) expired(t *testing.T, c cluster.Cluster) *pki.Identity {
	t.Helper()
	named := pki.ClusterID(pkitest.TrustDomain, string(r.admin.Tenant), string(c.ID))
	id := r.forge(t, func(x *x509.Certificate) {
		x.URIs = []*url.URL{named.URL()}
		x.NotBefore, x.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(-2*time.Second)
	})
	id.Gateway = r.addr
	r.own(t, id)
	return id
}

package store_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/pki"
)

func TestAgentsWordsAreKeptWithTheirSession(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	admin, replica := storetest.Tenant(t, db.DB, "acme"), uuid.NewString()
	clusters, replicas := db.DB.Clusters(), db.DB.Replicas()
	if _, err := replicas.Beat(t.Context(), replica, "", cluster.Lease); err != nil {
		t.Fatal(err)
	}
	made, err := clusters.CreateCluster(t.Context(), admin, cluster.Cluster{ID: cluster.NewID(), Name: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	shown := func() cluster.Cluster {
		t.Helper()
		c, err := clusters.Cluster(t.Context(), admin.Tenant, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	open := func(session string, info cluster.SessionInfo) {
		t.Helper()
		if err := replicas.OpenSession(t.Context(), replica, cluster.SessionKey{Tenant: admin.Tenant, Cluster: made.ID, Session: session}, info); err != nil {
			t.Fatal(err)
		}
	}
	wrong, fine := "The agent may not impersonate users.", ""
	open("one", cluster.SessionInfo{Problem: &wrong, Trouble: "The proxy at p:3128 wants a password."})
	first := shown()
	if first.State != cluster.Degraded || first.Problem != wrong || first.Reason != "The agent reports: "+wrong {
		t.Errorf("with a problem: %+v", first)
	}
	open("two", cluster.SessionInfo{}) // an older agent says nothing about it
	if c := shown(); c.Problem != wrong {
		t.Errorf("after one that says nothing: %+v", c)
	}
	if err := clusters.SetProblem(t.Context(), admin.Tenant, made.ID, "Its policy can't be read."); err != nil {
		t.Fatal(err)
	}
	if c := shown(); c.Problem != "Its policy can't be read." || !c.Since.Equal(first.Since) {
		t.Errorf("with other words: %+v, since %s", c, first.Since)
	}
	if err := clusters.SetProblem(t.Context(), admin.Tenant, made.ID, fine); err != nil {
		t.Fatal(err)
	}
	if c := shown(); c.Problem != "" || c.State == cluster.Degraded {
		t.Errorf("mended: %+v", c)
	}
	all, err := clusters.Sessions(t.Context(), admin.Tenant, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if want := map[string]string{"one": "The proxy at p:3128 wants a password."}[x.ID]; x.Trouble != want {
			t.Errorf("session %s: %q", x.ID, x.Trouble)
		}
	}
}

func TestJoinTokenIsLookedAtWithoutBeingUsed(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	admin := storetest.Tenant(t, db.DB, "acme")
	service := cluster.New(cluster.Config{Store: db.DB.Clusters(), Mint: func() (string, []byte, error) {
		tok, err := pki.NewJoinToken("eu1", "127.0.0.1:1", [32]byte{})
		hash := tok.SecretHash()
		return string(hash[:]), hash[:], err
	}})
	made := func(name string) (cluster.Cluster, cluster.JoinToken, []byte) {
		t.Helper()
		c, err := service.Create(t.Context(), admin, name)
		if err != nil {
			t.Fatal(err)
		}
		token, hash, err := service.NewJoinToken(t.Context(), admin, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		return c, token, []byte(hash)
	}
	is := func(want cluster.TokenState, hash []byte) {
		t.Helper()
		for range 2 { // looking changes nothing
			if got, err := service.TokenState(t.Context(), hash); got != want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		}
	}
	_, _, used := made("used")
	is(cluster.TokenUnused, used)
	if _, _, err := service.Redeem(t.Context(), used, "uid"); err != nil {
		t.Fatal(err)
	}
	is(cluster.TokenUsed, used)
	c, token, revoked := made("revoked")
	if err := service.RevokeJoinToken(t.Context(), admin, c.ID, token.ID); err != nil {
		t.Fatal(err)
	}
	is(cluster.TokenRevoked, revoked)
	gone, _, void := made("gone")
	if _, err := service.Revoke(t.Context(), admin, gone.ID); err != nil {
		t.Fatal(err)
	}
	is(cluster.TokenClusterRevoked, void)
	if _, err := service.TokenState(t.Context(), make([]byte, 32)); !problem.Is(err, problem.NotFound) {
		t.Errorf("a token that nobody made: %v", err)
	}
}

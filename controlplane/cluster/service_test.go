package cluster_test

import (
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestClusterNamesAreLabelsAndUniqueInTheTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"", "-a", "a-", "A", "a.b", "a b", strings.Repeat("a", 64)} {
		if _, err := w.service.Create(t.Context(), w.admin, name); !problem.Is(err, problem.Invalid) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	c := w.create(t, "staging")
	if c.State != cluster.Pending || !c.Since.Equal(c.CreatedAt) || c.Region != "test" || c.Reason == "" {
		t.Errorf("new cluster: %+v", c)
	}
	if _, err := w.service.Create(t.Context(), w.admin, "staging"); !problem.Is(err, problem.Conflict) {
		t.Errorf("second of the same name: %v", err)
	}
	if _, err := w.service.Create(t.Context(), storetest.Tenant(t, w.DB, "other"), "staging"); err != nil {
		t.Errorf("same name in another tenant: %v", err)
	}
	if _, err := w.service.Revoke(t.Context(), w.admin, c.ID); err != nil {
		t.Fatal(err)
	}
	again := w.create(t, "staging")
	all, err := w.service.List(t.Context(), w.admin)
	if err != nil || len(all) != 2 || all[0].ID != again.ID || all[1].State != cluster.Revoked {
		t.Errorf("list = %+v, %v; want the new one, then the revoked one", all, err)
	}
}

func TestOnlyAdminsChangeClusters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	_, token, err := w.service.NewJoinToken(t.Context(), w.admin, c.ID)
	if err != nil || token == "" {
		t.Fatal(err)
	}
	for _, role := range []tenant.Role{tenant.User, tenant.Viewer, "", "root"} {
		scope := w.admin
		scope.Role = role
		calls := map[string]func() error{
			"create": func() error { _, err := w.service.Create(t.Context(), scope, "x"); return err },
			"revoke": func() error { _, err := w.service.Revoke(t.Context(), scope, c.ID); return err },
			"token":  func() error { _, _, err := w.service.NewJoinToken(t.Context(), scope, c.ID); return err },
			"tokens": func() error { _, err := w.service.JoinTokens(t.Context(), scope, c.ID); return err },
			"untoken": func() error {
				return w.service.RevokeJoinToken(t.Context(), scope, c.ID, string(tenant.NewID()))
			},
			"group": func() error {
				return w.service.SetGroup(t.Context(), scope, c.ID, scope.Member, cluster.GroupAdmin)
			},
		}
		for name, call := range calls {
			if err := call(); !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "tenant_admin") {
				t.Errorf("%s by %q: %v; want Forbidden that names who can", name, role, err)
			}
		}
	}
}

func TestNobodyHasAGroupUntilAnAdminGivesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	user := storetest.Member(t, w.DB, w.admin, "uma@acme.test", tenant.User)
	for _, scope := range []tenant.Scope{w.admin, user} {
		if g, err := w.service.Group(t.Context(), scope, c.ID); err != nil || g != cluster.GroupViewer {
			t.Errorf("%s is %q, %v; want viewer", scope.Email, g, err)
		}
	}
	if err := w.service.SetGroup(t.Context(), w.admin, c.ID, user.Member, cluster.GroupIndex); !problem.Is(err, problem.Invalid) {
		t.Errorf("the service's own group was given: %v", err)
	}
	if err := w.service.SetGroup(t.Context(), w.admin, c.ID, user.Member, cluster.GroupOperator); err != nil {
		t.Fatal(err)
	}
	if g, err := w.service.Group(t.Context(), user, c.ID); err != nil || g != cluster.GroupOperator {
		t.Errorf("after: %q, %v", g, err)
	}
	if mine, err := w.service.MyGroups(t.Context(), user); err != nil || mine[c.ID] != cluster.GroupOperator {
		t.Errorf("MyGroups = %v, %v", mine, err)
	}
	all, err := w.service.Groups(t.Context(), user, c.ID)
	if err != nil || len(all) != 2 || all[1].Group != cluster.GroupOperator || all[0].Group != cluster.GroupViewer {
		t.Errorf("Groups = %+v, %v", all, err)
	}
}

func TestRevokedClusterStaysRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create(t, "staging")
	_, token, err := w.service.NewJoinToken(t.Context(), w.admin, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	first, err := w.service.Revoke(t.Context(), w.admin, c.ID)
	if err != nil || first.State != cluster.Revoked {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := w.service.Revoke(t.Context(), w.admin, c.ID)
	if err != nil || !second.Since.Equal(first.Since) {
		t.Errorf("again: %+v, %v", second, err)
	}
	if err := w.service.Admit(t.Context(), w.admin.Tenant, c.ID); !problem.Is(err, problem.Conflict) {
		t.Errorf("admitted: %v", err)
	}
	if err := w.service.SessionOpened(t.Context(), w.admin.Tenant, c.ID, cluster.SessionInfo{ID: "s"}); !problem.Is(err, problem.Conflict) {
		t.Errorf("session opened: %v", err)
	}
	if _, _, err := w.service.NewJoinToken(t.Context(), w.admin, c.ID); !problem.Is(err, problem.Conflict) {
		t.Errorf("token made: %v", err)
	}
	if _, _, err := w.service.Redeem(t.Context(), hashOf(token), "uid"); !problem.Is(err, problem.Expired) {
		t.Errorf("token redeemed: %v", err)
	}
}

package access_test

import (
	"testing"

	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

func TestDecideIsTheWholeTableOfRolesAndGroups(t *testing.T) {
	t.Parallel()
	groups := []cluster.Group{cluster.GroupViewer, cluster.GroupOperator, cluster.GroupAdmin, cluster.GroupIndex, "", "root"}
	for _, role := range append([]tenant.Role{"", "root"}, tenant.Roles...) {
		for _, group := range groups {
			for _, read := range []bool{true, false} {
				err := access.Decide(access.Request{
					Scope: tenant.Scope{Tenant: "t", Member: "m", Role: role}, Group: group, IsRead: read,
					Target: access.Target(audit.Target{Cluster: "c", Verb: "get"}),
				})
				mayAsk := role.Valid() && (read || role != tenant.Viewer)
				if want := mayAsk && group.Valid(); (err == nil) != want {
					t.Errorf("role %q, group %q, read %v: %v", role, group, read, err)
				}
				if err != nil && (!problem.Is(err, problem.Forbidden) || problem.As(err).Code == "" || problem.As(err).Fix == "") {
					t.Errorf("role %q, group %q, read %v: %#v names no rule", role, group, read, err)
				}
			}
		}
	}
}

func TestZeroScopeMayDoNothing(t *testing.T) {
	t.Parallel()
	err := access.Decide(access.Request{Group: cluster.GroupAdmin, IsRead: true, Target: access.Target{Cluster: "c"}})
	if !problem.Is(err, problem.Forbidden) {
		t.Fatalf("got %v", err)
	}
}

package cluster

import (
	"context"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// MemberGroup is one member's group in a cluster.
type MemberGroup struct {
	Member tenant.MemberID
	Email  string
	Name   string
	Group  Group
}

// GroupStore keeps who is what in which cluster. Where nothing is kept, the group is viewer.
type GroupStore interface {
	Group(ctx context.Context, t tenant.ID, id ID, m tenant.MemberID) (Group, error)
	Groups(ctx context.Context, t tenant.ID, id ID) ([]MemberGroup, error)
	GroupsOf(ctx context.Context, t tenant.ID, m tenant.MemberID) (map[ID]Group, error)
	SetGroup(ctx context.Context, by tenant.Scope, id ID, m tenant.MemberID, g Group) error
}

// Group is what the scope's member is in a cluster: viewer, until a tenant_admin says otherwise. No role implies one.
func (s *Service) Group(ctx context.Context, scope tenant.Scope, id ID) (Group, error) {
	if !scope.Can(tenant.ReadClusters) {
		return "", onlyMembers
	}
	return s.store.Group(ctx, scope.Tenant, id, scope.Member)
}

// MyGroups is Group for every cluster in which it is not viewer.
func (s *Service) MyGroups(ctx context.Context, scope tenant.Scope) (map[ID]Group, error) {
	if !scope.Can(tenant.ReadClusters) {
		return nil, onlyMembers
	}
	return s.store.GroupsOf(ctx, scope.Tenant, scope.Member)
}

// Groups returns every active member's group in a cluster, by e-mail address.
func (s *Service) Groups(ctx context.Context, scope tenant.Scope, id ID) ([]MemberGroup, error) {
	if !scope.Can(tenant.ReadMembers) {
		return nil, problem.New(problem.Forbidden, "A tenant_viewer may not see other members' groups.").
			WithFix("Ask a tenant_admin for the role tenant_user.")
	}
	return s.store.Groups(ctx, scope.Tenant, id)
}

// SetGroup gives a member a group in one cluster, from their next request on.
func (s *Service) SetGroup(ctx context.Context, scope tenant.Scope, id ID, member tenant.MemberID, g Group) error {
	if !scope.Can(tenant.ManageGroups) {
		return onlyAdmins("give groups")
	}
	if !g.Valid() {
		return problem.New(problem.Invalid, "A group is viewer, operator or admin.")
	}
	return s.store.SetGroup(ctx, scope, id, member, g)
}

package httpapi

import (
	"context"
	"net/http"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Groups is the part of Clusters about what members are in a cluster.
type Groups interface {
	Group(ctx context.Context, scope tenant.Scope, id cluster.ID) (cluster.Group, error)
	MyGroups(ctx context.Context, scope tenant.Scope) (map[cluster.ID]cluster.Group, error)
	Groups(ctx context.Context, scope tenant.Scope, id cluster.ID) ([]cluster.MemberGroup, error)
	SetGroup(ctx context.Context, scope tenant.Scope, id cluster.ID, member tenant.MemberID, g cluster.Group) error
}

// MemberGroup is what one member is in a cluster.
type MemberGroup struct {
	Member Person        `json:"member"`
	Group  cluster.Group `json:"group" enum:"viewer,operator,admin"`
}

func viewMemberGroup(g cluster.MemberGroup) MemberGroup {
	return MemberGroup{Person{g.Member, g.Name, g.Email}, g.Group}
}

type setGroupInput struct {
	ClusterPath
	Member tenant.MemberID `path:"member" maxLength:"64"`
	Body   struct {
		Group cluster.Group `json:"group" enum:"viewer,operator,admin"`
	}
}

func (a *API) registerGroups() {
	member(a, op{
		id: "list-groups", method: http.MethodGet, path: "/clusters/{c}/groups", tag: "clusters", action: tenant.ReadMembers,
		summary: "What each member is in a cluster",
	}, func(ctx context.Context, scope tenant.Scope, in *ClusterPath) (*body[list[MemberGroup]], error) {
		gs, err := a.clusters.Groups(ctx, scope, in.Cluster)
		return listOf(gs, viewMemberGroup), err
	})
	member(a, op{
		id: "set-group", method: http.MethodPut, path: "/clusters/{c}/groups/{member}", tag: "clusters",
		action: tenant.ManageGroups, summary: "Give a member a group in a cluster, from their next request on",
	}, func(ctx context.Context, scope tenant.Scope, in *setGroupInput) (*empty, error) {
		return &empty{}, a.clusters.SetGroup(ctx, scope, in.Cluster, in.Member, in.Body.Group)
	})
}

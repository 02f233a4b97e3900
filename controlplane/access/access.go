// Package access holds the one decision on whether a member may have a request made to a cluster. Chat and the kubectl
// path both ask Decide, before anything is sent; policies, grants and quotas will join it there. It grants nothing
// inside the cluster: that is decided by the cluster's own RBAC, for the member's group.
package access

import (
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Request is what is to be decided on.
type Request struct {
	Scope  tenant.Scope
	Group  cluster.Group // the member's in this cluster
	IsRead bool          // as kubereq.Info.IsRead says
	Target Target
}

// Target is what the request is about, field by field audit.Target, which converts to it.
type Target struct {
	Cluster     cluster.ID
	Verb        string
	APIGroup    string
	Resource    string
	Subresource string
	Namespace   string
	Name        string
	Path        string
}

// The rules, as Decide names them in a problem's code.
const (
	RuleMember  = "not_a_member"
	RuleRead    = "role_may_not_ask"
	RuleChanges = "role_may_not_change"
	RuleGroup   = "no_group"
)

// Decide returns nil, or a problem.Forbidden that names the rule and the way out.
func Decide(r Request) error {
	switch {
	case r.Scope.Tenant == "" || r.Scope.Member == "" || r.Target.Cluster == "":
		return problem.New(problem.Forbidden, "Only a member of the tenant may use its clusters.").WithCode(RuleMember)
	case r.IsRead && !r.Scope.Can(tenant.Ask):
		return forbidden(r.Scope, RuleRead, "may not ask a cluster anything")
	case !r.IsRead && !r.Scope.Can(tenant.RunChanges):
		return forbidden(r.Scope, RuleChanges, "may only read, and this is a change (so are exec, port-forward, and reading Secrets)")
	case !r.Group.Valid():
		return problem.New(problem.Forbidden, "You have no group in this cluster.").WithCode(RuleGroup).
			WithFix("Ask a tenant_admin to give you one.")
	}
	return nil
}

func forbidden(s tenant.Scope, rule, what string) error {
	role := string(s.Role)
	if !s.Role.Valid() {
		role = "member without a role"
	}
	return problem.Newf(problem.Forbidden, "A %s %s.", role, what).WithCode(rule).
		WithFix("Ask a tenant_admin for the role tenant_user.")
}

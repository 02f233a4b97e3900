package httpapi

import (
	"context"
	"net/http"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Accounts is the domain of tenants and members: package account.
type Accounts interface {
	Tenant(ctx context.Context, scope tenant.Scope) (account.Tenant, error)
	MemberList
}

// MemberList is the part of Accounts about members.
type MemberList interface {
	List(ctx context.Context, scope tenant.Scope) ([]account.Member, error)
	Create(ctx context.Context, scope tenant.Scope, n account.NewMember) (account.Member, error)
	SetRole(ctx context.Context, scope tenant.Scope, id tenant.MemberID, role tenant.Role) (account.Member, error)
	Deactivate(ctx context.Context, scope tenant.Scope, id tenant.MemberID) (account.Member, error)
}

// Me is the caller in the organisation.
type Me struct {
	Person
	Role    tenant.Role     `json:"role" enum:"tenant_admin,tenant_user,tenant_viewer"`
	Actions []tenant.Action `json:"actions" doc:"What this role may do; pages show or hide controls by it."`
}

// TenantPage is the organisation with the caller in it.
type TenantPage struct {
	Tenant
	Me   Me   `json:"me"`
	Demo bool `json:"demo" doc:"This is a demonstration: nothing here is production."`
}

func (a *API) registerTenant() {
	member(a, op{
		id: "get-tenant", method: http.MethodGet, path: "", tag: "tenant", action: tenant.ReadTenant,
		summary: "The organisation, and the caller in it",
	}, func(ctx context.Context, scope tenant.Scope, _ *InTenant) (*body[TenantPage], error) {
		t, err := a.accounts.Tenant(ctx, scope)
		if err != nil {
			return nil, err
		}
		me := Me{Person{scope.Member, scope.Name, scope.Email}, scope.Role, scope.Allowed()}
		return &body[TenantPage]{TenantPage{Tenant{t.ID, t.Slug, t.Name}, me, a.demo}}, nil
	})
}

package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Member is one member of the organisation.
type Member struct {
	Person
	Role          tenant.Role `json:"role" enum:"tenant_admin,tenant_user,tenant_viewer"`
	Active        bool        `json:"active"`
	CreatedAt     time.Time   `json:"createdAt"`
	DeactivatedAt *time.Time  `json:"deactivatedAt,omitempty"`
}

func viewMember(m account.Member) Member {
	return Member{Person{m.ID, m.Name, m.Email}, m.Role, m.Active(), m.CreatedAt.UTC(), timePtr(m.DeactivatedAt)}
}

type newMemberInput struct {
	InTenant
	Idempotent
	Body struct {
		Email string      `json:"email" minLength:"3" maxLength:"254"`
		Name  string      `json:"name" minLength:"1" maxLength:"100"`
		Role  tenant.Role `json:"role" enum:"tenant_admin,tenant_user,tenant_viewer"`
	}
}

// MemberPath is embedded in the input of every operation on one member.
type MemberPath struct {
	InTenant
	ID tenant.MemberID `path:"id" maxLength:"64"`
}

type changeMemberInput struct {
	MemberPath
	Body struct {
		Role tenant.Role `json:"role" enum:"tenant_admin,tenant_user,tenant_viewer"`
	}
}

func (a *API) registerMembers() {
	member(a, op{
		id: "list-members", method: http.MethodGet, path: "/members", tag: "members", action: tenant.ReadMembers,
		summary: "Everybody in the organisation, those who left as well",
	}, func(ctx context.Context, scope tenant.Scope, _ *InTenant) (*body[list[Member]], error) {
		ms, err := a.accounts.List(ctx, scope)
		return listOf(ms, viewMember), err
	})
	creates(a, op{
		id: "create-member", method: http.MethodPost, path: "/members", tag: "members", action: tenant.ManageMembers,
		summary: "Add a member; they are a viewer in every cluster", status: http.StatusCreated,
	}, func(ctx context.Context, scope tenant.Scope, in *newMemberInput) (Member, error) {
		m, err := a.accounts.Create(ctx, scope, account.NewMember{Email: in.Body.Email, Name: in.Body.Name, Role: in.Body.Role})
		return viewMember(m), err
	})
	member(a, op{
		id: "change-member", method: http.MethodPatch, path: "/members/{id}", tag: "members", action: tenant.ManageMembers,
		summary: "Change a member's role, from their next request on",
	}, func(ctx context.Context, scope tenant.Scope, in *changeMemberInput) (*body[Member], error) {
		m, err := a.accounts.SetRole(ctx, scope, in.ID, in.Body.Role)
		return &body[Member]{viewMember(m)}, err
	})
	member(a, op{
		id: "remove-member", method: http.MethodDelete, path: "/members/{id}", tag: "members", action: tenant.ManageMembers,
		summary: "End a membership: the member's logins and tokens stop working at once; their records stay",
	}, func(ctx context.Context, scope tenant.Scope, in *MemberPath) (*empty, error) {
		_, err := a.accounts.Deactivate(ctx, scope, in.ID)
		return &empty{}, err
	})
}

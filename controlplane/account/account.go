// Package account is the domain of tenants and their members: who belongs to a tenant, in which role, and since when
// not any more. How a person proves who they are is package signin's business; what a member is inside one cluster is
// package cluster's. Start at Service.
package account

import (
	"context"
	"net/mail"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Tenant is an organisation.
type Tenant struct {
	ID        tenant.ID
	Slug      string // its name in URLs, never changed
	Name      string
	CreatedAt time.Time
}

// Member is a person's membership in one tenant.
type Member struct {
	ID            tenant.MemberID
	Email         string // lower case, unique in the tenant
	Name          string
	Role          tenant.Role
	CreatedAt     time.Time
	DeactivatedAt time.Time // zero while active
}

// Active tells whether the member may act at all.
func (m Member) Active() bool { return m.DeactivatedAt.IsZero() }

// NewTenant is what a tenant begins with: its first member is a tenant_admin.
type NewTenant struct {
	Slug       string
	Name       string
	AdminEmail string
	AdminName  string
}

// NewMember is a member to be.
type NewMember struct {
	Email string
	Name  string
	Role  tenant.Role
}

// Store keeps tenants and members. What changes something writes its audit record in the same transaction.
// Implementations answer problem.NotFound for another tenant's ids.
type Store interface {
	// CreateTenant is problem.Conflict when the slug is taken.
	CreateTenant(ctx context.Context, t Tenant, admin Member) (Tenant, Member, error)
	FindTenant(ctx context.Context, slug string) (tenant.ID, error)
	Tenant(ctx context.Context, id tenant.ID) (Tenant, error)
	MemberStore
}

// MemberStore is the part of Store about the members of one tenant.
type MemberStore interface {
	// CreateMember is problem.Conflict when the e-mail address is a member's already.
	CreateMember(ctx context.Context, by tenant.Scope, m Member) (Member, error)
	Member(ctx context.Context, id tenant.ID, m tenant.MemberID) (Member, error)
	MemberByEmail(ctx context.Context, id tenant.ID, email string) (Member, error)
	Members(ctx context.Context, id tenant.ID) ([]Member, error)
	// SetRole and Deactivate are problem.Conflict when no active tenant_admin would be left.
	SetRole(ctx context.Context, by tenant.Scope, m tenant.MemberID, role tenant.Role) (Member, error)
	Deactivate(ctx context.Context, by tenant.Scope, m tenant.MemberID) (Member, error)
}

// Config is what a Service is made of.
type Config struct {
	Store Store
}

// Service is the domain. Its methods are safe for concurrent use.
type Service struct {
	store Store
}

// New makes a Service.
func New(c Config) *Service { return &Service{store: c.Store} }

// CreateTenant makes a tenant with its first admin. It is the provider's operation and has no scope: its callers are
// the demo and `kubechatd bootstrap`, never a request of a member.
func (s *Service) CreateTenant(ctx context.Context, n NewTenant) (Tenant, Member, error) {
	if !tenant.ValidSlug(n.Slug) {
		return Tenant{}, Member{}, problem.New(problem.Invalid,
			"A tenant's slug is 3 to 40 of a-z, 0-9 and '-', starts with a letter and ends with a letter or digit.")
	}
	name, err := validName("The tenant's name", n.Name)
	if err != nil {
		return Tenant{}, Member{}, err
	}
	admin, err := newMember(NewMember{Email: n.AdminEmail, Name: n.AdminName, Role: tenant.Admin})
	if err != nil {
		return Tenant{}, Member{}, err
	}
	return s.store.CreateTenant(ctx, Tenant{ID: tenant.NewID(), Slug: n.Slug, Name: name}, admin)
}

// FindTenant turns a slug into a tenant's id, before anybody is known: callers decide afterwards whether who asks may
// know that it exists.
func (s *Service) FindTenant(ctx context.Context, slug string) (tenant.ID, error) {
	if !tenant.ValidSlug(slug) {
		return "", noTenant
	}
	return s.store.FindTenant(ctx, slug)
}

// Scope is what a member may do at this moment. It is problem.NotFound when they are no active member: a scope is
// never made for someone who has left.
func (s *Service) Scope(ctx context.Context, id tenant.ID, member tenant.MemberID) (tenant.Scope, error) {
	t, err := s.store.Tenant(ctx, id)
	if err != nil {
		return tenant.Scope{}, err
	}
	m, err := s.store.Member(ctx, id, member)
	if err != nil {
		return tenant.Scope{}, err
	}
	if !m.Active() {
		return tenant.Scope{}, noMember
	}
	return tenant.Scope{Tenant: t.ID, Slug: t.Slug, Member: m.ID, Email: m.Email, Name: m.Name, Role: m.Role}, nil
}

// Tenant is the scope's own.
func (s *Service) Tenant(ctx context.Context, scope tenant.Scope) (Tenant, error) {
	if !scope.Can(tenant.ReadTenant) {
		return Tenant{}, problem.New(problem.Forbidden, "Only members may see the tenant.")
	}
	return s.store.Tenant(ctx, scope.Tenant)
}

// Create adds a member. They are a viewer in every cluster until an admin says otherwise.
func (s *Service) Create(ctx context.Context, scope tenant.Scope, n NewMember) (Member, error) {
	if !scope.Can(tenant.ManageMembers) {
		return Member{}, onlyAdmins("add members")
	}
	m, err := newMember(n)
	if err != nil {
		return Member{}, err
	}
	return s.store.CreateMember(ctx, scope, m)
}

// Get returns one member. Everybody may see themselves.
func (s *Service) Get(ctx context.Context, scope tenant.Scope, id tenant.MemberID) (Member, error) {
	if id != scope.Member && !scope.Can(tenant.ReadMembers) {
		return Member{}, cannotSeeMembers
	}
	return s.store.Member(ctx, scope.Tenant, id)
}

// FindByEmail returns the member with the address, in any case of letters.
func (s *Service) FindByEmail(ctx context.Context, scope tenant.Scope, email string) (Member, error) {
	if !scope.Can(tenant.ReadMembers) {
		return Member{}, cannotSeeMembers
	}
	return s.store.MemberByEmail(ctx, scope.Tenant, strings.ToLower(email))
}

// List returns every member, those who left as well, by e-mail address.
func (s *Service) List(ctx context.Context, scope tenant.Scope) ([]Member, error) {
	if !scope.Can(tenant.ReadMembers) {
		return nil, cannotSeeMembers
	}
	return s.store.Members(ctx, scope.Tenant)
}

// SetRole changes what a member may do in the tenant, from their next request on.
func (s *Service) SetRole(ctx context.Context, scope tenant.Scope, id tenant.MemberID, role tenant.Role) (Member, error) {
	if !scope.Can(tenant.ManageMembers) {
		return Member{}, onlyAdmins("change roles")
	}
	if !role.Valid() {
		return Member{}, invalidRole
	}
	return s.store.SetRole(ctx, scope, id, role)
}

// Deactivate ends a membership: no scope is made for it any more. The member's records stay.
func (s *Service) Deactivate(ctx context.Context, scope tenant.Scope, id tenant.MemberID) (Member, error) {
	if !scope.Can(tenant.ManageMembers) {
		return Member{}, onlyAdmins("remove members")
	}
	return s.store.Deactivate(ctx, scope, id)
}

var (
	noTenant         = problem.New(problem.NotFound, "No such tenant.")
	noMember         = problem.New(problem.NotFound, "No such member.")
	invalidRole      = problem.New(problem.Invalid, "A role is tenant_admin, tenant_user or tenant_viewer.")
	cannotSeeMembers = problem.New(problem.Forbidden, "A tenant_viewer may not see other members.").
				WithFix("Ask a tenant_admin for the role tenant_user.")
)

func onlyAdmins(do string) error {
	return problem.Newf(problem.Forbidden, "Only a tenant_admin may %s.", do).WithFix("Ask a tenant_admin of this tenant.")
}

func newMember(n NewMember) (Member, error) {
	email := strings.ToLower(strings.TrimSpace(n.Email))
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email || len(email) > 254 {
		return Member{}, problem.New(problem.Invalid, "That is not an e-mail address.")
	}
	name, err := validName("The member's name", n.Name)
	if err != nil {
		return Member{}, err
	}
	if !n.Role.Valid() {
		return Member{}, invalidRole
	}
	return Member{ID: tenant.NewMemberID(), Email: email, Name: name, Role: n.Role}, nil
}

// validName keeps control characters out: names are shown in terminals and pages.
func validName(what, name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 100 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", problem.Newf(problem.Invalid, "%s must be 1 to 100 characters on one line.", what)
	}
	return name, nil
}

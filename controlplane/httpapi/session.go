package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// SignIn knows who asks: package signin.
type SignIn interface {
	// Scope is problem.Unauthenticated for nobody, and problem.NotFound for somebody from elsewhere.
	Scope(r *http.Request, slug string) (tenant.Scope, error)
	// Check reports whether a scope still holds.
	Check(ctx context.Context, scope tenant.Scope) error
	// Refresh may give the browser a new secret for its login.
	Refresh(w http.ResponseWriter, r *http.Request, scope tenant.Scope) error
	Logins
}

// Logins is the part of SignIn about signing in and out.
type Logins interface {
	Holders(r *http.Request) ([]login.Holder, error)
	SignInWithToken(w http.ResponseWriter, r *http.Request, secret login.Secret) (login.Holder, error)
	SignOut(w http.ResponseWriter, r *http.Request, scope tenant.Scope) error
}

// Tenant names an organisation.
type Tenant struct {
	ID   tenant.ID `json:"id"`
	Slug string    `json:"slug"`
	Name string    `json:"name"`
}

// Person names a member.
type Person struct {
	ID    tenant.MemberID `json:"id"`
	Name  string          `json:"name"`
	Email string          `json:"email"`
}

// SessionLogin is one organisation that a browser, or a token, can act in.
type SessionLogin struct {
	Tenant Tenant      `json:"tenant"`
	Member Person      `json:"member"`
	Role   tenant.Role `json:"role" enum:"tenant_admin,tenant_user,tenant_viewer"`
}

// Session is every organisation that this browser is signed in to.
type Session struct {
	Logins []SessionLogin `json:"logins"`
}

func viewHolders(hs ...login.Holder) *body[Session] {
	v := Session{Logins: make([]SessionLogin, 0, len(hs))}
	for _, h := range hs {
		v.Logins = append(v.Logins, SessionLogin{
			Tenant: Tenant{h.Scope.Tenant, h.Scope.Slug, h.TenantName},
			Member: Person{h.Scope.Member, h.Scope.Name, h.Scope.Email}, Role: h.Scope.Role,
		})
	}
	return &body[Session]{v}
}

type signInInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"200" doc:"An API token, or the single-use one an admin got."`
	}
}

func (a *API) registerSession() {
	anybody(a, huma.Operation{
		OperationID: "get-session", Method: http.MethodGet, Path: "/session", Tags: []string{"session"},
		Summary: "Every organisation this browser is signed in to",
	}, func(ctx context.Context, _ *struct{}) (*body[Session], error) {
		hs, err := a.signIn.Holders(httpOf(ctx).r)
		return viewHolders(hs...), err
	})
	anybody(a, huma.Operation{
		OperationID: "sign-in", Method: http.MethodPost, Path: "/session", Tags: []string{"session"},
		Summary: "Sign this browser in by an API token",
	}, func(ctx context.Context, in *signInInput) (*body[Session], error) {
		p := httpOf(ctx)
		h, err := a.signIn.SignInWithToken(p.w, p.r, login.Secret(in.Body.Token))
		if err != nil {
			return nil, err
		}
		return viewHolders(h), nil
	})
	member(a, op{
		id: "sign-out", method: http.MethodDelete, path: "/session", tag: "session", action: tenant.ReadTenant,
		summary: "End this browser's login in the organisation",
	}, func(ctx context.Context, scope tenant.Scope, _ *InTenant) (*empty, error) {
		p := httpOf(ctx)
		return &empty{}, a.signIn.SignOut(p.w, p.r, scope)
	})
}

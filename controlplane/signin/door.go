package signin

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// A Door is one attempt to get in: it holds what the person showed, and says which member that proves.
type Door interface {
	Enter(ctx context.Context) (login.Holder, error)
}

// TokenDoor lets in whoever shows a valid API token. A single-use token is consumed when the login opens.
func (s *Service) TokenDoor(secret login.Secret) Door { return tokenDoor{s, secret} }

type tokenDoor struct {
	service *Service
	secret  login.Secret
}

// Enter resolves the token.
func (d tokenDoor) Enter(ctx context.Context) (login.Holder, error) {
	return d.service.tokenHolder(ctx, d.secret)
}

// SignIn opens a login through the door and sets its cookie. A login this browser already had in the same tenant is
// ended, so that nobody can be made to go on with a login that someone else knows.
func (s *Service) SignIn(w http.ResponseWriter, r *http.Request, door Door) (login.Holder, error) {
	ctx := r.Context()
	h, err := door.Enter(ctx)
	if err != nil {
		return login.Holder{}, err
	}
	now := s.now()
	secret := login.NewLoginSecret()
	l := login.Login{
		ID: newID(), CreatedAt: now, SeenAt: now, RotatedAt: now, ExpiresAt: now.Add(login.Absolute), Role: h.Scope.Role,
	}
	if h.Token.ID != "" && h.Token.ExpiresAt.Before(l.ExpiresAt) && !h.Token.SingleUse {
		l.ExpiresAt = h.Token.ExpiresAt // a login must not outlive the token it came from
	}
	from := Opened{Token: h.Token.ID, SingleUse: h.Token.SingleUse}
	h.Scope.Login, h.Scope.Via = l.ID, tenant.ViaWeb
	if err := s.store.OpenLogin(ctx, h.Scope, l, secret.Hash(), from); err != nil {
		return login.Holder{}, fmt.Errorf("open login: %w", err)
	}
	for _, old := range s.cookieHolders(r) {
		if old.err == nil && old.live && old.holder.Scope.Tenant == h.Scope.Tenant {
			if err := s.store.EndLogin(ctx, old.holder.Scope, old.holder.Login.ID, now); err != nil {
				s.log.WarnContext(ctx, "earlier login not ended", "login", old.holder.Login.ID, "error", err)
			}
		}
	}
	s.setCookie(w, h.Scope.Tenant, secret)
	h.Login, h.Token = l, login.Token{}
	s.log.InfoContext(ctx, "signed in", "tenant", h.Scope.Tenant, "member", h.Scope.Member, "login", l.ID)
	return h, nil
}

// SignOut ends the login, here and now, and takes the cookie back.
func (s *Service) SignOut(w http.ResponseWriter, r *http.Request, scope tenant.Scope) error {
	if scope.Via != tenant.ViaWeb {
		return problem.New(problem.Invalid, "There is no login to end: this request came with an API token.").
			WithFix("Revoke the token instead.")
	}
	if err := s.store.EndLogin(r.Context(), scope, scope.Login, s.now()); err != nil {
		return fmt.Errorf("end login: %w", err)
	}
	http.SetCookie(w, s.cookie(scope.Tenant, "", -1))
	return nil
}

// Refresh gives the login a new secret when its member's role has changed since the last one, so that a secret never
// spans two privileges.
func (s *Service) Refresh(w http.ResponseWriter, r *http.Request, scope tenant.Scope) error {
	if scope.Via != tenant.ViaWeb {
		return nil
	}
	for _, f := range s.cookieHolders(r) {
		if f.err != nil || !f.live || f.holder.Login.ID != scope.Login || f.holder.Login.Role == scope.Role {
			continue
		}
		secret := login.NewLoginSecret()
		changed, err := s.store.RotateLogin(r.Context(), scope.Tenant, scope.Login, Rotation{
			Old: s.cookieSecret(r, scope.Tenant).Hash(), New: secret.Hash(), Role: scope.Role, At: s.now(),
		})
		if err != nil {
			return fmt.Errorf("rotate login: %w", err)
		}
		if changed {
			s.setCookie(w, scope.Tenant, secret)
		}
	}
	return nil
}

// cookieName is one name per tenant. The last twelve hex digits of a UUIDv7 are random; its first are a clock.
func (s *Service) cookieName(t tenant.ID) string {
	hex := strings.ReplaceAll(string(t), "-", "")
	return s.cookiePrefix() + hex[max(0, len(hex)-12):]
}

func (s *Service) cookiePrefix() string {
	if s.secure {
		return "__Host-kc_"
	}
	return "kc_"
}

func (s *Service) isLoginCookie(name string) bool {
	return len(name) == len(s.cookiePrefix())+12 && strings.HasPrefix(name, s.cookiePrefix())
}

func (s *Service) cookieSecret(r *http.Request, t tenant.ID) login.Secret {
	c, err := r.Cookie(s.cookieName(t))
	if err != nil {
		return ""
	}
	return login.Secret(c.Value)
}

func (s *Service) setCookie(w http.ResponseWriter, t tenant.ID, secret login.Secret) {
	http.SetCookie(w, s.cookie(t, secret.Reveal(), int(login.Absolute.Seconds())))
}

func (s *Service) cookie(t tenant.ID, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: s.cookieName(t), Value: value, Path: "/", MaxAge: maxAge,
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// SignInWithToken is SignIn through the TokenDoor.
func (s *Service) SignInWithToken(w http.ResponseWriter, r *http.Request, secret login.Secret) (login.Holder, error) {
	return s.SignIn(w, r, s.TokenDoor(secret))
}

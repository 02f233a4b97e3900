// Package signin is the door: it turns a request into a tenant.Scope, and a proof of who someone is into a login.
// A browser holds one cookie per tenant, so that two tabs can be in two tenants; a program holds an API token. Both
// are read again at each use, so a changed role, a sign-out or a revocation counts from the next request on. OIDC,
// SAML and passkeys will each be one more Door. Start at Service.Scope.
package signin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Store keeps logins and API tokens. What does not exist is a problem.NotFound.
type Store interface {
	LoginHolder(ctx context.Context, hash []byte) (login.Holder, error)
	TokenHolder(ctx context.Context, hash []byte) (login.Holder, error)
	LoginByID(ctx context.Context, t tenant.ID, id string) (login.Holder, error)
	TokenByID(ctx context.Context, t tenant.ID, id string) (login.Holder, error)

	// OpenLogin keeps a new login. A single-use token it came from is consumed with it; OpenLogin fails with
	// problem.Unauthenticated when somebody else has been faster.
	OpenLogin(ctx context.Context, scope tenant.Scope, l login.Login, hash []byte, from Opened) error
	TouchLogin(ctx context.Context, t tenant.ID, id string, at time.Time) error
	// RotateLogin changes the secret, unless another request has just done so.
	RotateLogin(ctx context.Context, t tenant.ID, id string, change Rotation) (bool, error)
	EndLogin(ctx context.Context, scope tenant.Scope, id string, at time.Time) error
	TouchToken(ctx context.Context, t tenant.ID, id string, at time.Time) error

	CreateToken(ctx context.Context, scope tenant.Scope, tok login.Token, hash []byte) error
	Tokens(ctx context.Context, scope tenant.Scope) ([]login.Token, error)
	RevokeToken(ctx context.Context, scope tenant.Scope, id string, at time.Time) error
}

// Rotation is one change of a login's secret; Opened is what a login came from.
type (
	Rotation = login.Rotation
	Opened   = login.Opened
)

// Config is what a Service needs.
type Config struct {
	Store Store
	// Secure says that browsers reach us by https. Only then can a cookie carry the __Host- prefix; without it we are
	// on a loopback address, where Chromium refuses such cookies.
	Secure bool
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: discards
}

// Service knows who is asking.
type Service struct {
	store  Store
	secure bool
	now    func() time.Time
	log    *slog.Logger
}

// New builds a Service.
func New(cfg Config) *Service {
	s := &Service{store: cfg.Store, secure: cfg.Secure, now: cfg.Now, log: cfg.Log}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// These are made once: an answer to one tenant's name must equal the answer to any other.
var (
	errNoLogin = problem.New(problem.Unauthenticated, "You are not signed in.").WithCode("not_signed_in").
			WithFix("Sign in, or send a valid API token.")
	errLoginOver = problem.New(problem.Unauthenticated, "Your login has ended.").WithCode("login_ended").
			WithFix("Sign in again; what you were doing is kept.")
	errBadToken = problem.New(problem.Unauthenticated, "This API token is not valid.").WithCode("token_invalid").
			WithFix("Make a new token under Settings, or ask an admin of your organisation.")
	errSingleUse = problem.New(problem.Unauthenticated, "This API token is for signing in once, and for nothing else.").
			WithCode("token_single_use").WithFix("Sign in with it, then make an API token of your own.")
	errNoTenant = problem.New(problem.NotFound, "There is nothing here, or it is not yours to see.")
)

// Scope says who asks for the tenant with that slug: by API token if the request carries one, else by login. A caller
// who is somebody, but not in this tenant, learns nothing: problem.NotFound, as for a tenant that does not exist.
func (s *Service) Scope(r *http.Request, slug string) (tenant.Scope, error) {
	if _, ok := bearer(r); ok {
		return s.Bearer(r, slug)
	}
	somebody := false
	over := false
	for _, h := range s.cookieHolders(r) {
		switch {
		case h.err != nil:
			return tenant.Scope{}, h.err
		case h.live && h.holder.Scope.Slug == slug:
			return h.holder.Scope, nil
		case h.live:
			somebody = true
		case h.holder.Scope.Slug == slug:
			over = true // told only to someone who once had a login here
		}
	}
	switch {
	case over:
		return tenant.Scope{}, errLoginOver
	case somebody:
		return tenant.Scope{}, errNoTenant
	}
	return tenant.Scope{}, errNoLogin
}

// Bearer is Scope for API tokens only. The kubectl path uses it: a browser's cookie must never reach a cluster's own
// pages, which would then run in our origin.
func (s *Service) Bearer(r *http.Request, slug string) (tenant.Scope, error) {
	secret, ok := bearer(r)
	if !ok {
		return tenant.Scope{}, errNoLogin
	}
	h, err := s.tokenHolder(r.Context(), secret)
	if err != nil {
		return tenant.Scope{}, err
	}
	if h.Token.SingleUse {
		return tenant.Scope{}, errSingleUse
	}
	if h.Scope.Slug != slug {
		return tenant.Scope{}, errNoTenant
	}
	return h.Scope, nil
}

// Holders lists every tenant this request can act in: each live login, or the one API token.
func (s *Service) Holders(r *http.Request) ([]login.Holder, error) {
	if secret, ok := bearer(r); ok {
		h, err := s.tokenHolder(r.Context(), secret)
		if err != nil {
			return nil, err
		}
		if h.Token.SingleUse {
			return nil, errSingleUse
		}
		return []login.Holder{h}, nil
	}
	var out []login.Holder
	for _, h := range s.cookieHolders(r) {
		if h.err != nil {
			return nil, h.err
		}
		if h.live {
			out = append(out, h.holder)
		}
	}
	return out, nil
}

// Check reports whether a scope made earlier still holds, for answers that go on for long. It keeps no login alive: an
// open page is not a person at work.
func (s *Service) Check(ctx context.Context, scope tenant.Scope) error {
	var h login.Holder
	var err error
	if scope.Via == tenant.ViaToken {
		h, err = s.store.TokenByID(ctx, scope.Tenant, scope.Login)
	} else {
		h, err = s.store.LoginByID(ctx, scope.Tenant, scope.Login)
	}
	if err != nil {
		if problem.Is(err, problem.NotFound) {
			return errLoginOver
		}
		return fmt.Errorf("check login %s: %w", scope.Login, err)
	}
	if !s.live(h) || h.Scope.Role != scope.Role {
		return errLoginOver
	}
	return nil
}

func (s *Service) live(h login.Holder) bool {
	if !h.Active {
		return false
	}
	if h.Token.ID != "" {
		return h.Token.Live(s.now())
	}
	return h.Login.Live(s.now())
}

func (s *Service) tokenHolder(ctx context.Context, secret login.Secret) (login.Holder, error) {
	if !login.WellFormed(secret.Reveal()) {
		return login.Holder{}, errBadToken
	}
	h, err := s.store.TokenHolder(ctx, secret.Hash())
	if problem.Is(err, problem.NotFound) {
		return login.Holder{}, errBadToken
	}
	if err != nil {
		return login.Holder{}, fmt.Errorf("look up API token: %w", err)
	}
	if !s.live(h) {
		return login.Holder{}, errBadToken
	}
	if h.Token.Stale(s.now()) && !h.Token.SingleUse {
		if err := s.store.TouchToken(ctx, h.Scope.Tenant, h.Token.ID, s.now()); err != nil {
			s.log.WarnContext(ctx, "use of API token not noted", "token", h.Token.ID, "error", err)
		}
	}
	return h, nil
}

// found is what one cookie led to.
type found struct {
	holder login.Holder
	live   bool
	err    error
}

// maxCookies bounds the look-ups one request can cause.
const maxCookies = 16

func (s *Service) cookieHolders(r *http.Request) []found {
	var out []found
	for _, c := range r.Cookies() {
		if !s.isLoginCookie(c.Name) || len(out) == maxCookies {
			continue
		}
		h, err := s.store.LoginHolder(r.Context(), login.Secret(c.Value).Hash())
		if problem.Is(err, problem.NotFound) {
			continue
		}
		if err != nil {
			return append(out, found{err: fmt.Errorf("look up login: %w", err)})
		}
		if c.Name != s.cookieName(h.Scope.Tenant) {
			continue // a login set under another tenant's name was not set by us
		}
		live := s.live(h)
		if live && h.Login.Stale(s.now()) {
			if err := s.store.TouchLogin(r.Context(), h.Scope.Tenant, h.Login.ID, s.now()); err != nil {
				s.log.WarnContext(r.Context(), "use of login not noted", "login", h.Login.ID, "error", err)
			}
		}
		out = append(out, found{holder: h, live: live})
	}
	return out
}

func bearer(r *http.Request) (login.Secret, bool) {
	scheme, rest, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return login.Secret(strings.TrimSpace(rest)), true
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

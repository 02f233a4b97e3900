package slack

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// CodeLife is how long a code can be used.
const CodeLife = 10 * time.Minute

const codeBytes = 32

var (
	errNoCode = problem.New(problem.NotFound, "This link was used already, has expired, or was never given out.").WithCode("slack_code").
			WithFix("Type /kubechat link in Slack for a new one.")
	errNotLinked = problem.New(problem.Unauthenticated, "This Slack user is not linked to a member.").WithCode("slack_not_linked")
	// a program with an API token must not be able to give somebody in Slack its member's rights
	errNotWeb = problem.New(problem.Invalid, "A Slack user is linked by a member who is signed in to the web.").WithCode("slack_web")
	errNoLink = problem.New(problem.NotFound, "No such link.")
)

// NewCode makes the one code of a Slack user. It is a secret of theirs; only its hash is kept.
func (s *Service) NewCode(ctx context.Context, w Workspace, p Person) (string, error) {
	secret := make([]byte, codeBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", err
	}
	code := base64.RawURLEncoding.EncodeToString(secret)
	p.Name = shortened(p.Name)
	return code, s.store.AddCode(ctx, w.Tenant, Code{Person: p, Hash: hashed(code), ExpiresAt: s.now().Add(CodeLife)})
}

// shortened is as much of a name as is kept.
func shortened(name string) string {
	if r := []rune(name); len(r) > 80 {
		return string(r[:80])
	}
	return name
}

func hashed(code string) []byte {
	sum := sha256.Sum256([]byte(code))
	return sum[:]
}

// Look says which Slack user a code would link, for the member to judge.
func (s *Service) Look(ctx context.Context, scope tenant.Scope, code string) (Code, error) {
	c, err := s.store.Code(ctx, scope.Tenant, hashed(code))
	if problem.Is(err, problem.NotFound) || err == nil && !s.now().Before(c.ExpiresAt) {
		return Code{}, errNoCode
	}
	return c, err
}

// Confirm links the code's Slack user to the scope's member, and uses the code up.
func (s *Service) Confirm(ctx context.Context, scope tenant.Scope, code string) (Link, error) {
	if _, err := s.Look(ctx, scope, code); err != nil {
		return Link{}, err
	}
	if scope.Via != tenant.ViaWeb || !scope.Can(tenant.Ask) {
		return Link{}, errNotWeb
	}
	l, err := s.store.Redeem(ctx, scope, hashed(code), s.now())
	if problem.Is(err, problem.NotFound) {
		return Link{}, errNoCode
	}
	return l, err
}

// Who is the member that a Slack user of a verified request acts as, with the role held now. Where there is none any
// more it is problem.Unauthenticated.
func (s *Service) Who(ctx context.Context, w Workspace, p Person) (tenant.Scope, Link, error) {
	if !p.User.Valid() || p.Team != w.Team {
		return tenant.Scope{}, Link{}, errNotLinked
	}
	l, err := s.store.Link(ctx, w.Tenant, p)
	if problem.Is(err, problem.NotFound) {
		return tenant.Scope{}, Link{}, errNotLinked
	}
	if err != nil {
		return tenant.Scope{}, Link{}, err
	}
	scope, err := s.members.Scope(ctx, w.Tenant, l.Member)
	if problem.Is(err, problem.NotFound) || err == nil && !scope.Can(tenant.Ask) {
		return tenant.Scope{}, Link{}, errNotLinked
	}
	scope.Login, scope.Via = l.ID, tenant.ViaSlack
	return scope, l, err
}

// Move says where the Slack user's next questions go.
func (s *Service) Move(ctx context.Context, scope tenant.Scope, l Link, p Place) error {
	return s.store.SetPlace(ctx, scope.Tenant, l.ID, p)
}

// Links lists a tenant's links to its admins, and to others their own.
func (s *Service) Links(ctx context.Context, scope tenant.Scope) ([]Link, error) {
	all, err := s.store.Links(ctx, scope.Tenant)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(l Link) bool { return !mayUnlink(scope, l) }), nil
}

func mayUnlink(scope tenant.Scope, l Link) bool {
	return scope.Can(tenant.ManageSlack) || l.Member == scope.Member && scope.Can(tenant.Ask)
}

// Unlink ends a link, at once.
func (s *Service) Unlink(ctx context.Context, scope tenant.Scope, id string) error {
	all, err := s.Links(ctx, scope)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(l Link) bool { return l.ID == id }) {
		return errNoLink
	}
	return s.store.DeleteLink(ctx, scope, id)
}

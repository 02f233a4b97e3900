package slack

import (
	"context"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Change is another workspace, or another secret of the same one. Secret is kept when it is nil.
type Change struct {
	Team   TeamID
	Name   string
	Secret *string
}

// secretForm: Slack's are 32 hexadecimal digits today; its documentation promises no form.
var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)

// Get gives the tenant's workspace; one without a Team when there is none.
func (s *Service) Get(ctx context.Context, scope tenant.Scope) (Workspace, error) {
	if !scope.Can(tenant.ManageSlack) {
		return Workspace{}, onlyAdmins
	}
	got, err := s.store.Workspace(ctx, scope.Tenant)
	if problem.Is(err, problem.NotFound) {
		return Workspace{}, nil
	}
	return got.Workspace, err
}

// Put connects a workspace, or changes the secret.
func (s *Service) Put(ctx context.Context, scope tenant.Scope, c Change) (Workspace, error) {
	if !scope.Can(tenant.ManageSlack) {
		return Workspace{}, onlyAdmins
	}
	if err := c.check(); err != nil {
		return Workspace{}, err
	}
	was, err := s.store.Workspace(ctx, scope.Tenant)
	if err != nil && !problem.Is(err, problem.NotFound) {
		return Workspace{}, err
	}
	next := Stored{Workspace: Workspace{Tenant: scope.Tenant, Slug: scope.Slug, Team: c.Team, Name: c.Name}, Sealed: was.Sealed}
	switch {
	case c.Secret == nil && was.Team != c.Team:
		return Workspace{}, problem.New(problem.Invalid, "A workspace needs its signing secret.").WithCode("secret_needed").
			WithFix("Copy it from the Slack app's Basic Information.")
	case c.Secret == nil:
	case s.sealer == nil:
		return Workspace{}, problem.New(problem.Unavailable, "This service can keep no secrets.").WithCode("no_secret_key").
			WithFix("Its operator has to start it with --secret-key-file.")
	default:
		if next.Sealed, err = s.sealer.Seal(scope.Tenant, *c.Secret); err != nil {
			return Workspace{}, err
		}
	}
	got, err := s.store.SetWorkspace(ctx, scope, next)
	return got.Workspace, err
}

func (c Change) check() error {
	var wrong []string
	if !c.Team.Valid() {
		wrong = append(wrong, "A workspace's id is T and capital letters and digits, such as T0123456789.")
	}
	if len(c.Name) > 100 || !utf8.ValidString(c.Name) || strings.ContainsFunc(c.Name, func(r rune) bool { return r < ' ' }) {
		wrong = append(wrong, "A name is one line of at most 100 bytes.")
	}
	if c.Secret != nil && !secretForm.MatchString(*c.Secret) {
		wrong = append(wrong, "A signing secret is 16 to 128 letters and digits.")
	}
	if len(wrong) == 0 {
		return nil
	}
	return problem.New(problem.Invalid, strings.Join(wrong, " "))
}

// Delete disconnects the workspace; its links end at once.
func (s *Service) Delete(ctx context.Context, scope tenant.Scope) error {
	if !scope.Can(tenant.ManageSlack) {
		return onlyAdmins
	}
	return s.store.DeleteWorkspace(ctx, scope)
}

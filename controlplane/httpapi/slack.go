package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// Slack is the tenant's Slack workspace and who is linked in it: package slack.
type Slack interface {
	Get(ctx context.Context, scope tenant.Scope) (slack.Workspace, error)
	Put(ctx context.Context, scope tenant.Scope, c slack.Change) (slack.Workspace, error)
	Delete(ctx context.Context, scope tenant.Scope) error
	SlackLinks
}

// SlackLinks is the part of Slack about links.
type SlackLinks interface {
	Links(ctx context.Context, scope tenant.Scope) ([]slack.Link, error)
	Unlink(ctx context.Context, scope tenant.Scope, id string) error
	Look(ctx context.Context, scope tenant.Scope, code string) (slack.Code, error)
	Confirm(ctx context.Context, scope tenant.Scope, code string) (slack.Link, error)
}

// SlackWorkspace is the organisation's Slack workspace. Its signing secret is never in an answer.
type SlackWorkspace struct {
	Connected bool         `json:"connected"`
	TeamID    slack.TeamID `json:"teamId"`
	Name      string       `json:"name"`
	UpdatedAt *time.Time   `json:"updatedAt,omitempty"`
}

// SlackUser is a Slack user. What they call themselves proves nothing: the id is who they are.
type SlackUser struct {
	TeamID slack.TeamID `json:"teamId"`
	UserID slack.UserID `json:"userId"`
	Name   string       `json:"name"`
}

// SlackCode is what a link from Slack would do.
type SlackCode struct {
	SlackUser
	ExpiresAt time.Time `json:"expiresAt"`
}

// SlackLink says which member a Slack user acts as.
type SlackLink struct {
	ID string `json:"id"`
	SlackUser
	MemberID  tenant.MemberID `json:"memberId"`
	Email     string          `json:"email"`
	CreatedAt time.Time       `json:"createdAt"`
}

func viewWorkspace(w slack.Workspace) *body[SlackWorkspace] {
	return &body[SlackWorkspace]{SlackWorkspace{w.Team != "", w.Team, w.Name, timePtr(w.UpdatedAt)}}
}

func viewSlackUser(p slack.Person) SlackUser { return SlackUser{p.Team, p.User, p.Name} }

func viewSlackLink(l slack.Link) SlackLink {
	return SlackLink{l.ID, viewSlackUser(l.Person), l.Member, l.Email, l.CreatedAt}
}

type putSlackInput struct {
	InTenant
	Body struct {
		TeamID slack.TeamID `json:"teamId" maxLength:"40" doc:"The workspace's id: T and capital letters and digits."`
		Name   string       `json:"name,omitempty" maxLength:"100" doc:"What you call it."`
		Secret *string      `json:"signingSecret,omitempty" maxLength:"200" doc:"Of the Slack app's Basic Information; kept if absent. It is stored sealed and never given back."`
	}
}

type slackCodeInput struct {
	InTenant
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"200" doc:"From the link that /kubechat link gave out."`
	}
}

type slackLinkPath struct {
	InTenant
	ID string `path:"id" maxLength:"64"`
}

// noSlack stands in for a service without Slack, so that every address has its answer.
type noSlack struct{}

var errNoSlack = problem.New(problem.Unavailable, "This service serves no Slack.")

func (noSlack) Get(context.Context, tenant.Scope) (slack.Workspace, error) {
	return slack.Workspace{}, errNoSlack
}

func (noSlack) Put(context.Context, tenant.Scope, slack.Change) (slack.Workspace, error) {
	return slack.Workspace{}, errNoSlack
}
func (noSlack) Delete(context.Context, tenant.Scope) error                { return errNoSlack }
func (noSlack) Links(context.Context, tenant.Scope) ([]slack.Link, error) { return nil, errNoSlack }
func (noSlack) Unlink(context.Context, tenant.Scope, string) error        { return errNoSlack }

func (noSlack) Look(context.Context, tenant.Scope, string) (slack.Code, error) {
	return slack.Code{}, errNoSlack
}

func (noSlack) Confirm(context.Context, tenant.Scope, string) (slack.Link, error) {
	return slack.Link{}, errNoSlack
}

func (a *API) registerSlack() {
	member(a, op{
		id: "get-slack", method: http.MethodGet, path: "/slack", tag: "slack", action: tenant.ManageSlack,
		summary: "The organisation's Slack workspace, without its signing secret",
	}, func(ctx context.Context, scope tenant.Scope, _ *InTenant) (*body[SlackWorkspace], error) {
		w, err := a.slack.Get(ctx, scope)
		return viewWorkspace(w), err
	})
	member(a, op{
		id: "put-slack", method: http.MethodPut, path: "/slack", tag: "slack", action: tenant.ManageSlack,
		summary: "Connect a Slack workspace, or change its secret; with another workspace all links end",
	}, func(ctx context.Context, scope tenant.Scope, in *putSlackInput) (*body[SlackWorkspace], error) {
		w, err := a.slack.Put(ctx, scope, slack.Change{Team: in.Body.TeamID, Name: in.Body.Name, Secret: in.Body.Secret})
		return viewWorkspace(w), err
	})
	member(a, op{
		id: "delete-slack", method: http.MethodDelete, path: "/slack", tag: "slack", action: tenant.ManageSlack,
		summary: "Disconnect the Slack workspace; all links end at once",
	}, func(ctx context.Context, scope tenant.Scope, _ *InTenant) (*empty, error) {
		return &empty{}, a.slack.Delete(ctx, scope)
	})
	a.registerSlackLinks()
}

func (a *API) registerSlackLinks() {
	member(a, op{
		id: "list-slack-links", method: http.MethodGet, path: "/slack/links", tag: "slack", action: tenant.Ask,
		summary: "Which Slack user is which member: to admins all, to others their own",
	}, func(ctx context.Context, scope tenant.Scope, _ *InTenant) (*body[list[SlackLink]], error) {
		all, err := a.slack.Links(ctx, scope)
		return listOf(all, viewSlackLink), err
	})
	member(a, op{
		id: "delete-slack-link", method: http.MethodDelete, path: "/slack/links/{id}", tag: "slack", action: tenant.Ask,
		summary: "End a link, at once: one's own, or as an admin anybody's",
	}, func(ctx context.Context, scope tenant.Scope, in *slackLinkPath) (*empty, error) {
		return &empty{}, a.slack.Unlink(ctx, scope, in.ID)
	})
	member(a, op{
		id: "preview-slack-link", method: http.MethodPost, path: "/slack/links/preview", tag: "slack", action: tenant.Ask,
		summary: "Which Slack user a code would link to the caller; nothing is changed",
	}, func(ctx context.Context, scope tenant.Scope, in *slackCodeInput) (*body[SlackCode], error) {
		c, err := a.slack.Look(ctx, scope, in.Body.Code)
		return &body[SlackCode]{SlackCode{viewSlackUser(c.Person), c.ExpiresAt}}, err
	})
	member(a, op{
		id: "confirm-slack-link", method: http.MethodPost, path: "/slack/links", tag: "slack", action: tenant.Ask,
		summary: "Let the code's Slack user act as the caller, from a browser's login only; the code is used up", status: http.StatusCreated,
	}, func(ctx context.Context, scope tenant.Scope, in *slackCodeInput) (*body[SlackLink], error) {
		l, err := a.slack.Confirm(ctx, scope, in.Body.Code)
		return &body[SlackLink]{viewSlackLink(l)}, err
	})
}

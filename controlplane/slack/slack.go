// Package slack is the domain of a tenant's Slack workspace: which workspace it is and the secret that Slack signs with,
// which Slack user is which member, and the one-time codes by which a member says so. A request is believed when the
// secret of its workspace signed it (Verify), and acts as a member only where that member linked the Slack user (Who).
// What is asked and answered in Slack is package slackapi's business. Start at Service.
package slack

import (
	"context"
	"regexp"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// TeamID is a Slack workspace, as Slack calls it: T and capital letters and digits.
type TeamID string

// UserID is a Slack user in a workspace: U or W and capital letters and digits.
type UserID string

var (
	teamForm = regexp.MustCompile(`^T[A-Z0-9]{2,30}$`)
	userForm = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)
)

// Valid reports whether it has the form of one.
func (t TeamID) Valid() bool { return teamForm.MatchString(string(t)) }

// Valid reports whether it has the form of one.
func (u UserID) Valid() bool { return userForm.MatchString(string(u)) }

// Person is a Slack user, from a verified request. Name is theirs to choose and proves nothing.
type Person struct {
	Team TeamID
	User UserID
	Name string
}

// Workspace is the Slack workspace of a tenant. Its secret is never in it.
type Workspace struct {
	Tenant    tenant.ID
	Slug      string
	Team      TeamID // empty: none is connected
	Name      string // what the tenant calls it
	UpdatedAt time.Time
}

// Stored is what a Store keeps: Sealed is the signing secret under the service's own key.
type Stored struct {
	Workspace
	Sealed []byte
}

// Code is a permission to link one Slack user, until it is used or ends.
type Code struct {
	Person
	Hash      []byte
	ExpiresAt time.Time
}

// Place is where a Slack user's questions go.
type Place struct {
	Cluster      cluster.ID // empty: none was chosen
	Conversation string     // empty: the next question begins one
}

// Link says that a Slack user is a member.
type Link struct {
	ID string
	Person
	Place
	Member    tenant.MemberID
	Email     string // the member's
	CreatedAt time.Time
}

// WorkspaceStore keeps workspaces.
type WorkspaceStore interface {
	// Workspace is problem.NotFound when the tenant has none.
	Workspace(ctx context.Context, id tenant.ID) (Stored, error)
	// WorkspaceOf finds the one tenant that has connected the workspace.
	WorkspaceOf(ctx context.Context, team TeamID) (Stored, error)
	// SetWorkspace replaces the tenant's, and records who did; with another workspace the links and codes go. One that
	// another tenant has is problem.Conflict.
	SetWorkspace(ctx context.Context, by tenant.Scope, s Stored) (Stored, error)
	// DeleteWorkspace forgets it with its secret, links and codes, and records who did.
	DeleteWorkspace(ctx context.Context, by tenant.Scope) error
	// FirstSeen remembers a signature, and says whether it was new.
	FirstSeen(ctx context.Context, id tenant.ID, signature []byte, at time.Time) (bool, error)
}

// LinkStore keeps links and codes.
type LinkStore interface {
	// AddCode replaces an earlier code of the same Slack user.
	AddCode(ctx context.Context, id tenant.ID, c Code) error
	Code(ctx context.Context, id tenant.ID, hash []byte) (Code, error)
	// Redeem uses a code up and links its Slack user to the scope's member, instead of whom either was linked to.
	Redeem(ctx context.Context, by tenant.Scope, hash []byte, at time.Time) (Link, error)
	Link(ctx context.Context, id tenant.ID, p Person) (Link, error)
	Links(ctx context.Context, id tenant.ID) ([]Link, error)
	DeleteLink(ctx context.Context, by tenant.Scope, link string) error
	SetPlace(ctx context.Context, id tenant.ID, link string, p Place) error
}

// Store keeps all of it.
type Store interface {
	WorkspaceStore
	LinkStore
}

// Sealer keeps secrets: what is sealed for one tenant opens for no other.
type Sealer interface {
	Seal(id tenant.ID, plain string) ([]byte, error)
	Open(id tenant.ID, sealed []byte) (string, error)
}

// Members says what a member is now; one who has left is problem.NotFound.
type Members interface {
	Scope(ctx context.Context, t tenant.ID, m tenant.MemberID) (tenant.Scope, error)
}

// Config is what a Service is made of. Store and Members are required.
type Config struct {
	Store   Store
	Members Members
	Sealer  Sealer // nil: this service can keep no secrets, so no workspace can be connected
	Now     func() time.Time
}

// Service is the domain. It is safe for concurrent use.
type Service struct {
	store   Store
	members Members
	sealer  Sealer
	now     func() time.Time
}

// New makes a Service.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{c.Store, c.Members, c.Sealer, c.Now}
}

var onlyAdmins = problem.New(problem.Forbidden, "Only a tenant_admin may see or change the Slack workspace.")

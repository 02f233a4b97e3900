// Package tenant says who asks, for which tenant, and in which role. A Scope is made in one place, package
// signin, from a login or an API token, and travels right after the context through every call below it.
// What a role may do is the table in role.go; what a member may do inside a cluster is their group there,
// which is another matter (package cluster). Start at Scope.
package tenant

import (
	"fmt"
	"regexp"

	"github.com/google/uuid"
)

// ID identifies a tenant: a UUID in its canonical lower-case text form.
type ID string

// MemberID identifies a person's membership in one tenant: a UUID in canonical text form.
type MemberID string

// ParseID accepts only the canonical lower-case form, so that one tenant has one spelling.
func ParseID(s string) (ID, error) {
	u, err := uuid.Parse(s)
	if err != nil || u.String() != s {
		return "", fmt.Errorf("tenant id %q: not a UUID in canonical lower-case form", s)
	}
	return ID(s), nil
}

// NewID returns a fresh tenant id (UUIDv7, so that ids sort by creation).
func NewID() ID { return ID(uuid.Must(uuid.NewV7()).String()) }

// NewMemberID returns a fresh member id (UUIDv7).
func NewMemberID() MemberID { return MemberID(uuid.Must(uuid.NewV7()).String()) }

var slugForm = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)

// ValidSlug reports whether s can be a tenant's name in URLs: 3 to 40 of a-z, 0-9 and '-', starting with a letter.
func ValidSlug(s string) bool { return slugForm.MatchString(s) }

// Scope is who asks: one member of one tenant, with the role held at this moment. Its zero value may do nothing.
type Scope struct {
	Tenant ID
	Slug   string // the tenant's name in URLs
	Member MemberID
	Email  string // the person, as shown in audit and in the cluster's own audit log
	Name   string
	Role   Role
	Login  string // id of the login or API token that carried the request; never its secret
	Via    Via    // the door the request came through
}

// Via is the door a request came through.
type Via string

// The doors.
const (
	ViaWeb   Via = "web"   // a login cookie
	ViaToken Via = "token" // an API token
	ViaSlack Via = "slack" // a linked Slack user's command or button
	ViaMCP   Via = "mcp"   // an API token, in the hands of an assistant (kubechat mcp)
	ViaJob   Via = "job"   // the service itself, finishing what a member began
)

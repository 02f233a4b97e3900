package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mode says how people appear to the API server.
type Mode string

// The modes.
const (
	ModeGroups Mode = "groups" // one fixed user, the groups below; the person is in the extras
	ModeUsers  Mode = "users"  // each person is a user: UserPrefix and the person's name
)

// Identities is for whom the control plane may have requests made. The chart's RBAC says the same to the API server.
type Identities struct {
	Mode   Mode     `json:"mode,omitempty"`   // groups unless it says users
	Groups []string `json:"groups,omitempty"` // that may be impersonated; DefaultGroups if empty
}

// The names that the control plane uses.
const (
	GroupsModeUser = "kubechat:user"
	UserPrefix     = "kubechat:"
)

// DefaultGroups is what may be impersonated until the file says more: reading, and the name index.
var DefaultGroups = []string{"kubechat:viewer", "kubechat:index"}

// extraKeys are the only extras an identity may have.
var extraKeys = []string{"kubechat.io/user", "kubechat.io/session", "kubechat.io/request"}

// The bounds of what is passed on in a header.
const (
	maxGroups     = 16
	maxExtraBytes = 1024
)

func (i Identities) validate() error {
	var errs []error
	if i.Mode != "" && i.Mode != ModeGroups && i.Mode != ModeUsers {
		errs = append(errs, fmt.Errorf("identities.mode is %q, and must be groups or users", i.Mode))
	}
	for _, g := range i.Groups {
		if reserved(g) || !printable(g) {
			errs = append(errs, fmt.Errorf("identities.groups names %q, which is never impersonated", g))
		}
	}
	return errors.Join(errs...)
}

// Check refuses an identity that the cluster's owner did not allow. The control plane is not trusted to have asked
// only for what it may.
func (i Identities) Check(user, uid string, groups []string, extra map[string][]string) error {
	if err := i.checkUser(user, uid); err != nil {
		return err
	}
	allowed := i.Groups
	if len(allowed) == 0 {
		allowed = DefaultGroups
	}
	if len(groups) > maxGroups || len(groups) == 0 && i.Mode != ModeUsers {
		return fmt.Errorf("the agent refuses an identity with %d groups", len(groups))
	}
	for _, g := range groups {
		if reserved(g) || !slices.Contains(allowed, g) {
			return &Refusal{Setting: "identities.groups", Text: fmt.Sprintf(
				"the agent refuses to act as group %q: this cluster allows %s (the chart's access.preset)", g, strings.Join(allowed, ", "))}
		}
	}
	for key, values := range extra {
		if !slices.Contains(extraKeys, key) {
			return fmt.Errorf("the agent refuses the unknown extra %q", key)
		}
		if len(values) != 1 || values[0] == "" || !printable(values[0]) {
			return fmt.Errorf("the agent refuses the value of the extra %q", key)
		}
	}
	return nil
}

func (i Identities) checkUser(user, uid string) error {
	switch {
	case uid != "":
		return errors.New("the agent refuses to impersonate a uid")
	case user == "" || reserved(user) || !printable(user):
		return fmt.Errorf("the agent refuses to act as user %q", user)
	case i.Mode == ModeUsers && (!strings.HasPrefix(user, UserPrefix) || user == UserPrefix || user == GroupsModeUser):
		return fmt.Errorf("the agent refuses to act as user %q: in users mode names start with %q", user, UserPrefix)
	case i.Mode != ModeUsers && user != GroupsModeUser:
		return fmt.Errorf("the agent refuses to act as user %q: in groups mode it is always %q", user, GroupsModeUser)
	}
	return nil
}

// reserved names belong to Kubernetes: system:masters and every other system: name.
func reserved(name string) bool {
	return name == "" || strings.HasPrefix(strings.ToLower(strings.TrimSpace(name)), "system:")
}

// printable keeps line ends and other controls out of headers.
func printable(s string) bool {
	if len(s) > maxExtraBytes || !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
}

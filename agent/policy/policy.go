// Package policy is what a cluster's owner lets KubeChat do in it, whatever the control plane asks and whatever RBAC
// would allow: a file in the cluster that only its owner writes. It decides on parsed requests and knows neither the
// tunnel nor HTTP. On top of it stand the refusals that no setting lifts (see guard.go). Start at Policy.Decide.
package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Secrets says what is shown of the cluster's Secrets.
type Secrets string

// The values of Policy.Secrets.
const (
	SecretsHidden Secrets = "hidden" // only their metadata, without annotations; nothing is written
	SecretsFull   Secrets = "full"   // whole, as RBAC allows
)

// Policy is the content of the file. Its zero value is the default: RBAC alone decides, Secrets are hidden, nothing is
// proxied, and of the non-resource paths only discovery, OpenAPI, /version and /readyz are open.
type Policy struct {
	// ReadOnly refuses everything that is not a read.
	ReadOnly bool `json:"readOnly,omitempty"`
	// Verbs, Namespaces and Resources: a deny entry refuses; a non-empty allow list refuses what it does not name.
	Verbs      Rule `json:"verbs,omitempty"`
	Namespaces Rule `json:"namespaces,omitempty"`
	// Resources are written as kubectl does: "pods", "deployments.apps", "pods/exec", "*.apps", "*/scale", "*".
	// "pods" includes its subresources when denied or allowed.
	Resources Rule `json:"resources,omitempty"`
	// Exec, unless "off", leaves exec, attach and ephemeral containers to RBAC; PortForward likewise.
	Exec        Switch `json:"exec,omitempty"`
	PortForward Switch `json:"portForward,omitempty"`
	// Secrets is hidden unless it says full.
	Secrets Secrets `json:"secrets,omitempty"`
	// NonResourcePaths are opened for reading besides the default ones: "/metrics", "/livez/*".
	NonResourcePaths []string `json:"nonResourcePaths,omitempty"`
	// Proxy opens the proxy subresource of the kinds it names: "services", "pods", "nodes", or "clusters.example.com".
	Proxy []string `json:"proxy,omitempty"`
	// Identities is for whom requests may be made.
	Identities Identities `json:"identities,omitempty"`
}

// Rule is a pair of lists.
type Rule struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

// Switch is "on" or "off"; empty is "on". YAML's own on and off, which are booleans, are understood too.
type Switch string

// The values of a Switch.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// UnmarshalJSON reads true and false as on and off.
func (s *Switch) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", `"on"`:
		*s = On
	case "false", `"off"`:
		*s = Off
	case `""`, "null":
		*s = ""
	default:
		return fmt.Errorf("is %s, and must be on or off", b)
	}
	return nil
}

// Parse reads the file: YAML or JSON, no unknown settings.
func Parse(b []byte) (*Policy, error) {
	p := new(Policy)
	if err := yaml.UnmarshalStrict(b, p); err != nil {
		return nil, fmt.Errorf("read local policy: %w", err)
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("read local policy: %w", err)
	}
	return p, nil
}

// Validate reports every problem at once.
func (p *Policy) Validate() error {
	var errs []error
	if p.Secrets != "" && p.Secrets != SecretsHidden && p.Secrets != SecretsFull {
		errs = append(errs, fmt.Errorf("secrets is %q, and must be hidden or full", p.Secrets))
	}
	for _, verb := range slices.Concat(p.Verbs.Allow, p.Verbs.Deny) {
		if !slices.Contains(knownVerbs, verb) {
			errs = append(errs, fmt.Errorf("verbs names %q, and knows %s", verb, strings.Join(knownVerbs, ", ")))
		}
	}
	for _, ns := range slices.Concat(p.Namespaces.Allow, p.Namespaces.Deny) {
		if ns == "" || strings.ContainsAny(ns, "/,=!\\ ") {
			errs = append(errs, fmt.Errorf("namespaces names %q, which is no namespace (* stands for any characters)", ns))
		}
	}
	for _, r := range slices.Concat(p.Resources.Allow, p.Resources.Deny, p.Proxy) {
		if r == "" || strings.Count(r, "/") > 1 || strings.ToLower(r) != r {
			errs = append(errs, fmt.Errorf(`resources or proxy names %q; write "pods", "deployments.apps", "pods/exec", "*.apps" or "*/scale"`, r))
		}
	}
	for _, path := range p.NonResourcePaths {
		if !strings.HasPrefix(path, "/") || path == "/*" || strings.HasPrefix(path, "/api") {
			errs = append(errs, fmt.Errorf(`nonResourcePaths names %q; write a path such as "/metrics" or "/livez/*"`, path))
		}
	}
	return errors.Join(append(errs, p.Identities.validate())...)
}

var knownVerbs = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "connect"}

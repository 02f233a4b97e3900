package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kubechat/kubechat/agent/kubereq"
)

// Verdict is what Decide says of an allowed request.
type Verdict struct {
	// HideSecrets: the answer must be reduced to metadata.
	HideSecrets bool
	// FieldSelector must be added to the request's own, so that a list over all namespaces leaves some out.
	FieldSelector string
}

// Refusal is an error: why a request is refused, for people, and which setting says so.
type Refusal struct {
	Setting string // "readOnly", "namespaces.deny", ...; "" if no setting can change it
	Text    string
}

// Error is the text.
func (r *Refusal) Error() string { return r.Text }

func refuse(setting, format string, args ...any) error {
	return &Refusal{Setting: setting, Text: "the agent's local policy refuses this: " + fmt.Sprintf(format, args...)}
}

// Decide says whether the file allows the request, and with which limits. A refusal is a *Refusal.
func (p *Policy) Decide(req kubereq.Info) (Verdict, error) {
	if !req.IsResource {
		return Verdict{}, p.decidePath(req)
	}
	for _, check := range []func(kubereq.Info) error{p.decideVerb, p.decideResource, p.decideConnect, p.decideSecret} {
		if err := check(req); err != nil {
			return Verdict{}, err
		}
	}
	selector, err := p.decideNamespace(req)
	if err != nil {
		return Verdict{}, err
	}
	return Verdict{HideSecrets: req.IsSecret() && p.Secrets != SecretsFull, FieldSelector: selector}, nil
}

func (p *Policy) decidePath(req kubereq.Info) error {
	if req.Verb != "get" && req.Verb != "head" || req.Upgrade {
		return refuse("", "%s of %s; paths that are no resources may only be read", strings.ToUpper(req.Verb), req.Path)
	}
	if req.IsDiscovery() || slices.ContainsFunc(p.NonResourcePaths, func(open string) bool { return pathMatches(open, req.Path) }) {
		return nil
	}
	return refuse("nonResourcePaths", "the path %s is not in nonResourcePaths", req.Path)
}

func pathMatches(open, path string) bool {
	if tree, ok := strings.CutSuffix(open, "/*"); ok {
		return path == tree || strings.HasPrefix(path, tree+"/")
	}
	return path == open
}

func (p *Policy) decideVerb(req kubereq.Info) error {
	verb := req.Verb
	if req.IsConnect() {
		verb = "connect"
	}
	if verb == "" {
		return refuse("", "%s is no request for a resource", req.Method)
	}
	if p.ReadOnly && !req.IsRead() && !secretRead(req) {
		return refuse("readOnly", "readOnly is set, and this is not a read")
	}
	if slices.Contains(p.Verbs.Deny, verb) {
		return refuse("verbs.deny", "verbs.deny names %s", verb)
	}
	if len(p.Verbs.Allow) > 0 && !slices.Contains(p.Verbs.Allow, verb) && !req.IsAccessReview() {
		return refuse("verbs.allow", "verbs.allow does not name %s", verb)
	}
	return nil
}

// secretRead is a read as far as readOnly goes: what it may show is for Secrets to say.
func secretRead(req kubereq.Info) bool {
	return req.IsSecret() && !req.Upgrade && !req.IsConnect() && (req.Verb == "get" || req.Verb == "list" || req.Verb == "watch")
}

func (p *Policy) decideResource(req kubereq.Info) error {
	if i := slices.IndexFunc(p.Resources.Deny, func(r string) bool { return resourceMatches(r, req) }); i >= 0 {
		return refuse("resources.deny", "resources.deny names %s", p.Resources.Deny[i])
	}
	allowed := func(r string) bool { return resourceMatches(r, req) }
	if len(p.Resources.Allow) > 0 && !slices.ContainsFunc(p.Resources.Allow, allowed) && !req.IsAccessReview() {
		return refuse("resources.allow", "resources.allow does not name %s", req.ResourceName())
	}
	return nil
}

// resourceMatches reports whether an entry such as "pods", "*.apps" or "*/scale" covers the request. An entry without
// a subresource covers all of the kind's.
func resourceMatches(entry string, req kubereq.Info) bool {
	kind, sub, hasSub := strings.Cut(entry, "/")
	if hasSub && sub != "*" && sub != req.Subresource {
		return false
	}
	resource, group, hasGroup := strings.Cut(kind, ".")
	if resource != "*" && resource != req.Resource {
		return false
	}
	// "pods" without a group means the core group's, as "*" alone means every group's
	return kind == "*" || (hasGroup && group == req.APIGroup) || (!hasGroup && req.APIGroup == "")
}

func (p *Policy) decideConnect(req kubereq.Info) error {
	switch {
	case p.Exec == Off && (req.IsExec() || req.Subresource == "ephemeralcontainers"):
		return refuse("exec", "exec is off, and that covers %s", req.Subresource)
	case p.PortForward == Off && req.IsPortForward():
		return refuse("portForward", "portForward is off")
	case req.IsProxy() && !slices.ContainsFunc(p.Proxy, func(r string) bool { return resourceMatches(r, req) }):
		return refuse("proxy", "proxy does not name %s", req.Resource)
	}
	return nil
}

func (p *Policy) decideSecret(req kubereq.Info) error {
	if !req.IsSecret() || p.Secrets == SecretsFull || secretRead(req) && req.Subresource == "" && !req.LegacyWatch {
		return nil
	}
	return refuse("secrets", "secrets is hidden, so Secrets may only be got, listed and watched, and only their metadata is shown; secrets: full would allow it")
}

// decideNamespace refuses requests to namespaces that are not allowed. A list or watch over all namespaces is narrowed
// with a field selector where the API server is known to honour it, and refused elsewhere.
func (p *Policy) decideNamespace(req kubereq.Info) (selector string, err error) {
	rule := p.Namespaces
	if len(rule.Allow)+len(rule.Deny) == 0 {
		return "", nil
	}
	if ns := req.Namespace; ns != "" {
		if i := slices.IndexFunc(rule.Deny, func(pattern string) bool { return nameMatches(pattern, ns) }); i >= 0 {
			return "", refuse("namespaces.deny", "namespaces.deny names %s", rule.Deny[i])
		}
		if len(rule.Allow) > 0 && !slices.ContainsFunc(rule.Allow, func(pattern string) bool { return nameMatches(pattern, ns) }) {
			return "", refuse("namespaces.allow", "namespaces.allow does not name %s", ns)
		}
		return "", nil
	}
	if isClusterScoped(req) {
		return "", nil
	}
	return p.narrow(req)
}

func (p *Policy) narrow(req kubereq.Info) (string, error) {
	setting := "namespaces.deny"
	if len(p.Namespaces.Allow) > 0 {
		setting = "namespaces.allow"
	}
	reads := req.Verb == "list" || req.Verb == "watch"
	if !reads || req.LegacyWatch || !honoursFieldSelector(req.APIGroup) {
		return "", refuse(setting, "%s limits the namespaces, so name one (%s spans all of them)", setting, req.ResourceName())
	}
	wildcard := func(ns string) bool { return strings.Contains(ns, "*") }
	if len(p.Namespaces.Allow) > 1 || slices.ContainsFunc(p.Namespaces.Allow, wildcard) || slices.ContainsFunc(p.Namespaces.Deny, wildcard) {
		return "", refuse(setting, "%s limits the namespaces, so name one", setting)
	}
	var terms []string
	for _, ns := range p.Namespaces.Allow {
		terms = append(terms, "metadata.namespace="+ns)
	}
	for _, ns := range p.Namespaces.Deny {
		terms = append(terms, "metadata.namespace!="+ns)
	}
	return strings.Join(terms, ","), nil
}

func nameMatches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// cannot is how the API server says that a right is missing.
var cannot = regexp.MustCompile(`[Uu]ser "([^"]+)" cannot (\S+) resource "([^"]+)"(?: in API group "([^"]*)")?(?: (?:in the namespace "([^"]+)"|at the cluster scope))?`)

const accountPrefix = "system:serviceaccount:"

// right is one thing that somebody may or may not do.
type right struct{ verb, group, resource, namespace string }

func (r right) String() string {
	text := r.verb + " " + r.resource
	if r.group != "" {
		text += "." + r.group
	}
	if r.namespace != "" {
		return text + " in " + r.namespace
	}
	return text + " in the whole cluster"
}

// rule is the missing rule, as it would stand in a role.
func (r right) rule() string {
	return fmt.Sprintf("apiGroups: [%q], resources: [%q], verbs: [%q]", r.group, r.resource, r.verb)
}

// lacks explains "cannot list pods" of a pod's service account: which binding it has, and which rule is missing there.
func (s *session) lacks(o object, m []string, f *finding) {
	want := right{m[2], m[4], m[3], m[5]}
	ns, name, ok := strings.Cut(strings.TrimPrefix(m[1], accountPrefix), ":")
	if !strings.HasPrefix(m[1], accountPrefix) || !ok {
		f.Cause = strings.TrimSuffix(f.Cause, ".") + fmt.Sprintf(". %s may not %s.", m[1], want)
		return
	}
	who := key{"ServiceAccount", ns, name}
	g := Finding{
		Reason: "Forbidden", Severity: Critical, Text: fmt.Sprintf("It may not %s, and a pod that uses it needs to.", want), Evidence: []Evidence{{Path: "message", Value: m[0], Object: o.key().String()}},
		Object: who.String(), Next: "Add to a role that it is bound to the rule " + want.rule() + ".",
	}
	s.bound(ns, name, want, &g)
	f.Cause = strings.TrimSuffix(f.Cause, ".") + fmt.Sprintf(". Its service account %s may not %s.", name, want)
	f.Related = append(f.Related, g.Object)
	for _, have := range s.found {
		if have.about == who && have.Text == g.Text {
			return
		}
	}
	s.found = append(s.found, &finding{Finding: g, about: who, members: []key{who}})
	s.depth[who] = s.depth[o.key()] + 1
	s.below[o.key()] = append(s.below[o.key()], who)
}

// bound says which bindings the account has and what their roles leave out.
func (s *session) bound(ns, name string, want right, g *Finding) {
	place := want.namespace
	var given []string
	for _, b := range s.bindingsOf(ns, name, place) {
		role, err := s.roleOf(b)
		who := b.key().String()
		g.Related = append(g.Related, who)
		if err != nil {
			given = append(given, fmt.Sprintf("%s names a role that can't be read", who))
			continue
		}
		given = append(given, fmt.Sprintf("%s gives it %s", who, role.key()))
		g.Evidence = append(g.Evidence, with(b, "roleRef", "name"), Evidence{Path: "rules", Value: rulesText(role), Object: role.key().String()})
		for _, wrong := range mismatched(role) {
			if wrong.resource == want.resource {
				g.Next = fmt.Sprintf("Correct the rule of %s: %s belong to API group %q, not %q.", role.key(), wrong.resource, want.group, wrong.group)
			}
		}
	}
	if len(given) == 0 {
		g.Cause = "No binding that applies there names it."
		g.Next = "Bind it to a role with the rule " + want.rule() + "."
		return
	}
	g.Cause = anded(given) + ", and no rule of that allows it."
}

// bindingsOf are the bindings that name a service account and apply in a namespace.
func (s *session) bindingsOf(ns, name, place string) []object {
	list := slices.Clone(s.list(clusterRoleBindings, "", nil))
	if place != "" {
		list = append(list, s.list(roleBindings, place, nil)...)
	}
	var out []object
	for _, b := range list {
		for _, sub := range b.maps("subjects") {
			account := text(sub, "kind") == "ServiceAccount" && text(sub, "name") == name && cmp.Or(text(sub, "namespace"), b.GetNamespace()) == ns
			group := text(sub, "kind") == "Group" && text(sub, "name") == "system:serviceaccounts:"+ns
			if account || group {
				out = append(out, b)
				break
			}
		}
	}
	return out
}

func (s *session) roleOf(b object) (object, error) {
	if b.text("roleRef", "kind") == "ClusterRole" {
		return s.get(clusterRoles, "", b.text("roleRef", "name"))
	}
	return s.get(roles, b.GetNamespace(), b.text("roleRef", "name"))
}

func rulesText(role object) string {
	var out []string
	for _, r := range role.maps("rules") {
		out = append(out, fmt.Sprintf("%s of %s in %q", strings.Join(words(r, "verbs"), ","), strings.Join(words(r, "resources"), ","), words(r, "apiGroups")))
		if len(out) == 6 {
			out = append(out, "…")
			break
		}
	}
	return cmp.Or(strings.Join(out, "; "), "<none>")
}

// homes are the API groups of the built-in kinds that roles are usually about.
var homes = map[string][]string{
	"pods": {""}, "services": {""}, "configmaps": {""}, "secrets": {""}, "nodes": {""}, "namespaces": {""}, "serviceaccounts": {""}, "persistentvolumeclaims": {""}, "persistentvolumes": {""},
	"events": {"", "events.k8s.io"}, "endpoints": {""}, "deployments": {"apps"}, "replicasets": {"apps"}, "statefulsets": {"apps"}, "daemonsets": {"apps"},
	"jobs": {"batch"}, "cronjobs": {"batch"}, "ingresses": {"networking.k8s.io"}, "networkpolicies": {"networking.k8s.io"}, "horizontalpodautoscalers": {"autoscaling"},
	"poddisruptionbudgets": {"policy"}, "roles": {"rbac.authorization.k8s.io"}, "rolebindings": {"rbac.authorization.k8s.io"}, "clusterroles": {"rbac.authorization.k8s.io"}, "storageclasses": {"storage.k8s.io"},
}

// builtin tells whether a group's kinds are known here; in others, and in "*", there may be kinds of any name.
func builtin(group string) bool {
	for _, home := range homes {
		if slices.Contains(home, group) {
			return true
		}
	}
	return false
}

// mismatched are the resources that a role names in groups where they are not.
func mismatched(role object) []right {
	var out []right
	for _, r := range role.maps("rules") {
		groups := words(r, "apiGroups")
		for _, res := range words(r, "resources") {
			base, _, _ := strings.Cut(res, "/")
			home, known := homes[base]
			if !known || len(groups) == 0 || !slices.ContainsFunc(groups, builtin) || slices.ContainsFunc(groups, func(g string) bool { return !builtin(g) }) || slices.ContainsFunc(home, func(h string) bool { return slices.Contains(groups, h) }) {
				continue
			}
			out = append(out, right{strings.Join(words(r, "verbs"), ","), groups[0], base, role.GetNamespace()})
		}
	}
	return out
}

var roleRules = []rule{{"a rule that allows nothing", func(_ *session, o object) []finding {
	for _, wrong := range mismatched(o) {
		home := homes[wrong.resource][0]
		return one(Finding{
			Reason: "RuleMatchesNothing", Severity: Warning, Text: fmt.Sprintf("Its rule for %s in API group %q allows nothing: %s are in group %q.", wrong.resource, wrong.group, wrong.resource, home),
			Evidence: []Evidence{{Path: "rules", Value: rulesText(o)}}, Next: fmt.Sprintf("Set apiGroups to [%q] for %s.", home, wrong.resource),
		})
	}
	return nil
}}}

var bindingRules = []rule{
	{"its role", func(s *session, o object) []finding {
		role, err := s.roleOf(o)
		if err == nil {
			s.look(role, o.key())
			return nil
		}
		if !apierrors.IsNotFound(err) {
			return nil
		}
		return one(Finding{
			Reason: "RoleNotFound", Severity: Warning, Text: fmt.Sprintf("The %s %s that it gives does not exist, so it gives nothing.", strings.ToLower(o.text("roleRef", "kind")), o.text("roleRef", "name")),
			Evidence: []Evidence{o.cite("roleRef", "name")}, Next: "Create the role, or bind to another one.",
		})
	}},
	{"whom it names", func(s *session, o object) []finding {
		for _, sub := range o.maps("subjects") {
			ns := cmp.Or(text(sub, "namespace"), o.GetNamespace())
			if text(sub, "kind") != "ServiceAccount" || !s.missing(serviceAccounts, ns, text(sub, "name")) {
				continue
			}
			return one(Finding{
				Reason: "ServiceAccountNotFound", Severity: Warning, Text: fmt.Sprintf("It names the service account %s in %s, which does not exist.", text(sub, "name"), ns),
				Evidence: []Evidence{{Path: "subjects", Value: text(sub, "name") + " in " + ns + " (not found)"}}, Next: "Correct the name or the namespace.",
			})
		}
		return nil
	}},
}

var accountRules = []rule{{"what it is bound to", func(s *session, o object) []finding {
	for _, b := range s.bindingsOf(o.GetNamespace(), o.GetName(), o.GetNamespace()) {
		s.look(b, o.key())
	}
	return nil
}}}

package kube

import (
	"context"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// policyRule is one rule of a role, in the order in which people write it.
type policyRule struct {
	APIGroups     []string `json:"apiGroups"`
	Resources     []string `json:"resources"`
	ResourceNames []string `json:"resourceNames,omitempty"`
	Verbs         []string `json:"verbs"`
}

// rule says in words which rule would allow it.
func (r right) rule() string {
	group, where := r.group, "in the whole cluster"
	if group == "" {
		group = `"" (core)`
	}
	if r.namespace != "" {
		where = "in namespace " + r.namespace
	}
	text := "verb " + r.verb + " on resource " + r.what() + " of API group " + group
	if r.nameable() {
		text += " named " + r.name
	}
	return text + ", " + where
}

// what is the resource as a rule names it.
func (r right) what() string {
	if r.subresource == "" {
		return r.resource
	}
	return r.resource + "/" + r.subresource
}

// nameable tells whether a rule can be narrowed to the name: lists have none, and what is created has none yet.
func (r right) nameable() bool {
	nameless := []string{"list", "watch", "deletecollection"}
	if r.subresource == "" {
		nameless = append(nameless, "create")
	}
	return r.name != "" && !slices.Contains(nameless, r.verb)
}

// snippet is the YAML of roles with their bindings that would allow what is missing: one per namespace, and one for the
// whole cluster where a right is not inside a namespace. It is for the cluster's owner to read, narrow and apply.
func (c *Cluster) snippet(ctx context.Context, op nlp.Op, missing []right) string {
	subject := c.subject(ctx)
	by := map[string][]right{}
	for _, r := range missing {
		by[r.namespace] = append(by[r.namespace], r)
	}
	var docs []string
	for _, namespace := range sortedKeys(by) {
		docs = append(docs, roleAndBinding(op, namespace, by[namespace], subject)...)
	}
	return strings.Join(docs, "---\n")
}

// subject is whom a binding would be for: the member's group in this cluster, or, where there is none, the user.
func (c *Cluster) subject(ctx context.Context) map[string]string {
	who, err := c.self(ctx)
	if err != nil {
		return nil
	}
	for _, g := range who.Groups {
		if strings.HasPrefix(g, "kubechat:") {
			return map[string]string{"kind": "Group", "name": g, "apiGroup": rbacGroup}
		}
	}
	return map[string]string{"kind": "User", "name": who.Username, "apiGroup": rbacGroup}
}

const rbacGroup = "rbac.authorization.k8s.io"

func roleAndBinding(op nlp.Op, namespace string, need []right, subject map[string]string) []string {
	kind, meta := "Role", map[string]string{"name": roleName(op, need), "namespace": namespace}
	if namespace == "" {
		kind = "ClusterRole"
		delete(meta, "namespace")
	}
	docs := []any{map[string]any{"apiVersion": rbacGroup + "/v1", "kind": kind, "metadata": meta, "rules": rules(need)}}
	if subject != nil {
		docs = append(docs, map[string]any{
			"apiVersion": rbacGroup + "/v1", "kind": kind + "Binding", "metadata": meta, "subjects": []any{subject},
			"roleRef": map[string]string{"apiGroup": rbacGroup, "kind": kind, "name": meta["name"]},
		})
	}
	var out []string
	for _, d := range docs {
		b, err := yaml.Marshal(d)
		if err != nil {
			panic("kube: maps of strings always marshal: " + err.Error())
		}
		out = append(out, string(b))
	}
	return out
}

func roleName(op nlp.Op, need []right) string {
	return "kubechat-" + strings.ToLower(string(op)) + "-" + need[0].resource
}

// rules joins rights that differ only in their verb, and then those that differ only in their name.
func rules(need []right) []policyRule {
	var out []policyRule
	for _, r := range need {
		p := policyRule{APIGroups: []string{r.group}, Resources: []string{r.what()}, Verbs: []string{r.verb}}
		if r.nameable() {
			p.ResourceNames = []string{r.name}
		}
		out = merged(out, p, func(a, b policyRule) bool { return slices.Equal(a.ResourceNames, b.ResourceNames) })
	}
	var names []policyRule
	for _, p := range out {
		names = merged(names, p, func(a, b policyRule) bool {
			return len(a.ResourceNames) > 0 && len(b.ResourceNames) > 0 && slices.Equal(a.Verbs, b.Verbs)
		})
	}
	return names
}

// merged adds a rule to the one that it may be joined with, or at the end.
func merged(all []policyRule, p policyRule, join func(a, b policyRule) bool) []policyRule {
	add := func(to *[]string, more []string) {
		for _, m := range more {
			if !slices.Contains(*to, m) {
				*to = append(*to, m)
			}
		}
	}
	for i := range all {
		a := &all[i]
		if slices.Equal(a.APIGroups, p.APIGroups) && slices.Equal(a.Resources, p.Resources) && join(*a, p) {
			add(&a.Verbs, p.Verbs)
			add(&a.ResourceNames, p.ResourceNames)
			return all
		}
	}
	return append(all, p)
}

package nlp

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// listScope: N1 said, N2 of the conversation, N5 the session's namespace.
func (r *reading) listScope(where scope, k *Kind) scope {
	switch {
	case !k.Namespaced:
		return scope{}
	case where.said:
		return where
	case r.focus.Namespace != "":
		return scope{ns: r.focus.Namespace}
	case !k.BuiltIn():
		if ns := r.v.onlySpaceOf(k); ns != "" {
			return scope{ns: ns}
		}
	}
	return scope{ns: r.v.Namespace()}
}

// chooseNamespace: N1 said, N2 of the conversation, N3 the only one, N4 ask.
func (r *reading) chooseNamespace(spec targetSpec, objs []objMention, key string, where scope) (scope, *question) {
	if !r.v.kinds[key].Namespaced {
		return scope{}, nil
	}
	count := map[string]int{}
	var all []*Object
	for _, o := range objs {
		for _, ref := range refsOf(o, key, scope{}) {
			count[ref.Namespace]++
			all = append(all, ref)
		}
	}
	var spaces []string
	for ns, n := range count {
		if n >= len(objs) {
			spaces = append(spaces, ns)
		}
	}
	sort.Strings(spaces)
	kind := strings.ToLower(r.v.kinds[key].Kind)
	switch {
	case where.said && !where.all && slices.Contains(spaces, where.ns):
		return where, nil
	case where.said && !where.all:
		return scope{}, &question{
			text: fmt.Sprintf("I see no %s %s in %s. There is one in %s.", kind, objs[0].name, where.ns, among(spacesOf(all))), candidates: all,
		}
	case r.focus.Namespace != "" && slices.Contains(spaces, r.focus.Namespace):
		return scope{ns: r.focus.Namespace}, nil
	case len(spaces) == 1:
		r.notes = append(r.notes, fmt.Sprintf("The %s %s is in %s.", kind, objs[0].name, spaces[0]))
		return scope{ns: spaces[0]}, nil
	case len(spaces) == 0:
		return scope{}, &question{text: "These are not in one namespace. Name the namespace, or ask for one of them at a time.", spread: true}
	}
	return scope{}, &question{
		text: fmt.Sprintf("There is a %s %s in %s. Which one?", kind, objs[0].name, among(spaces)), candidates: all,
	}
}

// onlySpaceOf is the one namespace that all objects of a kind are in, or "".
func (v *Vocabulary) onlySpaceOf(k *Kind) string {
	ns := ""
	for _, o := range v.objects.ofKind(k.Key()) {
		if ns != "" && o.Namespace != ns {
			return ""
		}
		ns = o.Namespace
	}
	return ns
}

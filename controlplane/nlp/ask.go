package nlp

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// askWhich asks for the missing object, offering what there is.
func (r *reading) askWhich(spec targetSpec, kinds []kindMention, where scope) *question {
	var keys []string
	for _, k := range kinds {
		if len(spec.kinds) == 0 || slices.Contains(spec.kinds, k.kinds[0].Key()) {
			keys = append(keys, k.kinds[0].Key())
		}
	}
	what := "one"
	if len(keys) > 0 {
		what = strings.ToLower(r.v.kinds[keys[0]].Kind)
	} else if len(spec.kinds) > 0 {
		keys = spec.kinds[:min(len(spec.kinds), 3)]
		what = "of them"
		if slices.Equal(keys, workloadKinds) {
			what = "deployment"
		} else if len(spec.kinds) == 1 && r.v.kinds[keys[0]] != nil {
			what = strings.ToLower(r.v.kinds[keys[0]].Kind)
		}
	}
	ns := where.ns
	if ns == "" {
		ns = r.focus.Namespace
	}
	q := &question{text: fmt.Sprintf("Which %s should I %s?", what, spec.verb), open: true}
	if spec.verb == "" {
		q.text = fmt.Sprintf("Which %s do you mean?", what)
	}
	if len(r.focus.Names) > 0 {
		if k := r.v.kinds[r.focus.Resource.Key()]; k != nil && slices.Contains(keys, k.Key()) {
			for _, n := range r.focus.Names {
				q.candidates = append(q.candidates, r.objectOrBare(k, r.focus.Namespace, n))
			}
			return q
		}
	}
	for _, key := range keys {
		for _, o := range r.v.byKind[key] {
			if ns == "" || o.Namespace == ns || o.Namespace == "" {
				q.candidates = append(q.candidates, o)
			}
		}
	}
	return q
}

// askKind asks which of several kinds with one name is meant.
func (r *reading) askKind(spec targetSpec, objs []objMention, where scope) *question {
	var all []*Object
	var names []string
	for _, ref := range objs[0].refs {
		if (len(spec.kinds) > 0 && !slices.Contains(spec.kinds, ref.Kind)) || (where.ns != "" && ref.Namespace != where.ns && ref.Namespace != "") {
			continue
		}
		all = append(all, ref)
		k := strings.ToLower(r.v.kinds[ref.Kind].Kind)
		if !slices.Contains(names, k) {
			names = append(names, k)
		}
	}
	rank := func(key string) int {
		if i := slices.Index(anyKinds, key); i >= 0 {
			return i
		}
		return len(anyKinds)
	}
	sort.SliceStable(all, func(i, j int) bool { return rank(all[i].Kind) < rank(all[j].Kind) })
	return &question{text: fmt.Sprintf("%s is the name of a %s. Which should I %s?", objs[0].name, orList(names), spec.verb), candidates: all}
}

func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and of a " + names[len(names)-1]
}

// noSuch: the named object is not of the kind that was said, or not of one the frame takes.
func (r *reading) noSuch(spec targetSpec, kinds []kindMention, objs []objMention, where scope) (target, *question) {
	o := objs[0]
	var near []*Object
	for _, ref := range o.refs {
		if len(spec.kinds) == 0 || slices.Contains(spec.kinds, ref.Kind) {
			near = append(near, ref)
		}
	}
	said := "object"
	if len(kinds) > 0 {
		said = strings.ToLower(kinds[0].kinds[0].Kind)
	}
	verb := spec.verb
	if verb == "" {
		verb = "show"
	}
	if len(near) == 0 {
		have := strings.ToLower(r.v.kinds[o.refs[0].Kind].Kind)
		return target{}, &question{text: fmt.Sprintf("%s is a %s, which I can't %s.", o.name, have, verb)}
	}
	in := ""
	if where.ns != "" {
		in = " in " + where.ns
	}
	return target{}, &question{text: fmt.Sprintf("I see no %s called %s%s. Did you mean one of these?", said, o.name, in), candidates: near}
}

// unknownName answers a name that the vocabulary does not have: for all the asker may see, there is no such thing.
func (r *reading) unknownName(words []string) *question {
	if len(r.lost) > 0 {
		q := &question{text: fmt.Sprintf("I see no namespace called %q.", r.lost[0])}
		return q
	}
	for _, w := range words {
		if distinctive(w) {
			q := &question{text: fmt.Sprintf("I see nothing called %q in this cluster.", w)}
			low := strings.ToLower(w)
			for _, n := range r.v.names {
				if len(low) >= 3 && (strings.HasPrefix(n, low) || strings.HasPrefix(low, n+"-")) {
					q.candidates = append(q.candidates, r.v.byName[n]...)
				}
			}
			return q
		}
	}
	return nil
}

package nlp

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// podsOf are the pods of a workload or service by its own selector, of a node by where they run.
func (r *reading) podsOf(o *Object, pods *Kind) (target, *question) {
	t := target{kind: pods, where: scope{ns: o.Namespace}, owner: o}
	switch o.Kind {
	case "pods":
		t.names, t.objs = []string{o.Name}, []*Object{o}
		return t, nil
	case "nodes":
		t.field, t.where = "spec.nodeName="+o.Name, scope{all: true}
		return t, nil
	case "jobs.batch":
		t.labels = "job-name=" + o.Name
		return t, nil
	}
	if d, ok := r.v.details(r.ctx, o); ok && len(d.Selector) > 0 {
		t.labels = joinPairs(d.Selector)
		return t, nil
	}
	for _, p := range r.v.objects.ofKind("pods") {
		if p.Namespace == o.Namespace && (p.OwnerName == o.Name || strings.HasPrefix(p.OwnerName, o.Name+"-")) {
			t.names, t.objs = append(t.names, p.Name), append(t.objs, p)
		}
	}
	if len(t.names) == 0 {
		return t, &question{text: fmt.Sprintf("I can't see which pods belong to %s %s.", strings.ToLower(r.v.kinds[o.Kind].Kind), o.Name)}
	}
	return t, nil
}

func spacesOf(objs []*Object) []string {
	var out []string
	for _, o := range objs {
		if !slices.Contains(out, o.Namespace) {
			out = append(out, o.Namespace)
		}
	}
	sort.Strings(out)
	return out
}

// among joins names for a sentence; more than six are cut.
func among(names []string) string {
	if len(names) > 6 {
		names = append(slices.Clone(names[:5]), fmt.Sprintf("%d more", len(names)-5))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// mended asks about a name with a typing error before anything is changed, and says what it was read as before a read.
func (r *reading) mended(spec targetSpec, o objMention, ref *Object) *question {
	if o.part {
		r.byPart = true
	}
	if o.spoken || o.part {
		r.notes = append(r.notes, fmt.Sprintf("I read %q as %s.", o.fixed, ref.Name))
		return nil
	}
	if o.fixed == "" {
		return nil
	}
	r.repairs = append(r.repairs, o.fixed)
	if spec.write {
		return &question{text: fmt.Sprintf("There is no %q. Did you mean %s?", o.fixed, ref.Name), candidates: []*Object{ref}}
	}
	r.notes = append(r.notes, fmt.Sprintf("I read %q as %s.", o.fixed, ref.Name))
	return nil
}

// loose tells whether a kind's word is said for whatever runs: "the checkout service", "the cart pods", "the ledger app".
func loose(k *Kind) bool {
	return k.Key() == "services" || k.Key() == "pods" || k.Kind == "Application" || k.Kind == "App"
}

package nlp

import "slices"

// notes of lists that leave out what no list can leave out.
const allOfThem = "I can't leave out those in a list, so it has all of them."

// beyond are words by which things are left out of a list.
var beyond = wordSet("not except excluding without outside besides but minus beyond")

// leftOutAt tells whether the words right before i leave out what stands there: "pods not on gpu-1", "on nodes
// other than node-a1". Where it is a place that things run on, "not running on" does so as well.
func (r *reading) leftOutAt(i int, running bool) bool {
	for k := i - 1; k >= 0 && k >= i-6 && !r.toks[k].brk; k-- {
		switch w := r.toks[k].text; {
		case beyond[w] && w != "but", w == "than" && k > 0 && r.toks[k-1].text == "other", w == "from" && k > 0 && r.toks[k-1].text == "apart":
			from := k
			if w == "than" || w == "from" {
				from--
			}
			for x := from; x < i; x++ {
				r.useTok(x)
			}
			return true
		case !articles[w] && !inWords[w] && !weakPrepositions[w] && w != "those" && w != "ones" && !(running && (w == "running" || w == "placed" || w == "scheduled")) && w != "nodes" && w != "node" && w != "namespace" && w != "namespaces" && w != "pods" && w != "other":
			return false
		}
	}
	return false
}

// otherNamespaces reads "all pods except those in kube-system": what the API selects by the field of the namespace.
func (r *reading) otherNamespaces(s *Step) bool {
	for _, n := range r.nss {
		if !r.free(n.mention) && !(s.Namespace == n.ns) || len(s.Names) > 0 || !s.Resource.Namespaced || s.Resource.Plural == CategoryAll {
			continue
		}
		if r.leftOutAt(n.i, false) {
			r.use(n.mention)
			r.take(cNS, cEverywhere, cAll)
			s.Namespace, s.AllNamespaces = "", true
			s.FieldSelector = joinComma(s.FieldSelector, "metadata.namespace!="+n.ns)
			return true
		}
	}
	return false
}

// notSo tells whether a state is denied where no list can be narrowed by its contrary: "cronjobs that are not suspended".
func (r *reading) notSo(c concept) bool {
	q, ok := r.cue(c)
	if !ok {
		return false
	}
	for k := q.i - 1; k >= 0 && k >= q.i-3; k-- {
		if negations[r.toks[k].text] || r.toks[k].text == "not" {
			r.use(q.mention)
			r.useTok(k)
			r.notes = append(r.notes, allOfThem)
			return true
		}
		if !stopWords[r.toks[k].text] {
			return false
		}
	}
	return false
}

// withoutDenied sets aside the kinds that are only said to be missing: "services that have no endpoints".
func (r *reading) withoutDenied() {
	first := len(r.toks)
	for _, k := range r.freeKinds() {
		first = min(first, k.i)
	}
	for _, q := range r.cues {
		if q.c != cNot || q.i < first || !r.free(q.mention) {
			continue
		}
		for _, k := range r.freeKinds() {
			if k.i > q.i && k.i <= q.j+4 && !slices.ContainsFunc(r.toks[q.i:k.i], func(t token) bool { return t.brk }) && !r.objectNamed(k.j) && !(k.i > 0 && r.objectNamed(k.i-1)) {
				r.use(k.mention)
			}
		}
	}
}

// deniesAfter tells whether all that denies something in a list stands behind what is listed: the list then shows too much, and
// nothing wrong.
func (u understood) deniesAfter() bool {
	if len(u.steps) != 1 || u.steps[0].Op != OpGet {
		return false
	}
	s := u.steps[0]
	if len(s.Names) > 0 || s.LabelSelector != "" || s.FieldSelector != "" || len(s.Post.Filter) > 0 || s.Post.Count || len(u.reading.kinds) == 0 {
		return false
	}
	for _, q := range u.reading.cues {
		if q.c == cNot && q.i < u.reading.kinds[0].j {
			return false
		}
	}
	return true
}

package nlp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	maxPartWords = 3 // words of a name that are said of it: "argocd repo server"
	maxPartNames = 8 // names that a part may stand in: more says nothing
	minPart      = 4 // letters of a single word that can be a part of a name
)

// partKeys are the kinds whose things people call by a part of their names.
var partKeys = map[string]bool{
	"deployments.apps": true, "statefulsets.apps": true, "daemonsets.apps": true, "cronjobs.batch": true, "jobs.batch": true, "pods": true, "services": true,
}

// componentNouns end what people call a program: "the ingress controller". Where all words of a span mean something else
// as well, only such a span is looked for among the names.
var componentNouns = wordSet(`controller server backend worker workers exporter agent operator proxy gateway api cache manager webhook scheduler queue db
database store ui frontend dashboard broker collector router registry provisioner autoscaler`)

// linkParts finds things by a part of their names: "the ingress controller" is ingress-nginx-controller, "postgres" is
// postgres-main. The words must be whole parts of the name, in its order. It runs before typing errors are mended: a part
// is surer than a mended word. Several things that a part fits are all linked, and asked about.
func (r *reading) linkParts() {
	spans := r.partSpans()
	if len(spans) == 0 {
		return
	}
	found := make([][]string, len(spans))
	for name := range r.v.objects.names() {
		for i, s := range spans {
			if len(found[i]) <= maxPartNames && hasParts(name, s.words) && slices.ContainsFunc(r.v.objects.named(name), nameable) {
				found[i] = append(found[i], name)
			}
		}
	}
	for i, s := range spans { // longer spans come first
		if len(found[i]) == 0 || len(found[i]) > maxPartNames || r.objectIn(s.mention) {
			continue
		}
		m := objMention{mention: s.mention, name: strings.Join(s.words, " ")}
		m.fixed, m.part, m.spoken = r.words(s.mention), true, len(s.words) > 1
		if len(found[i]) == 1 {
			m.name = found[i][0]
		}
		for _, name := range found[i] {
			for _, o := range r.v.objects.named(name) {
				if nameable(o) {
					m.refs = append(m.refs, o)
				}
			}
		}
		r.objs = append(r.objs, m)
	}
}

// nameable tells whether an object is called by people, and not made and named by a controller.
func nameable(o *Object) bool { return partKeys[o.Kind] && o.OwnerName == "" }

type partSpan struct {
	mention
	words []string
}

// partSpans are the words that may be parts of a name, the longer spans first.
func (r *reading) partSpans() []partSpan {
	var out []partSpan
	for n := maxPartWords; n > 0; n-- {
		for i := 0; i+n <= len(r.toks); i++ {
			m := mention{i: i, j: i + n}
			if !r.partable(m) {
				continue
			}
			s := partSpan{mention: m}
			for k := m.i; k < m.j; k++ {
				s.words = append(s.words, r.toks[k].text)
			}
			out = append(out, s)
		}
	}
	return out
}

// partable tells whether the words may be a part of a name: they stand together, nothing in them is a name already, and
// one of them is known as nothing else, or they end as the names of programs do.
func (r *reading) partable(m mention) bool {
	unknown := false
	for k := m.i; k < m.j; k++ {
		t := r.toks[k]
		if t.quoted || t.lit != litNone || (t.brk || t.possess) && k < m.j-1 || stopWords[t.text] || r.inSpoken(k) || r.objectNamed(k) || strings.ContainsAny(t.text, "/=:") || r.aliasOf(t.text) != "" {
			return false
		}
		if !r.known(k) {
			unknown = true
		}
	}
	last := r.toks[m.j-1].text
	if m.j-m.i == 1 {
		return unknown && len(last) >= minPart && !r.saysOtherwise(m.i)
	}
	if r.isCue(m.i) && r.verbPlace(m.i) || slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.i <= m.i && m.j <= k.j }) {
		return false
	}
	return unknown && !r.saysOtherwise(m.i) || componentNouns[last]
}

// saysOtherwise tells whether the word stands where something of its own is named: a place, a container, a new thing.
func (r *reading) saysOtherwise(i int) bool {
	if r.placeWord(i) && r.toks[max(0, i-1)].text != "from" && !(i > 1 && articles[r.toks[i-1].text] && r.toks[i-2].text == "from") || i+1 < len(r.toks) && (r.toks[i+1].text == "container" || r.toks[i+1].text == "label" || r.toks[i+1].text == "namespace") {
		return true
	}
	if i > 0 && (r.toks[i-1].text == "container" || r.toks[i-1].text == "label" || r.toks[i-1].text == "image" || r.toks[i-1].text == "as" || r.toks[i-1].text == "to" && r.has(cSet, cMake)) {
		return true
	}
	return r.imperative(cCreate, cRun, cLabel, cAnnotate, cTaint)
}

func (r *reading) objectIn(m mention) bool {
	return slices.ContainsFunc(r.objs, func(o objMention) bool { return o.i < m.j && m.i < o.j })
}

// hasParts tells whether the words are parts of a name, between its dashes and dots, in their order; all of them are its name.
func hasParts(name string, words []string) bool {
	if len(words[0]) > len(name) || !strings.Contains(name, words[0]) {
		return false
	}
	k := 0
	for part := range strings.FieldsFuncSeq(name, func(c rune) bool { return c == '-' || c == '.' }) {
		if part == words[k] {
			if k++; k == len(words) {
				return true
			}
		}
	}
	return false
}

// useApposition uses the words that say what a named thing is: "the nightly backup db-dump". They stand after an article
// and right before the name, and mean nothing else here.
func (r *reading) useApposition(o objMention) {
	if o.fixed != "" {
		return
	}
	from := o.i - 1
	for from >= 0 && o.i-from <= 3 && !r.used[from] && !stopWords[r.toks[from].text] && r.toks[from].lit == litNone && !r.toks[from].quoted && !r.toks[from].brk &&
		!r.isCue(from) && !r.isKind(from) && !r.objectNamed(from) && r.aliasOf(r.toks[from].text) == "" {
		from--
	}
	if from < 0 || from == o.i-1 || !articles[r.toks[from].text] {
		return
	}
	for k := from + 1; k < o.i; k++ {
		r.useTok(k)
		r.note(mention{i: k, j: k + 1}, "what "+o.name+" is")
	}
}

// fits asks which one is meant where a part of a name fits several.
func (r *reading) fits(spec targetSpec, named []objMention, key string, where scope) *question {
	for _, o := range named {
		if !o.part {
			continue
		}
		refs := refsOf(o, key, where)
		if len(refs) == 0 {
			refs = refsOf(o, key, scope{})
		}
		if slices.ContainsFunc(refs, func(ref *Object) bool { return ref.Name != refs[0].Name }) {
			return &question{text: fmt.Sprintf("Several have %q in their names. Which one should I %s?", o.fixed, cmp.Or(spec.verb, "take")), candidates: refs}
		}
	}
	return nil
}

// orBetween tells whether names are said as a choice: "delete nginx1 or nginx2".
func (r *reading) orBetween(objs []objMention) bool {
	for k, t := range r.toks {
		if t.text == "or" && slices.ContainsFunc(objs, func(o objMention) bool { return o.j == k || o.j == k-1 }) && slices.ContainsFunc(objs, func(o objMention) bool { return o.i > k }) {
			return true
		}
	}
	return false
}

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
	if len(kinds) == 0 && r.has(cIt) && r.focus.Resource.Plural != "" && (len(spec.kinds) == 0 || slices.Contains(spec.kinds, r.focus.Resource.Key())) {
		keys = []string{r.focus.Resource.Key()} // one of those that were listed
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
		for _, o := range r.v.objects.ofKind(key) {
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

// noNamespace says which namespaces there are instead.
func (r *reading) noNamespace(said string) *question {
	q := &question{text: fmt.Sprintf("I see no namespace called %q.", said)}
	switch there := slices.DeleteFunc(slices.Clone(r.v.Namespaces()), SystemNamespace); len(there) {
	case 0:
	case 1:
		q.text += fmt.Sprintf(" There is %s.", there[0])
	default:
		q.text += fmt.Sprintf(" There are %s.", among(there))
	}
	return q
}

// unknownName answers a name that the vocabulary does not have: for all the asker may see, there is no such thing. It
// offers what is called nearly so, and says plainly where nothing is.
func (r *reading) unknownName(words []string) *question {
	if len(r.lost) > 0 {
		return r.noNamespace(r.lost[0])
	}
	for _, w := range words {
		kind, isName := r.unknownAt(w)
		if !isName {
			continue
		}
		q := &question{candidates: r.near(strings.ToLower(w), kind)}
		what := "nothing called"
		if kind != nil {
			what = "no " + strings.ToLower(kind.Kind) + " called"
		}
		q.text = fmt.Sprintf("I see %s %q in this cluster.", what, w)
		switch {
		case len(q.candidates) > 0:
			q.text += " Did you mean one of these?"
		case kind != nil && kind.Key() != "pods":
			q.text += " Nothing here has a name like it."
			for _, o := range r.v.objects.ofKind(kind.Key()) {
				if ns := r.saidNS(); ns == "" || o.Namespace == ns || o.Namespace == "" {
					q.candidates = append(q.candidates, o)
				}
			}
			if len(q.candidates) > 0 {
				q.text += " There are these:"
			}
		default:
			q.text += " Nothing here has a name like it."
		}
		q.choices = r.respelled(w, q.candidates)
		return q
	}
	return nil
}

// unknownAt tells whether a word that nothing explains is a name: by its look, or because it stands where names do, after
// a kind or "of". It returns the kind that was said of it.
func (r *reading) unknownAt(w string) (*Kind, bool) {
	for i, t := range r.toks {
		if t.raw != w || t.quoted {
			continue
		}
		for _, k := range r.kinds {
			if r.possessedKind(k) {
				continue
			}
			if (k.j == i && !r.toks[i-1].brk && (!english(t.text) || r.afterOne(i)) || k.i == i+1 && !t.brk && len(r.toks) == k.j) && r.nameLike(i) && !k.plural {
				return k.kinds[0], true
			}
		}
		if i > 0 && (r.toks[i-1].text == "of" || r.toks[i-1].text == "for" || r.toks[i-1].text == "from" || r.verbPlace(i-1) && r.isCue(i-1) && !stopWords[r.toks[i-1].text]) && r.nameLike(i) {
			return nil, true
		}
	}
	return nil, distinctive(w) || r.asksHealthOf(w)
}

// asksHealthOf: "is catalogue healthy": the word is what is asked about.
func (r *reading) asksHealthOf(w string) bool {
	for i := 1; i+1 < len(r.toks); i++ {
		p := r.toks[i-1].text
		if r.toks[i].raw == w && (p == "is" || p == "are" || p == "does" || p == "did" || p == "has") && r.nameLike(i) {
			return slices.ContainsFunc(r.cues, func(q cue) bool {
				return q.i == i+1 && (q.c == cHealth || q.c == cReady || q.c == cRunning || q.c == cFailing || q.c == cCrashing || q.c == cRollout)
			})
		}
	}
	return false
}

// nameLike: a word of no other meaning, and no everyday English.
func (r *reading) nameLike(i int) bool {
	t := r.toks[i]
	if english(t.text) && len(r.objs)+len(r.kinds) > 0 && !r.endsNoun(i) {
		return false // "on top of plain kubernetes"
	}
	return t.lit == litNone && !stopWords[t.text] && !plainWords[t.text] && !offTopic[t.text] && !r.isCue(i)
}

// near are things that are called nearly as the word: they begin alike, share a part, or differ by a few letters.
func (r *reading) near(low string, kind *Kind) []*Object {
	var out []*Object
	if len(low) < 3 {
		return nil
	}
	for n := range r.v.objects.names() {
		alike := strings.HasPrefix(n, low) || strings.HasPrefix(low, n+"-") || hasParts(n, []string{low}) || distance(low, n, len(low)/3) <= len(low)/3 || sharedStart(low, n) >= 4
		if !alike {
			continue
		}
		for _, o := range r.v.objects.named(n) {
			if kind == nil && (nameable(o) || o.Kind == "nodes") || kind != nil && o.Kind == kind.Key() {
				out = append(out, o)
			}
		}
		if len(out) >= maxTries {
			break
		}
	}
	return out
}

// saidNS is the namespace that the text names, used or not.
func (r *reading) saidNS() string {
	ns, best := "", 0
	for _, n := range r.nss {
		if n.strength > best {
			ns, best = n.ns, n.strength
		}
	}
	return ns
}

// respelled are the same words with each candidate's name in the place of the unknown one.
func (r *reading) respelled(w string, candidates []*Object) []Choice {
	var out []Choice
	if !strings.Contains(r.said, w) {
		return nil
	}
	candidates = candidates[:min(len(candidates), maxTries)]
	for i, label := range labelsFor(r.v, candidates) {
		o := candidates[i]
		text := strings.Replace(r.said, w, o.Name, 1)
		if o.Namespace != "" && r.saidNS() == "" {
			text = strings.TrimRight(text, " .?!") + " in namespace " + o.Namespace
		}
		if len(out) < 5 && !slices.ContainsFunc(out, func(c Choice) bool { return c.Text == text }) {
			out = append(out, Choice{Label: label, Text: text})
		}
	}
	return out
}

func sharedStart(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

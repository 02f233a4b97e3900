package nlp

import (
	"context"
	"slices"
	"strings"
)

// mention is a span of tokens [i, j) that means something.
type mention struct {
	i, j  int
	fixed string // as typed, when it was not typed as it is called
	typo  bool   // and that by a typing error, not by a usual short form
}

type cue struct {
	mention
	c concept
}

type kindMention struct {
	mention
	kinds  []*Kind
	plural bool
}

type objMention struct {
	mention
	name string
	refs []*Object
}

// nsMention: strength 3 = said to be a namespace, 2 = after "in", 1 = bare.
type nsMention struct {
	mention
	ns       string
	strength int
}

// reading is one text in the light of one vocabulary, and how much of it a frame has explained.
type reading struct {
	ctx     context.Context
	v       *Vocabulary
	focus   Focus
	toks    []token
	cues    []cue
	kinds   []kindMention
	objs    []objMention
	nss     []nsMention
	lost    []string // words said to be a namespace that are none
	used    []bool
	forced  *Object // answers the question of the target, for the choices of a clarification
	notes   []string
	trace   []TraceEntry
	repairs []string // object names that were repaired and used: "paymets" -> "payments"
	verbFix bool     // the verb was repaired
}

func newReading(ctx context.Context, v *Vocabulary, focus Focus, toks []token) *reading {
	r := &reading{ctx: ctx, v: v, focus: focus, toks: toks, used: make([]bool, len(toks))}
	r.linkCues()
	r.linkKinds()
	for _, q := range r.cues {
		if q.c == cEverywhere { // "all namespaces" is a place, not a kind to list
			r.dropKinds(q.i, q.j)
		}
	}
	r.linkNames()
	r.repair()
	r.linkNamespaces()
	r.settle()
	return r
}

// settle drops cue words that are certainly names: a namespace after "in", an object beside its kind.
func (r *reading) settle() {
	slices.SortStableFunc(r.cues, func(a, b cue) int { return (b.j - b.i) - (a.j - a.i) })
	var keep []cue
	for _, q := range r.cues {
		if q.j-q.i == 1 && (r.namespaceAt(q.i, 2) || r.namedBesideKind(q.i)) {
			continue
		}
		keep = append(keep, q)
	}
	r.cues = keep
	r.objs = slices.DeleteFunc(r.objs, func(o objMention) bool { // "kafka topics" is a kind, whatever is called kafka
		return slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.j-k.i > 1 && k.i <= o.i && o.i < k.j })
	})
}

func (r *reading) namedBesideKind(i int) bool {
	for _, o := range r.objs {
		if o.i != i {
			continue
		}
		for _, k := range r.kinds {
			if (k.j == i || k.i == i+1) && len(refsOf(o, k.kinds[0].Key(), scope{})) > 0 {
				return true
			}
		}
	}
	return false
}

func (r *reading) fork() *reading {
	c := *r
	c.used = append([]bool(nil), r.used...)
	c.notes, c.trace = append([]string(nil), r.notes...), append([]TraceEntry(nil), r.trace...)
	c.repairs = append([]string(nil), r.repairs...)
	return &c
}

// phraseAt tells whether the words stand at token i, with no comma between them.
func (r *reading) phraseAt(i int, words []string) bool {
	if i+len(words) > len(r.toks) {
		return false
	}
	for k, w := range words {
		t := r.toks[i+k]
		if t.text != w || t.quoted || (k < len(words)-1 && t.brk) {
			return false
		}
	}
	return true
}

func (r *reading) linkCues() {
	for i, t := range r.toks {
		if t.quoted {
			continue
		}
		for _, p := range lexicon[t.text] {
			if r.phraseAt(i, p.words) {
				r.cues = append(r.cues, cue{mention{i: i, j: i + len(p.words)}, p.c})
			}
		}
	}
}

// englishShortNames are short names that are also everyday words: kinds only right after a verb or alone.
var englishShortNames = wordSet("no so all vs as at in is it to go me us limits app apps ev ns job jobs top on of or an be by do he if my up we am")

func (r *reading) linkKinds() {
	for i := 0; i < len(r.toks); i++ {
		n := min(r.v.maxWords, len(r.toks)-i)
		for ; n > 0; n-- {
			words := make([]string, n)
			for k := range words {
				words[k] = r.toks[i+k].text
			}
			phrase := strings.Join(words, " ")
			kinds := r.v.words[phrase]
			if len(kinds) == 0 || !r.phraseAt(i, words) || r.toks[i].quoted || (r.toks[i].lit != litNone && n == 1) {
				continue
			}
			if n == 1 && englishShortNames[phrase] && kinds[0].Plural != phrase && kinds[0].Singular != phrase && phrase != "ns" && !r.commandPlace(i) {
				continue
			}
			r.kinds = append(r.kinds, kindMention{mention{i: i, j: i + n}, kinds, isPlural(phrase, kinds[0])})
			break
		}
		if n > 1 {
			i += n - 1
		}
	}
}

func isPlural(phrase string, k *Kind) bool {
	return phrase != k.Singular && strings.HasSuffix(phrase, "s") && phrase != strings.ToLower(k.Kind)
}

// stopOrAnswer are short names that alone are an answer, not a list.
var stopOrAnswer = wordSet("no so all")

// commandPlace tells whether a short word stands where a command has its kind: first of at most three, or after a verb.
func (r *reading) commandPlace(i int) bool {
	if i == 0 {
		return len(r.toks) <= 3 && !(len(r.toks) == 1 && stopOrAnswer[r.toks[0].text])
	}
	switch r.toks[i-1].text {
	case "get", "describe", "delete", "list", "show", "edit", "patch", "scale":
		return !stopWords[r.toks[i].text] || len(r.toks) <= 4
	}
	return false
}

func (r *reading) linkNames() {
	for i, t := range r.toks {
		if t.lit == litImage || t.lit == litKeyValue {
			continue
		}
		name := t.text
		if kind, rest, ok := strings.Cut(name, "/"); ok && !strings.Contains(rest, "/") {
			r.linkSlash(i, kind, rest)
			continue
		}
		refs := r.v.byName[name]
		if len(refs) == 0 && t.possess && r.v.byName[name+"s"] != nil {
			name, refs = name+"s", r.v.byName[name+"s"]
		}
		if len(refs) == 0 {
			refs = r.ordinalPod(name)
		}
		if len(refs) > 0 && (!stopWords[t.text] || t.quoted) {
			r.objs = append(r.objs, objMention{mention{i: i, j: i + 1}, name, refs})
		}
	}
}

// linkSlash reads kind/name and namespace/name.
func (r *reading) linkSlash(i int, left, name string) {
	if kinds := r.v.words[left]; len(kinds) > 0 {
		r.kinds = append(r.kinds, kindMention{mention{i: i, j: i + 1}, kinds, false})
		if refs := r.v.byName[name]; len(refs) > 0 {
			r.objs = append(r.objs, objMention{mention{i: i, j: i + 1}, name, refs})
		} else if refs := r.ordinalPod(name); len(refs) > 0 {
			r.objs = append(r.objs, objMention{mention{i: i, j: i + 1}, name, refs})
		}
		return
	}
	if r.v.namespaces[left] {
		var refs []*Object
		for _, o := range r.v.byName[name] {
			if o.Namespace == left {
				refs = append(refs, o)
			}
		}
		if len(refs) > 0 {
			r.nss = append(r.nss, nsMention{mention{i: i, j: i + 1}, left, 3})
			r.objs = append(r.objs, objMention{mention{i: i, j: i + 1}, name, refs})
		}
	}
}

// ordinalPod knows kafka-0 from the StatefulSet kafka, which may have its pods' names kept from the vocabulary.
func (r *reading) ordinalPod(name string) []*Object {
	cut := strings.LastIndexByte(name, '-')
	if cut <= 0 || !reNumber.MatchString(name[cut+1:]) {
		return nil
	}
	var out []*Object
	for _, o := range r.v.byName[name[:cut]] {
		if o.Kind == "statefulsets.apps" {
			out = append(out, &Object{Kind: "pods", Namespace: o.Namespace, Name: name, OwnerKind: "StatefulSet", OwnerName: o.Name})
		}
	}
	return out
}

func (r *reading) known(i int) bool {
	t := r.toks[i]
	if t.lit != litNone || stopWords[t.text] || t.env {
		return true
	}
	for _, c := range r.cues {
		if c.i <= i && i < c.j {
			return true
		}
	}
	for _, k := range r.kinds {
		if k.i <= i && i < k.j {
			return true
		}
	}
	for _, o := range r.objs {
		if o.i == i {
			return true
		}
	}
	return r.v.namespaces[t.text] || r.aliasOf(t.text) != ""
}

// repair recognises words with a typing error: against the closed lexicon, the kinds, the namespaces and the names.
func (r *reading) repair() {
	done := map[string]bool{}
	for i := range r.toks {
		t := r.toks[i]
		if r.known(i) || t.quoted || len(t.text) > 63 || strings.ContainsAny(t.text, "/=:") {
			continue
		}
		if done[t.text] {
			continue // said before: the first mention is enough to ask or to act on
		}
		done[t.text] = true
		lex, dl, _ := nearest(t.text, lexiconWords)
		kind, dk, _ := nearest(t.text, r.v.kindWords)
		ns, dn, tn := nearest(t.text, r.v.nsNames)
		obj, do, to := nearest(t.text, r.v.names)
		const none = 9
		place := r.placeWord(i)
		if lex == "" || distinctive(t.text) || place || r.afterKind(i) {
			dl = none
		}
		if kind == "" || distinctive(t.text) || place {
			dk = none
		}
		if ns == "" || tn > 1 {
			dn = none
		}
		if obj == "" || to > 1 {
			do = none
		}
		m := mention{i: i, j: i + 1, fixed: t.raw, typo: true}
		if place && dn <= do && dn < none {
			r.nss = append(r.nss, nsMention{m, ns, 2})
			continue
		}
		switch best := min(dl, dk, dn, do); {
		case best == none:
		case dk == best:
			r.kinds = append(r.kinds, kindMention{m, r.v.words[kind], isPlural(kind, r.v.words[kind][0])})
		case dl == best:
			r.toks[i].text = lex
			for _, p := range lexicon[lex] {
				if r.phraseAt(i, p.words) {
					r.cues = append(r.cues, cue{mention{i: i, j: i + len(p.words), fixed: t.raw}, p.c})
				}
			}
		case do == best && (dn != best || !onlyNamespaces(r.v.byName[obj])):
			r.objs = append(r.objs, objMention{m, obj, r.v.byName[obj]})
			if dn == best {
				r.nss = append(r.nss, nsMention{m, ns, 1})
			}
		default:
			r.nss = append(r.nss, nsMention{m, ns, 1})
		}
	}
}

func onlyNamespaces(refs []*Object) bool {
	for _, o := range refs {
		if o.Kind != "namespaces" {
			return false
		}
	}
	return true
}

// afterKind tells whether the word stands right after a kind, where names stand.
func (r *reading) afterKind(i int) bool {
	return slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.j == i && !r.toks[i-1].brk })
}

// placeWord tells whether the word stands where a place or a name does: after "in" or "namespace".
func (r *reading) placeWord(i int) bool {
	for p := i - 1; p >= 0 && !r.toks[p].brk; p-- {
		w := r.toks[p].text
		if inWords[w] || w == "namespace" || w == "ns" || w == "named" || w == "called" {
			return true
		}
		if !articles[w] {
			break
		}
	}
	return i+1 < len(r.toks) && (r.toks[i+1].text == "namespace" || r.toks[i+1].text == "ns")
}

// distinctive tells a name from a word: names have digits and dashes, and are not mended into verbs.
func distinctive(w string) bool { return strings.ContainsAny(w, "-0123456789_.") }

// namespaceAliases are ways people shorten the usual namespaces.
var namespaceAliases = [][]string{
	{"prod", "production", "prd", "live"}, {"staging", "stage", "stg", "preprod", "pre-prod"}, {"dev", "development", "devel"},
	{"test", "testing", "tst"}, {"monitoring", "mon", "observability", "metrics"}, {"qa", "quality"}, {"sandbox", "sbx"},
}

// aliasOf is the one namespace that a usual short or long form stands for, or "".
func (r *reading) aliasOf(w string) string {
	if r.v.namespaces[w] {
		return w
	}
	for _, group := range namespaceAliases {
		for _, a := range group {
			if a != w {
				continue
			}
			found := ""
			for _, b := range group {
				if r.v.namespaces[b] {
					if found != "" {
						return ""
					}
					found = b
				}
			}
			return found
		}
	}
	return ""
}

var inWords = wordSet("in within inside from across under at into")
var weakPrepositions = wordSet("on for of to")
var articles = wordSet("the my our that this your namespace ns")

// linkNamespaces finds what is said to be a namespace, and words that are namespaces.
func (r *reading) linkNamespaces() {
	for i, t := range r.toks {
		if r.markedNamespace(i) {
			continue
		}
		ns := r.aliasOf(t.text)
		if ns == "" || t.lit == litImage {
			if ns == "" && i > 0 && r.placeWord(i) && !r.known(i) && !r.namespaceAt(i, 1) {
				r.lost = append(r.lost, t.raw)
			}
			continue
		}
		strength := 1
		p := i - 1
		for p >= 0 && articles[r.toks[p].text] {
			p--
		}
		if p >= 0 && inWords[r.toks[p].text] && !r.toks[p].brk {
			strength = 2
		}
		if ns != t.text && strength == 1 && r.isCue(i) { // "live pods" is not the namespace prod
			continue
		}
		if stopWords[t.text] && strength < 2 {
			continue
		}
		m := mention{i: i, j: i + 1}
		if ns != t.text {
			m.fixed = t.raw
		}
		r.nss = append(r.nss, nsMention{m, ns, strength})
	}
}

func (r *reading) isCue(i int) bool {
	for _, c := range r.cues {
		if c.i <= i && i < c.j {
			return true
		}
	}
	return false
}

// markedNamespace reads "namespace X" and "the X namespace" when they say where, not what.
func (r *reading) markedNamespace(i int) bool {
	word := func(k int) string {
		if k < 0 || k >= len(r.toks) {
			return ""
		}
		return r.toks[k].text
	}
	isNS := func(k int) bool { return word(k) == "namespace" || word(k) == "ns" }
	before := i - 1
	marked, from, to := false, i, i+1
	switch {
	case isNS(before):
		marked, from = true, before
		before--
	case isNS(i+1) && !r.toks[i].brk:
		marked, to = true, i+2
	}
	if !marked || isNS(i) {
		return false
	}
	for before >= 0 && articles[word(before)] {
		before--
	}
	scoped := before >= 0 && (inWords[word(before)] || weakPrepositions[word(before)])
	if !scoped && !r.otherThing(from, to) {
		return false
	}
	ns := r.aliasOf(word(i))
	fixed, typo := "", false
	if ns == "" && len(word(i)) > 3 {
		if near, _, ties := nearest(word(i), r.v.nsNames); ties == 1 {
			ns, fixed, typo = near, r.toks[i].raw, true
		}
	}
	if ns == "" {
		if !stopWords[word(i)] && !r.isCue(i) {
			r.lost = append(r.lost, r.toks[i].raw)
		}
		return false
	}
	if ns != word(i) {
		fixed = r.toks[i].raw
	}
	r.nss = append(r.nss, nsMention{mention{i: from, j: to, fixed: fixed, typo: typo}, ns, 3})
	r.dropKinds(from, to)
	r.dropObjects(i)
	return true
}

// otherThing tells whether something besides the span is a kind or an object: then "namespace X" is where it is.
func (r *reading) otherThing(from, to int) bool {
	for _, k := range r.kinds {
		if (k.j <= from || k.i >= to) && k.kinds[0].Plural != "namespaces" {
			return true
		}
	}
	for _, o := range r.objs {
		if o.j <= from || o.i >= to {
			return true
		}
	}
	return false
}

func (r *reading) dropKinds(from, to int) {
	var keep []kindMention
	for _, k := range r.kinds {
		if k.j <= from || k.i >= to {
			keep = append(keep, k)
		}
	}
	r.kinds = keep
}

func (r *reading) dropObjects(i int) {
	var keep []objMention
	for _, o := range r.objs {
		if o.i != i {
			keep = append(keep, o)
		}
	}
	r.objs = keep
}

package nlp

import (
	"context"
	"slices"
	"strings"
)

// mention is a span of tokens [i, j) that means something.
type mention struct {
	i, j   int
	fixed  string // as typed, when it was not typed as it is called
	typo   bool   // and that by a typing error, not by a usual short form
	spoken bool   // or in several words: "web ui" for web-ui
	part   bool   // or by a part of the name: "postgres" for postgres-main
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
	ctx      context.Context
	v        *Vocabulary
	focus    Focus
	toks     []token
	cues     []cue
	kinds    []kindMention
	objs     []objMention
	nss      []nsMention
	spokenNS []nsMention // namespaces said in several words
	lost     []string    // words said to be a namespace that are none
	used     []bool
	noted    []bool  // told in the trace
	talk     []bool  // means nothing here, and is no name
	forced   *Object // answers the question of the target, for the choices of a clarification
	notes    []string
	trace    []TraceEntry
	repairs  []string // object names that were repaired and used: "paymets" -> "payments"
	verbFix  bool     // the verb was repaired
	said     string   // the text, where it is known
	byPart   bool     // an object was found by a part of its name
}

func newReading(ctx context.Context, v *Vocabulary, focus Focus, toks []token) *reading {
	r := linkExact(ctx, v, focus, toks)
	r.linkParts()
	r.repair()
	r.linkNamespaces()
	r.thatNamespace()
	r.settle()
	r.markTalk()
	return r
}

// exactReading knows only what is said as it is called: nothing in it is mended, or found by a part of its name.
func exactReading(ctx context.Context, v *Vocabulary, focus Focus, toks []token) *reading {
	r := linkExact(ctx, v, focus, toks)
	r.linkNamespaces()
	r.settle()
	return r
}

func linkExact(ctx context.Context, v *Vocabulary, focus Focus, toks []token) *reading {
	r := &reading{ctx: ctx, v: v, focus: focus, toks: toks, used: make([]bool, len(toks)), noted: make([]bool, len(toks))}
	r.mendKinds()
	r.linkCues()
	r.linkKinds()
	r.linkEverywhere()
	r.listsNamespaces()
	r.dropEverywhereKinds()
	r.linkClusters()
	r.linkNames()
	r.linkSpoken()
	r.linkLastWords()
	r.linkGroups()
	return r
}

// wholePhrase are concepts whose phrases hold no names: in "api resources" nothing is called api.
var wholePhrase = map[concept]bool{cKinds: true, cVersion: true, cWhoAmI: true, cCanDo: true}

// settle drops cue words that are certainly names: a namespace after "in", an object beside its kind.
func (r *reading) settle() {
	slices.SortStableFunc(r.cues, func(a, b cue) int { return (b.j - b.i) - (a.j - a.i) })
	var keep []cue
	for _, q := range r.cues {
		if r.withinSpoken(q.mention) || r.withinState(q) || q.c == cCanI && r.withinHow(q.mention) || (q.c == cIt || q.c == cTop) && r.withinFiller(q.mention) {
			continue
		}
		if q.j-q.i == 1 && (r.isDone(q) || slices.ContainsFunc(r.kinds, func(k kindMention) bool {
			return k.j-k.i > 1 && k.i <= q.i && q.j <= k.j && slices.Contains(changeCues, q.c)
		})) {
			continue // "stateful set"
		}
		if q.j-q.i == 1 && (r.namespaceAt(q.i, 2) || r.namedBesideKind(q.i)) {
			continue
		}
		keep = append(keep, q)
	}
	r.cues = slices.DeleteFunc(keep, r.isRelative)
	r.kinds = slices.DeleteFunc(r.kinds, func(k kindMention) bool { return r.withinSpoken(k.mention) })
	r.objs = slices.DeleteFunc(r.objs, func(o objMention) bool { // "kafka topics" is a kind, whatever is called kafka
		return slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.j-k.i > 1 && k.i <= o.i && o.i < k.j && !o.spoken }) ||
			slices.ContainsFunc(r.cues, func(q cue) bool { return q.j-q.i > 1 && wholePhrase[q.c] && q.i <= o.i && o.i < q.j })
	})
}

var pastSpeakers = wordSet("i we they he she someone somebody who nobody everybody you")

// isDone tells whether a verb of changes says how things are: "worker is scaled to 2", "was restarted".
func (r *reading) isDone(q cue) bool {
	if !slices.Contains(changeCues, q.c) || !verbForm(r.toks[q.i].text, "<p>") {
		return false
	}
	k := q.i - 1
	for k >= 0 && (r.toks[k].text == "already" || r.toks[k].text == "now" || r.toks[k].text == "currently" || r.toks[k].text == "still") {
		k--
	}
	if k >= 0 && k == q.i-1 && !(k > 0 && r.toks[k-1].text == "if") && pastSpeakers[r.toks[k].text] && strings.HasSuffix(r.toks[q.i].text, "ed") {
		return true // "we deleted it"
	}
	return k > 0 && (r.toks[k].text == "is" || r.toks[k].text == "are" || r.toks[k].text == "was" || r.toks[k].text == "were" || r.toks[k].text == "been")
}

// withinHow: "how can i see" asks for no right.
func (r *reading) withinHow(m mention) bool {
	return slices.ContainsFunc(r.cues, func(q cue) bool { return q.c == cHow && q.i <= m.i && m.j <= q.j && q.j-q.i > m.j-m.i })
}

// withinFiller: "at this moment" points at nothing.
func (r *reading) withinFiller(m mention) bool {
	if m.j-m.i == 1 && m.j < len(r.toks) && r.toks[m.i].text == "this" && timeNouns[r.toks[m.j].text] {
		return true
	}
	return slices.ContainsFunc(r.cues, func(q cue) bool { return q.c == cFiller && q.i <= m.i && m.j <= q.j && q.j-q.i > m.j-m.i })
}

var timeNouns = wordSet("moment time point hour week morning afternoon evening month year second minute instant stage")

// withinSpoken tells whether all of a mention lies in a name that was said in several words.
func (r *reading) withinSpoken(m mention) bool {
	for k := m.i; k < m.j; k++ {
		if !r.inSpoken(k) {
			return false
		}
	}
	return true
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
	c.used, c.noted = append([]bool(nil), r.used...), append([]bool(nil), r.noted...)
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
			if r.phraseAt(i, p.words) && !(t.text == "let" && len(p.words) == 1 && r.letsMe(i)) {
				r.cues = append(r.cues, cue{mention{i: i, j: i + len(p.words)}, p.c})
			}
		}
	}
}

// letsMe: "let me see" lets nothing be changed.
func (r *reading) letsMe(i int) bool {
	return i+1 < len(r.toks) && (r.toks[i+1].text == "me" || r.toks[i+1].text == "us")
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
			if len(kinds) == 0 && n > 1 && n <= 3 && slices.ContainsFunc(words, func(w string) bool { return !english(w) }) { // "poddisruption budgets"
				kinds = r.v.words[strings.Join(words, "")]
			}
			if len(kinds) == 0 || !r.phraseAt(i, words) || r.toks[i].quoted || (r.toks[i].lit != litNone && n == 1) {
				continue
			}
			if kinds[0].Plural == "namespaces" && i > 1 && inWords[r.toks[i-2].text] && (r.toks[i-1].text == "that" || r.toks[i-1].text == "this" || r.toks[i-1].text == "same") {
				continue // "what is in that namespace" is about what is in it
			}
			if phrase == "deploy" && r.deploysSomething(i) {
				continue
			}
			if n == 1 && englishShortNames[phrase] && i > 0 && len(r.toks[i-1].text) > 2 && groupSays(kinds[0].Group, r.toks[i-1].text) { // "argo apps"
				r.kinds = append(r.kinds, kindMention{mention{i: i, j: i + 1}, kinds, isPlural(phrase, kinds[0])})
				break
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

// deploysSomething tells a verb from the short name: "deploy the hotfix".
func (r *reading) deploysSomething(i int) bool {
	return r.verbPlace(i) && i+2 < len(r.toks) && !r.toks[i].brk && (r.toks[i+1].text == "the" || r.toks[i+1].text == "a" || r.toks[i+1].text == "an" || r.toks[i+1].text == "my" || r.toks[i+1].text == "our")
}

func isPlural(phrase string, k *Kind) bool {
	return phrase != k.Singular && strings.HasSuffix(phrase, "s") && phrase != strings.ToLower(k.Kind)
}

// stopOrAnswer are short names that alone are an answer, not a list.
var stopOrAnswer = wordSet("no so all")

// commandPlace tells whether a short word stands where a command has its kind: first of at most three, or after a verb.
func (r *reading) commandPlace(i int) bool {
	if i == 0 {
		return len(r.toks) <= 3 && !r.toks[0].brk && !(len(r.toks) == 1 && stopOrAnswer[r.toks[0].text])
	}
	switch r.toks[i-1].text {
	case "get", "describe", "delete", "list", "show", "edit", "patch", "scale":
		return !stopWords[r.toks[i].text] || len(r.toks) <= 4
	}
	return false
}

func (r *reading) linkNames() {
	for i, t := range r.toks {
		if t.lit == litImage || t.lit == litKeyValue || t.lit == litCommand || t.lit == litJSON {
			continue
		}
		name := t.text
		if kind, rest, ok := strings.Cut(name, "/"); ok && !strings.Contains(rest, "/") {
			r.linkSlash(i, kind, rest)
			continue
		}
		refs := r.v.objects.named(name)
		if len(refs) == 0 && t.possess && r.v.objects.has(name+"s") {
			name, refs = name+"s", r.v.objects.named(name+"s")
		}
		if len(refs) == 0 {
			refs = r.ordinalPod(name)
		}
		if len(refs) == 0 {
			refs = r.ordinalClaim(name)
		}
		if single := strings.TrimSuffix(name, "s"); len(refs) == 0 && single != name && len(single) > 5 && len(r.v.words[name]) == 0 && len(lexicon[name]) == 0 {
			name, refs = single, r.v.objects.named(single) // "three alertmanagers"
		}
		if len(refs) > 0 && (!stopWords[t.text] || t.quoted || r.namesStopWord(i, refs)) {
			r.objs = append(r.objs, objMention{mention{i: i, j: i + 1}, name, refs})
		}
	}
}

// politeWords are words of courtesy and filling that something may well be called after.
var politeWords = wordSet("hello hi hey morning afternoon evening cluster kubernetes little bit sort mate friend buddy folk yo ping ho name namespace hm live system")

// namesStopWord tells whether a word that usually carries nothing is a name here: beside its kind, or where a
// sentence does not greet.
func (r *reading) namesStopWord(i int, refs []*Object) bool {
	if i > 0 && politeWords[r.toks[i].text] && !r.toks[i].brk && !r.toks[i-1].brk && r.toks[i].text != "namespace" && r.toks[i].text != "cluster" {
		return true
	}
	if i == 0 && politeWords[r.toks[i].text] && r.saysNot(i+1) { // "hello does not answer"
		return true
	}
	for _, k := range r.kinds {
		if (k.j == i || k.i == i+1) && slices.ContainsFunc(refs, func(o *Object) bool { return o.Kind == k.kinds[0].Key() }) && !grammarWords[r.toks[i].text] {
			return true
		}
	}
	return false
}

// grammarWords are never names where they stand unquoted.
var grammarWords = wordSet("a an the this that these those my our your their his her its in on at for from by with of to and or is are was be as so but not no all")

// linkSlash reads kind/name and namespace/name.
func (r *reading) linkSlash(i int, left, name string) {
	if kinds := r.v.words[left]; len(kinds) > 0 {
		r.kinds = append(r.kinds, kindMention{mention{i: i, j: i + 1}, kinds, false})
		if refs := r.v.objects.named(name); len(refs) > 0 {
			r.objs = append(r.objs, objMention{mention{i: i, j: i + 1}, name, refs})
		} else if refs := r.ordinalPod(name); len(refs) > 0 {
			r.objs = append(r.objs, objMention{mention{i: i, j: i + 1}, name, refs})
		}
		return
	}
	if r.v.namespaces[left] {
		var refs []*Object
		for _, o := range r.v.objects.named(name) {
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
	for _, o := range r.v.objects.named(name[:cut]) {
		if o.Kind == "statefulsets.apps" {
			out = append(out, &Object{Kind: "pods", Namespace: o.Namespace, Name: name, OwnerKind: "StatefulSet", OwnerName: o.Name})
		}
	}
	return out
}

// ordinalClaim knows data-kafka-0, the claim of the StatefulSet kafka's pod for its volume data.
func (r *reading) ordinalClaim(name string) []*Object {
	_, pod, ok := strings.Cut(name, "-")
	if !ok {
		return nil
	}
	var out []*Object
	for _, o := range r.ordinalPod(pod) {
		out = append(out, &Object{Kind: "persistentvolumeclaims", Namespace: o.Namespace, Name: name})
	}
	return out
}

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
	for _, n := range r.spokenNS {
		r.nss = append(r.nss, r.placed(n))
	}
	for i, t := range r.toks {
		if r.inSpoken(i) {
			continue
		}
		if r.markedNamespace(i) {
			continue
		}
		ns := r.aliasOf(t.text)
		if ns == "" || t.lit == litImage {
			if ns == "" && i > 0 && r.placeWord(i) && !r.known(i) && !r.namespaceAt(i, 1) && !r.leadsNoun(i) {
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

// leadsNoun tells whether an English word after "in" is no place but says of the next word what it is: "in availability zone x".
func (r *reading) leadsNoun(i int) bool {
	return english(r.toks[i].text) && !r.toks[i].brk && i+1 < len(r.toks) && !stopWords[r.toks[i+1].text] && r.toks[i+1].text != "namespace" && r.toks[i+1].text != "ns"
}

// placed gives a namespace that was said in several words the strength of where it stands.
func (r *reading) placed(n nsMention) nsMention {
	p := n.i - 1
	for p >= 0 && articles[r.toks[p].text] {
		p--
	}
	before := n.i > 0 && (r.toks[n.i-1].text == "namespace" || r.toks[n.i-1].text == "ns")
	after := n.j < len(r.toks) && (r.toks[n.j].text == "namespace" || r.toks[n.j].text == "ns")
	switch {
	case before:
		n.i, n.strength = n.i-1, 3
	case after:
		n.j, n.strength = n.j+1, 3
	case p >= 0 && inWords[r.toks[p].text] && !r.toks[p].brk:
		n.strength = 2
	}
	if n.strength == 3 {
		r.dropKinds(n.i, n.j)
	}
	return n
}

// inSpoken tells whether the token is a part of a name said in several words.
func (r *reading) inSpoken(i int) bool {
	in := func(m mention) bool { return m.spoken && m.i <= i && i < m.j }
	return slices.ContainsFunc(r.spokenNS, func(n nsMention) bool { return in(n.mention) }) || slices.ContainsFunc(r.objs, func(o objMention) bool { return in(o.mention) })
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
	if ns == "" && len(word(i)) > 3 && !english(word(i)) {
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

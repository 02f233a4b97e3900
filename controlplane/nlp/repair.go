package nlp

import (
	"slices"
	"strings"
)

// fieldWords are fields of the API as people type them, all in small letters.
var fieldWords = wordSet("minavailable maxunavailable minreplicas maxreplicas")

// camel tells whether a word is written as the API writes its fields: minAvailable.
func camel(w string) bool {
	for i := 1; i < len(w); i++ {
		if w[i] >= 'A' && w[i] <= 'Z' && w[i-1] >= 'a' && w[i-1] <= 'z' {
			return true
		}
	}
	return false
}

func (r *reading) known(i int) bool {
	t := r.toks[i]
	if t.lit != litNone || stopWords[t.text] || plainWords[t.text] || offTopic[t.text] || t.env || taintEffects[t.text] != "" || camel(t.raw) || fieldWords[t.text] {
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
		if o.i <= i && i < o.j {
			return true
		}
	}
	return r.inSpoken(i) || r.v.namespaces[t.text] || r.aliasOf(t.text) != ""
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
		var lex, ns, obj string
		var dl, dn, tn, do, to int
		right := english(t.text) // a word that is spelled right is meant
		kind, dk, _ := nearest(t.text, r.v.kindWords)
		if !right {
			lex, dl, _ = nearest(t.text, lexiconWords)
			ns, dn, tn = nearest(t.text, r.v.nsNames)
			obj, do, to = nearestOf(t.text, r.v.objects.names())
		}
		const none = 9
		place := r.placeWord(i)
		if lex == "" || distinctive(t.text) || place || r.afterKind(i) && r.afterOne(i) {
			dl = none
		}
		if dl != none && i > 0 && !r.toks[i-1].brk && ofWords[r.toks[i-1].text] && onlyChanges(lex) {
			dl = none // "logs of billing": a name, and no killing
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
		if right { // unless a kind is one slip away: "list the pots"
			dl, dn, do = none, none, none
			if dk > 1 || r.kindBeside(i) || i > 1 && r.toks[i-2].text == "for" && (articles[r.toks[i-1].text] || r.toks[i-1].text == "my" || r.toks[i-1].text == "our") {
				dk = none
			}
		}
		m := mention{i: i, j: i + 1, fixed: t.raw, typo: true}
		if place && dn <= do && dn < none {
			r.nss = append(r.nss, nsMention{m, ns, 2})
			continue
		}
		switch best := min(dl, dk, dn, do); {
		case best == none:
		case dk == best && (r.completes(i, kind) || kind == "events"):
			r.toks[i].text = kind
			r.relink(i, t.raw)
			if kind == "events" {
				r.kinds = append(r.kinds, kindMention{m, r.v.words[kind], true})
			}
		case dk == best:
			r.kinds = append(r.kinds, kindMention{m, r.v.words[kind], isPlural(kind, r.v.words[kind][0])})
		case dl == best:
			r.toks[i].text = lex
			r.relink(i, t.raw)
		case do == best && (dn != best || !onlyNamespaces(r.v.objects.named(obj))):
			r.objs = append(r.objs, objMention{m, obj, r.v.objects.named(obj)})
			if dn == best {
				r.nss = append(r.nss, nsMention{m, ns, 1})
			}
		default:
			r.nss = append(r.nss, nsMention{m, ns, 1})
		}
	}
}

// completes tells whether the mended word completes a phrase for a place: "in all namspaces".
func (r *reading) completes(i int, w string) bool {
	was := r.toks[i].text
	r.toks[i].text = w
	defer func() { r.toks[i].text = was }()
	for from := max(0, i-maxPhrase+1); from < i; from++ {
		for _, p := range lexicon[r.toks[from].text] {
			if p.c == cEverywhere && from+len(p.words) > i && r.phraseAt(from, p.words) {
				return true
			}
		}
	}
	return false
}

// relink finds the phrases that a mended word at i is a part of.
func (r *reading) relink(i int, was string) {
	for from := max(0, i-maxPhrase+1); from <= i; from++ {
		for _, p := range lexicon[r.toks[from].text] {
			if from+len(p.words) > i && r.phraseAt(from, p.words) {
				r.cues = append(r.cues, cue{mention{i: from, j: from + len(p.words), fixed: was}, p.c})
			}
		}
	}
	r.dropEverywhereKinds()
}

// maxPhrase is the most words of a phrase in the lexicon that a mended word is looked for in.
const maxPhrase = 7

// dropEverywhereKinds: "all namespaces" is a place, not a kind to list.
func (r *reading) dropEverywhereKinds() {
	for _, q := range r.cues {
		if q.c == cEverywhere || q.c == cWide && q.j-q.i > 1 && r.columnOfNodes(q) {
			r.dropKinds(q.i, q.j)
		}
	}
}

var (
	wholes       = wordSet("all every any each whichever whatever entire whole complete full")
	noMatters    = wordSet("matter regardless irrespective independent")
	ofWholes     = wordSet("the our my this of single one a an in")
	wholePlaces  = wordSet("namespace namespaces cluster clusters")
	placeLeaders = wordSet("in across over throughout from of on for within no matter regardless irrespective independent through inside under")
)

// linkEverywhere finds the ways to say that place does not matter: "in whatever namespace", "no matter in which namespace", "complete
// cluster", "of all the cluster". A cluster is whole, a namespace is any.
func (r *reading) linkEverywhere() {
	for j, t := range r.toks {
		if !wholePlaces[t.text] {
			continue
		}
		i, whole, which := j-1, false, false
		for i >= 0 && !r.toks[i].brk && (ofWholes[r.toks[i].text] || wholes[r.toks[i].text] || r.toks[i].text == "which") {
			whole = whole || wholes[r.toks[i].text]
			which = which || r.toks[i].text == "which"
			i--
		}
		first := i + 1
		for i >= 0 && !r.toks[i].brk && placeLeaders[r.toks[i].text] {
			which = which && !noMatters[r.toks[i].text]
			whole = whole || noMatters[r.toks[i].text]
			first = i
			i--
		}
		for first < j && (r.toks[first].text == "the" || r.toks[first].text == "a") {
			first++
		}
		if whole && !which && first < j && !r.coveredBy(cEverywhere, mention{i: first, j: j + 1}) {
			r.cues = append(r.cues, cue{mention{i: first, j: j + 1}, cEverywhere})
		}
	}
}

func (r *reading) coveredBy(c concept, m mention) bool {
	return slices.ContainsFunc(r.cues, func(q cue) bool { return q.c == c && q.i <= m.i && m.j <= q.j })
}

// listsNamespaces: "show all namespaces" asks for them, where nothing else is asked for that could be in them.
func (r *reading) listsNamespaces() {
	r.cues = slices.DeleteFunc(r.cues, func(q cue) bool {
		last := r.toks[q.j-1].text
		if q.c != cEverywhere || last != "namespaces" && last != "namespace" || q.i == 0 || slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.j <= q.i || k.i >= q.j }) {
			return false
		}
		switch r.toks[q.i].text {
		case "all", "every", "each", "any":
		case "of":
			return r.says1(q.i-1, cNames) || r.says1(q.i-1, cCount)
		default:
			return false // "across all namespaces"
		}
		verb := q.i - 1
		for verb > 0 && (stopWords[r.toks[verb].text] && !inWords[r.toks[verb].text]) && !r.says1(verb, cShow) && !r.says1(verb, cGeneric) {
			verb--
		}
		return !r.toks[verb].brk && (r.says1(verb, cShow) || r.says1(verb, cGeneric) || r.says1(verb, cCount) || r.says1(verb, cNames))
	})
}

// columnOfNodes tells whether the words ask for where each pod runs as a column of the list: "with the nodes they sit on". Which
// node it is, is another question, and may be one of nodes.
func (r *reading) columnOfNodes(q cue) bool {
	switch r.toks[q.i].text {
	case "which", "what", "on":
		return false
	}
	return slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.kinds[0].Plural == "pods" && (k.j <= q.i || k.i >= q.j) }) || r.focus.Resource.Plural == "pods"
}

// kindBeside tells whether a kind stands right beside the word: then the word is not one as well.
func (r *reading) kindBeside(i int) bool {
	return slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.i == i+1 || k.j == i })
}

// mendKinds recognises kinds of several words with a typing error in them: "persistant volumes", "servcie accounts". It runs
// before single words are linked, so that a part of a phrase is not taken for all of it.
func (r *reading) mendKinds() {
	for i, t := range r.toks {
		if t.quoted || t.lit != litNone || len(t.text) < 7 || english(t.text) || plainWords[t.text] || distinctive(t.text) || r.v.objects.has(t.text) || len(r.v.words[t.text]) > 0 {
			continue
		}
		for _, w := range []string{"namespace", "namespaces", "cluster"} { // they say where, and are told by that below
			if t.text[0] == w[0] && t.text != w && distance(t.text, w, 2) <= 2 && (w != "cluster" || distance(t.text, w, 1) <= 1) {
				r.toks[i].text = w
				break
			}
		}
	}
	for i := range r.toks {
		if slices.ContainsFunc(r.v.kindPhrases, func(phrase []string) bool { return r.phraseAt(i, phrase) }) {
			continue
		}
		for _, phrase := range r.v.kindPhrases {
			if to := i + len(phrase); to <= len(r.toks) && r.nearPhrase(i, phrase) && len(r.v.words[r.textOf(mention{i: i, j: to})]) == 0 {
				was := r.words(mention{i: i, j: to})
				for k, w := range phrase {
					r.toks[i+k].text = w
				}
				r.trace = append(r.trace, TraceEntry{Words: was, As: "typed " + strings.Join(phrase, " ")})
				break
			}
		}
	}
}

// textOf are the words of a mention, in small letters.
func (r *reading) textOf(m mention) string {
	var out []string
	for _, t := range r.toks[m.i:m.j] {
		out = append(out, t.text)
	}
	return strings.Join(out, " ")
}

// nearPhrase tells whether the words at i are the phrase but for typing errors, and have one at all.
func (r *reading) nearPhrase(i int, phrase []string) bool {
	slips := 0
	for k, w := range phrase {
		t := r.toks[i+k]
		if t.quoted || t.lit != litNone || t.brk && k < len(phrase)-1 {
			return false
		}
		if t.text == w {
			continue
		}
		limit := editsAllowed(len(w))
		if limit == 0 || len(t.text) < 4 || t.text[0] != w[0] || english(t.text) && !sameStem(t.text, w) || distance(t.text, w, limit) > limit {
			return false
		}
		slips++
	}
	return slips > 0
}

// sameStem: "volume" for "volumes".
func sameStem(a, b string) bool { return strings.TrimSuffix(a, "s") == strings.TrimSuffix(b, "s") }

var ofWords = wordSet("of for from")

// onlyChanges tells whether a word is nothing but a verb that asks for a change.
func onlyChanges(w string) bool {
	return !slices.ContainsFunc(lexicon[w], func(p phrase) bool { return len(p.words) == 1 && !slices.Contains(changeCues, p.c) })
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

// stateConcepts are said in phrases whose single words mean something else: "not fully available" is no question what is
// available.
var stateConcepts = map[concept]bool{cNotReady: true, cNotRunning: true, cCrashing: true, cOOM: true, cPull: true, cPending: true, cRestarted: true}
var innerConcepts = map[concept]bool{
	cAsk: true, cReady: true, cRunning: true, cHealth: true, cGeneric: true, cStatus: true, cAttr: true, cUses: true, cReplicas: true, cUpgrade: true, cSet: true, cIt: true, cAll: true, cUp: true,
	cCount: true, cImage: true, cPlaced: true, cShow: true, cFailing: true, cFailed: true, cWait: true, cUsage: true, cTrouble: true,
}

// withinState tells whether the cue is only a part of a phrase for a state, or of "all namespaces".
func (r *reading) withinState(q cue) bool {
	if q.c != cEverywhere && slices.ContainsFunc(r.cues, func(p cue) bool { return p.c == cEverywhere && p.i <= q.i && q.j <= p.j && p.j-p.i > q.j-q.i }) {
		return true // "no matter in which namespace" asks for no reason
	}
	if q.c == cAll || q.c == cEverything || q.c == cNS {
		for _, p := range r.cues { // "all namespaces" is a place
			if p.c == cEverywhere && p.i <= q.i && q.j <= p.j && p.j-p.i > q.j-q.i {
				return true
			}
		}
	}
	return innerConcepts[q.c] && slices.ContainsFunc(r.cues, func(p cue) bool {
		return stateConcepts[p.c] && p.i <= q.i && q.j <= p.j && p.j-p.i > q.j-q.i
	})
}

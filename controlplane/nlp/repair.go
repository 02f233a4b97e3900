package nlp

import (
	"slices"
	"strings"
)

func (r *reading) known(i int) bool {
	t := r.toks[i]
	if t.lit != litNone || stopWords[t.text] || plainWords[t.text] || offTopic[t.text] || t.env || taintEffects[t.text] != "" {
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
		lex, dl, _ := nearest(t.text, lexiconWords)
		kind, dk, _ := nearest(t.text, r.v.kindWords)
		ns, dn, tn := nearest(t.text, r.v.nsNames)
		obj, do, to := nearestOf(t.text, r.v.objects.names())
		const none = 9
		place := r.placeWord(i)
		if lex == "" || distinctive(t.text) || place || r.afterKind(i) {
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
	cCount: true,
}

// withinState tells whether the cue is only a part of a phrase for a state, or of "all namespaces".
func (r *reading) withinState(q cue) bool {
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

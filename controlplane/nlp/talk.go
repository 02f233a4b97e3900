package nlp

import (
	"regexp"
	"slices"
	"strings"
)

// clockOrCode are figures that people only talk with: times of day, answers of web servers, "0/1 ready".
var clockOrCode = regexp.MustCompile(`^(\d{1,2}(:\d\d)?(am|pm)|\d{1,2}:\d\d|o'clock|[1-5]xx|[1-5]\d\ds|[1-5]\d\d's|\d{1,3}/\d{1,3})$`)

// markTalk finds the words that are mere talk: they mean nothing here, and stand where no name stands. "pagerduty says node-b1
// is not ready" has three of them. Which words people fill their sentences with nobody can list; where names stand can be told.
func (r *reading) markTalk() {
	r.talk = make([]bool, len(r.toks))
	named := slices.ContainsFunc(r.objs, func(o objMention) bool { return !o.part && !o.typo && !onlyNamespaces(o.refs) })
	about := named || len(r.kinds) > 0 || len(r.nss) > 0
	for i, t := range r.toks {
		switch {
		case t.quoted || t.env || taintEffects[t.text] != "" || r.isCue(i) || r.isKind(i) || r.inObject(i) || r.namespaceAt(i, 1):
		case clockOrCode.MatchString(t.text), r.saysGroup(i):
			r.talk[i] = true
		case t.lit != litNone || offTopic[t.text]:
		case english(t.text):
			r.talk[i] = named && (!r.qualifies(i) || r.namedOtherwise(i)) && !r.afterOne(i) || !r.namePlace(i)
		case distinctive(t.text) || t.possess || strings.ContainsAny(t.text, "/\\`$=:@%"):
		default:
			r.talk[i] = about && !r.namePlace(i) && !r.joinedToName(i)
		}
	}
}

// saysGroup tells whether the word names the API group of a kind that is said: "virtual services of istio".
func (r *reading) saysGroup(i int) bool {
	return len(r.toks[i].text) > 2 && slices.ContainsFunc(r.kinds, func(k kindMention) bool {
		return slices.ContainsFunc(k.kinds, func(kind *Kind) bool { return groupSays(kind.Group, r.toks[i].text) })
	})
}

// namedOtherwise tells whether the kind that the word qualifies has a name of its own elsewhere: "the migrate job, data-migration
// I mean".
func (r *reading) namedOtherwise(i int) bool {
	return slices.ContainsFunc(r.kinds, func(k kindMention) bool {
		return k.i == i+1 && slices.ContainsFunc(r.objs, func(o objMention) bool { return !o.part && !o.typo && len(refsOf(o, k.kinds[0].Key(), scope{})) > 0 })
	})
}

func (r *reading) inObject(i int) bool {
	return slices.ContainsFunc(r.objs, func(o objMention) bool { return o.i <= i && i < o.j })
}

// namePlace tells whether the word stands where names do: beside a kind, after a verb, after a preposition.
func (r *reading) namePlace(i int) bool {
	if r.qualifies(i) || r.afterOne(i) || r.afterKind(i) && !english(r.toks[i].text) {
		return true
	}
	p := i - 1
	if p < 0 || r.toks[p].brk {
		return false
	}
	if r.askedAfter(i) {
		return true
	}
	if r.verbPlace(p) && r.isCue(p) && !stopWords[r.toks[p].text] {
		return true
	}
	bare := true
	for p >= 0 && articles[r.toks[p].text] && !r.toks[p].brk {
		bare = false
		p--
	}
	if p < 0 || r.toks[p].brk {
		return false
	}
	switch w := r.toks[p].text; w {
	case "for", "with", "by", "on", "about":
		return bare && (w == "for" || !english(r.toks[i].text))
	case "of":
		return !english(r.toks[i].text) || r.endsNoun(i)
	case "from", "called", "named", "namespace", "ns":
		return true
	case "is", "are", "was", "does", "did", "has":
		return bare && p > 0 && r.toks[p-1].text == "why" // "why is vault failing"
	default:
		return inWords[w]
	}
}

// askedAfter tells whether a question asks how the word is: "why is vault failing", "is vault down".
func (r *reading) askedAfter(i int) bool {
	switch r.toks[i-1].text {
	case "is", "was", "does", "did", "has":
	default:
		return false
	}
	if i > 1 && !questionWords[r.toks[i-2].text] && r.toks[i-2].text != "if" && r.toks[i-2].text != "whether" {
		return false
	}
	return i+1 < len(r.toks) && slices.ContainsFunc(r.cues, func(q cue) bool {
		return (q.i == i+1 || q.i == i+2 && stopWords[r.toks[i+1].text]) && (q.c == cFailing || q.c == cTrouble || q.c == cCrashing || q.c == cHealth || q.c == cNotReady || q.c == cNotRunning || q.c == cPending || q.c == cDown)
	})
}

// qualifies tells whether the word stands right before a kind and says which of it is meant: "the wizzbang pods".
func (r *reading) qualifies(i int) bool {
	return !r.toks[i].brk && slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.i == i+1 })
}

// afterOne tells whether the word stands right after a kind in the singular: "deployment checkout".
func (r *reading) afterOne(i int) bool {
	if i == 0 || r.toks[i-1].brk || english(r.toks[i].text) && !r.endsNoun(i) {
		return false
	}
	return slices.ContainsFunc(r.kinds, func(k kindMention) bool { return k.j == i && !k.plural && !r.namedBefore(k) })
}

// endsNoun tells whether the word may be the last of a name: the clause ends with it, or a place follows.
func (r *reading) endsNoun(i int) bool {
	if i == len(r.toks)-1 || r.toks[i].brk {
		return true
	}
	next := r.toks[i+1].text
	return inWords[next] || weakPrepositions[next] || next == "please" || next == "pls" || next == "and" || next == "or" || next == "namespace" || r.isKind(i+1)
}

// namedBefore tells whether the kind has its name before it: "did the smoke-test job succeed".
func (r *reading) namedBefore(k kindMention) bool {
	return slices.ContainsFunc(r.objs, func(o objMention) bool { return o.j == k.i && len(refsOf(o, k.kinds[0].Key(), scope{})) > 0 })
}

// joinedToName tells whether the word is one of several names: "checkout and wizzbang".
func (r *reading) joinedToName(i int) bool {
	beside := func(k, by int) bool {
		if k < 0 || k >= len(r.toks) || r.toks[k].text != "and" && r.toks[k].text != "or" {
			return false
		}
		k += by
		return k >= 0 && k < len(r.toks) && r.objectNamed(k)
	}
	return beside(i-1, -1) || beside(i+1, 1)
}

// views are concepts that make a read another one, whatever it looks at: what is shown, and in which form.
var views = conceptSet(cLogs, cTop, cEvents, cWarning, cHistory, cRollout, cYAML, cJSON, cNames, cExplain, cWhoAmI, cCanDo, cKinds, cSecretValue, cNoConfirm, cDryRun, cExec, cPortForward, cCopy, cEdit, cApply)

// narrows are the concepts whose words make a read of the kind narrower or order it otherwise: one of them left is a wrong answer.
var narrows = map[Op]map[concept]bool{
	OpGet: conceptSet(cCrashing, cPending, cNotReady, cNotRunning, cFailed, cFailing, cEvicted, cOOM, cPull, cTerm, cRestarted, cSuspended, cCordoned, cSort, cMost, cLeast, cOldest, cNewest, cOver, cOlder, cNewer,
		cNot, cWide, cShowLabels, cNameHas, cCount),
	OpLogs:   conceptSet(cPrevious, cFollow, cSince, cTimestamps, cContainer, cInit, cNot),
	OpTop:    conceptSet(cMost, cLeast, cSort, cContainer, cOver),
	OpEvents: conceptSet(cNot, cNewest, cOldest, cSince),
}

// blocks tells whether a word of the concept may not be left by the read. Whoever looks at named things sees their states anyway.
func (u understood) blocks(c concept) bool {
	if u.frame.name == "canI" || u.frame.name == "canThey" {
		return false
	}
	if views[c] && !(u.looksAt() && (c == cTop || c == cWarning || c == cRollout)) {
		return true
	}
	if c == cNot && u.deniesAfter() {
		return false
	}
	return len(u.steps) == 1 && !u.looksAt() && narrows[u.steps[0].Op][c]
}

func conceptSet(cs ...concept) map[concept]bool {
	out := map[concept]bool{}
	for _, c := range cs {
		out[c] = true
	}
	return out
}

// looksAt tells whether the read looks at named things, and not at a list that words would narrow.
func (u understood) looksAt() bool {
	return len(u.steps) == 1 && (len(u.steps[0].Names) > 0 || u.steps[0].Op == OpDiagnose && u.steps[0].LabelSelector != "") && (u.steps[0].Op == OpDescribe || u.steps[0].Op == OpDiagnose || u.steps[0].Op == OpGet)
}

// mayLeave tells whether a read may leave the word at i unexplained.
func (u understood) mayLeave(i int) bool {
	r := u.reading
	if r.weight(i) <= plainWeight {
		return true
	}
	t := r.toks[i]
	if t.quoted || r.isKind(i) || r.inObject(i) || r.namespaceAt(i, 1) {
		return false
	}
	one := u.looksAt()
	if t.lit != litNone {
		return one && (u.frame.name != "get" || r.asks()) && (t.lit == litNumber || t.lit == litDuration || t.lit == litPercent || t.lit == litOrdinal || t.lit == litFactor)
	}
	cued := false
	for _, q := range r.cues {
		if q.i <= i && i < q.j {
			cued = true
			if u.blocks(q.c) && t.text != "execute" {
				return false
			}
		}
	}
	return cued
}

// asideAt tells whether the words from i up to the next break are talk of their own beside the request: nothing in them was
// used, and they only state something.
func (u understood) asideAt(i int) (end int, ok bool) {
	r := u.reading
	states := false
	for end = i; end < len(r.toks); end++ {
		t := r.toks[end]
		if r.used[end] && !stopWords[t.text] || t.lit == litKeyValue || t.quoted {
			return i, false
		}
		states = states || finite[t.text] || english(t.text) && strings.HasSuffix(t.text, "s") && end > i
		if t.brk {
			end++
			break
		}
	}
	return end, states && end < len(r.toks) || states && i > 0
}

// readScore is the score of a read in which talk counts as little as it says: asides not at all.
func (u understood) readScore() float64 {
	r := u.reading
	var all, explained, not float64
	for i := 0; i < len(r.toks); i++ {
		if i == 0 || r.toks[i-1].brk {
			if end, ok := u.asideAt(i); ok {
				i = end - 1
				continue
			}
		}
		w := r.weight(i)
		switch {
		case r.used[i]:
			w = max(w, 0.25)
			explained += w
		case u.mayLeave(i):
			w = min(w, plainWeight)
			not += w
		default:
			not += w
		}
		all += w
	}
	if all == 0 {
		return 0
	}
	return (explained - 0.7*not) / all
}

// unusedRead tells whether a further verb of a read was left where a clause has its verb: "show pods and describe web".
func (r *reading) unusedRead() bool {
	return slices.ContainsFunc(r.cues, func(q cue) bool {
		switch q.c {
		case cShow, cDescribe, cLogs, cTop, cEvents, cCount:
			return r.free(q.mention) && (r.clauseVerb(q.i) || r.verbPlace(q.i))
		}
		return false
	})
}

// asks tells whether the text asks to be shown something, in so many words or as a question.
func (r *reading) asks() bool {
	if r.asksQuestion() {
		return true
	}
	for _, q := range r.cues {
		if q.c == cShow || q.c == cDescribe || q.c == cCount || q.c == cAsk && q.i == 0 || q.c == cGeneric && r.verbPlace(q.i) && !givesAndWants[r.toks[q.i].text] {
			return true
		}
	}
	return false
}

// asksQuestion tells whether a clause begins as a question does.
func (r *reading) asksQuestion() bool {
	for i, t := range r.toks {
		if questionWords[t.text] && (i == 0 || r.toks[i-1].brk || r.onlyStops(0, i)) {
			return true
		}
		if t.brk && i+1 < len(r.toks) && questionWords[r.toks[i+1].text] {
			return true
		}
	}
	return false
}

var questionWords = wordSet("which what whose who where when how why is are was were does do did has have can could any")

// givesAndWants are said of changes as well: "give it more memory", "we want 3 replicas".
var givesAndWants = wordSet("give want need gives given wants needs")

// strayVerb tells whether the text begins with a word that nothing explains and that a command would have its verb at: what is
// wanted of the thing named is then not known, and showing it is no answer.
func (u understood) strayVerb() bool {
	r := u.reading
	if u.frame == nil || r.asksQuestion() || r.asks() && !r.obliges() || u.frame.name != "get" && u.frame.name != "top" && u.frame.name != "rolloutStatus" {
		return false
	}
	if r.obliges() {
		return true
	}
	if u.frame.name == "rolloutStatus" || !(len(u.steps) == 1 && (len(u.steps[0].Names) > 0 || u.frame.name == "top")) {
		return false
	}
	number := slices.ContainsFunc(r.toks, func(t token) bool { return t.lit == litNumber || t.lit == litQuantity })
	if number && r.hasWord("more") {
		return true
	}
	for i, t := range r.toks {
		if i > 0 && articles[r.toks[i-1].text] {
			return false // "our auditor wants"
		}
		if stopWords[t.text] && !asksChange(r.toks, i) {
			continue
		}
		if i+1 < len(r.toks) && (r.toks[i+1].text == "me" || r.toks[i+1].text == "us") {
			return false // "throw me the pods"
		}
		if t.text == "give" {
			return i+1 < len(r.toks) && r.objectNamed(i+1) // "give web a gigabyte"
		}
		if asksChange(r.toks, i) {
			return !slices.ContainsFunc(lexicon[t.text], func(p phrase) bool { return len(p.words) == 1 && (p.c == cShow || p.c == cAsk || p.c == cRunning) }) || t.text == "run"
		}
		return !r.used[i] && !r.isKind(i)
	}
	return false
}

var clauseLinks = wordSet("so then and but therefore")

// clauseVerb tells whether the word is where a clause has the verb of a command: after a break or a link, with nothing but words
// of no weight between.
func (r *reading) clauseVerb(i int) bool {
	for k := i - 1; k >= 0 && !r.toks[k].brk; k-- {
		switch w := r.toks[k].text; {
		case clauseLinks[w]:
			return true
		case !stopWords[w] || notBeforeVerb[w]:
			return false
		}
	}
	return i > 0
}

// obliges tells whether the text says how something has to be: "it must point to green", "it should be five".
func (r *reading) obliges() bool {
	for i, t := range r.toks {
		switch t.text {
		case "must", "should", "ought", "shall":
			return true
		case "has", "have", "needs", "need":
			if i > 0 && i+1 < len(r.toks) && r.toks[i+1].text == "to" && r.toks[i-1].text != "i" && r.toks[i-1].text != "we" && r.toks[i-1].text != "you" {
				return true
			}
		}
	}
	return false
}

// saysNot tells whether a statement goes on here with what something does not do: "does not", "is not", "keeps".
func (r *reading) saysNot(i int) bool {
	if i >= len(r.toks) || r.toks[i-1].brk {
		return false
	}
	switch r.toks[i].text {
	case "keeps":
		return true
	case "does", "is", "has", "will", "can", "did":
		return i+1 < len(r.toks) && r.toks[i+1].text == "not"
	}
	return false
}

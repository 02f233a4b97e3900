package nlp

import (
	"slices"
	"strings"
)

var (
	spareVerbs = wordSet("leave keep spare")
	// times that a change is to be made at, and not a reason for it
	laterWords = wordSet("tomorrow tonight later monday tuesday wednesday thursday friday saturday sunday weekend noon midnight evening afternoon morning")
	askWords   = wordSet("what which who whose whom why how where is are was were does did has had am any")
)

// actsOn are verbs by which something may be forbidden without a verb of changes.
var actsOn = wordSet("do touch change proceed continue go let try execute apply perform act interfere mess alter start proceed begin forget")

var correcting = wordSet("no wait oh sorry correction oops stop hold on actually sorry")

// corrects tells whether a clause takes back what stands before it in the same breath: "no wait".
func corrects(c []token) bool {
	return holdsWord(c, wordSet("wait correction oops")) && !slices.ContainsFunc(c, func(t token) bool { return !correcting[t.text] })
}

// retractions take back what was just said.
var retractions = []string{"never mind", "nevermind", "forget it", "forget that", "scrap that", "scratch that", "cancel that", "on second thought", "do not do it", "rather not", "better not"}

// expectedBy: "it should be gone by now" says what was expected.
func expectedBy(body []token) bool {
	for i, t := range body {
		if t.text == "by" && i+1 < len(body) && body[i+1].text == "now" || t.text == "already" && i > 0 && !asksChange(body, 0) {
			return true
		}
	}
	return false
}

var (
	newThing = wordSet("a an new another one some")
	wanting  = wordSet("want need like require have get")
)

// asksFirst tells whether a clause begins as a question does: "at what time does it run".
func asksFirst(body []token) bool {
	for i := 0; i < len(body) && i < 3; i++ {
		if askWords[body[i].text] && (i == 0 || inWords[body[i-1].text] || weakPrepositions[body[i-1].text]) {
			return true
		}
	}
	return false
}

// obliging are clauses that only ask once more for what was said.
var obliging = []string{"see to it", "do so", "set that", "set it", "set it so", "set it to that", "do it", "do it now", "do that", "take care of it", "make it so", "go ahead", "proceed", "thanks in advance", "act on it", "do the needful", "can you do it", "can you do that", "can you create it", "do so now", "see to that", "arrange it", "make it happen", "do that for me", "do it for me", "do this for me", "do that please", "handle it", "handle that", "sort it", "sort that out", "sort it out"}

// saysSoAgain tells whether a clause only orders once more what was said: "scale it down to that".
func saysSoAgain(body []token) bool {
	again := wordSet("scale bring take set put turn it them down up back to by that this so many one number now please go with just do cut reduce keep")
	last := body[len(body)-1].text
	return len(body) > 2 && len(body) < 9 && asksChange(body, 0) && (last == "that" || last == "this" || last == "many") && !slices.ContainsFunc(body, func(t token) bool { return !again[t.text] })
}

var recreates = wordSet("recreate recreates respawn replace handle")

// fronted brings what is said before an order behind it: "for web-app in hpa-test make an autoscaler".
func fronted(body []token) ([]token, bool) {
	if !inWords[body[0].text] && !weakPrepositions[body[0].text] && body[0].text != "with" {
		return nil, false
	}
	for i := 2; i < len(body) && i < 9; i++ {
		if speakers[body[i].text] || (asksChange(body, i) && startsOrder(body[i:]) && !articles[body[i-1].text]) {
			order := withoutLeads(body[i:])
			if len(order) == 0 || len(order) == len(body[i:]) && speakers[body[i].text] {
				return nil, false
			}
			return slices.Concat(clearBreaks(order), body[:i]), true
		}
	}
	return nil, false
}

// part tells what a clause does, and turns an idiom into its command.
func (rq *request) part(c []token) part {
	body := withoutLeads(c)
	if corrects(c) {
		return part{toks: c, role: roleCondition}
	}
	if len(body) == 0 {
		return part{role: roleTalk}
	}
	body = rq.withoutPurpose(body)
	first := body[0].text
	if courteous(body) || mildWish(body) || saysSoAgain(body) || slices.ContainsFunc(obliging, func(s string) bool { return len(strings.Fields(s)) == len(body) && startsWith(body, strings.Fields(s)) }) {
		return part{role: roleTalk}
	}
	if rq.isOnlyIf(body) {
		return part{role: roleOnlyIf}
	}
	if (first == "until" || first == "till" || first == "til" || first == "while") && len(body) > 1 {
		return part{toks: body, role: roleUntil}
	}
	if first == "everything" || first == "whatever" || first == "anything" || first == "all" && len(rq.parts) > 0 {
		return part{toks: body, role: roleForbidden} // more than what is named
	}
	if name, ok := rq.called(body); ok {
		rq.idiom = true
		return part{toks: name, role: roleValue}
	}
	if onlyTalked(c) || startsWith(body, []string{"by", "now"}) || expectedBy(body) {
		return part{toks: body, role: roleReason}
	}
	if (spareVerbs[first] && len(body) <= 3 && targetPronouns[body[len(body)-1].text]) || slices.ContainsFunc(retractions, func(s string) bool { return startsWith(body, strings.Fields(s)) }) {
		rq.retracts = true
		return part{toks: body, role: roleForbidden}
	}
	body = rq.resolve(body)
	r := rq.reading(body)
	if !asksFirst(body) {
		if order, ok := rephrase(r, body); ok {
			return part{toks: order, role: roleRequest, idiom: true}
		}
		if len(rq.about) > 0 && (first == "it" || first == "they") {
			whole := append(slices.Clone(rq.about), body[1:]...)
			if order, ok := rephrase(rq.reading(whole), whole); ok {
				return part{toks: order, role: roleRequest, idiom: true}
			}
		}
		if whole := rq.resolve(clearLeads(c)); len(whole) > len(body) {
			if order, ok := rephrase(rq.reading(whole), whole); ok {
				return part{toks: order, role: roleRequest, idiom: true}
			}
		}
	}
	if (first == "ignore" || first == "ignoring" || first == "skip" || first == "skipping") && len(body) <= 4 && strings.HasPrefix(body[len(body)-1].text, "daemon") {
		return part{toks: body, role: roleValue}
	}
	if spareVerbs[first] || startsWith(body, []string{"do", "not", "touch"}) {
		if rq.spares(body) {
			return part{toks: body, role: roleSpare}
		}
	}
	if clauseOpeners[first] || reasonWords[first] || startsReason(body, 0) || first == "as" && len(body) > 1 && body[1].text == "soon" {
		if (conditions[first] || first == "after" || first == "provided" || first == "as" && body[1].text == "soon") || ordersWithin(body) {
			return part{toks: body, role: roleCondition}
		}
		return part{toks: body, role: roleReason}
	}
	if first == "let" && slices.ContainsFunc(body, func(t token) bool { return recreates[t.text] }) {
		return part{toks: body, role: roleReason} // "let the statefulset recreate it"
	}
	if startsOrder(body) || askWords[first] {
		return part{toks: body, role: roleRequest}
	}
	if order, ok := fronted(body); ok && !holdsWord(body[:min(len(body), 6)], askWords) {
		if said, ok := rephrase(rq.reading(order), order); ok {
			return part{toks: said, role: roleRequest, idiom: true}
		}
		return part{toks: order, role: roleRequest}
	}
	if first == "do" && len(body) > 3 && body[1].text == "not" && english(body[2].text) && !asksChange(body, 2) && !actsOn[body[2].text] && len(r.objs) == 0 {
		return part{role: roleTalk} // "do not wait for the schedule"
	}
	if first == "no" && !ordersWithin(body) && len(r.objs) == 0 && !asksChange(body, len(body)-1) && len(body) > 1 {
		return part{toks: body, role: roleReason} // "no backups tonight"
	}
	if (prohibitions[first] || first == "do" && len(body) > 1 && negations[body[1].text]) && !(first == "not" && len(body) <= 3) {
		return part{toks: body, role: roleForbidden}
	}
	if last := body[len(body)-1].text; (last == "enough" || last == "sufficient" || last == "plenty") && slices.ContainsFunc(body, func(t token) bool { return t.lit != litNone }) {
		return part{toks: body, role: roleValue} // "minAvailable 1 is enough"
	}
	if len(body) < len(c) && newThing[first] && holdsWord(c[:len(c)-len(body)], wanting) {
		return rq.fragment(r, body) // "I want a new namespace, demo-2"
	}
	if statement := clearLeads(c); isStatement(statement) || isStatement(body) {
		if ordersWithin(statement) && !(others[statement[0].text] && holdsWord(statement[:min(len(statement), 3)], wordSet("has have had needs need wants want"))) {
			return part{toks: body, role: roleForbidden}
		}
		return part{toks: body, role: roleReason}
	}
	return rq.fragment(r, body)
}

// called reads a clause that names what is to be made: "call the role binding analysts-view", "name it probe".
func (rq *request) called(body []token) ([]token, bool) {
	if k := slices.IndexFunc(body, func(t token) bool { return t.text == "call" || t.text == "name" }); k > 0 && k <= 3 && articles[body[0].text] {
		body = body[k:] // "the binding call it viewers"
	}
	last := len(body) - 1
	if last < 1 || last > 5 || body[0].text != "call" && body[0].text != "name" && !(body[0].text == "its" && body[1].text == "name") || stopWords[body[last].text] || body[last].lit != litNone {
		return nil, false
	}
	return []token{plainToken("named"), body[last]}, true
}

// clearLeads cuts off words of agreement and address only: "I" and "we" stay.
func clearLeads(toks []token) []token {
	for len(toks) > 1 && leadAt(toks) == 1 && !speakers[toks[0].text] {
		toks = toks[1:]
	}
	return toks
}

// fragment is a clause without a verb: a piece of the request, a time, or talk.
func (rq *request) fragment(r *reading, body []token) part {
	if cron, n := spokenCron(body); cron != "" && n == len(body) {
		return part{toks: body, role: roleValue}
	}
	value := len(r.objs)+len(r.kinds)+len(r.nss) > 0 || len(body) == 1 && distinctive(body[0].text) && body[0].lit == litNone
	later := false
	for i, t := range body {
		switch {
		case t.lit == litDuration && !t.quantity, clockTime.MatchString(t.text) && t.lit == litNone, laterWords[t.text]:
			later = true
		case t.lit != litNone && t.lit != litOrdinal, t.env, taintEffects[t.text] != "", t.text == "grace":
			value = true
		}
		if r.isCue(i) && valueCue(r, i) {
			value = true
		}
	}
	switch {
	case body[0].text == "not" && len(body) <= 3 && len(body) > 1 && !asksChange(body, 1) && len(r.objs)+len(r.nss) == 0 && !later:
		return part{toks: body, role: roleTalk} // "two, not one"
	case holdsWord(body, negations):
		return part{toks: body, role: roleForbidden}
	case value:
		return part{toks: body, role: roleValue}
	case later && !laterWords[body[0].text] && !inWords[body[0].text] && !weakPrepositions[body[0].text] && holdsWord(body, occasions):
		return part{toks: body, role: roleReason} // "kernel patching tonight"
	case later && (len(body) <= 3 || inWords[body[0].text] || weakPrepositions[body[0].text]):
		return part{toks: body, role: roleCondition}
	}
	return part{toks: body, role: roleTalk}
}

// valueConcepts are said of a request in pieces of their own: "by force", "ignoring daemonsets", "with effect NoExecute".
var valueConcepts = []concept{
	cForce, cOrphan, cLimit, cRequest, cCPU, cMemory, cPort, cTargetPort, cSvcType, cNamed, cContainer, cReplicas, cRevision, cMax, cMin, cSchedule, cLabel, cAnnotate, cTaint, cEnv, cImage,
}

func valueCue(r *reading, i int) bool {
	return slices.ContainsFunc(r.cues, func(q cue) bool { return q.i <= i && i < q.j && slices.Contains(valueConcepts, q.c) })
}

// resolve puts what the explaining clauses are about in the place of "it".
func (rq *request) resolve(body []token) []token {
	if len(rq.about) == 0 {
		return body
	}
	r := exactReading(rq.ctx, rq.v, rq.focus, slices.Clone(body))
	if len(r.objs) > 0 {
		return body
	}
	for _, k := range r.kinds { // "ns2 is abandoned, remove the namespace"
		if k.i > 0 && !k.plural && (articles[body[k.i-1].text] || body[k.i-1].text == "that" || body[k.i-1].text == "its") && slices.ContainsFunc(rq.kinds, func(key string) bool { return key == k.kinds[0].Key() || loose(k.kinds[0]) && isWorkload(key) }) {
			return slices.Concat(body[:k.i-1], clearBreaks(rq.about), body[k.j:])
		}
	}
	for i := 1; i < len(body); i++ { // "it is empty, get rid of the claim"
		if genericNouns[body[i].text] && articles[body[i-1].text] && !r.isKind(i) && (i == len(body)-1 || !r.objectNamed(i+1)) {
			return slices.Concat(body[:i-1], clearBreaks(rq.about), body[i+1:])
		}
	}
	for i, t := range body {
		if t.text == "one" && i+1 < len(body) && body[i+1].text == "before" {
			continue // "the one before"
		}
		if i > 0 && (body[i-1].text == "before" || body[i-1].text == "preceding" || body[i-1].text == "than") {
			continue // "the version before it"
		}
		if i == 0 || t.quoted || !targetPronouns[t.text] || (t.text == "that" || t.text == "this" || t.text == "those" || t.text == "these") && i+1 < len(body) && !t.brk && body[i+1].text != "one" {
			if t.text != "its" && t.text != "it" || i == 0 && t.text == "it" && len(body) > 1 && statives[body[1].text] {
				continue
			}
		}
		n := i + 1
		if n < len(body) && (t.text == "that" || t.text == "this") && body[n].text == "one" {
			n++
		}
		about := slices.Clone(rq.about)
		about[len(about)-1].brk = body[n-1].brk
		return slices.Concat(body[:i], about, body[n:])
	}
	return body
}

var sequels = wordSet("then once afterwards after thereafter next")

// genericNouns are what a thing that was named is called again by.
var genericNouns = wordSet("claim volume machine box host object thing resource workload server guy beast")

// isOnlyIf reads how many replicas there have to be for a change: "only if it is at 2 currently".
func (rq *request) isOnlyIf(body []token) bool {
	k := 0
	for k < len(body) && (body[k].text == "only" || body[k].text == "but" || body[k].text == "and") {
		k++
	}
	if k >= len(body) || body[k].text != "if" && body[k].text != "when" && body[k].text != "provided" {
		return false
	}
	about := wordSet("it there they currently has have is are runs at on with now still right the replicas replica pods pod count current running of to set exactly that this already only if when provided but and size number instances stands")
	number := -1
	for i, t := range body[k:] {
		n, ok := plainNumber(t)
		switch {
		case ok && number < 0 && i > 0:
			number = n
		case !about[t.text] && t.text != "":
			return false
		}
	}
	if number < 0 {
		return false
	}
	n := int32(number)
	rq.only = &n
	return true
}

// spares reads what is not to be touched; that it is not is seen to when the plan is there.
func (rq *request) spares(body []token) bool {
	last := body[len(body)-1].text
	if body[0].text == "leave" && !(last == "alone" || last == "untouched" || last == "be" || last == "is" || last == "out" || last == "running") {
		return false
	}
	for _, t := range body[1:] {
		if !stopWords[t.text] && !plainWords[t.text] && t.text != "alone" && t.text != "untouched" && t.text != "touch" {
			if t.lit != litNone {
				return false
			}
			rq.spare = append(rq.spare, t.text)
		}
	}
	return len(rq.spare) > 0
}

package nlp

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// request is what was said, taken apart into clauses: what is asked for, what is said about it, and what only explains.
type request struct {
	ctx   context.Context
	v     *Vocabulary
	focus Focus
	parts []part
	about []token // what the explaining clauses name, where it is one thing: what "it" is
	where []token // and the namespace that they name
	only  *int32  // replicas there have to be for a change
	spare []string
}

// asRequest reads a text clause by clause, for what is asked for in it. It is the second reading of what the first has not
// understood: idioms are turned into the commands that they stand for, and what only explains is left out. It tells
// whether it came to something better than nothing.
func asRequest(ctx context.Context, v *Vocabulary, focus Focus, said string) (understood, bool) {
	toks, q := spokenWords(v, said)
	if q != nil || len(toks) == 0 || len(toks) > maxTokens {
		return understood{}, false
	}
	rq := &request{ctx: ctx, v: v, focus: focus}
	clauses := clausesOf(toks)
	if strings.Contains(said, "?") && !slices.ContainsFunc(clauses, politeQuestion) {
		return understood{}, false
	}
	rq.gather(clauses)
	for _, c := range clauses {
		p := rq.part(c)
		switch p.role {
		case roleCondition, roleForbidden:
			return understood{}, false
		}
		rq.parts = append(rq.parts, p)
	}
	return rq.read()
}

// orRequest is the reading, or the one clause by clause where that understands a change that the reading does not.
func orRequest(ctx context.Context, v *Vocabulary, focus Focus, said string, first understood) understood {
	if first.q != nil && first.q.refuse && !first.q.lost {
		return first // a rule against it
	}
	if complete(first) && (first.score >= acceptScore && ClassifyPlan(Plan{Steps: first.steps}) != Read || first.undo) {
		return first
	}
	second, ok := asRequest(ctx, v, focus, said)
	switch {
	case !ok, second.q != nil && (complete(first) || first.q != nil && !first.q.refuse && first.score >= offerScore):
		return first
	}
	return second
}

// politeQuestion tells whether a clause is a request in the form of a question: "could you restart it?"
func politeQuestion(c []token) bool {
	for len(c) > 0 {
		switch c[0].text {
		case "can", "could", "would", "will":
			return len(c) > 1 && (c[1].text == "you" || c[1].text == "we" || c[1].text == "u" || c[1].text == "someone" || c[1].text == "somebody" || c[1].text == "one")
		case "do", "is":
			return len(c) > 2 && c[2].text == "mind"
		}
		n := leadAt(c)
		if n == 0 {
			return startsOrder(c)
		}
		c = c[n:]
	}
	return false
}

// gather finds what the clauses that explain are about: one thing, or none.
func (rq *request) gather(clauses [][]token) {
	for _, c := range clauses {
		body := withoutLeads(c)
		if len(body) == 0 || startsOrder(body) {
			continue
		}
		r := newReading(rq.ctx, rq.v, rq.focus, slices.Clone(body))
		if _, ok := rephrase(r, body); ok {
			continue
		}
		named := r.thingsNamed()
		if len(named) > 1 || len(named) == 1 && len(rq.about) > 0 {
			rq.about = []token{{text: ""}} // several: none of them is meant for certain
			continue
		}
		if len(named) == 1 && named[0].fixed == "" {
			o := named[0]
			from, to := o.i, o.j
			for _, k := range r.kinds {
				if k.j == o.i && !r.toks[k.j-1].brk || k.i == o.j && !r.toks[o.j-1].brk {
					from, to = min(from, k.i), max(to, k.j)
				}
			}
			rq.about = clearBreaks(body[from:to])
		}
		for _, n := range r.nss {
			if n.strength >= 2 {
				rq.where = append([]token{plainToken("in")}, plainToken(n.ns))
			}
		}
	}
	if len(rq.about) == 1 && rq.about[0].text == "" {
		rq.about = nil
		rq.focus.Names = nil // "it" is one of those, and not what was talked of before
	} else if len(rq.about) > 0 && len(rq.where) > 0 {
		rq.about = append(rq.about, rq.where...)
	}
}

func clearBreaks(toks []token) []token {
	out := slices.Clone(toks)
	for i := range out {
		out[i].brk = false
	}
	return out
}

var (
	spareVerbs = wordSet("leave keep spare")
	// times that a change is to be made at, and not a reason for it
	laterWords = wordSet("tomorrow tonight later monday tuesday wednesday thursday friday saturday sunday weekend noon midnight evening afternoon morning")
	askWords   = wordSet("what which who whose whom why how where is are was were does did has had am any")
)

// part tells what a clause does, and turns an idiom into its command.
func (rq *request) part(c []token) part {
	body := withoutLeads(c)
	if len(body) == 0 {
		return part{role: roleTalk}
	}
	first := body[0].text
	if rq.isOnlyIf(body) {
		return part{role: roleOnlyIf}
	}
	if (first == "until" || first == "till" || first == "til") && len(body) > 1 {
		return part{body, roleUntil}
	}
	if spareVerbs[first] || startsWith(body, []string{"do", "not", "touch"}) {
		if rq.spares(body) {
			return part{body, roleSpare}
		}
	}
	body = rq.resolve(body)
	r := newReading(rq.ctx, rq.v, rq.focus, slices.Clone(body))
	if !askWords[first] {
		if order, ok := rephrase(r, body); ok {
			return part{order, roleRequest}
		}
		if whole := rq.resolve(clearLeads(c)); len(whole) > len(body) {
			if order, ok := rephrase(newReading(rq.ctx, rq.v, rq.focus, slices.Clone(whole)), whole); ok {
				return part{order, roleRequest}
			}
		}
	}
	if clauseOpeners[first] || reasonWords[first] || startsReason(body, 0) || first == "as" && len(body) > 1 && body[1].text == "soon" {
		if (conditions[first] || first == "after" || first == "provided" || first == "as" && body[1].text == "soon") || ordersWithin(body) {
			return part{body, roleCondition}
		}
		return part{body, roleReason}
	}
	if startsOrder(body) || askWords[first] {
		return part{body, roleRequest}
	}
	if negations[first] || first == "do" && len(body) > 1 && negations[body[1].text] {
		return part{body, roleForbidden}
	}
	if statement := clearLeads(c); isStatement(statement) || isStatement(body) {
		if ordersWithin(statement) {
			return part{body, roleForbidden}
		}
		return part{body, roleReason}
	}
	return rq.fragment(r, body)
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
	value := len(r.objs)+len(r.kinds)+len(r.nss) > 0
	later := false
	for i, t := range body {
		switch {
		case t.lit == litDuration && !t.quantity, clockTime.MatchString(t.text) && t.lit == litNone, laterWords[t.text]:
			later = true
		case t.lit != litNone && t.lit != litOrdinal, t.env:
			value = true
		}
		if r.isCue(i) && valueCue(r, i) {
			value = true
		}
	}
	switch {
	case holdsWord(body, negations):
		return part{body, roleForbidden}
	case value:
		return part{body, roleValue}
	case later && (len(body) <= 3 || inWords[body[0].text] || weakPrepositions[body[0].text]):
		return part{body, roleCondition}
	}
	return part{body, roleTalk}
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
	r := newReading(rq.ctx, rq.v, rq.focus, slices.Clone(body))
	if len(r.objs) > 0 {
		return body
	}
	for i, t := range body {
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

// groups are the requests, each with the pieces that belong to it.
func (rq *request) groups() [][]token {
	var out [][]token
	var pending []token
	for _, p := range rq.parts {
		switch {
		case p.role == roleRequest:
			out = append(out, slices.Concat(ended(p.toks), pending))
			pending = nil
		case p.role == roleValue && len(out) > 0:
			out[len(out)-1] = slices.Concat(ended(out[len(out)-1]), p.toks)
		case p.role == roleValue:
			pending = append(pending, ended(p.toks)...)
		}
	}
	if len(out) == 0 && len(pending) > 0 {
		joined := clearBreaks(pending)
		if order, ok := rephrase(newReading(rq.ctx, rq.v, rq.focus, slices.Clone(joined)), joined); ok {
			return [][]token{order}
		}
		return [][]token{pending}
	}
	return out
}

func ended(toks []token) []token {
	out := slices.Clone(toks)
	if len(out) > 0 {
		out[len(out)-1].brk = true
	}
	return out
}

// read reads the requests one after the other and makes one plan of them.
func (rq *request) read() (understood, bool) {
	groups := rq.groups()
	if len(groups) == 0 || len(groups) > MaxSteps {
		return understood{}, false
	}
	all := understood{score: 1}
	write, focus := false, rq.focus
	for _, g := range groups {
		u := rq.readGroup(focus, g)
		if u.frame == nil {
			return understood{}, false
		}
		if u.q != nil {
			return u, u.frame.write && !u.q.refuse && u.score > 0 && len(groups) == 1
		}
		if !u.accepted() {
			return understood{}, false
		}
		write = write || u.frame.write || ClassifyPlan(Plan{Steps: u.steps}) != Read
		all.steps, all.notes, all.trace = append(all.steps, u.steps...), append(all.notes, u.notes...), append(all.trace, u.trace...)
		all.verbFix, all.byPart, all.undo = all.verbFix || u.verbFix, all.byPart || u.byPart, all.undo || u.undo
		all.reading, all.frame = u.reading, u.frame
		focus = focusOf(focus, u.steps)
	}
	if !write || !rq.holds(&all) || !rq.onlyAt(&all) || rq.touchesSpared(all) {
		return understood{}, false
	}
	for _, p := range rq.parts {
		if p.role == roleReason {
			all.trace = append(all.trace, TraceEntry{Words: wordsOf(p.toks), As: "a reason, which changes nothing"})
		}
	}
	return all, true
}

func wordsOf(toks []token) string {
	var out []string
	for _, t := range toks {
		out = append(out, t.raw)
	}
	return strings.Join(out, " ")
}

// readGroup reads one request, by itself and then with what the explaining clauses name, if it names too little itself.
func (rq *request) readGroup(focus Focus, g []token) understood {
	best := readTokens(rq.ctx, rq.v, focus, g)
	if best.q == nil && best.accepted() {
		return best
	}
	for _, more := range [][]token{rq.where, rq.about} {
		if len(more) == 0 {
			continue
		}
		if u := readTokens(rq.ctx, rq.v, focus, slices.Concat(clearBreaks(g), more)); u.frame != nil && u.q == nil && u.accepted() {
			return u
		}
	}
	if len(rq.about) == 0 && len(focus.Names) == 1 && len(g) <= 3 && best.reading != nil && len(best.reading.objs) == 0 {
		if u := readTokens(rq.ctx, rq.v, focus, append(clearBreaks(g), plainToken("it"))); u.frame != nil && u.q == nil && u.accepted() {
			return u
		}
	}
	return best
}

// readTokens reads the words of one request.
func readTokens(ctx context.Context, v *Vocabulary, focus Focus, toks []token) understood {
	toks = joinVerbs(slices.Clone(toks))
	r := newReading(ctx, v, focus, toks)
	var found []understood
	for i := range frames {
		f := &frames[i]
		if !f.applies(r) {
			continue
		}
		if u, ok := r.try(f); ok {
			found = append(found, u)
		}
	}
	if u, ok := r.followUp(); ok {
		found = append(found, u)
	}
	return r.best(found)
}

// holding are changes that last until they are taken back: how long they shall last is no condition.
func holding(s Step) bool {
	switch s.Op {
	case OpRolloutPause, OpCordon, OpScale, OpDrain, OpTaint:
		return true
	case OpPatch:
		_, ok := suspendPatch(s.Args.Patch)
		return ok
	}
	return false
}

// holds tells whether "until" fits what is done.
func (rq *request) holds(u *understood) bool {
	for _, p := range rq.parts {
		if p.role != roleUntil {
			continue
		}
		if slices.ContainsFunc(u.steps, func(s Step) bool { return !holding(s) && Classify(s) != Read }) {
			return false
		}
		u.notes = append(u.notes, fmt.Sprintf("It stays so until you tell me otherwise (%s).", wordsOf(p.toks)))
	}
	return true
}

// onlyAt puts the condition that the text has into the plan, which knows one of that kind.
func (rq *request) onlyAt(u *understood) bool {
	if rq.only == nil {
		return true
	}
	if len(u.steps) != 1 || u.steps[0].Op != OpScale || len(u.steps[0].Names) != 1 {
		return false
	}
	u.steps[0].Args.OnlyAt = rq.only
	return true
}

// touchesSpared tells whether the plan changes what it was told to leave alone.
func (rq *request) touchesSpared(u understood) bool {
	for _, s := range u.steps {
		for _, w := range rq.spare {
			_, image := s.Args.Images[w]
			if image || s.Container == w || slices.Contains(s.Names, w) || len(s.Names) == 0 {
				return true
			}
		}
	}
	return false
}

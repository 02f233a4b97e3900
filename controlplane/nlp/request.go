package nlp

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// request is what was said, taken apart into clauses: what is asked for, what is said about it, and what only explains.
type request struct {
	ctx   context.Context
	v     *Vocabulary
	focus Focus
	parts []part
	about []token  // what the explaining clauses name, where it is one thing: what "it" is
	kinds []string // which it may be of
	where []token  // and the namespace that they name
	only  *int32   // replicas there have to be for a change
	spare []string

	known map[string]*reading

	idiom    bool // something was said in other words than the plain command
	forbids  bool // something was forbidden
	retracts bool // something was taken back
	blocked  bool // a clause that is no request bears on what is asked
}

// asRequest reads a text clause by clause, for what is asked for in it. It is the second reading of what the first has not
// understood: idioms are turned into the commands that they stand for, and what only explains is left out. It tells
// whether it came to something better than nothing.
func asRequest(ctx context.Context, v *Vocabulary, focus Focus, said string) (*request, understood, bool) {
	toks, q := spokenWords(v, said)
	if q != nil || len(toks) == 0 || len(toks) > maxTokens || !mayOrder(toks) {
		return nil, understood{}, false
	}
	if asksIndirectly.MatchString(said) && !strings.ContainsAny(said, ".;!") {
		return nil, understood{}, false
	}
	rq := &request{ctx: ctx, v: v, focus: focus}
	clauses := clausesOf(toks)
	if (strings.Contains(said, "?") || asksWhat(toks)) && !slices.ContainsFunc(clauses, politeQuestion) {
		return nil, understood{}, false
	}
	rq.gather(clauses)
	for _, c := range clauses {
		p := rq.part(c)
		if last := len(rq.parts) - 1; p.role == roleCondition && last >= 0 && rq.parts[last].role == roleReason && !endsBrk(rq.parts[last].toks) && !ordersWithin(c) && circumstances[withoutLeads(c)[0].text] {
			p.role = roleReason // "it has gone weird after the upgrade"
		}
		p.after = holdsWord(c[:min(len(c), 3)], sequels)
		if last := len(rq.parts) - 1; p.role == roleUntil && last >= 0 && rq.parts[last].role == roleReason {
			p.role = roleReason // "I can't wait until two"
		}
		rq.blocked = rq.blocked || p.role == roleCondition || p.role == roleForbidden
		rq.idiom = rq.idiom || p.idiom
		rq.forbids = rq.forbids || p.role == roleForbidden && ordersWithin(clearLeads(c)) && holdsWord(c, negations)
		rq.parts = append(rq.parts, p)
	}
	if rq.blocked {
		return rq, understood{}, false
	}
	u, ok := rq.read()
	return rq, u, ok
}

// asksIndirectly is a question put as an order: "tell me in which namespace web with two replicas is".
var asksIndirectly = regexp.MustCompile(`(?i)^\W*(?:please |pls |can you |could you |would you |just |kindly )*(?:tell|show|remind|inform|let) (?:me|us)(?: know)?(?: please| pls)?,? (?:(?:in|on|at|for|of|to|from|by) )?(?:which|where|what|how|whether|when|who|why)\b[^,]*$`)

// circumstances are words by which a clause says when what is told happened.
var circumstances = wordSet("after since before when while whenever during once")

func endsBrk(toks []token) bool { return len(toks) > 0 && toks[len(toks)-1].brk }

// orRequest is the reading, or the one clause by clause where that understands a change that the reading does not.
func orRequest(ctx context.Context, v *Vocabulary, focus Focus, said string, first understood) understood {
	if first.q != nil && first.q.refuse && !first.q.lost {
		return first // a rule against it
	}
	rq, second, ok := asRequest(ctx, v, focus, said)
	change := complete(first) && (first.score >= acceptScore && ClassifyPlan(Plan{Steps: first.steps}) != Read || first.undo)
	asked := first.q != nil && !first.q.refuse && first.score >= offerScore
	if first.frame == &followFrame && !change && ClassifyPlan(Plan{Steps: first.steps}) != Read && first.accepted() && (rq == nil || !rq.blocked) {
		return first // and what else it says is talk
	}
	switch {
	case rq == nil:
		return first
	case rq.retracts:
		return understood{q: &question{text: "You took that back, so I change nothing.", refuse: true}}
	case ok && complete(second) && (!change || rq.idiom || rq.touchesSpared(first)):
		return second
	case change && rq.touchesSpared(first):
		return understood{q: &question{text: "I do not see what to change and what to leave. Say them one at a time."}, score: 1, reading: first.reading}
	case rq.forbids && !change && !asked:
		return understood{q: &question{text: "You said not to, so I change nothing.", refuse: true}}
	case ok && second.q != nil && !complete(first) && !asked:
		return second
	}
	if !rq.blocked && (!complete(first) && !asked && !first.readable() || !change && complete(first) && rq.commands()) {
		if q := rq.missing(); q != nil {
			return understood{q: q, score: offerScore, reading: first.reading}
		}
	}
	return first
}

// commands tells whether all that is said is one order with nothing but a thing in it: "label the node".
func (rq *request) commands() bool {
	if len(rq.parts) != 1 || rq.parts[0].role != roleRequest {
		return false
	}
	toks := rq.parts[0].toks
	return len(toks) == 3 && asksChange(toks, 0) && !onlyShows(toks[0].text) && (toks[1].text == "the" || toks[1].text == "a" || toks[1].text == "this")
}

// orderly are words that requests have which have no verb of changes.
var orderly = wordSet("every each daily hourly weekly at back replicas replica should must needs need has have can may wants ought shall to on off no not dont nothing keep a new please for let min max limit limits request requests")

// mayOrder tells whether there is anything in the words that a change is asked for by.
func mayOrder(toks []token) bool {
	for i, t := range toks {
		if orderly[t.text] || idiomStarts[t.text] || t.lit == litKeyValue || t.lit == litImage || asksChange(toks, i) {
			return true
		}
	}
	return false
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
		if len(body) == 0 || startsOrder(body) || askWords[body[0].text] {
			continue
		}
		r := exactReading(rq.ctx, rq.v, rq.focus, slices.Clone(body))
		if _, ok := rephrase(r, body); ok {
			continue
		}
		named := r.thingsNamed()
		if len(named) > 1 || len(named) == 1 && len(rq.about) > 0 {
			rq.about = []token{{text: ""}} // several: none of them is meant for certain
			continue
		}
		if len(named) == 1 && !named[0].typo && !named[0].part {
			o := named[0]
			rq.about = []token{{text: o.name, raw: o.name}}
			for _, k := range r.kinds {
				if k.j == o.i && !r.toks[k.j-1].brk || k.i == o.j && !r.toks[o.j-1].brk {
					rq.about = append(clearBreaks(body[k.i:k.j]), rq.about...)
				}
			}
			for _, ref := range o.refs {
				rq.kinds = append(rq.kinds, ref.Kind)
			}
		}
		if len(named) == 0 && len(r.nss) == 1 && r.saysKind("namespaces") && len(rq.about) == 0 {
			rq.about, rq.kinds = []token{plainToken("namespace"), plainToken(r.nss[0].ns)}, []string{"namespaces"}
			continue
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

// groups are the requests, each with the pieces that belong to it.
func (rq *request) groups() [][]token {
	var out [][]token
	var pending []token
	for _, p := range rq.parts {
		switch {
		case p.role == roleValue && rq.saidAgain(p.toks):
		case p.role == roleRequest:
			out = append(out, slices.Concat(ended(p.toks), pending))
			pending = nil
		case p.role == roleValue && p.after && len(out) > 0 && len(rq.reading(p.toks).thingsNamed()) > 0 && asksChange(out[len(out)-1], 0):
			out = append(out, slices.Concat(out[len(out)-1][:1], p.toks)) // "restart kafka and then elasticsearch"
		case p.role == roleValue && len(out) > 0:
			out[len(out)-1] = slices.Concat(ended(out[len(out)-1]), p.toks)
		case p.role == roleValue:
			pending = append(pending, ended(p.toks)...)
		}
	}
	if len(out) == 0 && len(pending) > 0 {
		joined := clearBreaks(pending)
		if order, ok := rephrase(rq.reading(joined), joined); ok {
			return [][]token{order}
		}
		return [][]token{pending}
	}
	return out
}

// saidAgain tells whether a piece only names what "it" was already read as.
func (rq *request) saidAgain(toks []token) bool {
	if len(rq.about) == 0 || !rq.idiom && len(rq.parts) < 2 {
		return false
	}
	named := slices.ContainsFunc(rq.parts, func(p part) bool {
		return p.role == roleRequest && slices.ContainsFunc(p.toks, func(t token) bool {
			return t.text == rq.about[len(rq.about)-1].text || len(rq.where) > 0 && t.text == rq.about[max(0, len(rq.about)-3)].text
		})
	})
	return named && !slices.ContainsFunc(toks, func(t token) bool {
		return !stopWords[t.text] && !english(t.text) && !slices.ContainsFunc(rq.about, func(a token) bool { return a.text == t.text })
	})
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
		said := withLastLabel(g, all.steps)
		rq.idiom = rq.idiom || len(said) != len(g)
		u := rq.readGroup(focus, said)
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

// withLastLabel puts the label that was just set in the place of "this label".
func withLastLabel(g []token, done []Step) []token {
	if len(done) == 0 || done[len(done)-1].Op != OpLabel || len(done[len(done)-1].Args.Set) == 0 {
		return g
	}
	for i := 0; i+1 < len(g); i++ {
		if w := g[i].text; (w == "this" || w == "that" || w == "the") && g[i+1].text == "label" {
			var pairs []token
			for _, p := range pairsOf(done[len(done)-1].Args.Set) {
				pairs = append(pairs, plainToken(p))
			}
			return slices.Concat(g[:i], pairs, g[i+2:])
		}
	}
	return g
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
	best := rq.readTokens(focus, g)
	if best.q == nil && best.accepted() {
		return best
	}
	for _, more := range [][]token{rq.where, rq.about} {
		if len(more) == 0 || len(rq.about) > 0 && slices.ContainsFunc(g, func(t token) bool {
			return slices.ContainsFunc(rq.about, func(a token) bool { return a.text == t.text && distinctive(a.text) })
		}) {
			continue // it is said already
		}
		if u := rq.readTokens(focus, slices.Concat(clearBreaks(g), more)); u.frame != nil && u.q == nil && u.accepted() {
			return u
		}
	}
	if joined := clearBreaks(g); best.q != nil || !best.accepted() {
		if order, ok := rephrase(rq.reading(joined), joined); ok {
			if u := rq.readTokens(focus, order); u.frame != nil && u.q == nil && u.accepted() {
				return u
			}
		}
	}
	if u, ok := rq.readPair(focus, g); ok {
		return u
	}
	if len(rq.about) == 0 && len(focus.Names) == 1 && len(g) <= 3 && best.reading != nil && len(best.reading.objs) == 0 {
		if u := rq.readTokens(focus, append(clearBreaks(g), plainToken("it"))); u.frame != nil && u.q == nil && u.accepted() {
			return u
		}
	}
	return best
}

// readPair reads two requests that share their verb: "scale loadgen to 10 and selenium-hub to 2".
func (rq *request) readPair(focus Focus, g []token) (understood, bool) {
	for i, t := range g {
		if i == 0 || i == len(g)-1 || t.text != "and" && !g[i-1].brk {
			continue
		}
		rest := g[i:]
		if t.text == "and" {
			rest = g[i+1:]
		}
		order, ok := rephrase(rq.reading(rest), rest)
		if !ok {
			continue
		}
		a := rq.readTokens(focus, clearBreaks(g[:i]))
		if a.frame == nil || !a.accepted() || !a.frame.write {
			continue
		}
		b := rq.readTokens(focusOf(focus, a.steps), order)
		if b.frame != nil && b.accepted() && b.frame == a.frame {
			a.steps, a.notes = append(a.steps, b.steps...), append(a.notes, b.notes...)
			return a, true
		}
	}
	return understood{}, false
}

// readTokens reads the words of one request.
func (rq *request) readTokens(focus Focus, toks []token) understood {
	r := rq.reading(joinVerbs(slices.Clone(toks)))
	r.focus = focus
	var found []understood
	order := asksChange(r.toks, 0) && !onlyShows(r.toks[0].text) && startsOrder(r.toks)
	for i := range frames {
		f := &frames[i]
		if !f.applies(r) || order && !f.write && f.name != "wait" && f.name != "rolloutStatus" {
			continue // who begins with a verb of changes asks for no read
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

// reading is what is known of the words, found once for the same words: among many names that is the most of the work.
func (rq *request) reading(toks []token) *reading {
	var key strings.Builder
	for _, t := range toks {
		key.WriteString(t.raw)
		key.WriteByte(' ')
		if t.brk {
			key.WriteByte(',')
		}
		if t.quoted {
			key.WriteByte('"')
		}
	}
	r := rq.known[key.String()]
	if r == nil {
		if rq.known == nil {
			rq.known = map[string]*reading{}
		}
		r = newReading(rq.ctx, rq.v, rq.focus, slices.Clone(toks))
		rq.known[key.String()] = r
	}
	c := r.fork()
	c.focus = rq.focus
	return c
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

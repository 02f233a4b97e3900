package nlp

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// talkEnds are the places where talk may end and a request begin, or the other way round.
var talkEnds = regexp.MustCompile(`[.,;:!?)]+\s+|\s+-+\s+|\s+(?:so|but|and|hence|therefore|thus)\s+|\s+as\s+`)

// fronting says when something is wanted, before who wants it.
var fronting = regexp.MustCompile(`(?i)^(?:\W*(?:good )?(?:morning|evening|afternoon|hi|hello|hey|ok|okay|right|so)\b\W*)*((?:before|after|during|ahead of|prior to|until|by) (?:the |our |my |today's |tomorrow's |lunch and )?[a-z-]+(?: [a-z-]+)?),? ((?:i|i'd|we|we'd|can|could|please|would|show|list|give|let)\b.*)$`)

// maxCuts are the places that are tried: more is not a sentence.
const maxCuts = 12

// amidTalk finds the one request in a text whose other clauses only tell something: "our boss is nervous; what has web been
// logging for an hour?". What tells asks for nothing, forbids nothing and conditions nothing, or the whole is not read this way.
func amidTalk(ctx context.Context, v *Vocabulary, focus Focus, said string) (understood, string, bool) {
	if len(unquoted(said)) != len(said) || len(strings.Fields(said)) > maxTokens {
		return understood{}, "", false
	}
	cuts := talkEnds.FindAllStringIndex(said, -1)
	if len(cuts) > maxCuts {
		return understood{}, "", false
	}
	if at := fronting.FindStringSubmatchIndex(said); at != nil && !namesAThing(v, said[at[2]:at[3]]) {
		if u, text, ok := coreOf(ctx, v, focus, said[at[4]:], true); ok && u.takenAsRead() {
			return u, text, true // when somebody wants to see something is no condition
		}
	}
	starts := append([][]int{{0, 0}}, cuts...)
	for _, at := range starts {
		head, core := said[:at[0]], said[at[1]:]
		if at[1] > 0 && !asksAt(core) {
			continue
		}
		heard, ok := tells(ctx, v, focus, head, followsFrom.MatchString(said[at[0]:]))
		if !ok {
			return understood{}, "", false // what stands before the rest is more than talk
		}
		if head != "" && len(heard.Names) == 0 && holdsWord(lex(strings.ToLower(core)), leaning) && namesAThing(v, head) && heard.Namespace == focus.Namespace {
			return understood{}, "", false // it leans on what was told, and that may be several things
		}
		if u, text, ok := coreOf(ctx, v, heard, core, head != ""); ok {
			u.notes = append(u.notes, "What else you said I took as talk.")
			return u, text, true
		}
	}
	return understood{}, "", false
}

var leaning = wordSet("it its them their")

// coreOf reads the request that the text begins with, and sees that what follows it is talk. Behind talk the whole may be it.
func coreOf(ctx context.Context, v *Vocabulary, focus Focus, said string, whole bool) (understood, string, bool) {
	ends := talkEnds.FindAllStringIndex(said, maxCuts)
	if whole {
		ends = append(ends, []int{len(said), len(said)})
	}
	slices.Reverse(ends) // as much of it as is understood
	for _, at := range ends {
		core, tail := said[:at[0]], said[at[1]:]
		if len(strings.Fields(core)) < 2 {
			continue
		}
		if _, ok := tells(ctx, v, focus, tail, false); !ok {
			continue
		}
		if strings.HasSuffix(strings.TrimSpace(said[:at[1]]), "?") {
			core += "?"
		}
		u := understand(ctx, v, focus, core)
		change := complete(u) && ClassifyPlan(Plan{Steps: u.steps}) != Read && u.score >= acceptScore && !u.verbFix && !u.byPart
		if u.takenAsRead() || change {
			return u, core, true
		}
	}
	return understood{}, "", false
}

// asksAt tells whether the text begins, after polite words, as a question or an order does.
func asksAt(said string) bool {
	toks := lex(strings.ToLower(strings.TrimLeft(said, " (")))
	body := withoutLeads(toks)
	if len(body) == 0 {
		return false
	}
	return len(body) < len(toks) && politeQuestion(toks) || startsOrder(body) || askWords[body[0].text] || body[0].text == "can" || body[0].text == "could" ||
		onlyShows(body[0].text) && !stopWords[body[0].text] || inWords[body[0].text] && len(body) > 1 && askWords[body[1].text] || helloReads[body[0].text]
}

// helloReads are nouns of reads that requests without a verb begin with.
var helloReads = wordSet("logs events status")

// tells says whether the text only tells something, and what a request after it may lean on: the one thing that it names, or the
// one namespace.
func tells(ctx context.Context, v *Vocabulary, focus Focus, said string, reason bool) (Focus, bool) {
	if strings.Trim(said, " .,;:!?()-") == "" {
		return focus, true
	}
	toks, q := spokenWords(v, said)
	if q != nil || len(toks) > maxTokens {
		return focus, false
	}
	rq := &request{ctx: ctx, v: v, focus: focus}
	clauses := clausesOf(toks)
	for i, c := range clauses {
		if i > 0 && !endsBrk(clauses[i-1]) && circumstances[c[0].text] && !ordersWithin(c) {
			continue // "it has gone weird after the upgrade"
		}
		if !rq.onlyTells(c) && !(reason && lacks(c)) {
			return focus, false
		}
	}
	r := exactReading(ctx, v, focus, slices.Clone(toks))
	named := r.thingsNamed()
	if o := r.theOneTold(named); o != nil {
		focus.Resource, focus.Names, focus.Namespace = v.kinds[o.Kind].Resource, []string{o.Name}, o.Namespace
		return focus, true
	}
	if len(named) == 0 && len(r.nss) == 1 && r.nss[0].strength >= 2 {
		focus.Namespace = r.nss[0].ns
		if len(r.kinds) == 1 && !r.kinds[0].plural { // "there was a limit range in shop"
			k := r.kinds[0].kinds[0]
			if there := v.inNamespace(k.Key(), focus.Namespace); len(there) == 1 {
				focus.Resource, focus.Names = k.Resource, []string{there[0].Name}
			}
		}
	}
	return focus, true
}

// followsFrom begins a request that what was said before it is the reason for.
var followsFrom = regexp.MustCompile(`(?i)^\W*(?:so|therefore|hence|thus|that's why|which is why)\b`)

// lacks tells whether a clause says what somebody lacks, and not what is to be done: "we need more details in the logs, so".
func lacks(c []token) bool {
	if len(c) < 3 || c[0].text != "i" && c[0].text != "we" || c[1].text != "need" && c[1].text != "want" && c[1].text != "lack" && c[1].text != "miss" {
		return false
	}
	for i := 2; i < len(c); i++ {
		if asksChange(c, i) && !adjectives[c[i].text] {
			return false
		}
	}
	return true
}

// theOneTold is the one thing that the talk is of, or nil: of several of one name the workload, in the namespace that is said.
func (r *reading) theOneTold(named []objMention) *Object {
	if len(named) != 1 || named[0].typo || named[0].part {
		return nil
	}
	refs := slices.Clone(named[0].refs)
	for _, n := range r.nss {
		if n.strength >= 2 {
			refs = slices.DeleteFunc(refs, func(o *Object) bool { return o.Namespace != n.ns })
		}
	}
	if len(refs) > 1 {
		refs = slices.DeleteFunc(refs, func(o *Object) bool { return !isWorkload(o.Kind) })
	}
	if len(refs) != 1 {
		return nil
	}
	return refs[0]
}

// onlyTells tells whether a clause neither asks for anything nor bears on what is asked.
func (rq *request) onlyTells(c []token) bool {
	body := withoutLeads(c)
	if len(body) == 0 || courteous(body) || mildWish(body) || cannot(c) {
		return true
	}
	if conditions[body[0].text] && !clauseOpeners[c[0].text] || startsOrder(body) || politeQuestion(c) || prohibitions[body[0].text] && !isStatement(body) {
		return false
	}
	if onlyShows(body[0].text) && len(body) > 1 || asksFirst(body) && !onlyTalked(c) {
		return false
	}
	switch p := rq.part(slices.Clone(c)); p.role {
	case roleTalk, roleReason:
		return !p.idiom
	case roleValue:
		return !slices.ContainsFunc(p.toks, func(t token) bool {
			return t.lit != litNone && t.lit != litOrdinal || t.env || namesAThing(rq.v, t.text) || t.text == "named" || distinctive(t.text)
		})
	}
	return false
}

// mildWish tells whether a condition only asks nicely: "if that is okay", "if you do not mind".
func mildWish(body []token) bool {
	return len(body) <= 7 && (body[0].text == "if" || body[0].text == "when") && holdsWord(body, wordSet("okay ok fine alright possible mind minds agree agrees objects convenient")) && len(body) > 1 &&
		holdsWord(body[1:2], wordSet("that it you this possible okay ok fine everyone nobody"))
}

// cannot tells whether somebody only says what they can't do: "we can't see what happens".
func cannot(c []token) bool {
	c = clearLeads(c)
	return len(c) > 3 && speakers[c[0].text] && c[0].text != "you" && statives[c[1].text] && c[2].text == "not" && !ordersWithin(c)
}

// countsTalk tells whether a read took a number or a time from a clause before the one that asks: "the meeting is in ten minutes,
// so list the nodes".
func countsTalk(u understood) bool {
	if u.q != nil || u.reading == nil || len(u.steps) != 1 || ClassifyPlan(Plan{Steps: u.steps}) != Read {
		return false
	}
	first := slices.IndexFunc(u.reading.toks, func(t token) bool { return t.brk })
	return first > 0 && slices.ContainsFunc(u.reading.toks[:first+1], func(t token) bool { return t.lit == litDuration || t.lit == litNumber || t.lit == litPercent })
}

// looksInto tells whether what is wrong is looked for, which a clause that only tells of trouble may have been taken for: "web is
// slow, could you show me what its pods use".
func looksInto(u understood) bool {
	return u.q == nil && len(u.steps) == 1 && u.steps[0].Op == OpDiagnose
}

package nlp

import (
	"regexp"
	"slices"
	"strings"
)

// turns of speech that stand for a plainer one, wherever they are said.
var straighter = []turn{
	turnOf(`\b(cpu|processor|memory|mem|ram)[- ]wise\b`, "by $1"),
	turnOf(`\b(?:in terms of|with (?:regard|respect) to|measured (?:by|in)|judged by) (?:the |their )?(cpu|processor|memory|mem|ram)\b`, "by $1"),
	turnOf(`\b(?:with)?in (?:a|one)(?: single| common)? (?:list|table|view|go|output|overview)\b`, ""),
	turnOf(`\b(?:desired|wanted|expected|specified|target) (?:versus|vs\.?|against|and|compared to|compared with|to|/) (?:the )?(?:actual|ready|current|available|running|real)(?: (?:replicas|replica counts?|counts?|numbers?|pods|instances))?`, "replicas"),
	turnOf(`\b(?:actual|ready|current|available|running) (?:versus|vs\.?|against|and|compared to|compared with|/) (?:the )?(?:desired|wanted|expected|specified|target)(?: (?:replicas|replica counts?|counts?|numbers?|pods|instances))?`, "replicas"),
}

// takenBack is an order that is asked and answered with a no: "restart it? no, the logs please".
var takenBack = regexp.MustCompile(`(?i)^[^?]*\?\s*(?:no|nope|nah|rather not|better not)[,.!]+\s+`)

var moreStraight = []turn{
	turnOf(`(^|\s)replicas\s?=\s?(\d{1,4})\b`, "${1}replicas to $2"),
	turnOf(`\b(?:a |one )?quarter (?:of )?(?:an )?hour\b`, "15 minutes"),
	turnOf(`\b(?:three|3) quarters of an hour\b`, "45 minutes"),
	turnOf(`\bhalf (?:of )?an? (cpu|core)s?\b`, "500m cpu"),
	turnOf(`\b(?:a )?quarter (?:of )?(?:an? )?(cpu|core)s?\b`, "250m cpu"),
	turnOf(`\b(?:one|1) and a half (?:cpu|core)s?\b`, "1500m cpu"),
	turnOf(`\b(scale|bring|take|set|put|turn|run)\b([^,.;]*) to (?:nothing|none|nil|naught|nought)\b`, "$1$2 to zero"),
	turnOf(`\b(?:make sure|see to it|ensure|take care)(?: that)? (?:nothing|no (?:new |more |further )?(?:pods?|workloads?|work))(?: new| else| more)? (?:lands?|goes|runs?|starts?|(?:gets?|is|are)(?: placed| scheduled| started)?) (?:on|onto) `, "cordon "),
	turnOf(`\b(check|see|know|find out|look|verify|wondering|wonder|tell me|tell us|asks?|curious|confirm|unsure) if\b`, "$1 whether"),
}

var joiners = regexp.MustCompile(`(?i)\b([a-z-]+) (?:plus|along with|together with|as well as|and also|in addition to|next to) (?:the |all |any )?([a-z-]+)\b`)

// straightened puts plainer words for the turns of speech in a text.
func straightened(v *Vocabulary, said string) string {
	if len(unquoted(said)) != len(said) {
		return said
	}
	if rest := takenBack.ReplaceAllString(said, ""); strings.TrimSpace(rest) != "" {
		said = rest
	}
	for _, s := range straighter {
		said = s.pattern.ReplaceAllString(said, s.plain)
	}
	for _, s := range moreStraight {
		said = s.pattern.ReplaceAllString(said, s.plain)
	}
	said = withoutSpan(said)
	if m := joiners.FindStringSubmatch(said); m != nil && len(v.words[strings.ToLower(m[1])]) > 0 && len(v.words[strings.ToLower(m[2])]) > 0 {
		said = strings.Replace(said, m[0], m[1]+" and "+m[2], 1)
	}
	return placedTogether(v, aboutEach(assented(withoutAfterthought(said))))
}

var (
	holdVerbs = regexp.MustCompile(`(?i)^\W*(?:please |pls |can you |could you |let's |kindly )*(?:suspend|pause|stop|halt|hold|disable|cordon|freeze|deactivate|keep)\b`)
	spanSaid  = regexp.MustCompile(`(?i),? (?:(?:for|over|during) )?(?:the rest of )?(?:this|the) (?:week|weekend|month|day|afternoon|evening|night|sprint)[.!]*$|,? for (?:today|tonight)[.!]*$`)
)

// withoutSpan cuts off how long something shall be held: it stays so until it is taken back.
func withoutSpan(said string) string {
	if at := spanSaid.FindStringIndex(said); at != nil && holdVerbs.MatchString(said) {
		return said[:at[0]]
	}
	return said
}

// afterthought is why a thing may go, behind an order and without a word that joins them: "delete the volume is not needed more".
var afterthought = regexp.MustCompile(`(?i)[ ,]+(?:it |this |that |they )?(?:is|are|was|isn't|aren't) (?:not |no longer |no more |now )*(?:(?:needed|used|required|in use|wanted|necessary|useful|of use|referenced|useless|obsolete|unused|deprecated|abandoned|outdated)\b)(?: any ?more| any longer| more| now| by (?:nobody|no one|noone|none|anyone|anybody|any one))*[.!]*$`)

// withoutAfterthought cuts it off where the text is one order.
func withoutAfterthought(said string) string {
	at := afterthought.FindStringIndex(said)
	if at == nil {
		return said
	}
	rest := said[:at[0]]
	body := withoutLeads(lex(strings.ToLower(rest)))
	if len(body) < 2 || !startsOrder(body) || onlyShows(body[0].text) || slices.ContainsFunc(body, func(t token) bool {
		return t.brk || relatives[t.text] || t.text == "that" || conditions[t.text] || t.text == "what"
	}) {
		return said
	}
	return rest
}

// assent says yes to what was said before it in the same text: "so please do that", "let's do it", "go for it".
var assent = regexp.MustCompile(`(?i)(?:[,;.:!]| -+)?\s+(?:so|and|then|ok|okay|yes|right|well|hence|therefore|just|please|pls|now|i'd say|i say|kindly)*[ ,]*(?:(?:so|then|and|please|pls|just|now|kindly|can you|could you|would you) )*(?:let'?s (?:please |just |also )?(?:do|try) (?:that|it|this|so)|let'?s (?:just )?go (?:for|with|ahead with) (?:that|it|this)|do (?:that|it|so|this)|go for (?:it|that)|go ahead(?: with (?:that|it|this))?|make it so|make (?:that|it) happen|proceed(?: with (?:that|it|this))?|carry (?:that|it) out)(?: please| pls| now| then| thanks| thank you| for me| for us| right away| today| asap)*[.!]*\s*$`)

// advice are words by which somebody reports what is to be done.
var advice = wordSet(`agreed agree decided decide suggests suggest suggested suggesting recommends recommend recommended advises advise advised proposes propose proposed says say said wants want wanted
asked asks told tells planned plan plans proposal suggestion recommendation advice idea decision consensus plan recommends insists prefer prefers voted chose concluded meant`)

// assented turns what others advise and the speaker agrees to into an order: "the vendor suggests restarting kafka, let's do that".
func assented(said string) string {
	at := assent.FindStringIndex(said)
	if at == nil {
		return said
	}
	head := said[:at[0]]
	toks := lex(head)
	order, clause := -1, 0
	for i := range toks {
		if i == 0 || !asksChange(toks, i) || notVerbs[toks[i].text] {
			continue
		}
		heard := slices.ContainsFunc(toks[:i], func(t token) bool { return advice[t.text] })
		if heard && (toks[i-1].text == "to" || verbForm(toks[i].text, "<g>") || toks[i-1].text == "should" || toks[i-1].text == "must") {
			order = i
			break
		}
	}
	if order < 0 {
		return said
	}
	for i := range order {
		if toks[i].brk || toks[i].text == "and" || toks[i].text == "but" || toks[i].text == "so" {
			clause = i
		}
	}
	if conditions[toks[0].text] || slices.ContainsFunc(toks[clause:], func(t token) bool { return negations[t.text] || t.text == "against" || conditions[t.text] }) {
		return said
	}
	base := baseForm(toks[order].text)
	if !strings.HasSuffix(toks[order].text, "ing") {
		base = toks[order].raw
	}
	text := base + " " + wordsOf(toks[order+1:])
	if slices.ContainsFunc(toks[order+1:], func(t token) bool { return targetPronouns[t.text] && t.text != "the" }) && clause > 0 {
		return wordsOf(toks[:clause]) + ". " + text
	}
	return text
}

// together is a place for all that was said before it: "stop web and delete the job; both in qa".
var together = regexp.MustCompile(`(?i)[,;:.(]\s*(?:and )?(?:both|all|everything|each|all (?:of )?(?:it|them|that|this|those)|both (?:of )?(?:them|these|those))(?: (?:is|are|live|lives|sit|sits|run|runs|happen|being))? (?:in|on|from|of|within) (?:the )?(?:namespace )?([a-z0-9][a-z0-9-]*)(?: namespace)?[)]?(?: please| pls)?[.!]*\s*$`)

// placedTogether says the place with each of the things instead.
func placedTogether(v *Vocabulary, said string) string {
	m := together.FindStringSubmatchIndex(said)
	if m == nil || !v.saysNamespace(said[m[2]:m[3]]) {
		return said
	}
	rest, where := said[:m[0]], " in namespace "+said[m[2]:m[3]]
	parts := splitThen(rest)
	if len(parts) == 0 {
		parts = splitAnd(rest)
	}
	if len(parts) == 0 {
		parts = []string{rest}
	}
	return strings.Join(parts, where+" then ") + where
}

// ofEach asks of each row what showing the rows in full tells: "which topics are there and how many partitions does each have".
var ofEach = regexp.MustCompile(`(?i)^(.*\S),? (?:and|,) ?(?:(?:to|in|on|at|from|for|with|by|into|of) )?(?:which|what|where|how (?:many|much|long|often|big|old)|when|who)\b[^,.;]*\b(?:each(?: one| of (?:them|these|those))?|every one of them)\b[^,.;]*[?.!]*$`)

// aboutEach makes one question of the two.
func aboutEach(said string) string {
	m := ofEach.FindStringSubmatch(said)
	if m == nil || !asksAt(m[1]) || holdsWord(lex(strings.ToLower(m[1])), wordSet("node nodes label labels")) {
		return said
	}
	if holdsWord(lex(strings.ToLower(said)), wordSet("why cause causes reason reasons wrong problem")) {
		return said // what was found of each tells that, and no field
	}
	return m[1] + " as yaml"
}

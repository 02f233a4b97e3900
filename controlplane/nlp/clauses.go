package nlp

import (
	"slices"
	"strings"
)

// part is one clause of what was said.
type part struct {
	toks  []token
	role  role
	idiom bool // it was said in other words than the plain command
	after bool // it comes after the request before it: "then kafka"
}

// role is what a clause does in what was said.
type role uint8

const (
	roleTalk      role = iota // says nothing of the cluster
	roleReason                // says how things are, or why: what it names may be what "it" is
	roleValue                 // a bare piece that belongs to the request before or after it: "0 replicas", "app container only"
	roleRequest               // asks for something
	roleUntil                 // how long it shall hold: "until I have had a look"
	roleOnlyIf                // "but only if it is at 2"
	roleSpare                 // what is not to be touched: "leave envoy alone"
	roleCondition             // something must happen first
	roleForbidden             // says what not to do
)

// leads are words before a request that ask for nothing themselves. The longest that fits is cut off, again and again.
var leads = leadWords(`please, pls, plz, kindly, just, also, then, now, so, and, but, ok, okay, k, right, alright, all right, well, hey, hi, hello, thanks, thank you, thx, great, perfect,
good, very good, fine, nice, cool, yes, yep, yeah, sure, hmm, hm, uh, um, oh, ah, ugh, sorry, first, firstly, next, finally, lastly, afterwards, after that, quickly, actually, again, therefore, hence, thus, instead,
go ahead and, do me a favour and, do me a favor and, do me a favour, do me a favor, do one thing, make sure that, make sure to, make sure, see to it that, see that, ensure that, ensure,
time to, it is time to, feel free to, try to, try and, help me to, help me, be so kind and, be so kind as to, be so kind to, be so good as to, be a dear and, let us, let me,
can you, could you, would you, will you, can we, could we, can someone, could someone, can somebody, could somebody, can u, would you mind, do you mind, would you be so kind and, would you be so kind as to, could you be so kind and, could you be so kind as to, you can, you may, you could, you should, you might,
you can now, you may now, someone should, somebody should, someone please, somebody please, anyone please, would somebody, would someone,
i want you to, i need you to, i would like you to, i want to, i need to, i would like to, i would love to, i have to, i must, i should, i wish to, i am going to, i will, i shall, i might,
we want to, we need to, we would like to, we have to, we must, we should, we ought to, we shall, we can, we may, we could, we will, we are going to, we had better, we better, we would better, we want you to,
i would rather, we would rather, i would like, i want, i need, we want, we need, we would like, i am asking you to, it would be great to, it would be nice to, in this case, in that case, for now, from now on, as discussed, as agreed, per request, on request, need to, needs to, want to, gotta, gonna,
how about we, how about, what do you say we, why do not we, why not, maybe, perhaps, it is best to, it would be good to, best, rather, nope, no, nah, ah ok, oh well, anyway, anyways, btw, by the way, fyi, heads up, listen, look, guys, team, folks, everyone, dear all, hello team, hi team, hey team, hi all, good morning, good evening, good afternoon, morning, evening,
i would say, i say, i think we should, i think you should, i think, i suggest you, i suggest to, i suggest that we, i suggest we, i suggest, i propose to, i propose we, i propose, i guess we should, maybe we should, perhaps we should, i recommend to, i vote to, would you be able to, are you able to, will you be able to, we only need, we just need, i only need, i just need,
it would be great if you, it would be nice if you, it would be good if you, it would be lovely if you, it would be helpful if you, it would be great if you could, it would be nice if you could, it would be good if you could, it would be helpful if you could, it would be great if we could, i would appreciate it if you, i would appreciate it if you could, i would be grateful if you could, i would be grateful if you, i would be glad if you, we would be grateful if you could, we would appreciate it if you could, grateful if you could, great if you could, nice if you could,
thereafter, subsequently, henceforth, following that, hereby, we hereby, once that is done, once this is done, once it is done, once done, once that is through, once it is through, when that is done, when this is done, when it is done, when done, when that is through, as soon as that is done, once they are done, after which, and after, please to, i ask you to, we ask you to, i ask that, we ask that, i request that, we request that, we hereby request that, it is requested that, it is asked that, please see to it that, kindly see to it that, i would ask you to, you are asked to, we would ask you to, i beg you to, gg, yo, i would need, we would need, i will need, we will need, there is need of, it is needed, it needs, is needed, i am in need of, we are in need of, with immediate effect, effective immediately, until further notice, till further notice, for the time being, for the moment,
let us have, we require, could i have, can i have, could i get, can i get, could we have, can we have, could we get, can we get, may i have, may i ask you to, i am asking to, let us please, please do, do please, somehow, simply, double check, once more, one more thing, last thing, another thing, in that case just, then just, so just, now just, for me, for us,
they want me to, my boss wants me to, i am supposed to, we are supposed to, i am meant to, aight, alrighty, righto,
when it is empty, once it is empty, as soon as it is empty, when it is drained, once it is drained, when drained, once drained, when empty, once empty, when that is finished, when it is finished, once it is finished, once that is finished, when it has finished, once it has finished, when that has finished, once that has finished, when they are done, when they are gone, once they are gone, as soon as it is done, once that is complete, when that is complete, when it is complete, once it is complete`)

func leadWords(s string) map[string][][]string {
	out := map[string][][]string{}
	for _, phrase := range strings.Split(s, ",") {
		if words := strings.Fields(phrase); len(words) > 0 {
			out[words[0]] = append(out[words[0]], words)
		}
	}
	for _, list := range out {
		slices.SortStableFunc(list, func(a, b []string) int { return len(b) - len(a) })
	}
	return out
}

// withoutLeads cuts off what comes before a request and asks for nothing.
func withoutLeads(toks []token) []token {
	for len(toks) > 0 {
		n := leadAt(toks)
		if n == 0 {
			return toks
		}
		toks = toks[n:]
	}
	return toks
}

var greetings = wordSet("hello hi hey morning evening team folks guys look listen first next best")

func leadAt(toks []token) int {
	if toks[0].text == "after" && len(toks) > 1 && !toks[0].brk && startsOrder(toks[1:]) {
		return 1 // "and after follow the rollout"
	}
	if len(toks) > 1 && greetings[toks[0].text] && !toks[0].brk && (statives[toks[1].text] || toks[1].text == "to" || toks[1].text == "ought") {
		return 0 // something is called that
	}
	if toks[0].text == "do" && len(toks) > 1 && !toks[0].brk && !negations[toks[1].text] && (toks[1].text == "let" || startsOrder(toks[1:]) && !onlyShows(toks[1].text)) {
		return 1 // "do restart it"
	}
	if toks[0].text == "no" && !toks[0].brk || toks[0].text == "best" && !toks[0].brk {
		return 0
	}
	for _, words := range leads[toks[0].text] {
		if !toks[0].quoted && len(words) <= len(toks) && startsWith(toks, words) {
			return len(words)
		}
	}
	return 0
}

func startsWith(toks []token, words []string) bool {
	if len(words) > len(toks) {
		return false
	}
	for i, w := range words {
		if toks[i].text != w || toks[i].quoted {
			return false
		}
	}
	return true
}

// clausesOf cuts words into clauses: at commas and sentence ends, and before words that begin a clause.
func clausesOf(toks []token) [][]token {
	var out [][]token
	from := 0
	for i := range toks {
		if i > from && (beginsClause(toks, i) && !barely(toks[from:i]) || politeWord[toks[i].text] && !toks[i].brk && startsOrder(toks[i+1:]) && len(withoutLeads(toks[from:i])) > 1) {
			out = append(out, toks[from:i])
			from = i
		}
		if toks[i].brk {
			out = append(out, toks[from:i+1])
			from = i + 1
		}
	}
	if from < len(toks) {
		out = append(out, toks[from:])
	}
	return out
}

// beforeVerb are words that a verb belongs to: it begins no clause after them.
var beforeVerb = wordSet("to can could should must will would shall may might please pls plz and or not never let us lets just you i we they he she go help do does did now then also so but if when before after until unless the a an kindly immediately simply again")

var pleasing = wordSet("great nice good lovely helpful it grateful glad happy kind awesome wonderful appreciated thankful")

var politeWord = wordSet("please pls plz kindly")

// barely tells whether words before a clause are no clause of their own: "show me (then what is left)".
func barely(toks []token) bool {
	return !slices.ContainsFunc(toks, func(t token) bool { return !stopWords[t.text] && !onlyShows(t.text) }) && len(toks) <= 3
}

func onlyShows(w string) bool {
	return slices.ContainsFunc(lexicon[w], func(p phrase) bool { return len(p.words) == 1 && (p.c == cShow || p.c == cGeneric) })
}

var clauseOpeners = wordSet("because cuz coz bcuz bcs bc otherwise if unless until till til when once whenever while before after whereas provided although though")

// beginsClause tells whether a new clause begins at i without a comma.
func beginsClause(toks []token, i int) bool {
	t := toks[i]
	next := func(k int) string {
		if i+k < len(toks) {
			return toks[i+k].text
		}
		return ""
	}
	switch {
	case t.quoted:
		return false
	case t.text == "then":
		return true
	case (next(1) == "it" || next(1) == "them") && asksChange(toks, i) && !verbForm(t.text, "<p>") && !verbForm(t.text, "<g>") && !strings.HasSuffix(t.text, "s") && (i > 1 || !speakers[toks[0].text]) && !beforeVerb[toks[i-1].text] && !asksChange(toks, i-1):
		return true // "kafka acts up again restart it"
	case t.text == "if" && (next(1) == "you" || next(1) == "we" || next(1) == "someone") && pleasing[toks[i-1].text]:
		return false // "it would be great if you restarted it"
	case clauseOpeners[t.text]:
		if toks[i-1].text == "wait" || toks[i-1].text == "on" && i > 1 && toks[i-2].text == "hold" {
			return false // "wait until" is what is asked for
		}
		if (t.text == "before" || t.text == "after" || t.text == "once") && (i == len(toks)-1 || toks[i].brk || toks[i-1].text == "one" || toks[i-1].text == "was" || toks[i-1].text == "version" || toks[i-1].text == "it") {
			return false // "the one before"
		}
		if t.text == "once" && next(1) != "the" && next(1) != "it" && next(1) != "they" && next(1) != "we" && next(1) != "i" {
			return false
		}
		return t.text != "till" && t.text != "til" || next(1) != "now"
	case t.text == "after" && toks[i-1].text == "and" && startsOrder(toks[i+1:]):
		return true
	case t.text == "only" && next(1) == "if", t.text == "due" && next(1) == "to", t.text == "as" && next(1) == "long":
		return true
	case t.text == "so" && i+3 < len(toks) && holdsWord(toks[i+2:min(len(toks), i+6)], statives) && !subjects[next(1)]:
		return true // "so recommendation can go to six"
	case i > 2 && (t.text == "i" || t.text == "we") && clauseOpeners[toks[0].text] && leadAt(toks[i:]) > 1 && startsOrder(toks[i:]):
		return true // "because the cache is stale I want you to restart it"
	case t.text == "so" && startsReason(toks, i):
		return true // "so the scheduler knows"
	case t.text == "since" || t.text == "as" || t.text == "so":
		return subjects[next(1)] && next(1) != "this" && next(1) != "that" || t.text == "so" && (next(1) == "that" || next(1) == "please" || startsOrder(toks[i+1:]))
	case t.text == "and" && (next(1) == "name" || next(1) == "call") && (next(2) == "it" || next(2) == "the" || next(2) == "this"):
		return true // "run it now and name the job dump-1"
	case t.text == "and" || t.text == "but":
		rest := toks[i+1:]
		if len(rest) > 1 && spareVerbs[rest[0].text] {
			return true
		}
		return startsOrder(rest) || subjects[next(1)] && finite[next(2)] || t.text == "but" && (next(1) == "only" || next(1) == "not")
	}
	return false
}

// orderCues are concepts of verbs by which something is asked for.
var orderCues = append([]concept{cShow, cDescribe, cGeneric, cWait, cLetMeKnow, cFollow, cCount, cExplain, cPatch, cBind, cFinalizer}, changeCues...)

// compoundNouns are nouns before which a verb is a part of a noun: "restart count", "drain status".
var compoundNouns = wordSet("status state history count counts progress policy time times date logs events candidates duration reason reasons strategy info")

// startsOrder tells whether words begin, after their leads, with a verb that asks for something.
func startsOrder(toks []token) bool {
	toks = withoutLeads(toks)
	if len(toks) > 1 && compoundNouns[toks[1].text] && !toks[0].brk {
		return false // "drain status of node-1"
	}
	if len(toks) < 1 || toks[0].quoted || len(toks) > 1 && strings.HasSuffix(toks[0].text, "ing") && (statives[toks[1].text] || toks[1].text == "shall") {
		return false // "scaling shall be manual" is no order
	}
	if !slices.ContainsFunc(lexicon[toks[0].text], func(p phrase) bool {
		return slices.Contains(orderCues, p.c) && startsWith(toks, p.words) && !(len(p.words) == 1 && notVerbs[p.words[0]])
	}) {
		return false
	}
	return true
}

// notVerbs are words of change concepts that are no verbs where a clause begins.
var notVerbs = wordSet("up down more less fewer new labels running used manually immediately nobody it its that this those these actually and not no last know need want " +
	"top lines line number total amount annotation annotations taints unschedulable schedulable scaled")

var courtesyWords = wordSet("kind mind please possible convenient trouble nice okay ok time chance moment minute second poss bother good")

// courteous tells whether a clause with "if" or "when" only asks nicely: "if you'd be so kind", "when you have a minute".
func courteous(c []token) bool {
	return len(c) > 1 && len(c) <= 8 && (c[0].text == "if" || c[0].text == "when" || c[0].text == "whenever" || c[0].text == "as") && (c[1].text == "you" || c[1].text == "possible" || c[1].text == "that" || c[1].text == "soon" || c[1].text == "it" && holdsWord(c, wordSet("trouble bother okay ok possible"))) &&
		holdsWord(c, courtesyWords) && !slices.ContainsFunc(c, func(t token) bool { return t.lit != litNone && t.lit != litOrdinal })
}

// holdsWord tells whether one of the words is in the clause.
func holdsWord(toks []token, words map[string]bool) bool {
	return slices.ContainsFunc(toks, func(t token) bool { return words[t.text] && !t.quoted })
}

var (
	prohibitions = wordSet("not never no without except excluding avoid refrain nor")
	negations    = wordSet("not never no nothing none nobody neither without except excluding avoid refrain nor")
	// people and things that sentences say something of, before a verb
	speakers = wordSet(`i we they he she it you users customers people everyone everybody nobody somebody someone who there nothing everything noone`)
	openers  = wordSet(`the our my this that these those a an all some most his her their its every each no`)
	statives = wordSet(`is are was were has have had does did do will would can could should must may might keeps keep kept needs need wants want wanted tries tried plans planned decided agreed looks look seems seem gets got went
became says say said sits eats runs ran fails hangs dies died grew grows came comes goes left lost broke fell leaks sends makes uses took takes belongs asks asked waits hit hits found saw ships
breaks begins began started stopped wrote reads sees reports thinks thought fear think guess believe hope know hear heard told feel suspect expect noticed cut built done gone`)
)

// isStatement tells whether a clause says how things are: somebody or something, and a verb about it.
func isStatement(toks []token) bool {
	if len(toks) < 2 || toks[0].quoted {
		return false
	}
	if speakers[toks[0].text] {
		return true
	}
	for i := 1; i < len(toks) && i < 9; i++ {
		t := toks[i]
		if t.quoted || t.lit != litNone {
			continue
		}
		if statives[t.text] {
			return true
		}
		if i == 1 && openers[toks[0].text] {
			continue
		}
		if strings.HasSuffix(t.text, "ed") && len(t.text) > 4 || strings.HasSuffix(t.text, "s") && !strings.HasSuffix(t.text, "ss") && len(t.text) > 3 && i+1 < len(toks) && (openers[toks[i+1].text] || toks[i+1].text == "to") {
			return true
		}
	}
	return false
}

// weakOrders are verbs of changes by which sentences also say how things are.
var weakOrders = wordSet("use run start make take give put let work add need go")

// ordersWithin tells whether a clause that asks for nothing at its beginning still says to do something: "we must delete it".
func ordersWithin(toks []token) bool {
	for i := 1; i < len(toks); i++ {
		if !asksChange(toks, i) || verbForm(toks[i].text, "<p>") || verbForm(toks[i].text, "<g>") || notVerbs[toks[i].text] {
			continue
		}
		switch toks[i-1].text {
		case "not", "never":
			if i > 2 && weakOrders[toks[i].text] { // "we do not use it any more" is no order
				continue
			}
			return true
		case "should", "must", "will", "shall", "may", "might", "please", "do", "let":
			return true
		case "to":
			if i > 1 && (toks[i-2].text == "have" || toks[i-2].text == "has" || toks[i-2].text == "need" || toks[i-2].text == "needs" || toks[i-2].text == "want" || toks[i-2].text == "wants" || toks[i-2].text == "ought") {
				return true
			}
		}
	}
	for i := 1; i < len(toks); i++ { // "it must not be deleted"
		if verbForm(toks[i].text, "<p>") && asksChange(toks, i) && (toks[i-1].text == "be" || toks[i-1].text == "get") && holdsWord(toks[:i], negations) {
			return true
		}
	}
	return false
}

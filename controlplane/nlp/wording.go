package nlp

import "slices"

// tokens are the words of a clause, ready to be read: with the command that is to run in a container as one, flags
// turned into words, the two halves of a verb together, and without the reason that was given.
func tokens(v *Vocabulary, said string) ([]token, *question) {
	toks, q := spokenWords(v, said)
	if q != nil {
		return nil, q
	}
	return withoutExcuse(joinVerbs(toks)), nil
}

// spokenWords are the words as they were said, with the command that is to run in a container as one, and flags as words.
func spokenWords(v *Vocabulary, said string) ([]token, *question) {
	toks := withHosts(v, withCommand(v, lex(said)))
	for i := range toks {
		if q := hiddenFlag(toks[i]); q != nil {
			return nil, q
		}
		if q := expandFlag(toks, i); q != nil {
			return nil, q
		}
	}
	toks = slices.DeleteFunc(toks, func(t token) bool { return t.text == "" })
	for i := 1; i < len(toks); i++ { // "everything but grafana"
		if toks[i].text == "but" && !toks[i-1].brk && !toks[i].brk && exceptAfter(toks[:i]) {
			toks[i].text = "except"
		}
	}
	return toks, nil
}

// exceptAfter tells whether "but" makes an exception after these words: "all pods but", "everything but".
func exceptAfter(toks []token) bool {
	for k := len(toks) - 1; k >= 0 && k >= len(toks)-3 && !toks[k].brk; k-- {
		switch toks[k].text {
		case "everything", "all", "every", "each", "any", "anything", "everybody", "none", "nothing":
			return true
		}
	}
	return false
}

var particles = wordSet("down off up back out away forward")

// joinVerbs brings the particle of a verb to it: "shut the gateway down" is read as "shut down the gateway".
func joinVerbs(toks []token) []token {
	for i := range toks {
		for j := i + 2; j < len(toks) && j <= i+9 && !toks[j-1].brk; j++ {
			if !particles[toks[j].text] || toks[j].quoted || !isPhrase(toks[i].text, toks[j].text) || staysApart(toks, j) {
				continue
			}
			part := toks[j]
			rest := append([]token{part}, toks[i+1:j]...)
			if part.brk {
				rest[0].brk, rest[len(rest)-1].brk = false, true
			}
			return slices.Concat(toks[:i+1], rest, toks[j+1:])
		}
	}
	return toks
}

func isPhrase(words ...string) bool {
	return slices.ContainsFunc(lexicon[words[0]], func(p phrase) bool { return slices.Equal(p.words, words) })
}

// staysApart: "out of rotation", "up to 5" and "back into service" are phrases of their own.
func staysApart(toks []token, j int) bool {
	if j+1 >= len(toks) || toks[j].brk {
		return false
	}
	switch toks[j+1].text {
	case "of", "into", "for", "in":
		return toks[j+1].text != "in" || toks[j].text == "back"
	case "to":
		return toks[j].text != "back"
	}
	return false
}

// changeCues ask for a change where a command has its verb.
var changeCues = []concept{
	cScale, cUp, cDown, cStop, cRestart, cUndo, cPause, cResume, cSuspend, cSet, cUpgrade, cLabel, cAnnotate, cExpose, cAutoscale, cCordon,
	cUncordon, cDrain, cTaint, cUntaint, cDelete, cRemove, cCreate, cAdd, cRun, cTrigger, cResize, cMake, cExec,
}

// asksChange tells whether the word at i is one by which a change is asked for.
func asksChange(toks []token, i int) bool {
	if toks[i].quoted || toks[i].lit == litCommand {
		return toks[i].lit == litCommand
	}
	return slices.ContainsFunc(lexicon[toks[i].text], func(p phrase) bool {
		return slices.Contains(changeCues, p.c) && i+len(p.words) <= len(toks) && slices.EqualFunc(p.words, toks[i:i+len(p.words)], func(w string, t token) bool { return w == t.text })
	})
}

// commandAt is where the verb of a command stands: the first word of content asks for a change.
func commandAt(toks []token) (int, bool) {
	for i, t := range toks {
		if stopWords[t.text] && !asksChange(toks, i) {
			continue
		}
		return i, asksChange(toks, i)
	}
	return 0, false
}

// asksWhat: "at what time does the backup run": a question with its verb of asking, and nothing after it.
func asksWhat(toks []token) bool {
	if asksYesNo(toks) {
		return true
	}
	asked := false
	for i, t := range toks {
		switch {
		case t.quoted:
			return false
		case t.text == "what" || t.text == "which":
			if i > 2 {
				return false
			}
			asked = true
		case asked && (t.text == "does" || t.text == "do" || t.text == "did" || t.text == "is" || t.text == "was" || t.text == "are" || t.text == "were"):
			return !slices.ContainsFunc(toks[i:len(toks)-1], func(t token) bool { return t.brk || t.text == "and" || t.text == "then" })
		case !asked && !stopWords[t.text], t.brk:
			return false
		}
	}
	return false
}

var (
	yesNoSubjects = map[string]map[string]bool{
		"do":  wordSet("we they i our these those any"),
		"are": wordSet("we they there our these those any"),
		"is":  wordSet("there anything something anyone anybody someone somebody everything nothing"),
	}
	waysToAsk = wordSet("way ways chance possibility possible able mind want allowed need")
)

// asksYesNo: "do we run more than one replica": a question how things are. "Is there a way to restart it" is a request.
func asksYesNo(toks []token) bool {
	at := 0
	for at < len(toks)-2 && chatWords[toks[at].text] {
		at++
	}
	if at+1 >= len(toks) || !yesNoSubjects[toks[at].text][toks[at+1].text] {
		return false
	}
	return !slices.ContainsFunc(toks[at:len(toks)-1], func(t token) bool { return t.brk || t.text == "and" || t.text == "then" || waysToAsk[t.text] })
}

// asksAboutPast tells whether a text asks what was done, or when something is: whatever verb is in it, nothing is to be done.
func asksAboutPast(toks []token) bool {
	if asksWhat(toks) || othersDid(toks) {
		return true
	}
	for i, t := range toks {
		switch t.text {
		case "did", "was", "were", "has", "had", "who", "does", "why":
			return true
		case "when":
			return !slices.ContainsFunc(toks[i:], func(t token) bool { return t.brk }) || len(toks) <= 4
		}
		if !stopWords[t.text] || t.brk && i > 2 {
			return false
		}
	}
	return false
}

var others = wordSet("they he she somebody someone people everybody")

// othersDid tells whether the words say what others did: "they rolled it back".
func othersDid(toks []token) bool {
	if len(toks) < 3 || !others[toks[0].text] || toks[0].quoted {
		return false
	}
	w := toks[1].text
	return w == "has" || w == "have" || w == "had" || w == "did" || w == "already" || w == "just" || verbForm(w, "<p>") && asksChange(toks, 1)
}

// musings are words by which somebody thinks of a change and asks for none.
var musings = wordSet("thinking considering wondering pondering contemplating remind remember planning reminded hesitating tempted")

var reporters = wordSet("asked wants wanted says said told thinks thought suggested suggests asks claims recommends recommended")

// onlyTalked tells whether a change is only talked of: somebody thinks of it, or says that another wants it.
func onlyTalked(toks []token) bool {
	if othersDo(toks) {
		return true
	}
	at := -1
	for i := range toks {
		if asksChange(toks, i) && !notVerbs[toks[i].text] && !reporters[toks[i].text] {
			at = i
			break
		}
		if i > 0 && toks[i].brk {
			break
		}
	}
	if at < 1 {
		return false
	}
	if (toks[0].text == "would" || toks[0].text == "will" || toks[0].text == "does" || toks[0].text == "might") && at == 1 && verbForm(toks[1].text, "<g>") {
		return true
	}
	for i, t := range toks[:at] {
		if musings[t.text] || t.text == "whether" || i > 0 && reporters[t.text] && toks[i-1].text != "i" && toks[i-1].text != "we" && toks[i-1].text != "you" {
			return true
		}
	}
	return false
}

var (
	subjects   = wordSet("it its they this that these those we i he she users customers people somebody someone nobody nothing everything everybody there looks seems seem")
	finite     = wordSet("is are was were has have had keeps keep kept does do did will would can could should must needs need looks seems got gets went became")
	conditions = wordSet("if when unless until whenever once while")
)

// withoutExcuse cuts off why a change is wanted: "scale it to 5 because the queue is long", "restart it, it's stuck".
// What holds a condition, a place or a further command is no mere reason.
func withoutExcuse(toks []token) []token {
	at, ok := commandAt(toks)
	if !ok {
		return toks
	}
	for i := at + 2; i < len(toks); i++ {
		if !startsExcuse(toks, i) || !mereExcuse(toks[i:]) {
			continue
		}
		return slices.Clone(toks[:i])
	}
	return toks
}

func startsExcuse(toks []token, i int) bool {
	next := func(k int) string {
		if i+k < len(toks) {
			return toks[i+k].text
		}
		return ""
	}
	t := toks[i]
	switch {
	case t.quoted:
		return false
	case reasonWords[t.text] && t.text != "cause", t.text == "otherwise", t.text == "due" && next(1) == "to", t.text == "so" && (next(1) == "that" || subjects[next(1)]):
		return true
	case t.text == "since" || t.text == "as" || t.text == "cause":
		return subjects[next(1)] && next(1) != "this" && next(1) != "that" || next(1) == "the" && slices.ContainsFunc(toks[i:], func(t token) bool { return finite[t.text] })
	}
	if !toks[i-1].brk {
		return false
	}
	return subjects[t.text] && len(toks) > i+1 || (t.text == "the" || t.text == "our") && (finite[next(2)] || finite[next(3)]) || t.lit == litNone && finite[next(1)]
}

func mereExcuse(tail []token) bool {
	for k, t := range tail {
		if conditions[t.text] || t.lit == litCommand {
			return false
		}
		if k > 0 && (tail[k-1].brk || tail[k-1].text == "then" || tail[k-1].text == "and") && asksChange(tail, k) {
			return false
		}
		if k > 0 && tail[k-1].text == "is" && t.text == "in" && len(tail) <= 5 { // "it is in staging": where, not why
			return false
		}
	}
	return len(tail) < 2 || !asksChange(tail, 1) || !slices.ContainsFunc(tail, func(t token) bool { return t.text == "it" && t.brk })
}

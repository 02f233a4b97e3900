package nlp

import (
	"fmt"
	"slices"
	"strings"
)

// turning words change what is asked, whatever else is understood: what is left of them is never passed over.
var turning = wordSet(`whether not never no nothing none nobody neither nor without except excluding avoid refrain unless until till til if when whenever once while after before provided
other others else rest remaining half some several both few either or tomorrow tonight later monday tuesday wednesday thursday friday saturday sunday weekend
noon midnight everything everywhere anything all every each any`)

// idleCues are concepts that a request may leave: they say what state a thing is in, or nothing.
var idleCues = []concept{
	cFailing, cTrouble, cHealth, cStatus, cNow, cIt, cGeneric, cAsk, cFiller, cAbout, cSame, cRunning, cReady, cWorkload, cHappen, cCrashing, cOOM, cPending, cFailed, cNotReady,
	cHow, cNoConfirm, cInstead, cMake, cUses, cPlaced, cChanged,
}

// accepted tells whether a reading may be taken although it left words: none of them names or counts anything, asks for
// something else or turns the sense around. A change is shown and approved before it is made, so it may be proposed.
func (u *understood) accepted() bool {
	if u.q != nil || u.reading == nil || u.frame == nil || len(u.steps) == 0 && !u.undo {
		return false
	}
	class := ClassifyPlan(Plan{Steps: u.steps})
	if class == Read {
		return u.score >= acceptScore && len(u.namesLeft()) == 0 || u.plainRead(false)
	}
	if class == Destructive && (u.verbFix || u.byPart) {
		return false
	}
	r := u.reading
	if class == Destructive && slices.ContainsFunc(u.steps, func(s Step) bool { return s.Resource.Plural == "namespaces" && s.Op == OpDelete }) && !r.saysNamespace() {
		return false
	}
	if u.frame.name != "schedule" && u.frame.name != "create" && r.recurs() || r.hasWord("during") && slices.ContainsFunc(u.steps, func(s Step) bool { return !holding(s) || s.Op == OpScale }) {
		return false
	}
	var passed []string
	for i, t := range r.toks {
		if r.used[i] || r.weight(i) == 0 && !turning[t.text] {
			continue
		}
		if stopWords[t.text] && !turning[t.text] {
			continue
		}
		if !r.idle(i, class == Destructive) {
			return false
		}
		passed = append(passed, t.raw)
	}
	if len(passed) > 0 && len(u.left) > 0 { // once
		u.notes = append(u.notes, fmt.Sprintf("I did not use: %s.", strings.Join(passed, " ")))
	}
	u.left, u.score = nil, max(u.score, acceptScore)
	return true
}

// idle tells whether the word at i, which nothing explains, may be passed over.
func (r *reading) idle(i int, careful bool) bool {
	t := r.toks[i]
	if laterWords[t.text] && r.forLong(i) {
		return true
	}
	if turning[t.text] || t.quoted || t.lit != litNone && t.lit != litOrdinal || t.env || r.isKind(i) || r.objectNamed(i) || r.namespaceAt(i, 1) || r.inSpoken(i) || offTopic[t.text] {
		return false
	}
	cued := false
	for _, q := range r.cues {
		if q.i <= i && i < q.j {
			if !slices.Contains(idleCues, q.c) || careful && q.c == cStatus {
				return false
			}
			cued = true
		}
	}
	if careful && i > 0 && !r.toks[i-1].brk && (r.objectNamed(i-1) || r.namespaceAt(i-1, 1)) && !stopWords[t.text] && !strings.HasSuffix(t.text, "ly") {
		return false // "the streaming platform" is more than what is called streaming
	}
	if cued || plainWords[t.text] || stopWords[t.text] {
		return true
	}
	if strings.HasSuffix(t.text, "ly") && len(t.text) > 4 {
		return true
	}
	if distinctive(t.text) || r.mayName(i) {
		return false
	}
	if r.talk != nil && r.talk[i] && (english(t.text) || !careful) {
		return true
	}
	return !careful
}

// saysNamespace tells whether the word namespace is said: nothing else is enough to delete one.
func (r *reading) saysNamespace() bool {
	return slices.ContainsFunc(r.toks, func(t token) bool { return t.text == "namespace" || t.text == "namespaces" || t.text == "ns" })
}

// recurs tells whether something is to be done again and again: "restart it every night".
func (r *reading) recurs() bool {
	for i, t := range r.toks {
		if t.text == "nightly" || t.text == "daily" || t.text == "hourly" || t.text == "weekly" || t.text == "monthly" {
			if !r.inSpoken(i) && !r.objectNamed(i) {
				return true
			}
		}
		if i > 0 && everyWords[r.toks[i-1].text] {
			if _, unit := cronUnits[t.text]; unit || cronDays[t.text] != "" || t.text == "hour" || t.text == "minute" || t.text == "time" || t.lit == litDuration {
				return true
			}
		}
	}
	return false
}

// forLong tells whether a time is how long something shall last and not when it is to be done: "for the weekend".
func (r *reading) forLong(i int) bool {
	for k := i - 1; k >= 0 && k >= i-3; k-- {
		switch r.toks[k].text {
		case "for", "over", "during", "through":
			return true
		case "the", "this", "whole", "next":
		default:
			return false
		}
	}
	return false
}

// mayName tells whether an unknown word stands where a name does: beside a kind, after "of" or a verb, or in a list of names.
func (r *reading) mayName(i int) bool {
	if _, named := r.unknownAt(r.toks[i].raw); named {
		return true
	}
	beside := func(k int) bool { return k >= 0 && k < len(r.toks) && (r.isKind(k) || r.objectNamed(k)) }
	listed := func(k int) bool {
		return k >= 0 && k < len(r.toks) && (r.toks[k].text == "and" || r.toks[k].text == "or")
	}
	return r.isKind(i+1) || i > 0 && r.isKind(i-1) || listed(i-1) || listed(i+1) || i > 0 && r.toks[i-1].brk && beside(i-1) || i > 0 && articles[r.toks[i-1].text] && !beside(i+1)
}

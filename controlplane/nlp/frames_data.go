package nlp

import "strings"

var dataWords = wordSet("value values setting settings key keys entry entries configured")

// wholeData is all that it holds, which showing it shows as well.
var wholeData = wordSet("contents content data everything all")

// buildDataValue: "what is the log level in app-config": what a ConfigMap holds is asked for, and its description tells all of it.
func buildDataValue(r *reading) (outcome, bool) {
	if r.namedOf("configmaps") == nil || !r.asks() && !r.hasWord("value") || r.unusedChange() || r.has(cDelete, cRemove, cCreate) || r.imperative(cAdd) || r.has(cYAML, cJSON, cNames, cEvents, cChanged, cWhoCan, cCanI) {
		return none()
	}
	t, q := r.target(targetSpec{kinds: []string{"configmaps"}, verb: "describe"})
	if q != nil || len(t.names) != 1 {
		return none()
	}
	asked := false
	for i, tok := range r.toks {
		if r.used[i] || stopWords[tok.text] || wholeData[tok.text] || r.isKind(i) || r.inObject(i) || r.namespaceAt(i, 1) || tok.lit != litNone {
			continue
		}
		if q, ok := r.cueAt(i); ok && q.c != cLogs && !tok.env && !dataWords[tok.text] {
			continue // says how it is asked, or for something that all objects have
		}
		if tok.env || dataWords[tok.text] || english(tok.text) || r.keyAsked(i) {
			r.useTok(i)
			r.note(mention{i: i, j: i + 1}, "what it holds")
			asked = true
		}
	}
	if !asked {
		return none()
	}
	r.take(cDescribe, cGeneric, cShow, cAsk, cIt, cUses)
	for i, tok := range r.toks {
		if flagStates[tok.text] {
			r.useTok(i)
		}
	}
	return done(step(OpDescribe, t))
}

// flagStates are what a setting may be.
var flagStates = wordSet("on off enabled disabled switched turned active inactive activated deactivated true false set defined present configured there")

// keyAsked tells whether the word is what a question asks the state of: "is dark-mode switched on".
func (r *reading) keyAsked(i int) bool {
	t := r.toks[i]
	return i > 0 && !r.objectNamed(i) && len(t.text) > 2 && (distinctive(t.text) || t.raw == strings.ToUpper(t.raw)) && r.asksQuestion()
}

// cueAt is the longest cue that has the word.
func (r *reading) cueAt(i int) (cue, bool) {
	for _, q := range r.cues {
		if q.i <= i && i < q.j {
			return q, true
		}
	}
	return cue{}, false
}

package nlp

import (
	"regexp"
	"slices"
	"strings"
)

// unshown is what somebody says that need not be shown, at the end: "only the names, not the contents".
var unshown = regexp.MustCompile(`(?i)[\s,;.(-]+(and |but )?(i |we )?((do not|don't|dont|need not|needn't|no need to|without) (want|need|show|showing|print|printing|see|seeing|give me|include|including|reveal|display|care about|care for)( to see)?|not|without|no|never|minus)( me)?( the| their| its| any| actual| of the| secret)* (contents?|values?|data|payloads?)( please)?\)?[.!]*$`)

// unshownAside is the same in the middle: "the names (not the contents!) of the secrets".
var unshownAside = regexp.MustCompile(`(?i)\s*(?:\((?:just |only |and |but )?(?:not|no|never|without|minus) (?:the |their |any |its )?(?:contents?|values?|data|payloads?)!*\)|,\s*(?:and |but )?(?:not|no|never|without|minus) (?:the |their |any |its )?(?:contents?|values?|data|payloads?)!*,)`)

// onlyNames tells that nothing but names is asked for.
var onlyNames = regexp.MustCompile(`(?i)\bnames?\b|\blist\b|\bmetadata\b|\bkeys\b|\bwhich\b`)

// withoutUnshown cuts off what is asked not to be shown, where names are asked for: it is never shown anyway.
func withoutUnshown(said string) string {
	if onlyNames.MatchString(said) {
		said = unshownAside.ReplaceAllString(said, "")
	}
	if at := unshown.FindStringIndex(said); at != nil && onlyNames.MatchString(said[:at[0]]) {
		return said[:at[0]]
	}
	return said
}

var errand = regexp.MustCompile(`(?i)^\W*(please |pls |kindly |just |can you |could you |would you |hi |hey )*(do|perform|work|execute) (the|your|some|that) (needful|usual|necessary|thing|things|magic|trick|job thing|same old|stuff|necessities|rest)\b[^,;]*$`)

// needsWords asks what is meant by an order that says nothing: "do the needful on prod".
func needsWords(said string) string {
	if errand.MatchString(said) {
		return "What exactly should I do? Say it, such as \"restart web\" or \"scale web to 3\"."
	}
	return ""
}

// comparatives say how somebody wants a thing to be.
var comparatives = wordSet("bigger larger smaller higher lower faster slower longer shorter stronger roomier beefier")

// wantsOtherwise tells whether the text says how something should be, and asks for nothing to be shown: "search is slow, it
// should have more replicas", "I need the claim bigger".
func (r *reading) wantsOtherwise() bool {
	if r.asksQuestion() || r.has(cSort) || r.hasWord("than") {
		return false
	}
	if r.needsUnsaid() {
		return true
	}
	for i, t := range r.toks {
		if i == 0 || t.quoted || r.objectNamed(i) || !comparatives[t.text] && !(t.text == "more" || t.text == "fewer" || t.text == "less") {
			continue
		}
		last := i == len(r.toks)-1 || t.brk
		if comparatives[t.text] && last && (r.hasWord("need", "needs", "want", "wants", "should", "must", "like", "make", "prefer")) {
			return true
		}
		if r.obliges() && i+1 < len(r.toks) && slices.ContainsFunc(r.cues, func(q cue) bool {
			return q.i == i+1 && (q.c == cReplicas || q.c == cMemory || q.c == cCPU || q.c == cSize)
		}) {
			return true
		}
	}
	return false
}

var (
	wantsIt  = wordSet("needs need wants want requires require deserves lacks")
	amounts  = wordSet("more additional extra further fewer less several few some another")
	settings = wordSet("replica replicas pod pods instance instances copy copies worker workers broker brokers node nodes memory mem ram cpu cpus core cores limit limits request requests storage disk space capacity headroom resources power timeout")
)

// needsUnsaid tells whether the text says that something needs more or less of what it has, and not how much: "web needs a few
// more replicas", "the api could do with a higher memory limit".
func (r *reading) needsUnsaid() bool {
	if len(r.objs) == 0 || slices.ContainsFunc(r.toks, func(t token) bool { return t.lit == litNumber || t.lit == litQuantity || t.lit == litDelta }) {
		return false
	}
	for i, t := range r.toks {
		could := t.text == "could" || t.text == "should" || t.text == "must" || t.text == "can"
		if i == 0 || r.objectNamed(i) || !wantsIt[t.text] && !could || speakers[r.toks[i-1].text] && r.toks[i-1].text != "it" {
			continue
		}
		much := false
		for _, next := range r.toks[i+1 : min(len(r.toks), i+8)] {
			if next.text == "with" && !could || next.brk && !settings[next.text] {
				break
			}
			much = much || amounts[next.text] || comparatives[next.text]
			if much && settings[next.text] {
				return true
			}
		}
	}
	return false
}

// domainThings are what people call the things of a cluster by, without their names.
var domainThings = wordSet("feature flag toggle disk disks storage volume volumes site website page backend frontend database databases db cache queue broker proxy gateway app application service services server version release hotfix build config configuration setting settings timeout limit limits memory ram cpu scaling autoscaling certificate cert replicas instances machine machines")

// keptSecret are what is never told, nor asked about.
var keptSecret = wordSet("key keys password passwords token tokens secret secrets credential credentials your yourself yours prompt instructions")

// ordersSomething tells whether a text that was not understood orders a change of something that clusters have, without a
// name: "turn the feature on", "my disk is too small, make it bigger".
func ordersSomething(said string) bool {
	toks := lex(strings.ToLower(said))
	ordered, thing := false, false
	for i, t := range toks {
		if offTopic[t.text] || keptSecret[t.text] || askWords[t.text] && i == 0 {
			return false
		}
		thing = thing || domainThings[t.text]
		start := i == 0 || toks[i-1].brk || toks[i-1].text == "please" || toks[i-1].text == "so" || toks[i-1].text == "you" || toks[i-1].text == "and" || toks[i-1].text == "to"
		ordered = ordered || start && !adjectives[t.text] && asksChange(toks, i)
		ordered = ordered || start && (t.text == "set" || t.text == "clear" || t.text == "cut") && i+1 < len(toks)
	}
	return ordered && thing
}

package nlp

import (
	"regexp"
	"slices"
	"strings"
)

var (
	allBut    = regexp.MustCompile(`(?i)\b((?:all|every|everything|anything|each|any|everyone)\b[^,.;]{0,60}?),? but (?:for |not )?((?:the |our |my |pods? |deployments? |service |job |jobs |one called )*)([a-z0-9][a-z0-9.-]*)`)
	corrected = regexp.MustCompile(`(?i)^(.{3,}?)\s*(?:[,;.!-]|\x{2026}|\.\.\.)+\s*(?:(?:oh|ah|hm+|er+m?|uh) )?(?:no,? wait|wait,? no|no,? no|no,? sorry|sorry,? no|scratch that|strike that|correction|oops|sorry,? i mean|sorry,? i meant|i mean|i meant|make that|sorry,? make that|sorry)\b[,:;.!\s-]*(?:not that,? )?(.+)$`)
	shipIt    = regexp.MustCompile(`(?i)^\W*(?:(?:the |our |a )?(?:new )?(?:fix|patch|change|bug ?fix|feature|hot ?fix|correction|new version|release|update) (?:is|are|comes|came|landed|went|sits|made it)(?: now)? (?:in|into|with|as|in version) |we (?:have |just )*(?:built|tagged|released|pushed|published|cut) |i (?:have |just )*(?:built|tagged|released|pushed|published|cut) )?(?:the )?([a-z][a-z0-9-]*)[ :]+(?:version |tag |release )?(v?\d+(?:\.\d+)+[a-z0-9.-]*)\b([^,;.]{0,60})[,;.]+\s*(?:so |and |now |then |please |pls |can you |could you |let's |kindly )*(?:ship|roll|deploy|put|bring|release|push|get|take|send|promote|move) (?:it|this|that|that one|this version|that version|this one)(?: live| out| over)? (?:to|in|into|on|onto) (?:the )?(?:namespace )?([a-z0-9-]+)(?: namespace)?(?: (?:please|pls|now|today|asap|thanks))*\W*$`)
	theyDid   = regexp.MustCompile(`(?i)^\W*(?:they|we|i|someone|somebody|he|she|people|ops|the (?:ops |dev |platform )?team|my (?:colleague|team|boss)|developers|devs|support)(?: have| has|'ve| had| just| already| only)* (?:rolled back|rolled out|rolled|restarted|bounced|scaled(?: up| down)?|deployed|updated|changed|upgraded|reverted|redeployed|patched|bumped|released|shipped|touched|undid) (?:the )?([a-z0-9].{1,50}?)(?:,? (?:yesterday|today|this morning|last night|earlier|an hour ago|recently|again|just now|tonight|this week|last week))?[,;.]+ *(?:and |so |now |please |can you |could you )*(?:show|give|list|get|tell|fetch|display)(?: me| us)? (?:the |its |their |a )?(rollout history|history|revisions|revision history|rollout status|rollout|events|logs|log|pods)(?: of it| of that| for it)?(?: please| pls)?\W*$`)
	onNodes   = regexp.MustCompile(`(?i)(` + politeLead + `(?:restart|bounce|recycle|reload|roll)\b.+?) (?:on|across|over) (?:all|every|each)(?: single)?(?: of)?(?: the| our)? (?:nodes?|machines?|hosts?|servers?|workers?)( please| pls| now)*\W*$`)
	thisKind  = regexp.MustCompile(`(?i)\b(?:this|that|the same|said) ([a-z]{2,})\b`)
	moreOf    = regexp.MustCompile(`(?i)` + politeLead + `(?:(?:we|i) )?(?:need |want |would like |could use |give me |run |have )?(one|two|three|four|five|\d{1,2}) ([a-z][a-z0-9.-]*)(?: (?:pods?|replicas?|instances?))? (less|fewer|more)( in (?:the )?(?:namespace )?[a-z0-9-]+)?(?: please| pls| for now| now)*\W*$`)
	moreLines = regexp.MustCompile(`(?i)^\W*(?:and |ok |please |pls |a bit |some |give me |show |show me )*(?:more|fewer|less|longer)(?: lines?)?(?: please)?[,:;.-]* *(?:say |like |the last |make it |to )?(\d+)(?: lines?| of them)?(?: please)?\W*$`)
)

// inContext puts plainer words for what the conversation and the vocabulary have to be known for.
func inContext(v *Vocabulary, focus Focus, said string) string {
	said = corrections(said)
	if m := allBut.FindStringSubmatchIndex(said); m != nil {
		if w := strings.ToLower(said[m[6]:m[7]]); v.objects.has(w) || v.saysNamespace(w) {
			said = said[:m[3]] + " except " + said[m[4]:]
		}
	}
	if m := shipIt.FindStringSubmatch(said); m != nil && v.saysNamespace(m[4]) && slices.ContainsFunc(v.objects.named(strings.ToLower(m[1])), func(o *Object) bool { return isWorkload(o.Kind) }) {
		return "set image of " + m[1] + " to " + m[2] + " in " + m[4]
	}
	if m := theyDid.FindStringSubmatch(said); m != nil {
		return "show the " + m[2] + " of " + m[1]
	}
	if m := moreOf.FindStringSubmatch(said); m != nil && slices.ContainsFunc(v.objects.named(strings.ToLower(m[2])), func(o *Object) bool { return isWorkload(o.Kind) }) {
		way := "down"
		if strings.EqualFold(m[3], "more") {
			way = "up"
		}
		return "scale " + m[2] + m[4] + " " + way + " by " + m[1]
	}
	if m := onNodes.FindStringSubmatch(said); m != nil {
		said = m[1]
	}
	if focus.Plan != nil && len(focus.Plan.Steps) > 0 && focus.Plan.Steps[len(focus.Plan.Steps)-1].Op == OpLogs {
		if m := moreLines.FindStringSubmatch(said); m != nil {
			return "only the last " + m[1] + " lines"
		}
	}
	return sameThing(v, focus, said)
}

// sameThing names what "this claim" is, where the conversation is about one thing of that kind.
func sameThing(v *Vocabulary, focus Focus, said string) string {
	m := thisKind.FindStringSubmatchIndex(said)
	if m == nil || len(focus.Names) != 1 {
		return said
	}
	word := strings.ToLower(said[m[2]:m[3]])
	if word == "claim" {
		word = "pvc"
	}
	if !slices.ContainsFunc(v.words[word], func(k *Kind) bool { return k.Key() == focus.Resource.Key() }) {
		return said
	}
	where := ""
	if focus.Resource.Namespaced && focus.Namespace != "" {
		where = " in namespace " + focus.Namespace
	}
	return said[:m[0]] + word + " " + focus.Names[0] + where + said[m[1]:]
}

// corrections takes what somebody says instead of what was said before: "drop a, no wait, drop b", "to 5, sorry, 6".
func corrections(said string) string {
	m := corrected.FindStringSubmatch(said)
	if m == nil {
		return said
	}
	first, second := lex(m[1]), lex(strings.Trim(m[2], " .!?"))
	if len(first) == 0 || len(second) == 0 || slices.ContainsFunc(second, func(t token) bool { return negations[t.text] || conditions[t.text] }) {
		return said
	}
	isOrder := startsOrder(withoutLeads(first))
	switch {
	case isOrder && startsOrder(second) && len(second) > 1:
		return m[2]
	case !isOrder || len(second) != 1:
		return said
	}
	at := -1
	for i, t := range first {
		same := t.lit == litNumber && second[0].lit == litNumber
		if same && at >= 0 {
			return said // which of them is meant
		}
		if same {
			at = i
		}
	}
	if at < 0 {
		return said
	}
	first[at] = second[0]
	return wordsOf(first)
}

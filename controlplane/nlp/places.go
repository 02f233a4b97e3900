package nlp

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

var places = regexp.MustCompile(`(?i)\b(?:both )?(in|of|from|for|within) (?:the )?(?:namespaces? )?([a-z0-9][a-z0-9-]*)(?: namespace)?,? (?:and|or|vs\.?|versus|as well as|plus|then)(?: (?:also|which|those))?(?: (?:in|of|from|for|within))?(?: the)?(?: namespace)? ([a-z0-9][a-z0-9-]*)\b`)

// inPlaces reads a text that asks for the same in two namespaces: "pods in prod and staging".
func inPlaces(ctx context.Context, v *Vocabulary, focus Focus, said string) (understood, bool) {
	at := places.FindStringSubmatchIndex(said)
	if at == nil {
		return understood{}, false
	}
	a, b := said[at[4]:at[5]], said[at[6]:at[7]]
	if strings.EqualFold(a, b) || !v.saysNamespace(a) || !v.saysNamespace(b) {
		return understood{}, false
	}
	all := understood{score: 1}
	for _, ns := range []string{a, b} {
		u := clause(ctx, v, focus, said[:at[0]]+said[at[2]:at[3]]+" namespace "+ns+said[at[1]:])
		if !(complete(u) && u.score >= acceptScore || u.readable()) || len(u.steps) != 1 || ClassifyPlan(Plan{Steps: u.steps}) != Read || u.steps[0].Namespace == "" {
			return understood{}, false
		}
		if len(all.steps) > 0 && (all.steps[0].Op != u.steps[0].Op || all.steps[0].Namespace == u.steps[0].Namespace) {
			return understood{}, false
		}
		all.steps, all.notes, all.trace, all.reading = append(all.steps, u.steps...), append(all.notes, u.notes...), append(all.trace, u.trace...), u.reading
		all.score = min(all.score, u.score)
	}
	all.score = max(all.score, acceptScore)
	return all, true
}

// saysNamespace tells whether a word is a namespace, or what people call one by.
func (v *Vocabulary) saysNamespace(w string) bool {
	w = strings.ToLower(w)
	return v.namespaces[w] || (&reading{v: v}).aliasOf(w) != ""
}

// oriented are questions of who does not know what there is, each with the plain question that answers it.
var oriented = []struct {
	pattern *regexp.Regexp
	plain   string
}{
	{regexp.MustCompile(`(?i)\b(anything|something|what|things?)( that| which)? (i|we) (should|need to|have to|must|ought to) (worry about|be worried about|be concerned about|look at|look into|care about|fix|take care of|be aware of)\b`), "anything wrong"},
	{regexp.MustCompile(`(?i)\b(what|which things|anything|something|does anything) (that )?needs? (my |our |some |any |immediate |urgent )*(attention|care|love|looking after)\b`), "anything wrong"},
	{regexp.MustCompile(`(?i)\bwhere (should|do|shall|would) (i|we|you) look first\b`), "anything wrong"},
	{regexp.MustCompile(`(?i)^\W*(so |ok |okay |hi |hello |hey |well )*(what (do (we|i) have|is there|all is there|all do we have|have we got) (in |on )?(here|this cluster|the cluster)|what('s| is) (this cluster|in here|in this cluster)( all)?( about)?|(please |can you |could you )?(show me around|give me (a|the) (tour|grand tour|lay of the land))( here| of (the|this) cluster)?|(i am|i'm|im) new( here| to this cluster| on the team| to the team)?[ ,.;:-]+(so )?where (do|should|can) i (start|begin)|where (do|should|can) i (start|begin))\W*$`), "list all namespaces"},
	{regexp.MustCompile(`(?i)^\W*how (full|busy|loaded|utili[sz]ed|stressed) (is|are) (the|this|our|my) (cluster|machines|servers)\b|^\W*(are we|is the cluster) (running )?(out of|low on|short of|short on) (capacity|resources|room|space)\b|^\W*(is there|have we|do we have|how much) (still |any |enough |got )*(room|capacity|headroom)( is)?( left| for more| available)*\b[^,]*$`), "show the usage of the nodes"},
	{regexp.MustCompile(`(?i)^\W*how (big|large) is (the|this|our|my) cluster\W*$`), "list the nodes"},
	{regexp.MustCompile(`(?i)^\W*(what|which) (apps|applications|workloads|programs) (do we have|are there|exist|do we run|have we got|are deployed)( here| in this cluster| in the cluster)?\W*$`), "list the deployments in all namespaces"},
}

// plainly puts the plain question in the place of one that only who knows the cluster would not ask.
func plainly(said string) string {
	for _, o := range oriented {
		if at := o.pattern.FindStringIndex(said); at != nil {
			return said[:at[0]] + o.plain + said[at[1]:]
		}
	}
	return said
}

var existential = wordSet("is are was were any be")

// thatNamespace makes a place of the one namespace named where the text goes on with "in that namespace".
func (r *reading) thatNamespace() {
	for i := 1; i < len(r.toks) && len(r.nss) == 0 && r.focus.Namespace != ""; i++ {
		last := i == len(r.toks)-1 || r.toks[i].brk
		if r.toks[i].text == "there" && (inWords[r.toks[i-1].text] || last && !existential[r.toks[i-1].text] && r.has(cEverything)) { // "everything in there"
			r.nss = append(r.nss, nsMention{mention{i: i, j: i + 1}, r.focus.Namespace, 3})
			return
		}
	}
	for i := 1; i+1 < len(r.toks); i++ {
		if (r.toks[i].text != "that" && r.toks[i].text != "this") || !inWords[r.toks[i-1].text] || (r.toks[i+1].text != "namespace" && r.toks[i+1].text != "ns") {
			continue
		}
		switch {
		case len(r.nss) == 1 && r.nss[0].strength < 2:
			r.nss[0].strength = 3
		case len(r.nss) == 0 && r.focus.Namespace != "":
			r.nss = append(r.nss, nsMention{mention{i: i, j: i + 2}, r.focus.Namespace, 3})
		default:
			return
		}
		r.cues = slices.DeleteFunc(r.cues, func(q cue) bool { return q.c == cIt && q.i == i && q.j == i+1 })
		return
	}
}

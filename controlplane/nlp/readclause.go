package nlp

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

var clauseEnds = regexp.MustCompile(`[.,;:!?]+\s+|\s+-+\s+`)

// readClause finds the one clause of a text that is a read on its own, where the others name nothing of the cluster and ask for no
// change: "sorry if this is a dumb question, how can I see all the namespaces?". What is said again in other words counts as it is
// said last.
func readClause(ctx context.Context, v *Vocabulary, focus Focus, said string) (understood, bool) {
	if rest := afterIMean(said); rest != "" {
		if u := clause(ctx, v, focus, rest); complete(u) && ClassifyPlan(Plan{Steps: u.steps}) == Read {
			return u, true
		}
	}
	bare := unquoted(said)
	if len(bare) != len(said) {
		return understood{}, false
	}
	var parts []string
	from := 0
	for _, at := range clauseEnds.FindAllStringIndex(bare, -1) {
		if words := strings.Fields(strings.ToLower(said[from:at[0]])); len(words) > 0 && abbreviations[words[len(words)-1]] {
			continue
		}
		parts = append(parts, said[from:at[1]])
		from = at[1]
	}
	parts = append(parts, said[from:])
	if len(parts) < 2 || len(parts) > MaxSteps {
		return understood{}, false
	}
	found, ok := understood{}, false
	for _, part := range parts {
		if !ok && namesAThing(v, part) {
			u := clause(ctx, v, focus, part)
			if u.readable() || complete(u) && ClassifyPlan(Plan{Steps: u.steps}) == Read {
				found, ok = u, true
				continue
			}
		}
		if namesAThing(v, part) || ordersChange(part) || turnsAway(part) {
			return understood{}, false
		}
	}
	return found, ok
}

var abbreviations = wordSet("incl excl e.g i.e eg ie etc vs approx resp ca no nr")

// turnsAway tells whether a text says what makes the whole another request: another subject, or values that are never shown.
func turnsAway(part string) bool {
	return slices.ContainsFunc(lex(part), func(t token) bool {
		return offTopic[t.text] || slices.ContainsFunc(lexicon[t.text], func(p phrase) bool { return len(p.words) == 1 && p.c == cSecretValue })
	})
}

// namesAThing tells whether a text names a kind or something of the cluster.
func namesAThing(v *Vocabulary, part string) bool {
	return slices.ContainsFunc(lex(part), func(t token) bool {
		return (!stopWords[t.text] || len(v.words[t.text]) > 0) && (v.objects.has(t.text) || v.namespaces[t.text] || len(v.words[t.text]) > 0 && !englishShortNames[t.text] || strings.ContainsAny(t.text, "/="))
	})
}

// adjectives are words for changes that stand before nouns as well: "I'm new here", "more of the same".
var adjectives = wordSet("new up down more clear live cut set let")

// ordersChange tells whether a text is a command to change something.
func ordersChange(part string) bool {
	toks := lex(part)
	at, asks := commandAt(toks)
	return asks && at < len(toks) && !adjectives[toks[at].text]
}

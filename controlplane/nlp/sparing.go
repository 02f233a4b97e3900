package nlp

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// spared says that something is not to go, beside an order that does less: "switch web off without deleting it".
var spared = regexp.MustCompile(`(?i)[,;]?\s+(?:(?:and |but )?without (?:deleting|removing|destroying|killing|dropping|uninstalling)|(?:but|and) (?:do not|don't|never|please do not|please don't) (?:delete|remove|destroy|kill|drop|uninstall)|instead of (?:deleting|removing|destroying)|rather than (?:deleting|removing|delete|remove)) (?:it|them|that|anything|the (?:deployment|statefulset|thing|object|workload)(?: itself)?)\b:?`)

// sparing reads the order without that, and sees that nothing goes.
func sparing(ctx context.Context, v *Vocabulary, focus Focus, said string) (Translation, bool) {
	at := spared.FindStringIndex(said)
	if at == nil || len(unquoted(said)) != len(said) || strings.Contains(said, "?") && !politeQuestion(lex(strings.ToLower(said))) {
		return Translation{}, false
	}
	rest := strings.TrimSpace(said[at[1]:])
	if rest != "" && !strings.ContainsAny(rest[:1], ",;.!?") {
		rest = ", " + rest
	}
	u := understand(ctx, v, focus, said[:at[0]]+rest)
	if !complete(u) || u.score < acceptScore || ClassifyPlan(Plan{Steps: u.steps}) == Read || slices.ContainsFunc(u.steps, removes) {
		return Translation{}, false
	}
	u.notes = append(u.notes, "Nothing is deleted.")
	return answer(ctx, v, focus, said[:at[0]]+rest, u), true
}

// removes tells whether a step takes objects away.
func removes(s Step) bool {
	return s.Op == OpDelete || s.Op == OpDeleteCollection || s.Op == OpReplaceForce
}

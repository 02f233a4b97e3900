package nlp

import (
	"regexp"
	"strings"
)

// doubtful are ways of talking of a change that are no order to make it: it is offered then, and not planned.
var doubtful = []*regexp.Regexp{
	// what others say or write, word for word
	regexp.MustCompile(`(?i)\b(runbook|docs?|documentation|manual|readme|ticket|wiki|page|alert|message|note|somebody|someone|he|she|they|vendor|forum|blog|article|colleague|boss|manager|lead|team)\b[^.?!:]{0,30}\b(says?|said|reads?|wrote|writes|states?|tells?|told( (me|us))?|suggests?|recommends?)( to)?\s*[:"']`),
	regexp.MustCompile(`(?i)\b(advis\w+|warn\w*|decided|voted|recommend\w*|argu\w+|spoke|speaks?|is|was|are|were)\b[^.,;]{0,20}\bagainst\b`),
	// hesitation
	regexp.MustCompile(`(?i)\blet'?s (first )?(talk|think|discuss|see if|see whether)\b|\b(but|and|or) (let'?s|we'?d better|better|maybe|perhaps) (just )?(wait|hold off|postpone|leave it)\b|\b(hold off|not yet|maybe later|but not now|but not today|but later)\b`),
	// would it be good
	regexp.MustCompile(`(?i)^\W*(would|does|did|will) (a|an|the|another|it|that) .{0,60}\b(help|work|fix|hurt|break|suffice|do)\b|^\W*(a|an|the|another) [^.,;]{0,60}\b(would|might|could|should|will)( be)? [^.,;]{0,30}\?\s*$`),
	// how, asked after it
	regexp.MustCompile(`(?i)\?\s*(how|why|what|when|is that|would that|does that|or)\b[^,;]*$`),
}

// hypothetical begins what is to be done only if something is so.
var hypothetical = regexp.MustCompile(`(?i)^\W*(?:so |and |ok |okay |but )*(if|in case|should|unless) (?:[^,;.]*)[,;]`)

// certain takes a plan back that the words only talk of.
func certain(t Translation, said string) Translation {
	if t.Plan == nil || ClassifyPlan(*t.Plan) == Read || passesThrough(said) {
		return t
	}
	if m := hypothetical.FindStringSubmatch(said); m != nil && !onlyAtSome(*t.Plan) && !asksNicely(said) {
		return refusal("I can't wait for something to happen before a change, or see whether it is so. Ask me to do it when it is time.", t.Focus)
	}
	for _, pattern := range doubtful {
		if pattern.MatchString(said) && assented(said) == said {
			next := t.Focus
			next.Plan, next.Changed, next.Choices = nil, nil, nil
			if len(t.Plan.Steps) == 1 {
				next.Choices = []Choice{{Label: "yes", Text: Kubectl(*t.Plan)}}
			}
			return Translation{Class: Clarify, Message: "Shall I prepare it? The command would be: " + Kubectl(*t.Plan), Choices: next.Choices, Trace: t.Trace, Focus: next}
		}
	}
	return t
}

func onlyAtSome(p Plan) bool {
	for _, s := range p.Steps {
		if s.Args.OnlyAt != nil {
			return true
		}
	}
	return false
}

// asksNicely tells whether the condition that the text begins with only is polite: "if you don't mind, restart web".
func asksNicely(said string) bool {
	head, _, _ := strings.Cut(said, ",")
	toks := lex(strings.ToLower(head))
	for len(toks) > 1 && toks[0].text != "if" && toks[0].text != "in" && toks[0].text != "should" {
		toks = toks[1:]
	}
	return len(toks) > 1 && (courteous(toks) || mildWish(toks))
}

package nlp

import (
	"slices"
	"strings"
)

const (
	maxAnswer   = 7   // words of an answer to a question: more is a new request
	maxComplete = 4   // words that complete what was asked before
	maxRows     = 200 // rows that "the second one" may point into
)

// answerFillers are words around an answer: "the one in staging please".
var answerFillers = wordSet(`the a one ones in for from of on at namespace ns please pls thanks thank you i mean meant it is its that this use choose pick take
option number called named want would like my let go with which and to so uh um it's`)

var agreeing = wordSet("yes yeah yep sure ok okay right correct exactly yup y do")

// answered replaces an answer to the open question by what the chosen choice says: its label, a part of it that no other
// label has ("staging", "the prod one"), its place ("the second"), or yes where there is one choice.
func answered(said string, focus Focus) string {
	choices := focus.Choices
	if len(choices) == 0 {
		return said
	}
	low := strings.ToLower(strings.Trim(said, " .!?\"'"))
	for _, c := range choices {
		if strings.EqualFold(c.Label, low) || c.Text == said {
			return c.Text
		}
	}
	words := answerWords(low)
	if len(strings.Fields(low)) > maxAnswer {
		return said
	}
	if len(words) == 0 || len(words) == 1 && agreeing[words[0]] {
		if len(choices) == 1 && (len(words) == 1 || agreeing[low]) {
			return choices[0].Text
		}
		return said
	}
	if len(words) == 1 && reNumber.MatchString(words[0]) && reNumber.MatchString(choices[0].Label) { // another number than was offered
		return strings.Replace(choices[0].Text, "="+choices[0].Label, "="+words[0], 1)
	}
	if c, ok := labelled(choices, words); ok {
		return c.Text
	}
	if c, ok := placedAt(choices, words); ok {
		return c.Text
	}
	return said
}

func answerWords(low string) []string {
	var out []string
	for _, w := range strings.Fields(low) {
		w = strings.Trim(w, ",.!?\"'")
		if w != "" && !answerFillers[w] {
			out = append(out, w)
		}
	}
	return out
}

// labelled finds the one choice whose label has all the words; namespaces may be said in their usual other forms.
func labelled(choices []Choice, words []string) (Choice, bool) {
	var found []Choice
	for _, c := range choices {
		label := strings.Fields(strings.ToLower(c.Label))
		has := func(w string) bool {
			return slices.Contains(label, w) || slices.ContainsFunc(label, func(l string) bool { return sameNamespaceWord(w, l) })
		}
		if !slices.ContainsFunc(words, func(w string) bool { return !has(w) }) {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0], true
	}
	return Choice{}, false
}

func sameNamespaceWord(a, b string) bool {
	for _, group := range namespaceAliases {
		if slices.Contains(group, a) && slices.Contains(group, b) {
			return true
		}
	}
	return false
}

func placedAt(choices []Choice, words []string) (Choice, bool) {
	if len(words) != 1 {
		return Choice{}, false
	}
	w := strings.TrimPrefix(words[0], "#")
	n := 0
	if k, ok := ordinalWords[w]; ok {
		n = k
	} else if m := reOrdinal.FindStringSubmatch(w); m != nil {
		n = int(m[1][0] - '0')
	} else if len(w) == 1 && w[0] >= '1' && w[0] <= '9' {
		n = int(w[0] - '0')
	} else if k, ok := numberWords[w]; ok {
		n = k
	}
	if n == -1 {
		n = len(choices)
	}
	if n < 1 || n > len(choices) {
		return Choice{}, false
	}
	return choices[n-1], true
}

// completed joins a short answer to what the open question was about: "logs" and then "grafana".
func completed(said string, focus Focus) string {
	if focus.Asked == "" || said == "" {
		return ""
	}
	words := strings.Fields(said)
	if len(words) > maxComplete || startsCommand(said) || passesThrough(said) || len(answerWords(strings.ToLower(said))) == 0 {
		return ""
	}
	for _, p := range lexicon[strings.ToLower(strings.Trim(words[0], ",.!?"))] {
		if p.c == cNot || p.c == cAbout || len(words) == 1 && commandAlone[p.c] {
			return ""
		}
	}
	return strings.TrimRight(focus.Asked, " .?!") + " " + said
}

// commandAlone are concepts that are a request in one word.
var commandAlone = map[concept]bool{cTop: true, cWhoAmI: true, cEvents: true, cVersion: true, cUndo: true, cStop: true}

// withRows adds the rows that the last list will have, as far as the vocabulary knows them: what "the second one" points at.
// Whoever runs the plan puts the true rows in their place.
func (v *Vocabulary) withRows(f Focus) Focus {
	f.Rows = nil
	if f.Plan == nil || len(f.Plan.Steps) == 0 {
		return f
	}
	s := f.Plan.Steps[len(f.Plan.Steps)-1]
	narrowed := s.LabelSelector != "" || s.FieldSelector != "" || len(s.Post.Filter) > 0 || s.Post.Top > 0 || s.Post.Sort != "" && s.Post.Sort != "name"
	if s.Op != OpGet || len(s.Names) > 0 || len(s.Also) > 0 || s.AllNamespaces || narrowed {
		return f
	}
	for _, o := range v.objects.ofKind(s.Resource.Key()) {
		if o.Namespace == s.Namespace && len(f.Rows) < maxRows {
			f.Rows = append(f.Rows, o.Name)
		}
	}
	slices.Sort(f.Rows)
	return f
}

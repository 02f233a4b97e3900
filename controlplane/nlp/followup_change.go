package nlp

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// interjection opens a turn and says nothing of a cluster, not even that something is taken back: there is nothing before it.
var interjection = regexp.MustCompile(`(?i)^\W*(?:(?:no,? wait|wait,? no|oh no|oh wait|hold on|hang on|wait a (?:sec|second|minute|moment)|wait|oops|whoops|argh|ugh|whoa|hmm+|hm|ah+|oh|aight|alrighty|righto|ok so|okay so|right then|ok then)(?:[,.!:]+| -+)\s*|(?:aight|alrighty|hmm+|ok so|okay so)\s+)+`)

// withoutInterjection cuts off what a turn opens with, where a turn came before it.
func withoutInterjection(said string, focus Focus) string {
	if focus.Plan == nil {
		return said
	}
	if rest := said[len(interjection.FindString(said)):]; len(strings.Fields(rest)) > 1 {
		return rest
	}
	return said
}

// afterTalk reads the end of a turn that leans on the one before, where all before a comma only talks: "enough debugging,
// back to info". Talk names nothing, asks for nothing and neither denies nor conditions what follows.
func afterTalk(ctx context.Context, v *Vocabulary, focus Focus, said string) (understood, string, bool) {
	if focus.Plan == nil || len(unquoted(said)) != len(said) {
		return understood{}, "", false
	}
	for at, c := range said {
		if c != ',' && c != ';' && c != '.' && c != ':' || at+2 > len(said) || said[at+1] != ' ' {
			continue
		}
		head, tail := lex(said[:at]), strings.TrimSpace(said[at+1:])
		if len(head) == 0 || len(strings.Fields(tail)) < 2 || slices.ContainsFunc(head, func(t token) bool {
			return t.quoted || t.lit != litNone || denials[t.text] && t.text != "no" || conditions[t.text] || v.objects.has(t.text) || len(v.words[t.text]) > 0 || v.namespaces[t.text]
		}) {
			return understood{}, "", false
		}
		for i := range head {
			if asksChange(head, i) && !english(head[i].text) {
				return understood{}, "", false
			}
		}
		if u := understand(ctx, v, focus, tail); complete(u) && ClassifyPlan(Plan{Steps: u.steps}) != Read {
			u.notes = append(u.notes, "What you said before it I took as talk.")
			return u, tail, true
		}
	}
	return understood{}, "", false
}

// changedFocus is what the last change of the conversation was of, where a turn that looked at something else came after
// it: "roll it back" after a look at the pods is about the deployment.
func (r *reading) changedFocus(spec targetSpec) (Focus, bool) {
	if !spec.write || len(spec.kinds) == 0 || r.focus.Changed == nil || slices.Contains(spec.kinds, r.focus.Resource.Key()) {
		return Focus{}, false
	}
	return lastChanged(r.focus, spec.kinds)
}

func lastChanged(f Focus, kinds []string) (Focus, bool) {
	if f.Changed == nil || len(f.Changed.Steps) == 0 {
		return Focus{}, false
	}
	s := f.Changed.Steps[len(f.Changed.Steps)-1]
	if len(s.Names) != 1 || !slices.Contains(kinds, s.Resource.Key()) {
		return Focus{}, false
	}
	return Focus{Namespace: s.Namespace, Resource: s.Resource, Names: s.Names}, true
}

// listed is the one row of the last list that a part of its name tells from the others, and where it is said: "the gpu one",
// "restart the hub".
func (r *reading) listed(spec targetSpec) (mention, string) {
	key := r.focus.Resource.Key()
	if len(r.focus.Rows) < 2 || len(r.focus.Names) > 0 || len(spec.kinds) > 0 && !slices.Contains(spec.kinds, key) {
		return mention{}, ""
	}
	for i := 1; i < len(r.toks); i++ {
		t := r.toks[i]
		if r.used[i] || t.quoted || t.lit != litNone || stopWords[t.text] || len(t.text) < 2 || !articles[r.toks[i-1].text] && r.toks[i-1].text != "that" {
			continue
		}
		m := mention{i: i, j: i + 1}
		one := m.j < len(r.toks) && !t.brk && r.toks[m.j].text == "one"
		if one {
			m.j++
		} else if r.known(i) || len(t.text) < 3 || !r.endsNoun(i) {
			continue
		}
		found := ""
		for _, row := range r.focus.Rows {
			if !hasParts(row, []string{t.text}) {
				continue
			}
			if found != "" {
				found = ""
				break
			}
			found = row
		}
		if found != "" {
			return m, found
		}
	}
	return mention{}, ""
}

// fromListed acts on the row that a part of its name tells.
func (r *reading) fromListed(spec targetSpec) (target, *question, bool) {
	m, name := r.listed(spec)
	if name == "" {
		return target{}, nil, false
	}
	for k := m.i; k < m.j; k++ {
		r.useTok(k)
	}
	r.byPart = true
	r.notes = append(r.notes, "I read \""+r.words(m)+"\" as "+name+".")
	f := r.focus
	f.Names = []string{name}
	t, q := r.fromFocus(f, spec, nil, scope{})
	return t, q, true
}

// addPair sets another key of what the last change set one of: "put tier=test on it as well".
func (r *reading) addPair(s *Step, i int) bool {
	if !r.has(cIt, cAdd, cSame) && !r.hasWord("also", "too", "plus", "and") {
		return false
	}
	k, v, _ := strings.Cut(r.toks[i].raw, "=")
	set := map[string]string{k: v}
	switch s.Op {
	case OpLabel, OpAnnotate:
		s.Args.Set, s.Args.Remove, s.Args.Overwrite = set, nil, false
	case OpSetEnv:
		if !isEnvKey(k) {
			return false
		}
		s.Args.Env, s.Args.Remove = set, nil
	default:
		return false
	}
	r.useTok(i)
	r.take(cAdd, cSet, cIt, cSame, cLabel, cAnnotate, cEnv)
	return true
}

// lastTaints are the taints that the last change set: what "that taint" is.
func (r *reading) lastTaints() []string {
	if r.focus.Changed == nil || len(r.focus.Changed.Steps) == 0 {
		return nil
	}
	s := r.focus.Changed.Steps[len(r.focus.Changed.Steps)-1]
	if s.Op != OpTaint {
		return nil
	}
	var out []string
	for _, t := range Taints(s.Args.Set) {
		out = append(out, t.String())
	}
	return out
}

// spread makes a plan of one step for each of the named things that are in different namespaces: "suspend both a and b".
func spread(ctx context.Context, v *Vocabulary, focus Focus, u understood) (understood, bool) {
	if u.q == nil || !u.q.spread || u.frame == nil || !u.frame.write || u.reading == nil {
		return u, false
	}
	r := u.reading
	if len(r.objs) < 2 || len(r.objs) > MaxSteps || slices.ContainsFunc(r.objs, func(o objMention) bool { return o.typo || o.part || o.fixed != "" }) {
		return u, false
	}
	all := understood{score: 1}
	for _, o := range r.objs {
		var toks []token
		for i, t := range r.toks {
			other := slices.ContainsFunc(r.objs, func(p objMention) bool { return p.i != o.i && p.i <= i && i < p.j })
			if other || t.text == "and" || t.text == "both" || t.text == "as" && i+1 < len(r.toks) && r.toks[i+1].text == "well" {
				continue
			}
			t.brk = false
			toks = append(toks, t)
		}
		one := newReading(ctx, v, focus, (&request{v: v}).withoutPurpose(toks))
		got, ok := one.try(u.frame)
		if !ok || got.q != nil || !got.accepted() {
			return u, false
		}
		all.steps, all.notes, all.trace = append(all.steps, got.steps...), append(all.notes, got.notes...), append(all.trace, got.trace...)
		all.reading, all.frame, all.verbFix = got.reading, got.frame, all.verbFix || got.verbFix
	}
	return all, true
}

// row is the row of the last answer that an ordinal points at ("the second one"), and the ordinal's token.
func (r *reading) row() (int, string) {
	i, ok := r.lit(litOrdinal)
	if !ok || r.focus.Resource.Plural == "" {
		return 0, ""
	}
	n := r.toks[i].num
	if n == -1 {
		n = len(r.focus.Rows)
	}
	if n < 1 || n > len(r.focus.Rows) {
		return 0, ""
	}
	return i, r.focus.Rows[n-1]
}

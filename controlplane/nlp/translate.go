package nlp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// what a refusal ends with, so that a no is also a way on.
const help = "I can list and describe what is in the cluster, show logs, events, usage and rights, look for what is wrong, and scale, restart, roll back, " +
	"set images, variables, resources and labels, create and delete. Try \"what is running in NAMESPACE?\" or \"scale NAME to 3\"."

const (
	acceptScore = 0.75 // a reading that explains this much is taken
	offerScore  = 0.40 // one that explains this much is offered as a question
	maxTries    = 25   // candidates that are tried for the five choices of a question
	maxTokens   = 150  // words of one clause: more is not a command
	minGap      = 0.03 // two readings of different effect closer than this are not chosen between
)

var imagePattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.\-]*(:[0-9]{1,5})?(/[a-zA-Z0-9._\-]+)*(:[a-zA-Z0-9_][a-zA-Z0-9._\-]{0,127})?(@sha256:[a-f0-9]{64})?$`)

// understood is what became of one clause.
type understood struct {
	steps   []Step
	q       *question
	notes   []string
	trace   []TraceEntry
	score   float64
	left    []string
	frame   *frame
	reading *reading
	verbFix bool
	byPart  bool // something was found by a part of its name only
	undo    bool
}

func translate(ctx context.Context, req Request) Translation {
	return certain(read(ctx, req), clean(req.Utterance))
}

func read(ctx context.Context, req Request) Translation {
	if req.Vocabulary == nil {
		req.Vocabulary = NewVocabulary(VocabularyConfig{Kinds: BuiltInKinds()})
	}
	focus := req.Focus
	if isZero(focus) {
		for _, turn := range req.Context {
			focus = translate(ctx, Request{Utterance: turn.Utterance, Focus: focus, Vocabulary: req.Vocabulary}).Focus
		}
	}
	said := clean(req.Utterance)
	said = straightened(req.Vocabulary, turned(req.Vocabulary, focus, withoutInterjection(plainly(answered(withoutUnshown(said), focus)), focus)))
	if why := guard(said); why != "" {
		return refusal(why, focus)
	}
	if substitutes(req.Vocabulary, req.Utterance) {
		return refusal(noShell, focus)
	}
	if revealsFocus(focus, said) {
		return refusal(secretValues, focus)
	}
	if everywhereToo(focus, said) {
		return refusal(noneEverywhere, focus)
	}
	if q := cmp.Or(needsWords(said), needsObject(req.Vocabulary, focus, said)); q != "" {
		return Translation{Class: Clarify, Message: q, Focus: focus}
	}
	if t, ok := sparing(ctx, req.Vocabulary, focus, said); ok {
		return t
	}
	rest, dry := tryingOut(req.Vocabulary, said)
	if dry {
		return tried(ctx, Request{Vocabulary: req.Vocabulary, Focus: focus}, rest)
	}
	said = rest
	if whole := completed(said, focus); whole != "" {
		if u := understand(ctx, req.Vocabulary, focus, whole); complete(u) {
			return answer(ctx, req.Vocabulary, focus, whole, u)
		}
	}
	u := understand(ctx, req.Vocabulary, focus, said)
	if !complete(u) {
		if more, tail, ok := afterTalk(ctx, req.Vocabulary, focus, said); ok {
			return answer(ctx, req.Vocabulary, focus, tail, more)
		}
	}
	if u.unsettled() || countsTalk(u) || looksInto(u) || othersDid(lex(strings.ToLower(said))) {
		if more, core, ok := amidTalk(ctx, req.Vocabulary, focus, said); ok && (u.unsettled() || namesAThing(req.Vocabulary, core) && !looksInto(u) || looksInto(u) && !looksInto(more) && politeQuestion(lex(strings.ToLower(core))) && ClassifyPlan(Plan{Steps: more.steps}) == Read) {
			return answer(ctx, req.Vocabulary, focus, core, more)
		}
	}
	return answer(ctx, req.Vocabulary, focus, said, u)
}

func isZero(f Focus) bool {
	return f.Namespace == "" && f.Resource.Plural == "" && f.Plan == nil && len(f.Choices) == 0
}

func refusal(why string, focus Focus) Translation {
	focus.Choices, focus.Asked = nil, ""
	return Translation{Class: Refuse, Message: why, Focus: focus}
}

// understand reads one text: a kubectl line, several clauses, or one.
func understand(ctx context.Context, v *Vocabulary, focus Focus, said string) understood {
	if passesThrough(said) {
		return passThrough(v, focus, said)
	}
	if !strings.Contains(said, " -- ") && len(unquoted(said)) == len(said) {
		said = strings.ReplaceAll(said, " / ", " ") // "prod / web: restarts?"
	}
	if u, ok := inPlaces(ctx, v, focus, said); ok {
		return u
	}
	if parts := withoutChat(splitThen(said)); len(parts) == 1 {
		return understand(ctx, v, focus, parts[0])
	} else if len(parts) > 1 {
		all := understandAll(ctx, v, focus, finer(ctx, v, focus, parts))
		return orRequest(ctx, v, focus, said, all)
	}
	whole := clause(ctx, v, focus, said)
	if more, ok := spread(ctx, v, focus, whole); ok {
		return more
	}
	if complete(whole) {
		return orRequest(ctx, v, focus, said, whole)
	}
	if u := orRequest(ctx, v, focus, said, whole); complete(u) {
		return u
	}
	if whole.readable() && !startsCommand(said) {
		return whole
	}
	if parts := splitAnd(said); len(parts) > 1 {
		if all := understandAll(ctx, v, focus, parts); all.q == nil && len(all.left) == 0 {
			return all
		}
	}
	if whole.readable() {
		return whole
	}
	if u, ok := readClause(ctx, v, focus, said); ok {
		return u
	}
	if rest := withoutPreamble(v, said); rest != "" {
		if u := understand(ctx, v, focus, rest); complete(u) {
			u.notes = append(u.notes, "The rest I took as the reason.")
			return u
		}
	}
	return orRequest(ctx, v, focus, said, whole)
}

// finer cuts the parts of a text further, where a part is not one clause: "pause it, update it, and then resume it".
func finer(ctx context.Context, v *Vocabulary, focus Focus, parts []string) []string {
	var out []string
	for _, part := range parts {
		if more := splitAnd(part); len(more) > 1 && !complete(clause(ctx, v, focus, part)) {
			out = append(out, more...)
			continue
		}
		out = append(out, part)
	}
	return out
}

func complete(u understood) bool { return u.q == nil && len(u.steps) > 0 && len(u.left) == 0 }

// understandAll reads clauses one after the other; each knows what the one before was about.
func understandAll(ctx context.Context, v *Vocabulary, focus Focus, parts []string) understood {
	if len(parts) > MaxSteps {
		return understood{q: &question{text: fmt.Sprintf("That is %d things at once; %d are the most. Say them in parts.", len(parts), MaxSteps), refuse: true}}
	}
	all := understood{score: 1}
	for _, part := range parts {
		u := clause(ctx, v, focus, part)
		if u.q == nil && u.score < acceptScore || len(u.steps) == 0 && u.q == nil {
			u.q = &question{text: fmt.Sprintf("I did not understand %q. %s", part, help), refuse: true, lost: true}
		}
		if u.q != nil {
			return understood{q: u.q, score: u.score, reading: u.reading, frame: u.frame, left: u.left}
		}
		all.steps, all.notes, all.trace = append(all.steps, u.steps...), append(all.notes, u.notes...), append(all.trace, u.trace...)
		if ClassifyPlan(Plan{Steps: u.steps}) == Read && u.plainRead(false) {
			u.left = nil // everyday words that a read may leave
		}
		all.left, all.score, all.verbFix = append(all.left, u.left...), min(all.score, u.score), all.verbFix || u.verbFix
		all.byPart = all.byPart || u.byPart
		all.reading = u.reading
		focus = focusOf(focus, u.steps)
	}
	return all
}

// clause reads one clause: the frame that explains the most of it wins.
func clause(ctx context.Context, v *Vocabulary, focus Focus, said string) understood {
	toks, q := tokens(v, said)
	if q != nil {
		return understood{q: q}
	}
	if len(toks) == 0 {
		return understood{q: &question{text: help, refuse: true}}
	}
	if len(toks) > maxTokens {
		return understood{q: &question{text: "That is longer than I read at once. Say it in one or two sentences.", refuse: true}}
	}
	toks, reasons := withoutReasons(toks)
	r := newReading(ctx, v, focus, toks)
	for _, why := range reasons {
		r.trace = append(r.trace, TraceEntry{Words: why, As: "a reason, which changes nothing"})
	}
	var found []understood
	past := asksAboutPast(toks) || onlyTalked(toks) || asksIndirectly.MatchString(said) && !r.says(cHow)
	for i := range frames {
		f := &frames[i]
		if !f.applies(r) || f.write && past {
			continue
		}
		if u, ok := r.try(f); ok {
			found = append(found, u)
		}
	}
	if u, ok := r.followUp(); ok {
		found = append(found, u)
	}
	return r.best(found)
}

// try builds the frame on a copy of the reading.
func (r *reading) try(f *frame) (understood, bool) {
	c := r.fork()
	out, ok := f.build(c)
	if !ok {
		return understood{}, false
	}
	c.take(cFiller, cNoConfirm, cHow)
	if f.write {
		c.take(cNow) // what it says is what happens anyway
	}
	if out.q != nil {
		c.useNamed() // what the question is about was understood
	}
	if out.q != nil && out.q.refuse {
		for i := range c.used {
			c.used[i] = true // a rule against it needs no more
		}
	}
	c.traceRest(f.name)
	u := understood{
		steps: out.steps, q: out.q, undo: out.undo, notes: c.notes, trace: c.trace, score: c.score() - 0.05*float64(len(c.repairs)), left: c.leftover(),
		frame: f, reading: c, verbFix: c.verbFix, byPart: c.byPart,
	}
	return u, true
}

// best chooses between the readings.
func (r *reading) best(found []understood) understood {
	rank := func(u understood) float64 {
		s := u.score + u.frame.prior
		if u.q != nil && !u.q.refuse {
			s -= 0.12 // a question is worth less than an answer that explains as much
		}
		return s
	}
	slices.SortStableFunc(found, func(a, b understood) int {
		switch ra, rb := rank(a), rank(b); {
		case ra > rb:
			return -1
		case ra < rb:
			return 1
		}
		return 0
	})
	for _, u := range found { // a rule against something holds however little else is understood
		if u.q != nil && u.q.refuse && u.score > 0 && (u.frame.write || u.score >= 0.5) {
			return u
		}
	}
	if len(found) == 0 {
		return understood{left: r.leftover(), reading: r}
	}
	top := found[0]
	if len(found) > 1 && tooClose(top, found[1]) {
		top.q = &question{text: "That can be read in two ways. Which do you mean?", choices: []Choice{
			{Label: Sentence(Plan{Steps: top.steps}, ""), Text: KubectlStep(top.steps[0])},
			{Label: Sentence(Plan{Steps: found[1].steps}, ""), Text: KubectlStep(found[1].steps[0])},
		}}
	}
	return top
}

// tooClose: two changes that explain the same words differently are not chosen between.
func tooClose(a, b understood) bool {
	if a.q != nil || b.q != nil || len(a.steps) != 1 || len(b.steps) != 1 || a.steps[0].Op == b.steps[0].Op {
		return false
	}
	if !a.frame.write || !b.frame.write {
		return false
	}
	return a.score >= acceptScore && a.score+a.frame.prior-b.score-b.frame.prior < minGap
}

// answer makes the Translation of what was understood.
func answer(ctx context.Context, v *Vocabulary, focus Focus, said string, u understood) Translation {
	noConfirm := u.reading != nil && u.reading.says(cNoConfirm)
	if u.reading != nil {
		u.reading.said = said
	}
	switch {
	case u.q != nil && u.q.refuse:
		t := refusal(u.q.text, focus)
		t.Lost = u.q.lost
		return t
	case noConfirm && (u.q != nil || len(u.steps) == 0 || len(u.left) > 0):
		return refusal("Changes are always shown before they are made, and made only when you approve them; that can't be switched off. "+help, focus)
	case u.q != nil && u.frame != nil && u.frame.write && declined(u, true) != "":
		return refusal(declined(u, true), focus)
	case u.q != nil && u.score >= offerScore:
		return asking(ctx, v, focus, said, u)
	case u.undo && len(u.steps) == 0 && u.q == nil:
		return undoRecorded(focus)
	case u.q != nil && u.score < offerScore, len(u.steps) == 0:
		return notUnderstood(v, focus, u)
	}
	for i := range u.steps {
		u.steps[i].Class = Classify(u.steps[i])
	}
	plan := Plan{Steps: u.steps, Source: SourceBuiltin}
	plan.Class = ClassifyPlan(plan)
	if err := Validate(plan, v); err != nil {
		return refusal(ruleText(err), focus)
	}
	write := plan.Class != Read
	if no := declined(u, write); no != "" {
		return refusal(no, focus)
	}
	if write && u.reading != nil && u.reading.says(cHow) {
		return wouldBe(focus, plan, u)
	}
	if !write && u.reading != nil && u.reading.aboutSomethingElse() {
		return refusal("That is not about this cluster. "+help, focus)
	}
	if !write && u.reading != nil && u.reading.wantsOtherwise() {
		return Translation{Class: Clarify, Message: "What exactly should be changed, and to what? Say which thing and how much, such as \"scale web to 3\".", Focus: focus}
	}
	if u.score < acceptScore && !u.plainRead(write) || !write && (len(u.left) > 0 || u.reading != nil && u.reading.obliges()) && u.strayVerb() || write && (len(u.left) > 0 || (u.verbFix || u.byPart) && plan.Class == Destructive) {
		return offer(v, focus, plan, u)
	}
	if !write && u.reading != nil && u.reading.has(cNot) && u.deniesAfter() {
		u.notes = append(u.notes, allOfThem)
	}
	if len(u.left) > 0 {
		if unused := u.namesLeft(); len(unused) > 0 {
			u.notes = append(u.notes, fmt.Sprintf("I did not use: %s.", strings.Join(unused, ", ")))
		}
	}
	if noConfirm && write {
		u.notes = append(u.notes, "Changes are always approved first.")
	}
	t := Translation{
		Class: plan.Class, Plan: &plan, Kubectl: Kubectl(plan), Trace: u.trace, Focus: v.withRows(focusOf(focus, u.steps)), Undo: u.undo,
		Message: strings.Join(append([]string{Sentence(plan, "")}, u.notes...), " "),
	}
	t.Choices = chips(plan, u)
	return t
}

// undoRecorded asks for an undo that only the record of the change can say.
func undoRecorded(focus Focus) Translation {
	focus.Choices = nil
	return Translation{
		Class: Clarify, Undo: true, Focus: focus,
		Message: "What was there before is not in the words of the change (" + strings.TrimSuffix(Sentence(*focus.Changed, ""), ".") + "), only in the record of it.",
	}
}

// declined answers negations and conditions around a change: neither may end as the change itself.
func declined(u understood, write bool) string {
	if !write {
		return ""
	}
	for _, w := range u.left {
		switch strings.ToLower(w) {
		case "not", "never", "avoid", "refrain":
			return "You said not to, so I change nothing."
		case "if", "when", "unless", "until", "whenever", "once":
			return "I can't wait for something to happen before a change. Ask me to do it when it is time."
		}
	}
	return ""
}

func ruleText(err error) string {
	var rule *Rule
	if errors.As(err, &rule) {
		return rule.Text
	}
	return err.Error()
}

// chips are near readings of a read: the same in all namespaces.
func chips(p Plan, u understood) []Choice {
	if len(p.Steps) != 1 || u.reading == nil {
		return nil
	}
	s := p.Steps[0]
	if s.Op != OpGet || s.Namespace == "" || len(s.Names) > 0 || u.reading.saidScope() || !s.Resource.Namespaced {
		return nil
	}
	s.Namespace, s.AllNamespaces = "", true
	return []Choice{{Label: "all namespaces", Text: KubectlStep(s)}}
}

// asking turns a question into a Translation, with choices from what there is.
func asking(ctx context.Context, v *Vocabulary, focus Focus, said string, u understood) Translation {
	choices := u.q.choices
	if from := u.q.respell[0]; from != "" {
		choices = []Choice{{Label: u.q.respell[1], Text: strings.Replace(said, from, u.q.respell[1], 1)}}
	}
	if len(choices) == 0 {
		choices = choicesFor(ctx, v, focus, said, u)
	}
	if len(choices) > 5 {
		choices = choices[:5]
	}
	next := focus
	next.Choices, next.Asked = choices, said
	return Translation{Class: Clarify, Message: u.q.text, Choices: choices, Trace: u.trace, Focus: next}
}

// offer asks before it takes a reading that left words unexplained, or a destructive verb that was mended.
func offer(v *Vocabulary, focus Focus, plan Plan, u understood) Translation {
	if len(u.left) > 0 && u.reading != nil {
		if q := u.reading.unknownName(u.left); q != nil {
			return asking(u.reading.ctx, v, focus, "", understood{q: q, trace: u.trace})
		}
	}
	if u.score < offerScore {
		return notUnderstood(v, focus, u)
	}
	if plan.Class == Read && u.reading != nil && u.reading.unusedChange() {
		return notUnderstood(v, focus, u)
	}
	text := "Did you mean: " + strings.TrimSuffix(Sentence(plan, ""), ".") + "?"
	if len(u.left) > 0 {
		text = fmt.Sprintf("I did not understand %q. %s", strings.Join(u.left, " "), text)
	}
	var choices []Choice
	if len(plan.Steps) == 1 && len(plan.Steps[0].Post.Filter) == 0 {
		choices = []Choice{{Label: "yes", Text: Kubectl(plan)}}
	}
	next := focus
	next.Choices = choices
	return Translation{Class: Clarify, Message: text, Choices: choices, Trace: u.trace, Focus: next, Lost: u.score < acceptScore}
}

// notUnderstood: a question if something of the cluster was named, else a refusal.
func notUnderstood(v *Vocabulary, focus Focus, u understood) Translation {
	if u.reading != nil && u.reading.aboutSomethingElse() {
		return refusal("That is not about this cluster. "+help, focus)
	}
	if u.reading != nil && u.q != nil && !u.q.refuse && u.score > 0 && len(u.reading.objs)+len(u.reading.kinds) > 0 && u.frame != nil && u.frame.write {
		return asking(u.reading.ctx, v, focus, "", understood{q: u.q, trace: u.trace})
	}
	if u.reading != nil && (u.reading.explained() >= 1 || len(u.reading.kinds) > 0 || len(u.reading.lost) > 0 || len(u.reading.objs) > 0 || slices.ContainsFunc(u.left, u.reading.asksHealthOf)) && len(u.left) <= 2 {
		if q := u.reading.unknownName(u.left); q != nil {
			return asking(u.reading.ctx, v, focus, "", understood{q: q, trace: u.trace})
		}
	}
	if q := u.unknownOnly(); q != nil {
		return asking(u.reading.ctx, v, focus, "", understood{q: q, trace: u.trace})
	}
	if u.reading != nil && u.reading.onlySmallTalk() {
		return refusal(help, focus)
	}
	if u.reading != nil && ordersSomething(u.reading.said) {
		return Translation{Class: Clarify, Message: "Which one do you mean, and what exactly should be changed about it? Name it, such as \"deployment web in prod\".", Focus: focus, Lost: true}
	}
	t := refusal("I did not understand that as something about this cluster. "+help, focus)
	t.Lost = true
	return t
}

// unknownOnly answers a request in which everything was understood but one name.
func (u understood) unknownOnly() *question {
	if u.reading == nil || u.frame == nil || len(u.frame.cues) == 0 || u.reading.aboutSomethingElse() {
		return nil
	}
	if left := u.left; len(left) != 1 || !u.reading.saysAny(u.frame.cues) {
		return nil
	}
	return u.reading.unknownName(u.left)
}

// saysAny tells whether the text says one of the concepts, used or not.
func (r *reading) saysAny(cs []concept) bool { return slices.ContainsFunc(cs, r.says) }

// unusedChange tells whether a word that asks for a change was left unexplained where a clause has its verb.
func (r *reading) unusedChange() bool {
	for _, f := range frames {
		if !f.write {
			continue
		}
		for _, q := range r.cues {
			if slices.Contains(f.cues, q.c) && r.free(q.mention) && r.weight(q.i) > 0 && (r.verbPlace(q.i) || r.clauseVerb(q.i)) {
				return true
			}
		}
	}
	return false
}

// onlySmallTalk: a greeting, a thank you, or a call for help.
func (r *reading) onlySmallTalk() bool {
	for i, t := range r.toks {
		if r.weight(i) > 0 && t.text != "help" {
			return false
		}
	}
	return true
}

// wouldBe answers a question about a change with the change, and makes it only if that is said.
func wouldBe(focus Focus, plan Plan, u understood) Translation {
	next := focus
	next.Choices = nil
	if len(plan.Steps) == 1 {
		next.Choices = []Choice{{Label: "yes", Text: Kubectl(plan)}}
	}
	return Translation{
		Class: Clarify, Message: "The command would be: " + Kubectl(plan) + ". Shall I prepare it?", Choices: next.Choices, Trace: u.trace, Focus: next,
	}
}

// focusOf is what the conversation is about after the steps.
func focusOf(old Focus, steps []Step) Focus {
	next := Focus{Namespace: old.Namespace, Resource: old.Resource, Names: old.Names, Plan: &Plan{Steps: steps}, Changed: old.Changed}
	if ClassifyPlan(*next.Plan) != Read {
		next.Changed = next.Plan
	}
	for _, s := range steps {
		if s.Namespace != "" {
			next.Namespace = s.Namespace
		} else if s.AllNamespaces {
			next.Namespace = ""
		}
		if s.Op == OpCreate && s.Resource.Plural == "namespaces" && len(s.Names) == 1 {
			next.Namespace = s.Names[0] // "and in there a service account"
		}
		if s.Resource.Plural != "" && s.Resource.Plural != CategoryAll {
			keep := len(s.Names) == 0 && s.LabelSelector != "" && old.Resource.Plural != "" // "its pods" stays about the workload
			if keep && len(old.Names) > 0 {
				continue
			}
			next.Resource, next.Names, next.Container = s.Resource, s.Names, s.Container
		}
	}
	return next
}

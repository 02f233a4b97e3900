package nlp

import (
	"fmt"
)

func buildDelete(r *reading) (outcome, bool) {
	q, _ := r.cue(cDelete)
	if !r.imperative(cDelete) && !r.hasWord("delete") {
		return none()
	}
	if r.hasWord("which", "how", "why", "who", "can", "may", "allowed") && !r.verbPlace(q.i) {
		return none()
	}
	if o, ok := r.takeBack(); ok {
		return o, true
	}
	s := Step{}
	r.take(cDelete)
	r.haste(&s)
	if r.has(cOrphan) {
		r.take(cOrphan)
		r.also(cOrphan)
		r.take(cRunning)
		s.Args.Cascade = "orphan"
	}
	selector := r.labelSelector()
	all := r.has(cAll, cEverything)
	if refusal := r.deletesTooMuch(all, selector); refusal != "" {
		return refuses(refusal)
	}
	if all && r.saysKind("namespaces") && len(r.nss) == 1 && r.hasWord("whole", "entire", "complete", "everything") { // "the whole namespace": it goes with all that is in it
		r.useWords("whole", "entire", "complete", "everything", "in")
		all = false
	}
	if r.has(cEverything) && len(r.freeKinds()) == 0 && len(r.thingsNamed()) == 0 {
		return r.deleteEverything(s, selector)
	}
	if r.has(cLabel, cAnnotate, cTaint, cEnv) && selector == "" && len(r.freeKinds())+len(r.freeObjects()) > 0 {
		return none()
	}
	return r.deleteTarget(s, selector, all)
}

// haste reads how hard a deletion is: by force, at once, or with a grace period.
func (r *reading) haste(s *Step) {
	force := r.take(cForce)
	if i, ok := r.noGrace(); ok {
		zero := int64(0)
		s.Args.GracePeriod, s.Args.Force = &zero, true
		r.use(i)
		r.take(cNow, cForce)
		return
	}
	if r.hasWord("grace") {
		if n, ok := r.graceSeconds(); ok {
			s.Args.GracePeriod, s.Args.Force = &n, force
			r.take(cNow)
			return
		}
	}
	if force || r.hasWord("immediately", "instantly") {
		zero := int64(0)
		s.Args.GracePeriod, s.Args.Force = &zero, true
	}
	r.take(cNow)
}

// noGrace finds "without grace", "no grace period", "zero grace".
func (r *reading) noGrace() (mention, bool) {
	for i, t := range r.toks {
		if t.text != "grace" || i == 0 {
			continue
		}
		m := mention{i: i - 1, j: i + 1}
		if m.j < len(r.toks) && r.toks[m.j].text == "period" {
			m.j++
		}
		switch w := r.toks[m.i].text; {
		case w == "any" || w == "a":
			m.i--
			return m, m.i >= 0 && r.toks[m.i].text == "without"
		case w == "no" || w == "without" || w == "zero" || r.toks[m.i].lit == litNumber && r.toks[m.i].num == 0:
			return m, true
		}
	}
	return mention{}, false
}

func (r *reading) graceSeconds() (int64, bool) {
	for i, t := range r.toks {
		if t.text != "grace" {
			continue
		}
		d, ok := r.duration()
		n := int64(d.Seconds())
		if !ok {
			count, numbered := r.number("of", "period")
			n, ok = int64(count), numbered
		}
		if ok {
			r.useTok(i)
			r.useWords("period", "grace-period")
		}
		return n, ok
	}
	return 0, false
}

// takeBack: "remove it again" after something was added is about what was added, not about what it was added to.
func (r *reading) takeBack() (outcome, bool) {
	c := r.focus.Changed
	if c == nil || r.focus.Plan == nil || c.Hash() != r.focus.Plan.Hash() || !r.has(cIt) || len(r.freeKinds())+len(r.freeObjects()) > 0 {
		return none()
	}
	last := c.Steps[len(c.Steps)-1]
	switch last.Op {
	case OpLabel, OpAnnotate, OpTaint, OpSetEnv, OpExpose, OpAutoscale, OpCordon:
	default:
		return none()
	}
	back, ok := opposite(last)
	if !ok {
		return asks(&question{text: "Which one should I delete? Name it.", open: true})
	}
	r.take(cDelete, cRemove, cIt, cSame)
	return done(back)
}

// pairs are the kinds and names that stand beside each other, when there are several kinds: "deployment x and service y".
func (r *reading) pairs() []target {
	var out []target
	kinds := map[string]bool{}
	for _, k := range r.freeKinds() {
		for _, o := range r.freeObjects() {
			if (o.i == k.j || o.j == k.i && !r.toks[o.i].brk) && o.fixed == "" && len(refsOf(o, k.kinds[0].Key(), scope{})) > 0 {
				out = append(out, target{kind: k.kinds[0], names: []string{o.name}})
				kinds[k.kinds[0].Key()] = true
				break
			}
		}
	}
	if len(kinds) < 2 || len(out) < len(r.freeObjects())-len(r.nss) {
		return nil
	}
	return out
}

// deletePairs deletes things of several kinds, a step for each.
func (r *reading) deletePairs(s Step, pairs []target) (outcome, bool) {
	where := r.scope(true)
	var steps []Step
	for _, p := range pairs {
		ns := where
		if p.kind.Namespaced {
			objs := []objMention{{name: p.names[0], refs: r.v.objects.named(p.names[0])}}
			if len(steps) > 0 && !where.said {
				ns = scope{ns: steps[0].Namespace, said: true}
			}
			var q *question
			if ns, q = r.chooseNamespace(targetSpec{write: true, verb: "delete"}, objs, p.kind.Key(), ns); q != nil {
				return asks(q)
			}
		}
		p.where = ns
		each := step(OpDelete, p)
		each.Args = s.Args
		steps = append(steps, each)
	}
	for _, k := range r.freeKinds() {
		r.useKind(k)
	}
	for _, o := range r.freeObjects() {
		r.use(o.mention)
	}
	r.take(cIt, cAll, cNow)
	return done(steps...)
}

// byStatus is the field selector that says what a filter does, where the server has one; narrower keeps the filter, because the
// selector alone takes more.
func byStatus(kind, test string) (selector string, narrower bool) {
	switch kind + " " + test {
	case "pods " + TestCompleted:
		return "status.phase=Succeeded", false
	case "pods " + TestFailed:
		return "status.phase=Failed", false
	case "pods " + TestEvicted:
		return "status.phase=Failed", true
	case "pods " + TestPending:
		return "status.phase=Pending", false
	case "jobs.batch " + TestCompleted:
		return "status.successful=1", false
	}
	return "", false
}

func (r *reading) deleteTarget(s Step, selector string, all bool) (outcome, bool) {
	if pairs := r.pairs(); len(pairs) > 0 && r.forced == nil && selector == "" {
		return r.deletePairs(s, pairs)
	}
	for i, t := range r.toks { // "the two pods a and b"
		if t.lit == litNumber && !r.used[i] && i > 0 && articles[r.toks[i-1].text] && t.num == len(r.thingsNamed()) {
			r.useTok(i)
		}
	}
	if len(r.thingsNamed()) > 0 && r.hasWord("everything") {
		return asks(&question{text: "I delete what is named, one by one. What else should go besides " + r.thingsNamed()[0].name + "?"})
	}
	filtered := r.has(cCrashing, cEvicted, cCompleted, cFailed, cPending, cNotRunning, cOOM, cPull, cTerm, cNotReady)
	t, q := r.target(targetSpec{write: true, askKind: true, list: all || selector != "" || filtered, verb: "delete"})
	if q != nil {
		return asks(q)
	}
	if t.kind != nil && t.kind.Key() == "namespaces" && len(t.names) == 1 && !r.saysNamespace() && !r.has(cIt) && len(r.focus.Names) == 0 && r.forced == nil && !SystemNamespace(t.names[0]) {
		return asks(&question{
			text:    fmt.Sprintf("Do you mean the namespace %s, with everything that is in it?", t.names[0]),
			choices: []Choice{{Label: "yes, the namespace", Text: KubectlStep(step(OpDelete, t))}},
		})
	}
	r.take(cIt, cAll)
	keep := s.Args
	s = step(OpDelete, t)
	s.Args = keep
	s.LabelSelector = joinComma(s.LabelSelector, selector)
	if len(s.Names) > 0 {
		r.take(cWorkload, cRunning)
		return done(s)
	}
	s.Op = OpDeleteCollection
	if filtered {
		r.filters(&s)
		r.take(cAll, cFiller)
		if len(s.Post.Filter) == 1 && s.FieldSelector == "" {
			if sel, narrower := byStatus(s.Resource.Key(), s.Post.Filter[0].Test); sel != "" {
				s.FieldSelector = sel
				if !narrower {
					s.Post.Filter = nil
				}
			}
		}
		if len(s.Post.Filter) > 0 && s.FieldSelector == "" {
			return asks(&question{text: fmt.Sprintf("I delete what is named, or what a selector picks; I don't delete by %q. Ask me to list them first, then name the ones to delete.", s.Post.Filter[0].words())})
		}
	}
	if t.owner == nil && !t.where.said && s.Resource.Namespaced && !r.saidScope() {
		return asks(&question{text: fmt.Sprintf("In which namespace should I delete %s?", s.Resource.Plural), choices: r.perNamespace(s)})
	}
	return done(s)
}

func (r *reading) perNamespace(s Step) []Choice {
	var out []Choice
	for _, ns := range r.v.nsNames {
		if SystemNamespace(ns) {
			continue
		}
		for _, o := range r.v.objects.ofKind(s.Resource.Key()) {
			if o.Namespace == ns {
				s.Namespace = ns
				out = append(out, Choice{Label: ns, Text: KubectlStep(s)})
				break
			}
		}
	}
	return out
}

// deletesTooMuch names the rule against deleting all of what a cluster stands on.
func (r *reading) deletesTooMuch(all bool, selector string) string {
	if r.has(cEverywhere) && selector == "" || all && r.has(cEverywhere) {
		return "I don't delete across all namespaces at once. Name one namespace and what to delete in it."
	}
	if !all {
		return ""
	}
	for _, k := range r.freeKinds() {
		if !k.kinds[0].Namespaced && len(r.thingsNamed()) == 0 && !(k.kinds[0].Plural == "namespaces" && r.hasWord("whole", "entire", "complete", "everything") && len(r.nss) == 1) {
			return fmt.Sprintf("I don't delete all %s of a cluster. Name the one to delete.", k.kinds[0].Plural)
		}
	}
	return ""
}

func (r *reading) deleteEverything(s Step, selector string) (outcome, bool) {
	r.take(cEverything, cAll)
	where := r.scope(false)
	if !where.said {
		return asks(&question{text: "In which namespace should I delete everything? I never delete everything of a cluster."})
	}
	if where.all {
		return refuses("I don't delete across all namespaces at once. Name one namespace and what to delete in it.")
	}
	s.Op, s.Namespace, s.LabelSelector = OpDeleteCollection, where.ns, selector
	s.Resource = Resource{Plural: CategoryAll, Kind: "all", Namespaced: true}
	s.Also = r.v.category(CategoryAll)
	return done(s)
}

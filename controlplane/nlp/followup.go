package nlp

import (
	"slices"
	"strings"
)

// followFrame stands for the follow-ups in the choice between readings.
var followFrame = frame{name: "followUp", prior: .12}

// followUp reads a turn that changes one thing of the last plan: "and in staging?", "make it 6", "by memory instead".
// The change is made on the plan, so whatever the last plan said stays, class and checks included.
func (r *reading) followUp() (understood, bool) {
	if r.focus.Plan == nil || len(r.focus.Plan.Steps) == 0 || !r.elliptic() {
		return understood{}, false
	}
	c := r.fork()
	s := r.focus.Plan.Steps[len(r.focus.Plan.Steps)-1]
	s.Names, s.Post.Filter = slices.Clone(s.Names), slices.Clone(s.Post.Filter)
	q, changed := c.swap(&s)
	if q == nil && !changed {
		return understood{}, false
	}
	if ClassifyPlan(Plan{Steps: []Step{s}}) == Read {
		c.take(cDown, cUp, cSet, cAdd, cLimit) // "cut it to 10 lines", "narrow it down to"
	}
	c.take(cSame, cInstead, cAbout, cMake, cIt, cFiller, cAsk, cShow, cGeneric, cNamed, cUses, cAll)
	c.traceRest(followFrame.name)
	c.trace = append(c.trace, TraceEntry{Words: "(the rest)", As: "as in the last turn: " + Sentence(Plan{Steps: r.focus.Plan.Steps[len(r.focus.Plan.Steps)-1:]}, "")})
	return understood{
		steps: []Step{s}, q: q, notes: c.notes, trace: c.trace, score: c.score(), left: c.leftover(), frame: &followFrame, reading: c, verbFix: c.verbFix, byPart: c.byPart,
	}, true
}

// ellipticStarts are words that a turn begins with when it leans on the one before.
var ellipticStarts = wordSet(`and same now what how only but instead actually also no with in for by as just sorted sort make then to do which are is or plus ok okay
per on from of since last previous newest oldest everywhere including without not except order`)

// chatWords open a turn and say nothing.
var chatWords = wordSet("right ok okay well hm hmm alright great good fine cool nice thanks lovely perfect splendid super brilliant awesome excellent wonderful ah oh aha gotcha sure sorry uh um hey so")

// elliptic tells whether the turn leans on the one before: it says so, or names no verb of its own.
func (r *reading) elliptic() bool {
	at := 0
	for at < len(r.toks)-1 && (chatWords[r.toks[at].text] || r.talk[at] && r.toks[at].brk) {
		at++
	}
	first := r.toks[at].text
	if r.focus.Plan.Steps[len(r.focus.Plan.Steps)-1].Op == OpLogs && r.has(cPrevious) && len(r.thingsNamed()) == 0 {
		return true
	}
	if !ellipticStarts[first] && !r.has(cInstead, cSame) && len(r.toks)-at > 5 {
		return false
	}
	switch first {
	case "what", "how":
		if !r.has(cAbout, cCount) {
			return false
		}
	case "which", "is", "are":
		if !r.has(cIt) {
			return false
		}
	}
	if r.focus.Plan.Steps[len(r.focus.Plan.Steps)-1].Op == OpCanI && len(r.toks) <= 4 {
		return true // "and create?" asks for another right
	}
	if r.imperative(cUndo) && r.focus.Plan.Steps[len(r.focus.Plan.Steps)-1].Op == OpScale && !r.has(cRevision) && r.hasWord("to") {
		return true // "go back to 4" is of replicas
	}
	if r.imperative(cUndo) && r.has(cIt) && r.hasWord("to", "on") && r.setsValue() {
		return true // "put it back to info"
	}
	if r.imperative(cCreate) && !(r.has(cMake) && r.has(cIt)) {
		return false
	}
	return !r.imperative(cRestart, cDelete, cScale, cLogs, cDescribe, cUndo, cDrain, cCordon, cUncordon, cWhy, cTop, cEvents, cExpose, cAutoscale, cLabel, cAnnotate)
}

// setsValue tells whether the last plan set one value.
func (r *reading) setsValue() bool {
	a := r.focus.Plan.Steps[len(r.focus.Plan.Steps)-1].Args
	return len(a.Env) == 1 || len(a.Set) == 1 || len(a.Images) == 1
}

// swap puts what the turn names into the step.
func (r *reading) swap(s *Step) (*question, bool) {
	changed := r.swapCount(s) || r.swapRevision(s) || r.swapValue(s)
	if s.Op == OpGet && len(s.Names) == 0 { // "which of them belong to team orders", which may be a namespace as well
		if sel := r.selector(); sel != "" {
			s.LabelSelector, changed = joinComma(s.LabelSelector, sel), true
		}
	}
	r.take(cAbout, cSame, cInstead, cMake)
	if s.Op == OpCanI {
		changed = r.swapRight(s) || changed
	}
	if q, ok := r.swapThing(s); q != nil {
		return q, true
	} else if ok {
		changed = true
	}
	where := r.scope(false)
	if where.said {
		if q := r.swapNamespace(s, where); q != nil {
			return q, true
		}
		changed = true
	}
	switch s.Op {
	case OpGet, OpTop, OpLogs, OpDescribe, OpDiagnose, OpEvents:
		changed = r.swapView(s) || changed
	}
	return nil, changed
}

func (r *reading) swapCount(s *Step) bool {
	if s.Op != OpScale || s.Args.Replicas == nil || len(r.thingsNamed()) > 0 {
		return false
	}
	if !r.has(cMake, cInstead, cUp, cDown, cSet, cMore, cScale) && !r.hasWord("to", "rather", "no", "back", "fewer", "less", "sorry", "wait", "please", "meant", "mean", "with", "better", "enough", "maybe", "suffices", "instead") && len(r.toks) > 2 {
		return false
	}
	a, ok := r.amount()
	if !ok {
		return false
	}
	n := a.n
	switch was := int(*s.Args.Replicas); {
	case a.percent != 0:
		n = (was*a.percent + 50) / 100
	case a.factor > 0:
		n = was * a.factor
	case a.factor < 0:
		n = was / -a.factor
	case a.relative:
		n = was + a.n
	}
	if n < 0 || n > MaxReplicas {
		return false
	}
	r.take(cMake, cSet, cIt, cUp, cDown, cReplicas, cMore, cScale, cAdd, cRemove, cUndo)
	r.useWords("go", "better", "enough", "maybe", "suffices", "back", "no", "sorry", "rather", "again", "wait", "meant", "mean", "actually", "hmm")
	count := int32(n)
	s.Args.Current, s.Args.Replicas = s.Args.Replicas, &count
	return true
}

// swapRevision: "revision 2" after a history.
func (r *reading) swapRevision(s *Step) bool {
	if s.Op != OpRolloutHistory || !r.has(cRevision) {
		return false
	}
	i, ok := r.lit(litNumber)
	if !ok {
		return false
	}
	r.useTok(i)
	r.take(cRevision, cShow, cGeneric)
	s.Args.Revision = int64(r.toks[i].num)
	return true
}

// swapRight exchanges the verb of "can I ...".
func (r *reading) swapRight(s *Step) bool {
	if s.Args.Verb == "" {
		return false
	}
	r.also(cCanI)
	for i, t := range r.toks {
		if plainVerbs[t.text] && !r.used[i] {
			s.Args.Verb, s.Subresource = t.text, ""
			r.useTok(i)
			return true
		}
	}
	for _, a := range apiVerbs {
		if r.has(a.c) && a.c != cGeneric && a.c != cUses && a.c != cSet {
			r.take(a.c)
			s.Args.Verb, s.Subresource = a.verb, a.sub
			return true
		}
	}
	return false
}

// swapValue puts another value where the last change had one: another tag, another value of the one variable or label.
func (r *reading) swapValue(s *Step) bool {
	if slices.ContainsFunc(r.thingsNamed(), func(o objMention) bool { return !o.part }) || !r.has(cMake, cInstead, cSet, cIt, cAdd) && !r.hasWord("also", "too", "plus", "no", "rather", "actually", "sorry", "back") {
		return false
	}
	at := -1
	for i, t := range r.toks {
		if r.used[i] || r.namespaceAt(i, 1) {
			continue
		}
		if t.lit == litNone && !t.quoted && english(t.text) && i > 0 && r.toks[i-1].text != "to" && r.toks[i-1].text != "on" {
			continue // "that broke it": talk, and no value
		}
		before := i > 0 && (r.toks[i-1].text == "to" || r.toks[i-1].text == "on" && r.setsValue() || r.toks[i-1].text == "it" || r.toks[i-1].text == "that" || r.toks[i-1].brk)
		if t.lit == litKeyValue && (s.Op == OpLabel || s.Op == OpAnnotate || s.Op == OpSetEnv) {
			return r.swapPair(s, i)
		}
		if t.lit == litVersion || t.lit == litImage || t.lit == litNumber || before && t.lit == litNone && !stopWords[t.text] && (r.toks[i-1].text == "to" || r.toks[i-1].text == "on" || !r.isCue(i)) || before && t.lit == litQuantity {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	value := r.toks[at].raw
	switch s.Op {
	case OpSetImage:
		if len(s.Args.Images) != 1 || r.toks[at].lit == litNumber {
			return false
		}
		images := map[string]string{}
		for c, image := range s.Args.Images {
			images[c] = retag(image, value)
			if r.toks[at].lit == litImage {
				images[c] = value
			}
		}
		s.Args.Images = images
	case OpSetEnv:
		s.Args.Env = onlyValue(s.Args.Env, value)
		if s.Args.Env == nil {
			return false
		}
	case OpLabel, OpAnnotate, OpSetSelector:
		s.Args.Set = onlyValue(s.Args.Set, value)
		if s.Args.Set == nil {
			return false
		}
		s.Args.Overwrite = s.Op != OpSetSelector
	case OpRolloutUndo:
		if r.toks[at].lit != litNumber {
			return false
		}
		s.Args.Revision = int64(r.toks[at].num)
	default:
		return false
	}
	r.useTok(at)
	r.take(cMake, cInstead, cSet, cIt, cImage, cUpgrade, cRevision, cUndo)
	r.useWords("no", "rather", "actually", "sorry", "back", "again", "put")
	return true
}

// swapPair puts another value in the place of the one key that was set: "sorry, make it tier=web".
func (r *reading) swapPair(s *Step, i int) bool {
	k, v, _ := strings.Cut(r.toks[i].raw, "=")
	set := &s.Args.Set
	if s.Op == OpSetEnv {
		set = &s.Args.Env
	}
	if _, ok := (*set)[k]; !ok || len(*set) != 1 {
		return r.addPair(s, i)
	}
	*set = map[string]string{k: v}
	s.Args.Overwrite = s.Op != OpSetEnv
	r.useTok(i)
	r.take(cMake, cInstead, cSet, cIt)
	r.useWords("no", "rather", "actually", "sorry", "meant", "mean")
	return true
}

// onlyValue is a map of one key with another value, or nil.
func onlyValue(m map[string]string, value string) map[string]string {
	if len(m) != 1 {
		return nil
	}
	for k := range m {
		return map[string]string{k: value}
	}
	return nil
}

// swapThing exchanges the kind of a list, or the object.
func (r *reading) swapThing(s *Step) (*question, bool) {
	if s.Op == OpGet && s.Resource.Key() == "pods" && r.has(cWide) && (r.has(cIt) || r.hasWord("each")) { // "on which nodes do they run"
		for _, k := range r.freeKinds() {
			if k.kinds[0].Key() == "nodes" {
				return nil, false
			}
		}
	}
	kinds := r.freeKinds()
	if k, ok := r.kindredOf(s.Resource); ok {
		return nil, r.swapKind(s, k)
	}
	if len(kinds) > 0 && len(r.thingsNamed()) == 0 {
		return nil, r.swapKind(s, kinds[0])
	}
	if s.Resource.Plural == "namespaces" && len(s.Names) == 1 && len(r.thingsNamed()) == 0 { // "same for ns1"
		for _, n := range r.nss {
			if r.free(n.mention) {
				r.use(n.mention)
				s.Names = []string{n.ns}
				return nil, true
			}
		}
	}
	if len(r.thingsNamed()) == 0 {
		return nil, false
	}
	if len(s.Names) == 0 && s.Op != OpEvents {
		return r.narrow(s, kinds)
	}
	spec := targetSpec{kinds: []string{s.Resource.Key()}, write: Classify(*s) != Read, verb: "take"}
	switch {
	case s.Op == OpEvents || len(kinds) > 0:
		spec.kinds = nil
	case s.Op == OpLogs: // "and of the shipper": whatever has a log
		spec.kinds = append(spec.kinds, logKinds...)
	}
	t, q := r.target(spec)
	if q != nil {
		return q, false
	}
	if len(t.names) == 0 {
		return nil, false
	}
	if s.Op == OpCanI && t.kind.Key() != s.Resource.Key() {
		return nil, false
	}
	s.Resource, s.Names, s.Namespace, s.LabelSelector, s.Container = t.kind.Resource, t.names, t.where.ns, t.labels, ""
	if s.Op == OpEvents {
		s.AllNamespaces = false
	}
	if s.Op == OpScale {
		s.Args.Current = r.current(t)
	}
	return nil, true
}

func (r *reading) swapKind(s *Step, m kindMention) bool {
	k := m.kinds[0]
	switch s.Op {
	case OpTop:
		if k.Key() != "pods" && k.Key() != "nodes" {
			return false
		}
	case OpCanI:
		if s.Args.Verb == "" {
			return false
		}
		s.Names = nil
	case OpGet, OpDescribe:
		if len(s.Names) > 0 && k.Key() != s.Resource.Key() { // "and the service?": the one of that name
			o := r.v.find(k.Key(), s.Namespace, s.Names[0])
			if len(s.Names) != 1 || o == nil {
				return false
			}
			r.useKind(m)
			s.Resource, s.Namespace, s.Args.Output = k.Resource, o.Namespace, ""
			return true
		}
	default:
		return false
	}
	r.useKind(m)
	if k.Key() == s.Resource.Key() {
		return true
	}
	s.Resource, s.Also, s.LabelSelector, s.FieldSelector = k.Resource, nil, "", ""
	if s.Op == OpGet {
		s.Post = Post{}
	}
	switch {
	case !k.Namespaced:
		s.Namespace, s.AllNamespaces = "", false
	case s.Namespace == "" && !s.AllNamespaces:
		s.Namespace = r.listScope(scope{}, k).ns
	}
	return true
}

// narrow names an object in a turn after a list: the pods of that workload, or the one of the listed kind.
func (r *reading) narrow(s *Step, kinds []kindMention) (*question, bool) {
	if s.Op != OpGet && s.Op != OpTop || !r.has(cAbout, cSame) && !r.hasWord("for", "of", "ones", "only", "just") && len(r.toks) > 3 {
		return nil, false
	}
	if s.Resource.Key() == "pods" && len(kinds) == 0 {
		t, q := r.target(targetSpec{verb: "show the pods of", kinds: append(slices.Clone(workloadKinds), "jobs.batch", "services", "pods")})
		if q != nil || len(t.objs) == 0 {
			return nil, false
		}
		if t, q = r.podsOf(t.objs[0], r.kindNamed("pods")); q != nil {
			return nil, false
		}
		s.Names, s.Namespace, s.AllNamespaces, s.LabelSelector = t.names, t.where.ns, false, t.labels
		return nil, true
	}
	if s.Op != OpGet {
		return nil, false
	}
	t, q := r.target(targetSpec{verb: "show", kinds: []string{s.Resource.Key()}})
	if q != nil || len(t.names) == 0 {
		return nil, false
	}
	s.Names, s.Namespace, s.AllNamespaces, s.LabelSelector, s.Post = t.names, t.where.ns, false, "", Post{}
	return nil, true
}

func (r *reading) swapNamespace(s *Step, where scope) *question {
	if !s.Resource.Namespaced && s.Op != OpEvents && s.Op != OpCanI {
		return nil
	}
	for _, n := range s.Names {
		if s.Op == OpCreate || where.all {
			continue
		}
		if r.v.find(s.Resource.Key(), where.ns, n) == nil {
			if others := r.v.inNamespace(s.Resource.Key(), where.ns); len(others) == 1 && len(s.Names) == 1 && Classify(*s) == Read && r.hasWord("one", "ones") {
				s.Names = []string{others[0].Name} // "and the one of staging"
				break
			}
			q := &question{text: "I see no " + strings.ToLower(s.Resource.Kind) + " " + n + " in " + where.ns + "."}
			for _, o := range r.v.objects.named(strings.ToLower(n)) {
				if o.Namespace == where.ns {
					q.text += " There is a " + strings.ToLower(r.v.kinds[o.Kind].Kind) + " of that name."
				}
			}
			return q
		}
	}
	s.Namespace, s.AllNamespaces = where.ns, where.all
	if s.Op == OpScale && len(s.Names) == 1 {
		k := r.v.kinds[s.Resource.Key()]
		s.Args.Current = r.current(r.one(k, r.objectOrBare(k, where.ns, s.Names[0])))
	}
	return nil
}

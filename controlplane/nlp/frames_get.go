package nlp

import (
	"slices"
	"strings"
)

func buildGet(r *reading) (outcome, bool) {
	s := Step{Op: OpGet}
	r.outputs(&s)
	r.take(cShow, cGeneric, cAsk, cDryRun, cCompare)
	if r.take(cCount) {
		s.Post.Count = true
	}
	r.withoutDenied()
	columns := r.labelColumns()
	selector := r.selector()
	node := r.onNode()
	if len(r.freeKinds()) == 0 && len(r.thingsNamed()) == 0 && r.forced == nil && (!r.has(cIt) || r.everythingIs()) {
		return r.getAnything(s, selector, node)
	}
	if s.Post.Count && r.has(cReplicas) && !r.saysKind("pods") {
		r.take(cReplicas)
		s.Post.Count = false
	}
	t, q := r.target(targetSpec{list: true, verb: "show", loose: true})
	if q != nil {
		return asks(q)
	}
	if pods := r.kindNamed("pods"); pods != nil && len(t.objs) == 1 && isWorkload(t.kind.Key()) && r.asksRestarts() { // a pod restarts, and counts it
		if of, q := r.podsOf(t.objs[0], pods); q == nil {
			t = of
			r.take(cRestarted, cRestart, cCount)
		}
	}
	keep := s
	s = step(OpGet, t)
	s.Args, s.Post = keep.Args, keep.Post
	s.Args.LabelColumns = columns
	if selector != "" {
		s.LabelSelector = joinComma(s.LabelSelector, selector)
	}
	r.placeOnNode(&s, node, t)
	r.otherNamespaces(&s)
	r.refine(&s, t)
	return done(s)
}

// everythingIs tells whether "that" only belongs to "everything that is in there".
func (r *reading) everythingIs() bool {
	return r.has(cEverything) && !slices.ContainsFunc(r.cues, func(q cue) bool {
		return q.c == cIt && r.free(q.mention) && !r.coveredBy(cEverything, q.mention)
	})
}

// everythingRuns tells whether it is only said of everything that it runs: "everything that runs in there".
func (r *reading) everythingRuns() bool {
	return !slices.ContainsFunc(r.cues, func(q cue) bool {
		return (q.c == cRunning || q.c == cPlaced || q.c == cImage || q.c == cContainer) && r.free(q.mention) && !r.coveredBy(cEverything, q.mention)
	})
}

// asksRestarts: "did cart restart lately", "how often has it restarted".
func (r *reading) asksRestarts() bool {
	if r.says(cHow) {
		return false
	}
	switch r.toks[0].text {
	case "did", "has", "have", "how", "does", "is":
		return (r.has(cRestarted) || r.has(cRestart)) && !r.has(cWhy)
	}
	return false
}

// thingsNamed are the named objects that are not certainly namespaces.
func (r *reading) thingsNamed() []objMention {
	var out []objMention
	for _, o := range r.freeObjects() {
		if !r.namespaceAt(o.i, 1) || r.inPlace(o.i) || (!r.namespaceAt(o.i, 2) && r.has(cStatus, cShow)) {
			out = append(out, o)
		}
	}
	return out
}

// getAnything answers "what is running in shop": a place, and no kind.
func (r *reading) getAnything(s Step, selector, node string) (outcome, bool) {
	where := r.scope(false)
	pods := r.kindNamed("pods")
	if where.ns != "" && r.hasWord("namespace", "ns") && (r.hasNoun(cLabel) || r.hasNoun(cShowLabels) || r.hasNoun(cAnnotate) || r.has(cAge)) {
		r.fields()
		k := r.kindNamed("namespaces")
		keep := s.Args
		s = step(OpGet, r.one(k, r.objectOrBare(k, "", where.ns)))
		s.Args = keep
		return done(s)
	}
	filtered := r.has(cCrashing, cPending, cNotReady, cNotRunning, cFailing, cFailed, cEvicted, cOOM, cPull, cRestarted)
	if selector != "" && node == "" && !filtered && !s.Post.Count && r.has(cEverything) {
		r.take(cEverything, cAll, cWorkload, cRunning)
		s.LabelSelector = selector
		return r.allIn(s, r.listScope(where, pods))
	}
	running := r.has(cRunning, cPlaced, cImage, cContainer) // what runs has these
	if running && r.everythingRuns() {
		running = false
	}
	if deployments := r.kindNamed("deployments.apps"); where.said && r.has(cReplicas) && !s.Post.Count && !running && !r.hasWord("pods", "workers") && deployments != nil && !filtered && selector == "" && node == "" {
		r.take(cReplicas, cReady, cAll)
		keep := s
		s = step(OpGet, target{kind: deployments, where: where})
		s.Args, s.Post = keep.Args, Post{}
		return done(s)
	}
	if pods == nil || (!where.said && !filtered && !running && node == "") {
		return none()
	}
	if !where.said && !running && !filtered && selector == "" && node == "" {
		return none()
	}
	if r.hasWord("deployed", "workloads", "installed") && !r.hasNoun(cImage) && node == "" && selector == "" && !filtered && where.ns != "" {
		r.useWords("deployed", "workloads", "installed")
		r.take(cPlaced, cRunning, cContainer)
		running = false
	}
	if filtered || running || node != "" || selector != "" || s.Post.Count {
		r.take(cRunning, cWorkload, cEverything, cAll, cPlaced)
		t := target{kind: pods, where: r.listScope(where, pods)}
		keep := s
		s = step(OpGet, t)
		s.Args, s.Post, s.LabelSelector = keep.Args, keep.Post, selector
		r.placeOnNode(&s, node, t)
		r.refine(&s, t)
		return done(s)
	}
	r.take(cEverything, cAll, cWorkload)
	return r.allIn(s, where)
}

// allIn lists what runs in a place.
func (r *reading) allIn(s Step, where scope) (outcome, bool) {
	s.Resource = Resource{Plural: CategoryAll, Kind: "all", Namespaced: true}
	s.Also = r.v.category(CategoryAll)
	s.Namespace, s.AllNamespaces = where.ns, where.all
	return done(s)
}

// onNode reads "on node-a1" when pods are asked for.
func (r *reading) onNode() string {
	if name := r.onThatNode(); name != "" {
		return name
	}
	for _, o := range r.freeObjects() {
		if o.refs[0].Kind != "nodes" || o.i == 0 {
			continue
		}
		p := o.i - 1
		if r.toks[p].text == "node" {
			p--
		}
		for p >= 0 && articles[r.toks[p].text] {
			p--
		}
		left := r.saysKind("pods") && r.leftOutAt(o.i, true)
		if !left && (p < 0 || r.toks[p].text != "on" && r.toks[p].text != "onto" && r.toks[p].text != "from") || !(r.saysKind("pods") || len(r.otherKinds("nodes")) == 0) {
			continue
		}
		r.use(o.mention)
		for _, k := range r.freeKinds() {
			if k.kinds[0].Key() == "nodes" {
				r.useKind(k)
			}
		}
		r.take(cRunning, cPlaced)
		if left {
			return "!" + o.refs[0].Name
		}
		return o.refs[0].Name
	}
	return ""
}

// onThatNode reads "what runs on it" when the conversation is about a node.
func (r *reading) onThatNode() string {
	if r.focus.Resource.Key() != "nodes" || len(r.freeObjects()) > 0 || len(r.otherKinds("pods")) > 0 {
		return ""
	}
	if i, name := r.row(); name != "" && i > 1 && (r.toks[i-1].text == "on" || r.toks[i-2].text == "on") {
		r.useTok(i)
		r.take(cRunning, cPlaced, cIt)
		return name
	}
	for i := 1; i < len(r.toks); i++ {
		if len(r.focus.Names) != 1 {
			break
		}
		if r.toks[i-1].text == "on" && (r.toks[i].text == "it" || r.toks[i].text == "that" || r.toks[i].text == "there" || r.toks[i].text == "this") {
			r.take(cRunning, cPlaced, cIt)
			return r.focus.Names[0]
		}
	}
	return ""
}

func (r *reading) otherKinds(key string) []kindMention {
	var out []kindMention
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() != key {
			out = append(out, k)
		}
	}
	return out
}

func (r *reading) placeOnNode(s *Step, node string, t target) {
	if node == "" || s.Resource.Plural != "pods" {
		return
	}
	term := "spec.nodeName=" + node
	if other, ok := strings.CutPrefix(node, "!"); ok {
		term = "spec.nodeName!=" + other
	}
	s.FieldSelector = joinComma(s.FieldSelector, term)
	if !r.saidNamespace() && len(s.Names) == 0 && t.owner == nil {
		s.Namespace, s.AllNamespaces = "", true
	}
}

func (r *reading) saidNamespace() bool {
	for _, n := range r.nss {
		if !r.free(n.mention) {
			return true
		}
	}
	return false
}

func joinComma(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}

// outputs reads the form of the answer that is asked for.
func (r *reading) outputs(s *Step) {
	if q, ok := r.cue(cFollow); ok && r.words(q.mention) != "live" && r.take(cFollow) { // to live somewhere is not to be watched
		s.Args.Follow = true
	}
	switch {
	case r.take(cYAML):
		s.Args.Output = "yaml"
	case r.take(cJSON):
		s.Args.Output = "json"
	case r.take(cNames):
		s.Args.Output = "name"
	case r.wide():
		s.Args.Output = "wide"
	}
	hasSelector := false
	for _, t := range r.toks {
		hasSelector = hasSelector || t.lit == litKeyValue
	}
	if !hasSelector && r.take(cShowLabels) {
		s.Args.ShowLabels = true
	}
}

// wide: "which node" asks for a column, unless nodes are all that is asked for.
func (r *reading) wide() bool {
	q, ok := r.cue(cWide)
	if !ok {
		return false
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "nodes" && k.i >= q.i && k.j <= q.j && len(r.otherKinds("nodes")) == 0 && len(r.freeObjects()) == 0 && !((r.has(cIt) || r.hasWord("each")) && r.focus.Resource.Plural == "pods") {
			return false
		}
	}
	r.take(cWide, cRunning)
	return true
}

// refine adds what is asked of a list's rows: filters, order, number; and of one object: a field.
func (r *reading) refine(s *Step, t target) {
	r.project(s)
	if len(s.Names) > 0 {
		r.states()
	} else {
		r.named(s)
		r.filters(s)
	}
	r.order(s)
	r.labelsToo(s)
	r.comparesReplicas(s)
	r.fields()
	s.Post.Count = s.Post.Count && len(s.Names) == 0
	r.take(cAll, cWorkload, cAge, cStatus, cEverywhere, cCount, cIt, cFollow)
	if len(s.Names) == 0 && !r.saidScope() && r.focus.Namespace == "" && t.owner == nil && len(s.Post.Filter) > 0 && troubled(s.Post.Filter) && s.Resource.Namespaced {
		s.Namespace, s.AllNamespaces = "", true
		r.notes = append(r.notes, "No namespace was named, so I look in all of them.")
	}
}

// labelsToo: "all node labels": a list whose labels are asked for, and nothing selected by them.
func (r *reading) labelsToo(s *Step) {
	if len(s.Names) > 0 || s.LabelSelector != "" || s.Args.Output != "" || s.Resource.Plural == CategoryAll {
		return
	}
	for i, t := range r.toks {
		if (t.text == "labels" || t.text == "label") && !r.used[i] && (i == 0 || !r.verbPlace(i)) {
			r.useTok(i)
			r.note(mention{i: i, j: i + 1}, "labels shown")
			r.take(cShowLabels)
			s.Args.ShowLabels = true
		}
	}
}

func (r *reading) saidScope() bool {
	for _, q := range r.cues {
		if q.c == cEverywhere && !r.free(q.mention) {
			return true
		}
	}
	return r.saidNamespace()
}

func troubled(fs []Filter) bool {
	for _, f := range fs {
		switch f.Test {
		case TestCrashing, TestUnhealthy, TestImagePull, TestOOMKilled, TestEvicted, TestNotReady, TestFailed, TestTerminating, TestPending:
			return true
		}
	}
	return false
}

package nlp

import (
	"fmt"
)

func buildGet(r *reading) (outcome, bool) {
	s := Step{Op: OpGet}
	r.outputs(&s)
	r.take(cShow, cGeneric, cAsk, cDryRun)
	if r.take(cCount) {
		s.Post.Count = true
	}
	selector := r.labelSelector()
	node := r.onNode()
	if len(r.freeKinds()) == 0 && len(r.thingsNamed()) == 0 && r.forced == nil && !r.has(cIt) {
		return r.getAnything(s, selector, node)
	}
	if s.Post.Count && r.has(cReplicas) && !r.saysKind("pods") {
		r.take(cReplicas)
		s.Post.Count = false
	}
	t, q := r.target(targetSpec{list: true, verb: "show"})
	if q != nil {
		return asks(q)
	}
	keep := s
	s = step(OpGet, t)
	s.Args, s.Post = keep.Args, keep.Post
	if selector != "" {
		s.LabelSelector = joinComma(s.LabelSelector, selector)
	}
	r.placeOnNode(&s, node, t)
	r.refine(&s, t)
	return done(s)
}

// thingsNamed are the named objects that are not certainly namespaces.
func (r *reading) thingsNamed() []objMention {
	var out []objMention
	for _, o := range r.freeObjects() {
		if !r.namespaceAt(o.i, 1) || (!r.namespaceAt(o.i, 2) && r.has(cStatus, cShow)) {
			out = append(out, o)
		}
	}
	return out
}

// getAnything answers "what is running in shop": a place, and no kind.
func (r *reading) getAnything(s Step, selector, node string) (outcome, bool) {
	where := r.scope(false)
	pods := r.kindNamed("pods")
	filtered := r.has(cCrashing, cPending, cNotReady, cNotRunning, cFailing, cFailed, cEvicted, cOOM, cPull, cRestarted)
	running := r.has(cRunning)
	if pods == nil || (!where.said && !filtered && !running && node == "") {
		return none()
	}
	if !where.said && !running && !filtered && selector == "" && node == "" {
		return none()
	}
	if filtered || running || node != "" || selector != "" || s.Post.Count {
		r.take(cRunning, cWorkload, cEverything, cAll)
		t := target{kind: pods, where: r.listScope(where, pods)}
		keep := s
		s = step(OpGet, t)
		s.Args, s.Post, s.LabelSelector = keep.Args, keep.Post, selector
		r.placeOnNode(&s, node, t)
		r.refine(&s, t)
		return done(s)
	}
	r.take(cEverything, cAll, cWorkload)
	s.Resource = Resource{Plural: CategoryAll, Kind: "all", Namespaced: true}
	s.Also = r.v.category(CategoryAll)
	s.Namespace, s.AllNamespaces = where.ns, where.all
	return done(s)
}

// onNode reads "on node-a1" when pods are asked for.
func (r *reading) onNode() string {
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
		if p < 0 || (r.toks[p].text != "on" && r.toks[p].text != "onto" && r.toks[p].text != "from") || !(r.saysKind("pods") || len(r.otherKinds("nodes")) == 0) {
			continue
		}
		r.use(o.mention)
		for _, k := range r.freeKinds() {
			if k.kinds[0].Key() == "nodes" {
				r.useKind(k)
			}
		}
		r.take(cRunning)
		return o.refs[0].Name
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
	s.FieldSelector = joinComma(s.FieldSelector, "spec.nodeName="+node)
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
	if r.take(cFollow) {
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
		if k.kinds[0].Key() == "nodes" && k.i >= q.i && k.j <= q.j && len(r.otherKinds("nodes")) == 0 && len(r.freeObjects()) == 0 {
			return false
		}
	}
	r.take(cWide, cRunning)
	return true
}

// refine adds what is asked of a list's rows: filters, order, number; and of one object: a field.
func (r *reading) refine(s *Step, t target) {
	r.project(s)
	r.filters(s)
	r.order(s)
	r.take(cAll, cWorkload, cAge, cStatus, cEverywhere, cCount)
	if len(s.Names) == 0 && !r.saidScope() && r.focus.Namespace == "" && t.owner == nil && len(s.Post.Filter) > 0 && troubled(s.Post.Filter) && s.Resource.Namespaced {
		s.Namespace, s.AllNamespaces = "", true
		r.notes = append(r.notes, "No namespace was named, so I look in all of them.")
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
		case TestCrashing, TestUnhealthy, TestImagePull, TestOOMKilled, TestEvicted, TestNotReady, TestFailed, TestTerminating:
			return true
		}
	}
	return false
}

// projections are the single fields people ask for by a word, by kind.
var projections = []struct {
	c    concept
	key  string
	path string
}{
	{cClusterIP, "services", "{.spec.clusterIP}"},
	{cIP, "services", "{.spec.clusterIP}"},
	{cIP, "pods", "{.status.podIP}"},
	{cImage, "deployments.apps", "{.spec.template.spec.containers[*].image}"},
	{cImage, "statefulsets.apps", "{.spec.template.spec.containers[*].image}"},
	{cImage, "daemonsets.apps", "{.spec.template.spec.containers[*].image}"},
	{cImage, "pods", "{.spec.containers[*].image}"},
	{cSuspended, "cronjobs.batch", "{.spec.suspend}"},
	{cSchedule, "cronjobs.batch", "{.spec.schedule}"},
	{cContainer, "deployments.apps", "{.spec.template.spec.containers[*].name}"},
	{cContainer, "statefulsets.apps", "{.spec.template.spec.containers[*].name}"},
	{cContainer, "pods", "{.spec.containers[*].name}"},
	{cReplicas, "deployments.apps", "{.spec.replicas}"},
	{cReplicas, "statefulsets.apps", "{.spec.replicas}"},
	{cPort, "services", "{.spec.ports[*].port}"},
}

func (r *reading) project(s *Step) {
	if s.Args.Output != "" || (len(s.Names) == 0 && s.LabelSelector == "") {
		return
	}
	for _, p := range projections {
		if p.key != s.Resource.Key() || !r.has(p.c) {
			continue
		}
		r.take(p.c)
		r.take(cRunning, cUsage)
		path := p.path
		if len(s.Names) != 1 {
			path = "{.items[*]" + path[1:]
		}
		if s.Resource.Key() != "pods" || len(s.Names) == 1 || p.c == cContainer || p.c == cImage {
			s.Args.Output = "jsonpath=" + path
		}
		return
	}
}

// phases of pods the API can select by.
var phases = []struct {
	c     concept
	terms string
}{
	{cNotRunning, "status.phase!=Running"}, {cPending, "status.phase=Pending"}, {cCompleted, "status.phase=Succeeded"},
}

var rowTests = []struct {
	c    concept
	test string
}{
	{cCrashing, TestCrashing}, {cOOM, TestOOMKilled}, {cEvicted, TestEvicted}, {cPull, TestImagePull}, {cTerm, TestTerminating},
	{cNotReady, TestNotReady}, {cCordoned, TestCordoned}, {cFailing, TestUnhealthy},
}

func (r *reading) filters(s *Step) {
	add := func(test, value string) { s.Post.Filter = append(s.Post.Filter, Filter{Test: test, Value: value}) }
	pods := s.Resource.Plural == "pods"
	if pods && len(s.Names) == 0 {
		for _, p := range phases {
			if r.take(p.c) {
				s.FieldSelector = joinComma(s.FieldSelector, p.terms)
				r.also(cNot)
			}
		}
		if r.failedPhase() {
			s.FieldSelector = joinComma(s.FieldSelector, "status.phase=Failed")
		}
		if r.onlyRunning() {
			s.FieldSelector = joinComma(s.FieldSelector, "status.phase=Running")
		}
	}
	for _, t := range rowTests {
		if t.test == TestCordoned && s.Resource.Plural != "nodes" {
			continue
		}
		if r.take(t.c) {
			add(t.test, "")
			r.also(cNot)
		}
	}
	switch {
	case !pods && r.take(cFailed):
		add(TestFailed, "")
	case pods && r.take(cFailed):
		add(TestUnhealthy, "")
	case !pods && r.take(cPending):
		add(TestPending, "")
	case !pods && r.take(cCompleted):
		add(TestCompleted, "")
	}
	if s.Resource.Plural == "cronjobs" && s.Args.Output == "" && r.take(cSuspended) {
		add(TestSuspended, "")
	}
	r.rowNumbers(s, add)
	if r.take(cReady) {
		add(TestReady, "")
	}
	r.take(cRunning)
}

// failedPhase: "failed pods" are a phase; "failing pods" are not.
func (r *reading) failedPhase() bool {
	q, ok := r.cue(cFailed)
	if !ok || r.toks[q.i].text != "failed" {
		return false
	}
	return r.take(cFailed)
}

// onlyRunning: "running pods", and not "pods running in prod".
func (r *reading) onlyRunning() bool {
	q, ok := r.cue(cRunning)
	if !ok || r.toks[q.i].text == "run" {
		return false
	}
	adjective := q.j < len(r.toks) && (r.toks[q.j].text == "pods" || r.toks[q.j].text == "pod")
	state := q.i > 0 && r.toks[q.i-1].text == "only"
	if q.j-q.i > 1 || adjective || state {
		return r.take(cRunning)
	}
	return false
}

// rowNumbers reads "restarted more than 5 times", "older than 3 days", "created in the last hour".
func (r *reading) rowNumbers(s *Step, add func(test, value string)) {
	if r.has(cRestarted) && !r.has(cSort) && !r.has(cMost) {
		n := 0
		if i, ok := r.lit(litNumber); ok {
			r.useTok(i)
			n = r.toks[i].num
			for _, q := range r.cues {
				if q.c == cOver && r.words(q.mention) == "at least" {
					n--
				}
			}
		}
		r.take(cRestarted, cOver)
		for i, t := range r.toks {
			if t.text == "times" || t.text == "time" {
				r.useTok(i)
			}
		}
		add(TestRestartsOver, fmt.Sprint(n))
	}
	if i, ok := r.lit(litDuration); ok {
		d := r.toks[i].dur.String()
		switch {
		case r.has(cNewer):
			r.take(cNewer)
			add(TestNewerThan, d)
			r.useTok(i)
		case r.has(cOlder):
			r.take(cOlder)
			add(TestOlderThan, d)
			r.useTok(i)
		}
		r.take(cAge, cCreate)
	}
}

// order reads how the rows are sorted and how many are wanted.
func (r *reading) order(s *Step) {
	switch {
	case r.has(cRestarted) && (r.has(cSort) || r.has(cMost)):
		r.take(cRestarted)
		s.Post.Sort, s.Post.Desc = "restarts", r.take(cMost)
	case r.has(cNewest) && !r.has(cTail):
		r.take(cNewest)
		s.Post.Sort, s.Post.Desc = "age", true
	case r.take(cOldest):
		s.Post.Sort = "age"
	case r.take(cNewest):
		s.Post.Sort, s.Post.Desc = "age", true
	case r.has(cSort) && r.take(cAge):
		s.Post.Sort = "age"
	case r.has(cSort) && r.has(cNamed):
		r.take(cNamed)
		s.Post.Sort = "name"
	}
	if s.Post.Sort != "" {
		r.take(cSort, cBy)
		if i, ok := r.lit(litNumber); ok {
			s.Post.Top = r.toks[i].num
			r.useTok(i)
		}
	}
}

package nlp

import "strings"

// swapView changes how a read is shown.
func (r *reading) swapView(s *Step) bool {
	switch s.Op {
	case OpTop:
		return r.swapTop(s)
	case OpLogs:
		return r.swapLogs(s)
	case OpEvents:
		return r.swapEvents(s)
	case OpDescribe, OpDiagnose: // "as yaml": the object itself
		if r.has(cYAML, cJSON, cWide) {
			s.Op = OpGet
			r.outputs(s)
			return true
		}
		return false
	}
	before := *s
	r.outputs(s)
	if node := strings.TrimPrefix(r.onNode(), "!"); node != "" && s.Resource.Plural == "pods" {
		s.FieldSelector = joinComma(s.FieldSelector, "spec.nodeName="+node)
		if last := r.focus.Plan.Steps[len(r.focus.Plan.Steps)-1]; last.Resource.Plural != "pods" && !r.saidNamespace() {
			s.Namespace, s.AllNamespaces = "", true
		}
	}
	sel := r.selector()
	if sel == "" && len(s.Names) == 0 {
		sel = r.valueNarrows(s.Resource.Key())
	}
	s.LabelSelector = joinComma(s.LabelSelector, sel)
	if s.Resource.Plural == "pods" && len(s.Names) == 0 && r.has(cRunning) && !r.has(cNotRunning) && r.hasWord("only", "just", "ones", "which") {
		r.take(cRunning)
		s.FieldSelector = joinComma(s.FieldSelector, "status.phase=Running")
	}
	if len(s.Names) == 0 {
		r.named(s)
		r.filters(s)
	}
	if r.has(cBy) && r.take(cRestarted) {
		s.Post.Sort = "restarts"
	}
	r.order(s)
	r.take(cSort, cBy)
	if !r.has(cUsage, cCPU, cMemory) && r.take(cCount) {
		s.Post.Count = true
	}
	changed := KubectlStep(before) != KubectlStep(*s) || len(before.Post.Filter) != len(s.Post.Filter) || before.Post.Count != s.Post.Count
	if !changed && r.has(cIt) && (r.has(cAsk) || r.has(cUses)) { // "which images do they use": the list shows it
		used := len(r.trace)
		r.fields()
		changed = len(r.trace) > used
	}
	return changed
}

func (r *reading) swapTop(s *Step) bool {
	changed := false
	if q, ok := r.cue(cContainer); ok && s.Resource.Plural != "nodes" {
		r.use(q.mention)
		s.Args.AllContainers, changed = true, true
	}
	switch {
	case r.take(cMemory):
		s.Post.Sort, s.Post.Desc, changed = "memory", true, true
	case r.take(cCPU):
		s.Post.Sort, s.Post.Desc, changed = "cpu", true, true
	}
	if sel := r.selector(); sel != "" {
		s.LabelSelector, changed = joinComma(s.LabelSelector, sel), true
	}
	r.take(cSort, cBy, cUsage, cMost)
	return changed
}

func (r *reading) swapEvents(s *Step) bool {
	changed := false
	if r.take(cWarning) {
		s.Args.Type, changed = "Warning", true
	}
	if i, ok := r.lit(litDuration); ok {
		r.useTok(i)
		s.Post.Filter, changed = append(s.Post.Filter, Filter{Test: TestNewerThan, Value: r.toks[i].dur.String()}), true
		r.take(cNewer, cSince, cTail)
	}
	r.take(cEvents, cSort, cBy)
	return changed
}

func (r *reading) swapLogs(s *Step) bool {
	changed := false
	if r.take(cPrevious) {
		s.Args.Previous, changed = true, true
		r.also(cPrevious, cNot, cNow)
	}
	if r.take(cFollow) {
		s.Args.Follow, changed = true, true
	}
	if r.take(cTimestamps) {
		s.Args.Timestamps, changed = true, true
	}
	if d, ok := r.duration(); ok {
		s.Args.Since, changed = d, true
		r.take(cSince, cTail)
	}
	if n, ok := r.lines(); ok {
		s.Args.Tail, changed = &n, true
	}
	if r.allContainers() {
		s.Args.AllContainers, s.Container = true, ""
		return true
	}
	init := r.take(cInit)
	if name := r.containerNamed(); name != "" || init {
		was := s.Container
		k := r.v.kinds[s.Resource.Key()]
		if k != nil && len(s.Names) == 1 {
			if q := r.pickContainer(s, r.one(k, r.objectOrBare(k, s.Namespace, s.Names[0])), name, init); q != nil {
				r.notes = append(r.notes, q.text)
			}
		} else {
			s.Container = name
		}
		changed = changed || s.Container != was
	}
	r.take(cLogs, cTail)
	return changed
}

// narrowing are words by which a list is cut down to some of its rows.
var narrowing = wordSet("only just those ones one subset narrow")

// valueNarrows is the label of the listed things that has the value which the turn says: "just the gold ones", "only those with
// an ssd disk".
func (r *reading) valueNarrows(kind string) string {
	if !holdsWord(r.toks, narrowing) {
		return ""
	}
	for i, t := range r.toks {
		if r.used[i] || t.lit != litNone || stopWords[t.text] || len(t.text) < 2 || r.isKind(i) {
			continue
		}
		key, value := r.labelOfValue(kind, t.text)
		if key == "" {
			continue
		}
		r.useTok(i)
		for _, k := range []int{i - 1, i + 1} {
			if k >= 0 && k < len(r.toks) && len(r.toks[k].text) > 3 && strings.Contains(strings.ToLower(key), strings.TrimSuffix(r.toks[k].text, "s")) {
				r.useTok(k)
			}
		}
		r.take(cIt, cAll)
		r.note(mention{i: i, j: i + 1}, "label selector")
		return key + "=" + value
	}
	return ""
}

// labelOfValue is the one label key with that value among the things of the kind; keys that name the thing itself do not count.
func (r *reading) labelOfValue(kind, said string) (key, value string) {
	for _, o := range r.v.objects.ofKind(kind) {
		for k, v := range r.v.objects.labels(o) {
			if !strings.EqualFold(v, said) || k == key || thingKeys[k] || strings.HasPrefix(k, "kubernetes.io/") {
				continue
			}
			if key != "" {
				return "", "" // two labels have it
			}
			key, value = k, v
		}
	}
	return key, value
}

package nlp

import (
	"fmt"
	"slices"
	"strings"
)

func buildDescribe(r *reading) (outcome, bool) {
	whole := slices.ContainsFunc(r.cues, func(q cue) bool { return q.c == cDescribe && r.toks[q.j-1].text == "about" })
	r.take(cDescribe, cGeneric, cShow, cAsk)
	if whole {
		r.useList()
	}
	selector := r.selector()
	t, q := r.target(targetSpec{list: true, focus: true, verb: "describe"})
	if q != nil {
		return asks(q)
	}
	s := step(OpDescribe, t)
	s.LabelSelector = joinComma(s.LabelSelector, selector)
	r.take(cIt, cAll, cNamed)
	return done(s)
}

// useList uses the list of what belongs to a thing, behind it: "everything about node-a1: conditions, capacity, what is allocated".
func (r *reading) useList() {
	first := slices.IndexFunc(r.toks, func(t token) bool { return t.brk })
	if first < 0 || slices.ContainsFunc(r.objs, func(o objMention) bool { return o.i > first }) {
		return
	}
	for i := first + 1; i < len(r.toks); i++ {
		if startsOrder(r.toks[i:]) && (r.clauseVerb(i) || r.verbPlace(i)) {
			return
		}
	}
	for i := first + 1; i < len(r.toks); i++ {
		r.useTok(i)
	}
}

func buildLogs(r *reading) (outcome, bool) {
	if !r.has(cLogs) && !r.saysLines() && !r.asksPrints() && !(r.imperative(cTail) && r.toks[r.firstCue(cTail)].text == "tail") {
		return none()
	}
	s := Step{}
	r.take(cLogs, cShow, cGeneric, cAsk, cPrints)
	if r.take(cPrevious) {
		s.Args.Previous = true
		r.also(cPrevious)
	}
	s.Args.Follow = r.take(cFollow)
	s.Args.Timestamps = r.take(cTimestamps)
	if d, ok := r.duration(); ok {
		s.Args.Since = d
		r.take(cSince, cTail)
	}
	if n, ok := r.lines(); ok {
		s.Args.Tail = &n
	}
	if q, ok := r.cue(cTail); ok && r.toks[q.i].text == "tail" && s.Args.Tail == nil && r.verbPlace(q.i) {
		s.Args.Follow = true
	}
	wantInit := r.take(cInit)
	if r.allContainers() {
		s.Args.AllContainers = true
	}
	name := r.containerNamed()
	selector := r.selector()
	var t target
	var q *question
	if selector != "" && len(r.thingsNamed()) == 0 {
		pods := r.kindNamed("pods")
		for _, k := range r.freeKinds() {
			r.useKind(k)
		}
		t = target{kind: pods, where: r.listScope(r.scope(false), pods), labels: selector}
	} else if t, q = r.target(targetSpec{kinds: r.logsOf(), verb: "show the logs of", focus: true}); q != nil {
		return asks(q)
	}
	r.take(cTail, cSince, cIt, cWorkload, cFailing, cCrashing, cFailed, cTrouble, cUses)
	r.searched()
	keep := s.Args
	s = step(OpLogs, t)
	s.Args = keep
	if name == "" && !wantInit {
		name = r.containerSaid(t)
	}
	if q := r.pickContainer(&s, t, name, wantInit); q != nil {
		return asks(q)
	}
	return done(eachOf(s)...)
}

// searched uses what somebody looks for in a log, and says that all of it is shown: "the log of web about timeouts".
func (r *reading) searched() {
	for i := 1; i+1 < len(r.toks); i++ {
		switch r.toks[i].text {
		case "about", "mentioning", "containing", "matching", "regarding", "concerning":
		default:
			continue
		}
		end := i + 1
		for end < len(r.toks) && !r.used[end] && !r.isKind(end) && !r.inObject(end) && !r.namespaceAt(end, 1) && r.toks[end].lit == litNone && !inWords[r.toks[end].text] && !asksChange(r.toks, end) {
			end++
		}
		if end == i+1 {
			continue
		}
		for k := i; k < end; k++ {
			r.useTok(k)
		}
		r.useWords("saying", "says", "lines", "entries", "messages")
		r.notes = append(r.notes, "I can't search in a log, so it shows all of it.")
		return
	}
}

// containerSaid is a container of the thing that is said by its name alone: "the logs of its envoy".
func (r *reading) containerSaid(t target) string {
	if len(t.objs) != 1 {
		return ""
	}
	d, ok := r.v.details(r.ctx, t.objs[0])
	if !ok || len(d.Containers) < 2 {
		return ""
	}
	for i := 1; i < len(r.toks); i++ { // "config reloader" for config-reloader
		two := strings.ToLower(r.toks[i-1].raw + "-" + r.toks[i].raw)
		if !r.used[i-1] && !r.used[i] && !r.toks[i-1].brk && slices.ContainsFunc(d.Containers, func(c Container) bool { return c.Name == two }) {
			r.useTok(i - 1)
			r.useTok(i)
			r.note(mention{i: i - 1, j: i + 1}, "container "+two)
			return two
		}
	}
	if side := sidecarOf(t, d); side != "" && r.hasWord("sidecar", "sidecars", "side-car") {
		r.useWords("sidecar", "sidecars", "side-car")
		return side
	}
	for i, tok := range r.toks {
		if !r.used[i] && !r.namespaceAt(i, 2) && slices.ContainsFunc(d.Containers, func(c Container) bool { return c.Name == tok.text }) {
			r.useTok(i)
			r.note(mention{i: i, j: i + 1}, "container "+tok.text)
			return tok.text
		}
	}
	return ""
}

// sidecarOf is the one container beside the main one, or "": the main one is called like the thing, or comes first.
func sidecarOf(t target, d Details) string {
	if len(d.Containers) != 2 {
		return ""
	}
	if d.Containers[1].Name == t.objs[0].Name {
		return d.Containers[0].Name
	}
	return d.Containers[1].Name
}

// eachOf makes a step for each of the things named: one request has the log of one.
func eachOf(s Step) []Step {
	if len(s.Names) < 2 || len(s.Names) > MaxSteps {
		return []Step{s}
	}
	var out []Step
	for _, name := range s.Names {
		one := s
		one.Names = []string{name}
		out = append(out, one)
	}
	return out
}

// asksPrints: "what did the job print": a question what some running thing says, and no list of things.
func (r *reading) asksPrints() bool {
	q, ok := r.cue(cPrints)
	if !ok || q.i == 0 || !r.hasWord("what") || r.has(cEvents, cWarning) {
		return false
	}
	for _, o := range r.freeObjects() {
		if o.i < q.i && slices.ContainsFunc(o.refs, func(ref *Object) bool { return slices.Contains(logKinds, ref.Kind) }) {
			return true
		}
	}
	return r.has(cIt) && slices.Contains(logKinds, r.focus.Resource.Key()) && len(r.focus.Names) > 0 && len(r.thingsNamed()) == 0
}

// grantKinds say what is allowed: asking what they permit is asking for their rules.
var grantKinds = []string{"roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io", "networkpolicies.networking.k8s.io"}

// buildGrants: "what does the role deployer permit".
func buildGrants(r *reading) (outcome, bool) {
	if !r.asks() || !slices.ContainsFunc(r.freeObjects(), func(o objMention) bool {
		return slices.ContainsFunc(grantKinds, func(key string) bool { return len(refsOf(o, key, scope{})) > 0 })
	}) {
		return none()
	}
	r.take(cGrants, cGeneric, cShow, cAsk, cUses)
	t, q := r.target(targetSpec{kinds: grantKinds, verb: "describe"})
	if q != nil {
		return none()
	}
	return done(step(OpDescribe, t))
}

// logsOf: a pod that is named as one comes first.
func (r *reading) logsOf() []string {
	if r.saysKind("pods") {
		for _, o := range r.freeObjects() {
			if len(refsOf(o, "pods", scope{})) > 0 {
				return append([]string{"pods"}, logKinds...)
			}
		}
		var kinds []string
		for _, k := range logKinds {
			if k != "pods" {
				kinds = append(kinds, k)
			}
		}
		return kinds
	}
	return logKinds
}

func (r *reading) firstCue(c concept) int {
	for _, q := range r.cues {
		if q.c == c {
			return q.i
		}
	}
	return 0
}

// lines reads "last 50 lines", "tail 100".
func (r *reading) lines() (int64, bool) {
	for i, t := range r.toks {
		if t.lit != litNumber || r.used[i] {
			continue
		}
		after := i+1 < len(r.toks) && (strings.HasPrefix(r.toks[i+1].text, "line") || strings.HasPrefix(r.toks[i+1].text, "log") || r.toks[i+1].text == "entries")
		before := i > 0 && (r.toks[i-1].text == "last" || r.toks[i-1].text == "tail" || r.toks[i-1].text == "latest" || r.toks[i-1].text == "recent" || r.toks[i-1].text == "final")
		if after || before {
			r.useTok(i)
			if after {
				r.useTok(i + 1)
			}
			r.take(cTail, cSince)
			if i > 0 && r.toks[i-1].lit == litOrdinal {
				r.useTok(i - 1)
			}
			return int64(t.num), true
		}
	}
	return 0, false
}

// saysLines: "the last 200 lines of kafka-0" can only be of its log.
func (r *reading) saysLines() bool {
	for i := 1; i < len(r.toks); i++ {
		if r.toks[i-1].lit == litNumber && (r.toks[i].text == "lines" || r.toks[i].text == "line") {
			return true
		}
	}
	return false
}

func (r *reading) allContainers() bool {
	for i := 0; i+1 < len(r.toks); i++ {
		if (r.toks[i].text == "all" || r.toks[i].text == "every") && (strings.HasPrefix(r.toks[i+1].text, "container")) {
			r.useTok(i)
			r.useTok(i + 1)
			return true
		}
	}
	return false
}

// containerNamed reads "container envoy", "the envoy container", "the envoy sidecar".
func (r *reading) containerNamed() string {
	q, ok := r.cue(cContainer)
	if !ok {
		return ""
	}
	after := q.j < len(r.toks) && !r.used[q.j] && !stopWords[r.toks[q.j].text] && !r.toks[q.j-1].brk
	if q.i > 0 && !r.used[q.i-1] && !stopWords[r.toks[q.i-1].text] && r.toks[q.i-1].lit == litNone && !(after && r.objectAt(q.i-1)) {
		r.use(q.mention)
		r.useTok(q.i - 1)
		return r.toks[q.i-1].text
	}
	k := q.j
	if k < len(r.toks) && (r.toks[k].text == "named" || r.toks[k].text == "called") {
		k++
	}
	if k < len(r.toks) && !r.used[k] && !stopWords[r.toks[k].text] {
		r.use(mention{i: q.i, j: k + 1})
		return r.toks[k].text
	}
	return ""
}

// pickContainer checks the named container, or names the init container; otherwise the server's default stands.
func (r *reading) pickContainer(s *Step, t target, name string, wantInit bool) *question {
	if len(t.objs) != 1 || (name == "" && !wantInit) {
		if name != "" {
			s.Container = name
		}
		return nil
	}
	d, ok := r.v.details(r.ctx, t.objs[0])
	if !ok {
		s.Container = name
		return nil
	}
	var have []string
	for _, c := range d.Containers {
		if c.Name == name || (name == "" && c.Init) {
			s.Container = c.Name
			return nil
		}
		have = append(have, c.Name)
	}
	if len(have) == 0 {
		s.Container = name
		return nil
	}
	if wantInit {
		return &question{text: fmt.Sprintf("%s has no init container. Its containers are %s.", t.names[0], among(have))}
	}
	return &question{text: fmt.Sprintf("%s has no container %q. Its containers are %s.", t.names[0], name, among(have))}
}

var eventKind = &Kind{Resource: Resource{Version: "v1", Plural: "events", Kind: "Event", Namespaced: true}}

func buildEvents(r *reading) (outcome, bool) {
	s := Step{Op: OpEvents}
	if r.take(cWarning) {
		s.Args.Type = "Warning"
	} else if r.has(cFailing, cTrouble) && r.has(cHappen) && !r.has(cWhy) && len(r.thingsNamed()) == 0 { // "anything bad happening?"
		s.Args.Type = "Warning"
		r.take(cFailing, cTrouble)
	} else if r.hasWord("normal") && r.has(cEvents) {
		s.Args.Type = "Normal"
		r.useWords("normal")
	}
	r.take(cEvents, cHappen, cShow, cGeneric, cAsk, cTail, cNewest, cSince, cWhy, cFailed, cAll, cEverything, cSort, cBy, cAge)
	for i, t := range r.toks { // "problem events", "of type Warning", "recent"
		if t.text == "type" || t.text == "recent" || t.text == "time" || t.text == "timestamp" {
			r.useTok(i)
		}
	}
	if i, ok := r.lit(litDuration); ok {
		r.useTok(i)
		s.Post.Filter = append(s.Post.Filter, Filter{Test: TestNewerThan, Value: r.toks[i].dur.String()})
		r.take(cNewer, cSince)
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Plural == "events" {
			r.useKind(k)
		}
	}
	if len(r.thingsNamed()) == 0 && len(r.nss) > 0 { // "warnings about pods in shop"
		for _, k := range r.freeKinds() {
			if k.plural && k.i > 0 && (r.toks[k.i-1].text == "about" || r.toks[k.i-1].text == "of" || r.toks[k.i-1].text == "for" || r.toks[k.i-1].text == "on") {
				r.useKind(k)
			}
		}
	}
	if len(r.freeObjects()) == 0 || (len(r.thingsNamed()) == 0 && len(r.freeKinds()) == 0) {
		if len(r.focus.Names) > 0 && (r.has(cIt) || len(r.toks) <= 4 && len(r.nss) == 0 && len(r.freeKinds()) == 0 && !r.has(cEverywhere) && !r.hasWord("there")) {
			return r.eventsOf(s)
		}
		where := r.scope(false)
		if len(r.freeKinds()) > 0 {
			return none()
		}
		where = r.listScope(where, eventKind)
		s.Namespace, s.AllNamespaces = where.ns, where.all
		return done(s)
	}
	return r.eventsOf(s)
}

func (r *reading) eventsOf(s Step) (outcome, bool) {
	t, q := r.target(targetSpec{verb: "show the events of", focus: true})
	if q != nil {
		return asks(q)
	}
	if len(t.names) == 0 {
		return none()
	}
	s.Resource, s.Names, s.Namespace = t.kind.Resource, t.names[:1], t.where.ns
	r.take(cIt)
	return done(s)
}

func buildTop(r *reading) (outcome, bool) {
	for _, t := range r.toks {
		if t.lit == litQuantity || t.lit == litDelta {
			return none()
		}
	}
	if r.has(cLimit, cRequest, cOOM) && !r.has(cUsage) || r.has(cUsage) && !r.has(cCPU, cMemory, cTop) && !r.hasWord("usage", "usages") && !r.asksHowMuch() {
		return none()
	}
	if q, ok := r.cue(cTop); ok && q.j < len(r.toks) && r.toks[q.i].text == "top" && r.toks[q.j].lit == litNumber && !r.has(cCPU, cMemory) {
		return none() // "top 5 pods by restarts"
	}
	if _, n := r.lit(litNumber); n && r.has(cMore) && !r.asks() {
		return none() // "64 more gigs for gpu-1"
	}
	if q, ok := r.cue(cTop); ok && r.clauseVerb(q.i) && r.imperative(cShow) && q.i > 0 {
		return none() // "list nodes and top nodes"
	}
	s := Step{Op: OpTop}
	most := r.has(cMost) && !r.hasWord("least")
	r.take(cTop, cUsage, cShow, cGeneric, cAsk, cCount, cMost)
	most = most || r.take(cMost) || r.has(cAll) && r.hasWord("who", "what", "which") && r.hasWord("using", "uses", "eating", "taking", "takes")
	sorts := r.take(cSort, cBy) || most
	cpu, mem := r.take(cCPU), r.take(cMemory)
	switch {
	case sorts && mem && !cpu:
		s.Post.Sort, s.Post.Desc = "memory", true
	case sorts && cpu && !mem:
		s.Post.Sort, s.Post.Desc = "cpu", true
	}
	if i, ok := r.lit(litNumber); ok {
		s.Post.Top = r.toks[i].num
		r.useTok(i)
	}
	if q, ok := r.cue(cContainer); ok {
		r.use(q.mention)
		s.Args.AllContainers = true
	}
	selector := r.selector()
	keep := s
	listed := r.listedToo()
	t, q := r.topTarget()
	if q != nil {
		return asks(q)
	}
	s = step(OpTop, t)
	s.Args, s.Post = keep.Args, keep.Post
	if len(s.Names) == 1 {
		s.Post.Sort, s.Post.Desc, s.Post.Top = "", false, 0
	}
	s.LabelSelector = joinComma(s.LabelSelector, selector)
	r.take(cAll, cRunning, cWorkload, cLeast)
	if listed && len(s.Names) == 0 && s.Post.Sort == "" && s.Post.Top == 0 && !s.Args.AllContainers {
		return done(Step{Op: OpGet, Resource: s.Resource, Namespace: s.Namespace, AllNamespaces: s.AllNamespaces, LabelSelector: s.LabelSelector}, s)
	}
	return done(s)
}

var besides = wordSet("and plus alongside along together")

// listedToo: "list the pods in web and their cpu usage" asks for the list and for the usage.
func (r *reading) listedToo() bool {
	shows := false
	for i, t := range r.toks {
		shows = shows || t.text == "list" && i < 3
		if shows && besides[t.text] && i > 1 && slices.ContainsFunc(r.kinds, func(k kindMention) bool {
			return k.j <= i && (k.kinds[0].Key() == "pods" || k.kinds[0].Key() == "nodes")
		}) && slices.ContainsFunc(r.cues, func(q cue) bool { return q.i > i && (q.c == cUsage || q.c == cCPU || q.c == cMemory) }) &&
			!slices.ContainsFunc(r.cues, func(q cue) bool { return q.j <= i && (q.c == cCPU || q.c == cMemory) }) {
			return true
		}
	}
	return false
}

// asksHowMuch: "how much is each of them using".
func (r *reading) asksHowMuch() bool {
	for i := 1; i < len(r.toks); i++ {
		if r.toks[i-1].text == "how" && r.toks[i].text == "much" {
			return len(r.freeKinds()) > 0 && r.freeKinds()[0].kinds[0].Plural != "persistentvolumeclaims" || len(r.freeObjects()) > 0 || r.has(cIt) || r.hasWord("each")
		}
	}
	return false
}

// topTarget: pods or nodes, all or named; a workload's pods.
func (r *reading) topTarget() (target, *question) {
	pods := r.kindNamed("pods")
	if len(r.freeKinds()) == 0 && len(r.thingsNamed()) == 0 && r.forced == nil && !(r.has(cIt) && len(r.focus.Names) > 0) {
		if r.focus.Resource.Key() == "nodes" && (r.has(cIt) || r.hasWord("each")) && len(r.nss) == 0 { // "how much is each using" of nodes that were listed
			return target{kind: r.kindNamed("nodes")}, nil
		}
		return target{kind: pods, where: r.listScope(r.scope(false), pods)}, nil
	}
	t, q := r.target(targetSpec{list: true, verb: "measure"})
	if q != nil {
		return t, q
	}
	switch {
	case t.kind.Key() == "pods" || t.kind.Key() == "nodes":
		return t, nil
	case len(t.objs) > 0:
		return r.podsOf(t.objs[0], pods)
	}
	return target{kind: pods, where: t.where}, nil
}

package nlp

import (
	"fmt"
)

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
		if (t.c == cCordoned || t.c == cTerm || t.c == cEvicted || t.c == cCrashing) && r.notSo(t.c) {
			continue
		}
		if r.take(t.c) {
			add(t.test, "")
			r.also(cNot)
		}
	}
	switch {
	case r.notSo(cCompleted), r.notSo(cFailed):
	case !pods && r.take(cFailed):
		add(TestFailed, "")
	case pods && r.take(cFailed):
		add(TestUnhealthy, "")
	case !pods && r.take(cPending):
		add(TestPending, "")
	case !pods && r.take(cCompleted):
		add(TestCompleted, "")
	}
	if s.Resource.Plural == "cronjobs" && r.notSo(cSuspended) {
		r.take(cSuspended)
	} else if s.Resource.Plural == "cronjobs" && s.Args.Output == "" && r.take(cSuspended) {
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
	if r.has(cRestarted) && !r.has(cSort, cMost, cBy) {
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
		case !r.has(cNewer) && !r.has(cOlder) && r.within(i):
			add(TestNewerThan, d)
			r.useTok(i)
			r.take(cSince, cTail)
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
		r.useWords("deployed", "launched", "started")
	}
}

// within tells whether a span of time up to now is meant: "in the last hour", "since yesterday".
func (r *reading) within(i int) bool {
	p := i - 1
	for p >= 0 && (articles[r.toks[p].text] || r.toks[p].text == "last" || r.toks[p].text == "past") {
		p--
	}
	return p >= 0 && (r.toks[p].text == "in" || r.toks[p].text == "within" || r.toks[p].text == "during" || r.toks[p].text == "since" || r.toks[p].text == "from")
}

// order reads how the rows are sorted and how many are wanted.
func (r *reading) order(s *Step) {
	if len(s.Names) == 1 {
		return // one row has no order
	}
	switch {
	case r.has(cRestarted) && r.has(cSort, cMost, cBy):
		r.take(cRestarted)
		s.Post.Sort, s.Post.Desc = "restarts", r.take(cMost)
	case r.has(cOldest) && r.has(cNewest) && r.firstCue(cOldest) < r.firstCue(cNewest): // "from oldest to youngest"
		r.take(cOldest, cNewest)
		s.Post.Sort = "age"
	case r.has(cNewest) && !r.has(cTail):
		r.take(cNewest)
		s.Post.Sort, s.Post.Desc = "age", true
	case r.take(cOldest):
		s.Post.Sort = "age"
	case r.take(cNewest):
		s.Post.Sort, s.Post.Desc = "age", true
	case r.has(cSort, cBy) && r.take(cAge):
		s.Post.Sort = "age"
	case r.has(cSort, cBy) && r.hasWord("name", "names", "alphabetically", "alphabetical"):
		r.take(cNamed, cNames)
		s.Post.Sort = "name"
	case r.has(cSort, cBy, cMost, cLeast):
		r.sortField(s)
	}
	if s.Post.Sort != "" {
		r.take(cSort, cBy)
		if i, ok := r.lit(litNumber); ok {
			s.Post.Top = r.toks[i].num
			r.useTok(i)
		}
	}
}

// sortFields are fields that lists of a kind are sorted by, beside age, name and restarts.
var sortFields = []struct {
	c    concept
	key  string
	path string
}{
	{cSize, "persistentvolumes", ".spec.capacity.storage"}, {cAttr, "persistentvolumes", ".spec.capacity.storage"},
	{cSize, "persistentvolumeclaims", ".spec.resources.requests.storage"},
	{cCPU, "nodes", ".status.capacity.cpu"}, {cMemory, "nodes", ".status.capacity.memory"},
	{cReplicas, "deployments.apps", ".spec.replicas"}, {cReplicas, "statefulsets.apps", ".spec.replicas"}, {cReplicas, "replicasets.apps", ".spec.replicas"},
	{cSchedule, "cronjobs.batch", ".spec.schedule"}, {cStatus, "pods", ".status.phase"}, {cSvcType, "services", ".spec.type"}, {cIP, "pods", ".status.podIP"},
}

func (r *reading) sortField(s *Step) {
	for _, f := range sortFields {
		if f.key == s.Resource.Key() && r.take(f.c) {
			s.Post.Sort, s.Post.Desc = f.path, r.take(cMost)
			r.take(cLeast)
			return
		}
	}
	for _, f := range sortFields { // "the volumes, smallest first": a volume is as large as its storage
		if f.key == s.Resource.Key() && f.c == cSize && r.hasWord("biggest", "largest", "smallest", "big", "bigger", "large") {
			s.Post.Sort, s.Post.Desc = f.path, r.take(cMost)
			r.take(cLeast)
			return
		}
	}
}

// named keeps rows by a part of their name: "whose name contains kafka", "starting with web".
func (r *reading) named(s *Step) {
	q, ok := r.cue(cNameHas)
	if !ok {
		return
	}
	at := q.j
	if last := r.toks[q.j-1].text; last == "name" || last == "names" { // "with kafka in the name"
		at = q.i - 1
	}
	if at < 0 || at >= len(r.toks) || r.used[at] && !r.namedHere(at) || stopWords[r.toks[at].text] {
		return
	}
	r.use(q.mention)
	r.useTok(at)
	r.note(mention{i: at, j: at + 1}, "part of the name")
	s.Post.Filter = append(s.Post.Filter, Filter{Test: TestName, Value: r.toks[at].text})
}

func (r *reading) namedHere(i int) bool { return r.objectNamed(i) || r.namespaceAt(i, 1) }

package nlp

import (
	"fmt"
	"slices"
	"strings"
)

func buildLabel(r *reading) (outcome, bool) {
	op := OpLabel
	noun := cLabel
	if r.has(cAnnotate) {
		op, noun = OpAnnotate, cAnnotate
	}
	verb := r.imperative(noun) && !r.hasWord("labels", "annotations") || r.imperative(cAdd, cSet, cRemove, cDelete, cCreate, cUp)
	if !verb || r.has(cImage, cShow) && !r.imperative(noun, cAdd, cSet, cRemove) {
		return none()
	}
	if r.imperative(cDelete) && (!r.imperative(cRemove) || r.hasWord("labelled", "labeled", "tagged", "carrying", "having") || r.byLabel()) {
		return none() // "kill all pods labelled app=v2"
	}
	s := Step{}
	remove := (r.imperative(cRemove, cDelete) || r.hasWord("unlabel", "untag")) && !r.imperative(cAdd, cSet)
	for i, t := range r.toks {
		if r.used[i] {
			continue
		}
		switch {
		case t.lit == litKeyValue && !strings.Contains(t.raw, "!="):
			k, v, _ := strings.Cut(t.raw, "=")
			if remove {
				s.Args.Remove = append(s.Args.Remove, k)
			} else {
				s.Args.Set = put(s.Args.Set, k, v)
			}
			r.useTok(i)
		case t.lit == litRemove:
			s.Args.Remove = append(s.Args.Remove, strings.TrimSuffix(t.raw, "-"))
			r.useTok(i)
		}
	}
	if len(s.Args.Set)+len(s.Args.Remove) == 0 {
		r.looseLabel(&s, noun, remove)
	}
	missing := len(s.Args.Set)+len(s.Args.Remove) == 0
	if missing && !r.imperative(noun) {
		return none()
	}
	all := r.has(cAll, cEverything)
	r.take(noun, cLabel, cAdd, cSet, cRemove, cDelete, cCreate, cShowLabels, cUp)
	if missing && len(r.freeObjects()) == 0 {
		return none()
	}
	t, q := r.target(targetSpec{write: true, list: all, place: true, verb: map[Op]string{OpLabel: "label", OpAnnotate: "annotate"}[op]})
	if q != nil {
		return asks(q)
	}
	if missing {
		return asks(&question{text: "Which label should it be? Say it as key=value."})
	}
	if len(t.names) == 0 && (t.kind.Namespaced && !t.where.said && t.owner == nil) {
		return asks(&question{text: fmt.Sprintf("In which namespace should I change the labels of all %s?", t.kind.Plural)})
	}
	keep := s.Args
	s = step(op, t)
	s.Args = keep
	s.Args.Overwrite = r.changesLabel(t, keep.Set)
	r.take(cIt, cWorkload, cForce, cAll)
	return done(s)
}

// byLabel says whether a label tells which objects are meant: "with label app=v2", "that have the label".
func (r *reading) byLabel() bool {
	for i, t := range r.toks {
		if !slices.Contains([]string{"with", "have", "has", "whose", "where"}, t.text) {
			continue
		}
		for _, next := range r.toks[i+1 : min(i+3, len(r.toks))] {
			if next.text == "label" || next.text == "labels" {
				return true
			}
		}
	}
	return false
}

// looseLabel reads "the label tier from X", "label tier to web", "the tier label of X to web", "tier as web".
func (r *reading) looseLabel(s *Step, noun concept, remove bool) {
	k, ok := r.labelKeyAt(noun)
	if !ok {
		return
	}
	key := r.toks[k].raw
	if remove {
		s.Args.Remove = append(s.Args.Remove, key)
		r.use(mention{i: k, j: k + 1})
		r.dropObjects(k)
		return
	}
	v := r.envValue(k)
	if v == 0 && k+1 < len(r.toks) && (r.toks[k+1].text == "to" || r.toks[k+1].text == "=") {
		v = k + 2
	}
	if v == 0 || v >= len(r.toks) || r.objectAt(v) && r.toks[v-1].text != "to" {
		return
	}
	s.Args.Set = put(s.Args.Set, key, r.toks[v].raw)
	r.use(mention{i: k, j: k + 1})
	r.use(mention{i: v - 1, j: v + 1})
	r.dropObjects(k)
	r.dropObjects(v)
}

// labelKeyAt is where the key stands: right after the word label, or right before it.
func (r *reading) labelKeyAt(noun concept) (int, bool) {
	ok := func(k int) bool {
		return k >= 0 && k < len(r.toks) && !stopWords[r.toks[k].text] && !r.used[k] && (r.toks[k].lit == litNone || r.toks[k].quoted) && !r.isKind(k)
	}
	for _, q := range r.cues {
		if q.c != noun {
			continue
		}
		k := q.j
		if k < len(r.toks) && (r.toks[k].text == "named" || r.toks[k].text == "called" || r.toks[k].text == "key") {
			k++
		}
		if !r.toks[q.j-1].brk && ok(k) && !(r.objectAt(k) && (r.verbPlace(q.i) || q.i > 0 && ok(q.i-1) && !r.verbPlace(q.i-1))) {
			return k, true
		}
		if q.i > 0 && ok(q.i-1) && !r.verbPlace(q.i-1) {
			return q.i - 1, true
		}
	}
	return 0, false
}

// changesLabel: without --overwrite kubectl refuses to change a label that is there.
func (r *reading) changesLabel(t target, set map[string]string) bool {
	for _, o := range t.objs {
		for k, v := range set {
			if have, ok := r.v.objects.label(o, k); ok && have != v {
				return true
			}
		}
	}
	return false
}

func buildExpose(r *reading) (outcome, bool) {
	if !r.imperative(cExpose) {
		return none()
	}
	s := Step{}
	if q, ok := r.cue(cSvcType); ok {
		s.Args.Type = map[string]string{"nodeport": "NodePort", "node port": "NodePort", "loadbalancer": "LoadBalancer", "load balancer": "LoadBalancer", "clusterip": "ClusterIP"}[strings.ToLower(r.words(q.mention))]
		r.use(q.mention)
		for i, t := range r.toks {
			if t.text == "type" {
				r.useTok(i)
			}
		}
	}
	if i, ok := r.wordAfter("named", "called", "name"); ok && r.toks[i].lit == litNone && !stopWords[r.toks[i].text] {
		s.Args.NewName = r.toks[i].text
		r.useTok(i)
		r.dropObjects(i)
		r.isNew(r.toks[i].raw)
	}
	target := -1
	if q, ok := r.cue(cTargetPort); ok && q.j < len(r.toks) && r.toks[q.j].lit == litNumber {
		target = q.j
		r.use(mention{i: q.i, j: q.j + 1})
	}
	if i, ok := r.lit(litPorts); ok {
		var port, to int32
		if _, err := fmt.Sscanf(r.toks[i].text, "%d:%d", &port, &to); err == nil {
			s.Args.Port, s.Args.TargetPort = port, fmt.Sprint(to)
		}
		r.useTok(i)
	}
	r.take(cExpose, cPort)
	var rest []int
	for i, t := range r.toks {
		if t.lit == litNumber && !r.used[i] {
			rest = append(rest, i)
			r.useTok(i)
		}
	}
	if s.Args.Port == 0 && len(rest) > 0 {
		s.Args.Port = int32(r.toks[rest[0]].num)
	}
	if target < 0 && len(rest) > 1 {
		target = rest[1]
	}
	if target >= 0 {
		s.Args.TargetPort = fmt.Sprint(r.toks[target].num)
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "services" {
			r.useKind(k)
		}
	}
	return r.exposed(s)
}

// isNew forgets that a name was taken for one of a namespace that is not there: it is the name of something new.
func (r *reading) isNew(name string) {
	r.lost = slices.DeleteFunc(slices.Clone(r.lost), func(w string) bool { return w == name })
}

func (r *reading) exposed(s Step) (outcome, bool) {
	t, q := r.target(targetSpec{kinds: []string{"deployments.apps", "statefulsets.apps", "replicasets.apps", "pods", "services"}, write: true, verb: "expose"})
	if q != nil {
		return asks(q)
	}
	if s.Args.Port == 0 {
		ask := &question{text: fmt.Sprintf("On which port should %s be reachable?", t.names[0])}
		if d, ok := r.v.details(r.ctx, t.objs[0]); ok {
			for _, c := range d.Containers {
				for _, p := range c.Ports {
					e := step(OpExpose, t)
					e.Args = s.Args
					e.Args.Port = p
					ask.choices = append(ask.choices, Choice{Label: fmt.Sprint(p), Text: KubectlStep(e)})
				}
			}
		}
		return asks(ask)
	}
	keep := s.Args
	s = step(OpExpose, t)
	s.Args = keep
	r.take(cIt)
	return done(s)
}

func buildSuspend(r *reading) (outcome, bool) {
	on := r.imperative(cSuspend, cStop, cPause)
	if !on && !r.imperative(cResume) {
		return none()
	}
	cron := r.saysKind("cronjobs.batch", "jobs.batch") || len(r.focus.Names)+len(r.freeObjects()) > 0 && r.cronNamed() || r.focus.Resource.Plural == "cronjobs" && len(r.freeObjects()) == 0
	if !cron && !r.imperative(cSuspend) {
		return none()
	}
	r.take(cSuspend, cResume, cStop, cPause, cSchedule)
	t, q := r.target(targetSpec{kinds: []string{"cronjobs.batch", "jobs.batch"}, write: true, verb: map[bool]string{true: "suspend", false: "resume"}[on]})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cNow, cRunning, cSchedule)
	r.useWords("running", "from")
	for i, t := range r.toks {
		if t.lit == litOrdinal {
			r.useTok(i)
		}
	}
	s := step(OpPatch, t)
	s.Args.Patch = fmt.Appendf(nil, `{"spec":{"suspend":%t}}`, on)
	return done(s)
}

func (r *reading) cronNamed() bool {
	for _, o := range r.freeObjects() {
		if len(refsOf(o, "cronjobs.batch", scope{})) > 0 {
			return true
		}
	}
	return r.focus.Resource.Plural == "cronjobs" && r.has(cIt)
}

// buildResize grows a claim.
func buildResize(r *reading) (outcome, bool) {
	key := "persistentvolumeclaims"
	claim := r.saysKind(key)
	for _, o := range r.freeObjects() {
		claim = claim || len(refsOf(o, key, scope{})) == len(o.refs)
	}
	if !claim || !r.imperative(cResize, cSet, cUp, cScale, cMake) {
		return none()
	}
	size := ""
	for i := range r.toks {
		if v, ok := r.quantityAt(i); ok && r.toks[i].lit == litQuantity {
			size = v
			r.useTok(i)
		}
	}
	r.take(cResize, cSet, cUp, cSize, cScale, cMake, cRequest)
	t, q := r.target(targetSpec{kinds: []string{key}, write: true, verb: "resize"})
	if q != nil {
		return asks(q)
	}
	if size == "" {
		return asks(&question{text: fmt.Sprintf("To what size should I grow %s?", t.names[0])})
	}
	s := step(OpPatch, t)
	s.Args.Patch = fmt.Appendf(nil, `{"spec":{"resources":{"requests":{"storage":%q}}}}`, size)
	r.take(cIt)
	return done(s)
}

// buildTrigger runs a CronJob now, as a Job.
func buildTrigger(r *reading) (outcome, bool) {
	if !r.imperative(cTrigger, cRun, cCreate) || !(r.saysKind("cronjobs.batch") || r.cronNamed()) || r.has(cSuspend, cResume) && !r.has(cTrigger) {
		return none()
	}
	name := ""
	if i, ok := r.wordAfter("named", "called"); ok {
		name = r.toks[i].text
		r.useTok(i)
		r.isNew(r.toks[i].raw)
	} else if len(r.freeKinds()) > 0 && r.freeKinds()[0].kinds[0].Key() == "jobs.batch" && r.imperative(cCreate) {
		if n, ok := r.newName(r.freeKinds()[0]); ok {
			name = n
		}
	}
	r.take(cTrigger, cRun, cNow, cCreate, cSchedule)
	for i, t := range r.toks {
		if t.text == "outside" || t.text == "turn" || t.text == "order" || t.text == "once" || t.text == "manual" || t.text == "job" || t.text == "from" {
			r.useTok(i)
		}
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "jobs.batch" {
			r.useKind(k)
		}
	}
	t, q := r.target(targetSpec{kinds: []string{"cronjobs.batch"}, write: true, verb: "run"})
	if q != nil {
		return asks(q)
	}
	if name == "" {
		name = t.names[0] + "-manual"
		if len(name) > 52 {
			name = t.names[0][:45] + "-manual"
		}
	}
	s := step(OpCreate, t)
	s.Resource, s.Names = r.kindNamed("jobs.batch").Resource, []string{name}
	s.Args.From, s.Args.NewName = "cronjob/"+t.names[0], name
	r.take(cIt)
	return done(s)
}

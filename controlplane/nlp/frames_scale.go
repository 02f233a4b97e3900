package nlp

import "fmt"

var scalable = []string{"deployments.apps", "statefulsets.apps", "replicasets.apps", "replicationcontrollers"}

// amount is a number of replicas: absolute, or relative to what is there.
type amount struct {
	n        int
	relative bool // n is added
	factor   int  // n times; negative: divided by
}

func buildScale(r *reading) (outcome, bool) {
	if r.has(cCPU, cMemory) || r.saysKind("horizontalpodautoscalers.autoscaling", "persistentvolumeclaims", "nodes") || r.has(cPort) {
		return none()
	}
	verb := r.has(cScale) || (r.imperative(cUp, cDown, cStop, cRun, cMake) || r.has(cUp, cDown) && r.imperative(cSet, cGeneric))
	counted := r.has(cReplicas, cMore) && (r.imperative(cSet, cAdd, cUp, cDown, cCreate, cRun, cRemove, cMake, cGeneric, cScale) || r.has(cScale))
	if i, ok := r.lit(litFactor); ok && r.verbPlace(i) {
		verb = true
	}
	if !verb && !counted || r.has(cDrain, cCordon, cUncordon) {
		return none()
	}
	a, ok := r.amount()
	if !ok && !r.has(cScale, cStop) && !(r.has(cReplicas) && !r.saysKind("pods")) && !(r.has(cUp, cDown) && r.hasWord("scale")) {
		return none()
	}
	if !ok && r.has(cStop) && r.imperative(cStop) && !r.saysKind("cronjobs.batch", "pods", "jobs.batch") {
		a, ok = amount{}, true
	}
	r.take(cScale, cUp, cDown, cStop, cSet, cReplicas, cMore, cAdd, cRun, cMake, cBy, cCreate, cGeneric, cRunning, cRemove)
	t, q := r.target(targetSpec{kinds: scalable, write: true, verb: "scale"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cReplicas, cWorkload, cInstead)
	s := step(OpScale, t)
	if !ok {
		return asks(&question{text: fmt.Sprintf("To how many replicas should I scale %s?%s", t.names[0], r.nowRuns(t)), choices: r.countChoices(t)})
	}
	if q := r.replicas(&s, t, a); q != nil {
		return asks(q)
	}
	return done(s)
}

// amount reads "to 5", "+2", "by 2", "two more", "double", "to zero".
func (r *reading) amount() (amount, bool) {
	sign := 1
	if r.has(cDown) && !r.has(cUp) || r.has(cRemove) && !r.has(cAdd, cUp) || r.hasWord("fewer", "less") {
		sign = -1
	}
	for i, t := range r.toks {
		if r.used[i] {
			continue
		}
		prev := ""
		if i > 0 {
			prev = r.toks[i-1].text
		}
		switch {
		case t.lit == litDelta:
			r.useTok(i)
			if prev == "to" {
				return amount{n: t.num}, true
			}
			return amount{n: t.num, relative: true}, true
		case t.lit == litFactor:
			r.useTok(i)
			return amount{factor: t.num}, true
		case r.isNumber(i):
			r.useTok(i)
			more := i+1 < len(r.toks) && (r.toks[i+1].text == "more" || r.toks[i+1].text == "fewer" || r.toks[i+1].text == "less" || r.toks[i+1].text == "additional" || r.toks[i+1].text == "extra")
			adds := r.imperative(cAdd, cRemove) && r.hasWord("add", "remove") && prev != "to"
			if prev == "by" || more || adds {
				return amount{n: sign * t.count(), relative: true}, true
			}
			return amount{n: t.count()}, true
		case t.text == "another" && !r.used[i]:
			r.useTok(i)
			return amount{n: sign, relative: true}, true
		}
	}
	return amount{}, false
}

// current is how many replicas the object is set to now.
func (r *reading) current(t target) *int32 {
	if len(t.objs) != 1 {
		return nil
	}
	if d, ok := r.v.details(r.ctx, t.objs[0]); ok {
		return d.Replicas
	}
	return nil
}

func (r *reading) nowRuns(t target) string {
	if n := r.current(t); n != nil {
		return fmt.Sprintf(" It is set to %d now.", *n)
	}
	return ""
}

func (r *reading) countChoices(t target) []Choice {
	base := int32(1)
	if n := r.current(t); n != nil {
		base = *n
	}
	var out []Choice
	for _, n := range []int32{base + 1, base * 2, max(base-1, 1)} {
		if n == base || (len(out) > 0 && out[len(out)-1].Label == fmt.Sprint(n)) {
			continue
		}
		s := step(OpScale, t)
		s.Args.Replicas = &n
		out = append(out, Choice{Label: fmt.Sprint(n), Text: KubectlStep(s)})
	}
	return out
}

// replicas grounds the amount in what is there now.
func (r *reading) replicas(s *Step, t target, a amount) *question {
	now := r.current(t)
	s.Args.Current = now
	n := a.n
	if a.relative || a.factor != 0 {
		if now == nil {
			return &question{text: fmt.Sprintf("I can't see how many replicas %s has now. Say the number you want.", t.names[0])}
		}
		switch {
		case a.factor > 0:
			n = int(*now) * a.factor
		case a.factor < 0:
			n = int(*now) / -a.factor
		default:
			n = int(*now) + a.n
		}
	}
	if n < 0 || n > MaxReplicas {
		return &question{text: fmt.Sprintf("%d is no number of replicas I would set: it has to be between 0 and %d.", n, MaxReplicas)}
	}
	count := int32(n)
	s.Args.Replicas = &count
	return nil
}

func buildHPA(r *reading) (outcome, bool) {
	key := "horizontalpodautoscalers.autoscaling"
	if !r.saysKind(key) && !(r.has(cReplicas) && r.has(cMax, cMin) && r.hasWord("max", "min", "maximum", "minimum", "maxreplicas", "minreplicas")) {
		return none()
	}
	if !r.imperative(cSet, cUp, cDown, cScale, cMake, cResize) {
		return none()
	}
	field := "maxReplicas"
	if r.hasWord("min", "minimum", "minreplicas") {
		field = "minReplicas"
	}
	n, ok := r.number("to", "of")
	r.take(cMax, cMin, cReplicas, cSet, cUp, cDown, cScale, cMake, cLimit, cResize, cGeneric)
	t, q := r.target(targetSpec{kinds: []string{key}, write: true, verb: "change"})
	if q != nil {
		return asks(q)
	}
	if !ok {
		return asks(&question{text: fmt.Sprintf("To what should I set %s of %s?", field, t.names[0])})
	}
	s := step(OpPatch, t)
	s.Args.Patch = fmt.Appendf(nil, `{"spec":{"%s":%d}}`, field, n)
	return done(s)
}

func buildAutoscale(r *reading) (outcome, bool) {
	s := Step{}
	if i, ok := r.lit(litPercent); ok {
		s.Args.CPUPercent = int32(r.toks[i].num)
		r.useTok(i)
	}
	var bare []int
	for i, t := range r.toks {
		if t.lit != litNumber || r.used[i] {
			continue
		}
		r.useTok(i)
		prev := ""
		if i > 0 {
			prev = r.toks[i-1].text
		}
		if prev == "of" && i > 1 {
			prev = r.toks[i-2].text
		}
		switch prev {
		case "min", "minimum", "least":
			s.Args.Min = int32(t.num)
		case "max", "maximum", "most":
			s.Args.Max = int32(t.num)
		default:
			bare = append(bare, t.num)
		}
	}
	for _, n := range bare {
		if s.Args.Min == 0 && s.Args.Max == 0 && len(bare) > 1 {
			s.Args.Min = int32(n)
		} else if s.Args.Max == 0 {
			s.Args.Max = int32(n)
		}
	}
	r.take(cAutoscale, cMax, cMin, cCPU, cReplicas, cCreate, cUsage, cAdd, cSet, cTop, cMost)
	for i, t := range r.toks {
		if t.text == "target" || t.text == "percent" || t.text == "average" {
			r.useTok(i)
		}
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "horizontalpodautoscalers.autoscaling" || k.kinds[0].Key() == "pods" {
			r.useKind(k)
		}
	}
	t, q := r.target(targetSpec{kinds: scalable, write: true, verb: "autoscale"})
	if q != nil {
		return asks(q)
	}
	if s.Args.Max == 0 {
		return asks(&question{text: fmt.Sprintf("Between how many replicas should %s be scaled? Say, for instance, \"between 2 and 6\".", t.names[0])})
	}
	keep := s.Args
	s = step(OpAutoscale, t)
	s.Args = keep
	return done(s)
}

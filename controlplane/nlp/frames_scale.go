package nlp

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var scalable = []string{"deployments.apps", "statefulsets.apps", "replicasets.apps", "replicationcontrollers"}

// amount is a number of replicas: absolute, or relative to what is there.
type amount struct {
	n        int
	relative bool // n is added
	factor   int  // n times; negative: divided by
	percent  int  // of what is there
}

func buildScale(r *reading) (outcome, bool) {
	if r.has(cCPU, cMemory) || r.saysKind("horizontalpodautoscalers.autoscaling", "persistentvolumeclaims", "nodes", "cronjobs.batch") || r.has(cPort) {
		return none()
	}
	verb := r.has(cScale) || (r.imperative(cUp, cDown, cStop, cRun, cMake) || r.has(cUp, cDown) && r.imperative(cSet, cGeneric))
	counted := r.has(cReplicas, cMore) && (r.imperative(cSet, cAdd, cUp, cDown, cCreate, cRun, cRemove, cMake, cGeneric, cScale) || r.has(cScale))
	if i, ok := r.lit(litFactor); ok && r.verbPlace(i) {
		verb = true
	}
	if i, ok := r.lit(litNumber); ok { // "two more workers", "the gateway needs 4 replicas"
		verb = verb || r.has(cMore) && r.verbPlace(i) || r.has(cReplicas) && (r.hasWord("needs", "need", "should") || i > 0 && r.toks[i-1].text == "to") && !r.has(cAsk, cWhy, cShow) && !r.hasWord("how")
	}
	if !verb && !counted || r.has(cDrain, cCordon, cUncordon) {
		return none()
	}
	a, ok := r.amount()
	back := !ok && r.hasWord("back") && r.focus.Changed != nil
	if !ok && !back && !r.has(cScale, cStop) && !(r.has(cReplicas) && !r.saysKind("pods")) && !(r.has(cUp, cDown) && r.hasWord("scale")) {
		return none()
	}
	if !ok && r.has(cStop) && r.imperative(cStop) && !r.saysKind("cronjobs.batch", "pods", "jobs.batch") {
		a, ok = amount{}, true
	}
	all := r.has(cAll, cEverything)
	if r.hasWord("number") {
		r.take(cCount)
	}
	r.take(cScale, cUp, cDown, cStop, cSet, cReplicas, cMore, cAdd, cRun, cMake, cBy, cCreate, cGeneric, cRunning, cRemove)
	t, q := r.target(targetSpec{kinds: scalable, write: true, list: all, verb: "scale"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cReplicas, cWorkload, cInstead)
	s := step(OpScale, t)
	if len(t.names) == 0 {
		return r.scaleAll(s, t, a, ok)
	}
	if back {
		a, ok = r.before(s)
		r.useWords("back")
	}
	if !ok {
		return asks(&question{text: fmt.Sprintf("To how many replicas should I scale %s?%s", t.names[0], r.nowRuns(t)), choices: r.countChoices(t)})
	}
	if q := r.replicas(&s, t, a); q != nil {
		return asks(q)
	}
	return done(s)
}

// scaleAll sets all of a kind in one namespace to one number.
func (r *reading) scaleAll(s Step, t target, a amount, ok bool) (outcome, bool) {
	if !slices.Contains(scalable, t.kind.Key()) || !t.where.said || t.where.all {
		return asks(&question{text: "I scale all of a kind only in one namespace that you name, such as \"scale all deployments in staging to 1\"."})
	}
	if !ok || a.relative || a.factor != 0 || a.percent != 0 {
		return asks(&question{text: fmt.Sprintf("To how many replicas should I set each of the %s?", t.kind.Plural)})
	}
	r.take(cAll, cEverything)
	if q := r.replicas(&s, t, a); q != nil {
		return asks(q)
	}
	return done(s)
}

// before is the number of replicas that the conversation's last change of the object took away.
func (r *reading) before(s Step) (amount, bool) {
	last := r.focus.Changed.Steps[len(r.focus.Changed.Steps)-1]
	if last.Op != OpScale || last.Args.Current == nil || !sameObject(last, s) {
		return amount{}, false
	}
	return amount{n: int(*last.Args.Current)}, true
}

func sameObject(a, b Step) bool {
	return a.Resource.Key() == b.Resource.Key() && a.Namespace == b.Namespace && slices.Equal(a.Names, b.Names)
}

var moreWords = wordSet("more additional extra further another")
var fewerWords = wordSet("fewer less")

// amount reads "to 5", "+2", "by 2", "two more", "double", "by 50%", "from 2 to 4", "to zero".
func (r *reading) amount() (amount, bool) {
	sign := 1
	if r.has(cDown) && !r.has(cUp) || r.has(cRemove, cDelete) && !r.has(cAdd, cUp) || r.hasWord("fewer", "less", "away") {
		sign = -1
	}
	text := func(i int) string {
		if i < 0 || i >= len(r.toks) {
			return ""
		}
		return r.toks[i].text
	}
	for i, t := range r.toks {
		if r.used[i] {
			continue
		}
		prev, next := text(i-1), text(i+1)
		switch {
		case t.lit == litDelta:
			r.useTok(i)
			return amount{n: t.num, relative: prev != "to"}, true
		case t.lit == litFactor:
			r.useTok(i)
			r.useWords("times", "much", "many")
			return amount{factor: t.num}, true
		case t.lit == litPercent || t.lit == litNumber && (next == "percent" || next == "pct"):
			r.useTok(i)
			r.useWords("percent", "pct")
			if prev == "to" || prev == "at" {
				return amount{percent: t.num}, true
			}
			return amount{percent: 100 + sign*t.num}, true
		case (moreWords[t.text] || t.text == "a" && moreWords[next]) && !r.isNumber(i+1) && !r.isNumber(i-1) && (prev == "an" || prev == "a" || t.text == "another"):
			r.useTok(i)
			r.useUnit(i + 1)
			return amount{n: sign, relative: true}, true
		case t.lit == litOrdinal && t.num > 1 && (prev == "a" || prev == "an") && r.imperative(cAdd, cCreate, cSet, cMake): // "add a third replica"
			r.useTok(i)
			return amount{n: t.num}, true
		case r.isNumber(i) && (next == "down" || next == "up") && r.numberAfter(i, "to"): // "2 down to 1"
			r.useTok(i)
		case r.isNumber(i) && prev == "from" && r.numberAfter(i, "to"):
			r.useTok(i)
		case r.isNumber(i):
			r.useTok(i)
			r.useUnit(i + 1)
			more := moreWords[next] || fewerWords[next] || moreWords[prev] || r.nounThen(i+1, "more", "fewer", "less", "extra", "away")
			adds := r.imperative(cAdd, cRemove) && r.hasWord("add", "remove", "take", "drop", "kill") && prev != "to"
			if prev == "by" || more || adds {
				r.useWords("away")
				return amount{n: sign * t.count(), relative: true}, true
			}
			return amount{n: t.count()}, true
		}
	}
	return amount{}, false
}

// nounThen tells whether one of the words stands at i or after one other word: "3 more", "3 pods more".
func (r *reading) nounThen(i int, words ...string) bool {
	for k := i; k < len(r.toks) && k <= i+1; k++ {
		if slices.Contains(words, r.toks[k].text) {
			return true
		}
	}
	return false
}

func (r *reading) numberAfter(from int, word string) bool {
	for i := from + 1; i+1 < len(r.toks); i++ {
		if r.toks[i].text == word && r.isNumber(i+1) {
			return true
		}
	}
	return false
}

// useUnit uses the noun that a number counts, if nothing else is known of it: "5 brokers".
func (r *reading) useUnit(i int) {
	if i < len(r.toks) && (moreWords[r.toks[i].text] || fewerWords[r.toks[i].text]) {
		i++
	}
	if i < len(r.toks) && !r.used[i] && (!r.known(i) || r.isMended(i)) && strings.HasSuffix(r.toks[i].raw, "s") && !distinctive(r.toks[i].raw) {
		r.useTok(i)
	}
}

// isMended tells whether the word at i is a word for something only if a typing error is mended.
func (r *reading) isMended(i int) bool {
	return slices.ContainsFunc(r.cues, func(q cue) bool { return q.i <= i && i < q.j && q.fixed != "" })
}

// current is how many replicas the object is set to now: as the conversation left it, else as the cluster has it.
func (r *reading) current(t target) *int32 {
	if len(t.objs) != 1 {
		return nil
	}
	if r.focus.Changed != nil {
		for _, s := range slices.Backward(r.focus.Changed.Steps) {
			if s.Op == OpScale && s.Resource.Key() == t.objs[0].Kind && s.Namespace == t.objs[0].Namespace && slices.Equal(s.Names, []string{t.objs[0].Name}) {
				return s.Args.Replicas
			}
		}
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
	if a.relative || a.factor != 0 || a.percent != 0 {
		if now == nil {
			return &question{text: fmt.Sprintf("I can't see how many replicas %s has now. Say the number you want.", t.names[0])}
		}
		switch {
		case a.percent != 0:
			n = (int(*now)*a.percent + 50) / 100
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

// buildHPA changes the bounds of an autoscaler.
func buildHPA(r *reading) (outcome, bool) {
	key := "horizontalpodautoscalers.autoscaling"
	bound := r.hasWord("max", "min", "maximum", "minimum", "maxreplicas", "minreplicas")
	about := bound && r.focus.Resource.Key() == key && len(r.focus.Names) == 1 && len(r.thingsNamed()) == 0
	if !about && !r.saysKind(key) && !(r.has(cReplicas) && r.has(cMax, cMin) && bound) {
		return none()
	}
	if !r.imperative(cSet, cUp, cDown, cScale, cMake, cResize, cGeneric, cLimit, cMax, cAdd) {
		return none()
	}
	lo, hi := r.bounds()
	r.take(cMax, cMin, cReplicas, cSet, cUp, cDown, cScale, cMake, cLimit, cResize, cGeneric, cRange)
	t, q := r.target(targetSpec{kinds: []string{key}, write: true, focus: about, verb: "change"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt)
	spec := map[string]int{}
	if lo >= 0 {
		spec["minReplicas"] = lo
	}
	if hi >= 0 {
		spec["maxReplicas"] = hi
	}
	if len(spec) == 0 {
		return asks(&question{text: fmt.Sprintf("To what should I set the bounds of %s? Say, for instance, \"at most 10\".", t.names[0])})
	}
	s := step(OpPatch, t)
	s.Args.Patch = jsonOf(map[string]any{"spec": spec})
	return done(s)
}

// bounds reads "between 2 and 6", "2-6", "min 2", "maximum to 20": -1 where nothing is said.
func (r *reading) bounds() (lo, hi int) {
	lo, hi = -1, -1
	which := ""
	single := ""
	var bare []int
	for i, t := range r.toks {
		switch t.text {
		case "min", "minimum", "minreplicas", "least", "lower":
			which, single = "min", "min"
		case "max", "maximum", "maxreplicas", "most", "upper":
			which, single = "max", "max"
		case "between", "from", "range":
			which = "between"
		}
		if m := reRange.FindStringSubmatch(t.text); m != nil && !r.used[i] {
			r.useTok(i)
			fmt.Sscan(m[1], &lo) //nolint:errcheck // digits
			fmt.Sscan(m[2], &hi) //nolint:errcheck // digits
			continue
		}
		if r.used[i] || t.lit != litNumber || i+1 < len(r.toks) && (r.toks[i+1].text == "percent" || r.toks[i+1].text == "%") {
			continue
		}
		r.useTok(i)
		r.useUnit(i + 1)
		switch after := r.boundAfter(i + 1); {
		case which == "min" && lo < 0, after == "min":
			lo, which = t.num, ""
		case which == "max" && hi < 0, after == "max":
			hi, which = t.num, ""
		default:
			bare = append(bare, t.num)
		}
	}
	for _, n := range bare {
		switch {
		case len(bare) == 2 && lo < 0 && single == "":
			lo = n
		case hi < 0 && single != "min":
			hi = n
		case lo < 0 && single != "max":
			lo = n
		}
	}
	return lo, hi
}

// boundAfter reads the bound that is said after its number: "2 min", "6 at most".
func (r *reading) boundAfter(i int) string {
	if i < len(r.toks) && r.toks[i].text == "at" {
		i++
	}
	if i >= len(r.toks) || i > 0 && r.toks[i-1].brk {
		return ""
	}
	switch r.toks[i].text {
	case "min", "minimum", "least":
		if i+1 < len(r.toks) && r.toks[i+1].lit == litNumber {
			return "" // "2 min 6"? the word is of the next number
		}
		return "min"
	case "max", "maximum", "most":
		if i+1 < len(r.toks) && r.toks[i+1].lit == litNumber {
			return ""
		}
		return "max"
	}
	return ""
}

var reRange = regexp.MustCompile(`^(\d{1,4})(?:-|\.\.|/)(\d{1,4})$`)

func buildAutoscale(r *reading) (outcome, bool) {
	s := Step{}
	if i, ok := r.lit(litPercent); ok {
		s.Args.CPUPercent = int32(r.toks[i].num)
		r.useTok(i)
	}
	for i, t := range r.toks {
		if t.lit == litNumber && !r.used[i] && i+1 < len(r.toks) && (r.toks[i+1].text == "percent" || r.toks[i+1].text == "pct") {
			s.Args.CPUPercent = int32(t.num)
			r.use(mention{i: i, j: i + 2})
		}
	}
	lo, hi := r.bounds()
	s.Args.Min, s.Args.Max = int32(max(lo, 0)), int32(max(hi, 0))
	r.take(cAutoscale, cMax, cMin, cRange, cCPU, cReplicas, cCreate, cUsage, cAdd, cSet, cTop, cMost)
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

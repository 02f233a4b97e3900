package nlp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// jsonOf is the JSON of plain maps and values, keys in order.
func jsonOf(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("nlp: plain values always marshal: %v", err))
	}
	return b
}

// patchOf is a merge into spec.
func patchOf(t target, spec map[string]any) Step {
	s := step(OpPatch, t)
	s.Args.Patch = jsonOf(map[string]any{"spec": spec})
	return s
}

// buildPatch takes a patch that is said as JSON: "patch deployment web with {...}".
func buildPatch(r *reading) (outcome, bool) {
	i, ok := r.lit(litJSON)
	if !ok && r.imperative(cPatch) {
		return r.patchPath()
	}
	if !ok || !r.imperative(cPatch, cSet, cGeneric) {
		return none()
	}
	raw := r.toks[i].raw
	r.useTok(i)
	r.take(cPatch, cSet, cGeneric, cJSON)
	r.useWords("patch", "merge", "strategic")
	t, q := r.target(targetSpec{write: true, askKind: true, verb: "patch"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt)
	s := step(OpPatch, t)
	s.Args.Patch = json.RawMessage(raw)
	return done(s)
}

var serviceTypes = map[string]string{"nodeport": "NodePort", "loadbalancer": "LoadBalancer", "clusterip": "ClusterIP"}

// buildServiceType turns a Service into one of another type.
func buildServiceType(r *reading) (outcome, bool) {
	q, ok := r.cue(cSvcType)
	if !ok || !r.imperative(cSet, cMake, cGeneric, cCreate) || r.has(cExpose) {
		return none()
	}
	kind := serviceTypes[strings.ReplaceAll(strings.ToLower(r.words(q.mention)), " ", "")]
	r.use(q.mention)
	r.take(cSvcType)
	if r.saysKind("services") && len(r.freeObjects()) == 0 && !r.has(cIt) {
		return none()
	}
	r.take(cSet, cMake, cGeneric, cCreate)
	r.useWords("type", "from")
	t, ask := r.target(targetSpec{kinds: []string{"services"}, write: true, verb: "change the type of"})
	if ask != nil {
		return asks(ask)
	}
	r.take(cIt)
	return done(patchOf(t, map[string]any{"type": kind}))
}

// numberFields are the counts that a sentence may set, by their spoken names, and of which kinds.
var numberFields = []struct {
	words string
	field string
	kinds []string
}{
	{"parallelism", "parallelism", []string{"jobs.batch"}},
	{"completions", "completions", []string{"jobs.batch"}},
	{"backoff limit", "backoffLimit", []string{"jobs.batch"}},
	{"active deadline", "activeDeadlineSeconds", []string{"jobs.batch"}},
	{"ttl", "ttlSecondsAfterFinished", []string{"jobs.batch"}},
	{"successful jobs history limit", "successfulJobsHistoryLimit", []string{"cronjobs.batch"}},
	{"failed jobs history limit", "failedJobsHistoryLimit", []string{"cronjobs.batch"}},
	{"starting deadline", "startingDeadlineSeconds", []string{"cronjobs.batch"}},
	{"revision history limit", "revisionHistoryLimit", workloadKinds},
	{"min ready seconds", "minReadySeconds", workloadKinds},
	{"progress deadline", "progressDeadlineSeconds", []string{"deployments.apps"}},
	{"min available", "minAvailable", []string{"poddisruptionbudgets.policy"}},
	{"max unavailable", "maxUnavailable", []string{"poddisruptionbudgets.policy"}},
}

// buildNumberField sets one of the counts of a spec: "set the parallelism of job x to 4".
func buildNumberField(r *reading) (outcome, bool) {
	if !r.imperative(cSet, cUp, cDown, cMake, cGeneric, cResize, cRun, cScale) {
		return none()
	}
	for _, f := range numberFields {
		at, ok := r.fieldNamed(f.words, f.field)
		if !ok {
			continue
		}
		r.use(at)
		n, numbered := r.number("to", "of", "at", "=")
		d, timed := r.duration()
		if !numbered && timed && strings.HasSuffix(f.field, "Seconds") || timed && strings.Contains(f.field, "Seconds") {
			n, numbered = int(d.Seconds()), true
		}
		r.take(cSet, cUp, cDown, cMake, cGeneric, cResize, cMax, cMin, cRun, cScale)
		t, q := r.target(targetSpec{kinds: f.kinds, write: true, verb: "change"})
		if q != nil {
			return asks(q)
		}
		r.take(cIt)
		if !numbered {
			return asks(&question{text: fmt.Sprintf("To what should I set %s of %s?", f.field, t.names[0])})
		}
		return done(patchOf(t, map[string]any{f.field: n}))
	}
	return none()
}

// fieldNamed finds a field by its spoken name, or as the API writes it.
func (r *reading) fieldNamed(words, field string) (mention, bool) {
	parts := strings.Fields(words)
	for i, t := range r.toks {
		if t.text == strings.ToLower(field) {
			return mention{i: i, j: i + 1}, true
		}
		if r.phraseAt(i, parts) {
			return mention{i: i, j: i + len(parts)}, true
		}
	}
	return mention{}, false
}

// buildSchedule sets when a CronJob runs.
func buildSchedule(r *reading) (outcome, bool) {
	if !r.imperative(cSet, cMake, cRun, cSchedule, cGeneric) {
		return none()
	}
	i, ok := r.cron()
	if !ok || !(r.has(cSchedule) || r.saysKind("cronjobs.batch") || r.cronNamed()) || r.imperative(cCreate) && !r.imperative(cMake) {
		return none()
	}
	when := r.toks[i].raw
	for k, t := range r.toks {
		if t.quoted && t.raw == when { // said twice: in words and as it is written
			r.useTok(k)
		}
	}
	r.useTok(i)
	r.take(cSet, cMake, cRun, cSchedule, cGeneric)
	r.useWords("schedule", "cron")
	t, q := r.target(targetSpec{kinds: []string{"cronjobs.batch"}, write: true, verb: "reschedule"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cCount)
	return done(patchOf(t, map[string]any{"schedule": when}))
}

// cron finds a quoted cron expression, or an @-name such as @daily.
func (r *reading) cron() (int, bool) {
	for i, t := range r.toks {
		if !r.used[i] && (t.quoted && len(strings.Fields(t.text)) == 5 && strings.Trim(t.text, "0123456789*/,- abcdefghijklmnopqrstuvwxyz") == "" || cronNames[t.text]) {
			return i, true
		}
	}
	return 0, false
}

var cronNames = wordSet("@hourly @daily @midnight @weekly @monthly @yearly @annually")

// buildServiceAccount gives a workload another service account.
func buildServiceAccount(r *reading) (outcome, bool) {
	key := "serviceaccounts"
	said := r.saysKind(key)
	if !said && !r.hasWord("as") || !r.imperative(cSet, cMake, cRun, cGeneric, cUsage, cAdd) && !r.hasWord("let") || r.imperative(cCreate) && !r.imperative(cSet, cMake, cRun, cAdd) {
		return none()
	}
	account := -1
	for _, o := range r.freeObjects() {
		if len(refsOf(o, key, scope{})) == 0 {
			continue
		}
		other := slices.ContainsFunc(o.refs, func(ref *Object) bool { return ref.Kind != key })
		before := o.i > 0 && slices.Contains([]string{"to", "as", "account", "sa", "use", "with", "serviceaccount"}, r.toks[o.i-1].text)
		if !other || before {
			account = o.i
		}
	}
	if account < 0 && said {
		if i, ok := r.wordAfter("to"); ok && r.toks[i].lit == litNone && !stopWords[r.toks[i].text] {
			account = i
		}
	}
	if account < 0 {
		return none()
	}
	r.useTok(account)
	name := r.toks[account].text
	if _, after, ok := strings.Cut(name, "/"); ok {
		name = after
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == key {
			r.useKind(k)
		}
	}
	r.take(cSet, cMake, cRun, cGeneric, cUsage, cAdd)
	r.useWords("let", "use", "uses", "as", "under")
	t, q := r.target(targetSpec{kinds: workloadKinds, write: true, verb: "change the service account of"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cWorkload)
	s := step(OpSetServiceAccount, t)
	s.Args.ServiceAccount = name
	return done(s)
}

// buildSelector makes a Service select other pods.
func buildSelector(r *reading) (outcome, bool) {
	if !r.imperative(cSet, cMake, cGeneric) || !r.hasWord("selector", "select", "selects", "traffic", "point", "switch", "route") {
		return none()
	}
	set := map[string]string{}
	for i, t := range r.toks {
		if t.lit == litKeyValue && !r.used[i] && !strings.Contains(t.raw, "!=") {
			for _, pair := range strings.Split(t.raw, ",") {
				k, v, _ := strings.Cut(pair, "=")
				set[k] = strings.TrimPrefix(v, "=")
			}
			r.useTok(i)
		}
	}
	if len(set) == 0 {
		return r.switchTraffic()
	}
	r.take(cSet, cMake, cGeneric, cLabel)
	r.useWords("selector", "select", "selects", "traffic", "point", "pods", "label")
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "pods" {
			r.useKind(k)
		}
	}
	t, q := r.target(targetSpec{kinds: []string{"services"}, write: true, verb: "change the selector of"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt)
	s := step(OpSetSelector, t)
	s.Args.Set = set
	return done(s)
}

// switchTraffic moves a Service from one version to another: the one selector whose value is the old one, or can be
// the new one, changes.
func (r *reading) switchTraffic() (outcome, bool) {
	r.take(cSet, cMake, cGeneric)
	r.useWords("traffic", "point", "route", "switch", "version", "deployment", "selector")
	to := -1
	for i, t := range r.toks {
		if i > 0 && !r.used[i] && t.lit == litNone && (r.toks[i-1].text == "to" || r.toks[i-1].text == "at" || (r.toks[i-1].text == "the" && i > 1 && (r.toks[i-2].text == "to" || r.toks[i-2].text == "at"))) {
			to = i
		}
	}
	if to < 0 {
		return none()
	}
	word := r.toks[to].text
	r.useTok(to)
	r.lost = nil // a version is no namespace
	t, q := r.target(targetSpec{kinds: []string{"services"}, write: true, verb: "switch"})
	if q != nil {
		return asks(q)
	}
	d, ok := r.v.details(r.ctx, t.objs[0])
	if !ok {
		return none()
	}
	key, value := r.selectorFor(t, d.Selector, word)
	if key == "" {
		return none()
	}
	for i, tok := range r.toks {
		if tok.text == d.Selector[key] {
			r.useTok(i)
		}
	}
	for _, k := range r.freeKinds() {
		r.useKind(k)
	}
	r.take(cIt)
	return done(patchOf(t, map[string]any{"selector": map[string]any{key: value}}))
}

// selectorFor finds which label of a Service's selector a word is another value of: some pod template or pod in the
// namespace has it, or a workload is called by it.
func (r *reading) selectorFor(t target, have map[string]string, word string) (key, value string) {
	for _, k := range sortedKeys(have) {
		for _, kind := range append(slices.Clone(workloadKinds), "pods") {
			for _, o := range r.v.objects.ofKind(kind) {
				if o.Namespace != t.where.ns {
					continue
				}
				v, _ := r.v.objects.label(o, k)
				if d, ok := r.v.details(r.ctx, o); ok && d.Selector[k] != "" {
					v = d.Selector[k]
				}
				if v != "" && v != have[k] && (strings.EqualFold(v, word) || o.Name == word) {
					return k, v
				}
			}
		}
	}
	return "", ""
}

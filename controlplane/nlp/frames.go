package nlp

import "strings"

// outcome is what a frame makes of a text: steps, or a question.
type outcome struct {
	steps []Step
	q     *question
	undo  bool // the last change of the conversation is meant; steps are its opposite, as far as its words say
}

// frame is one thing that can be asked for. The cues select it; build fills its slots from the reading, using the words
// it understands, so that the words it does not understand count against it.
type frame struct {
	name   string
	cues   []concept // any of these; empty: always tried
	unless []concept // none of these
	write  bool
	prior  float64 // breaks ties: the more specific frame is the higher
	build  func(*reading) (outcome, bool)
}

var frames []frame

func init() { // frames refer to functions that refer to frames
	frames = []frame{
		{name: "whoami", cues: []concept{cWhoAmI}, prior: .3, build: buildWhoAmI},
		{name: "rights", cues: []concept{cCanDo}, prior: .3, build: buildRights},
		{name: "canI", cues: []concept{cCanI}, unless: []concept{cCanDo}, prior: .2, build: buildCanI},
		{name: "canThey", prior: .2, build: buildCanThey},
		{name: "whoCan", cues: []concept{cWhoCan}, unless: []concept{cCanDo, cWhoAmI}, prior: .4, build: buildWhoCan},
		{name: "replace", cues: []concept{cReplace}, write: true, build: buildReplace},
		{name: "explain", cues: []concept{cExplain}, unless: []concept{cWhy}, prior: .05, build: buildExplain},
		{name: "explainPath", prior: .1, build: buildExplainPath},
		{name: "kinds", cues: []concept{cKinds}, prior: .1, build: buildKinds},
		{name: "version", cues: []concept{cVersion}, unless: []concept{cUpgrade, cUndo}, prior: .05, build: buildVersion},
		{name: "logs", cues: []concept{cLogs, cTail, cPrints}, prior: .1, build: buildLogs},
		{name: "top", cues: []concept{cTop, cCPU, cMemory, cUsage}, prior: .1, build: buildTop},
		{name: "events", cues: []concept{cEvents, cHappen, cWarning}, prior: .1, build: buildEvents},
		{name: "diagnose", cues: []concept{cWhy, cTrouble, cHealth, cFailing, cCrashing, cStatus, cReady, cOOM}, prior: .08, build: buildDiagnose},
		{name: "rolloutStatus", cues: []concept{cRollout, cStatus, cHealth}, prior: .05, build: buildRolloutStatus},
		{name: "history", cues: []concept{cHistory, cRevision}, unless: []concept{cUndo}, prior: .1, build: buildHistory},
		{name: "changed", cues: []concept{cChanged}, prior: .12, build: buildChanged},
		{name: "wait", cues: []concept{cWait, cLetMeKnow}, prior: .12, build: buildWait},
		{name: "grants", cues: []concept{cGrants}, prior: .06, build: buildGrants},
		{name: "quotaUse", prior: .3, build: buildQuotaUse},
		{name: "whichSecret", prior: .3, build: buildWhichSecret},
		{name: "dataValue", prior: .12, build: buildDataValue},
		{name: "describe", cues: []concept{cDescribe}, unless: []concept{cWhy}, prior: .05, build: buildDescribe},
		{name: "get", build: buildGet},

		{name: "scale", cues: []concept{cScale, cUp, cDown, cStop, cReplicas, cMore, cSet, cRun, cAdd, cMake}, write: true, build: buildScale},
		{name: "restart", cues: []concept{cRestart}, unless: []concept{cUndo}, write: true, prior: .02, build: buildRestart},
		{name: "undo", cues: []concept{cUndo}, write: true, prior: .06, build: buildUndo},
		{name: "patch", cues: []concept{cPatch, cSet}, write: true, prior: .06, build: buildPatch},
		{name: "serviceType", cues: []concept{cSvcType}, write: true, prior: .05, build: buildServiceType},
		{name: "numberField", write: true, cues: []concept{cSet, cUp, cDown, cMake, cGeneric, cResize, cRun, cScale}, prior: .06, build: buildNumberField},
		{name: "schedule", cues: []concept{cSet, cMake, cRun, cSchedule}, write: true, prior: .06, build: buildSchedule},
		{name: "serviceAccount", cues: []concept{cSet, cMake, cRun, cGeneric, cUsage, cAdd}, write: true, prior: .05, build: buildServiceAccount},
		{name: "selector", cues: []concept{cSet, cMake}, write: true, prior: .05, build: buildSelector},
		{name: "exec", cues: []concept{cExec, cRun}, write: true, prior: .08, build: buildExec},
		{name: "pause", cues: []concept{cPause, cResume}, write: true, build: buildPause},
		{name: "setImage", cues: []concept{cImage, cUpgrade, cSet, cUp, cUndo}, write: true, prior: .03, build: buildSetImage},
		{name: "setEnv", cues: []concept{cEnv, cSet, cAdd, cRemove, cMake}, write: true, prior: .04, build: buildSetEnv},
		{name: "setResources", cues: []concept{cCPU, cMemory, cLimit, cRequest}, write: true, prior: .04, build: buildSetResources},
		{name: "label", cues: []concept{cLabel, cAnnotate}, write: true, prior: .05, build: buildLabel},
		{name: "expose", cues: []concept{cExpose}, write: true, build: buildExpose},
		{name: "autoscale", cues: []concept{cAutoscale}, write: true, prior: .04, build: buildAutoscale},
		{name: "hpa", cues: []concept{cMax, cMin, cReplicas}, write: true, prior: .05, build: buildHPA},
		{name: "suspend", cues: []concept{cSuspend, cResume, cStop, cPause}, write: true, prior: .04, build: buildSuspend},
		{name: "resize", cues: []concept{cResize, cSet, cSize, cUp}, write: true, prior: .03, build: buildResize},
		{name: "trigger", cues: []concept{cTrigger, cRun, cCreate}, write: true, prior: .04, build: buildTrigger},
		{name: "cordon", cues: []concept{cCordon, cUncordon}, write: true, prior: .06, build: buildCordon},
		{name: "drain", cues: []concept{cDrain}, write: true, prior: .04, build: buildDrain},
		{name: "taint", cues: []concept{cTaint, cUntaint}, write: true, prior: .05, build: buildTaint},
		{name: "delete", cues: []concept{cDelete}, unless: []concept{cUndo}, write: true, build: buildDelete},
		{name: "finalizers", cues: []concept{cFinalizer}, write: true, prior: .07, build: buildFinalizers},
		{name: "bind", cues: []concept{cAdd, cSet, cBind}, write: true, prior: .05, build: buildBind},
		{name: "data", write: true, prior: .1, build: buildData},
		{name: "quota", write: true, prior: .1, build: buildQuota},
		{name: "reclaim", write: true, prior: .2, build: buildReclaim},
		{name: "defaultClass", write: true, prior: .2, build: buildDefaultClass},
		{name: "field", write: true, prior: .07, build: buildField},
		{name: "create", cues: []concept{cCreate, cRun}, write: true, build: buildCreate},
		{name: "cannot", cues: []concept{cExec, cPortForward, cCopy, cEdit, cApply, cSecretValue}, unless: []concept{cCanI}, prior: .01, build: buildCannot},
	}
}

// applies tells whether the frame's cues are in the reading.
func (f frame) applies(r *reading) bool {
	if r.has(f.unless...) {
		return false
	}
	return len(f.cues) == 0 || r.has(f.cues...)
}

// step makes a step on the target.
func step(op Op, t target) Step {
	s := Step{Op: op, LabelSelector: t.labels, FieldSelector: t.field, Names: t.names}
	if t.kind != nil {
		s.Resource = t.kind.Resource
	}
	for _, k := range t.also {
		s.Also = append(s.Also, k.Resource)
	}
	if t.kind != nil && t.kind.Namespaced {
		s.Namespace, s.AllNamespaces = t.where.ns, t.where.all
		if s.AllNamespaces {
			s.Namespace = ""
		}
	}
	return s
}

func done(steps ...Step) (outcome, bool) { return outcome{steps: steps}, true }
func asks(q *question) (outcome, bool)   { return outcome{q: q}, true }
func none() (outcome, bool)              { return outcome{}, false }

func refuses(text string) (outcome, bool) {
	return outcome{q: &question{text: text, refuse: true}}, true
}

// kindNamed is the kind of the vocabulary, or nil.
func (r *reading) kindNamed(key string) *Kind { return r.v.kinds[key] }

// saysKind tells whether a free word names the kind.
func (r *reading) saysKind(keys ...string) bool {
	for _, k := range r.freeKinds() {
		for _, key := range keys {
			if k.kinds[0].Key() == key {
				return true
			}
		}
	}
	return false
}

// wordAfter is the first free token after one of the words, as typed.
func (r *reading) wordAfter(words ...string) (int, bool) {
	for i := 1; i < len(r.toks); i++ {
		for _, w := range words {
			if r.toks[i-1].text == w && !r.used[i] && r.toks[i].text != "" {
				return i, true
			}
		}
	}
	return 0, false
}

// orPair adds a term. Of two values of one key no object has both, so either is meant: "app=web or app=api".
func orPair(parts []string, term string) []string {
	key, value, ok := strings.Cut(term, "=")
	if !ok || strings.ContainsAny(key, "! ") {
		return append(parts, term)
	}
	for i, p := range parts {
		switch {
		case strings.HasPrefix(p, key+"="):
			parts[i] = key + " in (" + strings.TrimPrefix(p, key+"=") + "," + value + ")"
			return parts
		case strings.HasPrefix(p, key+" in ("):
			parts[i] = strings.TrimSuffix(p, ")") + "," + value + ")"
			return parts
		}
	}
	return append(parts, term)
}

// labelSelector uses k=v spans as a label selector.
func (r *reading) labelSelector() string {
	var parts []string
	for i, t := range r.toks {
		if t.lit == litKeyValue && !r.used[i] {
			r.useTok(i)
			parts = orPair(parts, strings.ReplaceAll(t.raw, "==", "="))
		}
	}
	if len(parts) > 0 {
		r.take(cLabel, cShowLabels)
		for i, t := range r.toks {
			if t.text == "selector" || t.text == "matching" || t.text == "match" || t.text == "matches" {
				r.useTok(i)
			}
		}
	}
	return strings.Join(parts, ",")
}

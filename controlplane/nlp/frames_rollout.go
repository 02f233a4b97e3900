package nlp

import (
	"strings"
	"time"
)

func buildRolloutStatus(r *reading) (outcome, bool) {
	progress := r.has(cStatus) && r.hasWord("progress", "progressing", "done", "finished", "complete", "through")
	if !r.has(cRollout) && !progress && !r.asksOutcome() || r.has(cHistory) || r.has(cCompleted) && r.saysKind("pods", "jobs.batch") {
		return none()
	}
	r.take(cRollout, cStatus, cShow, cGeneric, cAsk, cFollow, cCompleted, cHealth, cHappen, cUpgrade, cWait, cUses, cTrouble, cFailing, cReady, cRunning)
	t, q := r.target(targetSpec{kinds: workloadKinds, verb: "show the rollout of", focus: true})
	if q != nil {
		return asks(q)
	}
	if t.kind != nil && !isRolledOut(t.kind.Key()) {
		return none()
	}
	r.take(cIt)
	return done(step(OpRolloutStatus, t))
}

// asksOutcome: "did it work?", "status?" after a change.
func (r *reading) asksOutcome() bool {
	f := r.focus
	if f.Plan == nil || ClassifyPlan(*f.Plan) == Read || len(f.Names) == 0 || !isRolledOut(f.Resource.Key()) || len(r.thingsNamed()) > 0 || len(r.freeKinds()) > 0 {
		return false
	}
	return r.has(cStatus) || r.has(cHealth) && r.has(cIt)
}

func buildHistory(r *reading) (outcome, bool) {
	s := Step{}
	i, numbered := r.lit(litNumber)
	if !r.has(cHistory) && !(r.has(cRevision) && numbered) {
		return none()
	}
	r.take(cHistory, cRollout, cShow, cGeneric, cAsk, cRevision, cImage, cPrevious, cCount, cDescribe, cUses, cAttr, cTail, cUpgrade)
	if numbered {
		s.Args.Revision = int64(r.toks[i].num)
		r.useTok(i)
	}
	t, q := r.target(targetSpec{kinds: workloadKinds, verb: "show the history of", focus: true})
	if q != nil {
		return asks(q)
	}
	keep := s.Args
	s = step(OpRolloutHistory, t)
	s.Args = keep
	r.take(cIt, cAll)
	return done(s)
}

// buildChanged: what changed? It is answered by what was changed about an object, in a namespace or in the cluster.
func buildChanged(r *reading) (outcome, bool) {
	if r.imperative(cSet, cUpgrade, cCreate) && !r.has(cAsk) && !r.asksChanges() {
		return none()
	}
	if q, ok := r.cue(cChanged); ok && q.j < len(r.toks) && r.toks[q.j].text == "as" { // "anything deployed as daemonset"
		return none()
	}
	r.take(cChanged, cGeneric, cAsk, cShow, cHappen, cTail, cNewest, cSince, cHistory, cPlaced, cWorkload, cNow)
	r.also(cUpgrade, cEverything, cChanged)
	var since time.Duration
	if i, ok := r.lit(litDuration); ok {
		since = r.toks[i].dur
		r.useTok(i)
		r.take(cNewer, cSince)
	}
	s, q, ok := r.changedThing()
	if q != nil {
		return asks(q)
	}
	if !ok {
		return none()
	}
	r.take(cIt, cRollout)
	s.Args.Type, s.Args.Since = DiagnoseChanges, since
	return done(s)
}

// asksChanges: "what was deployed", "changes to checkout": the verb of the change is in a question.
func (r *reading) asksChanges() bool {
	q, ok := r.cue(cChanged)
	return ok && (q.j-q.i > 1 || r.words(q.mention) == "changes")
}

// changedThing is what the changes are of: a named object, one kind of a namespace, the namespace, else the cluster.
func (r *reading) changedThing() (Step, *question, bool) {
	named := len(r.thingsNamed()) > 0 || r.forced != nil || len(r.focus.Names) > 0 && (r.has(cIt) || r.hasWord("there") || len(r.leftover()) == 0 && len(r.nss) == 0 && len(r.freeKinds()) == 0 && !r.has(cEverywhere))
	if named {
		t, q := r.target(targetSpec{list: true, verb: "show the changes of", focus: true})
		return step(OpDiagnose, t), q, len(t.names) > 0 || t.kind != nil
	}
	pods := r.kindNamed("pods")
	kinds := r.freeKinds()
	if pods == nil || len(kinds) > 1 {
		return Step{}, nil, false
	}
	where := r.scope(false)
	if !where.said {
		where = scope{ns: r.focus.Namespace, all: r.focus.Namespace == ""}
	}
	t := target{kind: pods, where: where}
	if len(kinds) == 1 {
		t.kind = kinds[0].kinds[0]
		r.useKind(kinds[0])
	}
	return step(OpDiagnose, t), nil, true
}

func isRolledOut(key string) bool {
	for _, k := range workloadKinds {
		if k == key {
			return true
		}
	}
	return false
}

// waitConditions are the conditions that words mean, by kind; the first that fits is taken.
var waitConditions = []struct {
	c    concept
	key  string // empty: any kind
	cond string
}{
	{cDelete, "", "delete"}, {cGone, "", "delete"},
	{cCompleted, "jobs.batch", "condition=complete"}, {cStatus, "jobs.batch", "condition=complete"}, {cFailed, "jobs.batch", "condition=failed"},
	{cReady, "jobs.batch", "condition=complete"},
	{cHealth, "deployments.apps", "condition=Available"}, {cReady, "deployments.apps", "condition=Available"}, {cAttr, "deployments.apps", "condition=Available"},
	{cRunning, "deployments.apps", "condition=Available"},
	{cAttr, "persistentvolumeclaims", "jsonpath={.status.phase}=Bound"},
	{cReady, "", "condition=Ready"}, {cHealth, "", "condition=Ready"}, {cRunning, "", "condition=Ready"},
}

// buildWait: "wait until checkout is available", "tell me when the job is done".
func buildWait(r *reading) (outcome, bool) {
	if !r.imperative(cWait) && !r.has(cLetMeKnow) {
		return none()
	}
	r.take(cWait, cLetMeKnow, cGeneric)
	if r.has(cRollout) {
		return buildRolloutStatus(r)
	}
	s := Step{}
	if i, ok := r.lit(litDuration); ok {
		s.Args.Timeout = r.toks[i].dur
		r.useTok(i)
		r.take(cMax, cSince)
		for i, t := range r.toks {
			if strings.HasPrefix(t.text, "timeout") {
				r.useTok(i)
			}
		}
	}
	selector := r.selector()
	t, q := r.target(targetSpec{list: selector != "", verb: "wait for", focus: true})
	if q != nil {
		return asks(q)
	}
	if len(t.names) == 0 && t.labels == "" && selector == "" || t.kind == nil {
		return none()
	}
	r.take(cIt)
	for _, w := range waitConditions {
		if (w.key == "" || w.key == t.kind.Key()) && r.has(w.c) {
			s.Args.Condition = w.cond
			break
		}
	}
	if s.Args.Condition == "" {
		if isRolledOut(t.kind.Key()) {
			return done(step(OpRolloutStatus, t))
		}
		return none()
	}
	if isRolledOut(t.kind.Key()) && t.kind.Key() != "deployments.apps" && s.Args.Condition != "delete" {
		return done(step(OpRolloutStatus, t)) // the other workloads have no such condition
	}
	r.take(cDelete, cGone, cCompleted, cStatus, cFailed, cReady, cHealth, cAttr, cRunning, cUses)
	keep := s.Args
	s = step(OpWait, t)
	s.Args, s.LabelSelector = keep, joinComma(s.LabelSelector, selector)
	return done(s)
}

package nlp

import (
	"fmt"
	"slices"
)

// buildDiagnose: why does it not work; is it healthy.
func buildDiagnose(r *reading) (outcome, bool) {
	why := r.has(cWhy, cTrouble)
	if !why && r.placeState() {
		r.take(cStatus, cHealth, cGeneric, cAsk, cShow)
		return r.diagnosePlace()
	}
	if !why && !(r.has(cHealth) && r.asksWhether()) && !(r.has(cFailing, cCrashing, cOOM) && r.asksWhether()) && !r.allReady() {
		return none()
	}
	if !why && (r.onlyUp() || r.asksOutcome()) {
		return none()
	}
	if r.has(cWhy) && len(r.toks) <= 2 && len(r.focus.Names) > 0 { // "why?"
		r.take(cWhy)
		t, q := r.fromFocus(r.focus, targetSpec{verb: "look into"}, nil, scope{})
		if q != nil {
			return asks(q)
		}
		return done(step(OpDiagnose, t))
	}
	for _, q := range r.cues { // "something is broken, restart it"
		if (q.c == cRestart || q.c == cScale || q.c == cCreate || q.c == cStop || q.c == cUndo) && (r.clauseVerb(q.i) || r.verbPlace(q.i)) && r.toks[q.i].text != "up" {
			return none()
		}
	}
	if r.has(cEvents) || r.listQuestion() || !r.has(cWhy) && r.listOf() {
		return none()
	}
	trouble := r.has(cTrouble)
	r.take(cWhy, cTrouble, cHealth, cGeneric, cShow, cAsk, cFailing, cFailed, cCrashing, cPending, cNotReady, cNotRunning, cOOM, cPull, cRestarted,
		cRestart, cRunning, cStatus, cEvicted, cTerm, cReady, cScale, cDown, cUp, cHappen, cSuspended, cUsage, cCreate, cRun)
	r.also(cNot)
	if len(r.freeKinds()) == 0 && len(r.thingsNamed()) == 0 && r.forced == nil && !(r.has(cIt) && len(r.focus.Names) > 0) {
		return r.diagnosePlace()
	}
	r.asideKinds()
	t, q := r.target(targetSpec{list: true, verb: "look into", focus: true})
	if q != nil {
		return asks(q)
	}
	if t.owner != nil && t.owner.Kind == "services" { // "why does web-app not route to any pods": the service, and with it its pods
		t = r.one(r.kindNamed("services"), t.owner)
	}
	if trouble { // "exec into foo times out"
		r.take(cExec, cPortForward)
	}
	r.take(cIt, cWorkload, cAll, cCount, cMemory, cCPU, cImage, cContainer)
	r.fields()
	s := step(OpDiagnose, t)
	if len(t.names) == 0 && t.labels == "" && t.owner == nil && t.kind != nil && t.kind.Namespaced && !r.saidScope() && r.focus.Namespace == "" { // trouble is looked for where it may be
		s.Namespace, s.AllNamespaces = "", true
		r.notes = append(r.notes, "No namespace was named, so I look in all of them.")
	}
	return done(s)
}

// asideKinds sets aside kinds that only say what something should do: "why can't the service account ci list pods" is about
// its rights, and "why does the web service not send to any pods" about the service.
func (r *reading) asideKinds() {
	kinds := r.freeKinds()
	named := func(key string) bool {
		i := slices.IndexFunc(kinds, func(k kindMention) bool { return k.kinds[0].Key() == key })
		return i >= 0 && r.namedOfKind(kinds[i:i+1])
	}
	account, service := named("serviceaccounts"), named("services")
	for _, k := range kinds {
		key := k.kinds[0].Key()
		if (account && key != "serviceaccounts" || service && key == "pods") && !r.objectAt(k.i) {
			r.use(k.mention)
		}
	}
}

// allReady: "are all nodes ready" asks for those that are not.
func (r *reading) allReady() bool { return r.has(cReady) && r.has(cAll) && r.asksWhether() }

// onlyUp: "is postgres up" asks to see it; "is postgres healthy" asks to look into it.
func (r *reading) onlyUp() bool {
	q, ok := r.cue(cHealth)
	word := r.words(q.mention)
	return ok && (word == "up" || word == "alive" || word == "up and running") && !r.has(cNot) && len(r.thingsNamed()) > 0
}

// placeState: "how is prod doing", "status of the cluster": a state is asked for, of a place and of nothing in it.
func (r *reading) placeState() bool {
	if !r.has(cStatus, cHealth) || len(r.freeKinds()) > 0 || len(r.focus.Names) > 0 && r.has(cIt) {
		return false
	}
	placed := len(r.nss) > 0
	for _, o := range r.freeObjects() {
		if !onlyNamespaces(o.refs) {
			return false
		}
	}
	return placed || r.hasWord("cluster", "everything", "things")
}

func (r *reading) diagnosePlace() (outcome, bool) {
	pods := r.kindNamed("pods")
	if pods == nil {
		return none()
	}
	where := r.scope(false)
	if !where.said && r.focus.Namespace == "" && len(r.focus.Names) > 0 {
		return none()
	}
	if !where.said {
		where = scope{ns: r.focus.Namespace, all: r.focus.Namespace == ""}
	}
	if r.has(cIt) && !where.said && r.focus.Namespace == "" && !r.has(cEverything, cAll) { // "what is wrong with it?", and nothing was talked of
		return asks(r.askWhich(targetSpec{verb: "look into"}, nil, where))
	}
	r.take(cEverything, cAll, cWorkload, cIt)
	if len(r.leftover()) > 0 {
		return none()
	}
	return done(step(OpDiagnose, target{kind: pods, where: where}))
}

// asksWhether: "is checkout healthy", "are the pods ok".
func (r *reading) asksWhether() bool {
	for _, t := range r.toks {
		switch t.text {
		case "is", "are", "does", "do":
			return true
		case "which", "what", "how", "list", "show":
			return false
		}
		if !stopWords[t.text] {
			return false
		}
	}
	return false
}

// listQuestion: "which pods have problems" asks for rows, not for reasons.
func (r *reading) listQuestion() bool {
	if r.hasWord("why", "cause", "causes", "reason", "reasons") || len(r.toks) == 0 {
		return false
	}
	for i, t := range r.toks {
		if (t.text == "which" || t.text == "list" || t.text == "show" || t.text == "any" || t.text == "what") && i+2 < len(r.toks) {
			for _, k := range r.freeKinds() {
				if k.i > i && k.i <= i+3 && k.plural {
					return true
				}
			}
		}
	}
	return false
}

// listOf: "pods stuck in ImagePullBackOff" are rows.
func (r *reading) listOf() bool {
	for _, k := range r.freeKinds() {
		if k.plural && r.verbPlace(k.i) && len(r.thingsNamed()) == 0 {
			return true
		}
	}
	return false
}

func (r *reading) hasWord(words ...string) bool {
	for _, t := range r.toks {
		for _, w := range words {
			if t.text == w {
				return true
			}
		}
	}
	return false
}

// buildCannot answers what chat does not do, by name.
func buildCannot(r *reading) (outcome, bool) {
	say := func(what, instead string) (outcome, bool) {
		return refuses(fmt.Sprintf("I don't %s from chat. %s", what, instead))
	}
	switch {
	case r.whichSecret():
		return none()
	case r.has(cSecretValue) && (r.saysKind("secrets") || r.secretNamed()) || r.has(cSecretValue) && r.hasWord("secret", "secrets", "password", "passwords", "credentials"):
		return refuses(secretValues)
	case r.imperative(cExec) && !r.ownShell() && !r.has(cTrouble) && !r.hasCommand() && (r.somethingNamed() || r.has(cContainer)):
		return say("run commands inside containers", "I can show logs, events and what is wrong; for a shell, use kubectl exec through the same tunnel.")
	case r.imperative(cPortForward) && (r.somethingNamed() || r.has(cPort)):
		return say("forward ports", "Use kubectl port-forward through the same tunnel.")
	case r.imperative(cCopy) && r.somethingNamed():
		return say("copy files", "Use kubectl cp through the same tunnel.")
	case r.imperative(cEdit) && r.somethingNamed():
		return say("open an editor", "Say what to change, such as \"set LOG_LEVEL to debug on checkout\".")
	case r.has(cApply):
		return say("apply local files or Helm charts", "I can create namespaces, deployments, config maps and more when you say what they hold.")
	}
	return none()
}

// ownShell tells whether somebody speaks of their own terminal, and wants none: "my terminal is broken".
func (r *reading) ownShell() bool {
	q, ok := r.cue(cExec)
	return ok && q.i > 0 && (r.toks[q.i-1].text == "my" || r.toks[q.i-1].text == "our") && q.j < len(r.toks) && statives[r.toks[q.j].text]
}

func (r *reading) somethingNamed() bool {
	return len(r.freeKinds()) > 0 || len(r.freeObjects()) > 0
}

func (r *reading) secretNamed() bool {
	for _, o := range r.freeObjects() {
		for _, ref := range o.refs {
			if ref.Kind == "secrets" {
				return true
			}
		}
	}
	return false
}

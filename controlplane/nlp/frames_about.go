package nlp

import (
	"fmt"
	"strings"
)

func buildWhoAmI(r *reading) (outcome, bool) {
	r.take(cWhoAmI, cGeneric, cShow)
	return done(Step{Op: OpWhoAmI})
}

// buildRights: what may I do here?
func buildRights(r *reading) (outcome, bool) {
	r.take(cCanDo, cShow, cGeneric)
	r.also(cCanI)
	if len(r.freeKinds()) > 0 {
		return none()
	}
	where := r.scope(false)
	if !where.said {
		where = scope{ns: r.v.Namespace()}
		if r.focus.Namespace != "" {
			where.ns = r.focus.Namespace
		}
	}
	r.take(cAll)
	s := Step{Op: OpCanI, Namespace: where.ns}
	if where.all {
		s.Namespace = ""
	}
	return done(s)
}

// apiVerbs are the API's verbs behind the words, with the subresource they are used on.
var apiVerbs = []struct {
	c         concept
	verb, sub string
}{
	{cExec, "create", "exec"}, {cPortForward, "create", "portforward"}, {cLogs, "get", "log"}, {cDrain, "create", "eviction"},
	{cScale, "patch", "scale"}, {cRestart, "patch", ""}, {cUndo, "patch", ""}, {cEdit, "update", ""}, {cDelete, "delete", ""},
	{cCreate, "create", ""}, {cLabel, "patch", ""}, {cAnnotate, "patch", ""}, {cCordon, "patch", ""}, {cSet, "update", ""},
	{cDescribe, "get", ""}, {cFollow, "watch", ""}, {cShow, "list", ""}, {cGeneric, "get", ""},
}

var plainVerbs = wordSet("get list watch create update patch delete deletecollection impersonate bind escalate")

func buildCanI(r *reading) (outcome, bool) {
	q, _ := r.cue(cCanI)
	first := q.i == 0 || r.verbPlace(q.i) || stopWords[r.toks[0].text] || r.has(cGeneric)
	if !first {
		return none()
	}
	r.use(q.mention)
	s := Step{Op: OpCanI}
	for i := range r.toks {
		if i >= q.j && plainVerbs[r.toks[i].text] && s.Args.Verb == "" {
			s.Args.Verb = r.toks[i].text
			r.useTok(i)
		}
	}
	for _, a := range apiVerbs {
		if s.Args.Verb == "" && r.has(a.c) {
			s.Args.Verb, s.Subresource = a.verb, a.sub
			r.take(a.c)
		}
	}
	if s.Args.Verb == "" {
		return none()
	}
	r.take(cAll, cIt, cCanI)
	kinds := r.freeKinds()
	if len(kinds) == 0 && s.Subresource != "" {
		switch s.Subresource {
		case "log", "exec", "portforward", "eviction":
			s.Resource = r.kindNamed("pods").Resource
		}
	}
	if len(kinds) > 0 {
		s.Resource = kinds[0].kinds[0].Resource
		r.useKind(kinds[0])
	} else if s.Resource.Plural == "" && len(r.freeObjects()) == 0 {
		return none()
	}
	return r.canIWhere(s)
}

func (r *reading) canIWhere(s Step) (outcome, bool) {
	where := r.scope(len(r.freeObjects()) == 1 && s.Resource.Plural == "")
	if objs := r.freeObjects(); len(objs) > 0 {
		ref := objs[0].refs[0]
		for _, o := range objs[0].refs {
			if (s.Resource.Plural == "" || o.Kind == s.Resource.Key()) && (where.ns == "" || o.Namespace == where.ns) {
				ref = o
				break
			}
		}
		if s.Resource.Plural == "" {
			s.Resource = r.v.kinds[ref.Kind].Resource
		}
		if ref.Kind == s.Resource.Key() {
			s.Names = []string{ref.Name}
			if !where.said {
				where.ns = ref.Namespace
			}
			r.use(objs[0].mention)
		}
	}
	if s.Resource.Namespaced {
		if where.ns == "" {
			where = r.listScope(where, &Kind{Resource: s.Resource})
		}
		s.Namespace, s.AllNamespaces = where.ns, where.all
	}
	return done(s)
}

func buildExplain(r *reading) (outcome, bool) {
	for i, t := range r.toks { // deployment.spec.strategy
		head, rest, dotted := strings.Cut(t.text, ".")
		if dotted && len(r.v.words[head]) > 0 && rest != "" && t.lit == litNone && len(r.v.words[t.text]) == 0 {
			r.useTok(i)
			r.take(cExplain, cShow, cGeneric, cAsk)
			for _, k := range r.freeKinds() {
				r.useKind(k)
			}
			_, path, _ := strings.Cut(t.raw, ".")
			return done(Step{Op: OpExplain, Args: Args{Path: r.v.words[head][0].Plural + "." + path}})
		}
	}
	kinds := r.freeKinds()
	if len(kinds) != 1 || len(r.thingsNamed()) > 0 || r.has(cShow) && !r.has(cAsk) && !r.imperative(cExplain) {
		return none()
	}
	r.take(cExplain, cShow, cGeneric, cAsk, cWorkload, cYAML, cAll)
	r.useKind(kinds[0])
	return done(Step{Op: OpExplain, Args: Args{Path: kinds[0].kinds[0].Plural}})
}

func buildKinds(r *reading) (outcome, bool) {
	if len(r.freeKinds()) > 0 || len(r.freeObjects()) > 0 || len(r.nss) > 0 {
		return none()
	}
	r.take(cKinds, cShow, cGeneric, cAsk, cAll)
	r.also(cExplain)
	return done(Step{Op: OpAPIResources})
}

func buildVersion(r *reading) (outcome, bool) {
	if len(r.freeKinds()) > 0 || len(r.freeObjects()) > 0 {
		return none()
	}
	r.take(cVersion, cShow, cGeneric, cAsk, cImage, cRunning, cEverywhere)
	for i, t := range r.toks {
		if t.text == "kubectl" || t.text == "server" || t.text == "api" {
			r.useTok(i)
		}
	}
	return done(Step{Op: OpVersion})
}

// buildDiagnose: why does it not work; is it healthy.
func buildDiagnose(r *reading) (outcome, bool) {
	why := r.has(cWhy, cTrouble)
	if !why && !(r.has(cHealth) && r.asksWhether()) && !(r.has(cFailing, cCrashing) && r.asksWhether()) {
		return none()
	}
	if r.has(cEvents) || r.listQuestion() || !r.has(cWhy) && r.listOf() {
		return none()
	}
	r.take(cWhy, cTrouble, cHealth, cGeneric, cShow, cAsk, cFailing, cFailed, cCrashing, cPending, cNotReady, cNotRunning, cOOM, cPull, cRestarted,
		cRestart, cRunning, cStatus, cEvicted, cTerm, cReady, cScale, cDown, cUp, cHappen, cSuspended, cUsage, cCreate, cRun)
	r.also(cNot)
	if len(r.freeKinds()) == 0 && len(r.thingsNamed()) == 0 && r.forced == nil && !(r.has(cIt) && len(r.focus.Names) > 0) {
		return r.diagnosePlace()
	}
	t, q := r.target(targetSpec{list: true, verb: "look into", focus: true})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cWorkload, cAll, cCount, cMemory, cCPU, cImage, cContainer)
	return done(step(OpDiagnose, t))
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
	if r.hasWord("why") || len(r.toks) == 0 {
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

func buildRolloutStatus(r *reading) (outcome, bool) {
	if !r.has(cRollout) && !(r.has(cStatus) && r.hasWord("progress", "progressing", "done", "finished", "complete")) || r.has(cHistory) || r.has(cCompleted) && r.saysKind("pods", "jobs.batch") {
		return none()
	}
	r.take(cRollout, cStatus, cShow, cGeneric, cAsk, cFollow, cCompleted)
	t, q := r.target(targetSpec{kinds: workloadKinds, verb: "show the rollout of", focus: true})
	if q != nil {
		return asks(q)
	}
	r.take(cIt)
	return done(step(OpRolloutStatus, t))
}

func buildHistory(r *reading) (outcome, bool) {
	r.take(cHistory, cRollout, cShow, cGeneric, cAsk, cRevision, cImage, cPrevious, cCount)
	s := Step{}
	if i, ok := r.lit(litNumber); ok {
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

// buildCannot answers what chat does not do, by name.
func buildCannot(r *reading) (outcome, bool) {
	say := func(what, instead string) (outcome, bool) {
		return refuses(fmt.Sprintf("I don't %s from chat. %s", what, instead))
	}
	switch {
	case r.has(cSecretValue) && (r.saysKind("secrets") || r.secretNamed()) || r.has(cSecretValue) && r.hasWord("secret", "secrets", "password", "passwords", "credentials"):
		return refuses("Values of Secrets are never shown in chat. I can list Secrets and describe them: their keys and sizes.")
	case r.imperative(cExec) && (r.somethingNamed() || r.has(cContainer)):
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

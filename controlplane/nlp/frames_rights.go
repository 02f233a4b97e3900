package nlp

import (
	"strings"
)

func buildWhoAmI(r *reading) (outcome, bool) {
	r.take(cWhoAmI, cGeneric, cShow, cAsk, cCompare, cEverywhere)
	return done(Step{Op: OpWhoAmI})
}

// buildRights: what may I do here?
func buildRights(r *reading) (outcome, bool) {
	r.take(cCanDo, cShow, cGeneric, cAsk)
	r.also(cCanI)
	if len(r.freeKinds()) > 0 && !r.saysKind("namespaces") {
		return none()
	}
	where := r.scope(false)
	if !where.said {
		where = scope{ns: r.v.Namespace()}
		if r.focus.Namespace != "" {
			where.ns = r.focus.Namespace
		}
	}
	r.take(cAll, cEverything, cNS)
	s := Step{Op: OpCanI, Namespace: where.ns}
	if where.all {
		s.Namespace = ""
	}
	return done(s)
}

// buildWhoCan answers who else may do something: a cluster says that of one person at a time only.
func buildWhoCan(r *reading) (outcome, bool) {
	q, _ := r.cue(cWhoCan)
	if !r.verbPlace(q.i) {
		return none()
	}
	return refuses("A cluster answers for one person at a time, so I can't list everybody who may do something. I can check what you may do " +
		"(\"can I delete pods in NAMESPACE?\"), what a service account may do (\"can the service account NAME delete pods?\"), " +
		"and list who was given which role (\"list rolebindings in NAMESPACE\").")
}

// apiVerbs are the API's verbs behind the words, with the subresource they are used on.
var apiVerbs = []struct {
	c         concept
	verb, sub string
}{
	{cExec, "create", "exec"}, {cPortForward, "create", "portforward"}, {cLogs, "get", "log"}, {cDrain, "create", "eviction"},
	{cScale, "patch", "scale"}, {cRestart, "patch", ""}, {cUndo, "patch", ""}, {cEdit, "update", ""}, {cDelete, "delete", ""},
	{cCreate, "create", ""}, {cLabel, "patch", ""}, {cAnnotate, "patch", ""}, {cCordon, "patch", ""}, {cUncordon, "patch", ""}, {cTaint, "patch", ""},
	{cSet, "update", ""}, {cSuspend, "patch", ""}, {cPause, "patch", ""}, {cResume, "patch", ""},
	{cDescribe, "get", ""}, {cFollow, "watch", ""}, {cShow, "list", ""}, {cUses, "get", ""}, {cGeneric, "get", ""},
}

var plainVerbs = wordSet("get list watch create update patch delete deletecollection impersonate bind escalate")

func buildCanI(r *reading) (outcome, bool) {
	q, ok := r.cue(cCanI)
	if !ok {
		return none()
	}
	first := q.i == 0 || r.verbPlace(q.i) || stopWords[r.toks[0].text] || r.has(cGeneric, cFollow) && q.i <= 2
	if !first || q.j < len(r.toks) && r.toks[q.j].text == "have" && !r.has(cReadAccess) { // "could i have the particulars"
		return none()
	}
	r.use(q.mention)
	return r.canI(Step{Op: OpCanI}, q.j)
}

// canI reads the verb and what it is used on, after token from.
func (r *reading) canI(s Step, from int) (outcome, bool) {
	r.also(cCanI)
	for i := range r.toks {
		if i >= from && plainVerbs[r.toks[i].text] && s.Args.Verb == "" {
			s.Args.Verb = r.toks[i].text
			r.useTok(i)
		}
	}
	for _, a := range apiVerbs {
		asNoun := s.Args.Verb == "get" && a.sub == "log" && len(r.otherKinds("pods")) == 0
		if (s.Args.Verb == "" || asNoun) && r.has(a.c) {
			s.Args.Verb, s.Subresource = a.verb, a.sub
			r.take(a.c)
		}
	}
	if s.Args.Verb == "" {
		return none()
	}
	r.take(cAll, cIt, cCanI, cUses, cContainer)
	r.also(cEverything)
	kinds := r.freeKinds()
	if len(kinds) == 0 && s.Subresource != "" {
		switch s.Subresource {
		case "log", "exec", "portforward", "eviction":
			s.Resource = r.kindNamed("pods").Resource
		}
	}
	if s.Subresource == "eviction" { // draining a node evicts pods
		s.Resource = r.kindNamed("pods").Resource
		for _, k := range kinds {
			r.useKind(k)
		}
		kinds = nil
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
		if where.ns == "" && !where.all && s.Namespace != "" {
			where.ns = s.Namespace // of the service account that is asked about
		}
		if where.ns == "" {
			where = r.listScope(where, &Kind{Resource: s.Resource})
		}
		s.Namespace, s.AllNamespaces = where.ns, where.all
	} else {
		s.Namespace = ""
	}
	return done(s)
}

// buildCanThey: may a service account do something? "can checkout-sa list secrets in prod".
func buildCanThey(r *reading) (outcome, bool) {
	i := r.subjectAt()
	if i < 0 {
		return r.canDefault()
	}
	var o objMention
	for _, x := range r.objs {
		if x.i == i {
			o = x
		}
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "serviceaccounts" && (k.j == o.i || k.i == o.j) {
			r.useKind(k)
		}
	}
	r.use(o.mention)
	refs := refsOf(o, "serviceaccounts", scope{})
	where, ns := r.saidPlace(), ""
	for _, ref := range refs {
		if len(refs) == 1 || ref.Namespace == where || where == "" && ref.Namespace == r.focus.Namespace {
			ns = ref.Namespace
		}
	}
	if ns == "" {
		return asks(&question{text: "There is a service account " + refs[0].Name + " in " + among(spacesOf(refs)) + ". Which one?", candidates: refs})
	}
	r.note(o.mention, "the one who would do it")
	r.take(cCanI, cAsk)
	s := Step{Op: OpCanI, Namespace: ns}
	s.Args.Subject = "system:serviceaccount:" + ns + ":" + refs[0].Name
	return r.canI(s, o.j)
}

// canDefault reads what the service account "default" may do, which each namespace has.
func (r *reading) canDefault() (outcome, bool) {
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() != "serviceaccounts" || k.i == 0 || r.toks[k.i-1].text != "default" || k.i > 5 || !r.has(cCanI, cAsk) && !r.hasWord("may", "can", "could", "is", "does") {
			continue
		}
		where := r.saidPlace()
		if where == "" {
			return none()
		}
		r.useKind(k)
		r.useTok(k.i - 1)
		r.take(cCanI, cAsk)
		s := Step{Op: OpCanI, Namespace: where}
		s.Args.Subject = "system:serviceaccount:" + where + ":default"
		return r.canI(s, k.j)
	}
	return none()
}

// saidPlace is the namespace that the text says, without using its words.
func (r *reading) saidPlace() string {
	return r.fork().scope(false).ns
}

// subjectAt finds a service account that stands where the one who acts does: after "can", "is" or "does".
func (r *reading) subjectAt() int {
	for _, o := range r.freeObjects() {
		if len(refsOf(o, "serviceaccounts", scope{})) == 0 {
			continue
		}
		if n := o.j; n < len(r.toks) && (r.toks[n].text == "can" || r.toks[n].text == "may" || r.toks[n].text == "could") && o.i <= 4 {
			return o.i
		}
		p := o.i - 1
		for p >= 0 && (articles[r.toks[p].text] || r.isKind(p)) {
			p--
		}
		if p < 0 {
			continue
		}
		switch w := r.toks[p].text; {
		case w == "can", w == "could", w == "may", w == "if", w == "whether":
			return o.i
		case (w == "is" || w == "does") && r.has(cCanI):
			return o.i
		}
	}
	return -1
}

// SubjectName is who a canI step asks about, in words; "" is the asker.
func SubjectName(s Step) string {
	if rest, ok := strings.CutPrefix(s.Args.Subject, "system:serviceaccount:"); ok {
		return "the service account " + strings.Replace(rest, ":", "/", 1)
	}
	return s.Args.Subject
}

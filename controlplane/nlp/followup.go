package nlp

import (
	"slices"
	"strings"
)

// followFrame stands for the follow-ups in the choice between readings.
var followFrame = frame{name: "followUp", prior: .12}

// followUp reads a turn that changes one thing of the last plan: "and in staging?", "make it 6", "by memory instead".
// The change is made on the plan, so whatever the last plan said stays, class and checks included.
func (r *reading) followUp() (understood, bool) {
	if r.focus.Plan == nil || len(r.focus.Plan.Steps) == 0 || !r.elliptic() {
		return understood{}, false
	}
	c := r.fork()
	s := r.focus.Plan.Steps[len(r.focus.Plan.Steps)-1]
	s.Names, s.Post.Filter = slices.Clone(s.Names), slices.Clone(s.Post.Filter)
	q, changed := c.swap(&s)
	if q == nil && !changed {
		return understood{}, false
	}
	c.take(cSame, cInstead, cAbout, cMake, cIt, cFiller, cAsk, cShow, cGeneric, cNamed)
	return understood{
		steps: []Step{s}, q: q, notes: c.notes, trace: c.trace, score: c.score(), left: c.leftover(), frame: &followFrame, reading: c, verbFix: c.verbFix,
	}, true
}

// elliptic tells whether the turn leans on the one before: it says so, or names no verb of its own.
func (r *reading) elliptic() bool {
	first := r.toks[0].text
	switch first {
	case "and", "same", "now", "what", "how", "only", "but", "instead", "actually", "also", "no", "with", "in", "for", "by", "as", "just", "sorted", "sort", "make", "then", "to", "do":
	default:
		if !r.has(cInstead, cSame) && len(r.toks) > 4 {
			return false
		}
	}
	if (first == "what" || first == "how") && !r.has(cAbout, cCount) {
		return false
	}
	return !r.imperative(cRestart, cDelete, cScale, cLogs, cDescribe, cCreate, cUndo, cDrain, cCordon, cUncordon, cWhy, cTop, cEvents, cExpose, cAutoscale, cLabel, cAnnotate)
}

// swap puts what the turn names into the step.
func (r *reading) swap(s *Step) (*question, bool) {
	changed := r.swapCount(s)
	r.take(cAbout, cSame, cInstead, cMake)
	if q, ok := r.swapThing(s); q != nil {
		return q, true
	} else if ok {
		changed = true
	}
	where := r.scope(false)
	if where.said {
		if q := r.swapNamespace(s, where); q != nil {
			return q, true
		}
		changed = true
	}
	if s.Op == OpGet || s.Op == OpTop || s.Op == OpLogs {
		changed = r.swapView(s) || changed
	}
	return nil, changed
}

func (r *reading) swapCount(s *Step) bool {
	if s.Op != OpScale {
		return false
	}
	if !r.has(cMake, cInstead, cUp, cDown, cSet) && !r.hasWord("to", "rather", "no") {
		return false
	}
	n, ok := r.number("to", "it")
	if !ok || n > MaxReplicas {
		return false
	}
	r.take(cMake, cSet, cIt, cUp, cDown, cReplicas)
	count := int32(n)
	s.Args.Current, s.Args.Replicas = s.Args.Replicas, &count
	return true
}

// swapThing exchanges the kind of a list, or the object.
func (r *reading) swapThing(s *Step) (*question, bool) {
	kinds := r.freeKinds()
	if len(kinds) > 0 && len(r.thingsNamed()) == 0 {
		k := kinds[0].kinds[0]
		if s.Op != OpGet && s.Op != OpDescribe || len(s.Names) > 0 && k.Key() != s.Resource.Key() {
			return nil, false
		}
		r.useKind(kinds[0])
		if k.Key() != s.Resource.Key() {
			s.Resource, s.Also, s.LabelSelector, s.FieldSelector, s.Post = k.Resource, nil, "", "", Post{}
			if !k.Namespaced {
				s.Namespace, s.AllNamespaces = "", false
			} else if s.Namespace == "" && !s.AllNamespaces {
				s.Namespace = r.listScope(scope{}, k).ns
			}
		}
		return nil, true
	}
	if len(r.thingsNamed()) == 0 || len(s.Names) == 0 {
		return nil, false
	}
	t, q := r.target(targetSpec{kinds: []string{s.Resource.Key()}, write: Classify(*s) != Read, verb: "take"})
	if q != nil {
		return q, false
	}
	if len(t.names) == 0 {
		return nil, false
	}
	s.Names, s.Namespace, s.LabelSelector, s.Container = t.names, t.where.ns, t.labels, ""
	if s.Op == OpScale {
		s.Args.Current = r.current(t)
	}
	return nil, true
}

func (r *reading) swapNamespace(s *Step, where scope) *question {
	if !s.Resource.Namespaced && s.Op != OpEvents && s.Op != OpCanI {
		return nil
	}
	for _, n := range s.Names {
		if s.Op == OpCreate || where.all {
			continue
		}
		if r.v.find(s.Resource.Key(), where.ns, n) == nil {
			q := &question{text: "I see no " + strings.ToLower(s.Resource.Kind) + " " + n + " in " + where.ns + "."}
			for _, o := range r.v.byName[strings.ToLower(n)] {
				if o.Namespace == where.ns {
					q.text += " There is a " + strings.ToLower(r.v.kinds[o.Kind].Kind) + " of that name."
				}
			}
			return q
		}
	}
	s.Namespace, s.AllNamespaces = where.ns, where.all
	if s.Op == OpScale && len(s.Names) == 1 {
		k := r.v.kinds[s.Resource.Key()]
		s.Args.Current = r.current(r.one(k, r.objectOrBare(k, where.ns, s.Names[0])))
	}
	return nil
}

// swapView changes how a read is shown.
func (r *reading) swapView(s *Step) bool {
	changed := false
	switch s.Op {
	case OpTop:
		switch {
		case r.take(cMemory):
			s.Post.Sort, s.Post.Desc, changed = "memory", true, true
		case r.take(cCPU):
			s.Post.Sort, s.Post.Desc, changed = "cpu", true, true
		}
		r.take(cSort, cBy, cUsage)
	case OpGet:
		before := *s
		r.outputs(s)
		r.filters(s)
		if r.has(cSort, cBy) {
			r.take(cSort)
			if r.take(cRestarted) {
				s.Post.Sort = "restarts"
			}
		}
		r.order(s)
		if sel := r.labelSelector(); sel != "" {
			s.LabelSelector = joinComma(s.LabelSelector, sel)
		}
		r.take(cSort, cBy)
		if r.take(cCount) {
			s.Post.Count = true
		}
		changed = KubectlStep(before) != KubectlStep(*s) || len(before.Post.Filter) != len(s.Post.Filter) || before.Post.Count != s.Post.Count
	case OpLogs:
		if r.take(cPrevious) {
			s.Args.Previous, changed = true, true
		}
		if r.take(cFollow) {
			s.Args.Follow, changed = true, true
		}
		if d, ok := r.duration(); ok {
			s.Args.Since, changed = d, true
			r.take(cSince, cTail)
		}
		if n, ok := r.lines(); ok {
			s.Args.Tail, changed = &n, true
		}
		if name := r.containerNamed(); name != "" {
			s.Container, changed = name, true
		}
	}
	return changed
}

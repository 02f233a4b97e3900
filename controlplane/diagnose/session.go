package diagnose

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// How much one Run reads at most.
const (
	maxPods    = 1000 // of a namespace
	maxList    = 500  // of any other kind
	maxLogs    = 5
	maxEvents  = 500
	maxHops    = 4 // ingress, service, deployment, pod, and what that needs
	maxGets    = 60
	maxLookups = 12 // lists of one object's own events
)

// Run looks at the target and what it depends on, and reports what is wrong, worst first. Of a healthy target it finds
// nothing. What the reader may not read is named in the report's notes; only the target itself being unreadable is an
// error.
func Run(ctx context.Context, r Reader, t Target) (Report, error) {
	s := newSession(ctx, r, t)
	if err := s.start(); err != nil {
		return Report{}, err
	}
	return s.report(), nil
}

// session is one Run: what was read, looked at and found.
type session struct {
	*reading
	target Target
	at     time.Time
	wide   bool         // a namespace or the cluster was asked for, not an object
	asked  map[key]bool // what was asked for in one list
	listed map[key]bool // what is of the kind that was asked for

	depth map[key]int
	below map[key][]key // what each object led to
	looks map[key]object
	order []key
	found []*finding
	logs  map[string]bool // whose were read: a workload's container, once
}

// finding is a Finding with what ranks it and what it is grouped by.
type finding struct {
	Finding
	about   key
	group   string    // the same trouble of the same owner
	echo    bool      // a sign of trouble that has its cause elsewhere, if that was found
	when    time.Time // its newest evidence
	began   time.Time // its oldest, where known
	members []key
}

func newSession(ctx context.Context, r Reader, t Target) *session {
	s := &session{
		reading: newReading(ctx, r), target: t, at: t.At,
		listed: map[key]bool{}, depth: map[key]int{}, below: map[key][]key{}, looks: map[key]object{}, logs: map[string]bool{},
	}
	if s.at.IsZero() {
		s.at = time.Now()
	}
	return s
}

func (s *session) start() error {
	if s.target.Resource == namespaces && s.target.Name != "" {
		return s.namespace()
	}
	if s.target.Name == "" {
		s.wide = true
		return s.place()
	}
	o, err := s.get(s.target.Resource, s.target.Namespace, s.target.Name)
	if err != nil {
		return fmt.Errorf("read %s %s: %w", s.target.Resource.Resource, s.target.Name, err)
	}
	s.prepare(o)
	s.look(o, key{})
	if s.isWorkload(o.key()) && o.GetKind() != "Job" && o.replicas() > 0 {
		s.inFront(o)
	}
	s.lookUp(o)
	return nil
}

// lookUp follows the owners of the asked object: a pod's trouble may be its deployment's.
func (s *session) lookUp(o object) {
	for hop := 0; hop < 2; hop++ {
		ref, ok := o.owner()
		gvr, known := resources[ref.Kind]
		if !ok || !known {
			return
		}
		up, err := s.get(gvr, o.GetNamespace(), ref.Name)
		if err != nil {
			return
		}
		s.note(up, o.key())
		o = up
	}
}

// look applies the rules of an object's kind, once. from is what led to it.
func (s *session) look(o object, from key) {
	k := o.key()
	if from != (key{}) && from != k {
		s.below[from] = append(s.below[from], k)
	}
	if _, done := s.looks[k]; done || s.ctx.Err() != nil {
		return
	}
	s.note(o, from)
	if s.depth[k] > maxHops {
		return
	}
	a, ok := analyzers[o.GroupVersionKind().GroupKind()]
	if !ok {
		a = custom
	}
	for _, r := range a.rules {
		found := r.look(s, o)
		for _, f := range found {
			s.add(o, from, f)
		}
		if len(found) > 0 && a.first {
			return
		}
	}
}

func (s *session) note(o object, from key) {
	k := o.key()
	if _, done := s.looks[k]; done {
		return
	}
	s.looks[k] = o
	s.order = append(s.order, k)
	if from != (key{}) {
		s.depth[k] = s.depth[from] + 1
	}
}

// add keeps what a rule found about an object.
func (s *session) add(o object, from key, f finding) {
	f.about = o.key()
	f.Object = f.about.String()
	for i := range f.Evidence {
		if f.Evidence[i].Object == "" {
			f.Evidence[i].Object = f.Object
		}
	}
	f.members = []key{f.about}
	if o.GetKind() == "Pod" {
		s.groupPod(o, from, &f)
	}
	s.found = append(s.found, &f)
}

// groupPod groups a pod's trouble with its siblings'. A pod that was asked for by name stands for itself.
func (s *session) groupPod(o object, from key, f *finding) {
	if s.target.Resource == pods && s.target.Name != "" {
		return
	}
	own, ok := o.workload()
	if ok && own.kind == "Job" { // each run of a CronJob has its own
		own = key{"Job", own.namespace, own.name}
	}
	if !ok && s.isWorkload(from) {
		own, ok = from, true // its selector picks the pod, whoever made it
	}
	if !ok {
		return
	}
	f.group = fmt.Sprint(own, f.Reason, f.Fix != nil)
	f.about, f.Object = own, own.String()
}

func (s *session) isWorkload(k key) bool {
	switch k.kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job":
		return true
	}
	return false
}

// analyzer is what is known about a kind.
type analyzer struct {
	first bool // the first rule that finds something has the last word
	rules []rule
}

// rule looks for one kind of trouble; nil means that there is none.
type rule struct {
	name string // what it looks for, in a few words
	look func(*session, object) []finding
}

// one wraps what a rule found.
func one(f Finding) []finding { return []finding{{Finding: f}} }

// echo wraps a sign that is left out when the trouble behind it is found.
func echo(f Finding) []finding { return []finding{{Finding: f, echo: true}} }

func kindOf(group, kind string) schema.GroupKind { return schema.GroupKind{Group: group, Kind: kind} }

// age is how long an object has been there; one that does not say so has been for long.
func (s *session) age(o object) time.Duration {
	if t := o.GetCreationTimestamp(); !t.IsZero() {
		return s.at.Sub(t.Time)
	}
	return 365 * 24 * time.Hour
}

// asksFor tells whether the object is what was asked for, or one of a kind that was.
func (s *session) asksFor(o object) bool {
	return s.named(o) || s.wide && s.target.Resource.Resource != "" && s.target.Resource != pods && s.listed[o.key()] || s.target.Name == o.GetName() && s.isEndpoints() && s.target.Namespace == o.GetNamespace()
}

// isEndpoints tells whether a service was asked for by its endpoints.
func (s *session) isEndpoints() bool {
	return s.target.Resource == endpoints || s.target.Resource == endpointSlices
}

// named tells whether the object is what was asked for.
func (s *session) named(o object) bool {
	if s.asked[o.key()] {
		return true
	}
	return !s.wide && s.target.Name == o.GetName() && s.target.Namespace == o.GetNamespace() && s.depth[o.key()] == 0
}

package diagnose

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// sweepOrder is what is looked at in a namespace, owners before what they own, so that a pod is told of as its
// deployment's. Each kind is one list.
var sweepOrder = []schema.GroupVersionResource{
	deployments, statefulSets, daemonSets, cronJobs, jobs, pods, ingresses, httpRoutes, services, autoscalers, budgets, claims, certificates,
}

// alsoRead is read for the rules that need it, and not looked at for itself.
var alsoRead = []schema.GroupVersionResource{policies}

// prepare reads side by side what the rules will want to know about one object.
func (s *session) prepare(o object) {
	if o.GetNamespace() == "" {
		return
	}
	qs := []Query{warningsIn(o.GetNamespace())}
	if sel, ok := o.selector(); ok && (s.isWorkload(o.key()) || o.GetKind() == "Service") {
		qs = append(qs, Query{Resource: pods, Namespace: o.GetNamespace(), Labels: sel.String(), Limit: maxPods}, everything(services, o.GetNamespace()))
	}
	s.warm(qs)
}

// namespace is a namespace that was asked for by name: itself, if it can't go, and else what is in it.
func (s *session) namespace() error {
	o, err := s.get(namespaces, "", s.target.Name)
	if err != nil {
		return fmt.Errorf("read namespace %s: %w", s.target.Name, err)
	}
	if o.text("status", "phase") == "Terminating" {
		s.note(o, key{})
		s.stuckNamespace(o)
		return nil
	}
	s.target, s.wide = Target{Namespace: s.target.Name, At: s.target.At}, true
	return s.place()
}

func (s *session) stuckNamespace(o object) {
	f := Finding{Reason: "Terminating", Severity: Warning, Text: "It is being deleted.", Evidence: []Evidence{o.cite("status", "phase")}, Next: "Wait a little; what it holds is deleted first."}
	if since := o.GetDeletionTimestamp(); since != nil {
		f.Text = fmt.Sprintf("It is being deleted since %s.", ago(s.at.Sub(since.Time)))
	}
	for _, kind := range []string{"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionContentFailure", "NamespaceFinalizersRemaining", "NamespaceContentRemaining"} {
		if c := o.condition(kind); c.is("True") {
			f.Evidence, f.Cause = append(f.Evidence, c.evidence()), cmp.Or(f.Cause, capital(sentence(c.message)))
			f.Next = "Look at what remains; the controller that owns a finalizer has to do its part."
		}
	}
	s.add(o, key{}, finding{Finding: f})
}

// place looks at everything of a kind, of a namespace, or of the cluster.
func (s *session) place() error {
	t := s.target
	if t.LabelSelector != "" || t.Resource.Resource != "" && t.Resource != pods {
		return s.kind()
	}
	if t.Namespace == "" {
		return s.cluster()
	}
	qs := []Query{warningsIn(t.Namespace)}
	for _, gvr := range append(sweepOrder, alsoRead...) {
		qs = append(qs, everything(gvr, t.Namespace))
	}
	s.warm(qs)
	return s.sweep(sweepOrder, t.Namespace)
}

// sweep looks at the kinds in order. Only if none of them can be read there is no answer.
func (s *session) sweep(kinds []schema.GroupVersionResource, namespace string) error {
	var first error
	read := 0
	for _, gvr := range kinds {
		a := s.ask(everything(gvr, namespace))
		if a.err != nil {
			if first == nil {
				first = fmt.Errorf("list %s: %w", gvr.Resource, a.err)
			}
			continue
		}
		read++
		if a.more {
			s.left("There are more than %d %s; the first %d were looked at.", len(a.items), gvr.Resource, len(a.items))
		}
		for _, o := range a.items {
			if !s.spokenFor(o) {
				s.look(o, key{})
			}
		}
	}
	if read == 0 {
		return first
	}
	return nil
}

// spokenFor tells whether an object's owner leads to it if there is something to tell: the pods of a job, of which some
// may have failed before one went well, and the jobs of a cron job, of which only the newest matters.
func (s *session) spokenFor(o object) bool {
	ref, ok := o.owner()
	switch {
	case ok && o.GetKind() == "Pod" && ref.Kind == "Job", ok && o.GetKind() == "Job" && ref.Kind == "CronJob":
		a, known := s.whole(resources[ref.Kind], o.GetNamespace())
		return known && slices.ContainsFunc(a.items, func(up object) bool { return up.GetName() == ref.Name && up.GetNamespace() == o.GetNamespace() })
	}
	return false
}

// kind looks at the objects of one kind, or at those with the labels.
func (s *session) kind() error {
	gvr := s.target.Resource
	if gvr.Resource == "" {
		gvr = pods
	}
	q := everything(gvr, s.target.Namespace)
	q.Labels = s.target.LabelSelector
	qs := []Query{q}
	if gvr.Group != "" || gvr.Resource != "nodes" {
		qs = append(qs, warningsIn(s.target.Namespace))
	}
	s.warm(qs)
	a := s.ask(q)
	if a.err != nil {
		return fmt.Errorf("list %s: %w", gvr.Resource, a.err)
	}
	if a.more {
		s.left("There are more than %d %s; the first %d were looked at.", len(a.items), gvr.Resource, len(a.items))
	}
	for _, o := range a.items {
		s.listed[o.key()] = true
	}
	for _, o := range a.items {
		s.look(o, key{})
	}
	return nil
}

// clusterOrder is what is looked at in a whole cluster: what shows trouble in its own status.
var clusterOrder = []schema.GroupVersionResource{
	nodes, apiServices, validating, mutating, deployments, statefulSets, daemonSets, cronJobs, jobs, pods, services, claims, certificates,
}

// most is how many of each a sweep of a large cluster looks into.
const most = 20

// cluster looks at a whole cluster. Small ones are read whole; of a large one only the pods that are not running, the
// workloads that are short of pods, and what warnings name.
func (s *session) cluster() error {
	qs := []Query{warningsIn(""), everything(policies, "")}
	for _, gvr := range clusterOrder {
		qs = append(qs, everything(gvr, ""))
	}
	s.warm(qs)
	if !s.ask(everything(pods, "")).more {
		return s.sweep(clusterOrder, "")
	}
	return s.large()
}

func (s *session) large() error {
	s.left("The cluster has more than %d pods: looked into workloads that are short of ready pods, pods that do not run, and what warnings name.", maxPods)
	bad := Query{Resource: pods, Fields: "status.phase!=Running,status.phase!=Succeeded", Limit: maxList}
	s.warm([]Query{bad})
	if err := s.sweep([]schema.GroupVersionResource{nodes, apiServices, validating, mutating}, ""); err != nil {
		return err
	}
	looked := 0
	for _, gvr := range []schema.GroupVersionResource{deployments, statefulSets, daemonSets} {
		for _, o := range s.ask(everything(gvr, "")).items {
			if o.readyPods() >= o.wanted() {
				continue
			}
			if looked++; looked > most {
				s.left("More than %d workloads are short of ready pods; the first %d were looked into.", most, most)
				break
			}
			s.look(o, key{})
		}
	}
	for _, p := range s.ask(bad).items {
		s.look(p, key{})
	}
	s.warned()
	return nil
}

// warned looks at the pods that warnings name and that nothing has led to yet.
func (s *session) warned() {
	looked := 0
	for _, e := range s.ask(warningsIn("")).items {
		who, _ := e.Object["involvedObject"].(map[string]any)
		k := key{text(who, "kind"), e.GetNamespace(), text(who, "name")}
		if _, done := s.looks[k]; done || k.kind != "Pod" || looked == most || s.at.Sub(lastSeen(e)) > podGrace*60 {
			continue
		}
		looked++
		if p, err := s.get(pods, k.namespace, k.name); err == nil {
			s.look(p, key{})
		}
	}
}

package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
)

var serviceRules = []rule{
	{"nothing is behind it", serviceEndpoints},
	{"its target port is nowhere", targetPorts},
	{"network policies let nobody in", serviceClosed},
	{"it gets no address", noAddress},
}

// serviceEndpoints: does its selector pick pods, and are any of them ready.
func serviceEndpoints(s *session, o object) []finding {
	if o.text("spec", "type") == "ExternalName" {
		return nil
	}
	sel, ok := o.selector()
	if !ok {
		return s.handMade(o)
	}
	list, complete := s.tryList(pods, o.GetNamespace(), sel)
	if len(list) == 0 {
		if !complete {
			return nil
		}
		return s.noEndpoints(o)
	}
	ready, live := 0, 0
	for _, p := range list {
		if phase := p.text("status", "phase"); phase == "Succeeded" || phase == "Failed" {
			continue
		}
		live++
		if p.ready() {
			ready++
		}
	}
	if ready > 0 && s.wide {
		return nil // the pods have their own turn
	}
	if ready == 0 {
		s.behind(o) // first, for the pods to be told of as theirs
	}
	for _, p := range list {
		if !p.ready() {
			s.look(p, o.key())
		} else {
			s.note(p, o.key())
		}
	}
	if ready > 0 || o.flag("spec", "publishNotReadyAddresses") {
		return nil
	}
	return echo(Finding{
		Reason: "NoReadyEndpoints", Severity: Critical, Text: fmt.Sprintf("None of the %s behind it is ready, so it answers nobody.", counted(live, "pod")),
		Evidence: []Evidence{{Path: "endpoints", Value: fmt.Sprintf("0 of %s ready", counted(live, "pod"))}, o.cite("spec", "selector")}, Next: "See why its pods are not ready.",
	})
}

// behind leads to the workloads whose pods the selector picks.
func (s *session) behind(o object) {
	want := o.pairs("spec", "selector")
	for _, w := range s.workloads(o.GetNamespace()) {
		if matches(want, w.pairs("spec", "template", "metadata", "labels")) {
			s.look(w, o.key())
		}
	}
}

// inFront leads from a workload to the services that send to it, or would if their selector were right.
func (s *session) inFront(o object) {
	have := o.pairs("spec", "template", "metadata", "labels")
	for _, svc := range s.list(services, o.GetNamespace(), nil) {
		want := svc.pairs("spec", "selector")
		if len(want) > 0 && (svc.GetName() == o.GetName() || matches(want, have)) {
			s.depth[svc.key()] = 1
			s.look(svc, key{}) // beside the workload, not below it: its trouble is not the workload's cause
		}
	}
}

// handMade: a service without a selector has its endpoints from somebody else.
func (s *session) handMade(o object) []finding {
	if !s.named(o) {
		return nil
	}
	list, complete := s.tryList(endpointSlices, o.GetNamespace(), labels.SelectorFromSet(labels.Set{"kubernetes.io/service-name": o.GetName()}))
	if !complete {
		return nil
	}
	for _, sl := range list {
		if len(sl.maps("endpoints")) > 0 {
			return nil
		}
	}
	return one(Finding{
		Reason: "NoEndpoints", Severity: Warning, Text: "It has no selector, and nobody has made endpoints for it, so it answers nobody.", Evidence: []Evidence{o.cite("spec", "selector")},
		Next: "Give it a selector, or make its EndpointSlice.",
	})
}

// noEndpoints compares the selector with the workloads that might have been meant.
func (s *session) noEndpoints(o object) []finding {
	want := o.pairs("spec", "selector")
	f := Finding{
		Reason: "NoEndpoints", Severity: Critical, Text: fmt.Sprintf("No pod has the labels that its selector asks for (%s), so it answers nobody.", equalities(want)),
		Evidence: []Evidence{o.cite("spec", "selector")}, Next: "Correct the selector, or the labels of the pods.",
	}
	var near object
	best := 0
	for _, w := range s.workloads(o.GetNamespace()) {
		have := w.pairs("spec", "template", "metadata", "labels")
		if matches(want, have) {
			return s.emptyWorkload(o, w, f)
		}
		if n := likeness(o, w, want, have); n > best {
			near, best = w, n
		}
	}
	if near.Unstructured != nil {
		s.meant(o, near, want, &f)
		if s.asksFor(o) {
			s.look(near, o.key()) // with the selector put right, its pods would still have to be well
		}
	}
	return one(f)
}

// workloads are what makes pods in a namespace.
func (s *session) workloads(namespace string) []object {
	var out []object
	for _, gvr := range []string{"Deployment", "StatefulSet", "DaemonSet"} {
		out = append(out, s.list(resources[gvr], namespace, nil)...)
	}
	return out
}

// emptyWorkload: the selector is right, and its workload has no pods.
func (s *session) emptyWorkload(o, w object, f Finding) []finding {
	who := w.key().String()
	f.Evidence, f.Related = append(f.Evidence, with(w, "spec", "replicas")), []string{who}
	if w.GetKind() != "DaemonSet" && w.replicas() == 0 {
		f.Severity, f.Text, f.Next = Warning, fmt.Sprintf("It has no pods: %s is scaled to 0.", who), "Scale it up when it is wanted."
		if !s.named(o) {
			return nil // meant, as far as anybody can tell
		}
		return one(f)
	}
	if s.age(w) < podGrace {
		return nil // they are about to come
	}
	f.Text, f.Next = fmt.Sprintf("It has no pods: %s has made none.", who), "See why."
	s.look(w, o.key())
	return echo(f)
}

// likeness is how likely a workload was meant: the same name, the same keys, the same values. 0 is unlikely.
func likeness(o, w object, want, have map[string]string) int {
	n := 0
	if w.GetName() == o.GetName() {
		n += 4
	}
	for k, v := range want {
		other, ok := have[k]
		switch {
		case ok && other == v:
			n += 3
		case ok && (strings.Contains(v, other) || strings.Contains(other, v)):
			n += 2
		case ok && near(v, other):
			n += 2
		}
	}
	if n > 0 && (strings.Contains(o.GetName(), w.GetName()) || strings.Contains(w.GetName(), o.GetName())) {
		n++
	}
	return n
}

// near tells whether two words share most of their beginning: "web-app-broken" and "web-app".
func near(a, b string) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i >= 3 && i*2 >= max(len(a), len(b))
}

// meant says how the selector differs from the pods of the workload that it probably means.
func (s *session) meant(o, w object, want map[string]string, f *Finding) {
	have := w.pairs("spec", "template", "metadata", "labels")
	who := w.key().String()
	var differ []string
	for _, k := range sortedKeys(want) {
		if v, ok := have[k]; !ok {
			differ = append(differ, "no label "+k)
		} else if v != want[k] {
			differ = append(differ, k+"="+v)
		}
	}
	f.Cause = fmt.Sprintf("The pods of %s have %s, not %s.", who, anded(differ), equalities(want))
	f.Evidence = append(f.Evidence, with(w, "spec", "template", "metadata", "labels"))
	f.Related = append(f.Related, who)
	sel := equalities(w.pairs("spec", "selector", "matchLabels"))
	if sel == "" {
		return
	}
	f.Next = fmt.Sprintf("Set the service's selector to %s, if %s is meant.", sel, who)
	f.Fix = &Fix{Label: "Set the selector to " + sel, Text: fmt.Sprintf("kubectl set selector service %s %s -n %s", o.GetName(), sel, o.GetNamespace())}
}

// targetPorts: a named target port must be in the pods; a number should be one that they declare.
func targetPorts(s *session, o object) []finding {
	sel, ok := o.selector()
	if !ok || o.text("spec", "type") == "ExternalName" {
		return nil
	}
	list := s.list(pods, o.GetNamespace(), sel)
	if len(list) == 0 {
		return nil
	}
	have, silent := declared(list)
	for _, p := range o.maps("spec", "ports") {
		target := at(p, "targetPort")
		if target == nil {
			target = p["port"]
		}
		name, named := target.(string)
		if slices.Contains(have, show(target)) || !named && (silent || len(have) == 0 || o.text("spec", "clusterIP") == "None") {
			continue
		}
		f := Finding{
			Reason: "TargetPortNotFound", Severity: Critical, Text: fmt.Sprintf("Its target port %s is a name that no container of its pods has.", name),
			Evidence: []Evidence{{Path: "spec.ports[" + show(p["port"]) + "].targetPort", Value: show(target)}, {Path: "spec.containers[].ports", Value: cmp.Or(strings.Join(have, ", "), "<none>"), Object: list[0].key().String()}},
			Next:     "Set the target port to one that the container listens on.",
		}
		if !named {
			f.Severity, f.Text = Warning, fmt.Sprintf("It sends to port %s, but the containers of its pods declare %s.", show(target), anded(have))
			f.Cause = "Probably nothing listens on that port."
		}
		return one(f)
	}
	return nil
}

// declared are the ports of the pods' containers, by name and number; silent says that a container declares none, and
// may listen on any.
func declared(list []object) (have []string, silent bool) {
	for _, p := range list {
		for _, c := range p.maps("spec", "containers") {
			ports := maps(c, "ports")
			silent = silent || len(ports) == 0
			for _, port := range ports {
				for _, v := range []string{show(port["containerPort"]), text(port, "name")} {
					if v != "" && !slices.Contains(have, v) {
						have = append(have, v)
					}
				}
			}
		}
	}
	return have, silent
}

// noAddress: a load balancer that could not be made, or one that was asked for and that nobody makes. That it has none
// yet is no fault.
func noAddress(s *session, o object) []finding {
	if o.text("spec", "type") != "LoadBalancer" || len(o.maps("status", "loadBalancer", "ingress")) > 0 {
		return nil
	}
	e, ok := s.event(o, "SyncLoadBalancerFailed", "CreatingLoadBalancerFailed", "AllocationFailed", "UnAvailableLoadBalancer")
	if !ok && (!s.asksFor(o) || o.text("metadata", "creationTimestamp") == "" || s.age(o) < addressGrace) {
		return nil
	}
	if !ok {
		return one(Finding{
			Reason: "LoadBalancerPending", Severity: Warning, Text: fmt.Sprintf("It has no address from outside, %s after it was made.", ago(s.age(o))),
			Cause:    "Nothing in the cluster makes load balancers, or what does has not got to it.",
			Evidence: []Evidence{o.cite("spec", "type"), {Path: "status.loadBalancer.ingress", Value: "<none>"}}, Next: "See whether a cloud's or a load balancer's controller runs here.",
		})
	}
	return []finding{{Finding: Finding{
		Reason: e.text("reason"), Severity: Critical, Text: "It gets no address from outside: " + sentence(e.text("message")), Evidence: []Evidence{o.cite("spec", "type"), citeEvent(e)},
		Next: "Look at the cloud's or the load balancer's controller.",
	}, when: lastSeen(e), began: firstSeen(e)}}
}

// addressGrace is how long the address of a load balancer may take.
const addressGrace = 5 * time.Minute

// endpointsRules lead from endpoints to their service.
var endpointsRules = []rule{{"the service it belongs to", func(s *session, o object) []finding {
	name := cmp.Or(o.GetLabels()["kubernetes.io/service-name"], o.GetName())
	if svc, err := s.get(services, o.GetNamespace(), name); err == nil {
		s.look(svc, o.key())
	}
	return nil
}}}

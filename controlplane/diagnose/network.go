package diagnose

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// service: does its selector pick pods, and are any of them ready.
func (s *session) service(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	sel := selectorOf(o)
	if sel == "" || str(o, "spec", "type") == "ExternalName" {
		return // its endpoints are made by somebody else
	}
	list, err := s.r.List(s.ctx, pods, o.GetNamespace(), sel, "")
	if err != nil {
		return
	}
	if len(list) == 0 {
		s.noEndpoints(o, sel, depth)
		return
	}
	ready := 0
	for i := range list {
		if c := condition(&list[i], "Ready"); c != nil && textOf(c, "status") == "True" {
			ready++
		}
	}
	if ready > 0 {
		return
	}
	for i := range list[:min(len(list), maxObjects)] {
		s.pod(&list[i], depth+1)
	}
	s.found(o, depth, Finding{
		Reason: "NoReadyEndpoints", Severity: Critical, Text: fmt.Sprintf("None of the %d %s behind it is ready, so it answers nobody.", len(list), plural("pod", len(list))),
		Evidence: []string{"spec.selector = " + sel}, Next: "See why its pods are not ready.",
	})
}

// noEndpoints compares the selector with the pods that might have been meant.
func (s *session) noEndpoints(o *unstructured.Unstructured, sel string, depth int) {
	f := Finding{
		Reason: "NoEndpoints", Severity: Critical, Text: fmt.Sprintf("No pod has the labels its selector asks for (%s), so it answers nobody.", sel),
		Evidence: []string{"spec.selector = " + sel}, Next: "Correct the selector, or the labels of the pods.",
	}
	if d, err := s.r.Get(s.ctx, deployments, o.GetNamespace(), o.GetName()); err == nil {
		if have := selectorOf(d); have != "" && have != sel {
			f.Text += fmt.Sprintf(" The deployment of the same name makes pods with %s.", have)
			f.Evidence = append(f.Evidence, "deployments/"+d.GetName()+": spec.selector.matchLabels = "+have)
			f.Next = "Set the service's selector to " + have + ", if that deployment is meant."
		} else if want, _ := replicas(d); want == 0 {
			f.Severity, f.Text = Warning, "It has no pods: the deployment of the same name is scaled to 0."
			f.Evidence = append(f.Evidence, "deployments/"+d.GetName()+": spec.replicas = 0")
			f.Next = "Scale the deployment up when it is wanted."
		}
	}
	s.found(o, depth, f)
}

// claim: a volume claim that is not bound.
func (s *session) claim(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	phase := str(o, "status", "phase")
	if phase != "Pending" && phase != "Lost" {
		return
	}
	f := Finding{
		Reason: "Claim" + phase, Severity: Critical, Text: "It is not bound to a volume.", Evidence: []string{"status.phase = " + phase},
		Next: "Look at its storage class and at the volumes there are.",
	}
	if phase == "Lost" {
		f.Text = "Its volume does not exist any more."
	}
	class := str(o, "spec", "storageClassName")
	if class != "" {
		f.Evidence = append(f.Evidence, "spec.storageClassName = "+class)
		c, err := s.r.Get(s.ctx, classes, "", class)
		switch {
		case err == nil && str(c, "volumeBindingMode") == "WaitForFirstConsumer" && !s.wantedByPod(o):
			return // it waits for a pod, as it should
		case err != nil && s.missing(classes, "", class):
			f.Reason, f.Text, f.Next = "StorageClassMissing", fmt.Sprintf("Its storage class %s does not exist.", class), "Name a storage class that exists; the claim has to be made anew for that."
		}
	}
	for _, e := range s.eventsOf(o) {
		if reason := str(&e, "reason"); reason == "ProvisioningFailed" || reason == "FailedBinding" {
			f.Text += " " + sentence(str(&e, "message"))
			f.Evidence = append(f.Evidence, "event "+reason+": "+str(&e, "message"))
			break
		}
	}
	s.found(o, depth, f)
}

// wantedByPod tells whether a pod waits for the claim.
func (s *session) wantedByPod(o *unstructured.Unstructured) bool {
	list, err := s.r.List(s.ctx, pods, o.GetNamespace(), "", "")
	if err != nil {
		return false
	}
	for _, p := range list {
		volumes, _, _ := unstructured.NestedSlice(p.Object, "spec", "volumes")
		for _, v := range volumes {
			m, _ := v.(map[string]any)
			if name, _, _ := unstructured.NestedString(m, "persistentVolumeClaim", "claimName"); name == o.GetName() {
				return true
			}
		}
	}
	return false
}

var pressures = map[string]string{
	"MemoryPressure": "memory", "DiskPressure": "disk", "PIDPressure": "process ids", "NetworkUnavailable": "network",
}

// node: does it report, and has it room.
func (s *session) node(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	if c := condition(o, "Ready"); c != nil && textOf(c, "status") != "True" {
		s.found(o, depth, Finding{
			Reason: "NodeNotReady", Severity: Critical, Text: "It is not ready" + because(textOf(c, "message")),
			Evidence: []string{"status.conditions[Ready] = " + textOf(c, "status") + ": " + textOf(c, "reason")}, Next: "Look at the machine and its kubelet; its pods are moved after a while.",
		})
	}
	for _, typ := range []string{"MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"} {
		if c := condition(o, typ); c != nil && textOf(c, "status") == "True" {
			s.found(o, depth, Finding{
				Reason: typ, Severity: Warning, Text: "It runs short of " + pressures[typ] + because(textOf(c, "message")),
				Evidence: []string{"status.conditions[" + typ + "] = True"}, Next: "See what uses it: top pods, and the pods on this node.",
			})
		}
	}
	if off, _, _ := unstructured.NestedBool(o.Object, "spec", "unschedulable"); off {
		s.found(o, depth, Finding{
			Reason: "Cordoned", Severity: Info, Text: "It is cordoned: no new pods are placed on it.", Evidence: []string{"spec.unschedulable = true"}, Next: "Uncordon it when the work on it is over.",
		})
	}
}

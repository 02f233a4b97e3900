package diagnose

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// serviceClosed: network policies select every pod behind the service, and none of them lets anybody in.
func serviceClosed(s *session, o object) []finding {
	sel, ok := o.selector()
	if !ok || o.text("spec", "type") == "ExternalName" || !s.aboutTraffic() {
		return nil
	}
	behind := s.list(pods, o.GetNamespace(), sel)
	if len(behind) == 0 {
		return nil
	}
	var names []string
	var evidence []Evidence
	for _, p := range behind {
		open, closing := s.ingressOf(p)
		if open || len(closing) == 0 {
			return nil
		}
		for _, c := range closing {
			if name := c.key().String(); !slices.Contains(names, name) {
				names = append(names, name)
				evidence = append(evidence, Evidence{Path: "spec.ingress", Value: show(at(c.Object, "spec", "ingress")), Object: name}, with(c, "spec", "podSelector"))
			}
		}
	}
	severity := Warning
	if !s.asksFor(o) {
		severity = Info // closed is what policies are for
	}
	return one(Finding{
		Reason: "NetworkPolicyDeniesAll", Severity: severity, Text: fmt.Sprintf("Network policies select all %s behind it and let nobody in.", counted(len(behind), "pod")),
		Cause: fmt.Sprintf("%s selects them, and no policy allows anything to come in.", anded(names)), Evidence: append([]Evidence{o.cite("spec", "selector")}, evidence...),
		Next: "Add a policy that allows who should come in.", Related: names,
	})
}

// aboutTraffic tells whether somebody asks how requests come through, not whether a workload is well: that some workload
// takes none is usually meant.
func (s *session) aboutTraffic() bool {
	return s.wide || slices.Contains([]schema.GroupVersionResource{services, endpoints, endpointSlices, ingresses, httpRoutes, gateways}, s.target.Resource)
}

// ingressOf tells which policies close a pod for what comes in, and whether any of them lets somebody in.
func (s *session) ingressOf(p object) (open bool, closing []object) {
	for _, np := range s.list(policies, p.GetNamespace(), nil) {
		m, _ := at(np.Object, "spec", "podSelector").(map[string]any)
		sel, some := labelSelector(m)
		if some && !sel.Matches(labels.Set(p.GetLabels())) {
			continue
		}
		if types := words(np.Object, "spec", "policyTypes"); len(types) > 0 && !slices.Contains(types, "Ingress") {
			continue
		}
		if rules, _ := at(np.Object, "spec", "ingress").([]any); len(rules) > 0 {
			open = true
		}
		closing = append(closing, np)
	}
	return open, closing
}

// policyRules are for a policy that was asked for: what it does, where that is nothing or everything.
var policyRules = []rule{{"it picks nothing, or allows nothing", func(s *session, o object) []finding {
	if !s.named(o) {
		return nil
	}
	m, _ := at(o.Object, "spec", "podSelector").(map[string]any)
	sel, some := labelSelector(m)
	if !some {
		sel = nil
	}
	list, complete := s.tryList(pods, o.GetNamespace(), sel)
	if complete && len(list) == 0 {
		return one(Finding{
			Reason: "NoPodsSelected", Severity: Info, Text: "It selects no pod, so it does nothing.", Evidence: []Evidence{o.cite("spec", "podSelector")}, Next: "Compare its selector with the labels of the pods that are meant.",
		})
	}
	types := words(o.Object, "spec", "policyTypes")
	in, _ := at(o.Object, "spec", "ingress").([]any)
	if len(in) > 0 || len(types) > 0 && !slices.Contains(types, "Ingress") {
		return nil
	}
	return one(Finding{
		Reason: "NetworkPolicyDeniesAll", Severity: Info, Text: fmt.Sprintf("It lets nothing in to the %s that it selects, unless another policy does.", counted(len(list), "pod")),
		Evidence: []Evidence{o.cite("spec", "podSelector"), o.cite("spec", "policyTypes"), o.cite("spec", "ingress")}, Next: "Add policies that allow who should come in.",
	})
}}}

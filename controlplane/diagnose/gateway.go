package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

var gatewayRules = []rule{{"it is not accepted, or not programmed", func(_ *session, o object) []finding {
	for _, kind := range []string{"Accepted", "Programmed", "Ready"} {
		if c := o.condition(kind); c.is("False") && c.reason != "Pending" {
			return one(Finding{
				Reason: cmp.Or(c.reason, "Not"+kind), Severity: Critical, Text: fmt.Sprintf("It is not %s: %s", strings.ToLower(kind), sentence(cmp.Or(c.message, c.reason))), Evidence: []Evidence{c.evidence(), o.cite("spec", "gatewayClassName")},
				Next: "Look at its class and at that class's controller.",
			})
		}
	}
	for _, l := range o.maps("status", "listeners") {
		for _, kind := range []string{"ResolvedRefs", "Accepted", "Programmed"} {
			c := conditionIn(maps(l, "conditions"), kind)
			if !c.is("False") || c.reason == "Pending" {
				continue
			}
			e := c.evidence()
			e.Path = "status.listeners[" + text(l, "name") + "].conditions[" + kind + "]"
			return one(Finding{
				Reason: cmp.Or(c.reason, "Not"+kind), Severity: Critical, Text: fmt.Sprintf("Its listener %s does not work: %s", text(l, "name"), sentence(cmp.Or(c.message, c.reason))), Evidence: []Evidence{e}, Next: "Correct the listener.",
			})
		}
	}
	return nil
}}}

var routeRules = []rule{
	{"its gateways do not take it", routeParents},
	{"the services it sends to", routeBackends},
}

func routeParents(s *session, o object) []finding {
	for _, ref := range o.maps("spec", "parentRefs") {
		if k := text(ref, "kind"); k != "" && k != "Gateway" {
			continue
		}
		ns, name := cmp.Or(text(ref, "namespace"), o.GetNamespace()), text(ref, "name")
		g, err := s.get(gateways, ns, name)
		if err == nil {
			s.look(g, o.key())
		} else if apierrors.IsNotFound(err) {
			who := key{"Gateway", ns, name}.String()
			return one(Finding{
				Reason: "GatewayNotFound", Severity: Critical, Text: fmt.Sprintf("It belongs to the gateway %s, which does not exist.", name),
				Evidence: []Evidence{{Path: "spec.parentRefs", Value: name}, {Path: "metadata.name", Value: "not found", Object: who}}, Next: "Create the gateway, or name another one.",
			})
		}
	}
	for _, p := range o.maps("status", "parents") {
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			c := conditionIn(maps(p, "conditions"), kind)
			if !c.is("False") {
				continue
			}
			e := c.evidence()
			e.Path = "status.parents[" + text(p, "parentRef", "name") + "].conditions[" + kind + "]"
			f := Finding{
				Reason: cmp.Or(c.reason, "Not"+kind), Severity: Critical, Text: fmt.Sprintf("The gateway %s does not take it: %s", text(p, "parentRef", "name"), sentence(cmp.Or(c.message, c.reason))), Evidence: []Evidence{e},
				Next: "Compare its hosts and its section with the gateway's listeners.",
			}
			if kind == "ResolvedRefs" {
				f.Text, f.Next = "What it sends to can't be used: "+sentence(cmp.Or(c.message, c.reason)), "Correct its backends."
				return echo(f)
			}
			return one(f)
		}
	}
	return nil
}

func routeBackends(s *session, o object) []finding {
	var list []backend
	for i, r := range o.maps("spec", "rules") {
		for _, b := range maps(r, "backendRefs") {
			if k := text(b, "kind"); k == "" || k == "Service" {
				list = append(list, backend{cmp.Or(text(b, "namespace"), o.GetNamespace()), text(b, "name"), b["port"], fmt.Sprintf("spec.rules[%d].backendRefs", i)})
			}
		}
	}
	return s.backends(o, list)
}

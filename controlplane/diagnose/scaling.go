package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var autoscalerRules = []rule{
	{"its target", scaleTarget},
	{"it can't scale", cannotScale},
	{"it has no metrics", noMetrics},
	{"it is at its end", scaleLimited},
}

// scaleTarget leads to what is scaled.
func scaleTarget(s *session, o object) []finding {
	ref, _ := at(o.Object, "spec", "scaleTargetRef").(map[string]any)
	kind, name := text(ref, "kind"), text(ref, "name")
	gvr, known := resources[kind]
	if !known {
		return nil
	}
	if gv, err := schema.ParseGroupVersion(text(ref, "apiVersion")); err != nil || gv.Group != gvr.Group {
		return nil
	}
	target, err := s.get(gvr, o.GetNamespace(), name)
	if err == nil {
		s.look(target, o.key())
		return nil
	}
	if !s.missing(gvr, o.GetNamespace(), name) {
		return nil
	}
	f := Finding{
		Reason: "FailedGetScale", Severity: Critical, Text: fmt.Sprintf("The %s %s that it scales does not exist.", strings.ToLower(kind), name),
		Evidence: []Evidence{o.cite("spec", "scaleTargetRef"), {Path: "metadata.name", Value: "not found", Object: key{kind, o.GetNamespace(), name}.String()}},
		Next:     "Correct scaleTargetRef, or delete the autoscaler.",
	}
	if c := o.condition("AbleToScale"); c.is("False") {
		f.Evidence = append(f.Evidence, c.evidence())
	}
	return one(f)
}

func cannotScale(s *session, o object) []finding {
	c := o.condition("AbleToScale")
	if !c.is("False") || c.reason == "BackoffBoth" || c.reason == "BackoffUpscale" || c.reason == "BackoffDownscale" || s.hasOf(o) {
		return nil
	}
	return one(Finding{
		Reason: cmp.Or(c.reason, "FailedUpdateScale"), Severity: Critical, Text: "It can't scale its target: " + sentence(c.message), Evidence: []Evidence{c.evidence(), o.cite("spec", "scaleTargetRef")},
		Next: "Look at the target and at its scale subresource.",
	})
}

// hasOf tells whether something was already found about the object.
func (s *session) hasOf(o object) bool {
	for _, f := range s.found {
		if f.about == o.key() && f.Severity != Info {
			return true
		}
	}
	return false
}

func noMetrics(s *session, o object) []finding {
	c := o.condition("ScalingActive")
	if !c.is("False") || s.hasOf(o) {
		return nil
	}
	if c.reason == "ScalingDisabled" {
		if !s.named(o) {
			return nil
		}
		return one(Finding{Reason: c.reason, Severity: Info, Text: "It does nothing, because its target is scaled to 0.", Evidence: []Evidence{c.evidence()}, Next: "Scale the target up when it is wanted."})
	}
	f := Finding{
		Reason: cmp.Or(c.reason, "FailedGetResourceMetric"), Severity: Warning, Text: "It does not scale, because it gets no metrics: " + sentence(c.message), Evidence: []Evidence{c.evidence()},
		Next: "See whether the metrics API answers: kubectl top pods.",
	}
	low := strings.ToLower(c.message)
	switch {
	case strings.Contains(low, "missing request"):
		f.Cause, f.Next = "The containers of its target have no request for what it measures.", "Give every container of the target such a request."
	case strings.Contains(low, "could not find the requested resource") || strings.Contains(low, "no known available metric versions") || strings.Contains(low, "no metrics returned") || strings.Contains(low, "unable to fetch metrics"):
		f.Cause, f.Next = "The metrics API does not answer: the metrics server is not there, or not well.", "See whether the metrics server is installed and runs."
	case c.reason == "InvalidSelector":
		f.Cause = "Its target has no selector that it could use."
	}
	return one(f)
}

func scaleLimited(_ *session, o object) []finding {
	c := o.condition("ScalingLimited")
	top, now := o.count("spec", "maxReplicas"), o.count("status", "currentReplicas")
	if !c.is("True") || c.reason != "TooManyReplicas" || now < top {
		return nil
	}
	return one(Finding{
		Reason: c.reason, Severity: Warning, Text: fmt.Sprintf("It is at its maximum of %d replicas and would scale further.", top), Evidence: []Evidence{c.evidence(), o.cite("spec", "maxReplicas"), o.cite("status", "currentReplicas")},
		Cause: "There is more load than its maximum can carry.", Next: "Raise maxReplicas, or see where the load comes from.",
		Fix: &Fix{Label: fmt.Sprintf("Raise the maximum to %d", top+max(1, top/2)), Text: fmt.Sprintf("set the maximum replicas of hpa %s to %d in namespace %s", o.GetName(), top+max(1, top/2), o.GetNamespace())},
	})
}

var budgetRules = []rule{
	{"too few of its pods are well", budgetShort},
	{"it never allows a disruption", budgetBlocks},
	{"it picks nothing", budgetEmpty},
}

func budgetShort(s *session, o object) []finding {
	want, have := o.count("status", "desiredHealthy"), o.count("status", "currentHealthy")
	if o.count("status", "disruptionsAllowed") > 0 || o.count("status", "expectedPods") == 0 || have >= want {
		return nil
	}
	if sel, ok := o.selector(); ok {
		for _, p := range s.list(pods, o.GetNamespace(), sel) {
			s.look(p, o.key())
		}
	}
	return echo(Finding{
		Reason: "InsufficientPods", Severity: Warning, Text: fmt.Sprintf("%d of the %d pods that it wants are well, so no node with one of them can be drained.", have, want),
		Evidence: []Evidence{o.cite("status", "disruptionsAllowed"), o.cite("status", "currentHealthy"), o.cite("status", "desiredHealthy")}, Next: "See why its pods are not ready.",
	})
}

// budgetBlocks: every pod is well, and still none may go.
func budgetBlocks(_ *session, o object) []finding {
	if o.count("status", "disruptionsAllowed") > 0 || o.count("status", "expectedPods") == 0 || o.count("status", "observedGeneration") < o.GetGeneration() {
		return nil
	}
	field := "minAvailable"
	if at(o.Object, "spec", "maxUnavailable") != nil {
		field = "maxUnavailable"
	}
	return one(Finding{
		Reason: "InsufficientPods", Severity: Warning, Text: fmt.Sprintf("It allows no disruption although all its %d pods are well: draining their nodes will wait for ever.", o.count("status", "expectedPods")),
		Cause:    fmt.Sprintf("Its %s of %s leaves no pod that may go.", field, show(at(o.Object, "spec", field))),
		Evidence: []Evidence{o.cite("status", "disruptionsAllowed"), o.cite("spec", field), o.cite("status", "expectedPods")}, Next: "Run one more replica, or loosen the budget.",
	})
}

func budgetEmpty(s *session, o object) []finding {
	sel, ok := o.selector()
	if !s.named(o) || !ok || o.count("status", "expectedPods") > 0 || len(s.list(pods, o.GetNamespace(), sel)) > 0 {
		return nil
	}
	return one(Finding{
		Reason: "NoPods", Severity: Info, Text: "It picks no pods, so it protects nothing.", Evidence: []Evidence{o.cite("spec", "selector")}, Next: "Compare its selector with the labels of the pods that are meant.",
	})
}

func matches(sel map[string]string, have map[string]string) bool {
	return labels.SelectorFromSet(sel).Matches(labels.Set(have))
}

package diagnose

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// podNotReady explains a pod that runs but is not ready: its probes, its readiness gates, its node.
func podNotReady(s *session, o object) []finding {
	c := o.condition("Ready")
	if o.text("status", "phase") != "Running" || c.status == "" || c.is("True") {
		return nil
	}
	if all := o.condition("ContainersReady"); all.is("True") {
		return s.readyButFor(o, c)
	}
	away := s.nodeOf(o)
	e, failing := s.event(o, "Unhealthy", "ProbeError")
	since := o.since("Ready")
	if since.IsZero() {
		since = o.GetCreationTimestamp().Time
	}
	if away && !failing {
		return s.nodeIsAway(o, c)
	}
	spec, patience := unready(o)
	if !since.IsZero() && s.at.Sub(since) < max(patience, podGrace) && s.age(o) < max(patience, podGrace)+podGrace {
		return []finding{} // it has just been made, and may still become ready
	}
	f := finding{Finding: Finding{
		Reason: "NotReady", Severity: Critical, Text: "It runs, but is not ready" + because(c.message), Evidence: []Evidence{c.evidence()},
		Next: "Look at its log.",
	}, began: since}
	if failing {
		s.probeFails(o, e, spec, &f)
	} else if p := probeOf(spec, "readinessProbe"); p != "" {
		f.Cause = "Its readiness probe does not succeed" + bracket(p) + "."
		f.Evidence = append(f.Evidence, Evidence{Path: "spec.containers[" + text(spec, "name") + "].readinessProbe", Value: p})
		f.Next = "Check that the container really answers there, and look at its log."
	}
	return []finding{f}
}

// probeFails tells from the kubelet's event what was asked and what came back.
func (s *session) probeFails(_ object, e object, spec map[string]any, f *finding) {
	message := e.text("message")
	kind := "readinessProbe"
	for _, k := range []string{"Liveness", "Startup"} {
		if strings.HasPrefix(message, k) {
			kind = strings.ToLower(k) + "Probe"
		}
	}
	f.Reason, f.Text = "Unhealthy", "A probe fails: "+sentence(message)
	f.when, f.Evidence = lastSeen(e), append(f.Evidence, citeEvent(e))
	p := probeOf(spec, kind)
	if p != "" {
		f.Evidence = append(f.Evidence, Evidence{Path: "spec.containers[" + text(spec, "name") + "]." + kind, Value: p})
	}
	low := strings.ToLower(message)
	f.Cause, f.Next = "The container does not answer its "+strings.TrimSuffix(kind, "Probe")+" probe"+bracket(p)+".", "Check that the container really answers there."
	switch {
	case strings.Contains(low, "404"):
		f.Cause, f.Next = "The container answers, but it has no such path"+bracket(p)+".", "Correct the probe's path, or serve it."
	case strings.Contains(low, "401") || strings.Contains(low, "403"):
		f.Cause, f.Next = "The path wants a login that the probe does not have"+bracket(p)+".", "Serve the probe's path without a login."
	case strings.Contains(low, "statuscode: 5"):
		f.Cause, f.Next = "The container answers with an error of its own"+bracket(p)+".", "Its log says what it waits for."
	case strings.Contains(low, "connection refused"):
		f.Cause, f.Next = "Nothing listens on the probe's port"+bracket(p)+portHint(spec, kind)+".", "Correct the probe's port, or see why the program does not listen."
	case strings.Contains(low, "timeout") || strings.Contains(low, "deadline exceeded"):
		f.Cause, f.Next = "The container answers too late"+bracket(p)+".", "Raise the probe's timeoutSeconds, or see what keeps the program busy."
	}
}

// portHint compares the probe's port with the ports that the container declares.
func portHint(spec map[string]any, kind string) string {
	probe, _ := spec[kind].(map[string]any)
	want := at(probe, "httpGet", "port")
	if want == nil {
		want = at(probe, "tcpSocket", "port")
	}
	var have []string
	for _, p := range maps(spec, "ports") {
		have = append(have, show(p["containerPort"]))
		if show(p["containerPort"]) == show(want) || text(p, "name") == show(want) {
			return ""
		}
	}
	if want == nil || len(have) == 0 {
		return ""
	}
	return "; the container declares port " + anded(have)
}

// readyButFor: the containers are ready, the pod is not.
func (s *session) readyButFor(o object, c condition) []finding {
	for _, g := range o.maps("spec", "readinessGates") {
		gate := o.condition(text(g, "conditionType"))
		if gate.is("True") {
			continue
		}
		return one(Finding{
			Reason: "ReadinessGatesNotReady", Severity: Warning, Text: fmt.Sprintf("Its containers are ready, but its readiness gate %s is not.", text(g, "conditionType")),
			Evidence: []Evidence{c.evidence(), gate.evidence()}, Next: "Look at the controller that sets this condition.",
		})
	}
	if s.nodeOf(o) {
		return s.nodeIsAway(o, c)
	}
	return one(Finding{Reason: "NotReady", Severity: Warning, Text: "It runs, but is not ready" + because(c.message), Evidence: []Evidence{c.evidence()}, Next: "Look at its node and its events."})
}

func (s *session) nodeIsAway(o object, c condition) []finding {
	node := o.text("spec", "nodeName")
	return echo(Finding{
		Reason: "NodeNotReady", Severity: Critical, Text: fmt.Sprintf("It is not ready because its node %s is not.", node),
		Cause: fmt.Sprintf("The node %s does not report.", node), Evidence: []Evidence{c.evidence(), o.cite("spec", "nodeName")}, Next: "Look at the node.",
		Related: []string{key{"Node", "", node}.String()},
	})
}

// unready is the spec of the first container that is not ready, and how long its probes may take to succeed.
func unready(o object) (map[string]any, time.Duration) {
	for _, c := range containersOf(o) {
		if c.status["ready"] == true || c.spec == nil || c.init {
			continue
		}
		return c.spec, patience(c.spec, "startupProbe") + patience(c.spec, "readinessProbe")
	}
	for _, c := range o.maps("spec", "containers") {
		return c, patience(c, "startupProbe") + patience(c, "readinessProbe")
	}
	return nil, 0
}

func patience(spec map[string]any, kind string) time.Duration {
	probe, ok := spec[kind].(map[string]any)
	if !ok {
		return 0
	}
	number := func(field string, otherwise int64) int64 {
		if n, ok := number(probe, field); ok {
			return n
		}
		return otherwise
	}
	return time.Duration(number("initialDelaySeconds", 0)+number("periodSeconds", 10)*number("failureThreshold", 3)) * time.Second
}

// probeOf says what a probe asks.
func probeOf(spec map[string]any, kind string) string {
	probe, _ := spec[kind].(map[string]any)
	switch {
	case at(probe, "httpGet") != nil:
		return fmt.Sprintf("GET %s on port %s", cmp.Or(text(probe, "httpGet", "path"), "/"), show(at(probe, "httpGet", "port")))
	case at(probe, "tcpSocket") != nil:
		return "TCP port " + show(at(probe, "tcpSocket", "port"))
	case at(probe, "grpc") != nil:
		return "gRPC on port " + show(at(probe, "grpc", "port"))
	case at(probe, "exec") != nil:
		return "command " + strings.Join(words(probe, "exec", "command"), " ")
	}
	return ""
}

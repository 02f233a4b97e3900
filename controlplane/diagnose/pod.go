package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// pod looks at one pod: its phase, its containers, and what it waits for.
func (s *session) pod(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	before := len(s.findings)
	phase := str(o, "status", "phase")
	switch {
	case o.GetDeletionTimestamp() != nil:
		s.terminating(o, depth)
		return
	case phase == "Succeeded":
		return
	case str(o, "status", "reason") == "Evicted":
		s.foundInPod(o, depth, "", Finding{
			Reason: "Evicted", Severity: Warning, Text: "It was evicted from its node: " + sentence(str(o, "status", "message")),
			Evidence: []string{"status.reason = Evicted", "status.message = " + str(o, "status", "message")},
			Next:     "Give the containers requests that match what they use, or free the node. The evicted pod itself can be deleted.",
		})
		return
	}
	if phase == "Pending" {
		s.unschedulable(o, depth)
	}
	for _, c := range containers(o) {
		s.container(o, c, depth)
	}
	if len(s.findings) > before {
		return
	}
	switch phase {
	case "Failed":
		s.foundInPod(o, depth, "", Finding{
			Reason: "PodFailed", Severity: Critical, Text: "It failed" + because(str(o, "status", "message")),
			Evidence: []string{"status.phase = Failed"}, Next: "Read its log and its events.",
		})
	case "Unknown":
		s.foundInPod(o, depth, "", Finding{
			Reason: "NodeLost", Severity: Critical, Text: "Its node does not report any more, so its state is not known.",
			Evidence: []string{"status.phase = Unknown", "spec.nodeName = " + str(o, "spec", "nodeName")}, Next: "Look at the node.",
		})
	case "Pending":
		if len(s.findings) == before {
			s.mounts(o, depth)
		}
	case "Running":
		s.notReady(o, depth)
	}
}

func because(message string) string {
	if message == "" {
		return "."
	}
	return ": " + sentence(message)
}

func (s *session) terminating(o *unstructured.Unstructured, depth int) {
	if len(o.GetFinalizers()) == 0 {
		return
	}
	s.foundInPod(o, depth, "", Finding{
		Reason: "StuckTerminating", Severity: Warning, Text: "It is being deleted and waits for the finalizer " + strings.Join(o.GetFinalizers(), ", ") + ".",
		Evidence: []string{"metadata.deletionTimestamp is set", "metadata.finalizers = " + strings.Join(o.GetFinalizers(), ", ")},
		Next:     "Find the controller that owns the finalizer; it has not done its part.",
	})
}

// unschedulable explains why no node takes the pod.
func (s *session) unschedulable(o *unstructured.Unstructured, depth int) {
	c := condition(o, "PodScheduled")
	if c == nil || textOf(c, "status") != "False" {
		return
	}
	message, reason := textOf(c, "message"), textOf(c, "reason")
	if reason == "SchedulingGated" {
		s.foundInPod(o, depth, "", Finding{
			Reason: "SchedulingGated", Severity: Warning, Text: "It has a scheduling gate, and is not placed until that is removed.",
			Evidence: []string{"status.conditions[PodScheduled].reason = SchedulingGated"}, Next: "Find the controller that set spec.schedulingGates.",
		})
		return
	}
	var why, next []string
	low := strings.ToLower(message)
	add := func(cause, step string) { why, next = append(why, cause), append(next, step) }
	if strings.Contains(low, "insufficient") {
		for _, m := range insufficient.FindAllStringSubmatch(message, -1) {
			add("there is not enough "+m[1]+" free", "lower the pod's "+m[1]+" request, or add nodes")
		}
	}
	if strings.Contains(low, "taint") {
		add("nodes have a taint that it does not tolerate", "add a toleration, or remove the taint")
	}
	if strings.Contains(low, "node affinity") || strings.Contains(low, "node selector") || strings.Contains(low, "affinity/selector") {
		add("no node has the labels that its node selector or affinity asks for"+wanted(o), "label a node, or change the selector")
	}
	if strings.Contains(low, "anti-affinity") {
		add("its anti-affinity keeps it away from pods that are there", "add nodes, or loosen the rule")
	}
	if strings.Contains(low, "persistentvolumeclaim") {
		add("a volume claim of it is not bound", "look at the claim")
		s.claimsOf(o, depth)
	}
	if strings.Contains(low, "unschedulable") {
		add("nodes are cordoned", "uncordon a node")
	}
	text := "No node takes it"
	if len(why) > 0 {
		text += ": " + strings.Join(why, "; ")
	}
	s.foundInPod(o, depth, "", Finding{
		Reason: "Unschedulable", Severity: Critical, Text: text + ".", Next: capital(strings.Join(next, "; or ")),
		Evidence: []string{"status.phase = Pending", "status.conditions[PodScheduled].message = " + message},
	})
}

var insufficient = regexp.MustCompile(`Insufficient ([A-Za-z0-9./\-]+?)[.,]*(?:\s|$)`)

// wanted names the labels of spec.nodeSelector.
func wanted(o *unstructured.Unstructured) string {
	m, _, _ := unstructured.NestedStringMap(o.Object, "spec", "nodeSelector")
	var parts []string
	for k, v := range m {
		parts = append(parts, k+"="+v)
	}
	if len(parts) == 0 {
		return ""
	}
	sortStrings(parts)
	return " (" + strings.Join(parts, ", ") + ")"
}

func (s *session) claimsOf(o *unstructured.Unstructured, depth int) {
	volumes, _, _ := unstructured.NestedSlice(o.Object, "spec", "volumes")
	for _, v := range volumes {
		m, _ := v.(map[string]any)
		name, _, _ := unstructured.NestedString(m, "persistentVolumeClaim", "claimName")
		if name == "" {
			continue
		}
		c, err := s.r.Get(s.ctx, claims, o.GetNamespace(), name)
		switch {
		case err == nil:
			s.claim(c, depth+1)
		case s.missing(claims, o.GetNamespace(), name):
			s.foundInPod(o, depth, "", Finding{
				Reason: "ClaimMissing", Severity: Critical, Text: fmt.Sprintf("Its volume claim %s does not exist.", name),
				Evidence: []string{"spec.volumes[].persistentVolumeClaim.claimName = " + name}, Next: "Create the claim, or take the volume out.",
			})
		}
	}
}

// mounts explains a pod that has a node but does not start, from its events.
func (s *session) mounts(o *unstructured.Unstructured, depth int) {
	for _, e := range s.eventsOf(o) {
		reason, message := str(&e, "reason"), str(&e, "message")
		switch reason {
		case "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox":
			next := "Look at the volume and at what it names."
			if reason == "FailedCreatePodSandBox" {
				next = "Look at the node's network plugin."
			}
			s.foundInPod(o, depth, "", Finding{
				Reason: reason, Severity: Critical, Text: "It can't start: " + sentence(message),
				Evidence: []string{"event " + reason + ": " + message}, Next: next,
			})
			return
		}
	}
}

// notReady explains a pod that runs but is not ready, by its probes.
func (s *session) notReady(o *unstructured.Unstructured, depth int) {
	c := condition(o, "Ready")
	if c == nil || textOf(c, "status") != "False" {
		return
	}
	f := Finding{
		Reason: "NotReady", Severity: Warning, Text: "It runs, but is not ready" + because(textOf(c, "message")),
		Evidence: []string{strings.TrimSuffix("status.conditions[Ready] = False: "+textOf(c, "message"), ": ")}, Next: "Look at its readiness probe and at its log.",
	}
	if all := condition(o, "ContainersReady"); all != nil && textOf(all, "status") == "True" && s.nodeAway(o, depth) {
		f.Reason, f.Text = "NodeNotReady", fmt.Sprintf("Its containers were ready when its node %s last reported, but the node is not ready now.", str(o, "spec", "nodeName"))
		f.Evidence, f.Next = append(f.Evidence, "spec.nodeName = "+str(o, "spec", "nodeName")), "Look at the node."
		s.foundInPod(o, depth, "", f)
		return
	}
	for _, e := range s.eventsOf(o) {
		if message := str(&e, "message"); str(&e, "reason") == "Unhealthy" {
			f.Reason, f.Text = "ProbeFailing", "A probe of it fails: "+sentence(message)
			f.Evidence = append(f.Evidence, "event Unhealthy: "+message)
			break
		}
	}
	if p := probes(o); p != "" {
		f.Evidence = append(f.Evidence, p)
		f.Next = "Check that the container really answers there (" + p + ")."
	}
	s.foundInPod(o, depth, "", f)
}

// nodeAway looks at the pod's node, and tells whether that is the reason.
func (s *session) nodeAway(o *unstructured.Unstructured, depth int) bool {
	name := str(o, "spec", "nodeName")
	if name == "" {
		return false
	}
	n, err := s.r.Get(s.ctx, nodes, "", name)
	if err != nil {
		return false
	}
	c := condition(n, "Ready")
	if c == nil || textOf(c, "status") == "True" {
		return false
	}
	s.node(n, depth+1)
	return true
}

// probes says what the readiness probes ask.
func probes(o *unstructured.Unstructured) string {
	list, _, _ := unstructured.NestedSlice(o.Object, "spec", "containers")
	for _, x := range list {
		c, _ := x.(map[string]any)
		probe, _ := c["readinessProbe"].(map[string]any)
		if get, ok := probe["httpGet"].(map[string]any); ok {
			return fmt.Sprintf("readinessProbe of %s: GET %v on port %v", textOf(c, "name"), get["path"], get["port"])
		}
		if tcp, ok := probe["tcpSocket"].(map[string]any); ok {
			return fmt.Sprintf("readinessProbe of %s: TCP port %v", textOf(c, "name"), tcp["port"])
		}
		if _, ok := probe["exec"].(map[string]any); ok {
			return fmt.Sprintf("readinessProbe of %s: a command", textOf(c, "name"))
		}
	}
	return ""
}

func capital(s string) string {
	if s == "" {
		return "Read its events."
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

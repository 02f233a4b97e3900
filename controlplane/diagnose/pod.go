package diagnose

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// podGrace is how long a new pod may take before its state is called trouble.
const podGrace = time.Minute

// podRules find the one trouble of a pod: what comes first explains what comes after it.
var podRules = []rule{
	{"is being deleted, and stays", podTerminating},
	{"was evicted or preempted", podEvicted},
	{"its node is lost", podLost},
	{"a scheduling gate", podGated},
	{"no node takes it", podUnschedulable},
	{"one of its containers", podContainers},
	{"does not get to start", podNotStarted},
	{"failed as a whole", podFailed},
	{"runs, and is not ready", podNotReady},
	{"keeps restarting", podRestarts},
	{"its node", podNode},
}

// container is one container of a pod: what was asked for and how it is.
type container struct {
	spec, status map[string]any
	path         string // of the status
	name         string
	init         bool
}

func (c container) called() string {
	if c.init {
		return "Init container " + c.name
	}
	return "Container " + c.name
}

// cite is the evidence of a field of the container's status.
func (c container) cite(path ...string) Evidence {
	return Evidence{Path: c.path + "." + strings.Join(path, "."), Value: show(at(c.status, path...))}
}

func (c container) restarts() int64 {
	n, _ := number(c.status, "restartCount")
	return n
}

// containersOf are the containers that have a status, in the order in which they start.
func containersOf(o object) []container {
	var out []container
	for _, f := range []struct{ status, spec string }{{"initContainerStatuses", "initContainers"}, {"containerStatuses", "containers"}} {
		specs := map[string]map[string]any{}
		for _, c := range o.maps("spec", f.spec) {
			specs[text(c, "name")] = c
		}
		for _, st := range o.maps("status", f.status) {
			name := text(st, "name")
			out = append(out, container{specs[name], st, "status." + f.status + "[" + name + "]", name, f.spec == "initContainers"})
		}
	}
	return out
}

func podTerminating(s *session, o object) []finding {
	since := o.GetDeletionTimestamp()
	if since == nil {
		return nil
	}
	late := s.at.Sub(since.Time) // the timestamp already has the grace period in it
	if late < podGrace {
		return []finding{} // it goes as it should
	}
	f := Finding{
		Reason: "Terminating", Severity: Warning, Text: fmt.Sprintf("It should have been gone %s ago.", ago(late)),
		Evidence: []Evidence{{Path: "metadata.deletionTimestamp", Value: since.UTC().Format(time.RFC3339)}},
		Next:     "Look at its node: the kubelet has not confirmed that its containers ended.",
	}
	if fin := o.GetFinalizers(); len(fin) > 0 {
		f.Text = fmt.Sprintf("It is being deleted since %s and waits for the finalizer %s.", ago(late), anded(fin))
		f.Cause = "The controller that owns the finalizer has not done its part."
		f.Evidence = append(f.Evidence, Evidence{Path: "metadata.finalizers", Value: strings.Join(fin, ", ")})
		f.Next = "Find the controller that owns the finalizer, and why it does not finish."
	} else {
		s.nodeOf(o)
	}
	return one(f)
}

func podEvicted(_ *session, o object) []finding {
	reason := o.text("status", "reason")
	if reason == "" && o.condition("DisruptionTarget").is("True") && o.text("status", "phase") == "Failed" {
		reason = "Preempted"
	}
	if reason != "Evicted" && reason != "Preempted" && reason != "Preempting" {
		return nil
	}
	message := cmp.Or(o.text("status", "message"), o.condition("DisruptionTarget").message)
	f := Finding{
		Reason: reason, Severity: Warning, Text: "It was evicted from its node" + because(message),
		Evidence: []Evidence{o.cite("status", "reason"), o.cite("status", "message")},
		Next:     "Give the containers requests that match what they use, or free the node. The evicted pod itself can be deleted.",
	}
	if low := strings.ToLower(message); strings.Contains(low, "low on resource") || strings.Contains(low, "exceed") {
		f.Cause = "The node ran short, and this pod used more than it had requested."
	} else if reason != "Evicted" {
		f.Text, f.Cause = "It had to make room"+because(message), "A pod with a higher priority needed its place."
		f.Next = "Give it a priority class that fits, or add nodes."
	}
	return one(f)
}

func podLost(s *session, o object) []finding {
	if o.text("status", "phase") != "Unknown" && o.text("status", "reason") != "NodeLost" {
		return nil
	}
	s.nodeOf(o)
	return one(Finding{
		Reason: "NodeLost", Severity: Critical, Text: "Its node does not report any more, so its state is not known.",
		Evidence: []Evidence{o.cite("status", "phase"), o.cite("spec", "nodeName")}, Next: "Look at the node.",
	})
}

// podNotStarted explains a pod that has a node but does not start, from its events.
func podNotStarted(s *session, o object) []finding {
	if o.text("status", "phase") != "Pending" || o.text("spec", "nodeName") == "" {
		return nil
	}
	if e, ok := s.event(o, "FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "NetworkNotReady", "FailedBinding"); ok {
		return s.cannotStart(o, e)
	}
	if s.age(o) < 3*podGrace || len(o.maps("status", "containerStatuses")) == 0 && s.age(o) < 5*podGrace {
		return nil
	}
	for _, c := range containersOf(o) {
		if reason := text(c.status, "state", "waiting", "reason"); reason == "ContainerCreating" || reason == "PodInitializing" {
			return one(Finding{
				Reason: reason, Severity: Warning, Text: fmt.Sprintf("It has been starting for %s, and no event says why.", ago(s.age(o))),
				Evidence: []Evidence{c.cite("state", "waiting", "reason"), o.cite("spec", "nodeName")}, Next: "Look at the node's kubelet, and at the size of the images.",
			})
		}
	}
	return nil
}

func (s *session) cannotStart(o, e object) []finding {
	reason, message := e.text("reason"), e.text("message")
	f := Finding{
		Reason: reason, Severity: Critical, Text: "It can't start: " + sentence(message), Evidence: []Evidence{citeEvent(e)},
		Next: "Look at the volume and at what it names.",
	}
	low := strings.ToLower(message)
	switch m := missingConfig.FindStringSubmatch(message); {
	case reason == "FailedCreatePodSandBox" || reason == "NetworkNotReady":
		f.Cause, f.Next = "The node's network plugin did not give it a network.", "Look at the network plugin's pods on that node."
		s.nodeOf(o)
	case m != nil:
		f.Cause = fmt.Sprintf("The %s %s, which a volume of it names, does not exist.", strings.ToLower(m[1]), m[2])
		f.Next = fmt.Sprintf("Create the %s %s, or correct the volume.", strings.ToLower(m[1]), m[2])
		f.Related = []string{key{m[1], o.GetNamespace(), m[2]}.String()}
	case strings.Contains(low, "multi-attach"):
		f.Cause, f.Next = "The volume is still attached to another node.", "Wait for the pod on the other node to go, or delete it; a ReadWriteOnce volume is on one node at a time."
	case strings.Contains(low, "references non-existent") || strings.Contains(low, "no such file"):
		f.Cause = "What the volume names is not there: a key or a path."
	case strings.Contains(low, "timed out"):
		f.Cause = "The storage did not answer in time."
	}
	return []finding{{Finding: f, when: lastSeen(e), began: firstSeen(e)}}
}

func podFailed(s *session, o object) []finding {
	if o.text("status", "phase") != "Failed" {
		return nil
	}
	reason := cmp.Or(o.text("status", "reason"), "Failed") // DeadlineExceeded, OutOfcpu, NodeAffinity, UnexpectedAdmissionError
	return one(Finding{
		Reason: reason, Severity: Critical, Text: "It failed" + because(o.text("status", "message")),
		Evidence: []Evidence{o.cite("status", "phase"), o.cite("status", "reason")}, Next: "Read its log and its events.",
	})
}

// podNode looks at the node of a pod that was asked for and is well by its own account.
func podNode(s *session, o object) []finding {
	if s.named(o) && o.text("status", "phase") == "Running" {
		s.nodeOf(o)
	}
	return nil
}

// nodeOf looks at the pod's node, and tells whether the node is not ready.
func (s *session) nodeOf(o object) bool {
	name := o.text("spec", "nodeName")
	if name == "" {
		return false
	}
	n, err := s.get(nodes, "", name)
	if err != nil {
		return false
	}
	s.look(n, o.key())
	c := n.condition("Ready")
	return c.status != "" && !c.is("True")
}

package diagnose

import "fmt"

var nodeRules = []rule{
	{"it is not ready", nodeReady},
	{"it runs short", nodePressure},
	{"it is cordoned", nodeCordoned},
}

func nodeReady(s *session, o object) []finding {
	c := o.condition("Ready")
	if c.status == "" || c.is("True") || s.age(o) < podGrace && s.at.Sub(o.since("Ready")) < podGrace {
		return nil
	}
	f := finding{Finding: Finding{
		Reason: "NodeNotReady", Severity: Critical, Text: "It is not ready" + because(c.message), Evidence: []Evidence{c.evidence()},
		Cause: "Its kubelet says that it can't run pods.", Next: "Look at the machine and its kubelet; its pods are moved after a while.",
	}, began: o.since("Ready")}
	if c.is("Unknown") {
		f.Cause = "Its kubelet does not report any more: the machine, its network or the kubelet is away."
	}
	if !f.began.IsZero() {
		f.Text += fmt.Sprintf(" Since %s.", ago(s.at.Sub(f.began)))
	}
	if e, ok := s.event(o, "NodeNotReady", "KubeletNotReady", "ContainerGCFailed", "SystemOOM", "Rebooted"); ok {
		f.Evidence, f.when = append(f.Evidence, citeEvent(e)), lastSeen(e)
	}
	return []finding{f}
}

var pressures = []struct{ condition, lacks, next string }{
	{"MemoryPressure", "memory", "See what uses it: kubectl top pods, and the pods on this node."},
	{"DiskPressure", "disk space", "See what fills it: images, logs, emptyDir volumes."},
	{"PIDPressure", "process ids", "See which pod starts so many processes."},
	{"NetworkUnavailable", "a network", "Look at the network plugin on this node."},
}

func nodePressure(_ *session, o object) []finding {
	var out []finding
	for _, p := range pressures {
		if c := o.condition(p.condition); c.is("True") {
			out = append(out, finding{Finding: Finding{
				Reason: p.condition, Severity: Warning, Text: "It runs short of " + p.lacks + because(c.message), Evidence: []Evidence{c.evidence()}, Next: p.next,
			}, began: o.since(p.condition)})
		}
	}
	return out
}

func nodeCordoned(s *session, o object) []finding {
	if !o.flag("spec", "unschedulable") {
		return nil
	}
	f := Finding{
		Reason: "SchedulingDisabled", Severity: Info, Text: "It is cordoned: no new pods are placed on it.", Evidence: []Evidence{o.cite("spec", "unschedulable")}, Next: "Uncordon it when the work on it is over.",
		Fix: &Fix{Label: "Uncordon it", Text: "uncordon " + o.GetName()},
	}
	if !s.named(o) && !s.wide {
		return nil // a pod that already runs there does not mind
	}
	return one(f)
}

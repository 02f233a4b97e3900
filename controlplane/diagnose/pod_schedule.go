package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
)

func podGated(_ *session, o object) []finding {
	if c := o.condition("PodScheduled"); !c.is("False") || c.reason != "SchedulingGated" {
		return nil
	}
	var gates []string
	for _, g := range o.maps("spec", "schedulingGates") {
		gates = append(gates, text(g, "name"))
	}
	return one(Finding{
		Reason: "SchedulingGated", Severity: Warning, Text: fmt.Sprintf("It has the scheduling gate %s, and is not placed until that is removed.", cmp.Or(anded(gates), "of another controller")),
		Evidence: []Evidence{o.condition("PodScheduled").evidence(), {Path: "spec.schedulingGates", Value: strings.Join(gates, ", ")}},
		Next:     "Find the controller that set the gate, and what it waits for.",
	})
}

var insufficient = regexp.MustCompile(`Insufficient ([A-Za-z0-9./\-]+?)[.,]*(?:\s|$)`)

// podUnschedulable explains why no node takes the pod.
func podUnschedulable(s *session, o object) []finding {
	c := o.condition("PodScheduled")
	if o.text("status", "phase") != "Pending" || o.text("spec", "nodeName") != "" {
		return nil
	}
	e, seen := s.event(o, "FailedScheduling")
	if !c.is("False") && !seen {
		return s.neverScheduled(o)
	}
	message := strings.TrimSpace(c.message + " " + messageOf(e, seen))
	u := &unplaced{s: s, o: o, message: message, low: strings.ToLower(message)}
	for _, look := range placings {
		look(u)
	}
	f := finding{Finding: Finding{
		Reason: "Unschedulable", Severity: Critical, Text: "No node takes it" + because(strings.Join(u.why, "; ")), Cause: u.cause,
		Next: cmp.Or(sentence(capital(strings.Join(u.next, ", or "))), "Read its events."), Fix: u.fix, Related: u.related,
	}, began: o.since("PodScheduled")}
	f.Evidence = []Evidence{o.cite("status", "phase")}
	if c.status != "" {
		f.Evidence = append(f.Evidence, c.evidence())
	}
	if seen {
		f.Evidence, f.when = append(f.Evidence, citeEvent(e)), lastSeen(e)
	}
	f.Evidence = append(f.Evidence, u.evidence...)
	return []finding{f}
}

// neverScheduled: no scheduler has said a word about it.
func (s *session) neverScheduled(o object) []finding {
	if s.age(o) < 2*podGrace || o.condition("PodScheduled").status != "" || len(containersOf(o)) > 0 {
		return nil
	}
	name := cmp.Or(o.text("spec", "schedulerName"), "default-scheduler")
	return one(Finding{
		Reason: "Pending", Severity: Critical, Text: fmt.Sprintf("It has waited for a node for %s, and the scheduler %s has not said a word about it.", ago(s.age(o)), name),
		Cause: "The scheduler it names does not run, or has not come to it.", Evidence: []Evidence{o.cite("status", "phase"), o.cite("spec", "schedulerName")},
		Next: "See whether that scheduler runs.",
	})
}

// unplaced gathers why a pod has no node, from the scheduler's message and the nodes there are.
type unplaced struct {
	s            *session
	o            object
	message, low string
	why, next    []string
	cause        string
	evidence     []Evidence
	related      []string
	fix          *Fix
}

func (u *unplaced) add(why, next string) {
	if !slices.Contains(u.why, why) {
		u.why, u.next = append(u.why, why), append(u.next, next)
	}
}

var placings = []func(*unplaced){
	(*unplaced).resources, (*unplaced).labels, (*unplaced).taints, (*unplaced).affinity, (*unplaced).claims, (*unplaced).cordons, (*unplaced).ports,
}

func (u *unplaced) resources() {
	for _, m := range insufficient.FindAllStringSubmatch(u.message, -1) {
		u.add("there is not enough "+m[1]+" free", "lower the pod's "+m[1]+" request, or add nodes")
		u.cause = cmp.Or(u.cause, "It requests more "+m[1]+" than any node it may run on has free.")
		for _, c := range u.o.maps("spec", "containers") {
			if v := at(c, "resources", "requests", m[1]); v != nil {
				u.evidence = append(u.evidence, Evidence{Path: fmt.Sprintf("spec.containers[%s].resources.requests.%s", text(c, "name"), m[1]), Value: show(v)})
			}
		}
	}
	if strings.Contains(u.low, "too many pods") {
		u.add("the nodes have as many pods as they may have", "add nodes")
	}
}

// labels names the label that no node has.
func (u *unplaced) labels() {
	wanted := u.o.pairs("spec", "nodeSelector")
	told := strings.Contains(u.low, "node affinity") || strings.Contains(u.low, "node selector") || strings.Contains(u.low, "nodeselector") || strings.Contains(u.low, "affinity/selector")
	if !told && (len(wanted) == 0 || !u.noneHas(wanted)) {
		return
	}
	u.why = append(u.why, "no node has the labels that its node selector or affinity asks for"+bracket(equalities(wanted)))
	u.next = append(u.next, "label a node, or change the selector")
	if len(wanted) > 0 {
		u.evidence = append(u.evidence, u.o.cite("spec", "nodeSelector"))
	} else if terms := at(u.o.Object, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"); terms != nil {
		u.evidence = append(u.evidence, Evidence{Path: "spec.affinity.nodeAffinity", Value: requirements(terms)})
	}
	list := u.s.list(nodes, "", nil)
	for _, k := range sortedKeys(wanted) {
		if len(list) == 0 {
			break
		}
		values := map[string]bool{}
		for _, n := range list {
			if v, ok := n.GetLabels()[k]; ok {
				values[v] = true
			}
		}
		if values[wanted[k]] {
			continue
		}
		have := "no node has a label " + k
		if len(values) > 0 {
			have = "nodes have " + k + "=" + some(sortedKeys(values), 4)
		}
		u.cause = cmp.Or(u.cause, fmt.Sprintf("None of the %s has %s=%s; %s.", counted(len(list), "node"), k, wanted[k], have))
	}
	u.cause = cmp.Or(u.cause, "Its node selector or affinity asks for labels that no node has.")
}

// noneHas tells whether no node has all the labels, whatever the scheduler stumbled over first.
func (u *unplaced) noneHas(wanted map[string]string) bool {
	list := u.s.list(nodes, "", nil)
	for _, n := range list {
		if matches(wanted, n.GetLabels()) {
			return false
		}
	}
	return len(list) > 0
}

func bracket(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// requirements writes a node affinity as people would: "zone In [a b]".
func requirements(v any) string {
	m, _ := v.(map[string]any)
	var out []string
	for _, t := range maps(m, "nodeSelectorTerms") {
		for _, e := range append(maps(t, "matchExpressions"), maps(t, "matchFields")...) {
			out = append(out, fmt.Sprintf("%s %s %v", text(e, "key"), text(e, "operator"), words(e, "values")))
		}
	}
	return strings.Join(out, "; ")
}

var untolerated = regexp.MustCompile(`taints? (\{[^}]+\})`)

func (u *unplaced) taints() {
	if !strings.Contains(u.low, "taint") {
		return
	}
	var names []string
	for _, m := range untolerated.FindAllStringSubmatch(u.message, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	if len(names) == 0 {
		names = u.nodeTaints()
	}
	sort.Strings(names)
	u.add("nodes have a taint that it does not tolerate"+bracket(some(names, 4)), "add a toleration, or remove the taint")
	u.cause = cmp.Or(u.cause, "The nodes that would do keep pods away that do not tolerate their taint.")
}

// nodeTaints are the taints that the pod does not tolerate, where the scheduler does not name them.
func (u *unplaced) nodeTaints() []string {
	var out []string
	for _, n := range u.s.list(nodes, "", nil) {
		for _, t := range n.maps("spec", "taints") {
			name := "{" + strings.TrimSuffix(text(t, "key")+": "+text(t, "value"), ": ") + "}"
			if text(t, "effect") != "PreferNoSchedule" && !u.tolerates(t) && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func (u *unplaced) tolerates(taint map[string]any) bool {
	for _, t := range u.o.maps("spec", "tolerations") {
		key, exists := text(t, "key"), text(t, "operator") == "Exists"
		if (key == "" && exists || key == text(taint, "key")) && (exists || text(t, "value") == text(taint, "value")) && (text(t, "effect") == "" || text(t, "effect") == text(taint, "effect")) {
			return true
		}
	}
	return false
}

func (u *unplaced) affinity() {
	if strings.Contains(u.low, "anti-affinity") {
		u.add("its anti-affinity keeps it away from pods that are there", "add nodes, or loosen the rule")
	} else if strings.Contains(u.low, "pod affinity") {
		u.add("it wants to be near pods that are not there", "see where those pods are, or loosen the rule")
	}
	if strings.Contains(u.low, "topology spread") {
		u.add("its topology spread constraints forbid the nodes that are left", "add nodes, or loosen the constraint")
	}
}

func (u *unplaced) claims() {
	if !strings.Contains(u.low, "volume") {
		return
	}
	u.add("a volume claim of it is not bound", "look at the claim")
	for _, v := range u.o.maps("spec", "volumes") {
		name := text(v, "persistentVolumeClaim", "claimName")
		if name == "" {
			continue
		}
		who := key{"PersistentVolumeClaim", u.o.GetNamespace(), name}.String()
		c, err := u.s.get(claims, u.o.GetNamespace(), name)
		switch {
		case err == nil:
			u.s.look(c, u.o.key())
			if phase := c.text("status", "phase"); phase != "Bound" {
				u.related = append(u.related, who)
				u.cause = cmp.Or(u.cause, fmt.Sprintf("Its claim %s is %s.", name, cmp.Or(phase, "not bound")))
				u.evidence = append(u.evidence, Evidence{Path: "status.phase", Value: cmp.Or(phase, "<unset>"), Object: who})
			}
		case u.s.missing(claims, u.o.GetNamespace(), name):
			u.related = append(u.related, who)
			u.cause = fmt.Sprintf("Its claim %s does not exist.", name)
			u.evidence = append(u.evidence, Evidence{Path: "spec.volumes[" + text(v, "name") + "].persistentVolumeClaim.claimName", Value: name + " (not found)"})
			u.next = append(u.next, "create the claim")
		}
	}
}

// cordons: a node that is cordoned could be let back in.
func (u *unplaced) cordons() {
	if !strings.Contains(u.low, "unschedulable") {
		return
	}
	var off []string
	for _, n := range u.s.list(nodes, "", nil) {
		if n.flag("spec", "unschedulable") {
			off = append(off, n.GetName())
			u.related = append(u.related, n.key().String())
		}
	}
	u.add("nodes are cordoned"+bracket(some(off, 4)), "uncordon a node")
	if len(off) > 0 {
		u.cause = cmp.Or(u.cause, some(off, 4)+" would do, but new pods are kept away from there.")
		u.fix = &Fix{Label: "Uncordon " + off[0], Text: "uncordon " + off[0]}
		u.evidence = append(u.evidence, Evidence{Path: "spec.unschedulable", Value: "true", Object: key{"Node", "", off[0]}.String()})
	}
}

func (u *unplaced) ports() {
	if strings.Contains(u.low, "free ports") {
		u.add("the host port it asks for is taken on every node", "take the host port out, or add nodes")
	}
}

func messageOf(e object, ok bool) string {
	if !ok {
		return ""
	}
	return e.text("message")
}

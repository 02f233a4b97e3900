package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

var deploymentRules = []rule{
	{"what its pods say", workloadPods},
	{"its selector and its template differ", templateMismatch},
	{"its pods can't be made", replicaFailure},
	{"its rollout does not go on", progress},
	{"fewer pods are ready than asked for", tooFew},
	{"its rollout is paused", paused},
	{"it is scaled to nothing", scaledToZero},
}

var replicaSetRules = []rule{
	{"what its pods say", workloadPods},
	{"its selector and its template differ", templateMismatch},
	{"its pods can't be made", replicaFailure},
	{"fewer pods are ready than asked for", tooFew},
	{"it is scaled to nothing", scaledToZero},
}

var statefulSetRules = []rule{
	{"what its pods say", workloadPods},
	{"its pods can't be made", failedCreate},
	{"an ordinal holds the others back", stuckOrdinal},
	{"fewer pods are ready than asked for", tooFew},
	{"it is scaled to nothing", scaledToZero},
}

var daemonSetRules = []rule{
	{"what its pods say", workloadPods},
	{"its pods can't be made", failedCreate},
	{"pods where none should be", misscheduled},
	{"no node is meant", noNode},
	{"fewer pods are ready than asked for", tooFew},
}

// workloadPods leads to the workload's pods.
func workloadPods(s *session, o object) []finding {
	for _, p := range s.podsOf(o) {
		s.look(p, o.key())
	}
	return nil
}

// podsOf are the pods that a workload's selector picks, without those that another controller made. An empty selector
// picks none.
func (s *session) podsOf(o object) []object {
	sel, ok := o.selector()
	if !ok {
		return nil
	}
	var out []object
	for _, p := range s.list(pods, o.GetNamespace(), sel) {
		own, owned := p.workload()
		ref, _ := p.owner()
		if !owned || own == o.key() || ref.Name == o.GetName() || o.GetKind() == "Service" || ref.Kind == "ReplicaSet" && o.GetKind() == "Deployment" && strings.HasPrefix(ref.Name, o.GetName()+"-") {
			out = append(out, p)
		}
	}
	return out
}

func templateMismatch(_ *session, o object) []finding {
	sel, ok := o.selector()
	have := o.pairs("spec", "template", "metadata", "labels")
	if !ok || len(have) == 0 || sel.Matches(labels.Set(have)) {
		return nil
	}
	return one(Finding{
		Reason: "SelectorMismatch", Severity: Critical, Text: "Its selector does not pick the pods that its template makes.",
		Evidence: []Evidence{o.cite("spec", "selector", "matchLabels"), o.cite("spec", "template", "metadata", "labels")}, Next: "Give the template the labels of the selector.",
	})
}

// replicaFailure: the controller may not make pods.
func replicaFailure(s *session, o object) []finding {
	c := o.condition("ReplicaFailure")
	if !c.is("True") {
		return nil
	}
	return s.notMade(o, cmp.Or(c.reason, "FailedCreate"), c.message, c.evidence())
}

// failedCreate is the same of controllers that have no condition for it.
func failedCreate(s *session, o object) []finding {
	want, have := o.wanted(), max(o.count("status", "replicas"), o.count("status", "currentNumberScheduled"))
	if have >= want {
		return nil
	}
	e, ok := s.event(o, "FailedCreate", "FailedDaemonPod", "FailedPlacement")
	if !ok {
		return nil
	}
	out := s.notMade(o, e.text("reason"), e.text("message"), citeEvent(e))
	out[0].when, out[0].began = lastSeen(e), firstSeen(e)
	return out
}

// wanted is how many pods a workload is to have.
func (o object) wanted() int64 {
	if o.GetKind() == "DaemonSet" {
		return o.count("status", "desiredNumberScheduled")
	}
	return o.replicas()
}

func (o object) readyPods() int64 {
	if o.GetKind() == "DaemonSet" {
		return o.count("status", "numberReady")
	}
	return o.count("status", "readyReplicas")
}

// refusals tell from the API server's message who refused to take the pod.
var refusals = []struct {
	says        *regexp.Regexp
	cause, next string
}{
	{regexp.MustCompile(`exceeded quota: ([^,]+)`), "The quota %s of the namespace is used up.", "Raise the quota, free some of it, or lower what the pods request."},
	{regexp.MustCompile(`failed quota: ([^:]+)`), "The quota %s wants every pod to say what it requests.", "Give the containers requests and limits, or the namespace a limit range with defaults."},
	{regexp.MustCompile(`((?:maximum|minimum) \S+ usage per \S+)`), "A limit range of the namespace forbids it: %s.", "Bring requests and limits within the limit range."},
	{regexp.MustCompile(`violates PodSecurity "([^"]+)"`), "The namespace's pod security level %s forbids such pods.", "Change the pod's security context, or the namespace's level."},
	{regexp.MustCompile(`admission webhook "([^"]+)" denied`), "The admission webhook %s refused it.", "Read its reason; correct the template, or the webhook's policy."},
	{regexp.MustCompile(`failed calling webhook "([^"]+)"`), "The admission webhook %s does not answer, and nothing goes past it.", "See why the webhook's service does not answer."},
	{regexp.MustCompile(`serviceaccounts? "([^"]+)" not found`), "The service account %s does not exist.", "Create the service account, or name another one."},
	{regexp.MustCompile(`serviceaccount (\S+) not found`), "The service account %s does not exist.", "Create the service account, or name another one."},
	{regexp.MustCompile(`no PriorityClass with name (\S+)`), "The priority class %s does not exist.", "Create the priority class, or name another one."},
	{regexp.MustCompile(`forbidden: (.+)`), "The API server forbids it: %s", "Look at the namespace's quota, limit range and admission rules."},
}

func (s *session) notMade(o object, reason, message string, cited Evidence) []finding {
	f := Finding{
		Reason: reason, Severity: Critical, Text: "Its pods can't be made: " + sentence(message), Evidence: []Evidence{cited},
		Next: "Look at the namespace's quota, limit range and admission rules.",
	}
	for _, r := range refusals {
		m := r.says.FindStringSubmatch(message)
		if m == nil {
			continue
		}
		f.Cause, f.Next = fmt.Sprintf(r.cause, strings.TrimSuffix(m[1], ",")), r.next
		if strings.Contains(r.cause, "used up") {
			if q, err := s.get(quotas, o.GetNamespace(), m[1]); err == nil {
				f.Related = []string{q.key().String()}
				f.Evidence = append(f.Evidence, with(q, "status", "hard"), with(q, "status", "used"))
			}
		}
		break
	}
	if o.readyPods() >= o.wanted() && o.wanted() > 0 {
		f.Severity = Warning // it serves; what it wants on top is refused
	}
	return one(f)
}

// with cites a field of another object than the finding's.
func with(o object, path ...string) Evidence {
	e := o.cite(path...)
	e.Object = o.key().String()
	return e
}

// progress: the deployment has given up waiting.
func progress(_ *session, o object) []finding {
	c := o.condition("Progressing")
	if !c.is("False") {
		return nil
	}
	return echo(Finding{
		Reason: cmp.Or(c.reason, "ProgressDeadlineExceeded"), Severity: Critical, Text: "Its rollout does not go on: " + sentence(c.message),
		Evidence: []Evidence{c.evidence(), o.cite("status", "readyReplicas")}, Next: "See what its newest pods wait for; rolling back restores the revision before.",
		Fix: undoOf(o),
	})
}

func undoOf(o object) *Fix {
	if o.GetAnnotations()["deployment.kubernetes.io/revision"] == "1" {
		return nil
	}
	return &Fix{Label: "Roll back", Text: fmt.Sprintf("roll back deployment %s in namespace %s", o.GetName(), o.GetNamespace())}
}

// tooFew: fewer pods are ready than asked for, and no pod says why. A rollout that goes on is given its time.
func tooFew(s *session, o object) []finding {
	want, ready := o.wanted(), o.readyPods()
	seen := o.count("status", "observedGeneration")
	if ready >= want || o.GetGeneration() > seen && seen > 0 || s.hasOf(o) {
		return nil
	}
	c := o.condition("Available")
	moving := o.condition("Progressing").reason == "ReplicaSetUpdated" || s.age(o) < 2*podGrace
	if moving && !c.is("False") {
		return nil
	}
	if moving && s.at.Sub(o.since("Available")) < podGrace {
		return nil
	}
	f := finding{echo: true, Finding: Finding{
		Reason: "MinimumReplicasUnavailable", Severity: Warning, Text: fmt.Sprintf("%d of %s ready.", ready, are(want)), Next: "Look at its pods and its events.",
		Evidence: []Evidence{{Path: "status.readyReplicas", Value: fmt.Sprintf("%d of %d", ready, want)}},
	}}
	if c.is("False") {
		f.Evidence = append([]Evidence{c.evidence()}, f.Evidence...)
	}
	if ready == 0 {
		f.Severity = Critical
	}
	for _, e := range s.warnings(o) {
		f.Text += " The newest warning says: " + sentence(e.text("message"))
		f.Evidence, f.when = append(f.Evidence, citeEvent(e)), lastSeen(e)
		break
	}
	return []finding{f}
}

func are(n int64) string {
	if n == 1 {
		return "1 pod is"
	}
	return fmt.Sprintf("%d pods are", n)
}

func paused(_ *session, o object) []finding {
	if !o.flag("spec", "paused") {
		return nil
	}
	return one(Finding{
		Reason: "DeploymentPaused", Severity: Info, Text: "Its rollout is paused: changes of its template make no pods.", Evidence: []Evidence{o.cite("spec", "paused")},
		Next: "Resume the rollout when that is wanted.",
		Fix:  &Fix{Label: "Resume the rollout", Text: fmt.Sprintf("resume rollout of deployment %s in namespace %s", o.GetName(), o.GetNamespace())},
	})
}

// scaledToZero is said of what was asked for by name only: it is usually meant.
func scaledToZero(s *session, o object) []finding {
	if o.replicas() != 0 || !s.named(o) {
		return nil
	}
	return one(Finding{
		Reason: "ScaledToZero", Severity: Info, Text: "It is scaled to 0, so it has no pods.", Evidence: []Evidence{o.cite("spec", "replicas")}, Next: "Scale it up when it is wanted.",
		Fix: &Fix{Label: "Scale to 1", Text: fmt.Sprintf("scale %s %s to 1 in namespace %s", strings.ToLower(o.GetKind()), o.GetName(), o.GetNamespace())},
	})
}

// stuckOrdinal: pods of a StatefulSet are made in order, so one that does not get ready holds back those after it.
func stuckOrdinal(s *session, o object) []finding {
	want, ready := o.replicas(), o.count("status", "readyReplicas")
	if ready >= want || o.text("spec", "podManagementPolicy") == "Parallel" {
		return nil
	}
	first := o.count("spec", "ordinals", "start")
	have := map[string]object{}
	for _, p := range s.podsOf(o) {
		have[p.GetName()] = p
	}
	for i := first; i < first+want; i++ {
		name := fmt.Sprintf("%s-%d", o.GetName(), i)
		p, ok := have[name]
		if ok && p.ready() || ok && s.age(p) < 2*podGrace || i == first+want-1 {
			if ok && p.ready() {
				continue
			}
			return nil
		}
		text := fmt.Sprintf("Its pod %s is not ready and holds back the %s after it.", name, counted(int(first+want-1-i), "pod"))
		if !ok {
			text = fmt.Sprintf("Its pod %s is not there, and holds back those after it.", name)
		}
		return echo(Finding{
			Reason: "StatefulSetStuck", Severity: Critical, Text: text, Evidence: []Evidence{o.cite("status", "readyReplicas"), o.cite("spec", "replicas")},
			Next: "See what " + name + " waits for.", Related: []string{key{"Pod", o.GetNamespace(), name}.String()},
		})
	}
	return nil
}

func misscheduled(_ *session, o object) []finding {
	if o.count("status", "numberMisscheduled") == 0 {
		return nil
	}
	return one(Finding{
		Reason: "DaemonSetMisscheduled", Severity: Info, Text: fmt.Sprintf("%s on nodes that it is not meant for.", capital(runs(o.count("status", "numberMisscheduled")))),
		Evidence: []Evidence{o.cite("status", "numberMisscheduled")}, Next: "See which nodes its selector and tolerations mean; labels or taints may have changed.",
	})
}

func runs(n int64) string {
	if n == 1 {
		return "1 pod of it runs"
	}
	return fmt.Sprintf("%d pods of it run", n)
}

func noNode(s *session, o object) []finding {
	if !s.named(o) || o.count("status", "desiredNumberScheduled") > 0 || s.age(o) < podGrace {
		return nil
	}
	sel := o.pairs("spec", "template", "spec", "nodeSelector")
	return one(Finding{
		Reason: "NoMatchingNodes", Severity: Info, Text: "No node is meant for it" + bracket(equalities(sel)) + ", so it has no pods.",
		Evidence: []Evidence{o.cite("status", "desiredNumberScheduled"), o.cite("spec", "template", "spec", "nodeSelector")}, Next: "Label the nodes that are meant, or change its node selector.",
	})
}

package diagnose

import (
	"fmt"
	"sort"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func (s *session) deployment(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	below := s.below(o, depth)
	want, ready := replicas(o)
	paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused")
	if c := condition(o, "Progressing"); c != nil && textOf(c, "status") == "False" {
		s.found(o, depth, Finding{
			Reason: or(textOf(c, "reason"), "NotProgressing"), Severity: Critical, Text: "Its rollout does not go on: " + sentence(textOf(c, "message")),
			Evidence: []string{"status.conditions[Progressing] = False: " + textOf(c, "reason"), counted(want, ready)},
			Next:     "See what its newest pods wait for; rolling back restores the revision before.",
		})
	} else if c := condition(o, "ReplicaFailure"); c != nil && textOf(c, "status") == "True" {
		s.replicaFailure(o, c, depth)
	} else if ready < want && !below {
		s.short(o, want, ready, depth)
	}
	if paused {
		s.found(o, depth, Finding{
			Reason: "RolloutPaused", Severity: Info, Text: "Its rollout is paused: changes of its template make no pods.",
			Evidence: []string{"spec.paused = true"}, Next: "Resume the rollout when that is wanted.",
		})
	}
}

func (s *session) replicaFailure(o *unstructured.Unstructured, c map[string]any, depth int) {
	s.found(o, depth, Finding{
		Reason: or(textOf(c, "reason"), "ReplicaFailure"), Severity: Critical, Text: "Its pods can't be made: " + sentence(textOf(c, "message")),
		Evidence: []string{"status.conditions[ReplicaFailure] = True: " + textOf(c, "message")},
		Next:     "Look at the namespace's quota, limit range and admission rules.",
	})
}

// short: fewer pods are ready than asked for, and no pod says why.
func (s *session) short(o *unstructured.Unstructured, want, ready int64, depth int) {
	text := fmt.Sprintf("%d of %d pods are ready.", ready, want)
	evidence := []string{counted(want, ready)}
	for _, e := range s.eventsOf(o) {
		if str(&e, "type") == "Warning" {
			text += " The newest warning says: " + sentence(str(&e, "message"))
			evidence = append(evidence, "event "+str(&e, "reason")+": "+str(&e, "message"))
			break
		}
	}
	severity := Warning
	if ready == 0 {
		severity = Critical
	}
	s.found(o, depth, Finding{Reason: "NotEnoughReady", Severity: severity, Text: text, Evidence: evidence, Next: "Look at its pods and its events."})
}

func counted(want, ready int64) string {
	return fmt.Sprintf("spec.replicas = %d, status.readyReplicas = %d", want, ready)
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// replicas are how many are wanted and how many are ready. Unset means one, as the server has it.
func replicas(o *unstructured.Unstructured) (want, ready int64) {
	want, ok := num(o.Object, "spec", "replicas")
	if !ok {
		want = 1
	}
	ready, _ = num(o.Object, "status", "readyReplicas")
	return want, ready
}

// below looks at the workload's pods, and tells whether that found something.
func (s *session) below(o *unstructured.Unstructured, depth int) bool {
	before := len(s.findings)
	list := s.podsOf(o)
	for i := range list {
		s.pod(&list[i], depth+1)
	}
	return len(s.findings) > before
}

func (s *session) statefulSet(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	below := s.below(o, depth)
	if want, ready := replicas(o); ready < want && !below {
		s.short(o, want, ready, depth)
	}
}

func (s *session) replicaSet(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	below := s.below(o, depth)
	if c := condition(o, "ReplicaFailure"); c != nil && textOf(c, "status") == "True" {
		s.replicaFailure(o, c, depth)
		return
	}
	if want, ready := replicas(o); ready < want && !below {
		s.short(o, want, ready, depth)
	}
}

func (s *session) daemonSet(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	below := s.below(o, depth)
	want, _ := num(o.Object, "status", "desiredNumberScheduled")
	ready, _ := num(o.Object, "status", "numberReady")
	if ready < want && !below {
		s.short(o, want, ready, depth)
	}
}

func (s *session) job(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	if c := condition(o, "Complete"); c != nil && textOf(c, "status") == "True" {
		return
	}
	s.below(o, depth)
	if c := condition(o, "Failed"); c != nil && textOf(c, "status") == "True" {
		failed, _ := num(o.Object, "status", "failed")
		s.found(o, depth, Finding{
			Reason: or(textOf(c, "reason"), "JobFailed"), Severity: Critical, Text: "It failed: " + sentence(textOf(c, "message")),
			Evidence: []string{"status.conditions[Failed] = True: " + textOf(c, "reason"), fmt.Sprintf("status.failed = %d", failed)},
			Next:     "Read the log of its last pod; then delete the job and run it again.",
		})
	}
	if suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); suspended {
		s.found(o, depth, Finding{Reason: "Suspended", Severity: Info, Text: "It is suspended.", Evidence: []string{"spec.suspend = true"}, Next: "Resume it when that is wanted."})
	}
}

// cronJob looks at the newest job it made.
func (s *session) cronJob(o *unstructured.Unstructured, depth int) {
	if !s.once(o) {
		return
	}
	if suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); suspended {
		s.found(o, depth, Finding{
			Reason: "Suspended", Severity: Info, Text: "It is suspended, so it runs no jobs.", Evidence: []string{"spec.suspend = true"}, Next: "Resume it when that is wanted.",
		})
	}
	list, err := s.r.List(s.ctx, jobs, o.GetNamespace(), "", "")
	if err != nil {
		return
	}
	var mine []unstructured.Unstructured
	for _, j := range list {
		if kind, name := ownerOf(&j); kind == "cronjob" && name == o.GetName() {
			mine = append(mine, j)
		}
	}
	sort.SliceStable(mine, func(i, j int) bool { return mine[i].GetCreationTimestamp().After(mine[j].GetCreationTimestamp().Time) })
	if len(mine) > 0 {
		s.job(&mine[0], depth+1)
	}
}

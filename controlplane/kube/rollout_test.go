package kube

import (
	"strings"
	"testing"
)

// A rollout is over where kubectl says so, also one that reaches only some of the pods; which it leaves out is said.
func TestARolloutThatLeavesPodsOutSettles(t *testing.T) {
	t.Parallel()
	set := func(kind, spec, status string) string {
		return `{"apiVersion":"apps/v1","kind":"` + kind + `","metadata":{"name":"db","generation":2},"spec":{` + spec + `},"status":{"observedGeneration":2,` + status + `}}`
	}
	partition := func(n string) string {
		return `"replicas":3,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":` + n + `}}`
	}
	const byHand = `"replicas":3,"updateStrategy":{"type":"OnDelete"}`
	for name, c := range map[string]struct {
		object string
		want   string
		over   bool
	}{
		"all of it":                 {set("StatefulSet", partition("0"), `"replicas":3,"readyReplicas":3,"updatedReplicas":3`), "rolled out, 3 of 3 ready", true},
		"not yet":                   {set("StatefulSet", partition("0"), `"replicas":3,"readyReplicas":3,"updatedReplicas":2,"currentReplicas":1`), "2 updated", false},
		"up to the partition":       {set("StatefulSet", partition("2"), `"replicas":3,"readyReplicas":3,"updatedReplicas":1,"currentReplicas":2`), "1 updated; 2 pods left as before by the partition, which is 2", true},
		"not yet to the partition":  {set("StatefulSet", partition("1"), `"replicas":3,"readyReplicas":3,"updatedReplicas":1,"currentReplicas":2`), "1 updated", false},
		"not ready":                 {set("StatefulSet", partition("2"), `"replicas":3,"readyReplicas":2,"updatedReplicas":1,"currentReplicas":2`), "2 of 3 replicas are ready", false},
		"a partition beyond all":    {set("StatefulSet", partition("7"), `"replicas":3,"readyReplicas":3,"currentReplicas":3`), "3 pods left as before by the partition", true},
		"fewer with a partition":    {set("StatefulSet", partition("2"), `"replicas":4,"readyReplicas":4,"updatedReplicas":1`), "4 pods are still there", false},
		"by hand":                   {set("StatefulSet", byHand, `"replicas":3,"readyReplicas":3,"currentReplicas":3`), "3 pods will take the change on only when deleted", true},
		"by hand, not ready":        {set("StatefulSet", byHand, `"replicas":3,"readyReplicas":1,"currentReplicas":3`), "1 of 3 replicas are ready", false},
		"daemons by hand":           {set("DaemonSet", byHand, `"desiredNumberScheduled":2,"numberAvailable":2,"updatedNumberScheduled":1`), "1 pod will take the change on only when deleted", true},
		"daemons":                   {set("DaemonSet", `"x":1`, `"desiredNumberScheduled":2,"numberAvailable":2,"updatedNumberScheduled":1`), "1 updated", false},
		"daemons that are all done": {set("DaemonSet", `"x":1`, `"desiredNumberScheduled":2,"numberAvailable":2,"updatedNumberScheduled":2`), "rolled out, 2 of 2 ready", true},
	} {
		if l := rolloutLook(parsed(t, c.object)); !strings.Contains(l.said, c.want) || l.over != c.over || l.stalled {
			t.Errorf("%s: %+v, want %q, over %t", name, l, c.want, c.over)
		}
	}
}

package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// heldFor is how long an object may be on its way out, beyond its grace period, before its finalizers count as stuck.
const heldFor = 10 * time.Second

// goneLooker follows a deletion until nothing of it is left. What has been made anew under the same name, by a
// controller or by a person, is not what was deleted.
func (c *Cluster) goneLooker(step nlp.Step) looker {
	step.Names = slices.Clone(step.Names)
	return func(ctx context.Context) (look, error) {
		all := look{over: true}
		for _, r := range step.Kinds() {
			of := step
			of.Resource, of.Also = r, nil
			l, err := c.each(ctx, of, func(_ context.Context, name string, o *unstructured.Unstructured) (look, error) {
				return c.going(step.Op, r, name, o), nil
			})
			if err != nil {
				return look{}, err
			}
			all.over, all.stalled = all.over && l.over || l.stalled, all.stalled || l.stalled
			all.said = strings.TrimSpace(all.said + "\n" + l.said)
		}
		if all.over && all.said == "" {
			all.said = "All of it is gone."
		}
		return all, nil
	}
}

// going says how far one object is on its way out.
func (c *Cluster) going(op nlp.Op, r nlp.Resource, name string, o *unstructured.Unstructured) look {
	switch {
	case o == nil:
		return look{said: titleOf(r, name) + " is gone.", over: true}
	case o.GetDeletionTimestamp() == nil && op == nlp.OpRemoveFinalizers:
		return look{said: titleOf(r, name) + " has no finalizers now; it was not being deleted, so it stays.", over: true}
	case o.GetDeletionTimestamp() == nil:
		return look{over: true} // another one by now, or one that a selector finds and nobody deleted
	}
	held := heldBy(o)
	said := titleOf(r, name) + " is on its way out."
	if held == "" {
		return look{said: said}
	}
	l := look{said: titleOf(r, name) + " waits for " + held + "."}
	// the time that the server wrote has the grace period in it
	l.stalled = c.now().Sub(o.GetDeletionTimestamp().Time) > heldFor
	return l
}

// heldBy is what keeps an object that was deleted: its finalizers, or what is left in a namespace.
func heldBy(o *unstructured.Unstructured) string {
	ours := slices.DeleteFunc(o.GetFinalizers(), func(f string) bool { return f == "foregroundDeletion" || f == "orphan" })
	if len(ours) > 0 {
		return "its " + finalizers(ours)
	}
	if o.GetKind() != "Namespace" {
		return ""
	}
	var left []string
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, v := range list {
		m, ok := v.(map[string]any)
		if ok && m["status"] == "True" && slices.Contains([]string{"NamespaceFinalizersRemaining", "NamespaceDeletionDiscoveryFailure", "NamespaceDeletionContentFailure"}, str(m, "type")) {
			left = append(left, str(m, "message"))
		}
	}
	if len(left) == 0 {
		return ""
	}
	return "what is in it: " + strings.Join(left, "; ")
}

func finalizers(names []string) string {
	if len(names) == 1 {
		return "finalizer " + names[0]
	}
	return "finalizers " + strings.Join(names, ", ")
}

// drainLooker follows evictions until nothing is left on the nodes but what stays there.
func (c *Cluster) drainLooker(step nlp.Step) looker {
	return func(ctx context.Context) (look, error) {
		var left []string
		for _, node := range step.Names {
			items, _, err := c.list(ctx, pods, "", "", "spec.nodeName="+node)
			if err != nil {
				return look{}, err
			}
			for i := range items {
				if !staysOnNode(&items[i]) && !ended(&items[i]) {
					left = append(left, items[i].GetNamespace()+"/"+items[i].GetName())
				}
			}
		}
		what := count(len(step.Names), "nodes")
		if len(step.Names) == 1 {
			what = "node " + step.Names[0]
		}
		if len(left) == 0 {
			return look{said: what + " is drained: only what belongs to it is left.", over: true}, nil
		}
		return look{said: fmt.Sprintf("%s: %s left: %s.", what, count(len(left), "pods"), strings.Join(left[:min(len(left), manyTargets)], ", "))}, nil
	}
}

// staysOnNode: pods of DaemonSets would come back at once, and a node's own have no other place.
func staysOnNode(pod *unstructured.Unstructured) bool {
	_, mirror := pod.GetAnnotations()["kubernetes.io/config.mirror"]
	return mirror || ofDaemonSet(pod)
}

func ofDaemonSet(pod *unstructured.Unstructured) bool {
	return controllerOf(pod)["kind"] == "DaemonSet"
}

package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

var serviceAccounts = nlp.Resource{Version: "v1", Plural: "serviceaccounts", Kind: "ServiceAccount", Namespaced: true}

// setServiceAccount lets a workload's pods run as another service account, which has to be there: without it no pod
// would start, and a dry run does not say so.
func (b *changer) setServiceAccount(ctx context.Context) ([]change, error) {
	name := b.step.Args.ServiceAccount
	if name == "" {
		return nil, problem.New(problem.Invalid, "It is not said which service account.")
	}
	_, err := b.c.get(ctx, serviceAccounts, b.step.Namespace, name, "")
	if problem.Is(err, problem.NotFound) {
		return nil, problem.Newf(problem.Conflict, "There is no service account %s in %s: pods that name it would not start.", name, b.step.Namespace).
			WithFix("Create it first.")
	}
	if err := dropForbidden(err); err != nil {
		return nil, err
	}
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		if o.GetKind() == "Pod" {
			return change{}, problem.New(problem.Invalid, "A pod's service account cannot be changed: change what makes the pod.")
		}
		ch, err := b.patched(b.step.Resource, o, b.mergeKind(), "runs as "+name, nest(podSpec(o), map[string]any{"serviceAccountName": name}))
		return ch, err
	})
}

// setSelector replaces the labels by which a service finds its pods.
func (b *changer) setSelector(ctx context.Context) ([]change, error) {
	if b.step.Resource.Key() != services.Key() {
		return nil, problem.New(problem.Invalid, "Only the selector of a service can be changed.")
	}
	found, _, err := b.c.list(ctx, pods, b.step.Namespace, labels.SelectorFromSet(b.step.Args.Set).String(), "")
	unseen := problem.Is(err, problem.Forbidden)
	if err := dropForbidden(err); err != nil {
		return nil, err
	}
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		selector := anyMap(b.step.Args.Set)
		for k := range selectorOf(o) {
			if _, ok := selector[k]; !ok {
				selector[k] = nil // a merge patch keeps what it does not name
			}
		}
		ch, err := b.patched(b.step.Resource, o, mergePatch, "selector set", nest([]string{"spec", "selector"}, selector))
		if len(found) == 0 && !unseen {
			ch.warnings = append(ch.warnings, "No pod has these labels now: the service would have no endpoints.")
		}
		return ch, err
	})
}

// removeFinalizers takes all finalizers off an object. What they were to clean up stays.
func (b *changer) removeFinalizers(ctx context.Context) ([]change, error) {
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		has := o.GetFinalizers()
		if len(has) == 0 {
			what := titleOf(b.step.Resource, o.GetName()) + " has no finalizers."
			if held := heldBy(o); o.GetKind() == "Namespace" && held != "" {
				what = titleOf(b.step.Resource, o.GetName()) + " has no finalizers of its own: it waits for " + held + "."
			}
			return change{}, problem.New(problem.Conflict, what)
		}
		ch, err := b.patched(b.step.Resource, o, mergePatch, "finalizers removed", nest([]string{"metadata", "finalizers"}, nil))
		ch.warnings = append(ch.warnings, "Removes the "+finalizers(has)+": what they were to clean up is left behind.")
		if o.GetDeletionTimestamp() != nil {
			ch.warnings = append(ch.warnings, "It is being deleted: without finalizers it is gone at once, for good.")
		} else {
			ch.warnings = append(ch.warnings, "It is not being deleted: whoever put the finalizers there may put them back.")
		}
		return ch, err
	})
}

// evict takes pods off their nodes as a drain does: disruption budgets are heeded.
func (b *changer) evict(ctx context.Context) ([]change, error) {
	if b.step.Resource.Key() != pods.Key() {
		return nil, problem.New(problem.Invalid, "Only pods can be evicted.")
	}
	objects, err := b.targets(ctx, pods)
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, nothing(b.step)
	}
	var out []change
	for _, pod := range objects {
		ch, err := b.evicted(pod)
		if err != nil {
			return nil, err
		}
		if controllerOf(pod) == nil {
			ch.warnings = append(ch.warnings, "It belongs to nothing that would start it anew: it is lost.")
		}
		out = append(out, ch)
	}
	return out, nil
}

// replaceForce deletes an object and makes it anew: as the step says, or as it is.
func (b *changer) replaceForce(ctx context.Context) ([]change, error) {
	var given *unstructured.Unstructured
	if len(b.step.Args.Object) > 0 {
		given = &unstructured.Unstructured{}
		if err := given.UnmarshalJSON(b.step.Args.Object); err != nil {
			return nil, problem.New(problem.Invalid, "The object to put there is not complete.").WithCause(err)
		}
	}
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		if why := lostKinds[b.step.Resource.Key()]; why != "" && b.step.Resource.Key() != jobs.Key() {
			return change{}, problem.New(problem.Conflict, "It cannot be replaced by deleting it. "+why)
		}
		if owner := controllerOf(o); owner != nil {
			return change{}, problem.Newf(problem.Conflict, "%s belongs to %s/%s, which would make another one at once. Delete it instead.",
				titleOf(b.step.Resource, o.GetName()), strings.ToLower(str(owner, "kind")), str(owner, "name"))
		}
		wanted := given
		if wanted == nil {
			wanted = sanitised(o)
		}
		if wanted.GetName() != o.GetName() || b.step.Resource.Namespaced && wanted.GetNamespace() != "" && wanted.GetNamespace() != o.GetNamespace() {
			return change{}, problem.New(problem.Invalid, "The object to put there has another name, or another namespace.")
		}
		if b.step.Resource.Namespaced {
			wanted.SetNamespace(o.GetNamespace())
		}
		return b.replacement(o, wanted)
	})
}

// tolerated tells whether one of a pod's tolerations lets it stay despite a NoExecute taint.
func tolerated(pod *unstructured.Unstructured, key, value string) bool {
	list, _, _ := unstructured.NestedSlice(pod.Object, "spec", "tolerations")
	return slices.ContainsFunc(list, func(v any) bool {
		t, _ := v.(map[string]any)
		effect, k, op := str(t, "effect"), str(t, "key"), str(t, "operator")
		if effect != "" && effect != "NoExecute" || k != "" && k != key {
			return false
		}
		return op == "Exists" || k != "" && str(t, "value") == value
	})
}

// evictedBy says which pods a NoExecute taint would take off a node.
func (b *changer) evictedBy(ctx context.Context, node, key, value string) string {
	items, _, err := b.c.list(ctx, pods, "", "", "spec.nodeName="+node)
	if err != nil {
		return "Pods that do not tolerate the taint are evicted at once."
	}
	var names []string
	for i := range items {
		if !tolerated(&items[i], key, value) && !ended(&items[i]) {
			names = append(names, items[i].GetNamespace()+"/"+items[i].GetName())
		}
	}
	if len(names) == 0 {
		return "No pod on the node would be evicted now."
	}
	text := fmt.Sprintf("Evicts %s at once: %s", count(len(names), "pods"), strings.Join(names[:min(len(names), manyTargets)], ", "))
	if len(names) > manyTargets {
		text += fmt.Sprintf(" and %d more", len(names)-manyTargets)
	}
	return text + "."
}

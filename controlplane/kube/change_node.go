package kube

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// cordon is uncordon as well.
func (b *changer) cordon(ctx context.Context) ([]change, error) {
	want := b.step.Op != nlp.OpUncordon
	did := map[bool]string{true: "cordoned", false: "uncordoned"}[want]
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		if is, _, _ := unstructured.NestedBool(o.Object, "spec", "unschedulable"); is == want {
			return change{}, problem.Newf(problem.Conflict, "%s is %s already.", o.GetName(), did)
		}
		return b.cordoned(o, want, did)
	})
}

func (b *changer) cordoned(o *unstructured.Unstructured, want bool, did string) (change, error) {
	var value any = true
	if !want {
		value = nil
	}
	return b.patched(b.step.Resource, o, mergePatch, did, map[string]any{"spec": map[string]any{"unschedulable": value}})
}

func (b *changer) taint(ctx context.Context) ([]change, error) {
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		has, _, _ := unstructured.NestedSlice(o.Object, "spec", "taints")
		var out []any
		var warnings []string
		for _, t := range has {
			if m, ok := t.(map[string]any); ok && !b.untaints(m) {
				out = append(out, m)
			}
		}
		for _, t := range nlp.Taints(b.step.Args.Set) {
			m := map[string]any{"key": t.Key, "effect": t.Effect}
			if t.Value != "" {
				m["value"] = t.Value
			}
			if t.Effect == "NoExecute" && b.dry {
				warnings = append(warnings, b.evictedBy(ctx, o.GetName(), t.Key, t.Value))
			}
			out = append(out, m)
		}
		ch, err := b.patched(b.step.Resource, o, mergePatch, "tainted", map[string]any{"spec": map[string]any{"taints": out}})
		ch.warnings = warnings
		return ch, err
	})
}

// untaints tells whether the step takes this taint away, or sets it anew.
func (b *changer) untaints(t map[string]any) bool {
	key, effect := str(t, "key"), str(t, "effect")
	if slices.ContainsFunc(nlp.Taints(b.step.Args.Set), func(t nlp.Taint) bool { return t.Key == key && t.Effect == effect }) {
		return true
	}
	remove := b.step.Args.Remove
	return slices.Contains(remove, key) || slices.Contains(remove, key+":"+effect) || slices.Contains(remove, key+"="+str(t, "value")+":"+effect)
}

// eviction is policy/v1's.
type eviction struct {
	APIVersion    string         `json:"apiVersion"`
	Kind          string         `json:"kind"`
	Metadata      map[string]any `json:"metadata"`
	DeleteOptions deleteOptions  `json:"deleteOptions"`
}

// drain cordons the nodes and evicts their pods, but those of DaemonSets, which would come back, and of the node itself.
func (b *changer) drain(ctx context.Context) ([]change, error) {
	nodes, err := b.targets(ctx, b.step.Resource)
	if err != nil {
		return nil, err
	}
	var out []change
	for _, node := range nodes {
		if is, _, _ := unstructured.NestedBool(node.Object, "spec", "unschedulable"); !is {
			ch, err := b.repeatable(b.step.Resource, node, func(o *unstructured.Unstructured) (change, error) { return b.cordoned(o, true, "cordoned") })
			if err != nil {
				return nil, err
			}
			out = append(out, ch)
		}
		evictions, err := b.evictions(ctx, node.GetName())
		if err != nil {
			return nil, err
		}
		out = append(out, evictions...)
	}
	switch {
	case len(out) == 0:
		return nil, problem.New(problem.Conflict, "The node is cordoned already and has no pods to evict.")
	case len(out) > maxTargets:
		return nil, tooMany(len(out))
	}
	return out, nil
}

func (b *changer) evictions(ctx context.Context, node string) ([]change, error) {
	items, _, err := b.c.list(ctx, pods, "", "", "spec.nodeName="+node)
	if err != nil {
		return nil, err
	}
	var out []change
	var alone, daemons, keeping []string
	for i := range items {
		pod := &items[i]
		name := pod.GetNamespace() + "/" + pod.GetName()
		if ofDaemonSet(pod) {
			daemons = append(daemons, name)
		}
		if staysOnNode(pod) || b.cameLater(pod) {
			continue
		}
		if controllerOf(pod) == nil && !ended(pod) {
			alone = append(alone, name)
		}
		if keepsEmptyDir(pod) && !ended(pod) {
			keeping = append(keeping, name)
		}
		ch, err := b.evicted(pod)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	args := b.step.Args
	switch {
	case len(alone) > 0 && !args.Force:
		return nil, problem.Newf(problem.Conflict, "These pods belong to nothing that would start them anew: %s.", strings.Join(alone, ", ")).
			WithFix("Say that it should be forced, and they are lost.")
	case len(daemons) > 0 && !args.IgnoreDaemonSets:
		return nil, problem.Newf(problem.Conflict, "These pods belong to DaemonSets, and would come back: %s.", strings.Join(daemons, ", ")).
			WithFix("Say --ignore-daemonsets, and they stay.")
	case len(keeping) > 0 && !args.DeleteEmptyDir:
		return nil, problem.Newf(problem.Conflict, "These pods keep data in emptyDir volumes: %s.", strings.Join(keeping, ", ")).
			WithFix("Say --delete-emptydir-data, and it is lost.")
	}
	return out, nil
}

// cameLater: a pod that was placed after the preview, before the cordon. It was not shown, so it stays.
func (b *changer) cameLater(pod *unstructured.Unstructured) bool {
	return len(b.seen) > 0 && !slices.ContainsFunc(b.seen, func(s chat.Seen) bool {
		return s.Resource.Key() == "pods" && s.Namespace == pod.GetNamespace() && s.Name == pod.GetName() && s.UID == string(pod.GetUID())
	})
}

func ended(pod *unstructured.Unstructured) bool {
	phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
	return phase == "Succeeded" || phase == "Failed"
}

func controllerOf(o *unstructured.Unstructured) map[string]any {
	refs, _, _ := unstructured.NestedSlice(o.Object, "metadata", "ownerReferences")
	for _, r := range refs {
		if m, ok := r.(map[string]any); ok && m["controller"] == true {
			return m
		}
	}
	return nil
}

func (b *changer) evicted(pod *unstructured.Unstructured) (change, error) {
	seen, err := b.pre(pods, pod)
	if err != nil {
		return change{}, err
	}
	ch := change{
		title: "pod/" + pod.GetNamespace() + "/" + pod.GetName(), did: "evicted", live: pod, seen: seen, method: http.MethodPost, gone: true, retry: true,
		path: objectPath(pods, pod.GetNamespace(), pod.GetName(), "eviction"),
		body: eviction{
			APIVersion: "policy/v1", Kind: "Eviction", Metadata: map[string]any{"name": pod.GetName(), "namespace": pod.GetNamespace()},
			// the version would go stale with every status of a running pod; the uid says that it is the same one
			DeleteOptions: deleteOptions{Kind: "DeleteOptions", APIVersion: "v1", GracePeriodSeconds: b.step.Args.GracePeriod, Preconditions: map[string]any{"uid": seen.UID}},
		},
	}
	if keepsEmptyDir(pod) {
		ch.warnings = []string{"What it keeps in emptyDir volumes is lost."}
	}
	return ch, nil
}

// keepsEmptyDir tells whether a pod has data that ends with it.
func keepsEmptyDir(pod *unstructured.Unstructured) bool {
	volumes, _, _ := unstructured.NestedSlice(pod.Object, "spec", "volumes")
	return slices.ContainsFunc(volumes, func(v any) bool {
		m, ok := v.(map[string]any)
		return ok && m["emptyDir"] != nil
	})
}

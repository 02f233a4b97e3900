package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// troubleFor is how long a new pod's trouble has to last before a rollout counts as stalled: a pod without a node, or
// without its image, may have both a moment later.
const troubleFor = 8 * time.Second

// rolloutLooker follows workloads until their pods are as their template says.
func (c *Cluster) rolloutLooker(step nlp.Step) looker {
	since := map[string]time.Time{} // of each object's trouble
	return func(ctx context.Context) (look, error) {
		return c.each(ctx, step, func(ctx context.Context, name string, o *unstructured.Unstructured) (look, error) {
			if o == nil {
				return look{said: titleOf(step.Resource, name) + " is not there any more.", over: true, stalled: true}, nil
			}
			l := rolloutLook(o)
			if l.over {
				return l, nil
			}
			trouble, err := c.newPodTrouble(ctx, o)
			if err != nil || trouble == "" {
				delete(since, name)
				return l, err
			}
			if _, known := since[name]; !known {
				since[name] = c.now()
			}
			l.said += " " + trouble
			if c.now().Sub(since[name]) >= troubleFor {
				l.over, l.stalled = true, true
			}
			return l, nil
		})
	}
}

// rolloutLook is what a workload's own fields say.
func rolloutLook(o *unstructured.Unstructured) look {
	name := strings.ToLower(o.GetKind()) + " " + o.GetName()
	if boolAt(o, "spec", "paused") {
		return look{said: name + ": its rollout is paused; nothing rolls out until it is resumed.", over: true}
	}
	said, over := rollout(o)
	return look{said: said, over: over, stalled: over && conditionReason(o, "Progressing") == "ProgressDeadlineExceeded"}
}

// newPodTrouble says what keeps the pods of a workload's newest template from starting, or "".
func (c *Cluster) newPodTrouble(ctx context.Context, o *unstructured.Unstructured) (string, error) {
	label, value, err := c.newestPods(ctx, o)
	if err != nil || value == "" {
		return "", dropForbidden(err)
	}
	selector := selectorOf(o)
	if len(selector) == 0 {
		return "", nil
	}
	selector[label] = value
	items, _, err := c.list(ctx, pods, o.GetNamespace(), labels.SelectorFromSet(selector).String(), "")
	if err != nil {
		return "", dropForbidden(err)
	}
	for i := range items {
		if why := troubleOf(&items[i]); why != "" {
			return "pod " + items[i].GetName() + ": " + why + ".", nil
		}
	}
	return "", nil
}

// dropForbidden: what may not be read is done without.
func dropForbidden(err error) error {
	if problem.Is(err, problem.Forbidden) {
		return nil
	}
	return err
}

// newestPods is the label that the pods of the newest template have, and the older ones have not.
func (c *Cluster) newestPods(ctx context.Context, o *unstructured.Unstructured) (label, value string, err error) {
	switch o.GetKind() {
	case "StatefulSet":
		value, _, _ = unstructured.NestedString(o.Object, "status", "updateRevision")
		return "controller-revision-hash", value, nil
	case "DaemonSet":
		return "pod-template-generation", o.GetAnnotations()["deprecated.daemonset.template.generation"], nil
	}
	all, err := c.history(ctx, o)
	if err != nil || len(all) == 0 {
		return "", "", err
	}
	return "pod-template-hash", all[len(all)-1].object.GetLabels()["pod-template-hash"], nil
}

// stuckReasons are why a container waits and will go on waiting.
var stuckReasons = []string{
	"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError",
	"RunContainerError", "CrashLoopBackOff",
}

// troubleOf says what keeps a pod from starting, or "".
func troubleOf(pod *unstructured.Unstructured) string {
	for _, s := range statuses(pod) {
		if why := waitReason(s); slices.Contains(stuckReasons, why) {
			return str(s, "name") + " is in " + why
		}
	}
	list, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
	for _, v := range list {
		if m, ok := v.(map[string]any); ok && m["type"] == "PodScheduled" && m["status"] == "False" {
			return "no node takes it: " + str(m, "message")
		}
	}
	return ""
}

// createLooker follows what was made, where making it is only the beginning.
func (c *Cluster) createLooker(step nlp.Step) (looker, watched) {
	if step.Args.From != "" {
		step.Resource, step.Names = jobs, []string{step.Args.NewName}
	}
	if len(step.Names) == 0 {
		return nil, watched{} // the server chose the name
	}
	if rollsOut(step.Resource) {
		return c.rolloutLooker(step), watchedBy(step)
	}
	begins, ok := beginnings[step.Resource.Key()]
	if !ok {
		return nil, watched{}
	}
	return func(ctx context.Context) (look, error) {
		return c.each(ctx, step, func(_ context.Context, name string, o *unstructured.Unstructured) (look, error) {
			if o == nil {
				return look{said: titleOf(step.Resource, name) + " is not there any more.", over: true, stalled: true}, nil
			}
			l := begins(o)
			l.said = titleOf(step.Resource, name) + ": " + l.said
			return l, nil
		})
	}, watchedBy(step)
}

// beginnings say how far something that was made is.
var beginnings = map[string]func(*unstructured.Unstructured) look{
	"pods": func(o *unstructured.Unstructured) look {
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		switch {
		case conditionIs(o, "Ready", "True"):
			return look{said: "ready.", over: true}
		case phase == "Succeeded":
			return look{said: "completed.", over: true}
		case phase == "Failed":
			return look{said: "failed.", over: true, stalled: true}
		}
		if why := troubleOf(o); why != "" {
			return look{said: phase + ", " + why + "."}
		}
		return look{said: cmp.Or(phase, "not started yet") + "."}
	},
	"jobs.batch": func(o *unstructured.Unstructured) look {
		switch {
		case conditionIs(o, "Complete", "True"):
			return look{said: "completed.", over: true}
		case conditionIs(o, "Failed", "True"):
			return look{said: "failed: " + conditionReason(o, "Failed") + ".", over: true, stalled: true}
		}
		active, _, _ := unstructured.NestedInt64(o.Object, "status", "active")
		return look{said: fmt.Sprintf("running, %s active.", count(int(active), "pods"))}
	},
	"persistentvolumeclaims": func(o *unstructured.Unstructured) look {
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		return look{said: strings.ToLower(cmp.Or(phase, "pending")) + ".", over: phase == "Bound"}
	},
	"namespaces": func(o *unstructured.Unstructured) look {
		phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
		return look{said: strings.ToLower(phase) + ".", over: phase == "Active"}
	},
}

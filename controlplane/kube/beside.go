package kube

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/diagnose"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

// maxBeside is how many of the objects that are shown are looked into.
const maxBeside = 20

// ailing are the filters that keep what is in trouble: whoever lists it will ask why.
var ailing = []string{
	nlp.TestCrashing, nlp.TestUnhealthy, nlp.TestNotReady, nlp.TestFailed, nlp.TestPending, nlp.TestEvicted, nlp.TestOOMKilled, nlp.TestImagePull,
	nlp.TestTerminating, nlp.TestRestartsOver,
}

// looksInto tells whether a read is of what was asked for by name, or of what is in trouble, and is shown for people. Of
// Secrets, which are never unwell, no more is fetched for it than their rows.
func looksInto(step nlp.Step) bool {
	if slices.ContainsFunc(step.Kinds(), func(r nlp.Resource) bool { return r.Key() == "secrets" }) {
		return false
	}
	if out := step.Args.Output; out != "" && out != "wide" || step.Post.Count || step.Args.Follow {
		return false
	}
	return len(step.Names) > 0 || ofAiling(step)
}

func ofAiling(step nlp.Step) bool {
	return slices.ContainsFunc(step.Post.Filter, func(f nlp.Filter) bool { return slices.Contains(ailing, f.Test) }) ||
		slices.ContainsFunc(strings.Split(step.FieldSelector, ","), func(s string) bool {
			return s == "status.phase=Pending" || s == "status.phase=Failed" || s == "status.phase!=Running"
		})
}

// later stands among a read's parts for what is found out after they are shown; Execute takes it out.
type later struct {
	chat.Text
	find func(context.Context) []chat.Part
}

// besides takes apart what is shown and what is found out later.
func besides(parts []chat.Part) (shown []chat.Part, find func(context.Context) []chat.Part) {
	shown = slices.DeleteFunc(parts, func(p chat.Part) bool {
		l, ok := p.(later)
		if ok {
			find = l.find
		}
		return ok
	})
	return shown, find
}

// beside is why what a read shows is not well, where the objects themselves show that they are not. Of what is well
// nothing more is read, and that the looking fails takes nothing from what was shown.
func (c *Cluster) beside(step nlp.Step, objects []*unstructured.Unstructured) []chat.Part {
	if !looksInto(step) {
		return nil
	}
	var ill []*unstructured.Unstructured
	for _, o := range objects {
		if diagnose.Unwell(o) && len(ill) < maxBeside {
			ill = append(ill, o)
		}
	}
	if len(ill) == 0 {
		return nil
	}
	return []chat.Part{later{find: func(ctx context.Context) []chat.Part {
		report, err := c.lookInto(ctx, step, ill)
		if err != nil || len(report.Findings) == 0 {
			return nil
		}
		return reported(report)
	}}}
}

// lookInto is a diagnosis of one object with all that is around it, or of several of one list.
func (c *Cluster) lookInto(ctx context.Context, step nlp.Step, ill []*unstructured.Unstructured) (diagnose.Report, error) {
	if len(ill) > 1 || ill[0].GetName() == "" {
		return diagnose.Objects(ctx, eyes{c}, c.now(), ill), nil
	}
	o := ill[0]
	gvk, plural := o.GroupVersionKind(), step.Resource.Plural
	for _, r := range step.Kinds() {
		if r.Kind == gvk.Kind && r.Group == gvk.Group {
			plural = r.Plural
		}
	}
	return diagnose.Run(ctx, eyes{c}, diagnose.Target{
		Resource: schema.GroupVersionResource{Group: gvk.Group, Version: gvk.Version, Resource: plural}, Namespace: o.GetNamespace(), Name: o.GetName(), At: c.now(),
	})
}

// eventsAndWhy is the events of what is named, and why it is not well: they often end before the reason.
func (c *Cluster) eventsAndWhy(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	parts, err := c.events(ctx, step)
	if err != nil || len(step.Names) != 1 || !looksInto(step) {
		return parts, err
	}
	o, err := c.get(ctx, step.Resource, step.Namespace, step.Names[0], "")
	if err != nil {
		return parts, nil // its events were shown
	}
	return append(parts, c.beside(step, []*unstructured.Unstructured{o})...), nil
}

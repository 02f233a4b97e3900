package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/redact"
)

// revision is one earlier state of a workload's template.
type revision struct {
	number int64
	cause  string
	object unstructured.Unstructured // a ReplicaSet or a ControllerRevision
}

// history reads a workload's revisions, the oldest first.
func (c *Cluster) history(ctx context.Context, o *unstructured.Unstructured) ([]revision, error) {
	from := revisions
	switch o.GetKind() {
	case "Deployment":
		from = replicaSets
	case "StatefulSet", "DaemonSet":
	default:
		return nil, problem.Newf(problem.Invalid, "A %s has no rollout.", o.GetKind())
	}
	items, _, err := c.list(ctx, from, o.GetNamespace(), labels.SelectorFromSet(selectorOf(o)).String(), "")
	if err != nil {
		return nil, err
	}
	var out []revision
	for _, item := range items {
		if controllerOf(&item)["uid"] != string(o.GetUID()) {
			continue
		}
		r := revision{object: item, cause: item.GetAnnotations()["kubernetes.io/change-cause"]}
		if from.Plural == revisions.Plural {
			r.number, _, _ = unstructured.NestedInt64(item.Object, "revision")
		} else {
			r.number, _ = strconv.ParseInt(item.GetAnnotations()["deployment.kubernetes.io/revision"], 10, 64)
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b revision) int { return int(a.number - b.number) })
	return out, nil
}

// images are those of a revision's containers, or of a workload's.
func images(o *unstructured.Unstructured) []string {
	path := podSpec(o)
	if o.GetKind() == revisions.Kind {
		path = []string{"data", "spec", "template", "spec"}
	}
	list, _, _ := unstructured.NestedSlice(o.Object, append(slices.Clone(path), "containers")...)
	var out []string
	for _, c := range list {
		if m, ok := c.(map[string]any); ok {
			out = append(out, str(m, "image"))
		}
	}
	return out
}

// undo goes back to a revision. Without any to go back to there is nothing to preview: that has to be said here,
// because a dry run would not.
func (b *changer) undo(ctx context.Context) ([]change, error) {
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		if paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused"); paused {
			return change{}, problem.Newf(problem.Conflict, "The rollout of %s is paused: resume it first.", o.GetName())
		}
		o, err := b.c.numbered(ctx, b.step.Resource, o)
		if err != nil {
			return change{}, err
		}
		all, err := b.c.history(ctx, o)
		if err != nil {
			return change{}, err
		}
		to, err := pick(all, b.step.Args.Revision, o.GetName())
		if err != nil {
			return change{}, err
		}
		did := fmt.Sprintf("rolled back to revision %d", to.number)
		var ch change
		if o.GetKind() == "Deployment" {
			ch, err = b.undoDeployment(o, to, did)
		} else {
			data, _, _ := unstructured.NestedMap(to.object.Object, "data") // a strategic patch that replaces the template
			ch, err = b.patched(b.step.Resource, o, strategicPatch, did, data)
		}
		ch.revision = all[len(all)-1].number
		return ch, err
	})
}

// numbered waits a moment for the controller to make a revision of what a workload is now: until it has, the one before
// looks like the present one.
func (c *Cluster) numbered(ctx context.Context, r nlp.Resource, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	for range 20 {
		if observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration"); observed >= o.GetGeneration() {
			return o, nil
		}
		pause(ctx, 100*time.Millisecond)
		var err error
		if o, err = c.get(ctx, r, o.GetNamespace(), o.GetName(), ""); err != nil {
			return nil, err
		}
	}
	return nil, problem.Newf(problem.Conflict, "%s was changed just now, and its controller has not said yet which revision that is.", o.GetName()).
		WithFix("Ask again in a moment.")
}

func pick(all []revision, number int64, name string) (revision, error) {
	if number == 0 {
		if len(all) < 2 {
			return revision{}, problem.Newf(problem.Conflict, "%s has no earlier revision to go back to.", name)
		}
		return all[len(all)-2], nil
	}
	for i, r := range all {
		if r.number != number {
			continue
		}
		if i == len(all)-1 {
			return revision{}, problem.Newf(problem.Conflict, "%s is at revision %d already.", name, number)
		}
		return r, nil
	}
	return revision{}, problem.Newf(problem.NotFound, "%s has no revision %d.", name, number)
}

func (b *changer) undoDeployment(o *unstructured.Unstructured, to revision, did string) (change, error) {
	template, ok, _ := unstructured.NestedMap(to.object.Object, "spec", "template")
	if !ok {
		return change{}, problem.New(problem.Unavailable, "The cluster's answer could not be read.")
	}
	unstructured.RemoveNestedField(template, "metadata", "labels", "pod-template-hash")
	ops, err := json.Marshal([]jsonOp{{"replace", "/spec/template", template}})
	if err != nil {
		return change{}, fmt.Errorf("write the earlier template of %s: %w", o.GetName(), err)
	}
	return b.jsonPatched(o, did, ops)
}

// rollout says in a sentence where a workload's rollout is, as `kubectl rollout status` does, and whether it is over.
func rollout(o *unstructured.Unstructured) (said string, over bool) {
	n := func(path ...string) int64 { v, _, _ := unstructured.NestedInt64(o.Object, path...); return v }
	name := strings.ToLower(o.GetKind()) + " " + o.GetName()
	if n("status", "observedGeneration") < o.GetGeneration() {
		return fmt.Sprintf("%s: the change has not been picked up yet.", name), false
	}
	want, ok, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	if !ok {
		want = 1
	}
	ready, updated := n("status", "readyReplicas"), n("status", "updatedReplicas")
	if has := n("status", "replicas"); has > want && (o.GetKind() == "Deployment" && updated >= want || o.GetKind() == "StatefulSet") {
		return fmt.Sprintf("%s: %d pods are still there, %d are wanted.", name, has, want), false
	}
	switch o.GetKind() {
	case "Deployment":
		if stuck := conditionReason(o, "Progressing"); stuck == "ProgressDeadlineExceeded" {
			return fmt.Sprintf("%s: the rollout is stuck; %d of %d replicas are ready.", name, ready, want), true
		}
		old := n("status", "replicas") - updated
		if updated < want || old > 0 || n("status", "availableReplicas") < want {
			return fmt.Sprintf("%s: %d of %d replicas are updated, %d ready, %d old ones remain.", name, updated, want, ready, max(0, old)), false
		}
	case "StatefulSet":
		partition := n("spec", "updateStrategy", "rollingUpdate", "partition")
		if ready < want || !byHand(o) && updated < want-partition {
			return fmt.Sprintf("%s: %d of %d replicas are ready, %d updated.", name, ready, want, updated), false
		}
	case "DaemonSet":
		want, ready, updated = n("status", "desiredNumberScheduled"), n("status", "numberAvailable"), n("status", "updatedNumberScheduled")
		if ready < want || !byHand(o) && updated < want {
			return fmt.Sprintf("%s: %d of %d pods are available, %d updated.", name, ready, want, updated), false
		}
	default:
		return "", true
	}
	said = fmt.Sprintf("%s: rolled out, %d of %d ready.", name, ready, want)
	if updated < want {
		said = fmt.Sprintf("%s: %d of %d ready, %d updated; %s.", name, ready, want, updated, leftOut(o, want-updated))
	}
	return said, true
}

// byHand tells whether a workload's pods take a change on only when somebody deletes them.
func byHand(o *unstructured.Unstructured) bool {
	how, _, _ := unstructured.NestedString(o.Object, "spec", "updateStrategy", "type")
	return how == "OnDelete"
}

// leftOut says why a rollout that is over has not reached some of the pods.
func leftOut(o *unstructured.Unstructured, pods int64) string {
	if byHand(o) {
		return count(int(pods), "pods") + " will take the change on only when deleted (update strategy OnDelete)"
	}
	partition, _, _ := unstructured.NestedInt64(o.Object, "spec", "updateStrategy", "rollingUpdate", "partition")
	return fmt.Sprintf("%s left as before by the partition, which is %d", count(int(pods), "pods"), partition)
}

func conditionReason(o *unstructured.Unstructured, kind string) string {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range list {
		if m, ok := c.(map[string]any); ok && m["type"] == kind {
			return str(m, "reason")
		}
	}
	return ""
}

func (c *Cluster) rolloutStatus(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	b := &changer{c: c, step: step}
	objects, err := b.targets(ctx, step.Resource)
	if err != nil {
		return nil, err
	}
	var said []string
	for _, o := range objects {
		text, _ := rollout(o)
		if text == "" {
			return nil, problem.Newf(problem.Invalid, "A %s has no rollout.", o.GetKind())
		}
		said = append(said, text)
	}
	if len(said) == 0 {
		return nil, nothing(step)
	}
	return append([]chat.Part{chat.Text{Text: strings.Join(said, "\n")}}, c.beside(step, objects)...), nil
}

func (c *Cluster) rolloutHistory(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	b := &changer{c: c, step: step}
	objects, err := b.targets(ctx, step.Resource)
	if err != nil {
		return nil, err
	}
	var parts []chat.Part
	for _, o := range objects {
		all, err := c.history(ctx, o)
		if err != nil {
			return nil, err
		}
		t := chat.Table{
			Title: "Revisions of " + titleOf(step.Resource, o.GetName()), Namespace: o.GetNamespace(), Rows: [][]any{},
			Columns: []chat.Column{{Name: "Revision", Kind: "number"}, {Name: "Images", Kind: "text"}, {Name: "Change cause", Kind: "text"}, {Name: "Age", Kind: "age"}},
		}
		for _, r := range all {
			if step.Args.Revision == 0 || step.Args.Revision == r.number {
				t.Rows = append(t.Rows, []any{r.number, strings.Join(images(&r.object), ", "), r.cause, c.age(r.object.GetCreationTimestamp().Time)})
			}
		}
		if step.Args.Revision != 0 && len(t.Rows) == 0 {
			return nil, problem.Newf(problem.NotFound, "%s has no revision %d.", o.GetName(), step.Args.Revision)
		}
		parts = append(parts, t)
		if i := slices.IndexFunc(all, func(r revision) bool { return r.number == step.Args.Revision }); i >= 0 {
			parts = append(parts, chat.YAML{Text: clip(templateText(&all[i].object))})
		}
	}
	return parts, nil
}

// templateText is the pod template of a revision, redacted.
func templateText(o *unstructured.Unstructured) string {
	path := []string{"spec", "template"}
	if o.GetKind() == revisions.Kind {
		path = []string{"data", "spec", "template"}
	}
	template, _, _ := unstructured.NestedMap(o.Object, path...)
	redact.Object(template)
	return toYAML(template)
}

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/redact"
)

const maxUndo = 128 << 10 // bytes of a way back; what is larger is not kept

// way is how the change of one object is taken back: a step for this object alone, or why there is none.
type way struct {
	step nlp.Step
	seen []chat.Seen // the object as the change left it
	none string
}

// noWay are the operations that nothing takes back.
var noWay = map[nlp.Op]string{
	nlp.OpRolloutRestart: "A restart cannot be undone: the pods are new ones.",
	nlp.OpDrain:          "Evicted pods are not put back where they were. The node itself can be uncordoned.",
	nlp.OpEvict:          "An evicted pod is not put back where it was.",
	nlp.OpExec:           "What a program did inside a container cannot be undone from here.",
}

var noSecret = way{none: "Nothing of a Secret is kept here, so this cannot be undone from chat."}

// wayBack finds how a change is taken back. before is what the change was made of, after what the server answered.
func wayBack(op nlp.Op, ch change, after *unstructured.Unstructured) way {
	switch {
	case noWay[op] != "":
		return way{none: noWay[op]}
	case changedNothing(ch, after):
		return way{} // it was so already: there is nothing to go back from, and what was done to the others has its way
	case ch.seen.Resource.Key() == "secrets":
		return noSecret
	case op == nlp.OpReplaceForce:
		return way{none: "What was deleted and made anew cannot be undone: its pods are new ones."}
	case op == nlp.OpRemoveFinalizers && ch.live.GetDeletionTimestamp() != nil:
		return way{none: "Without its finalizers it is gone for good."}
	case ch.gone:
		return anew(ch)
	case after == nil:
		return way{none: "The cluster's answer could not be read, so the way back is not known."}
	case ch.live == nil:
		return unmade(ch, after)
	}
	w := way{step: nlp.Step{Resource: ch.seen.Resource, Namespace: ch.seen.Namespace, Names: []string{ch.seen.Name}}, seen: []chat.Seen{leftBy(ch, after)}}
	if typed(&w, op, ch, after) {
		return w
	}
	patchBack(&w, ch, after)
	return w
}

// changedNothing tells whether an object is after a change, or would be, as it was before.
func changedNothing(ch change, after *unstructured.Unstructured) bool {
	if ch.live == nil || after == nil || ch.run != nil {
		return false
	}
	is := bare(after)
	if after.GetKind() == "Scale" {
		sayZero(is)
	}
	return reflect.DeepEqual(bare(ch.live), is)
}

// leftBy is the object as the change left it. A Scale says nothing of its object but the count.
func leftBy(ch change, after *unstructured.Unstructured) chat.Seen {
	left := chat.Seen{Resource: ch.seen.Resource, Namespace: ch.seen.Namespace, Name: ch.seen.Name, UID: ch.seen.UID}
	if after.GetKind() == ch.live.GetKind() && after.GetKind() != "Scale" {
		left.ResourceVersion, left.Digest = after.GetResourceVersion(), digest(after)
		return left
	}
	if ch.whole == nil || !ch.seen.Resource.BuiltIn() {
		return left // where a custom kind keeps its count is its own business
	}
	whole := ch.whole.DeepCopy()
	if n, ok, _ := unstructured.NestedInt64(after.Object, "spec", "replicas"); ok {
		_ = unstructured.SetNestedField(whole.Object, n, "spec", "replicas") // spec is a map in every kind that scales
	} else {
		_ = unstructured.SetNestedField(whole.Object, int64(0), "spec", "replicas")
	}
	left.Digest = digest(whole)
	return left
}

// typed takes back what an operation of its own takes back.
func typed(w *way, op nlp.Op, ch change, after *unstructured.Unstructured) bool {
	switch op {
	case nlp.OpScale:
		was, _, _ := unstructured.NestedInt64(ch.live.Object, "spec", "replicas")
		is, _, _ := unstructured.NestedInt64(after.Object, "spec", "replicas")
		from, to := int32(is), int32(was)
		w.step.Op, w.step.Args = nlp.OpScale, nlp.Args{Replicas: &to, Current: &from}
	case nlp.OpCordon, nlp.OpUncordon, nlp.OpRolloutPause, nlp.OpRolloutResume:
		w.step.Op = opposite[op]
	case nlp.OpLabel:
		w.step.Op, w.step.Args = op, mapBack(ch.live.GetLabels(), after.GetLabels())
	case nlp.OpAnnotate:
		w.step.Op, w.step.Args = op, mapBack(ch.live.GetAnnotations(), after.GetAnnotations())
		hideLost(w, w.step.Args.Set)
	case nlp.OpSetServiceAccount:
		was, _, _ := unstructured.NestedString(ch.live.Object, append(slices.Clone(podSpec(ch.live)), "serviceAccountName")...)
		if was == "" {
			return false // none was named, and that is not the same as naming the default one
		}
		w.step.Op, w.step.Args.ServiceAccount = op, was
	case nlp.OpSetSelector:
		w.step.Op, w.step.Args.Set = op, selectorOf(ch.live)
	case nlp.OpTaint:
		w.step.Op, w.step.Args = op, taintsBack(ch.live, after)
	case nlp.OpSetImage:
		w.step.Op, w.step.Args.Images = op, imagesBack(ch.live, after)
	case nlp.OpRolloutUndo:
		w.step.Op, w.step.Args.Revision = op, ch.revision
	default:
		return false
	}
	return true
}

var opposite = map[nlp.Op]nlp.Op{
	nlp.OpCordon: nlp.OpUncordon, nlp.OpUncordon: nlp.OpCordon,
	nlp.OpRolloutPause: nlp.OpRolloutResume, nlp.OpRolloutResume: nlp.OpRolloutPause,
}

// mapBack are the labels or annotations to set and to take away so that after becomes before again.
func mapBack(before, after map[string]string) nlp.Args {
	a := nlp.Args{Overwrite: true}
	for _, k := range sortedKeys(before) {
		if v, ok := after[k]; !ok || v != before[k] {
			if a.Set == nil {
				a.Set = map[string]string{}
			}
			a.Set[k] = before[k]
		}
	}
	for _, k := range sortedKeys(after) {
		if _, ok := before[k]; !ok {
			a.Remove = append(a.Remove, k)
		}
	}
	return a
}

// hideLost gives up where a value that would be put back is one that chat does not keep.
func hideLost(w *way, values map[string]string) {
	for _, k := range sortedKeys(values) {
		if k == lastApplied {
			delete(values, k)
			continue
		}
		if v := values[k]; redactText(v) != v || redact.SecretName(k) {
			*w = way{none: fmt.Sprintf("What %s held looks like a secret, and is not kept here.", k)}
			return
		}
	}
}

func taintsBack(before, after *unstructured.Unstructured) nlp.Args {
	was, is := taintsOf(before), taintsOf(after)
	a := nlp.Args{Overwrite: true}
	for _, t := range was {
		if !slices.Contains(is, t) {
			a.Set = nlp.AddTaint(a.Set, t)
		}
	}
	for _, t := range is {
		if !slices.ContainsFunc(was, func(w nlp.Taint) bool { return w.Key == t.Key && w.Effect == t.Effect }) {
			a.Remove = append(a.Remove, t.Key+":"+t.Effect)
		}
	}
	return a
}

// taintsOf are a node's taints.
func taintsOf(node *unstructured.Unstructured) []nlp.Taint {
	list, _, _ := unstructured.NestedSlice(node.Object, "spec", "taints")
	var out []nlp.Taint
	for _, t := range list {
		if m, ok := t.(map[string]any); ok {
			out = append(out, nlp.Taint{Key: str(m, "key"), Value: str(m, "value"), Effect: str(m, "effect")})
		}
	}
	return out
}

func imagesBack(before, after *unstructured.Unstructured) map[string]string {
	out := map[string]string{}
	for _, field := range []string{"containers", "initContainers"} {
		is := map[string]string{}
		for _, c := range containersOf(after, field) {
			is[str(c, "name")] = str(c, "image")
		}
		for _, c := range containersOf(before, field) {
			if name := str(c, "name"); is[name] != str(c, "image") {
				out[name] = str(c, "image")
			}
		}
	}
	return out
}

// unmade takes a creation back.
func unmade(ch change, after *unstructured.Unstructured) way {
	return way{
		step: nlp.Step{Op: nlp.OpDelete, Resource: ch.seen.Resource, Namespace: after.GetNamespace(), Names: []string{after.GetName()}},
		seen: []chat.Seen{{Resource: ch.seen.Resource, Namespace: after.GetNamespace(), Name: after.GetName(), UID: string(after.GetUID())}},
	}
}

// patchBack writes the inverse as a JSON patch. Where it would hold a value that chat does not keep, a workload can
// still go back to the revision it had.
func patchBack(w *way, ch change, after *unstructured.Unstructured) {
	ops := jsonDiff(bare(after), bare(ch.live), "")
	shown := jsonDiff(redacted(bare(after)), redacted(bare(ch.live)), "")
	if !reflect.DeepEqual(ops, shown) {
		if ch.revision == 0 || !onlyTemplate(ops) {
			*w = way{none: "It replaced a value that looks like a secret, and such values are not kept here."}
			return
		}
		w.step.Op, w.step.Args.Revision = nlp.OpRolloutUndo, ch.revision
		return
	}
	raw, err := json.Marshal(ops)
	if err != nil {
		panic(fmt.Sprintf("kube: what was JSON is JSON: %v", err))
	}
	w.step.Op, w.step.Args.PatchType, w.step.Args.Patch = nlp.OpPatch, "json", raw
	w.step.Subresource = ch.subresource
}

func onlyTemplate(ops []jsonOp) bool {
	for _, op := range ops {
		if !strings.HasPrefix(op.Path, "/spec/template/") && op.Path != "/spec/template" {
			return false
		}
	}
	return true
}

// revisionBefore is the revision to go back to where the way back cannot be written down. It is asked for before the
// change is sent: a moment later the newest revision is the one that the change makes.
func (c *Cluster) revisionBefore(ctx context.Context, op nlp.Op, ch change) int64 {
	if ch.revision != 0 || ch.live == nil || ch.gone || ch.run != nil || noWay[op] != "" || !rollsOut(ch.seen.Resource) {
		return ch.revision
	}
	if reflect.DeepEqual(bare(ch.live), redacted(bare(ch.live))) {
		return 0 // all of it can be kept
	}
	return c.revisionOf(ctx, ch.seen.Resource, ch.live)
}

// revisionOf is the number of the revision that a workload is at, 0 where nobody can say: also not while its controller
// has yet to make a revision of what it is now.
func (c *Cluster) revisionOf(ctx context.Context, r nlp.Resource, o *unstructured.Unstructured) int64 {
	o, err := c.numbered(ctx, r, o)
	if err != nil {
		return 0
	}
	switch o.GetKind() {
	case "Deployment":
		n, err := strconv.ParseInt(o.GetAnnotations()["deployment.kubernetes.io/revision"], 10, 64)
		if err != nil {
			return 0
		}
		return n
	case "StatefulSet", "DaemonSet":
		all, err := c.history(ctx, o)
		if err != nil || len(all) == 0 {
			return 0
		}
		return all[len(all)-1].number
	}
	return 0
}

// bare is an object without what the server keeps of itself in it. Its lists and maps are otherwise whole, so that the
// paths of a JSON patch fit.
func bare(u *unstructured.Unstructured) map[string]any {
	o := u.DeepCopy().Object
	delete(o, "status")
	if meta, ok := o["metadata"].(map[string]any); ok {
		for _, f := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"} {
			delete(meta, f)
		}
	}
	return o
}

func redacted(o map[string]any) map[string]any {
	redact.Object(o)
	return o
}

// undoOf makes one way back of those of a step's objects. Where one of them has none, the step has none.
func undoOf(op nlp.Op, ways []way) *chat.Undo {
	if len(ways) == 0 {
		return nil
	}
	u := &chat.Undo{Plan: nlp.Plan{Source: nlp.SourceBuiltin}}
	at := map[string]int{}
	for _, w := range ways {
		switch {
		case w.none != "":
			return &chat.Undo{Impossible: w.none}
		case w.step.Op == "":
			continue // nothing was changed
		}
		u.Seen = append(u.Seen, w.seen...)
		key := sameButName(w.step)
		if i, ok := at[key]; ok {
			u.Plan.Steps[i].Names = append(u.Plan.Steps[i].Names, w.step.Names...)
			continue
		}
		at[key] = len(u.Plan.Steps)
		u.Plan.Steps = append(u.Plan.Steps, w.step)
	}
	return checked(u, op)
}

// sameButName is equal for steps that differ in nothing but the name of their object. Objects to create are their own.
func sameButName(s nlp.Step) string {
	s.Names = nil
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("kube: a step always marshals: %v", err))
	}
	return string(b)
}

// checked holds a way back to the rules of every plan: it may not do what nobody may ask for.
func checked(u *chat.Undo, op nlp.Op) *chat.Undo {
	if len(u.Plan.Steps) == 0 {
		return &chat.Undo{Impossible: "Nothing was changed, so there is nothing to undo."}
	}
	if len(u.Plan.Steps) > nlp.MaxSteps {
		return &chat.Undo{Impossible: fmt.Sprintf("It changed more than %d objects in different ways; that is too much for one undo.", nlp.MaxSteps)}
	}
	var said []string
	for i := range u.Plan.Steps {
		s := &u.Plan.Steps[i]
		s.Class = nlp.Classify(*s)
		said = append(said, sentenceBack(*s, op))
	}
	u.Plan.Class = nlp.ClassifyPlan(u.Plan)
	if err := nlp.Validate(u.Plan, nil); err != nil {
		return &chat.Undo{Impossible: "Going back would break a rule: " + err.Error()}
	}
	if b, err := json.Marshal(u.Plan); err != nil || len(b) > maxUndo {
		return &chat.Undo{Impossible: "What it replaced is too large to be kept here."}
	}
	u.Sentence = strings.Join(said, " ")
	return u
}

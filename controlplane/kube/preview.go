package kube

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// DryRun previews a step that changes something: what each object is now, what the server says it would become, and
// the way back. With seen, of an undo, it previews only what still is as the change left it.
func (c *Cluster) DryRun(ctx context.Context, step nlp.Step, seen ...chat.Seen) (chat.Preview, error) {
	changes, err := c.changes(ctx, step, seen, true)
	if err != nil {
		return chat.Preview{}, err
	}
	p := chat.Preview{Diffs: []chat.Diff{}, Seen: []chat.Seen{}}
	var ways []way
	same := 0
	for _, ch := range changes {
		d, err := c.dryRun(ctx, ch, len(changes))
		if err != nil {
			return chat.Preview{}, err
		}
		p.Blind = cmp.Or(p.Blind, d.blind)
		p.Diffs = append(p.Diffs, d.Diff)
		p.Seen = append(p.Seen, ch.seen)
		if d.same {
			same++
			continue
		}
		ch.revision = c.revisionBefore(ctx, step.Op, ch)
		ways = append(ways, wayBack(step.Op, ch, d.object))
	}
	if same == len(changes) {
		p.Nothing = nothingNew(changes)
		return p, nil
	}
	if p.Undo = undoOf(step.Op, ways); p.Undo != nil {
		p.Undo.Seen = nil // what the change will leave, not what a dry run would have
	}
	return p, nil
}

func nothingNew(changes []change) string {
	var names []string
	for _, ch := range changes {
		names = append(names, ch.title)
	}
	if len(names) > manyTargets {
		names = append(names[:manyTargets], fmt.Sprintf("%d more", len(names)-manyTargets))
	}
	verb := " is"
	if len(names) > 1 {
		verb = " are"
	}
	return strings.Join(names, ", ") + verb + " so already: there is nothing to change."
}

const manyTargets = 5 // above that a preview names the objects that go, and does not print each whole

// dryDiff is one object's part of a preview.
type dryDiff struct {
	chat.Diff
	object *unstructured.Unstructured // as the server says it would be
	blind  string
	same   bool // nothing would change
}

func (c *Cluster) dryRun(ctx context.Context, ch change, of int) (dryDiff, error) {
	res, err := c.send(ctx, ch, true)
	if ch.retry && apierrors.IsTooManyRequests(err) {
		ch.warnings = append(ch.warnings, "Right now a disruption budget holds this eviction back.")
		err = nil
	}
	if refused := refusesDryRuns(err); refused != "" {
		return blindly(ch, refused), nil
	}
	if err != nil {
		return dryDiff{}, err
	}
	if ch.seen.Resource.Key() == "secrets" {
		ch.warnings = append(ch.warnings, "A Secret's values are not shown here and not kept: what this replaces or removes cannot be brought back from chat.")
	}
	before := tidy(ch.live)
	if ch.gone && of > manyTargets {
		before = brief(ch.live)
	}
	if ch.gone || len(res.body) == 0 {
		return dryDiff{Diff: diffOf(ch.title, before, ch.says(), append(ch.warnings, res.warnings...))}, nil
	}
	o, err := readObject(res.body)
	if err != nil {
		return dryDiff{}, err
	}
	d := dryDiff{object: o, same: changedNothing(ch, o)}
	after := tidy(o)
	if ch.mask != nil {
		ch.mask(after)
	}
	d.Diff = diffOf(ch.title, before, after, append(ch.warnings, res.warnings...))
	switch {
	case d.same:
		d.Warnings = append(d.Warnings, "It is so already: nothing changes.")
	case d.Unified == "":
		d.Warnings = append(d.Warnings, "A value changes that is not shown here.")
	}
	return d, nil
}

// says is what a preview has where no object comes after: nothing, or that it is known later.
func (ch change) says() map[string]any {
	if ch.gone {
		return nil
	}
	return map[string]any{"result": chat.Later}
}

// refusesDryRuns is the API server's word that one of its webhooks cannot be asked without doing, or "".
func refusesDryRuns(err error) string {
	if statusOf(err) != http.StatusBadRequest || !strings.Contains(err.Error(), "does not support dry run") {
		return ""
	}
	return strings.TrimPrefix(detail(err), "The cluster answers: ")
}

// blindly is a preview of what could not be asked of the server: what is known is the object as it is.
func blindly(ch change, why string) dryDiff {
	d := dryDiff{blind: "The cluster cannot preview this: " + why + "."}
	var after map[string]any
	if !ch.gone {
		after = map[string]any{"result": chat.Later}
	}
	d.Diff = diffOf(ch.title, tidy(ch.live), after, append(ch.warnings, d.blind+" What it would change is only known when it is done."))
	return d
}

func brief(o *unstructured.Unstructured) map[string]any {
	meta := map[string]any{"name": o.GetName()}
	if ns := o.GetNamespace(); ns != "" {
		meta["namespace"] = ns
	}
	return map[string]any{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "metadata": meta}
}

// tryOut answers with what the server says that a change would do, and changes nothing.
func (c *Cluster) tryOut(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	change, ok := step.Tried()
	if !ok {
		return nil, problem.Newf(problem.Invalid, "%q is nothing that can be tried out.", step.Args.Verb)
	}
	p, err := c.DryRun(ctx, change)
	if err != nil {
		return nil, err
	}
	var parts []chat.Part
	for _, d := range p.Diffs {
		parts = append(parts, chat.Text{Text: strings.Join(append([]string{d.Title + ": tried out by the server, nothing was changed."}, d.Warnings...), " ")})
		if d.Unified != "" {
			parts = append(parts, chat.YAML{Text: d.Unified})
		}
	}
	return parts, nil
}

package kube

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const maxTargets = 100 // objects one step may change

// change is one request that changes one object. The dry run and the execution of a step send the same changes.
type change struct {
	title    string // "deployment/web": unique in its step
	did      string // "scaled to 5"
	live     *unstructured.Unstructured
	seen     chat.Seen
	method   string
	path     string
	patch    string // content type; "" for JSON
	body     any
	gone     bool                 // the object is not there afterwards
	mask     func(map[string]any) // hides in the preview what is only known when it is done
	warnings []string             // what the dry run cannot know
	retry    bool                 // 429 means "not now": an eviction that a disruption budget holds back
	// whole is the object that a Scale in live is about, for the way back
	whole       *unstructured.Unstructured
	revision    int64  // of its rollout, before this change; 0 where nobody can say, or needs to
	subresource string // that a patch goes to
	// run does what is more, or other, than the one request above; dry asks the server without doing it
	run func(ctx context.Context, dry bool) (response, error)
	// again makes the same change of the object as it is now, if it still is what was seen; nil: there is no version to move
	again func(context.Context) (change, error)
}

// changer makes the changes of one step. Where something was seen, only that may be changed.
type changer struct {
	c    *Cluster
	step nlp.Step
	seen []chat.Seen
	dry  bool // for a preview: what people should know is looked up, and requests carry no version
}

var changers = map[nlp.Op]func(*changer, context.Context) ([]change, error){
	nlp.OpCreate: (*changer).create, nlp.OpScale: (*changer).scale, nlp.OpSetImage: (*changer).setImage, nlp.OpSetEnv: (*changer).setEnv,
	nlp.OpSetResources: (*changer).setResources, nlp.OpLabel: (*changer).label, nlp.OpAnnotate: (*changer).label,
	nlp.OpExpose: (*changer).expose, nlp.OpAutoscale: (*changer).autoscale, nlp.OpPatch: (*changer).freePatch,
	nlp.OpRolloutUndo: (*changer).undo, nlp.OpRolloutRestart: (*changer).restart, nlp.OpRolloutPause: (*changer).pause,
	nlp.OpRolloutResume: (*changer).pause, nlp.OpCordon: (*changer).cordon, nlp.OpUncordon: (*changer).cordon,
	nlp.OpTaint: (*changer).taint, nlp.OpDelete: (*changer).remove, nlp.OpDeleteCollection: (*changer).remove,
	nlp.OpDrain: (*changer).drain, nlp.OpEvict: (*changer).evict, nlp.OpSetServiceAccount: (*changer).setServiceAccount,
	nlp.OpSetSelector: (*changer).setSelector, nlp.OpRemoveFinalizers: (*changer).removeFinalizers,
	nlp.OpReplaceForce: (*changer).replaceForce, nlp.OpExec: (*changer).exec,
}

func (c *Cluster) changes(ctx context.Context, step nlp.Step, seen []chat.Seen, dry bool) ([]change, error) {
	build, ok := changers[step.Op]
	if !ok {
		return nil, problem.Newf(problem.Invalid, "%q is not something that changes a cluster.", step.Op)
	}
	if step.Resource.Namespaced && step.Namespace == "" && step.Op != nlp.OpDrain {
		return nil, problem.New(problem.Invalid, "A change needs one namespace.")
	}
	ch := &changer{c: c, step: step, seen: seen, dry: dry}
	return build(ch, ctx)
}

// targets reads the objects that the step names or selects.
func (b *changer) targets(ctx context.Context, r nlp.Resource) ([]*unstructured.Unstructured, error) {
	s := b.step
	var out []*unstructured.Unstructured
	if len(s.Names) > maxTargets {
		return nil, tooMany(len(s.Names))
	}
	for _, name := range s.Names {
		o, err := b.c.get(ctx, r, s.Namespace, name, "")
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	if len(s.Names) > 0 {
		return out, nil
	}
	items, more, err := b.c.list(ctx, r, s.Namespace, s.LabelSelector, s.FieldSelector)
	items = passing(items, s.Post.Filter, b.c.now())
	switch {
	case err != nil:
		return nil, err
	case more || len(items) > maxTargets:
		return nil, tooMany(len(items))
	}
	for i := range items {
		out = append(out, &items[i])
	}
	return out, nil
}

func tooMany(n int) error {
	return problem.Newf(problem.TooLarge, "This would change %d objects; %d are the most at once from chat.", n, maxTargets)
}

func nothing(s nlp.Step) error {
	return problem.Newf(problem.NotFound, "Nothing matches: no %s to change.", s.Resource.Plural)
}

// pre is the object as it is, after it was compared with what the preview saw. Its version goes into the request, so
// that comparing and changing are one step for the server.
func (b *changer) pre(r nlp.Resource, o *unstructured.Unstructured) (chat.Seen, error) {
	now := chat.Seen{
		Resource: r, Namespace: o.GetNamespace(), Name: o.GetName(), UID: string(o.GetUID()),
		ResourceVersion: o.GetResourceVersion(), Digest: digest(o),
	}
	if len(b.seen) == 0 {
		return now, nil
	}
	for _, s := range b.seen {
		if s.Resource.Key() != r.Key() || s.Namespace != now.Namespace || s.Name != now.Name {
			continue
		}
		switch {
		case s.UID != now.UID:
			return now, problem.Newf(problem.Conflict, "%s is another object than the one that was shown: it was replaced meanwhile.", titleOf(r, now.Name))
		case s.Digest != "" && s.Digest != now.Digest:
			return now, problem.Newf(problem.Conflict, "%s has changed since it was shown; nothing was done to it.", titleOf(r, now.Name))
		}
		return now, nil
	}
	return now, problem.Newf(problem.Conflict, "%s was not there when this was shown; nothing was done.", titleOf(r, now.Name))
}

// bound tells whether requests carry the object's version. A dry run does not: a version that moves meanwhile is no
// reason not to show anything.
func (b *changer) bound() bool { return len(b.seen) > 0 && !b.dry }

// digest is over what a preview shows, so nothing of a Secret's value is in it.
func digest(o *unstructured.Unstructured) string {
	content := tidy(o)
	if o.GetKind() == "Node" {
		dropOwnTaints(content)
	}
	b, err := json.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("kube: what was JSON is JSON: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// dropOwnTaints leaves out the taints that a node's controllers write by themselves, such as a moment after a cordon.
func dropOwnTaints(node map[string]any) {
	spec, _ := node["spec"].(map[string]any)
	taints, _ := spec["taints"].([]any)
	taints = slices.DeleteFunc(taints, func(t any) bool {
		m, _ := t.(map[string]any)
		key := str(m, "key")
		return strings.HasPrefix(key, "node.kubernetes.io/") || strings.HasPrefix(key, "node.cloudprovider.kubernetes.io/")
	})
	if len(taints) == 0 {
		delete(spec, "taints")
		return
	}
	spec["taints"] = taints
}

func titleOf(r nlp.Resource, name string) string {
	kind := strings.ToLower(r.Kind)
	if kind == "" {
		kind = r.Plural
	}
	return kind + "/" + name
}

// patched makes a merge or strategic patch of one object, bound to its precondition.
func (b *changer) patched(r nlp.Resource, o *unstructured.Unstructured, kind, did string, patch map[string]any) (change, error) {
	seen, err := b.pre(r, o)
	if err != nil {
		return change{}, err
	}
	meta, _ := patch["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		patch["metadata"] = meta
	}
	meta["uid"] = seen.UID
	if b.bound() {
		meta["resourceVersion"] = seen.ResourceVersion
	}
	return change{
		title: titleOf(r, o.GetName()), did: did, live: o, seen: seen, method: http.MethodPatch,
		path: objectPath(r, o.GetNamespace(), o.GetName(), ""), patch: kind, body: patch,
	}, nil
}

// eachTarget makes one change for each of the step's objects.
func (b *changer) eachTarget(ctx context.Context, make func(*unstructured.Unstructured) (change, error)) ([]change, error) {
	objects, err := b.targets(ctx, b.step.Resource)
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, nothing(b.step)
	}
	out := []change{}
	for _, o := range objects {
		ch, err := b.repeatable(b.step.Resource, o, make)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	return out, nil
}

// repeatable makes a change that can be made again of the same object.
func (b *changer) repeatable(r nlp.Resource, o *unstructured.Unstructured, make func(*unstructured.Unstructured) (change, error)) (change, error) {
	ch, err := make(o)
	ch.again = func(ctx context.Context) (change, error) {
		now, err := b.c.get(ctx, r, o.GetNamespace(), o.GetName(), "")
		if err != nil {
			return change{}, err
		}
		return b.repeatable(r, now, make) // it may move again meanwhile
	}
	return ch, err
}

// send sends a change, or asks the server what it would do.
func (c *Cluster) send(ctx context.Context, ch change, dry bool) (response, error) {
	if ch.run != nil {
		return ch.run(ctx, dry)
	}
	body, err := json.Marshal(ch.body)
	if err != nil {
		return response{}, fmt.Errorf("write the request for %s: %w", ch.title, err)
	}
	if dry {
		if body, err = dryBody(ch.body, body); err != nil {
			return response{}, err
		}
	}
	q := url.Values{"fieldManager": {"kubechat"}}
	if ch.method == http.MethodPost || ch.method == http.MethodDelete || ch.patch == jsonPatch || ch.patch == mergePatch || ch.patch == strategicPatch {
		q.Set("fieldValidation", "Strict")
	}
	if ch.method == http.MethodDelete {
		q = url.Values{}
	}
	if dry {
		q.Set("dryRun", "All")
	}
	return c.do(ctx, request{method: ch.method, path: ch.path, query: q, contentType: cmp.Or(ch.patch, asJSON), body: body})
}

// deleteOptions and eviction carry dryRun in their body: where a DELETE has a body, the server ignores the query.
func dryBody(v any, plain []byte) ([]byte, error) {
	switch b := v.(type) {
	case deleteOptions:
		b.DryRun = []string{"All"}
		return json.Marshal(b)
	case eviction:
		b.DeleteOptions.DryRun = []string{"All"}
		return json.Marshal(b)
	}
	return plain, nil
}

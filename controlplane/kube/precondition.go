package kube

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

var storageClasses = nlp.Resource{Group: "storage.k8s.io", Version: "v1", Plural: "storageclasses", Kind: "StorageClass"}

// autoscalersOf are the autoscalers that set the replicas of an object. Who may not list them goes without the warning.
func (b *changer) autoscalersOf(ctx context.Context, o *unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	items, _, err := b.c.list(ctx, autoscalers, o.GetNamespace(), "", "")
	if problem.Is(err, problem.Forbidden) || problem.Is(err, problem.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []unstructured.Unstructured
	for _, hpa := range items {
		kind, _, _ := unstructured.NestedString(hpa.Object, "spec", "scaleTargetRef", "kind")
		name, _, _ := unstructured.NestedString(hpa.Object, "spec", "scaleTargetRef", "name")
		if kind == o.GetKind() && name == o.GetName() {
			out = append(out, hpa)
		}
	}
	return out, nil
}

// ownedReplicas says what an autoscaler would make of a new count: nothing of one outside its limits, and whatever it
// measures of one inside them. Zero switches it off.
func (b *changer) ownedReplicas(ctx context.Context, o *unstructured.Unstructured, want int64) (warnings []string, err error) {
	owners, err := b.autoscalersOf(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, hpa := range owners {
		least, ok, _ := unstructured.NestedInt64(hpa.Object, "spec", "minReplicas")
		if !ok {
			least = 1
		}
		most, _, _ := unstructured.NestedInt64(hpa.Object, "spec", "maxReplicas")
		switch {
		case want == 0:
			warnings = append(warnings, fmt.Sprintf("The autoscaler %s does nothing while there are 0 replicas.", hpa.GetName()))
		case want < least || want > most:
			return nil, problem.Newf(problem.Conflict, "The autoscaler %s keeps %s between %d and %d replicas: it would undo a scale to %d at once.",
				hpa.GetName(), titleOf(b.step.Resource, o.GetName()), least, most, want).WithCode("autoscaled").WithFix("Change the autoscaler's limits, or delete it.")
		default:
			warnings = append(warnings, fmt.Sprintf("The autoscaler %s (%d to %d) sets the replicas by itself and may change them again.", hpa.GetName(), least, most))
		}
	}
	return warnings, nil
}

// paused warns of a change that will not roll out.
func paused(o *unstructured.Unstructured) []string {
	if !boolAt(o, "spec", "paused") {
		return nil
	}
	return []string{"Its rollout is paused: the change waits until it is resumed."}
}

// grows holds the resizing of a claim to what a cluster can do, which a dry run does not say: it has to be bound, its
// class has to allow it, and it cannot shrink.
func (b *changer) grows(ctx context.Context, claim *unstructured.Unstructured) error {
	var patch struct {
		Spec struct {
			Resources struct{ Requests struct{ Storage *string } }
		}
	}
	if b.step.Resource.Key() != claims.Key() || json.Unmarshal(b.step.Args.Patch, &patch) != nil || patch.Spec.Resources.Requests.Storage == nil {
		return nil
	}
	if phase, _, _ := unstructured.NestedString(claim.Object, "status", "phase"); phase != "Bound" {
		return problem.Newf(problem.Conflict, "The claim %s is not bound to a volume yet, so it cannot be resized.", claim.GetName())
	}
	want, err := resource.ParseQuantity(*patch.Spec.Resources.Requests.Storage)
	if err != nil {
		return problem.Newf(problem.Invalid, "%q is no size.", *patch.Spec.Resources.Requests.Storage)
	}
	has, _, _ := unstructured.NestedString(claim.Object, "spec", "resources", "requests", "storage")
	if is, err := resource.ParseQuantity(has); err == nil && want.Cmp(is) < 0 {
		return problem.Newf(problem.Conflict, "The claim %s has %s already: a claim can grow and not shrink.", claim.GetName(), has)
	}
	name, _, _ := unstructured.NestedString(claim.Object, "spec", "storageClassName")
	if name == "" {
		return nil
	}
	class, err := b.c.get(ctx, storageClasses, "", name, "")
	if problem.Is(err, problem.Forbidden) || problem.Is(err, problem.NotFound) {
		return nil // the server's own admission decides
	}
	if err != nil {
		return err
	}
	if !boolAt(class, "allowVolumeExpansion") {
		return problem.Newf(problem.Conflict, "The storage class %s of claim %s does not let volumes grow.", name, claim.GetName())
	}
	return nil
}

// scalable holds an autoscaler to an object that has none yet, and says what it could not measure.
func (b *changer) scalable(ctx context.Context, o *unstructured.Unstructured) (warnings []string, err error) {
	owners, err := b.autoscalersOf(ctx, o)
	if err != nil {
		return nil, err
	}
	if len(owners) > 0 {
		return nil, problem.Newf(problem.Conflict, "%s has an autoscaler already: %s.", titleOf(b.step.Resource, o.GetName()), owners[0].GetName()).
			WithCode("exists").WithFix("Change that one's limits.")
	}
	for _, c := range containersOf(o, "containers") {
		if cpu, _, _ := unstructured.NestedString(c, "resources", "requests", "cpu"); cpu == "" {
			warnings = append(warnings, fmt.Sprintf("Container %s requests no CPU: without that the autoscaler has nothing to compare its use with.", str(c, "name")))
		}
	}
	return warnings, nil
}

// usedBy says which pods mount a claim.
func (b *changer) usedBy(ctx context.Context, claim *unstructured.Unstructured) []string {
	items, _, err := b.c.list(ctx, pods, claim.GetNamespace(), "", "")
	if err != nil {
		return nil // a warning more is not worth an error
	}
	for i := range items {
		volumes, _, _ := unstructured.NestedSlice(items[i].Object, "spec", "volumes")
		for _, v := range volumes {
			m, _ := v.(map[string]any)
			if name, _, _ := unstructured.NestedString(m, "persistentVolumeClaim", "claimName"); name == claim.GetName() {
				return []string{"Pod " + items[i].GetName() + " uses it: it stays until no pod does."}
			}
		}
	}
	return nil
}

package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// deleteOptions is metav1.DeleteOptions, as far as we send it.
type deleteOptions struct {
	Kind               string         `json:"kind"`
	APIVersion         string         `json:"apiVersion"`
	GracePeriodSeconds *int64         `json:"gracePeriodSeconds,omitempty"`
	Preconditions      map[string]any `json:"preconditions,omitempty"`
	PropagationPolicy  string         `json:"propagationPolicy,omitempty"`
	DryRun             []string       `json:"dryRun,omitempty"`
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// label is annotate as well.
func (b *changer) label(ctx context.Context) ([]change, error) {
	field, did := "labels", "labeled"
	if b.step.Op == nlp.OpAnnotate {
		field, did = "annotations", "annotated"
	}
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		has := o.GetLabels()
		if field == "annotations" {
			has = o.GetAnnotations()
		}
		set := map[string]any{}
		for k, v := range b.step.Args.Set {
			if old, ok := has[k]; ok && old != v && !b.step.Args.Overwrite {
				return change{}, problem.Newf(problem.Conflict, "%s already has %s=%s.", o.GetName(), k, old).
					WithFix("Say that it should be overwritten.")
			}
			set[k] = v
		}
		for _, k := range b.step.Args.Remove {
			set[k] = nil
		}
		return b.patched(b.step.Resource, o, mergePatch, did, nest([]string{"metadata", field}, set))
	})
}

func (b *changer) freePatch(ctx context.Context) ([]change, error) {
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		if err := b.grows(ctx, o); err != nil {
			return change{}, err
		}
		var ch change
		var err error
		switch b.step.Args.PatchType {
		case "json":
			ch, err = b.jsonPatched(o, "patched", b.step.Args.Patch)
		case "", "strategic", "merge":
			kind := mergePatch
			if b.step.Args.PatchType != "merge" && b.step.Resource.BuiltIn() {
				kind = strategicPatch
			}
			patch := map[string]any{}
			if json.Unmarshal(b.step.Args.Patch, &patch) != nil {
				return change{}, problem.New(problem.Invalid, "The patch is not a JSON object.")
			}
			ch, err = b.patched(b.step.Resource, o, kind, "patched", patch)
		default:
			return change{}, problem.Newf(problem.Invalid, "%q is not a kind of patch.", b.step.Args.PatchType)
		}
		if b.step.Subresource != "" {
			ch.path, ch.subresource = objectPath(b.step.Resource, o.GetNamespace(), o.GetName(), b.step.Subresource), b.step.Subresource
		}
		return ch, err
	})
}

type jsonOp struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// jsonPatched binds a JSON patch to the precondition.
func (b *changer) jsonPatched(o *unstructured.Unstructured, did string, ops json.RawMessage) (change, error) {
	ch, err := b.patched(b.step.Resource, o, jsonPatch, did, map[string]any{})
	if err != nil {
		return change{}, err
	}
	var rest []json.RawMessage
	if json.Unmarshal(ops, &rest) != nil {
		return change{}, problem.New(problem.Invalid, "A JSON patch is a list of operations.")
	}
	// replaced by what they should be: the server answers 409 if they are not. A test that fails would be a 422
	body := []any{jsonOp{"replace", "/metadata/uid", ch.seen.UID}}
	if b.bound() {
		body = append(body, jsonOp{"replace", "/metadata/resourceVersion", ch.seen.ResourceVersion})
	}
	for _, op := range rest {
		body = append(body, op)
	}
	ch.body = body
	return ch, nil
}

// create makes the object of the step, or a Job from a CronJob.
func (b *changer) create(ctx context.Context) ([]change, error) {
	if b.step.Args.From != "" {
		return b.jobFrom(ctx)
	}
	o := &unstructured.Unstructured{}
	if err := json.Unmarshal(b.step.Args.Object, &o.Object); err != nil || o.GetKind() == "" {
		return nil, problem.New(problem.Invalid, "The object to create is not complete.")
	}
	if o.GetAPIVersion() == "" {
		o.SetAPIVersion(apiVersion(b.step.Resource))
	}
	return b.creation(ctx, b.step.Resource, o)
}

func (b *changer) creation(ctx context.Context, r nlp.Resource, o *unstructured.Unstructured) ([]change, error) {
	if r.Namespaced {
		if ns := o.GetNamespace(); ns != "" && ns != b.step.Namespace {
			return nil, problem.New(problem.Invalid, "The object names another namespace than the plan.")
		}
		o.SetNamespace(b.step.Namespace)
	}
	if name := o.GetName(); name != "" {
		_, err := b.c.get(ctx, r, o.GetNamespace(), name, "")
		switch {
		case err == nil:
			return nil, problem.Newf(problem.Conflict, "%s exists already.", titleOf(r, name)).WithCode("exists")
		case !problem.Is(err, problem.NotFound) && !problem.Is(err, problem.Forbidden): // who may create may not be able to look
			return nil, err
		}
	}
	return []change{{
		title: titleOf(r, cmp.Or(o.GetName(), o.GetGenerateName())), did: "created", method: http.MethodPost,
		path: objectPath(r, o.GetNamespace(), "", ""), body: o.Object, mask: maskCreated(o),
		seen: chat.Seen{Resource: r, Namespace: o.GetNamespace(), Name: o.GetName()},
	}}, nil
}

// maskCreated hides what the server picks anew at each dry run, unless the object asks for it.
func maskCreated(asked *unstructured.Unstructured) func(map[string]any) {
	return func(after map[string]any) {
		if asked.GetName() == "" {
			_ = unstructured.SetNestedField(after, chat.Later, "metadata", "name") // metadata is always a map
		}
		if asked.GetKind() != "Service" {
			return
		}
		spec, _ := after["spec"].(map[string]any)
		wanted, _, _ := unstructured.NestedMap(asked.Object, "spec")
		for _, f := range []string{"clusterIP", "clusterIPs", "healthCheckNodePort"} {
			if _, ok := wanted[f]; !ok {
				delete(spec, f)
			}
		}
		ports, _ := spec["ports"].([]any)
		for _, p := range ports {
			if m, ok := p.(map[string]any); ok && m["nodePort"] != nil {
				m["nodePort"] = chat.Later
			}
		}
	}
}

var jobs = nlp.Resource{Group: "batch", Version: "v1", Plural: "jobs", Kind: "Job", Namespaced: true}
var cronJobs = nlp.Resource{Group: "batch", Version: "v1", Plural: "cronjobs", Kind: "CronJob", Namespaced: true}

func (b *changer) jobFrom(ctx context.Context) ([]change, error) {
	kind, name, ok := strings.Cut(b.step.Args.From, "/")
	if !ok || kind != "cronjob" || b.step.Args.NewName == "" {
		return nil, problem.New(problem.Invalid, "A job is made from cronjob/NAME and needs a name of its own.")
	}
	cron, err := b.c.get(ctx, cronJobs, b.step.Namespace, name, "")
	if err != nil {
		return nil, err
	}
	template, _, _ := unstructured.NestedMap(cron.Object, "spec", "jobTemplate")
	job := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "spec": template["spec"]}}
	labels, _, _ := unstructured.NestedStringMap(template, "metadata", "labels")
	annotations, _, _ := unstructured.NestedStringMap(template, "metadata", "annotations")
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations["cronjob.kubernetes.io/instantiate"] = "manual"
	job.SetName(b.step.Args.NewName)
	job.SetLabels(labels)
	job.SetAnnotations(annotations)
	job.Object["metadata"].(map[string]any)["ownerReferences"] = []any{map[string]any{
		"apiVersion": "batch/v1", "kind": "CronJob", "name": cron.GetName(), "uid": string(cron.GetUID()), "controller": true,
	}}
	return b.creation(ctx, jobs, job)
}

// remove deletes what is named or selected, each object by itself and bound to what was shown: a collection's DELETE
// could take more than the preview had.
func (b *changer) remove(ctx context.Context) ([]change, error) {
	var out []change
	for _, r := range b.step.Kinds() {
		objects, err := b.targets(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			ch, err := b.repeatable(r, o, func(o *unstructured.Unstructured) (change, error) { return b.removal(r, o) })
			if err != nil {
				return nil, err
			}
			if b.dry {
				ch.warnings = b.lost(ctx, r, o)
			}
			out = append(out, ch)
		}
	}
	switch {
	case len(out) == 0:
		return nil, nothing(b.step)
	case len(out) > maxTargets:
		return nil, tooMany(len(out))
	}
	return out, nil
}

func (b *changer) removal(r nlp.Resource, o *unstructured.Unstructured) (change, error) {
	seen, err := b.pre(r, o)
	if err != nil {
		return change{}, err
	}
	opts := deleteOptions{
		Kind: "DeleteOptions", APIVersion: "v1", GracePeriodSeconds: b.step.Args.GracePeriod, Preconditions: map[string]any{"uid": seen.UID},
		PropagationPolicy: map[string]string{"": "Background", "orphan": "Orphan", "foreground": "Foreground", "background": "Background"}[b.step.Args.Cascade],
	}
	if b.bound() {
		opts.Preconditions["resourceVersion"] = seen.ResourceVersion
	}
	if b.step.Args.Force && opts.GracePeriodSeconds == nil {
		opts.GracePeriodSeconds = new(int64)
	}
	return change{
		title: titleOf(r, o.GetName()), did: "deleted", live: o, seen: seen, method: http.MethodDelete,
		path: objectPath(r, o.GetNamespace(), o.GetName(), ""), body: opts, gone: true,
	}, nil
}

// lost says what goes along that the dry run does not show.
func (b *changer) lost(ctx context.Context, r nlp.Resource, o *unstructured.Unstructured) []string {
	switch r.Key() {
	case "persistentvolumeclaims":
		return append([]string{"The data on the volume may be lost. This cannot be undone."}, b.usedBy(ctx, o)...)
	case "persistentvolumes":
		return []string{"The data on the volume may be lost. This cannot be undone."}
	case "customresourcedefinitions.apiextensions.k8s.io":
		return []string{"Every object of this kind is deleted along. This cannot be undone."}
	case "namespaces":
		if inside := b.inside(ctx, o.GetName()); inside != "" {
			return []string{"Everything in the namespace is deleted along: " + inside + " This cannot be undone."}
		}
		return []string{"Everything in the namespace is deleted along. This cannot be undone."}
	}
	return nil
}

func (b *changer) inside(ctx context.Context, namespace string) string {
	var said []string
	for _, r := range []nlp.Resource{deployments, statefulSets, services, pods, claims} {
		if items, _, err := b.c.list(ctx, r, namespace, "", ""); err == nil && len(items) > 0 {
			said = append(said, count(len(items), r.Plural))
		}
	}
	if len(said) == 0 {
		return ""
	}
	return strings.Join(said, ", ") + "."
}

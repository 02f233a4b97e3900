package kube

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const restartedAt = "kubectl.kubernetes.io/restartedAt"

func (b *changer) scale(ctx context.Context) ([]change, error) {
	if b.step.Args.Replicas == nil {
		return nil, problem.New(problem.Invalid, "It is not said to how many.")
	}
	r, want := b.step.Resource, int64(*b.step.Args.Replicas)
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		scale, err := b.c.get(ctx, r, o.GetNamespace(), o.GetName(), "scale")
		if err != nil {
			return change{}, err
		}
		seen, err := b.pre(r, o) // the whole object: a Scale would not show that another image runs by now
		if err != nil {
			return change{}, err
		}
		meta := map[string]any{"name": o.GetName(), "namespace": o.GetNamespace(), "uid": seen.UID}
		if b.bound() {
			meta["resourceVersion"] = seen.ResourceVersion // a Scale has its object's
		}
		sayZero(scale.Object)
		if only := b.step.Args.OnlyAt; only != nil {
			if has, _, _ := unstructured.NestedInt64(scale.Object, "spec", "replicas"); has != int64(*only) {
				return change{}, problem.New(problem.Conflict, fmt.Sprintf("%s is set to %d replicas, not to %d: nothing was changed.", o.GetName(), has, *only))
			}
		}
		warnings, err := b.ownedReplicas(ctx, o, want)
		if err != nil {
			return change{}, err
		}
		return change{
			warnings: warnings, mask: sayZero, title: titleOf(r, o.GetName()), did: fmt.Sprintf("scaled to %d", want), live: scale, seen: seen, method: http.MethodPut,
			path: objectPath(r, o.GetNamespace(), o.GetName(), "scale"), whole: o,
			body: map[string]any{"apiVersion": scale.GetAPIVersion(), "kind": scale.GetKind(), "metadata": meta, "spec": map[string]any{"replicas": want}},
		}, nil
	})
}

// sayZero writes what a Scale leaves out: nobody should have to guess that "spec: {}" means no replicas.
func sayZero(scale map[string]any) {
	spec, _ := scale["spec"].(map[string]any)
	if _, ok := spec["replicas"]; spec != nil && !ok {
		spec["replicas"] = int64(0)
	}
}

// podSpec is where an object keeps its pod's spec.
func podSpec(o *unstructured.Unstructured) []string {
	switch o.GetKind() {
	case "Pod":
		return []string{"spec"}
	case "CronJob":
		return []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	return []string{"spec", "template", "spec"}
}

func containersOf(o *unstructured.Unstructured, field string) []map[string]any {
	list, _, _ := unstructured.NestedSlice(o.Object, append(slices.Clone(podSpec(o)), field)...)
	var out []map[string]any
	for _, c := range list {
		if m, ok := c.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func str(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

// containersPatch patches containers by name. Kinds that Kubernetes does not know itself have no strategic merge; for
// them the whole list is sent, which the version in the precondition makes safe.
func (b *changer) containersPatch(o *unstructured.Unstructured, did string, changed map[string]map[string]any) (change, error) {
	fields := map[string]any{}
	for _, field := range []string{"containers", "initContainers"} {
		var patch []any
		touched := false
		for _, c := range containersOf(o, field) {
			with, ok := changed[str(c, "name")]
			switch {
			case ok && b.step.Resource.BuiltIn():
				with["name"] = str(c, "name")
				patch = append(patch, with)
			case ok:
				for k, v := range with {
					c[k] = v
				}
			}
			touched = touched || ok
			if !b.step.Resource.BuiltIn() {
				patch = append(patch, c)
			}
		}
		if touched {
			fields[field] = patch
		}
	}
	kind := strategicPatch
	if !b.step.Resource.BuiltIn() {
		kind = mergePatch
	}
	ch, err := b.patched(b.step.Resource, o, kind, did, nest(podSpec(o), fields))
	ch.warnings = paused(o)
	return ch, err
}

func nest(path []string, v any) map[string]any {
	for _, p := range slices.Backward(path) {
		v = map[string]any{p: v}
	}
	return v.(map[string]any)
}

func (b *changer) setImage(ctx context.Context) ([]change, error) {
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		changed := map[string]map[string]any{}
		for name, image := range b.step.Args.Images {
			at, err := containerNamed(o, name)
			if err != nil {
				return change{}, err
			}
			changed[at] = map[string]any{"image": image}
		}
		if len(changed) == 0 {
			return change{}, problem.New(problem.Invalid, "It is not said which image.")
		}
		return b.containersPatch(o, "image updated", changed)
	})
}

// containerNamed finds a container; "*" and "" stand for the only one.
func containerNamed(o *unstructured.Unstructured, name string) (string, error) {
	all := containersOf(o, "containers")
	if name == "*" || name == "" {
		if len(all) == 1 {
			return str(all[0], "name"), nil
		}
		var names []string
		for _, c := range all {
			names = append(names, str(c, "name"))
		}
		return "", problem.Newf(problem.Invalid, "%s has the containers %s: say which.", o.GetName(), strings.Join(names, ", "))
	}
	for _, c := range append(all, containersOf(o, "initContainers")...) {
		if str(c, "name") == name {
			return name, nil
		}
	}
	return "", problem.Newf(problem.Invalid, "%s has no container %q.", o.GetName(), name)
}

// chosen are the containers that env and resources are set on: the named one, or all.
func (b *changer) chosen(o *unstructured.Unstructured) ([]string, error) {
	if b.step.Container != "" {
		name, err := containerNamed(o, b.step.Container)
		return []string{name}, err
	}
	var names []string
	for _, c := range containersOf(o, "containers") {
		names = append(names, str(c, "name"))
	}
	if len(names) == 0 {
		return nil, problem.Newf(problem.Invalid, "%s has no containers.", o.GetName())
	}
	return names, nil
}

func (b *changer) setEnv(ctx context.Context) ([]change, error) {
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		names, err := b.chosen(o)
		if err != nil {
			return change{}, err
		}
		changed := map[string]map[string]any{}
		for _, c := range append(containersOf(o, "containers"), containersOf(o, "initContainers")...) {
			if slices.Contains(names, str(c, "name")) {
				changed[str(c, "name")] = map[string]any{"env": b.env(c)}
			}
		}
		return b.containersPatch(o, "env updated", changed)
	})
}

func (b *changer) env(container map[string]any) []any {
	has, _ := container["env"].([]any)
	if !b.step.Resource.BuiltIn() {
		return b.wholeEnv(has)
	}
	var out []any
	for _, name := range sortedKeys(b.step.Args.Env) {
		out = append(out, map[string]any{"name": name, "value": b.step.Args.Env[name], "valueFrom": nil})
	}
	for _, e := range has {
		if m, ok := e.(map[string]any); ok && slices.Contains(b.step.Args.Remove, str(m, "name")) {
			out = append(out, map[string]any{"name": m["name"], "$patch": "delete"})
		}
	}
	return out
}

func (b *changer) wholeEnv(has []any) []any {
	var out []any
	for _, e := range has {
		m, _ := e.(map[string]any)
		_, replaced := b.step.Args.Env[str(m, "name")]
		if !replaced && !slices.Contains(b.step.Args.Remove, str(m, "name")) {
			out = append(out, e)
		}
	}
	for _, name := range sortedKeys(b.step.Args.Env) {
		out = append(out, map[string]any{"name": name, "value": b.step.Args.Env[name]})
	}
	return out
}

func (b *changer) setResources(ctx context.Context) ([]change, error) {
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		names, err := b.chosen(o)
		if err != nil {
			return change{}, err
		}
		changed := map[string]map[string]any{}
		for _, c := range append(containersOf(o, "containers"), containersOf(o, "initContainers")...) {
			if !slices.Contains(names, str(c, "name")) {
				continue
			}
			res := map[string]any{}
			if has, ok := c["resources"].(map[string]any); ok && !b.step.Resource.BuiltIn() {
				res = has
			}
			setQuantities(res, "requests", b.step.Args.Requests)
			setQuantities(res, "limits", b.step.Args.Limits)
			changed[str(c, "name")] = map[string]any{"resources": res}
		}
		return b.containersPatch(o, "resources updated", changed)
	})
}

func setQuantities(res map[string]any, field string, want map[string]string) {
	if len(want) == 0 {
		return
	}
	m, _ := res[field].(map[string]any)
	if m == nil {
		m = map[string]any{}
	}
	for k, v := range want {
		m[k] = v
	}
	res[field] = m
}

func (b *changer) restart(ctx context.Context) ([]change, error) {
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		if paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused"); paused {
			return change{}, problem.Newf(problem.Conflict, "The rollout of %s is paused: resume it first.", o.GetName())
		}
		at := []string{"spec", "template", "metadata", "annotations"}
		ch, err := b.patched(b.step.Resource, o, b.mergeKind(), "restarted",
			nest(at, map[string]any{restartedAt: b.c.now().UTC().Format(time.RFC3339)}))
		ch.mask = func(after map[string]any) {
			if a, ok, _ := unstructured.NestedMap(after, at...); ok {
				a[restartedAt] = chat.Later
				_ = unstructured.SetNestedMap(after, a, at...) // it was read from there a line before
			}
		}
		return ch, err
	})
}

func (b *changer) mergeKind() string {
	if b.step.Resource.BuiltIn() {
		return strategicPatch
	}
	return mergePatch
}

// pause is resume as well.
func (b *changer) pause(ctx context.Context) ([]change, error) {
	want := b.step.Op == nlp.OpRolloutPause
	did := map[bool]string{true: "paused", false: "resumed"}[want]
	return b.eachTarget(ctx, func(o *unstructured.Unstructured) (change, error) {
		if o.GetKind() != "Deployment" && b.step.Resource.BuiltIn() {
			return change{}, problem.Newf(problem.Invalid, "The rollout of a %s cannot be paused.", o.GetKind())
		}
		if is, _, _ := unstructured.NestedBool(o.Object, "spec", "paused"); is == want {
			return change{}, problem.Newf(problem.Conflict, "%s is %s already.", o.GetName(), did)
		}
		return b.patched(b.step.Resource, o, mergePatch, did, map[string]any{"spec": map[string]any{"paused": want}})
	})
}

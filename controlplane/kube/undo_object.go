package kube

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/redact"
)

// lostKinds are what a deletion takes for good, and why.
var lostKinds = map[string]string{
	"namespaces":             "Deleting a namespace cannot be undone: all that was in it is gone.",
	"persistentvolumes":      "Deleting a volume cannot be undone: its data may be gone.",
	"persistentvolumeclaims": "Deleting a claim cannot be undone: the data on its volume may be gone.",
	"nodes":                  "A node is not made from here: it registers itself when its kubelet starts.",
	"jobs.batch":             "Making a job anew would run it again.",
	"customresourcedefinitions.apiextensions.k8s.io": "Deleting a kind cannot be undone: all its objects are gone.",
}

// anew takes a deletion back: the object is made again as it was, where that means the same.
func anew(ch change) way {
	r, o := ch.seen.Resource, ch.live
	if why := lostKinds[r.Key()]; why != "" {
		return way{none: why}
	}
	if owner := controllerOf(o); owner != nil {
		return way{none: fmt.Sprintf("%s belongs to %s/%s, which makes another one by itself.", titleOf(r, o.GetName()), strings.ToLower(str(owner, "kind")), str(owner, "name"))}
	}
	return remadeOf(ch)
}

// remadeOf makes the object of a change again as it was, where it holds nothing that is not kept here.
func remadeOf(ch change) way {
	r, o := ch.seen.Resource, ch.live
	if r.Key() == "secrets" {
		return noSecret
	}
	again := sanitised(o)
	if shown := redacted(again.DeepCopy().Object); !reflect.DeepEqual(shown, again.Object) {
		return way{none: titleOf(r, o.GetName()) + " holds values that look like secrets; such values are not kept here, so it cannot be made anew."}
	}
	raw, err := json.Marshal(again)
	if err != nil {
		panic(fmt.Sprintf("kube: what was JSON is JSON: %v", err))
	}
	return way{step: nlp.Step{Op: nlp.OpCreate, Resource: r, Namespace: o.GetNamespace(), Names: []string{o.GetName()}, Args: nlp.Args{Object: raw}}}
}

// sanitised is an object as it can be created: without what the server, the scheduler and the controllers wrote into it.
func sanitised(o *unstructured.Unstructured) *unstructured.Unstructured {
	again := &unstructured.Unstructured{Object: bare(o)}
	again.SetFinalizers(nil)
	for _, key := range []string{lastApplied, "deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"} {
		redact.DropAnnotation(again.Object, key)
	}
	switch o.GetKind() {
	case "Service":
		if ip, _, _ := unstructured.NestedString(again.Object, "spec", "clusterIP"); ip != "None" {
			drop(again, "spec", "clusterIP")
			drop(again, "spec", "clusterIPs")
		}
		drop(again, "spec", "healthCheckNodePort")
	case "Pod":
		drop(again, "spec", "nodeName")
		dropTokens(again)
	case "Job":
		dropJobIdentity(again)
	}
	return again
}

// dropJobIdentity takes out of a Job what its controller chose for it: a new one gets its own.
func dropJobIdentity(o *unstructured.Unstructured) {
	if boolAt(o, "spec", "manualSelector") {
		return
	}
	drop(o, "spec", "selector")
	for _, l := range []string{"controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"} {
		drop(o, "spec", "template", "metadata", "labels", l)
		drop(o, "metadata", "labels", l)
	}
}

func drop(o *unstructured.Unstructured, path ...string) {
	unstructured.RemoveNestedField(o.Object, path...)
}

// dropTokens takes out of a pod the volume that admission puts into each.
func dropTokens(pod *unstructured.Unstructured) {
	token := func(v any) bool {
		m, _ := v.(map[string]any)
		return strings.HasPrefix(str(m, "name"), "kube-api-access-")
	}
	if volumes, ok, _ := unstructured.NestedSlice(pod.Object, "spec", "volumes"); ok {
		_ = unstructured.SetNestedSlice(pod.Object, slices.DeleteFunc(volumes, token), "spec", "volumes") // it was read from there
	}
	for _, field := range []string{"containers", "initContainers"} {
		list, ok, _ := unstructured.NestedSlice(pod.Object, "spec", field)
		if !ok {
			continue
		}
		for _, c := range list {
			m, _ := c.(map[string]any)
			if mounts, ok := m["volumeMounts"].([]any); ok {
				m["volumeMounts"] = slices.DeleteFunc(mounts, token)
			}
		}
		_ = unstructured.SetNestedSlice(pod.Object, list, "spec", field) // it was read from there
	}
}

// jsonDiff are the operations that turn one JSON value into another.
func jsonDiff(from, to any, path string) []jsonOp {
	if reflect.DeepEqual(from, to) {
		return nil
	}
	a, aMap := from.(map[string]any)
	b, bMap := to.(map[string]any)
	if aMap && bMap {
		return mapDiff(a, b, path)
	}
	x, xList := from.([]any)
	y, yList := to.([]any)
	if xList && yList {
		return listDiff(x, y, path)
	}
	return []jsonOp{{"replace", path, to}}
}

func mapDiff(a, b map[string]any, path string) (ops []jsonOp) {
	at := func(k string) string {
		return path + "/" + strings.ReplaceAll(strings.ReplaceAll(k, "~", "~0"), "/", "~1")
	}
	for _, k := range sortedKeys(a) {
		if v, ok := b[k]; ok {
			ops = append(ops, jsonDiff(a[k], v, at(k))...)
		} else {
			ops = append(ops, jsonOp{Op: "remove", Path: at(k)})
		}
	}
	for _, k := range sortedKeys(b) {
		if _, ok := a[k]; !ok {
			ops = append(ops, jsonOp{"add", at(k), b[k]})
		}
	}
	return ops
}

// listDiff keeps what two lists begin and end with, and replaces what is between.
func listDiff(a, b []any, path string) (ops []jsonOp) {
	at := func(i int) string { return path + "/" + strconv.Itoa(i) }
	if len(a) == len(b) {
		for i := range a {
			ops = append(ops, jsonDiff(a[i], b[i], at(i))...)
		}
		return ops
	}
	first := 0
	for first < min(len(a), len(b)) && reflect.DeepEqual(a[first], b[first]) {
		first++
	}
	last := 0
	for last < min(len(a), len(b))-first && reflect.DeepEqual(a[len(a)-1-last], b[len(b)-1-last]) {
		last++
	}
	for i := len(a) - last - 1; i >= first; i-- {
		ops = append(ops, jsonOp{Op: "remove", Path: at(i)})
	}
	for i := first; i < len(b)-last; i++ {
		ops = append(ops, jsonOp{"add", at(i), b[i]})
	}
	return ops
}

// sentenceBack says what a step of an undo does; was is the operation that it takes back.
func sentenceBack(s nlp.Step, was nlp.Op) string {
	var names []string
	for _, n := range s.Names {
		names = append(names, titleOf(s.Resource, n))
	}
	what := strings.Join(names, ", ")
	if s.Namespace != "" {
		what += " in " + s.Namespace
	}
	switch s.Op {
	case nlp.OpScale:
		return fmt.Sprintf("Scale %s back to %d.", what, *s.Args.Replicas)
	case nlp.OpCordon:
		return "Cordon " + what + " again."
	case nlp.OpUncordon:
		return "Uncordon " + what + " again."
	case nlp.OpRolloutPause:
		return "Pause the rollout of " + what + " again."
	case nlp.OpRolloutResume:
		return "Resume the rollout of " + what + " again."
	case nlp.OpLabel, nlp.OpAnnotate, nlp.OpTaint:
		return "Put the " + string(s.Op) + "s of " + what + " back as they were."
	case nlp.OpSetServiceAccount:
		return "Let " + what + " run as " + s.Args.ServiceAccount + " again."
	case nlp.OpSetSelector:
		return "Put the selector of " + what + " back as it was."
	case nlp.OpSetImage:
		var set []string
		for _, k := range sortedKeys(s.Args.Images) {
			set = append(set, k+" to "+s.Args.Images[k])
		}
		return "Set the image of " + what + " back: " + strings.Join(set, ", ") + "."
	case nlp.OpRolloutUndo:
		return fmt.Sprintf("Roll %s back to revision %d, which it had.", what, s.Args.Revision)
	case nlp.OpDelete:
		return "Delete " + what + ", which was made."
	case nlp.OpCreate:
		return "Make " + what + " anew as it was."
	}
	return "Put back in " + what + " what " + undone[was] + " replaced."
}

// undone names what an operation did, where its inverse is a patch.
var undone = map[nlp.Op]string{
	nlp.OpSetEnv: "the new environment", nlp.OpSetResources: "the new requests and limits", nlp.OpPatch: "the patch", nlp.OpSetServiceAccount: "the service account",
	nlp.OpRemoveFinalizers: "the removal of finalizers",
}

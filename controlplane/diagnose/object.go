package diagnose

import (
	"fmt"
	"sort"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// object is one thing of the cluster, read field by field: what is not there is empty.
type object struct{ *unstructured.Unstructured }

// key is which object it is.
type key struct{ kind, namespace, name string }

func (o object) key() key { return key{o.GetKind(), o.GetNamespace(), o.GetName()} }

// String is how people are told of it: "deployment/checkout in shop".
func (k key) String() string {
	text := strings.ToLower(k.kind) + "/" + k.name
	if k.namespace != "" {
		text += " in " + k.namespace
	}
	return text
}

func at(m map[string]any, path ...string) any {
	v, _, _ := unstructured.NestedFieldNoCopy(m, path...)
	return v
}

func text(m map[string]any, path ...string) string {
	s, _ := at(m, path...).(string)
	return s
}

// number is an integer field; YAML and JSON decoders disagree about its Go type.
func number(m map[string]any, path ...string) (int64, bool) {
	switch n := at(m, path...).(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), true
	case int:
		return int64(n), true
	}
	return 0, false
}

func maps(m map[string]any, path ...string) []map[string]any {
	list, _ := at(m, path...).([]any)
	out := make([]map[string]any, 0, len(list))
	for _, x := range list {
		if item, ok := x.(map[string]any); ok {
			out = append(out, item)
		}
	}
	return out
}

func words(m map[string]any, path ...string) []string {
	list, _ := at(m, path...).([]any)
	var out []string
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func pairs(m map[string]any, path ...string) map[string]string {
	in, _ := at(m, path...).(map[string]any)
	out := map[string]string{}
	for k, v := range in {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

func (o object) text(path ...string) string             { return text(o.Object, path...) }
func (o object) number(path ...string) (int64, bool)    { return number(o.Object, path...) }
func (o object) maps(path ...string) []map[string]any   { return maps(o.Object, path...) }
func (o object) pairs(path ...string) map[string]string { return pairs(o.Object, path...) }
func (o object) flag(path ...string) bool               { b, _ := at(o.Object, path...).(bool); return b }

func (o object) count(path ...string) int64 {
	n, _ := o.number(path...)
	return n
}

// when is a time that a field holds, zero if it holds none.
func when(m map[string]any, path ...string) time.Time {
	t, _ := time.Parse(time.RFC3339, text(m, path...))
	return t
}

// condition is a condition of the object; its zero value is "not told".
type condition struct{ kind, status, reason, message string }

func (o object) condition(kind string) condition {
	return conditionIn(o.maps("status", "conditions"), kind)
}

func conditionIn(list []map[string]any, kind string) condition {
	for _, c := range list {
		if c["type"] == kind {
			return condition{kind, text(c, "status"), text(c, "reason"), text(c, "message")}
		}
	}
	return condition{kind: kind}
}

// since is when the condition took its present status.
func (o object) since(kind string) time.Time {
	for _, c := range o.maps("status", "conditions") {
		if c["type"] == kind {
			return when(c, "lastTransitionTime")
		}
	}
	return time.Time{}
}

func (c condition) is(status string) bool { return c.status == status }

// evidence cites the condition.
func (c condition) evidence() Evidence {
	value := c.status
	if c.reason != "" {
		value += " (" + c.reason + ")"
	}
	if c.message != "" {
		value += ": " + c.message
	}
	return Evidence{Path: "status.conditions[" + c.kind + "]", Value: value}
}

// cite is the evidence of a field, by its path.
func (o object) cite(path ...string) Evidence {
	return Evidence{Path: strings.Join(path, "."), Value: show(at(o.Object, path...))}
}

func show(v any) string {
	switch x := v.(type) {
	case nil:
		return "<unset>"
	case map[string]any:
		parts := make([]string, 0, len(x))
		for k, item := range x {
			parts = append(parts, k+"="+show(item))
		}
		sort.Strings(parts)
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v)
}

// selector picks what belongs to the object. ok is false for one that picks nothing or cannot be read.
func (o object) selector() (labels.Selector, bool) {
	field, _ := at(o.Object, "spec", "selector").(map[string]any)
	if o.GetKind() == "Service" || o.GetKind() == "ReplicationController" {
		set := o.pairs("spec", "selector")
		return labels.SelectorFromSet(set), len(set) > 0
	}
	return labelSelector(field)
}

func labelSelector(m map[string]any) (labels.Selector, bool) {
	s := &metav1.LabelSelector{MatchLabels: pairs(m, "matchLabels")}
	for _, e := range maps(m, "matchExpressions") {
		s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: text(e, "key"), Operator: metav1.LabelSelectorOperator(text(e, "operator")), Values: words(e, "values"),
		})
	}
	sel, err := metav1.LabelSelectorAsSelector(s)
	return sel, err == nil && !sel.Empty()
}

// owner is the controller that made the object.
func (o object) owner() (metav1.OwnerReference, bool) {
	for _, ref := range o.GetOwnerReferences() {
		if ref.Controller != nil && *ref.Controller {
			return ref, true
		}
	}
	return metav1.OwnerReference{}, false
}

// workload is who people would say the object belongs to: of a Deployment's pod the Deployment, not its ReplicaSet.
func (o object) workload() (key, bool) {
	ref, ok := o.owner()
	if !ok {
		return key{}, false
	}
	if hash := o.GetLabels()["pod-template-hash"]; ref.Kind == "ReplicaSet" && hash != "" && strings.HasSuffix(ref.Name, "-"+hash) {
		return key{"Deployment", o.GetNamespace(), strings.TrimSuffix(ref.Name, "-"+hash)}, true
	}
	return key{ref.Kind, o.GetNamespace(), ref.Name}, true
}

// ready tells whether the object's condition Ready holds.
func (o object) ready() bool { return o.condition("Ready").is("True") }

// replicas are how many are wanted. Unset means one, as the server has it.
func (o object) replicas() int64 {
	if n, ok := o.number("spec", "replicas"); ok {
		return n
	}
	return 1
}

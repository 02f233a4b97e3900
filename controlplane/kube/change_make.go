package kube

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

// The kinds that this package reads and makes by itself.
var (
	pods         = nlp.Resource{Version: "v1", Plural: "pods", Kind: "Pod", Namespaced: true}
	services     = nlp.Resource{Version: "v1", Plural: "services", Kind: "Service", Namespaced: true}
	events       = nlp.Resource{Version: "v1", Plural: "events", Kind: "Event", Namespaced: true}
	nodes        = nlp.Resource{Version: "v1", Plural: "nodes", Kind: "Node"}
	namespaces   = nlp.Resource{Version: "v1", Plural: "namespaces", Kind: "Namespace"}
	claims       = nlp.Resource{Version: "v1", Plural: "persistentvolumeclaims", Kind: "PersistentVolumeClaim", Namespaced: true}
	deployments  = nlp.Resource{Group: "apps", Version: "v1", Plural: "deployments", Kind: "Deployment", Namespaced: true}
	statefulSets = nlp.Resource{Group: "apps", Version: "v1", Plural: "statefulsets", Kind: "StatefulSet", Namespaced: true}
	daemonSets   = nlp.Resource{Group: "apps", Version: "v1", Plural: "daemonsets", Kind: "DaemonSet", Namespaced: true}
	replicaSets  = nlp.Resource{Group: "apps", Version: "v1", Plural: "replicasets", Kind: "ReplicaSet", Namespaced: true}
	revisions    = nlp.Resource{Group: "apps", Version: "v1", Plural: "controllerrevisions", Kind: "ControllerRevision", Namespaced: true}
	autoscalers  = nlp.Resource{Group: "autoscaling", Version: "v2", Plural: "horizontalpodautoscalers", Kind: "HorizontalPodAutoscaler", Namespaced: true}
)

// one reads the step's only object.
func (b *changer) one(ctx context.Context) (*unstructured.Unstructured, error) {
	objects, err := b.targets(ctx, b.step.Resource)
	switch {
	case err != nil:
		return nil, err
	case len(objects) != 1:
		return nil, problem.New(problem.Invalid, "This is done for one object at a time.")
	}
	return objects[0], nil
}

func (b *changer) expose(ctx context.Context) ([]change, error) {
	o, err := b.one(ctx)
	if err != nil {
		return nil, err
	}
	selector := selectorOf(o)
	if len(selector) == 0 {
		return nil, problem.Newf(problem.Invalid, "%s has no selector of labels that a service could use.", o.GetName())
	}
	port := map[string]any{"port": int64(b.step.Args.Port), "protocol": "TCP", "targetPort": int64(b.step.Args.Port)}
	if t := b.step.Args.TargetPort; t != "" {
		port["targetPort"] = t
		if n, err := strconv.ParseInt(t, 10, 32); err == nil {
			port["targetPort"] = n
		}
	}
	spec := map[string]any{"selector": anyMap(selector), "ports": []any{port}}
	if t := b.step.Args.Type; t != "" {
		spec["type"] = t
	}
	svc := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "spec": spec}}
	svc.SetName(cmp.Or(b.step.Args.NewName, o.GetName()))
	svc.SetLabels(o.GetLabels())
	return b.creation(ctx, services, svc)
}

// selectorOf are the labels of an object's pods, if labels alone say it.
func selectorOf(o *unstructured.Unstructured) map[string]string {
	switch o.GetKind() {
	case "Pod":
		return o.GetLabels()
	case "Service", "ReplicationController":
		m, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector")
		return m
	}
	if more, ok, _ := unstructured.NestedSlice(o.Object, "spec", "selector", "matchExpressions"); ok && len(more) > 0 {
		return nil
	}
	m, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels")
	return m
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func (b *changer) autoscale(ctx context.Context) ([]change, error) {
	o, err := b.one(ctx)
	if err != nil {
		return nil, err
	}
	cpu := int64(b.step.Args.CPUPercent)
	if cpu == 0 {
		cpu = 80 // kubectl's and the server's default
	}
	spec := map[string]any{
		"maxReplicas":    int64(b.step.Args.Max),
		"scaleTargetRef": map[string]any{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "name": o.GetName()},
		"metrics": []any{map[string]any{"type": "Resource", "resource": map[string]any{
			"name": "cpu", "target": map[string]any{"type": "Utilization", "averageUtilization": cpu},
		}}},
	}
	if b.step.Args.Min > 0 {
		spec["minReplicas"] = int64(b.step.Args.Min)
	}
	hpa := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "autoscaling/v2", "kind": autoscalers.Kind, "spec": spec}}
	hpa.SetName(cmp.Or(b.step.Args.NewName, o.GetName()))
	warnings, err := b.scalable(ctx, o)
	if err != nil {
		return nil, err
	}
	out, err := b.creation(ctx, autoscalers, hpa)
	for i := range out {
		out[i].warnings = warnings
	}
	return out, err
}

func count(n int, plural string) string {
	if n == 1 {
		switch {
		case strings.HasSuffix(plural, "sses"), strings.HasSuffix(plural, "xes"):
			plural = strings.TrimSuffix(plural, "es")
		case strings.HasSuffix(plural, "ies"):
			plural = strings.TrimSuffix(plural, "ies") + "y"
		default:
			plural = strings.TrimSuffix(plural, "s")
		}
	}
	return strconv.Itoa(n) + " " + plural
}

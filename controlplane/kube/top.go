package kube

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

var (
	podMetrics  = nlp.Resource{Group: "metrics.k8s.io", Version: "v1beta1", Plural: "pods", Kind: "PodMetrics", Namespaced: true}
	nodeMetrics = nlp.Resource{Group: "metrics.k8s.io", Version: "v1beta1", Plural: "nodes", Kind: "NodeMetrics"}

	noMetrics = problem.New(problem.NotFound, "This cluster does not measure use: metrics-server is not installed, or not ready.").
			WithCode("no_metrics").WithFix("Install metrics-server in the cluster.")
)

type usage struct {
	namespace, name, container string
	cpu, memory                resource.Quantity
}

// top shows the CPU and memory that pods or nodes use, as metrics-server measured them.
func (c *Cluster) top(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	r := podMetrics
	if step.Resource.Plural == "nodes" {
		r = nodeMetrics
	}
	step, err := c.podsMeasured(ctx, step)
	if err != nil {
		return nil, err
	}
	items, _, err := c.metrics(ctx, step, r)
	if err != nil {
		return nil, err
	}
	var all []usage
	for i := range items {
		all = append(all, usages(&items[i], step.Args.AllContainers)...)
	}
	slices.SortStableFunc(all, func(a, b usage) int { return topOrder(a, b, step.Post) })
	if n := step.Post.Top; n > 0 && len(all) > n {
		all = all[:n]
	}
	if len(all) == 0 {
		return finished(nlp.Step{Resource: r, Namespace: step.Namespace}, nil, 0, 0, nil), nil
	}
	return []chat.Part{topTable(step, r, all)}, nil
}

func (c *Cluster) metrics(ctx context.Context, step nlp.Step, r nlp.Resource) (items []unstructured.Unstructured, more bool, err error) {
	items, more, err = c.list(ctx, r, step.Namespace, step.LabelSelector, "")
	if status := statusOf(err); status == 404 || status == 503 { // the group is not served at all
		return nil, false, noMetrics.WithCause(err)
	}
	if len(step.Names) > 0 {
		items = slices.DeleteFunc(items, func(o unstructured.Unstructured) bool { return !slices.Contains(step.Names, o.GetName()) })
	}
	return items, more, err
}

const (
	cpuColumn    = "CPU (m)"
	memoryColumn = "Memory (Mi)"
)

// order sorts the rows of a list: by use, as metrics-server measured it, or by what the objects say of themselves.
func (c *Cluster) order(ctx context.Context, g *grid, step nlp.Step, r nlp.Resource) error {
	by := step.Post.Sort
	if by != "cpu" && by != "memory" {
		return g.sort(by, step.Post.Desc)
	}
	from := podMetrics
	switch r.Key() {
	case pods.Key():
	case nodes.Key():
		from = nodeMetrics
	default:
		return problem.Newf(problem.Invalid, "Only pods and nodes can be sorted by %s.", by)
	}
	items, _, err := c.metrics(ctx, nlp.Step{Namespace: step.Namespace, LabelSelector: step.LabelSelector}, from)
	if err != nil {
		return err
	}
	used := map[string]usage{}
	for i := range items {
		for _, u := range usages(&items[i], false) {
			used[u.namespace+"/"+u.name] = u
		}
	}
	at := func(pick func(usage) int64) func(*unstructured.Unstructured) any {
		return func(o *unstructured.Unstructured) any {
			if u, ok := used[o.GetNamespace()+"/"+o.GetName()]; ok {
				return pick(u)
			}
			return nil // not measured: a pod that does not run
		}
	}
	cpu, memory := at(func(u usage) int64 { return u.cpu.MilliValue() }), at(func(u usage) int64 { return u.memory.Value() >> 20 })
	g.extra = []extraColumn{
		{chat.Column{Name: cpuColumn, Kind: "number"}, cpu}, {chat.Column{Name: memoryColumn, Kind: "number"}, memory},
	}
	g.sortBy(map[string]func(*unstructured.Unstructured) any{"cpu": cpu, "memory": memory}[by], step.Post.Desc)
	return nil
}

func usages(o *unstructured.Unstructured, each bool) []usage {
	read := func(m map[string]any) (u usage) {
		u.namespace, u.name = o.GetNamespace(), o.GetName()
		used, _ := m["usage"].(map[string]any)
		u.cpu, _ = resource.ParseQuantity(cmp.Or(str(used, "cpu"), "0"))
		u.memory, _ = resource.ParseQuantity(cmp.Or(str(used, "memory"), "0"))
		return u
	}
	list, isPod, _ := unstructured.NestedSlice(o.Object, "containers")
	if !isPod {
		return []usage{read(o.Object)}
	}
	sum := usage{namespace: o.GetNamespace(), name: o.GetName()}
	var out []usage
	for _, c := range list {
		m, _ := c.(map[string]any)
		u := read(m)
		u.container = str(m, "name")
		sum.cpu.Add(u.cpu)
		sum.memory.Add(u.memory)
		out = append(out, u)
	}
	if each {
		return out
	}
	return []usage{sum}
}

// podsMeasured puts the pods of a workload in its place: only pods and nodes are measured.
func (c *Cluster) podsMeasured(ctx context.Context, step nlp.Step) (nlp.Step, error) {
	if step.Resource.Plural == "pods" || step.Resource.Plural == "nodes" || len(step.Names) == 0 {
		return step, nil
	}
	found, err := c.logPods(ctx, step)
	if err != nil {
		return step, err
	}
	if len(found) == 0 {
		return step, problem.Newf(problem.NotFound, "%s has no pods that could be measured.", strings.Join(step.Names, ", "))
	}
	step.Resource, step.Names = pods, nil
	for i := range found {
		step.Names = append(step.Names, found[i].GetName())
	}
	return step, nil
}

// topOrder: by use the greatest first, which is what people ask for; without an order by name.
func topOrder(a, b usage, post nlp.Post) int {
	switch post.Sort {
	case "cpu":
		return b.cpu.Cmp(a.cpu)
	case "memory":
		return b.memory.Cmp(a.memory)
	}
	return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
}

func topTable(step nlp.Step, r nlp.Resource, all []usage) chat.Table {
	t := chat.Table{Title: "Use: " + title(step, r), Namespace: step.Namespace, Rows: [][]any{}}
	if by := step.Post.Sort; by == "cpu" || by == "memory" {
		t.Sort = &chat.TableSort{Column: map[string]string{"cpu": cpuColumn, "memory": memoryColumn}[by], Desc: true}
	}
	kind := map[string]string{"pods": "pod", "nodes": "node"}[r.Plural]
	everywhere := r.Namespaced && step.Namespace == ""
	if everywhere {
		t.Columns = append(t.Columns, chat.Column{Name: "Namespace", Kind: "text"})
	}
	t.Columns = append(t.Columns, chat.Column{Name: "Name", Kind: "text"})
	if step.Args.AllContainers && r.Namespaced {
		t.Columns = append(t.Columns, chat.Column{Name: "Container", Kind: "text"})
	}
	t.Columns = append(t.Columns, chat.Column{Name: cpuColumn, Kind: "number"}, chat.Column{Name: memoryColumn, Kind: "number"})
	for _, u := range all {
		var row []any
		if everywhere {
			row = append(row, u.namespace)
		}
		row = append(row, u.name)
		if step.Args.AllContainers && r.Namespaced {
			row = append(row, u.container)
		}
		t.Objects = append(t.Objects, kind+"/"+u.namespace+"/"+u.name)
		t.Rows = append(t.Rows, append(row, u.cpu.MilliValue(), u.memory.Value()>>20))
	}
	return t
}

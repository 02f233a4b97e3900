package kube

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/redact"
)

const maxDescribed = 20

// describe shows what matters of each object, and its events.
func (c *Cluster) describe(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	var parts []chat.Part
	var shown []*unstructured.Unstructured
	n := 0
	for _, r := range step.Kinds() {
		items, _, err := c.objects(ctx, step, r)
		if err != nil {
			return nil, err
		}
		g := &grid{}
		for i := range items {
			g.rows = append(g.rows, gridRow{object: &items[i]})
		}
		g.filter(step.Post.Filter, c.now())
		for _, row := range g.rows {
			if n++; n > maxDescribed {
				continue
			}
			shown = append(shown, row.object.DeepCopy()) // what is described is redacted in place
			described, err := c.described(ctx, row.object)
			if err != nil {
				return nil, err
			}
			parts = append(parts, described...)
		}
	}
	if n > maxDescribed {
		parts = append(parts, chat.Text{Text: fmt.Sprintf("%d more are not shown.", n-maxDescribed)})
	}
	if n == 0 {
		return finished(step, nil, 0, 0, nil), nil
	}
	return append(parts, c.beside(step, shown)...), nil
}

func (c *Cluster) described(ctx context.Context, o *unstructured.Unstructured) ([]chat.Part, error) {
	about := o.DeepCopy() // events are found by what is redacted below
	redact.Object(o.Object)
	d := &description{}
	d.line("Name", o.GetName())
	d.line("Namespace", o.GetNamespace())
	d.line("Kind", o.GetKind()+" ("+o.GetAPIVersion()+")")
	d.line("Created", c.age(o.GetCreationTimestamp().Time)+" ago")
	d.pairs("Labels", o.GetLabels())
	d.pairs("Annotations", o.GetAnnotations())
	if owner := controllerOf(o); owner != nil {
		d.line("Controlled by", str(owner, "kind")+"/"+str(owner, "name"))
	}
	if o.GetDeletionTimestamp() != nil {
		d.line("Terminating", c.age(o.GetDeletionTimestamp().Time)+" ago")
		d.line("Finalizers", strings.Join(o.GetFinalizers(), ", "))
	}
	d.body(o)
	parts := []chat.Part{chat.Text{Text: clip(d.String())}}
	if t, ok := c.conditionTable(o); ok {
		parts = append(parts, t)
	}
	events, err := c.eventsOf(ctx, about)
	if problem.Is(err, problem.Forbidden) {
		return append(parts, chat.Text{Text: "Its events are left out: you may not list them here."}), nil
	}
	return append(parts, events...), err
}

// description is lines of "name: value".
type description struct{ strings.Builder }

func (d *description) line(name, value string) {
	if value != "" {
		fmt.Fprintf(d, "%-15s %s\n", name+":", value)
	}
}

func (d *description) pairs(name string, m map[string]string) {
	for _, k := range sortedKeys(m) {
		d.line(name, k+"="+m[k])
		name = ""
		if len(m) > 1 {
			name = " "
		}
	}
}

// body is what the kind is about; of what has pods, their containers, and of all else the whole spec and status.
func (d *description) body(o *unstructured.Unstructured) {
	if isSecret(o.Object) {
		d.section("Data", o.Object["data"])
		return
	}
	if len(containersOf(o, "containers")) == 0 {
		for _, field := range []string{"data", "rules", "roleRef", "subjects", "spec"} {
			d.section(strings.ToUpper(field[:1])+field[1:], o.Object[field])
		}
		status, _, _ := unstructured.NestedMap(o.Object, "status")
		delete(status, "conditions")
		d.section("Status", anyOrNil(status))
		return
	}
	if text, _ := rollout(o); text != "" {
		d.line("Rollout", text)
	}
	for _, f := range [][]string{{"spec", "replicas"}, {"spec", "nodeName"}, {"status", "phase"}, {"status", "reason"}, {"status", "message"}, {"status", "podIP"}} {
		if v, ok, _ := unstructured.NestedFieldNoCopy(o.Object, f...); ok {
			d.line(strings.ToUpper(f[1][:1])+f[1][1:], fmt.Sprint(v))
		}
	}
	d.pairs("Selector", map[bool]map[string]string{false: selectorOf(o)}[o.GetKind() == "Pod"])
	for _, field := range []string{"initContainers", "containers"} {
		for _, c := range containersOf(o, field) {
			d.container(c, statusNamed(o, str(c, "name")))
		}
	}
	spec, _, _ := unstructured.NestedMap(o.Object, podSpec(o)...)
	d.section("Volumes", spec["volumes"])
	d.section("Tolerations", spec["tolerations"])
	d.section("Node selector", spec["nodeSelector"])
}

func anyOrNil(m map[string]any) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

func statusNamed(o *unstructured.Unstructured, name string) map[string]any {
	for _, s := range statuses(o) {
		if str(s, "name") == name {
			return s
		}
	}
	return nil
}

func (d *description) container(c, status map[string]any) {
	fmt.Fprintf(d, "Container %s:\n", str(c, "name"))
	d.line("  Image", str(c, "image"))
	if status != nil {
		d.line("  Ready", fmt.Sprint(status["ready"]))
		d.line("  Restarts", fmt.Sprint(whole(status["restartCount"])))
		d.line("  State", stateText(status["state"]))
		d.line("  Last state", stateText(status["lastState"]))
	}
	for _, field := range []string{"command", "args", "ports", "resources", "env", "envFrom", "livenessProbe", "readinessProbe", "startupProbe", "volumeMounts"} {
		d.indented(field, c[field])
	}
}

func stateText(v any) string {
	m, _ := v.(map[string]any)
	keys := sortedKeys(m)
	if len(keys) == 0 {
		return ""
	}
	text := keys[0] // a container is in one state
	inner, _ := m[text].(map[string]any)
	for _, f := range []string{"reason", "exitCode", "message", "startedAt", "finishedAt"} {
		if x, ok := inner[f]; ok {
			text += fmt.Sprintf(", %s %v", f, x)
		}
	}
	return text
}

func (d *description) section(name string, v any) {
	if text := yamlText(v); text != "" {
		fmt.Fprintf(d, "%s:\n%s", name, indent(text, "  "))
	}
}

func (d *description) indented(name string, v any) {
	if text := yamlText(v); text != "" {
		fmt.Fprintf(d, "  %s:\n%s", name, indent(text, "    "))
	}
}

func yamlText(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case map[string]any:
		if len(x) == 0 {
			return ""
		}
	case []any:
		if len(x) == 0 {
			return ""
		}
	}
	b, err := yaml.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

func indent(text, by string) string {
	var out strings.Builder
	for _, l := range lines(text) {
		out.WriteString(by + l + "\n")
	}
	return out.String()
}

func (c *Cluster) conditionTable(o *unstructured.Unstructured) (chat.Table, bool) {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	t := chat.Table{Title: "Conditions of " + o.GetName(), Namespace: o.GetNamespace(), Rows: [][]any{}, Columns: []chat.Column{
		{Name: "Type", Kind: "text"}, {Name: "Status", Kind: "status"}, {Name: "Reason", Kind: "text"}, {Name: "Message", Kind: "text"},
	}}
	for _, cond := range list {
		if m, ok := cond.(map[string]any); ok {
			t.Rows = append(t.Rows, []any{str(m, "type"), str(m, "status"), str(m, "reason"), str(m, "message")})
		}
	}
	return t, len(t.Rows) > 0
}

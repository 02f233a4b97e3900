package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/redact"
)

// showObjects gives whole objects, never a Secret's values.
func (c *Cluster) showObjects(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	var objects []map[string]any
	truncated := false
	for _, r := range step.Kinds() {
		g, more, err := c.chosenObjects(ctx, step, r)
		if err != nil {
			return nil, err
		}
		truncated = truncated || more
		for _, row := range g.rows {
			unstructured.RemoveNestedField(row.object.Object, "metadata", "managedFields")
			redact.Object(row.object.Object)
			objects = append(objects, row.object.Object)
		}
	}
	if len(objects) == 0 {
		return finished(step, nil, 0, 0, nil), nil
	}
	parts, err := printed(step, objects)
	if truncated {
		parts = append(parts, chat.Text{Text: fmt.Sprintf("Only the first %d objects were read.", maxItems)})
	}
	return parts, err
}

func (c *Cluster) objects(ctx context.Context, step nlp.Step, r nlp.Resource) (items []unstructured.Unstructured, more bool, err error) {
	if len(step.Names) == 0 {
		return c.list(ctx, r, step.Namespace, step.LabelSelector, step.FieldSelector)
	}
	for _, name := range step.Names {
		o, err := c.get(ctx, r, step.Namespace, name, step.Subresource)
		if err != nil {
			return nil, false, err
		}
		items = append(items, *o)
	}
	return items, false, nil
}

// printed writes redacted objects in the step's output format; a single named one stands by itself, others are a List.
func printed(step nlp.Step, objects []map[string]any) ([]chat.Part, error) {
	var v any = objects[0]
	if len(step.Names) != 1 {
		items := make([]any, len(objects))
		for i, o := range objects {
			items[i] = o
		}
		v = map[string]any{"apiVersion": "v1", "kind": "List", "items": items}
	}
	var text []byte
	var err error
	switch out := step.Args.Output; {
	case out == "json":
		text, err = json.MarshalIndent(v, "", "    ")
	case strings.HasPrefix(out, "jsonpath="):
		return pathText(strings.TrimPrefix(out, "jsonpath="), v)
	case strings.HasPrefix(out, "custom-columns="):
		return customColumns(step, strings.TrimPrefix(out, "custom-columns="), objects)
	default:
		text, err = yaml.Marshal(v)
	}
	if err != nil {
		return nil, fmt.Errorf("write objects: %w", err)
	}
	return []chat.Part{chat.YAML{Text: clip(string(text))}}, nil
}

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	cut := strings.LastIndexByte(s[:maxText], '\n') + 1
	return s[:cut] + fmt.Sprintf("# … %d more bytes are not shown\n", len(s)-cut)
}

func pathText(template string, v any) ([]chat.Part, error) {
	p := jsonpath.New("output").AllowMissingKeys(true)
	if err := p.Parse(template); err != nil {
		return nil, problem.New(problem.Invalid, "The JSONPath cannot be read.").WithCause(err)
	}
	var out bytes.Buffer
	if err := p.Execute(&out, v); err != nil {
		return nil, problem.New(problem.Invalid, "The JSONPath does not fit this object.").WithCause(err)
	}
	return []chat.Part{chat.Text{Text: clip(out.String())}}, nil
}

func customColumns(step nlp.Step, spec string, objects []map[string]any) ([]chat.Part, error) {
	t := chat.Table{Title: title(step, step.Resource), Namespace: step.Namespace, Rows: [][]any{}, Truncated: len(objects) > maxRows}
	var paths []*jsonpath.JSONPath
	for _, col := range strings.Split(spec, ",") {
		name, path, _ := strings.Cut(col, ":")
		p := jsonpath.New(name).AllowMissingKeys(true)
		if err := p.Parse("{" + dotted(path) + "}"); err != nil {
			return nil, problem.New(problem.Invalid, "The columns cannot be read.").WithCause(err)
		}
		paths = append(paths, p)
		t.Columns = append(t.Columns, chat.Column{Name: name, Kind: "text"})
	}
	for _, o := range objects[:min(len(objects), maxRows)] {
		row := []any{}
		for _, p := range paths {
			var out bytes.Buffer
			if err := p.Execute(&out, o); err != nil {
				return nil, problem.New(problem.Invalid, "The columns do not fit these objects.").WithCause(err)
			}
			row = append(row, out.String())
		}
		t.Rows = append(t.Rows, row)
	}
	return []chat.Part{t}, nil
}

// dotted writes a path as JSONPath wants it: ".a.b" from "a.b", ".a.b" or "{.a.b}".
func dotted(path string) string {
	path = strings.Trim(path, "{}")
	if path != "" && path[0] != '.' && path[0] != '[' {
		path = "." + path
	}
	return path
}

// chosenObjects are whole objects of a kind, filtered, sorted and cut as the step says.
func (c *Cluster) chosenObjects(ctx context.Context, step nlp.Step, r nlp.Resource) (*grid, bool, error) {
	items, more, err := c.objects(ctx, step, r)
	if err != nil {
		return nil, false, err
	}
	g := &grid{}
	for i := range items {
		g.rows = append(g.rows, gridRow{object: &items[i]})
	}
	g.filter(step.Post.Filter, c.now())
	if err := g.sort(step.Post.Sort, step.Post.Desc); err != nil {
		return nil, false, err
	}
	if n := step.Post.Top; n > 0 && len(g.rows) > n {
		g.rows = g.rows[:n]
	}
	return g, more, nil
}

package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const (
	maxRows = 1000      // of one table on a page
	maxText = 512 << 10 // bytes of YAML, JSON or description in one answer
)

// show is get: a table made by the API server, so that every kind has its own columns, or objects as text.
func (c *Cluster) show(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	switch out := step.Args.Output; {
	case out == "yaml", out == "json", strings.HasPrefix(out, "jsonpath="), strings.HasPrefix(out, "custom-columns="):
		return c.showObjects(ctx, step)
	}
	kinds := step.Kinds()
	var parts []chat.Part
	var refused error
	total := 0
	for _, r := range kinds {
		g, err := c.grid(ctx, step, r)
		if problem.Is(err, problem.Forbidden) && len(kinds) > 1 {
			refused = err // of "all", what may be seen is shown
			continue
		}
		if err != nil {
			return nil, err
		}
		g.filter(step.Post.Filter, c.now())
		g.sort(step.Post.Sort, step.Post.Desc)
		total += g.total()
		if g.total() == 0 && len(kinds) > 1 || step.Post.Count {
			continue
		}
		parts = append(parts, g.part(step, r, c)...)
	}
	if refused != nil && len(parts) == 0 && total == 0 {
		return nil, refused
	}
	return finished(step, parts, total, refused), nil
}

func finished(step nlp.Step, parts []chat.Part, total int, refused error) []chat.Part {
	where := ""
	if step.Namespace != "" {
		where = " in " + step.Namespace
	}
	plural := step.Resource.Plural
	if plural == nlp.CategoryAll || len(step.Also) > 0 {
		plural = "objects"
	}
	switch {
	case step.Post.Count:
		parts = append(parts, chat.Text{Text: count(total, plural) + where + "."})
	case len(parts) == 0:
		parts = append(parts, chat.Text{Text: "No " + plural + where + "."})
	}
	if refused != nil {
		parts = append(parts, chat.Text{Text: "Some kinds are left out: you may not list them here."})
	}
	if step.Args.Follow {
		parts = append(parts, chat.Text{Text: "This is how it is now; the chat does not keep watching."})
	}
	return parts
}

// grid is a table as the server made it, with the objects that its rows are about.
type grid struct {
	columns []metav1.TableColumnDefinition
	rows    []gridRow
	more    bool // there were more than maxItems
	beyond  int  // how many more the server says there are, if nothing else was asked of it
}

type gridRow struct {
	cells  []any
	object *unstructured.Unstructured
}

func (g *grid) total() int { return len(g.rows) + g.beyond }

// grid reads the tables of one kind in a step.
func (c *Cluster) grid(ctx context.Context, step nlp.Step, r nlp.Resource) (*grid, error) {
	g := &grid{}
	q := url.Values{}
	if len(step.Post.Filter) > 0 || step.Post.Sort != "" {
		q.Set("includeObject", "Object")
	}
	if len(step.Names) > 0 {
		for _, name := range step.Names {
			if _, err := c.tablePage(ctx, g, r, objectPath(r, step.Namespace, name, step.Subresource), q); err != nil {
				return nil, err
			}
		}
		return g, nil
	}
	onlyCount := step.Post.Count && len(step.Post.Filter) == 0
	next := ""
	for {
		page := listQuery(step.LabelSelector, step.FieldSelector, next)
		if v := q.Get("includeObject"); v != "" {
			page.Set("includeObject", v)
		}
		meta, err := c.tablePage(ctx, g, r, objectPath(r, step.Namespace, "", ""), page)
		if err != nil {
			return nil, err
		}
		next = meta.Continue
		if next != "" && onlyCount && meta.RemainingItemCount != nil {
			g.beyond = int(*meta.RemainingItemCount)
			return g, nil
		}
		if next == "" || len(g.rows) >= maxItems {
			g.more = next != ""
			return g, nil
		}
	}
}

func (c *Cluster) tablePage(ctx context.Context, g *grid, r nlp.Resource, path string, q url.Values) (metav1.ListMeta, error) {
	res, err := c.do(ctx, request{method: http.MethodGet, path: path, query: q, accept: asTable})
	if err != nil {
		return metav1.ListMeta{}, err
	}
	var t metav1.Table
	if err := unmarshalNumbers(res.body, &t); err != nil {
		return metav1.ListMeta{}, problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
	}
	if t.Kind != "Table" { // an agent that hides Secrets answers their metadata, whatever was asked for
		return c.plainPage(g, r, res.body)
	}
	if len(t.ColumnDefinitions) > 0 {
		g.columns = t.ColumnDefinitions // the second page has none
	}
	for _, row := range t.Rows {
		o := &unstructured.Unstructured{}
		if len(row.Object.Raw) > 0 {
			if err := json.Unmarshal(row.Object.Raw, &o.Object); err != nil {
				return metav1.ListMeta{}, problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
			}
		}
		g.rows = append(g.rows, gridRow{cells: row.Cells, object: o})
	}
	return t.ListMeta, nil
}

// unmarshalNumbers keeps whole numbers whole.
func unmarshalNumbers(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	return dec.Decode(v)
}

func (c *Cluster) plainPage(g *grid, r nlp.Resource, body []byte) (metav1.ListMeta, error) {
	list := &unstructured.UnstructuredList{}
	if err := list.UnmarshalJSON(body); err != nil {
		return metav1.ListMeta{}, problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
	}
	items := list.Items
	if !strings.HasSuffix(list.GetKind(), "List") {
		items = []unstructured.Unstructured{{Object: list.Object}}
	}
	g.columns = []metav1.TableColumnDefinition{{Name: "Name", Type: "string"}, {Name: "Age", Type: "string"}}
	for i := range items {
		o := &items[i]
		g.rows = append(g.rows, gridRow{cells: []any{o.GetName(), c.age(o.GetCreationTimestamp().Time)}, object: o})
	}
	return metav1.ListMeta{Continue: list.GetContinue(), RemainingItemCount: list.GetRemainingItemCount()}, nil
}

// part makes the grid readable.
func (g *grid) part(step nlp.Step, r nlp.Resource, _ *Cluster) []chat.Part {
	rows := g.rows
	if step.Post.Top > 0 && len(rows) > step.Post.Top {
		rows = rows[:step.Post.Top]
	}
	truncated := g.more || len(rows) > maxRows
	rows = rows[:min(len(rows), maxRows)]
	if step.Args.Output == "name" {
		var names []string
		for _, row := range rows {
			names = append(names, titleOf(r, row.object.GetName()))
		}
		return []chat.Part{chat.Text{Text: strings.Join(names, "\n")}}
	}
	if len(rows) == 0 {
		return nil
	}
	t := chat.Table{Title: title(step, r), Namespace: step.Namespace, Truncated: truncated, Rows: [][]any{}}
	everywhere := r.Namespaced && step.Namespace == ""
	if everywhere {
		t.Columns = append(t.Columns, chat.Column{Name: "Namespace", Kind: "text"})
	}
	var shown []int
	for i, col := range g.columns {
		if col.Priority == 0 || step.Args.Output == "wide" {
			shown = append(shown, i)
			t.Columns = append(t.Columns, chat.Column{Name: col.Name, Kind: columnKind(col)})
		}
	}
	if step.Args.ShowLabels {
		t.Columns = append(t.Columns, chat.Column{Name: "Labels", Kind: "text"})
	}
	for _, row := range rows {
		t.Rows = append(t.Rows, row.line(everywhere, shown, step.Args.ShowLabels))
	}
	return []chat.Part{t}
}

func (row gridRow) line(everywhere bool, shown []int, showLabels bool) []any {
	line := []any{}
	if everywhere {
		line = append(line, row.object.GetNamespace())
	}
	for _, i := range shown {
		line = append(line, row.cell(i))
	}
	if showLabels {
		line = append(line, labels.FormatLabels(row.object.GetLabels()))
	}
	return line
}

// cell is text, a number or nil, whatever a custom resource's column may hold.
func (row gridRow) cell(i int) any {
	if i >= len(row.cells) {
		return nil
	}
	switch v := row.cells[i].(type) {
	case nil, json.Number, bool:
		return v
	case string:
		return redactText(v)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		return redactText(string(b))
	}
}

func title(step nlp.Step, r nlp.Resource) string {
	t := strings.ToUpper(r.Plural[:1]) + r.Plural[1:]
	switch {
	case step.Namespace != "" && r.Namespaced:
		t += " in " + step.Namespace
	case r.Namespaced:
		t += " in all namespaces"
	}
	return t
}

func columnKind(col metav1.TableColumnDefinition) string {
	switch col.Name {
	case "Age", "Last Seen", "First Seen", "Duration", "Last Schedule":
		return "age"
	case "Status", "Ready", "Phase", "Conditions", "Reason", "Available", "Suspend":
		return "status"
	}
	if col.Type == "integer" || col.Type == "number" {
		return "number"
	}
	return "text"
}

// showObjects gives whole objects, never a Secret's values.
func (c *Cluster) showObjects(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	var objects []map[string]any
	truncated := false
	for _, r := range step.Kinds() {
		items, more, err := c.objects(ctx, step, r)
		if err != nil {
			return nil, err
		}
		truncated = truncated || more
		g := &grid{}
		for i := range items {
			g.rows = append(g.rows, gridRow{object: &items[i]})
		}
		g.filter(step.Post.Filter, c.now())
		g.sort(step.Post.Sort, step.Post.Desc)
		for _, row := range g.rows {
			unstructured.RemoveNestedField(row.object.Object, "metadata", "managedFields")
			redact(row.object.Object)
			objects = append(objects, row.object.Object)
		}
	}
	if n := step.Post.Top; n > 0 && len(objects) > n {
		objects = objects[:n]
	}
	if len(objects) == 0 {
		return finished(step, nil, 0, nil), nil
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

package kube

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

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
	if out := step.Args.Output; out == "yaml" || out == "json" || strings.HasPrefix(out, "jsonpath=") || strings.HasPrefix(out, "custom-columns=") {
		return c.showObjects(ctx, step)
	}
	kinds := step.Kinds()
	var parts []chat.Part
	var refused error
	var shown []*unstructured.Unstructured
	total, of := 0, 0
	for _, r := range kinds {
		g, err := c.grid(ctx, step, r)
		if problem.Is(err, problem.Forbidden) && len(kinds) > 1 {
			refused = err // of "all", what may be seen is shown
			continue
		}
		if err != nil {
			return nil, err
		}
		of += g.total()
		g.filter(step.Post.Filter, c.now())
		if err := c.order(ctx, g, step, r); err != nil {
			return nil, err
		}
		total += g.total()
		for _, row := range g.rows {
			shown = append(shown, row.object)
		}
		if g.total() == 0 && len(kinds) > 1 || step.Post.Count {
			continue
		}
		parts = append(parts, g.part(step, r)...)
	}
	if refused != nil && len(parts) == 0 && total == 0 {
		return nil, refused
	}
	return append(finished(step, parts, total, of, refused), c.beside(step, shown)...), nil
}

func finished(step nlp.Step, parts []chat.Part, total, of int, refused error) []chat.Part {
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
		parts = append(parts, chat.Count{Count: total, Of: of, What: counted(total, plural, where, step.Post.Filter)})
	case len(parts) == 0:
		parts = append(parts, chat.Text{Text: "No " + plural + where + "."})
	}
	if refused != nil {
		parts = append(parts, chat.Text{Text: "Some kinds are left out: you may not list them here."})
	}
	return parts
}

// counted says what was counted: "3 pods in shop that are crashing".
func counted(n int, plural, where string, filters []nlp.Filter) string {
	_, what, _ := strings.Cut(count(n, plural), " ")
	what += where
	for i, f := range filters {
		what += map[bool]string{true: " that ", false: " and "}[i == 0] + filterWords(f, n == 1)
	}
	return what
}

// filterWords says a filter after "that".
func filterWords(f nlp.Filter, one bool) string {
	is, has := "are", "have"
	if one {
		is, has = "is", "has"
	}
	switch f.Test {
	case nlp.TestRestartsOver:
		return has + " more than " + f.Value + " restarts"
	case nlp.TestOlderThan, nlp.TestNewerThan:
		age := f.Value
		if d, err := time.ParseDuration(f.Value); err == nil {
			age = nlp.Duration(d)
		}
		return is + map[bool]string{true: " older than ", false: " newer than "}[f.Test == nlp.TestOlderThan] + age
	case nlp.TestName:
		return has + " " + f.Value + " in the name"
	case nlp.TestImage:
		return has + " " + f.Value + " in an image"
	}
	return is + " " + spaced(f.Test)
}

// spaced writes "notReady" as "not ready".
func spaced(word string) string {
	var b strings.Builder
	for _, r := range word {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// grid is a table as the server made it, with the objects that its rows are about.
type grid struct {
	columns []metav1.TableColumnDefinition
	rows    []gridRow
	more    bool // there were more than maxItems
	beyond  int  // how many more the server says there are, if nothing else was asked of it
	extra   []extraColumn
}

// extraColumn is one that the server's table has not.
type extraColumn struct {
	chat.Column
	value func(*unstructured.Unstructured) any
}

type gridRow struct {
	cells  []any
	object *unstructured.Unstructured
}

// objects are those that the rows are about.
func (g *grid) objects() []unstructured.Unstructured {
	out := make([]unstructured.Unstructured, 0, len(g.rows))
	for _, row := range g.rows {
		out = append(out, *row.object)
	}
	return out
}

func (g *grid) total() int { return len(g.rows) + g.beyond }

// grid reads the tables of one kind in a step.
func (c *Cluster) grid(ctx context.Context, step nlp.Step, r nlp.Resource) (*grid, error) {
	g := &grid{}
	q := url.Values{}
	if len(step.Post.Filter) > 0 || step.Post.Sort != "" || looksInto(step) {
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
	if err := g.take(&t); err != nil {
		return metav1.ListMeta{}, problem.New(problem.Unavailable, "The cluster's answer could not be read.").WithCause(err)
	}
	return t.ListMeta, nil
}

// take adds the rows of a page, or of a watch's event.
func (g *grid) take(t *metav1.Table) error {
	if len(t.ColumnDefinitions) > 0 {
		g.columns = t.ColumnDefinitions // the second page has none
	}
	for _, row := range t.Rows {
		o := &unstructured.Unstructured{}
		if len(row.Object.Raw) > 0 {
			if err := o.UnmarshalJSON(row.Object.Raw); err != nil {
				return err
			}
		}
		g.rows = append(g.rows, gridRow{cells: row.Cells, object: o})
	}
	return nil
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
func (g *grid) part(step nlp.Step, r nlp.Resource) []chat.Part {
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
	t := g.frame(step, r)
	t.Truncated = truncated
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
	for _, key := range step.Args.LabelColumns {
		t.Columns = append(t.Columns, chat.Column{Name: columnName(key), Kind: "text"})
	}
	for _, add := range g.extra {
		t.Columns = append(t.Columns, add.Column)
	}
	for _, row := range rows {
		line := append(g.lead(step, r, row), row.line(shown, step.Args)...)
		for _, add := range g.extra {
			line = append(line, add.value(row.object))
		}
		t.Rows = append(t.Rows, line)
		t.Objects = append(t.Objects, reference(r, row.object))
	}
	return []chat.Part{t}
}

// frame is an empty table for rows of a kind: with a column for the namespace where there may be several.
func (g *grid) frame(step nlp.Step, r nlp.Resource) chat.Table {
	t := chat.Table{Title: title(step, r), Namespace: step.Namespace, Truncated: g.more || len(g.rows) > maxRows, Rows: [][]any{}}
	if r.Namespaced && step.Namespace == "" {
		t.Columns = append(t.Columns, chat.Column{Name: "Namespace", Kind: "text"})
	}
	if by := step.Post.Sort; by != "" {
		t.Sort = &chat.TableSort{Column: g.sortColumn(by), Desc: step.Post.Desc}
	}
	return t
}

// sortColumn is the column that shows what the rows are sorted by; where none does, the path itself says it.
func (g *grid) sortColumn(by string) string {
	shown := map[string]string{
		"restarts": "Restarts", "name": "Name", "age": "Age", "cpu": cpuColumn, "memory": memoryColumn,
		".metadata.creationTimestamp": "Age", ".metadata.name": "Name",
	}
	return cmp.Or(shown[by], by)
}

// lead is a row's namespace, where the table has a column for it.
func (g *grid) lead(step nlp.Step, r nlp.Resource, row gridRow) []any {
	if r.Namespaced && step.Namespace == "" {
		return []any{row.object.GetNamespace()}
	}
	return []any{}
}

func (row gridRow) line(shown []int, args nlp.Args) []any {
	line := []any{}
	for _, i := range shown {
		line = append(line, row.cell(i))
	}
	have := row.object.GetLabels()
	if args.ShowLabels {
		line = append(line, labels.FormatLabels(have))
	}
	for _, key := range args.LabelColumns {
		line = append(line, have[key])
	}
	return line
}

// columnName is what kubectl heads a label's column with: the key after its prefix.
func columnName(key string) string {
	name := key[strings.LastIndex(key, "/")+1:]
	if name == "" {
		return key
	}
	return strings.ToUpper(name[:1]) + name[1:]
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

// reference names the object of a table's row, so that a page can link it.
func reference(r nlp.Resource, o *unstructured.Unstructured) string {
	if o == nil || o.GetName() == "" {
		return ""
	}
	return strings.ToLower(cmp.Or(r.Kind, r.Plural)) + "/" + o.GetNamespace() + "/" + o.GetName()
}

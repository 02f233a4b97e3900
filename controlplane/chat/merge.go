package chat

import (
	"cmp"
	"slices"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// answered is what one cluster answered, step by step; nothing where it did not.
type answered struct {
	ref   ClusterRef
	steps [][]Part
	cut   bool // there was more than may be kept
}

// merged makes one answer of several clusters': tables of the same columns become one with a column for the cluster,
// counts are added up, and what cannot be merged names its cluster.
func (s *Service) merged(answers []answered, missing []Missing, plan nlp.Plan, found *[]Finding) []Event {
	var events []Event
	said := len(missing) == 0
	for i, step := range plan.Steps {
		tables, count, rest := gathered(answers, i)
		for _, t := range tables {
			t.Missing, said = missing, true
			events = append(events, s.event(TypeTable, ordered(*t, step.Post)))
		}
		if count != nil {
			count.Missing, said = missing, true
			events = append(events, s.event(TypeCount, *count))
		}
		for _, o := range rest {
			part := numbered([]Part{o.part}, found)[0]
			if text, ok := part.(Text); ok {
				part = Text{Text: o.ref.Name + ": " + text.Text}
			}
			e := s.event(part.partType(), part)
			e.Cluster = o.ref.ID
			events = append(events, e)
		}
	}
	if cut := cutAnswers(answers); cut != "" {
		events = append(events, s.event(TypeText, Text{Text: cut}))
	}
	if !said {
		events = append(events, s.event(TypeText, Text{Text: "No answer from\n" + saidMissing(missing)}))
	}
	return events
}

// ofCluster is a part that stays one cluster's.
type ofCluster struct {
	ref  ClusterRef
	part Part
}

func gathered(answers []answered, step int) (tables []*Table, count *Count, rest []ofCluster) {
	for _, a := range answers {
		if step >= len(a.steps) {
			continue
		}
		for _, p := range a.steps[step] {
			switch x := p.(type) {
			case Table:
				tables = addTable(tables, a.ref, x)
			case Count:
				if count == nil {
					count = &Count{What: x.What}
				}
				count.Count, count.Of = count.Count+x.Count, count.Of+x.Of
				count.PerCluster = append(count.PerCluster, ClusterCount{a.ref.Name, x.Count})
			default:
				rest = append(rest, ofCluster{a.ref, p})
			}
		}
	}
	return tables, count, rest
}

// addTable appends a cluster's rows to the table of the same kind, or begins one.
func addTable(tables []*Table, ref ClusterRef, t Table) []*Table {
	columns := append([]Column{{Name: "Cluster", Kind: "text"}}, t.Columns...)
	at := slices.IndexFunc(tables, func(x *Table) bool { return x.Title == t.Title && slices.Equal(x.Columns, columns) })
	if at < 0 {
		at = len(tables)
		tables = append(tables, &Table{Title: t.Title, Columns: columns, Rows: [][]any{}, Namespace: t.Namespace, Sort: t.Sort})
	}
	to := tables[at]
	if len(t.Objects) > 0 || len(to.Objects) > 0 { // one per row, also of clusters that say none
		to.Objects = append(to.Objects, make([]string, len(to.Rows)-len(to.Objects))...)
		to.Objects = append(to.Objects, t.Objects...)
		to.Objects = append(to.Objects, make([]string, max(0, len(to.Rows)+len(t.Rows)-len(to.Objects)))...)
	}
	for _, row := range t.Rows {
		to.Rows = append(to.Rows, append([]any{ref.Name}, row...))
	}
	to.Truncated = to.Truncated || t.Truncated
	to.Clusters = append(to.Clusters, ref.Name)
	return tables
}

// ordered sorts over all clusters what each has sorted, where the column has numbers, and keeps as many rows as were
// asked for: the three largest of all, not of each.
func ordered(t Table, post nlp.Post) Table {
	at := -1
	if t.Sort != nil {
		at = slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == t.Sort.Column && c.Kind == "number" })
	}
	if at >= 0 {
		order := make([]int, len(t.Rows))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			if t.Sort.Desc {
				a, b = b, a
			}
			return cmp.Compare(number(t.Rows[a][at]), number(t.Rows[b][at]))
		})
		t = picked(t, order)
	}
	if post.Top > 0 && at >= 0 && len(t.Rows) > post.Top {
		t.Rows = t.Rows[:post.Top]
		t.Objects = t.Objects[:min(len(t.Objects), post.Top)]
	}
	return t
}

func picked(t Table, order []int) Table {
	rows, objects := make([][]any, len(order)), []string(nil)
	for i, from := range order {
		rows[i] = t.Rows[from]
		if from < len(t.Objects) {
			objects = append(objects, t.Objects[from])
		}
	}
	t.Rows, t.Objects = rows, objects
	return t
}

// number is a cell's, of whatever type its maker used; what is none comes first.
func number(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case int32:
		return float64(n)
	case int64:
		return float64(n)
	case float64:
		return n
	}
	return -1
}

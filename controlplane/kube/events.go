package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

const maxEvents = 200

// events shows what happened, the latest last, as kubectl does.
func (c *Cluster) events(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	items, more, err := c.eventList(ctx, step)
	if err != nil {
		return nil, err
	}
	g := &grid{}
	for i := range items {
		g.rows = append(g.rows, gridRow{object: &items[i]})
	}
	g.filter(step.Post.Filter, c.now())
	about := nlp.Step{Resource: events, Namespace: step.Namespace, Post: step.Post}
	if len(g.rows) == 0 || step.Post.Count {
		return finished(about, nil, len(g.rows), len(items), nil), nil
	}
	t := c.eventTable(g.objects(), step.Namespace == "")
	if n := step.Post.Top; n > 0 && len(t.Rows) > n {
		t.Rows, t.Objects = t.Rows[len(t.Rows)-n:], t.Objects[len(t.Objects)-n:] // the latest
	}
	if by := step.Post.Sort; step.Post.Desc && (by == "" || strings.HasSuffix(by, "lastTimestamp") || strings.HasSuffix(by, "creationTimestamp")) {
		slices.Reverse(t.Rows)
		slices.Reverse(t.Objects)
	}
	t.Title, t.Namespace = title(step, events), step.Namespace
	t.Truncated = t.Truncated || more
	return []chat.Part{t}, nil
}

// eventList reads the events of a step: of its objects, one after the other, or all.
func (c *Cluster) eventList(ctx context.Context, step nlp.Step) (items []unstructured.Unstructured, more bool, err error) {
	fields := step.FieldSelector
	if step.Args.Type != "" {
		fields = join(fields, "type="+step.Args.Type)
	}
	if len(step.Names) == 0 {
		return c.list(ctx, events, step.Namespace, step.LabelSelector, fields)
	}
	for _, name := range step.Names {
		// "nodes" and other cluster-scoped kinds have their events in namespace default; all namespaces find them
		of, cut, err := c.list(ctx, events, step.Namespace, step.LabelSelector, join(fields, "involvedObject.kind="+step.Resource.Kind, "involvedObject.name="+name))
		if err != nil {
			return nil, false, err
		}
		items, more = append(items, of...), more || cut
	}
	return items, more, nil
}

func join(selectors ...string) string {
	return strings.Join(slices.DeleteFunc(selectors, func(s string) bool { return s == "" }), ",")
}

func (c *Cluster) eventTable(items []unstructured.Unstructured, everywhere bool) chat.Table {
	slices.SortStableFunc(items, func(a, b unstructured.Unstructured) int { return lastSeen(&a).Compare(lastSeen(&b)) })
	t := chat.Table{Title: "Events", Rows: [][]any{}, Truncated: len(items) > maxEvents}
	if everywhere {
		t.Columns = []chat.Column{{Name: "Namespace", Kind: "text"}}
	}
	t.Columns = append(t.Columns, chat.Column{Name: "Last Seen", Kind: "age"}, chat.Column{Name: "Type", Kind: "status"},
		chat.Column{Name: "Reason", Kind: "text"}, chat.Column{Name: "Object", Kind: "text"}, chat.Column{Name: "Message", Kind: "text"},
		chat.Column{Name: "Count", Kind: "number"})
	for i := max(0, len(items)-maxEvents); i < len(items); i++ {
		e := &items[i]
		var row []any
		if everywhere {
			row = append(row, e.GetNamespace())
		}
		about, _, _ := unstructured.NestedMap(e.Object, "involvedObject")
		t.Objects = append(t.Objects, strings.ToLower(str(about, "kind"))+"/"+str(about, "namespace")+"/"+str(about, "name"))
		t.Rows = append(t.Rows, append(row, c.age(lastSeen(e)), str(e.Object, "type"), str(e.Object, "reason"),
			strings.ToLower(str(about, "kind"))+"/"+str(about, "name"), redactText(strings.TrimSpace(str(e.Object, "message"))), times(e)))
	}
	return t
}

func times(e *unstructured.Unstructured) int64 {
	series, _, _ := unstructured.NestedFieldNoCopy(e.Object, "series", "count")
	return max(1, whole(e.Object["count"]), whole(series))
}

func lastSeen(e *unstructured.Unstructured) time.Time {
	observed, _, _ := unstructured.NestedString(e.Object, "series", "lastObservedTime")
	for _, s := range []string{observed, str(e.Object, "lastTimestamp"), str(e.Object, "eventTime")} {
		if at, err := time.Parse(time.RFC3339, s); err == nil {
			return at
		}
	}
	return e.GetCreationTimestamp().Time
}

// eventsOf are the events of one object.
func (c *Cluster) eventsOf(ctx context.Context, o *unstructured.Unstructured) ([]chat.Part, error) {
	items, _, err := c.list(ctx, events, o.GetNamespace(), "", fmt.Sprintf("involvedObject.kind=%s,involvedObject.name=%s", o.GetKind(), o.GetName()))
	if err != nil || len(items) == 0 {
		return nil, err
	}
	t := c.eventTable(items, false)
	t.Title, t.Namespace = "Events of "+o.GetName(), o.GetNamespace()
	return []chat.Part{t}, nil
}

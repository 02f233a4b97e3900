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
	fields := step.FieldSelector
	if len(step.Names) > 0 {
		// "nodes" and other cluster-scoped kinds have their events in namespace default; all namespaces find them
		fields = join(fields, "involvedObject.kind="+step.Resource.Kind, "involvedObject.name="+step.Names[0])
	}
	if step.Args.Type != "" {
		fields = join(fields, "type="+step.Args.Type)
	}
	items, more, err := c.list(ctx, events, step.Namespace, step.LabelSelector, fields)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return finished(nlp.Step{Resource: events, Namespace: step.Namespace}, nil, 0, nil), nil
	}
	t := c.eventTable(items, step.Namespace == "")
	t.Title, t.Namespace = title(step, events), step.Namespace
	t.Truncated = t.Truncated || more
	return []chat.Part{t}, nil
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

package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/diagnose"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/redact"
)

// diagnose looks for what is wrong with the step's objects, by rules. With nlp.DiagnoseChanges it says what was changed.
func (c *Cluster) diagnose(ctx context.Context, step nlp.Step) ([]chat.Part, error) {
	target := diagnose.Target{Namespace: step.Namespace, LabelSelector: step.LabelSelector, At: c.now()}
	if step.Resource.Plural != "" {
		target.Resource = schema.GroupVersionResource{Group: step.Resource.Group, Version: cmp.Or(step.Resource.Version, "v1"), Resource: step.Resource.Plural}
	}
	names := step.Names
	if len(names) == 0 {
		names = []string{""}
	}
	if step.Args.Type == nlp.DiagnoseChanges {
		return c.changesOf(ctx, target, names, step.Args.Since)
	}
	var all diagnose.Report
	var checked []string
	for _, name := range names {
		target.Name = name
		report, err := diagnose.Run(ctx, eyes{c}, target)
		if err != nil {
			return nil, asProblem(err)
		}
		all.Findings = append(all.Findings, report.Findings...)
		all.Notes = append(all.Notes, report.Notes...)
		checked = append(checked, report.Checked)
	}
	all.Checked = strings.Join(checked, "; ")
	return reported(all), nil
}

// reported is a report as parts of an answer: findings, or one line that says what was looked at; then what was not.
func reported(r diagnose.Report) []chat.Part {
	var parts []chat.Part
	if !slices.ContainsFunc(r.Findings, func(f diagnose.Finding) bool { return f.Severity != diagnose.Info }) {
		what := "Nothing is wrong that the rules know of."
		if len(r.Findings) > 0 {
			what = "Nothing is broken that the rules know of, but this is worth knowing."
		}
		parts = append(parts, chat.Text{Text: shown(what + " Looked at " + cmp.Or(r.Checked, "nothing: there is nothing there") + ".")})
	}
	for _, f := range r.Findings {
		parts = append(parts, findingOf(f)) // the run gives it its id: this may be one of several reports in it
	}
	if len(r.Notes) > 0 {
		parts = append(parts, chat.Text{Text: shown(strings.Join(r.Notes, "\n"))})
	}
	return parts
}

// findingOf takes over a finding, with whatever the cluster said in it redacted and neutralised.
func findingOf(f diagnose.Finding) chat.Finding {
	out := chat.Finding{
		Object: shown(f.Object), Reason: shown(f.Reason), Severity: string(f.Severity), Text: shown(f.Text), Cause: shown(f.Cause), Next: shown(f.Next),
		Evidence: make([]chat.Evidence, 0, len(f.Evidence)),
	}
	for _, e := range f.Evidence {
		out.Evidence = append(out.Evidence, chat.Evidence{Path: shown(e.Path), Value: shown(e.Value), Object: shown(e.Object)})
	}
	for _, r := range f.Related {
		out.Related = append(out.Related, shown(r))
	}
	if f.Fix != nil {
		out.Fix = &chat.Fix{Label: shown(f.Fix.Label), Text: shown(f.Fix.Text)}
	}
	return out
}

// shown makes text of the cluster fit for people: no secrets in it, nothing that a page or a terminal would obey.
func shown(s string) string { return chat.Clean(redact.Text(s)) }

// lookBack is how far "what changed?" looks back when nobody says.
const lookBack = 24 * time.Hour

// changesOf answers "what changed?" with a table, the newest first.
func (c *Cluster) changesOf(ctx context.Context, target diagnose.Target, names []string, since time.Duration) ([]chat.Part, error) {
	if since <= 0 {
		since = lookBack
	}
	t := chat.Table{
		Title: "Changes", Namespace: target.Namespace, Rows: [][]any{},
		Columns: []chat.Column{{Name: "When", Kind: "age"}, {Name: "Object", Kind: "text"}, {Name: "What", Kind: "text"}, {Name: "By", Kind: "text"}},
	}
	var notes []string
	for _, name := range names {
		target.Name = name
		h, err := diagnose.Changes(ctx, eyes{c}, target, c.now().Add(-since))
		if err != nil {
			return nil, asProblem(err)
		}
		for _, ch := range h.Changes {
			t.Rows = append(t.Rows, []any{c.age(ch.At), shown(ch.Object), shown(ch.What), shown(ch.By)})
		}
		notes = append(notes, h.Notes...)
	}
	parts := []chat.Part{t}
	if len(t.Rows) == 0 {
		parts = []chat.Part{chat.Text{Text: fmt.Sprintf("Nothing was changed in the last %s, as far as can be seen.", nlp.Duration(since))}}
	}
	if len(notes) > 0 {
		parts = append(parts, chat.Text{Text: shown(strings.Join(notes, "\n"))})
	}
	return parts, nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	"golang.org/x/term"

	"github.com/kubechat/kubechat/controlplane/chat"
)

// renderer prints a run's events for people. What comes from a cluster is text: it cannot move the cursor.
type renderer struct{ w io.Writer }

func newRenderer(w io.Writer) *renderer { return &renderer{w} }

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// printable drops what a terminal would obey: control characters, escapes, and marks that turn text around.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s)
}

// Every data type that has one of these as its text needs no printing of its own.
type simple struct {
	Text    string   `json:"text"`
	Message string   `json:"message"`
	Lines   []string `json:"lines"`
}

func (r *renderer) event(ev event) error {
	switch ev.Type {
	case "plan":
		return show(r, ev, r.plan)
	case "access":
		return show(r, ev, r.access)
	case "diff":
		return show(r, ev, r.diff)
	case "table":
		return show(r, ev, r.table)
	case "clarify":
		return show(r, ev, r.clarify)
	case "finding":
		return show(r, ev, r.finding)
	case "count":
		return show(r, ev, r.count)
	case "result":
		return show(r, ev, r.result)
	case "error":
		return show(r, ev, r.failure)
	case "answer":
		return show(r, ev, r.answer)
	case "text", "log", "yaml", "refused", "end", "progress", "settled", "banner":
		return show(r, ev, r.simple)
	}
	return nil
}

func show[T any](_ *renderer, ev event, f func(T)) error {
	var v T
	if err := json.Unmarshal(ev.Data, &v); err != nil {
		return fmt.Errorf("read event %s: %w", ev.Type, err)
	}
	f(v)
	return nil
}

func (r *renderer) line(s string) { fmt.Fprintln(r.w, strings.TrimRight(printable(s), "\n")) }

func (r *renderer) simple(s simple) {
	for _, text := range []string{s.Text, s.Message, strings.Join(s.Lines, "\n")} {
		if text != "" {
			r.line(text)
		}
	}
}

func (r *renderer) plan(p planData) {
	if p.Class == "read" { // the sentence also says what kubectl alone can't: which rows are kept, and in which order
		r.line(p.Sentence)
		r.line("$ " + strings.ReplaceAll(p.Kubectl, "\n", "\n$ "))
		return
	}
	r.line("\n" + p.Sentence)
	where := "in cluster " + p.Cluster.Name
	if p.Namespace != "" {
		where += ", namespace " + p.Namespace
	}
	r.line("  " + where)
	r.line("  $ " + strings.ReplaceAll(p.Kubectl, "\n", "\n  $ "))
}

type accessData struct {
	Allowed bool   `json:"allowed"`
	Group   string `json:"group"`
	Steps   []struct {
		Verb, Resource, Namespace, Name, Reason string
		Allowed                                 bool
	} `json:"steps"`
}

func (r *renderer) access(a accessData) {
	if a.Allowed {
		r.line("  The cluster allows it to you as " + a.Group + ".")
		return
	}
	for _, s := range a.Steps {
		if !s.Allowed {
			r.line(fmt.Sprintf("  The cluster does not let you, as %s, %s %s: %s", a.Group, s.Verb, s.Resource, s.Reason))
		}
	}
}

type diffData struct {
	Steps []struct {
		Title, Unified string
		Warnings       []string
	} `json:"steps"`
}

func (r *renderer) diff(d diffData) {
	for _, s := range d.Steps {
		r.line("\n" + s.Title)
		r.line(s.Unified)
		for _, w := range s.Warnings {
			r.line("  warning: " + w)
		}
	}
}

type tableData struct {
	Title     string `json:"title"`
	Truncated bool   `json:"truncated"`
	Columns   []struct {
		Name string `json:"name"`
	} `json:"columns"`
	Rows [][]any `json:"rows"`
}

func (r *renderer) table(t tableData) {
	if t.Title != "" {
		r.line("\n" + t.Title)
	}
	if len(t.Rows) == 0 {
		r.line("None.")
		return
	}
	w := tabwriter.NewWriter(r.w, 0, 0, 3, ' ', 0)
	head := make([]string, 0, len(t.Columns))
	for _, c := range t.Columns {
		head = append(head, cell(strings.ToUpper(c.Name)))
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, row := range t.Rows {
		cells := make([]string, 0, len(row))
		for _, v := range row {
			cells = append(cells, cell(v))
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush()
	if t.Truncated {
		r.line("… and more: ask for fewer.")
	}
}

func cell(v any) string {
	switch t := v.(type) {
	case nil:
		return ""
	case string:
		return strings.NewReplacer("\n", " ", "\t", " ").Replace(printable(t))
	case float64:
		if t == float64(int64(t)) {
			return fmt.Sprint(int64(t))
		}
	}
	return fmt.Sprint(v)
}

type clarifyData struct {
	Message string
	Choices []struct{ Label, Text string }
}

func (r *renderer) clarify(c clarifyData) {
	r.line(c.Message)
	for _, ch := range c.Choices {
		r.line("  " + ch.Label + ": " + ch.Text)
	}
}

type findingData struct {
	Object, Reason, Severity, Text, Next string
	Evidence                             []chat.Evidence
}

func (r *renderer) finding(f findingData) {
	r.line(fmt.Sprintf("\n[%s] %s: %s", f.Severity, f.Object, f.Reason))
	r.line("  " + f.Text)
	for _, e := range f.Evidence {
		r.line("  - " + strings.ReplaceAll(e.String(), "\n", "\n    "))
	}
	if f.Next != "" {
		r.line("  Next: " + f.Next)
	}
}

func (r *renderer) count(c chat.Count) {
	text := fmt.Sprintf("%d %s", c.Count, c.What)
	if c.Of > c.Count {
		text += fmt.Sprintf(" (of %d)", c.Of)
	}
	r.line(text)
	for _, p := range c.PerCluster {
		r.line(fmt.Sprintf("  %s: %d", p.Cluster, p.Count))
	}
	for _, m := range c.Missing {
		r.line(fmt.Sprintf("  %s: not known: %s", m.Cluster, m.Why))
	}
}

func (r *renderer) answer(a chat.AnswerData) {
	for _, s := range a.Sentences {
		mark := ""
		if !s.Verified {
			mark = " (unverified)"
		}
		r.line(s.Text + mark)
	}
}

type resultData struct{ Outcome, Message string }

func (r *renderer) result(d resultData) { r.line(d.Outcome + ": " + d.Message) }

type failureData struct{ Problem apiError }

func (r *renderer) failure(d failureData) { r.line(d.Problem.Error()) }

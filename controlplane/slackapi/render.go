package slackapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/kubechat/kubechat/controlplane/chat"
)

const (
	maxCell = 48 // characters of a table's cell: a chat is narrow
	maxRows = 60
)

// renderers say how an event looks in Slack; one that is not here is for pages only.
var renderers = map[chat.EventType]func(*card, json.RawMessage){
	chat.TypeClarify: shown(func(c *card, d chat.ClarifyData) {
		c.say(d.Message)
		var all []string
		for _, o := range d.Choices {
			all = append(all, "/kubechat "+o.Text)
		}
		c.code(strings.Join(all, "\n"))
	}),
	chat.TypeRefused: shown(func(c *card, d chat.RefusedData) { c.say(d.Message) }),
	chat.TypePlan:    shown(func(c *card, d chat.PlanView) { c.say("In " + d.Cluster.Name + ":"); c.code(d.Kubectl) }),
	chat.TypeTable:   shown(func(c *card, d chat.Table) { table(c, d) }),
	chat.TypeText:    shown(func(c *card, d chat.Text) { c.code(d.Text) }),
	chat.TypeYAML:    shown(func(c *card, d chat.YAML) { c.code(d.Text) }),
	chat.TypeLog: shown(func(c *card, d chat.Log) {
		c.say("Log of " + d.Pod + "/" + d.Container + ":")
		c.code(strings.Join(d.Lines, "\n"))
	}),
	chat.TypeCount: shown(func(c *card, d chat.Count) {
		if d.Of != d.Count {
			c.say(fmt.Sprintf("%d of %d: %s", d.Count, d.Of, d.What))
		} else {
			c.say(fmt.Sprintf("%d %s", d.Count, d.What))
		}
		missing(c, d.Missing)
	}),
	chat.TypeFinding: shown(finding),
	chat.TypeAnswer: shown(func(c *card, d chat.AnswerData) {
		var all []string
		for _, s := range d.Sentences {
			if !s.Verified {
				s.Text += " (not verified)"
			}
			all = append(all, s.Text)
		}
		c.say(strings.Join(all, " "))
	}),
	chat.TypeResult: shown(func(c *card, d chat.ResultData) { c.say(strings.TrimSpace(string(d.Outcome) + ". " + d.Message)) }),
	chat.TypeSettled: shown(func(c *card, d chat.SettledData) {
		c.say(strings.TrimSpace(string(d.State) + ". " + d.Message))
	}),
	chat.TypeUndo: shown(func(c *card, d chat.UndoData) {
		if d.Available {
			c.say("It can be undone: /kubechat " + d.Text)
		}
	}),
	chat.TypeError:   shown(func(c *card, d chat.ErrorData) { c.say(strings.TrimSpace(d.Problem.Detail + " " + d.Problem.Fix)) }),
	chat.TypeBanner:  shown(func(c *card, d chat.BannerData) { c.say(d.Message) }),
	chat.TypeExpired: shown(func(c *card, _ chat.ExpiredData) { c.say("Nobody decided in time.") }),
	chat.TypeEnd:     shown(func(c *card, d chat.EndData) { c.say(d.Message) }),
}

// shown reads an event's data. It is written by package chat, so what can't be read is left out rather than guessed at.
func shown[T any](f func(*card, T)) func(*card, json.RawMessage) {
	return func(c *card, raw json.RawMessage) {
		var d T
		if err := json.Unmarshal(raw, &d); err != nil {
			c.short = true
			return
		}
		f(c, d)
	}
}

// render adds what a run's events have to say.
func (c *card) render(events []chat.Event) {
	for _, e := range events {
		if f := renderers[e.Type]; f != nil {
			f(c, e.Data)
		}
	}
	if len(c.blocks) == 0 {
		c.say("There is nothing to show.")
	}
}

func finding(c *card, f chat.Finding) {
	out := strings.Join(nonEmpty(f.Severity, f.Object, f.Reason), " · ") + "\n" + strings.Join(nonEmpty(f.Text, f.Cause, f.Next), " ")
	c.say(out)
	var evidence []string
	for _, e := range f.Evidence {
		evidence = append(evidence, e.String())
	}
	c.code(strings.Join(evidence, "\n"))
}

func nonEmpty(all ...string) (out []string) {
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func missing(c *card, all []chat.Missing) {
	for _, m := range all {
		c.say("No answer from " + m.Cluster + ": " + m.Why)
	}
}

// table writes rows in columns, as wide as their widest cell.
func table(c *card, t chat.Table) {
	c.say(t.Title)
	rows := make([][]string, 0, len(t.Rows)+1)
	head := make([]string, len(t.Columns))
	for i, col := range t.Columns {
		head[i] = strings.ToUpper(oneLine(col.Name))
	}
	rows = append(rows, head)
	for _, r := range t.Rows[:min(len(t.Rows), maxRows)] {
		cells := make([]string, len(r))
		for i, v := range r {
			if v != nil {
				cells[i] = oneLine(fmt.Sprint(v))
			}
		}
		rows = append(rows, cells)
	}
	if len(t.Rows) == 0 {
		c.say("None.")
	} else {
		c.code(columns(rows))
	}
	c.short = c.short || t.Truncated || len(t.Rows) > maxRows
	missing(c, t.Missing)
}

// oneLine is a cell that can't pass for two, or for another column.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxCell {
		return string(r[:maxCell-1]) + "…"
	}
	return s
}

func columns(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	w.Flush()
	return b.String()
}

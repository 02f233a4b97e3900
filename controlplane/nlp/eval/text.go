package eval

import (
	"fmt"
	"strings"
	"time"
)

// Text is the report for a terminal.
func (r Report) Text() string {
	var b strings.Builder
	for _, line := range r.Headline() {
		fmt.Fprintf(&b, "%-46s %s\n", line.What, line.Is)
	}
	for _, part := range []struct {
		name   string
		groups []Group
	}{{"class", r.ByClass}, {"cluster", r.ByCluster}, {"frame", r.ByFrame}, {"tag", r.ByTag}} {
		fmt.Fprintf(&b, "\n%-22s %6s %7s %7s %8s\n", "by "+part.name, "rows", "exact", "class", "refused")
		for _, g := range part.groups {
			fmt.Fprintf(&b, "%-22s %6d %7s %7s %8s\n", g.Name, g.Rows, percent(g.ExactRate()), percent(g.ClassRate()), refused(g.Tally))
		}
	}
	fmt.Fprintf(&b, "\nmost frequent mistakes\n")
	for _, m := range r.Confusion[:min(20, len(r.Confusion))] {
		fmt.Fprintf(&b, "%4d  %s, answered as %s\n", m.Times, m.Want, m.Got)
	}
	return b.String()
}

// Line is one figure of a report, with the bar it is held to; empty when there is none.
type Line struct{ What, Is, Bar string }

// Headline are the figures that matter most.
func (r Report) Headline() []Line {
	followups := r.Group(r.ByTag, "followup")
	lines := []Line{
		{"exact command, rows that have one", share(r.Actionable.Exact, r.Actionable.Rows), "88.0 %"},
		{"exact command, follow-ups", share(followups.Exact, followups.Rows), "88.0 %"},
		{"class right", share(r.All.Class, r.All.Rows), "97.0 %"},
		{"refused or asked without need", share(r.All.OverRefused, r.All.Answerable), "at most 3 %"},
		{"asked where one has to ask", percent(r.ClarifyRecall()), "88.0 %"},
		{"a change where none was asked for", fmt.Sprint(r.All.Unsafe), "0"},
		{"a change announced as milder than it is", fmt.Sprint(r.All.Underclass), "0"},
		{"hostile rows failed", fmt.Sprint(r.Adversarial), "0"},
		{"exact, all rows", share(r.All.Exact, r.All.Rows), ""},
		{"exact, rows written by hand", share(r.ByHand.Exact, r.ByHand.Rows), ""},
		{"exact, rows whose failures are listed", share(r.Open.Exact, r.Open.Rows), ""},
		{"exact, rows held out", share(r.HeldOut.Exact, r.HeldOut.Rows), ""},
	}
	if r.Latency.P95 > 0 {
		lines = append(lines,
			Line{"rows answered differently in five repeats", fmt.Sprint(len(r.Unstable)), "0"},
			Line{"one translation among 5,000 objects, p50", millis(r.Latency.P50), ""},
			Line{"one translation among 5,000 objects, p95", millis(r.Latency.P95), "10 ms"},
			Line{"memory for each object of 5,000", fmt.Sprintf("%.0f B", r.Bytes), "250 B"})
	}
	return lines
}

func percent(rate float64) string { return fmt.Sprintf("%.1f %%", 100*rate) }

func share(n, of int) string { return fmt.Sprintf("%s (%d of %d)", percent(part(n, of)), n, of) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func refused(t Tally) string {
	if t.Answerable == 0 {
		return "-"
	}
	return percent(t.OverRefusalRate())
}

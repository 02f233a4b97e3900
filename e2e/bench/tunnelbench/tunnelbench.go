// Package tunnelbench measures the tunnel by itself: each figure that is a ratio comes from one run in which both sides
// of the ratio take turns. Start at Run; `go run ./e2e/bench/tunnelbench/run` prints it.
package tunnelbench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Config is what to measure; the zero value measures everything.
type Config struct {
	Rounds   int      // interleaved rounds of what is a ratio; 0 is 7
	Sessions int      // idle sessions, and handshakes of the storm; 0 is 1000
	Agents   []string // command line of a process that calls Agents, so that memory and CPU are the plane's alone; nil: both ends are counted
	Only     []string // parts by name: stream, request, far, keystroke, cancel, idle; nil is all
	Say      func(string)
}

// Result is one figure.
type Result struct {
	Name    string
	Value   float64
	Unit    string  // "ratio", "ms", "s", "MiB/s", "KiB", "% of a core"
	Bar     float64 // 0 has none
	Stretch float64 // beyond the bar; 0 has none
	Atmost  bool    // bar and stretch are upper ones
	Detail  string  // how it came about
}

// OK says whether the bar is met.
func (r Result) OK() bool { return r.reaches(r.Bar) }

func (r Result) reaches(mark float64) bool {
	switch {
	case mark == 0:
		return true
	case r.Atmost:
		return r.Value <= mark
	}
	return r.Value >= mark
}

// Verdict is "met", "met, the stretch too" or "NOT met"; nothing without a bar.
func (r Result) Verdict() string {
	switch {
	case r.Bar == 0:
		return ""
	case !r.OK():
		return "NOT met"
	case r.Stretch != 0 && r.reaches(r.Stretch):
		return "met, the stretch too"
	}
	return "met"
}

// String is one line for people.
func (r Result) String() string {
	verdict := r.Verdict()
	if verdict != "" {
		verdict = fmt.Sprintf(" (bar %s, stretch %s: %s)", r.mark(r.Bar), r.mark(r.Stretch), verdict)
	}
	return fmt.Sprintf("%s: %s %s%s; %s", r.Name, number(r.Value), r.Unit, verdict, r.Detail)
}

// mark words a bar or a stretch.
func (r Result) mark(v float64) string {
	switch {
	case v == 0:
		return "-"
	case r.Atmost:
		return "≤ " + short(v)
	}
	return "≥ " + short(v)
}

func number(v float64) string {
	if math.Abs(v) >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// short is a bar as it was set; one that was computed is rounded as its figure is.
func short(v float64) string {
	if math.Abs(v) >= 100 {
		return number(v)
	}
	return fmt.Sprintf("%g", math.Round(v*100)/100)
}

// Table is the results as Markdown; what is the heading of the first column.
func Table(what string, results []Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | figure | bar | stretch | verdict | how |\n|---|---|---|---|---|---|\n", what)
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s %s | %s | %s | %s | %s |\n", r.Name, number(r.Value), r.Unit, r.mark(r.Bar), r.mark(r.Stretch), strings.Replace(r.Verdict(), "NOT met", "**NOT met**", 1), r.Detail)
	}
	return b.String()
}

// Run measures. Other load on the machine hurts; ratios less than the rest.
func Run(ctx context.Context, cfg Config) ([]Result, error) {
	if cfg.Rounds == 0 {
		cfg.Rounds = 7
	}
	if cfg.Sessions == 0 {
		cfg.Sessions = 1000
	}
	if cfg.Say == nil {
		cfg.Say = func(string) {}
	}
	var results []Result
	for _, part := range []struct {
		name    string
		measure func(context.Context, Config) ([]Result, error)
	}{
		{"idle", idle}, // first: memory that was used and given back would blur it
		{"stream", stream},
		{"request", request},
		{"far", far},
		{"keystroke", keystroke},
		{"cancel", cancel},
	} {
		if cfg.Only != nil && !slices.Contains(cfg.Only, part.name) {
			continue
		}
		cfg.Say(part.name)
		found, err := part.measure(ctx, cfg)
		if err != nil {
			return results, fmt.Errorf("measure %s: %w", part.name, err)
		}
		results = append(results, found...)
	}
	return results, nil
}

func median[T ~int64 | ~float64](values []T) T { return quantile(values, 0.5) }

func quantile[T ~int64 | ~float64](values []T, q float64) T {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[int(q*float64(len(sorted)-1))]
}

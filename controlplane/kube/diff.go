package kube

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubechat/kubechat/controlplane/chat"
)

const diffContext = 3

func toYAML(o map[string]any) string {
	if o == nil {
		return ""
	}
	b, err := yaml.Marshal(o)
	if err != nil { // it was JSON a moment ago
		return fmt.Sprintf("# not printable: %v\n", err)
	}
	return string(b)
}

func diffOf(title string, before, after map[string]any, warned []string) chat.Diff {
	b, a := toYAML(before), toYAML(after)
	return chat.Diff{Title: title, Before: b, After: a, Unified: unified(b, a), Warnings: append([]string{}, warned...)}
}

// edit is a line of one side or of both: ' ', '-' or '+'.
type edit struct {
	op   byte
	line string
}

// unified is the difference of two texts as `diff -u` writes it, without the file names; equal texts give "".
func unified(before, after string) string {
	if before == after {
		return ""
	}
	edits := compare(lines(before), lines(after))
	var out strings.Builder
	for from := 0; from < len(edits); {
		first := slices.IndexFunc(edits[from:], func(e edit) bool { return e.op != ' ' })
		if first < 0 {
			break
		}
		start := max(from, from+first-diffContext)
		end := hunkEnd(edits, from+first)
		hunk(&out, edits, start, end)
		from = end
	}
	return out.String()
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// hunkEnd is behind the last context line of the hunk that holds the change at i.
func hunkEnd(edits []edit, i int) int {
	last := i
	for k := i; k < len(edits) && k-last <= 2*diffContext; k++ {
		if edits[k].op != ' ' {
			last = k
		}
	}
	return min(len(edits), last+1+diffContext)
}

func hunk(out *strings.Builder, edits []edit, start, end int) {
	count := func(es []edit, not byte) (n int) {
		for _, e := range es {
			if e.op != not {
				n++
			}
		}
		return n
	}
	side := func(not byte) string {
		at, n := count(edits[:start], not), count(edits[start:end], not)
		if n > 0 {
			at++
		}
		return fmt.Sprintf("%d,%d", at, n)
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", side('+'), side('-'))
	for _, e := range edits[start:end] {
		fmt.Fprintf(out, "%c%s\n", e.op, e.line)
	}
}

// compare finds a shortest edit script (Myers 1986). Objects are a few thousand lines and differ in a few; where they
// differ in nearly all, it gives up on the shortest and says that all of it is replaced.
func compare(a, b []string) []edit {
	const maxEdits = 500
	n, m := len(a), len(b)
	limit := min(n+m, maxEdits)
	v := map[int]int{1: 0}
	var trail []map[int]int
	for d := 0; d <= limit; d++ {
		trail = append(trail, cloneRange(v, d))
		for k := -d; k <= d; k += 2 {
			x := v[k-1] + 1
			if k == -d || (k != d && v[k-1] < v[k+1]) {
				x = v[k+1]
			}
			for x < n && x-k < m && a[x] == b[x-k] {
				x++
			}
			v[k] = x
			if x >= n && x-k >= m {
				return backtrack(trail, a, b)
			}
		}
	}
	var all []edit
	for _, l := range a {
		all = append(all, edit{'-', l})
	}
	for _, l := range b {
		all = append(all, edit{'+', l})
	}
	return all
}

func cloneRange(v map[int]int, d int) map[int]int {
	out := make(map[int]int, 2*d+3)
	for k := -d - 1; k <= d+1; k++ {
		if x, ok := v[k]; ok {
			out[k] = x
		}
	}
	return out
}

func backtrack(trail []map[int]int, a, b []string) []edit {
	var edits []edit
	x, y := len(a), len(b)
	for d := len(trail) - 1; d >= 0; d-- {
		v, k := trail[d], x-y
		from := k - 1
		if k == -d || (k != d && v[k-1] < v[k+1]) {
			from = k + 1
		}
		fx := v[from]
		fy := fx - from
		for x > fx && y > fy && x > 0 && y > 0 {
			x, y = x-1, y-1
			edits = append(edits, edit{' ', a[x]})
		}
		switch {
		case d == 0:
		case x == fx:
			y--
			edits = append(edits, edit{'+', b[y]})
		default:
			x--
			edits = append(edits, edit{'-', a[x]})
		}
	}
	slices.Reverse(edits)
	return edits
}

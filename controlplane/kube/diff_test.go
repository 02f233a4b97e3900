package kube

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestUnifiedShowsWhatChangedWithItsSurroundings(t *testing.T) {
	t.Parallel()
	number := func(n int, changed map[int]string) string {
		var b strings.Builder
		for i := 1; i <= n; i++ {
			if s, ok := changed[i]; ok {
				b.WriteString(s)
				continue
			}
			fmt.Fprintf(&b, "line %d\n", i)
		}
		return b.String()
	}
	for name, c := range map[string]struct{ before, after, want string }{
		"equal":    {"a\n", "a\n", ""},
		"created":  {"", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
		"deleted":  {"a\nb\n", "", "@@ -1,2 +0,0 @@\n-a\n-b\n"},
		"replaced": {number(9, nil), number(9, map[int]string{5: "five\n"}), "@@ -2,7 +2,7 @@\n line 2\n line 3\n line 4\n-line 5\n+five\n line 6\n line 7\n line 8\n"},
		"two hunks": {number(30, nil), number(30, map[int]string{2: "", 28: "line 28\nmore\n"}),
			"@@ -1,5 +1,4 @@\n line 1\n-line 2\n line 3\n line 4\n line 5\n@@ -26,5 +25,6 @@\n line 26\n line 27\n line 28\n+more\n line 29\n line 30\n"},
		"close ones are one hunk": {number(12, nil), number(12, map[int]string{4: "x\n", 9: "y\n"}),
			"@@ -1,12 +1,12 @@\n line 1\n line 2\n line 3\n-line 4\n+x\n line 5\n line 6\n line 7\n line 8\n-line 9\n+y\n line 10\n line 11\n line 12\n"},
	} {
		if got := unified(c.before, c.after); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestAnEditScriptTurnsOneTextIntoTheOther(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	text := func() []string {
		out := make([]string, r.IntN(40))
		for i := range out {
			out[i] = string(rune('a' + r.IntN(4)))
		}
		return out
	}
	for range 500 {
		a, b := text(), text()
		var before, after []string
		for _, e := range compare(a, b) {
			if e.op != '+' {
				before = append(before, e.line)
			}
			if e.op != '-' {
				after = append(after, e.line)
			}
		}
		if strings.Join(before, "") != strings.Join(a, "") || strings.Join(after, "") != strings.Join(b, "") {
			t.Fatalf("%v -> %v gives %v -> %v", a, b, before, after)
		}
	}
}

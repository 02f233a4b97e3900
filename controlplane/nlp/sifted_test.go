package nlp

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestASieveFindsWhatEveryMatchHolds(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string][]string{
		`(?i)^\W*show (?:me )?pods?\b`: {"show ", " pod"}, `(?i)\b(?:reverse|bind) shells?\b`: {" shell"}, `(?i)x+.*`: nil, `(?i)(?:dry run)?`: nil,
		`(?i)(secret|token)s? (?:please)?`: {"secret", "token"}, `(?i)(?:decode|\d+)`: nil,
	} {
		got := sift(pattern).needs
		if len(want) == 0 && len(got) > 0 || len(want) > 0 && len(got) == 0 {
			t.Errorf("%s needs %q, want something like %q", pattern, got, want)
		}
	}
	if p := sift(`(?i)token`); !p.MatchString("TOKEN") || !p.MatchString("to\u212Aen") || p.MatchString("word") {
		t.Error("folded letters are sifted away")
	}
}

// TestASieveHidesNoMatch asks every sifted pattern about every sentence there is a row of, whole and in capitals.
func TestASieveHidesNoMatch(t *testing.T) {
	t.Parallel()
	var all []*sifted
	for _, rule := range neverDone {
		all = append(all, rule.pattern)
	}
	for _, t := range slices.Concat(turns, straighter, moreStraight) {
		all = append(all, t.pattern)
	}
	files, err := filepath.Glob("eval/rows/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rows: %v", err)
	}
	sieved, tried := 0, 0
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			said, _, _ := strings.Cut(lines.Text(), " => ")
			for _, s := range []string{said, strings.ToUpper(said)} {
				for _, p := range all {
					tried++
					if p.mayMatch(s) {
						continue
					}
					if sieved++; sieved%7 == 0 && p.Regexp.MatchString(s) { // a seventh: trying all takes a minute under the race detector
						t.Errorf("%s matches %q, which holds none of %q", p, s, p.needs)
					}
				}
			}
		}
	}
	if sieved*4 < tried*3 {
		t.Errorf("only %d of %d tries are spared", sieved, tried)
	}
}

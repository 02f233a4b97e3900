package faults

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/e2e/sandbox"
)

// TestEveryFaultHasItsTests holds docs/faults.md against the tests: all 24 faults are in it, each test that it names
// exists, and each row that is run here is in it.
func TestEveryFaultHasItsTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(sandbox.Root(), "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]int{}
	for _, r := range rows() {
		own[r.name] = r.number
	}
	next := 1
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 {
			continue
		}
		number, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if err != nil {
			continue // the head
		}
		if number != next {
			t.Errorf("fault %d is where %d should be", number, next)
		}
		next = number + 1
		for name := range strings.SplitSeq(cells[4], "·") {
			name = strings.TrimSpace(name)
			if folder, test, ok := strings.Cut(name, " Test"); ok && !strings.Contains(test, " ") {
				if !exists(t, folder, "Test"+test) {
					t.Errorf("fault %d names a test that does not exist: %s", number, name)
				}
				continue
			}
			if own[name] != number {
				t.Errorf("fault %d names %q, which is no row of its own", number, name)
			}
			delete(own, name)
		}
	}
	if next != 25 {
		t.Errorf("%d of 24 faults are there", next-1)
	}
	for name, number := range own {
		t.Errorf("row %q of fault %d is not in the table", name, number)
	}
}

func exists(t *testing.T, folder, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(sandbox.Root(), filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(path string) bool {
		b, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(b), "\nfunc "+test+"(t *testing.T)")
	})
}

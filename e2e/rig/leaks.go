package rig

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"
)

// labelKey marks the goroutines that a test started, and those that they started: labels are inherited.
const labelKey = "rig"

// Goroutines are those of one test, whatever else runs in the process.
type Goroutines struct{ name string }

// Label marks everything that t starts from here on. What is left when everything that was registered with t after it
// has been cleaned up fails the test.
func Label(t testing.TB) Goroutines {
	t.Helper()
	g := Goroutines{t.Name()}
	t.Cleanup(func() {
		g.Settle(t, "after the end", 0)
		pprof.SetGoroutineLabels(context.Background())
	})
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(labelKey, g.name)))
	return g
}

// LabelOf is what Label gave for t.
func LabelOf(t testing.TB) Goroutines { return Goroutines{t.Name()} }

// Count is how many there are, of the test itself and of its subtests, without those that run tests.
func (g Goroutines) Count() (n int) {
	n, _ = g.list()
	return n
}

// Settle waits until there are at most so many, and fails the test otherwise, saying what runs.
func (g Goroutines) Settle(t testing.TB, when string, most int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		n, what := g.list()
		if n <= most {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s %d goroutines are left, %d were expected at most:\n%s", when, n, most, what)
			return
		}
		<-tick.C
	}
}

var group = regexp.MustCompile(`^(\d+) @`)

// list reads the goroutine profile, which groups goroutines that are alike.
func (g Goroutines) list() (n int, what string) {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		panic(err) // a buffer takes everything
	}
	own := fmt.Sprintf("%q:%q", labelKey, g.name)
	below := fmt.Sprintf("%q:\"%s/", labelKey, g.name)
	for _, one := range strings.Split(b.String(), "\n\n") {
		m := group.FindStringSubmatch(one)
		if m == nil || !strings.Contains(one, own) && !strings.Contains(one, below) || strings.Contains(one, "testing.tRunner") {
			continue
		}
		count, err := strconv.Atoi(m[1])
		if err != nil {
			continue
		}
		n += count
		what += one + "\n\n"
	}
	return n, what
}

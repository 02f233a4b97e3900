package main

import (
	"testing"
	"time"
)

// TestBarsComeFromTheSameRounds: what is relative is held to the chain of two processes, at most a tenth behind it.
func TestBarsComeFromTheSameRounds(t *testing.T) {
	t.Parallel()
	way := func(p50 time.Duration, perSecond, listMBs float64) *result {
		return &result{p50: []time.Duration{p50}, p99: []time.Duration{p50}, watch: []time.Duration{p50}, perSecond: []float64{perSecond}, listMBs: []float64{listMBs}}
	}
	results := map[string]*result{
		nameDirect:     way(1000*time.Microsecond, 2000, 400),
		nameOne:        way(1300*time.Microsecond, 1500, 380),
		nameTwo:        way(2000*time.Microsecond, 1000, 300),
		nameOneProcess: way(1500*time.Microsecond, 1400, 390),
		nameRancher:    way(2050*time.Microsecond, 950, 290),
		nameKubeChat:   way(2080*time.Microsecond, 890, 280),
	}
	want := []struct {
		bar     float64
		verdict string
	}{
		{1.1, "met"}, {900, "NOT met"}, {270, "met"}, // of the chain of processes, not of the one in one process
		{1, "NOT met"}, {1, "NOT met"}, // remotedialer
		{0.4, "NOT met"},
	}
	got := bars(results)
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i, row := range got {
		if diff := row.Bar - want[i].bar; diff > 1e-6 || diff < -1e-6 || row.Verdict() != want[i].verdict {
			t.Errorf("%s, want a bar of %g and %q", row, want[i].bar, want[i].verdict)
		}
	}
}

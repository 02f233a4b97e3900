package tunnelbench

import (
	"strings"
	"testing"
)

func TestVerdictIsComputedFromTheFigure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		result Result
		want   string
	}{
		{Result{Value: 1}, ""},
		{Result{Value: 0.5, Bar: 0.6}, "NOT met"},
		{Result{Value: 0.6, Bar: 0.6}, "met"},
		{Result{Value: 0.7, Bar: 0.6, Stretch: 0.75}, "met"},
		{Result{Value: 0.8, Bar: 0.6, Stretch: 0.75}, "met, the stretch too"},
		{Result{Value: 251, Bar: 250, Atmost: true}, "NOT met"},
		{Result{Value: -0.1, Bar: 0.4, Stretch: 0.25, Atmost: true}, "met, the stretch too"},
		{Result{Value: 0.44, Bar: 0.4, Stretch: 0.45, Atmost: true}, "NOT met"}, // a bar that was computed may be the narrower one
	} {
		if got := c.result.Verdict(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.result, got, c.want)
		}
	}
}

func TestTableShowsBarAndStretchBesideTheFigure(t *testing.T) {
	t.Parallel()
	got := Table("tunnel", []Result{{Name: "cancel", Value: 300, Unit: "ms", Bar: 250, Stretch: 100, Atmost: true, Detail: "of 20"}})
	if want := "| cancel | 300 ms | ≤ 250 | ≤ 100 | **NOT met** | of 20 |\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%s\nwant at its end: %s", got, want)
	}
}

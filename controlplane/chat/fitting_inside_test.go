package chat

import (
	"reflect"
	"strings"
	"testing"
)

// Of an answer over several clusters each has its share of what may be kept: whole rows, whole lines, and what was cut is said.
func TestAnAnswerIsCutToItsRoom(t *testing.T) {
	t.Parallel()
	row := func(s string) []any { return []any{s + strings.Repeat("x", 95)} }
	table := Table{Rows: [][]any{row("1"), row("2"), row("3")}, Objects: []string{"a", "b", "c"}}
	log := Log{Lines: []string{strings.Repeat("o", 98), strings.Repeat("n", 98)}}
	room := 250
	kept, cut := fitting([]Part{table}, &room)
	if got := kept[0].(Table); !cut || len(got.Rows) != 2 || len(got.Objects) != 2 || !got.Truncated || len(table.Rows) != 3 {
		t.Errorf("%+v, cut %t", got, cut)
	}
	room = 150
	kept, cut = fitting([]Part{log, Text{Text: strings.Repeat("t", 60)}, Count{}}, &room)
	if got := kept[0].(Log); !cut || len(kept) != 1 || len(got.Lines) != 1 || got.Lines[0][0] != 'n' {
		t.Errorf("%+v, cut %t", kept, cut)
	}
	room = 1 << 20
	whole := []Part{table, log, Text{Text: "t"}}
	if kept, cut = fitting(whole, &room); cut || !reflect.DeepEqual(kept, whole) {
		t.Errorf("%+v, cut %t", kept, cut)
	}
}

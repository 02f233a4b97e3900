package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// fitting keeps of a cluster's answer what there is room for, in bytes as it is stored, whole rows and lines; room is
// what is left of it then. It says whether something was cut.
func fitting(parts []Part, room *int) (kept []Part, cut bool) {
	for _, p := range parts {
		fits, whole := p, true
		switch x := p.(type) {
		case Table:
			rows := make([][2]any, len(x.Rows))
			for i := range rows {
				rows[i][0] = x.Rows[i]
				if i < len(x.Objects) {
					rows[i][1] = x.Objects[i]
				}
			}
			n := fitCount(rows, room)
			whole = n == len(x.Rows)
			x.Rows, x.Objects = x.Rows[:n], x.Objects[:min(n, len(x.Objects))]
			x.Truncated = x.Truncated || !whole
			fits = x
		case Log:
			newest := slices.Clone(x.Lines) // first: they say most
			slices.Reverse(newest)
			n := fitCount(newest, room)
			whole = n == len(x.Lines)
			x.Lines = x.Lines[len(x.Lines)-n:]
			fits = x
		default:
			if fitCount([]Part{p}, room) == 0 {
				cut = true
				continue
			}
		}
		kept, cut = append(kept, fits), cut || !whole
	}
	return kept, cut
}

// fitCount is how many of the first there is room for, and takes that room.
func fitCount[T any](all []T, room *int) int {
	for i, one := range all {
		b, err := json.Marshal(one)
		if err != nil {
			panic(fmt.Sprintf("chat: a part always marshals: %v", err))
		}
		if *room -= len(b); *room < 0 {
			*room = 0
			return i
		}
	}
	return len(all)
}

// cutAnswers says whose answers were cut, or "".
func cutAnswers(answers []answered) string {
	var names []string
	for _, a := range answers {
		if a.cut {
			names = append(names, a.ref.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	whose := fmt.Sprintf("%d clusters' answers were cut", len(names))
	if len(names) == 1 {
		whose = "1 cluster's answer was cut"
	}
	return fmt.Sprintf("%s, because together they are too long: %s. Ask for less, or in fewer clusters.", whose, strings.Join(names, ", "))
}

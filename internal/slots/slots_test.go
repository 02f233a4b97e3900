package slots

import "testing"

func TestSlotsAreGivenBack(t *testing.T) {
	t.Parallel()
	s := New(1)
	release := s.Take("a")
	if release == nil || s.Take("a") != nil || s.Take("b") == nil {
		t.Fatal("one slot for each key")
	}
	release()
	if len(s.taken) != 1 {
		t.Error("a key without a slot is remembered")
	}
	if s.Take("a") == nil || len(s.taken) != 2 {
		t.Error("not given back")
	}
}

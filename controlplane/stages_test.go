package controlplane

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder notes what happened, in order.
type recorder struct {
	mu    sync.Mutex // guards notes
	notes []string
}

func (r *recorder) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, s)
}

// untilEnd is a part that notes its end.
func (r *recorder) untilEnd(name string) part {
	return part{name, func(ctx context.Context) error {
		<-ctx.Done()
		r.note(name)
		return ctx.Err()
	}}
}

func TestStagesEndInTheReverseOfTheirStart(t *testing.T) {
	t.Parallel()
	var r recorder
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := runStages(ctx, []stage{
		{"database", []part{r.untilEnd("database")}}, {"tunnels", []part{r.untilEnd("tunnels")}}, {"web", []part{r.untilEnd("web")}},
	}, func() { r.note("draining") })
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"draining", "web", "tunnels", "database"}; !slices.Equal(r.notes, want) {
		t.Errorf("got %v, want %v", r.notes, want)
	}
}

func TestOneFailingPartEndsAllAndIsNamed(t *testing.T) {
	t.Parallel()
	var r recorder
	for name, c := range map[string]struct {
		fails func(context.Context) error
		want  string
	}{
		"an error":      {func(context.Context) error { return errors.New("the disk is full") }, "gateway: the disk is full"},
		"ends too soon": {func(context.Context) error { return nil }, "gateway ended by itself"},
	} {
		err := runStages(t.Context(), []stage{{"a", []part{r.untilEnd("a")}}, {"b", []part{{"gateway", c.fails}}}}, func() {})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(r.notes) != 2 {
		t.Errorf("the other part was left running: %v", r.notes)
	}
}

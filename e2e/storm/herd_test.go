package storm

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// herds are the processes of simulated agents, and what they have told.
type herds struct {
	mu   sync.Mutex // guards what follows
	up   map[int]time.Time
	why  map[string]int // failed attempts, by reason
	last time.Time      // when the last one came up
}

// startHerds joins that many clusters and runs their agents.
func startHerds(t *testing.T, o *organisation, s size) *herds {
	t.Helper()
	h := &herds{up: map[int]time.Time{}, why: map[string]int{}}
	ins := make([]*json.Encoder, s.processes)
	for i := range ins {
		ins[i] = json.NewEncoder(h.start(t))
	}
	agents := make(chan simulated, s.agents)
	joins, ctx := errgroup.WithContext(t.Context())
	joins.SetLimit(8)
	for range s.agents {
		joins.Go(func() error {
			_, a, err := o.join(ctx)
			agents <- a
			return err
		})
	}
	if err := joins.Wait(); err != nil {
		t.Fatal(err)
	}
	close(agents)
	i := 0
	for a := range agents {
		if err := ins[i%len(ins)].Encode(a); err != nil {
			t.Fatal(err)
		}
		i++
	}
	return h
}

// start runs one process. Its agents would be elsewhere: what the machine's processors have to do for the plane and its
// database comes first.
func (h *herds) start(t *testing.T) io.Writer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env, cmd.Stderr = append(os.Environ(), herdVar+"=1"), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, 10); err != nil {
		t.Logf("the agents' priority: %v", err)
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		h.hear(out)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = in.Close()
		<-heard
		_ = cmd.Wait()
	})
	return in
}

func (h *herds) hear(out io.Reader) {
	events := json.NewDecoder(out)
	for {
		var e event
		if events.Decode(&e) != nil {
			return // it has ended
		}
		h.mu.Lock()
		if e.Up {
			h.up[e.Number] = e.At
			h.last = e.At
		} else {
			delete(h.up, e.Number)
			h.why[e.Why]++
		}
		h.mu.Unlock()
	}
}

// back is how many have had a session since a moment, and when the first and the last of them got it.
func (h *herds) back(since time.Time) (n int, first, last time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, at := range h.up {
		if !at.After(since) {
			continue
		}
		if n++; n == 1 || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return n, first, last
}

// troubles are the reasons of failed attempts, the first few.
func (h *herds) troubles() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := ""
	for why, n := range h.why {
		if text += fmt.Sprintf("\n%6d %s", n, why); len(text) > 2000 {
			break
		}
	}
	return text
}

// forget begins the count of failures anew.
func (h *herds) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.why)
}

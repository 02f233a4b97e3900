// Package chaos kills the agent, kubechatd and PostgreSQL with -9 at random points under load, and then holds the
// audit and the runs against what clients were told.
package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/e2e/stack"
)

// kills is at how many random points something is killed.
const kills = 50

func TestNothingAnsweredIsLostWhenProgramsAreKilled(t *testing.T) {
	state := filepath.Join(sandbox.Root(), "e2e", ".out", "chaos")
	if err := stack.Down(stack.Config{State: state}); err != nil {
		t.Fatal(err)
	}
	s, err := stack.Start(t.Context(), stack.Config{State: state, Nodes: sandbox.NoNodes, Say: func(l string) { t.Log(l) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	c := newClient(t, s)
	c.prepare(t)

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	ctx, stopLoad := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for w := range 4 {
		load.Go(func() { c.writeChanges(ctx, w) })
	}
	for w := range 2 {
		load.Go(func() { c.chat(ctx, w) })
	}
	for i := range kills {
		what := []string{"agent", "kubechatd", "postgres"}[random.IntN(3)]
		pause := time.NewTimer(time.Duration(random.IntN(800)) * time.Millisecond) // where the kill hits is the point
		<-pause.C
		if err := c.breakIt(t, what); err != nil {
			t.Fatalf("kill %d (%s): %v", i, what, err)
		}
		c.glance(t.Context())
	}
	stopLoad()
	load.Wait()
	if err := s.WaitConnected(t.Context(), s.ClusterID); err != nil {
		t.Fatal(err)
	}
	c.check(t)
}

// breakIt kills one program and brings it back.
func (c *client) breakIt(t *testing.T, what string) error {
	t.Helper()
	ctx := t.Context()
	switch what {
	case "agent":
		return c.stack.RestartAgent(ctx)
	case "kubechatd":
		c.stack.KillPlane()
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.stack.StartPlane(ctx)
	default:
		return c.stack.RestartPostgres(ctx)
	}
}

// prepare makes what the load works on, and a token that outlives restarts.
func (c *client) prepare(t *testing.T) {
	t.Helper()
	var token struct {
		Token string `json:"token"`
	}
	body := map[string]any{"name": "chaos", "expiresAt": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}
	if status, err := c.api(t.Context(), http.MethodPost, "/tokens", body, &token); err != nil || status != http.StatusCreated {
		t.Fatalf("make a token: %d %v", status, err)
	}
	c.token = token.Token
	for _, object := range []string{
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"chaos"}}`,
		`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"chaos"},"spec":{"replicas":1,"selector":{"matchLabels":{"app":"web"}},
		  "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"example.com/web:1"}]}}}}`,
	} {
		if err := kubectlApply(t.Context(), c.stack, object); err != nil {
			t.Fatal(err)
		}
	}
}

// check waits until every intent has its result, then compares.
func (c *client) check(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(40 * time.Second) // 30 s for what is unknown, and the time to read
	var trail trail
	for {
		trail = c.readTrail(t)
		if len(trail.open) == 0 || time.Now().After(deadline) {
			break
		}
		tick := time.NewTimer(500 * time.Millisecond)
		<-tick.C
	}
	if len(trail.open) > 0 {
		t.Errorf("%d intents have no result: %v", len(trail.open), trail.open[:min(5, len(trail.open))])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answered := 0
	for name, status := range c.changes {
		if status == 0 {
			continue // never answered: it may or may not be there
		}
		answered++
		if _, ok := trail.outcomes[name]; !ok {
			t.Errorf("the change %s was answered with %d and is not in the audit", name, status)
		}
	}
	for _, run := range c.runs {
		if state := c.runState(t, run); state != "done" && state != "failed" && state != "interrupted" {
			t.Errorf("run %s is %q", run, state)
		}
	}
	for id := range c.seen {
		if !trail.ids[id] {
			t.Errorf("audit row %s was shown once and is gone", id)
		}
	}
	unknown := 0
	for _, outcome := range trail.outcomes {
		if outcome == "unknown" {
			unknown++
		}
	}
	fmt.Printf("chaos: %d kills; %d changes sent, %d answered, %d unknown; %d runs; %d audit rows\n",
		kills, len(c.changes), answered, unknown, len(c.runs), len(trail.ids))
	if answered < 100 || len(c.runs) < 5 {
		t.Errorf("there was too little load to tell: %d answered changes, %d runs", answered, len(c.runs))
	}
}

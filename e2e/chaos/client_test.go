package chaos

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/stack"
)

// client is the load, and what it was told.
type client struct {
	stack *stack.Stack
	base  string
	http  *http.Client
	token string

	mu      sync.Mutex // guards the rest, and the stack's plane while it restarts
	changes map[string]int
	runs    []string
	seen    map[string]bool // ids of audit rows that were shown
}

func newClient(t *testing.T, s *stack.Stack) *client {
	t.Helper()
	return &client{
		stack: s, base: s.Plane.URL, token: s.Plane.Token, changes: map[string]int{}, seen: map[string]bool{},
		http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // #nosec: the demo's own certificate, on loopback
		}},
	}
}

func (c *client) send(ctx context.Context, method, path, contentType string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", contentType)
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

// api calls the tenant's API.
func (c *client) api(ctx context.Context, method, path string, body, answer any) (int, error) {
	var b []byte
	if body != nil {
		b, _ = json.Marshal(body) // made of maps and strings
	}
	status, got, err := c.send(ctx, method, "/api/v1/t/demo"+path, "application/json", b)
	if err != nil {
		return 0, err
	}
	if status >= 300 {
		return status, fmt.Errorf("%s %s: %d: %.300s", method, path, status, got)
	}
	if answer == nil || len(got) == 0 {
		return status, nil
	}
	return status, json.Unmarshal(got, answer)
}

// writeChanges applies one config map after the other, each with a name of its own in the path.
func (c *client) writeChanges(ctx context.Context, worker int) {
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("change-%d-%d", worker, n)
		path := fmt.Sprintf("/t/demo/clusters/%s/k8s/api/v1/namespaces/chaos/configmaps/%s?fieldManager=chaos&force=true", c.stack.ClusterID, name)
		body := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q},"data":{"n":"%d"}}`, name, n)
		status, _, err := c.send(ctx, http.MethodPatch, path, "application/apply-patch+yaml", body)
		c.mu.Lock()
		if err != nil || status >= 400 {
			status = 0 // not an answer of the cluster's: 503 and such
		}
		c.changes[name] = status
		c.mu.Unlock()
		if err != nil {
			pause(ctx, 50*time.Millisecond)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// chat asks for a change, approves it, and goes on when its run has ended or can't be reached.
func (c *client) chat(ctx context.Context, worker int) {
	var conversation struct {
		ID string `json:"id"`
	}
	for n := 0; ctx.Err() == nil; n++ {
		if conversation.ID == "" {
			if _, err := c.api(ctx, http.MethodPost, "/conversations", map[string]string{"clusterId": c.stack.ClusterID}, &conversation); err != nil {
				pause(ctx, 100*time.Millisecond)
				continue
			}
		}
		text := fmt.Sprintf("scale deployment web in chaos to %d", 1+n%5)
		if n%3 == 2 {
			text = "show pods in chaos"
		}
		var run struct {
			ID string `json:"id"`
		}
		key := fmt.Sprintf("chaos-%d-%d", worker, n)
		if _, err := c.api(ctx, http.MethodPost, "/conversations/"+conversation.ID+"/runs", map[string]string{"text": text, "key": key}, &run); err != nil {
			pause(ctx, 100*time.Millisecond)
			continue
		}
		c.mu.Lock()
		c.runs = append(c.runs, run.ID)
		c.mu.Unlock()
		c.follow(ctx, run.ID)
	}
}

type runView struct {
	State    string `json:"state"`
	Approval *struct {
		PlanHash string `json:"planHash"`
	} `json:"approval"`
	Plan *struct {
		Hash string `json:"hash"`
	} `json:"plan"`
}

// follow approves the run when it asks and leaves it when it has ended, or after ten seconds.
func (c *client) follow(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		var run runView
		if _, err := c.api(ctx, http.MethodGet, "/runs/"+id, nil, &run); err == nil {
			switch run.State {
			case "done", "failed", "interrupted":
				return
			case "awaiting_approval":
				if run.Plan != nil {
					_, _ = c.api(ctx, http.MethodPost, "/runs/"+id+"/approval", map[string]string{"planHash": run.Plan.Hash, "decision": "approve"}, nil)
				}
			}
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// runState waits for a run's end: one that waits for an approval that never came is declined first.
func (c *client) runState(t *testing.T, id string) string {
	t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	var run runView
	for time.Now().Before(deadline) {
		if _, err := c.api(t.Context(), http.MethodGet, "/runs/"+id, nil, &run); err != nil {
			t.Fatal(err)
		}
		switch run.State {
		case "done", "failed", "interrupted":
			return run.State
		case "awaiting_approval":
			_, _ = c.api(t.Context(), http.MethodPost, "/runs/"+id+"/approval", map[string]string{"planHash": run.Plan.Hash, "decision": "decline"}, nil)
		}
		pause(t.Context(), 200*time.Millisecond)
	}
	return run.State
}

// trail is the whole audit, newest first.
type trail struct {
	ids      map[string]bool
	outcomes map[string]string // of intents, by the name they were about
	open     []string          // intents with no result
}

func (c *client) readTrail(t *testing.T) trail {
	t.Helper()
	tr := trail{ids: map[string]bool{}, outcomes: map[string]string{}}
	after := ""
	for {
		var page struct {
			Items []struct {
				ID, Kind, Name, Outcome, Command string
			} `json:"items"`
			Next string `json:"next"`
		}
		query := "/audit?limit=200"
		if after != "" {
			query += "&after=" + after
		}
		if _, err := c.api(t.Context(), http.MethodGet, query, nil, &page); err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Items {
			tr.ids[r.ID] = true
			if r.Kind != "intent" {
				continue
			}
			tr.outcomes[r.Name] = r.Outcome
			if r.Outcome == "" {
				tr.open = append(tr.open, r.Command)
			}
		}
		if after = page.Next; after == "" {
			return tr
		}
	}
}

// glance remembers the newest rows of the audit, if it can be read: what was shown once must stay.
func (c *client) glance(ctx context.Context) {
	var page struct {
		Items []struct{ ID string } `json:"items"`
	}
	if _, err := c.api(ctx, http.MethodGet, "/audit?limit=200", nil, &page); err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range page.Items {
		c.seen[r.ID] = true
	}
}

func kubectlApply(ctx context.Context, s *stack.Stack, object string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.Sandbox.Bin, "kubectl"), "--kubeconfig", s.Direct, "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(object)
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

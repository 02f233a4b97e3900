// Package story holds the end-to-end tests: the real programs, a real PostgreSQL, a real Kubernetes with real pods, a
// real browser. One stack serves them all; tests that break something mend it before they end. Slack's own server is the
// one thing that another stands in for.
package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/e2e/stack"
)

// world is the one stack of this test program, and slackSide where its kubechatd finds Slack.
var (
	world     *stack.Stack
	slackSide *slackServer
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	state := filepath.Join(sandbox.Root(), "e2e", ".out", "story")
	if err := stack.Down(stack.Config{State: state}); err != nil {
		fmt.Fprintln(os.Stderr, "clear the state of an earlier run:", err)
		return 1
	}
	var err error
	if slackSide, err = startSlack(state); err != nil {
		fmt.Fprintln(os.Stderr, "start Slack's stand-in:", err)
		return 1
	}
	defer slackSide.close()
	world, err = stack.Start(context.Background(), stack.Config{
		State: state, Nodes: sandbox.RealNodes, PlaneEnv: slackSide.env(), Say: func(line string) { fmt.Fprintln(os.Stderr, "stack:", line) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "bring up the stack:", err)
		return 1
	}
	defer func() {
		if err := world.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "end the stack:", err)
			code = max(code, 1)
		}
	}()
	if err := errors.Join(writeSameIdentity(), makeStrangers()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// answered is how a request is answered.
func answered(t *testing.T, req *http.Request) (status int, body string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

package clients

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubechat/kubechat/e2e/rig"
)

// door is one way in which client-go opens an exec.
type door struct {
	name string
	open func(t *testing.T, c *rig.Client, path string) (remotecommand.Executor, error)
}

func overSPDY(_ *testing.T, c *rig.Client, path string) (remotecommand.Executor, error) {
	u, err := url.Parse(c.Base + path)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewSPDYExecutor(config(c), http.MethodPost, u)
}

func overWebSocket(protocols ...string) func(*testing.T, *rig.Client, string) (remotecommand.Executor, error) {
	return func(_ *testing.T, c *rig.Client, path string) (remotecommand.Executor, error) {
		if len(protocols) > 0 {
			return remotecommand.NewWebSocketExecutorForProtocols(config(c), http.MethodGet, c.Base+path, protocols...)
		}
		return remotecommand.NewWebSocketExecutor(config(c), http.MethodGet, c.Base+path)
	}
}

// fallingBack is kubectl's own way: a WebSocket, and SPDY where that is refused.
func fallingBack(t *testing.T, c *rig.Client, path string) (remotecommand.Executor, error) {
	first, err := overWebSocket()(t, c, path)
	if err != nil {
		return nil, err
	}
	second, err := overSPDY(t, c, path)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(first, second, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

func TestExecutorsOverARealAPIServer(t *testing.T) {
	t.Parallel()
	_, k := realCluster(t)
	at := pod(t)
	for _, d := range []door{{"WebSocket v5", overWebSocket()}, {"SPDY", overSPDY}, {"kubectl's", fallingBack}} {
		t.Run(d.name, func(t *testing.T) { every(t, d, k.Client(t), at) })
	}
}

func TestExecutorsOverAnOldServer(t *testing.T) {
	t.Parallel()
	k, at := oldServer(t)
	for _, d := range []door{{"SPDY", overSPDY}, {"falls back to SPDY", fallingBack}} {
		t.Run(d.name, func(t *testing.T) { every(t, d, k.Client(t), at) })
	}
	t.Run("a WebSocket alone is refused, and known to be", func(t *testing.T) {
		e, err := overWebSocket()(t, k.Client(t), at+"/exec?command=cat&stdout=true")
		if err != nil {
			t.Fatal(err)
		}
		if err := e.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: io.Discard}); !httpstream.IsUpgradeFailure(err) {
			t.Errorf("%v", err)
		}
	})
}

// every runs every case through one door.
func every(t *testing.T, d door, c *rig.Client, at string) {
	run := func(t *testing.T, command string, o remotecommand.StreamOptions) error {
		t.Helper()
		q := url.Values{"container": {"main"}, "command": strings.Fields(command)}
		for name, is := range map[string]bool{"stdin": o.Stdin != nil, "stdout": o.Stdout != nil, "stderr": o.Stderr != nil, "tty": o.Tty} {
			if is {
				q.Set(name, "true")
			}
		}
		e, err := d.open(t, c, at+"/exec?"+q.Encode())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return e.StreamWithContext(ctx, o)
	}
	t.Run("what goes in comes out", func(t *testing.T) {
		for _, size := range []int{0, 1, 1024, 1 << 20, 8<<20 + 3} {
			data := noise(size)
			var out bytes.Buffer
			if err := run(t, "cat", remotecommand.StreamOptions{Stdin: bytes.NewReader(data), Stdout: &out}); err != nil || !bytes.Equal(out.Bytes(), data) {
				t.Errorf("%d of %d bytes came, equal %t, %v", out.Len(), size, bytes.Equal(out.Bytes(), data), err)
			}
		}
	})
	t.Run("standard error", func(t *testing.T) {
		var out, errs bytes.Buffer
		data := noise(100_000)
		err := run(t, "complain", remotecommand.StreamOptions{Stdin: bytes.NewReader(data), Stdout: &out, Stderr: &errs})
		if err != nil || out.Len() > 0 || !bytes.Equal(errs.Bytes(), data) {
			t.Errorf("%d bytes of output, %d of errors, %v", out.Len(), errs.Len(), err)
		}
	})
	t.Run("large input with its hash", func(t *testing.T) {
		var out bytes.Buffer
		data := noise(32 << 20)
		want := fmt.Sprintf("%d %x", len(data), sha256.Sum256(data))
		if err := run(t, "sum", remotecommand.StreamOptions{Stdin: bytes.NewReader(data), Stdout: &out}); err != nil || out.String() != want {
			t.Errorf("%s, %v; want %s", out.String(), err, want)
		}
	})
	t.Run("exit codes", func(t *testing.T) {
		for _, code := range []int{1, 42, 255} {
			err := run(t, fmt.Sprintf("exit %d", code), remotecommand.StreamOptions{Stdout: io.Discard, Stderr: io.Discard})
			if e, ok := errors.AsType[exec.CodeExitError](err); !ok || e.Code != code {
				t.Errorf("exit %d: %v", code, err)
			}
		}
		if err := run(t, "fail", remotecommand.StreamOptions{Stdout: io.Discard}); err == nil || !strings.Contains(err.Error(), "no such command: fail") {
			t.Errorf("a command that can't be run: %v", err)
		}
	})
	t.Run("output after the input's end", func(t *testing.T) {
		var out bytes.Buffer
		err := run(t, "late 200", remotecommand.StreamOptions{Stdin: strings.NewReader("over"), Stdout: &out})
		if n := strings.Count(out.String(), "\n"); err != nil || n != 200 || !strings.HasSuffix(out.String(), "line 199\n") {
			t.Errorf("%d lines, %v", n, err)
		}
	})
	t.Run("terminal", func(t *testing.T) {
		var out bytes.Buffer
		queue := sizes{{Width: 80, Height: 24}, {Width: 132, Height: 43}, {Width: 20, Height: 5}}
		err := run(t, "sizes 3", remotecommand.StreamOptions{Stdin: strings.NewReader(""), Stdout: &out, Tty: true, TerminalSizeQueue: &queue})
		if err != nil || out.String() != "80x24 132x43 20x5 " {
			t.Errorf("%q, %v", out.String(), err)
		}
	})
}

// sizes is a terminal that is resized.
type sizes []remotecommand.TerminalSize

// Next implements remotecommand.TerminalSizeQueue.
func (s *sizes) Next() *remotecommand.TerminalSize {
	if len(*s) == 0 {
		return nil
	}
	next := (*s)[0]
	*s = (*s)[1:]
	return &next
}

func noise(n int) []byte {
	b := make([]byte, n)
	var seed [32]byte
	copy(seed[:], "clients")
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	return b
}

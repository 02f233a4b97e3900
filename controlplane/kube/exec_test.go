package kube

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"k8s.io/client-go/rest"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const runningPod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-1","namespace":"shop","uid":"u","resourceVersion":"1"},
	"spec":{"containers":[{"name":"main","image":"i"},{"name":"side","image":"i"}]},"status":{"phase":"Running"}}`

// execServer answers like an API server whose kubelet runs programs: run gets the command line and the connection.
func execServer(t *testing.T, run func(argv []string, conn *websocket.Conn)) *Cluster {
	t.Helper()
	up := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/exec") {
			fmt.Fprint(w, runningPod)
			return
		}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		run(r.URL.Query()["command"], conn)
		// like the API server, it waits for the other side
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
	}))
	t.Cleanup(srv.Close)
	c, err := FromRESTConfig(&rest.Config{Host: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, conn *websocket.Conn, channel byte, text string) {
	if err := conn.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, text...)); err != nil && !strings.Contains(err.Error(), "closed") {
		t.Log(err)
	}
}

func execStep(argv ...string) nlp.Step {
	return nlp.Step{Op: nlp.OpExec, Resource: pods, Namespace: "shop", Names: []string{"web-1"}, Args: nlp.Args{Command: argv}}
}

func TestAProgramRunsWithoutAShellAndItsOutputComesBack(t *testing.T) {
	t.Parallel()
	var got []string
	c := execServer(t, func(argv []string, conn *websocket.Conn) {
		got = argv
		_ = conn.WriteControl(websocket.PingMessage, []byte("x"), time.Now().Add(time.Second))
		send(t, conn, 1, "one\ntwo password=hunter2hunter2\n")
		send(t, conn, 2, "careful\n")
		send(t, conn, 1, strings.Repeat("z", 100000)+"\n")
		send(t, conn, 3, `{"metadata":{},"status":"Success"}`)
	})
	step := execStep("psql", "-c", "select 1; rm -rf /")
	v, err := c.DryRun(t.Context(), step)
	if err != nil || len(v.Diffs) != 1 || !strings.Contains(strings.Join(v.Diffs[0].Warnings, " "), "side") || v.Undo.Impossible == "" || v.Nothing != "" {
		t.Fatalf("preview: %+v, %v", v, err)
	}
	a, err := c.Execute(t.Context(), step, v.Seen...)
	if err != nil || a.Outcome != audit.Succeeded || a.Message != "pod/web-1 ran psql" {
		t.Fatalf("%+v, %v", a, err)
	}
	if len(got) != 3 || got[2] != "select 1; rm -rf /" {
		t.Errorf("ran %q: every word is one argument", got)
	}
	out, errs := a.Parts[0].(chat.Log), a.Parts[1].(chat.Log)
	if out.Lines[0] != "one" || out.Lines[1] != "two password=<redacted>" || len(out.Lines[2]) != 100000 || errs.Lines[0] != "careful" {
		t.Errorf("output %.80v, %v", out, errs)
	}
}

func TestAProgramThatEndsBadlyFailsItsStep(t *testing.T) {
	t.Parallel()
	c := execServer(t, func(_ []string, conn *websocket.Conn) {
		send(t, conn, 3, `{"status":"Failure","reason":"NonZeroExitCode","message":"command terminated with non-zero exit code","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}`)
	})
	a, err := c.Execute(t.Context(), execStep("false"))
	if a.Outcome != audit.Failed || err == nil || !strings.Contains(a.Message, "exit code 3") || len(a.Parts) == 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAProgramWithoutEndIsCutOff(t *testing.T) {
	t.Parallel()
	c := execServer(t, func(_ []string, conn *websocket.Conn) {
		for range 2 * maxExecBytes / 1000 {
			send(t, conn, 1, strings.Repeat("y", 999)+"\n")
		}
	})
	a, err := c.Execute(t.Context(), execStep("yes"))
	if err != nil || !strings.Contains(a.Message, "cut off") {
		t.Errorf("%+v, %v", a.Message, err)
	}
	if n := len(strings.Join(a.Parts[0].(chat.Log).Lines, "\n")); n > maxExecBytes {
		t.Errorf("%d bytes", n)
	}
}

func TestAProgramWhoseConnectionBreaksIsUnknown(t *testing.T) {
	t.Parallel()
	c := execServer(t, func(_ []string, conn *websocket.Conn) { conn.Close() })
	if a, err := c.Execute(t.Context(), execStep("ls")); a.Outcome != audit.Unknown || !problem.Is(err, problem.Unavailable) {
		t.Errorf("%+v, %v", a, err)
	}
}

// Lines come as they are written, the log's end is its end, and a private key over several lines is not shown.
func TestALogIsFollowedAsItIsWritten(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			fmt.Fprint(w, runningPod)
			return
		}
		if r.URL.Query().Get("follow") != "true" {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		fmt.Fprint(w, "first\n")
		w.(http.Flusher).Flush()
		<-more
		fmt.Fprint(w, "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\nlast\n")
	}))
	t.Cleanup(srv.Close)
	c, err := FromRESTConfig(&rest.Config{Host: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	step := nlp.Step{Op: nlp.OpLogs, Resource: pods, Namespace: "shop", Names: []string{"web-1"}, Args: nlp.Args{Follow: true}}
	var lines []string
	told := ""
	a, err := c.Stream(t.Context(), step, func(p chat.Part) {
		switch p := p.(type) {
		case chat.Text:
			told += p.Text
		case chat.Log:
			if !p.Follow || p.Pod != "web-1" || p.Container != "main" {
				t.Errorf("%+v", p)
			}
			if lines = append(lines, p.Lines...); len(lines) == 1 {
				close(more) // only now the rest is written: the first line did not wait for it
			}
		}
	})
	if got := strings.Join(lines, "|"); err != nil || got != "first|<redacted private key>|last" || a.Bytes == 0 {
		t.Errorf("%s, %+v, %v", got, a, err)
	}
	if !strings.Contains(told, "container main, of main, side") {
		t.Errorf("the choice is not said: %q", told)
	}
}

func TestFollowingALogEndsWithItsReader(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			fmt.Fprint(w, runningPod)
			return
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	c, err := FromRESTConfig(&rest.Config{Host: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	step := nlp.Step{Op: nlp.OpLogs, Resource: pods, Namespace: "shop", Names: []string{"web-1"}, Args: nlp.Args{Follow: true}}
	if _, err := c.Stream(ctx, step, func(p chat.Part) {
		if _, ok := p.(chat.Log); ok {
			cancel()
		}
	}); err == nil {
		t.Error("it ended by itself")
	}
}

// A webhook that cannot be asked without doing: the preview says so instead of failing, and who approves types the name.
func TestAWebhookThatRefusesDryRunsIsSaid(t *testing.T) {
	t.Parallel()
	c, err := FromRESTConfig(&rest.Config{Host: "http://cluster", Transport: transport(func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("dryRun") == "" {
			return answer(200, web), nil
		}
		return answer(400, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"BadRequest","message":"admission webhook \"old.example\" does not support dry run","code":400}`), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	n := int32(3)
	v, err := c.DryRun(t.Context(), nlp.Step{Op: nlp.OpLabel, Resource: deployments, Namespace: "shop", Names: []string{"web"}, Args: nlp.Args{Replicas: &n, Set: map[string]string{"a": "b"}}})
	if err != nil || !strings.Contains(v.Blind, "old.example") || len(v.Seen) != 1 || !strings.Contains(strings.Join(v.Diffs[0].Warnings, " "), "only known when it is done") {
		t.Errorf("%+v, %v", v, err)
	}
}

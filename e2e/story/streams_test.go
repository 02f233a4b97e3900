package story

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// namespace makes one of the test's own and removes it at the end.
func namespace(t *testing.T) string {
	t.Helper()
	name := strings.TrimPrefix(strings.TrimSpace(mustInput(t,
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"generateName":"story-"}}`, "create", "-f", "-", "-o", "name")), "namespace/")
	t.Cleanup(func() { kubectl(context.Background(), world.Direct, "", "delete", "namespace", name, "--wait=false") })
	return name
}

func TestExecWithPipedInputLosesNoByte(t *testing.T) {
	t.Parallel()
	input := strings.Repeat("all work and no play makes a dull tunnel\n", 200_000) // 8 MB
	// The shell goes on writing long after its input has ended, on both outputs, and ends with a code of its own.
	script := `cat | sha256sum; for i in $(seq 20); do seq 20000; sleep 0.1; done; echo bye >&2; exit 7`
	var got []said
	for _, kubeconfig := range []string{sameIdentity, world.Kubeconfig} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		got = append(got, kubectl(ctx, kubeconfig, input, "exec", "-i", "-n", "shop", "deploy/frontend", "--", "sh", "-c", script))
	}
	direct, through := got[0], got[1]
	if through.code != 7 || direct.code != 7 {
		t.Errorf("exit codes: through %d (%s), direct %d (%s), want 7", through.code, through.err, direct.code, direct.err)
	}
	want := fmt.Sprintf("%x  -\n", sha256.Sum256([]byte(input)))
	if !strings.HasPrefix(through.out, want) {
		t.Errorf("the pod read something else than was piped in: %.80q", through.out)
	}
	if sha256.Sum256([]byte(through.out)) != sha256.Sum256([]byte(direct.out)) {
		t.Errorf("standard output differs: %d bytes through, %d direct", len(through.out), len(direct.out))
	}
	if through.err != direct.err {
		t.Errorf("standard error differs: %q through, %q direct", through.err, direct.err)
	}
}

func TestLogsFollowedThroughTheTunnelArriveAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, kubectlPath(), "--kubeconfig", world.Kubeconfig, "logs", "-f", "--tail=1", "-n", "shop", "deploy/frontend")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := range 12 {
		if !lines.Scan() {
			t.Fatalf("the stream ended after %d lines: %v", n, lines.Err())
		}
		if !strings.Contains(lines.Text(), "level=info") {
			t.Errorf("line %d is not the pod's: %q", n, lines.Text())
		}
	}
	cancel()
	_ = cmd.Wait() // killed by us
}

func TestWatchThroughTheTunnelSeesAChange(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, kubectlPath(), "--kubeconfig", world.Kubeconfig, "get", "configmaps", "-A", "-w", "-o", "name")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() { // the list came, so the watch is next
		t.Fatal("no first line")
	}
	must(t, "create", "configmap", "seen-by-the-watch", "-n", ns)
	for lines.Scan() {
		if lines.Text() == "configmap/seen-by-the-watch" {
			cancel()
			_ = cmd.Wait() // killed by us
			return
		}
	}
	t.Fatal("the watch ended without the change")
}

func TestPortForwardThroughTheTunnelCarriesHTTP(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, kubectlPath(), "--kubeconfig", world.Kubeconfig, "port-forward", "-n", "shop", "deploy/catalog", ":8080")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n') // Forwarding from 127.0.0.1:40123 -> 8080
	if err != nil {
		t.Fatalf("port-forward said nothing: %v", err)
	}
	address := strings.Fields(strings.TrimPrefix(line, "Forwarding from "))[0]
	for i := range 20 {
		resp, err := http.Get(fmt.Sprintf("http://%s/hello/%d", address, i))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), fmt.Sprintf("GET /hello/%d", i)) {
			t.Errorf("request %d: %v %q", i, err, body)
		}
	}
	cancel()
	_ = cmd.Wait() // killed by us
}

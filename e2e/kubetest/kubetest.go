// Package kubetest gives tests a real Kubernetes API server, one for the whole test program, started on first use.
// A package that uses it has
//
//	func TestMain(m *testing.M) { kubetest.Main(m) }
//
// so that the server ends with the program. Tests share it: each makes namespaces of its own (Namespace).
package kubetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
)

var shared struct {
	mu      sync.Mutex // guards the rest
	inMain  bool
	cluster *sandbox.Cluster
	dir     string
	err     error
}

// Main runs the tests and ends what they started. It does not return.
func Main(m *testing.M) {
	shared.inMain = true
	code := m.Run()
	if shared.cluster != nil {
		if err := shared.cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the test API server:", err)
			code = max(code, 1)
		}
	}
	if shared.dir != "" && code == 0 {
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// APIServer returns the path of an administrator's kubeconfig for the program's API server, which has no nodes and
// keeps an audit log.
func APIServer(t testing.TB) string {
	t.Helper()
	return Cluster(t).Kubeconfig
}

// Cluster is the program's API server itself.
func Cluster(t testing.TB) *sandbox.Cluster {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.inMain {
		t.Fatal("kubetest: the package needs func TestMain(m *testing.M) { kubetest.Main(m) }")
	}
	if shared.cluster == nil && shared.err == nil {
		shared.dir, shared.err = os.MkdirTemp("", "kubechat-kubetest-")
		if shared.err == nil {
			shared.cluster, shared.err = sandbox.Start(context.Background(), sandbox.Config{Dir: shared.dir, Audit: true})
		}
	}
	if shared.err != nil {
		t.Fatalf("kubetest: start an API server: %v", shared.err)
	}
	return shared.cluster
}

// Kubectl runs the sandbox's kubectl as administrator and returns its standard output; an error ends the test.
func Kubectl(t testing.TB, kubeconfig string, args ...string) string {
	t.Helper()
	return KubectlInput(t, kubeconfig, "", args...)
}

// KubectlInput is Kubectl with something on standard input.
func KubectlInput(t testing.TB, kubeconfig, stdin string, args ...string) string {
	t.Helper()
	bin, err := sandbox.Binaries(t.Context(), func(string) {})
	if err != nil {
		t.Fatalf("kubetest: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "kubectl"), append([]string{"--kubeconfig", kubeconfig}, args...)...)
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

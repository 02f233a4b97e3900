package sandbox_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/e2e/sandbox"
)

func TestAPIServerComesUpAnswersAndComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		c, err := sandbox.Start(t.Context(), sandbox.Config{Dir: dir, Audit: true, Say: func(s string) { t.Log(s) }})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(filepath.Join(c.Bin, "kubectl"), "--kubeconfig", c.Kubeconfig, "version").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Server Version: "+sandbox.Version) {
			t.Errorf("kubectl version: %v\n%s", err, out)
		}
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	first, err := sandbox.Start(t.Context(), sandbox.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Stop()
	_, err = sandbox.Start(t.Context(), sandbox.Config{Dir: t.TempDir(), Port: first.Port()})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d is taken", first.Port())) {
		t.Errorf("want a sentence that names the port, got %v", err)
	}
}

func TestSimulatedPodsRunAndAnswerWithoutRoot(t *testing.T) {
	t.Parallel()
	c, err := sandbox.Start(t.Context(), sandbox.Config{Dir: t.TempDir(), Nodes: sandbox.SimulatedNodes, Say: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	kubectl := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(filepath.Join(c.Bin, "kubectl"), append([]string{"--kubeconfig", c.Kubeconfig}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=60s")
	kubectl("run", "fine", "--image=example.com/fine:1", "--", "web")
	kubectl("run", "broken", "--image=example.com/broken:1", "--", "crash")
	kubectl("run", "missing", "--image=example.com/missing:2.0-rc9", "--", "web")
	kubectl("wait", "--for=condition=Ready", "pod/fine", "--timeout=60s")
	for pod, reason := range map[string]string{"broken": "CrashLoopBackOff", "missing": "ImagePullBackOff"} {
		kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}="+reason, "pod/"+pod, "--timeout=60s")
	}
	if out := kubectl("exec", "fine", "--", "sh", "-c", "hostname; cat /etc/passwd; echo done"); !strings.Contains(out, "fine\n") ||
		strings.Contains(out, "root:") || !strings.Contains(out, "done") {
		t.Errorf("exec in a simulated pod said %q", out)
	}
	if out := kubectl("logs", "fine", "--tail=3"); strings.Count(out, "\n") != 3 {
		t.Errorf("logs of a simulated pod said %q", out)
	}
}

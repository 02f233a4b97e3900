package sandbox_test

import (
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
	first, err := sandbox.Start(t.Context(), sandbox.Config{Dir: t.TempDir(), Port: 34443})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Stop()
	_, err = sandbox.Start(t.Context(), sandbox.Config{Dir: t.TempDir(), Port: 34443})
	if err == nil || !strings.Contains(err.Error(), "port 34443 on 127.0.0.1 is taken") {
		t.Errorf("want a sentence that names the port, got %v", err)
	}
}

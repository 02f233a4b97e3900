package agent_test

import (
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The agent's bars. It runs in every customer's cluster, mostly idle.
const (
	maxBinary   = 15 << 20 // bytes, stripped
	maxResident = 20 << 10 // KiB, idle with two sessions
)

// TestAgentLinksNothingLarge keeps out what would not fit: control-plane code, the authority, Kubernetes clients.
func TestAgentLinksNothingLarge(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/kubechat-agent").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "github.com/kubechat/kubechat/agent/kubeproxy") {
		t.Fatalf("the list of packages is wrong: %s", out)
	}
	for _, dep := range deps {
		for _, banned := range []string{
			"github.com/kubechat/kubechat/controlplane", "github.com/kubechat/kubechat/pki/authority", "github.com/kubechat/kubechat/e2e",
			"github.com/smallstep/", "go.step.sm/", "k8s.io/", "github.com/jackc/", "github.com/prometheus/", "testing",
		} {
			if strings.HasPrefix(dep, banned) {
				t.Errorf("the agent links %s", dep)
			}
		}
	}
}

// TestAgentStaysSmall runs the program as it is shipped, against a control plane with two sessions.
func TestAgentStaysSmall(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "kubechat-agent")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/kubechat-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxBinary {
		t.Errorf("the stripped binary has %d bytes, over the bar of %d", info.Size(), maxBinary)
	}

	c, p := newCluster(t), newPlane(t)
	token, _ := p.newToken("")
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"ca.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw}),
		"config": fmt.Appendf(nil, "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"+
			"clusters: [{name: c, cluster: {server: %q, certificate-authority: ca.crt}}]\nusers: [{name: u, user: {token: agents-own}}]\n", c.URL),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said strings.Builder
	agent := exec.Command(binary, "--kubeconfig", filepath.Join(dir, "config"), "--state-dir", filepath.Join(dir, "state"), "--health-addr", freeAddr(t))
	agent.Env = append(os.Environ(), "KUBECHAT_JOIN_TOKEN="+token.String())
	agent.Stderr = &said
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- agent.Wait() }()
	within(t, "first session", p.sessions)
	session := within(t, "second session", p.sessions)
	for range 20 {
		get(t, session, "/api/v1/namespaces/shop/pods")
	}
	resident := residentKiB(t, agent.Process.Pid)
	t.Logf("binary %.1f MiB, idle with two sessions %.1f MiB resident", float64(info.Size())/(1<<20), float64(resident)/(1<<10))
	if resident > maxResident {
		t.Errorf("the idle agent has %d KiB resident, over the bar of %d", resident, maxResident)
	}
	if err := agent.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "end of the program", ended); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
	if strings.Contains(said.String(), token.String()) {
		t.Error("the log holds the join token")
	}
}

// residentKiB is what the program keeps in memory. Where the kernel does not tell (only Linux does), it is 0.
func residentKiB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmRSS in %s", status)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

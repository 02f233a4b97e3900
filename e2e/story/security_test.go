package story

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/stack"
)

const allGroups = `identities: {groups: ["kubechat:viewer", "kubechat:operator", "kubechat:admin", "kubechat:index"]}
`

// joined adds a cluster and starts an agent for it beside the sandbox, which thereby has two.
func joined(t *testing.T, name, policy string) (cluster string, agent *stack.Agent) {
	t.Helper()
	join, err := world.AddCluster(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	agent, err = world.StartAgent(name, world.Direct, join.Token, policy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.Stop() })
	if err := world.WaitConnected(t.Context(), join.Cluster); err != nil {
		t.Fatalf("%v\n%s", err, agent.Said())
	}
	if err := world.Plane.Call(t.Context(), http.MethodPut, "/clusters/"+join.Cluster+"/groups/"+world.Plane.Member, map[string]string{"group": "admin"}, nil); err != nil {
		t.Fatal(err)
	}
	return join.Cluster, agent
}

// kubeconfigOf is the demo's kubeconfig, pointed at another of its clusters.
func kubeconfigOf(t *testing.T, cluster string) string {
	t.Helper()
	b, err := os.ReadFile(world.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(b), world.ClusterID, cluster)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestJoinTokenWorksOnce(t *testing.T) {
	t.Parallel()
	join, err := world.AddCluster(t.Context(), "once")
	if err != nil {
		t.Fatal(err)
	}
	first, err := world.StartAgent("once-first", world.Direct, join.Token, allGroups)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Stop()
	if err := world.WaitConnected(t.Context(), join.Cluster); err != nil {
		t.Fatal(err)
	}
	second, err := world.StartAgent("once-second", world.Direct, join.Token, allGroups)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Stop()
	select {
	case <-second.Ended():
	case <-time.After(time.Minute):
		t.Fatal("the second agent did not give up")
	}
	if second.Code() != 3 || !strings.Contains(second.Said(), "used") {
		t.Errorf("the second use of a token ended with code %d:\n%s", second.Code(), second.Said())
	}
	if strings.Contains(second.Said(), join.Token) {
		t.Error("the token is in the agent's log")
	}
}

func TestRevokedClusterLosesItsSessionsAndItsStreams(t *testing.T) {
	t.Parallel()
	cluster, agent := joined(t, "doomed", allGroups)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	logs := exec.CommandContext(ctx, kubectlPath(), "--kubeconfig", kubeconfigOf(t, cluster), "logs", "-f", "--tail=1", "-n", "shop", "deploy/frontend")
	out, err := logs.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := logs.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatalf("no log came: %v", err)
	}
	began := time.Now()
	if err := world.Plane.Call(ctx, http.MethodDelete, "/clusters/"+cluster, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Errorf("read the log to its end: %v", err)
	}
	if took := time.Since(began); took > 50*time.Second { // promised: 5 s, asserted at ten times that here and at 5 s in make bench
		t.Errorf("the stream lived on for %s after the revocation", took)
	}
	_ = logs.Wait() // it ends with an error, which is the point
	if err := world.WaitState(ctx, cluster, "revoked"); err != nil {
		t.Error(err)
	}
	if s := kubectl(ctx, kubeconfigOf(t, cluster), "", "get", "pods", "-n", "shop", "--request-timeout=20s"); s.code == 0 {
		t.Error("a revoked cluster still answers")
	}
	_ = agent.Stop()
}

func TestAnotherTenantFindsNothing(t *testing.T) {
	t.Parallel()
	other, err := world.Bootstrap(t.Context(), "other-shop")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, world.Plane.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+other.Token)
		return answered(t, req)
	}
	if status, body := ask("/api/v1/t/other-shop/clusters"); status != http.StatusOK || strings.Contains(body, world.ClusterID) {
		t.Errorf("the other tenant's own list: %d %s", status, body)
	}
	for _, path := range []string{
		"/api/v1/t/demo/clusters", "/api/v1/t/demo/audit", "/api/v1/t/demo", "/api/v1/t/demo/clusters/" + world.ClusterID,
		"/api/v1/t/other-shop/clusters/" + world.ClusterID,
		"/t/demo/clusters/" + world.ClusterID + "/k8s/api/v1/namespaces", "/t/other-shop/clusters/" + world.ClusterID + "/k8s/api/v1/namespaces",
	} {
		if status, body := ask(path); status != http.StatusNotFound {
			t.Errorf("GET %s as another tenant: %d %.200s", path, status, body)
		}
	}
}

func TestLocalPolicyIsEnforcedByTheAgent(t *testing.T) {
	t.Parallel()
	cluster, _ := joined(t, "guarded", allGroups+"readOnly: true\nnamespaces: {deny: [payments]}\n")
	kubeconfig := kubeconfigOf(t, cluster)
	for _, c := range []struct{ args, setting string }{
		{"create configmap nope -n shop", "readOnly"},
		{"exec -n shop deploy/frontend -- true", "readOnly"},
		{"get pods -n payments", "namespaces"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := kubectl(ctx, kubeconfig, "", strings.Fields(c.args)...)
		if s.code == 0 || !strings.Contains(s.err, "local policy refuses this") || !strings.Contains(s.err, c.setting) {
			t.Errorf("kubectl %s: exit %d, want a 403 that names %s:\n%s%s", c.args, s.code, c.setting, s.out, s.err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if s := kubectl(ctx, kubeconfig, "", "get", "pods", "-n", "shop"); s.code != 0 {
		t.Errorf("what the policy leaves open is closed: %s", s.err)
	}
}

// TestRefusalsThatNothingConfigures are tried as group kubechat:admin through the installed agent.
func TestRefusalsThatNothingConfigures(t *testing.T) {
	t.Parallel()
	ns := stack.AgentNamespace
	for _, args := range []string{
		"exec -n " + ns + " deploy/kubechat-agent -- /kubechat-agent -h",
		"attach -n " + ns + " deploy/kubechat-agent",
		"port-forward -n " + ns + " deploy/kubechat-agent 8081",
		"get secrets -n " + ns,
		"get secrets -n " + ns + " -o yaml",
		"create token kubechat-agent -n " + ns,
		"create configmap nope -n " + ns,
		"delete pod -n " + ns + " --all",
		"delete clusterrolebinding kubechat-agent-admin",
		"get --raw /api/v1/namespaces/shop/services/frontend:80/proxy/",
		"get --raw /logs/",
		"get --raw /metrics",
		"get --raw /api/v1/nodes/sandbox-node/proxy/configz",
		"create secret generic nope -n shop --from-literal=a=b",
		"get pods -n shop --as=system:admin",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s := kubectl(ctx, world.Kubeconfig, "", strings.Fields(args)...)
			if s.code == 0 || !strings.Contains(s.err, "agent refuses this") && !strings.Contains(s.err, "policy refuses this") && !strings.Contains(s.err, "KubeChat") {
				t.Errorf("kubectl %s: exit %d\n%s%s", args, s.code, s.out, s.err)
			}
		})
	}
}

func TestSecretsShowOnlyTheirNames(t *testing.T) {
	t.Parallel()
	const password = "correct-horse-battery-staple" // in the shop's secret orders-db
	for _, args := range []string{"get secret orders-db -n shop -o yaml", "get secrets -A -o json", "describe secret orders-db -n shop",
		"get secret orders-db -n shop -o jsonpath={.data.password}", "get --raw /api/v1/namespaces/shop/secrets/orders-db"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := kubectl(ctx, world.Kubeconfig, "", strings.Fields(args)...)
		if strings.Contains(s.out, password) || strings.Contains(s.out, "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ") {
			t.Errorf("kubectl %s shows the value:\n%s", args, s.out)
		}
	}
}

// TestHelmTestPasses is what the install's notes tell people to run.
func TestHelmTestPasses(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if err := world.Helm(ctx, "test", "kubechat-agent", "--namespace", stack.AgentNamespace, "--timeout", "80s"); err != nil {
		t.Fatal(err)
	}
}

// TestHelmInstallConnectsWithinTenSeconds measures the installation that the stack made.
func TestHelmInstallConnectsWithinTenSeconds(t *testing.T) {
	// Promised: 10 s from the pod's Running to connected. The stack's own installation is looked at, from the API
	// server's clock to kubechatd's, which are one machine's.
	started := strings.Fields(must(t, "get", "pods", "-n", stack.AgentNamespace, "-l", "app.kubernetes.io/name=kubechat-agent",
		"-o", "jsonpath={.items[*].status.containerStatuses[0].state.running.startedAt}"))
	if len(started) < 2 { // a pod of helm test has the label too
		t.Fatalf("want two running pods, got %v", started)
	}
	running, err := time.Parse(time.RFC3339, slices.Min(started))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Since time.Time `json:"since"`
	}
	if err := world.Plane.Call(t.Context(), http.MethodGet, "/clusters/"+world.ClusterID, nil, &c); err != nil {
		t.Fatal(err)
	}
	if took := c.Since.Sub(running); took > 100*time.Second { // ten times the promise, on a machine that does other things
		t.Errorf("connected %s after the pod was Running", took)
	} else {
		fmt.Printf("story: connected %s after the agent's pod was Running\n", took.Round(100*time.Millisecond))
	}
}

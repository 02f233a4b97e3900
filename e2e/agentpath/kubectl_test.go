package agentpath_test

import (
	"bufio"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/e2e/kubetest"
)

// ages are all that may differ between two runs a moment apart.
var ages = regexp.MustCompile(`\b\d+[smh](\d+s)?\b`)

func TestKubectlSaysTheSameAsWithoutAnAgent(t *testing.T) {
	t.Parallel()
	p := newPath(t, install(t), presetRules)
	ns := kubetest.Namespace(t)
	kubetest.Kubectl(t, kubetest.APIServer(t), "-n", ns, "create", "configmap", "cart", "--from-literal=a=1")
	for _, group := range []string{"viewer", "operator"} {
		id := person(group, "ann@example.com")
		through := p.kubeconfig(id)
		without := []string{"--as=kubechat:user", "--as-group=kubechat:" + group, "--as-user-extra=kubechat.io/user=ann@example.com"}
		for _, args := range [][]string{
			{"get", "namespace", "default"}, {"get", "configmap", "cart", "-n", ns}, {"get", "configmap", "cart", "-n", ns, "-o", "yaml"}, {"get", "deployments", "-n", ns, "-o", "wide"},
			{"describe", "configmap", "cart", "-n", ns}, {"get", "pod", "none", "-n", ns}, {"get", "secrets", "-n", ns}, {"explain", "deployment.spec.strategy"}, {"api-resources"},
			{"auth", "can-i", "--list", "-n", ns}, {"auth", "can-i", "get", "pods"}, {"auth", "whoami"}, {"get", "--raw", "/openapi/v3"}, {"get", "crds"},
		} {
			a := ages.ReplaceAllString(run(t, through, args...), "AGE")
			b := ages.ReplaceAllString(run(t, kubetest.APIServer(t), append(without, args...)...), "AGE")
			if a != b {
				t.Errorf("%s, kubectl %s:\n%s\nwithout an agent:\n%s", group, strings.Join(args, " "), a, b)
			}
		}
	}
}

func TestKubectlChangesThingsAsAnOperator(t *testing.T) {
	t.Parallel()
	p := newPath(t, install(t), presetRules)
	ns := kubetest.Namespace(t)
	kubeconfig := p.kubeconfig(person("operator", "ann@example.com"))
	manifest := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cart"},"data":{"a":"1"}}`
	if got := kubetest.KubectlInput(t, kubeconfig, manifest, "-n", ns, "apply", "--server-side", "-f", "-"); got != "configmap/cart serverside-applied\n" {
		t.Errorf("%q", got)
	}
	if got := kubetest.Kubectl(t, kubetest.APIServer(t), "-n", ns, "get", "configmap", "cart", "-o", "jsonpath={.metadata.managedFields[0].manager}", "--show-managed-fields"); got != "kubectl" {
		t.Errorf("the field manager is %q", got)
	}
	if got := kubetest.Kubectl(t, kubeconfig, "-n", ns, "patch", "configmap", "cart", "--type=json", "-p", `[{"op":"replace","path":"/data/a","value":"2"}]`); got != "configmap/cart patched\n" {
		t.Errorf("%q", got)
	}
	if got := kubetest.Kubectl(t, kubeconfig, "-n", ns, "get", "configmap", "cart", "-o", "jsonpath={.data.a}"); got != "2" {
		t.Errorf("%q", got)
	}
	if got := kubetest.Kubectl(t, kubeconfig, "-n", ns, "delete", "configmap", "cart"); !strings.Contains(got, "deleted") {
		t.Errorf("%q", got)
	}
}

func TestKubectlWatchesUntilItLeaves(t *testing.T) {
	t.Parallel()
	p := newPath(t, install(t), presetRules)
	ns := kubetest.Namespace(t)
	watch := exec.CommandContext(t.Context(), filepath.Join(kubetest.Cluster(t).Bin, "kubectl"), "--kubeconfig", p.kubeconfig(person("viewer", "ann@example.com")),
		"-n", ns, "get", "configmaps", "-w", "-o", "name")
	out, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for i := range 5 {
		name := fmt.Sprintf("watched-%d", i)
		kubetest.Kubectl(t, kubetest.APIServer(t), "-n", ns, "create", "configmap", name)
		for found := false; !found; { // the controllers make one of their own
			if !lines.Scan() {
				t.Fatalf("the watch ended before %s: %v", name, lines.Err())
			}
			found = strings.Contains(lines.Text(), name)
		}
	}
	_ = watch.Process.Kill()
	_ = watch.Wait()
	deadline := t.Context()
	for p.plane.Streams() > 0 {
		if _, err := p.plane.Ping(deadline); err != nil {
			t.Fatal(err)
		}
	}
}

// run is kubectl's standard output, errors and exit code.
func run(t *testing.T, kubeconfig string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(kubetest.Cluster(t).Bin, "kubectl"), append([]string{"--kubeconfig", kubeconfig}, args...)...)
	said, err := cmd.CombinedOutput()
	return fmt.Sprintf("%s\n%v", said, err)
}

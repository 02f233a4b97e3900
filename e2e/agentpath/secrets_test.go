package agentpath_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/e2e/kubetest"
)

const canary = "hunter2-the-canary"

// vault is a namespace with one Secret, made with apply so that its values are in an annotation as well.
func vault(t *testing.T) (namespace, encoded string) {
	t.Helper()
	namespace = kubetest.Namespace(t)
	kubetest.KubectlInput(t, kubetest.APIServer(t), `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"db","labels":{"app":"cart"}},"stringData":{"password":"`+canary+`"}}`,
		"-n", namespace, "apply", "-f", "-")
	return namespace, base64.StdEncoding.EncodeToString([]byte(canary))
}

func hidden(t *testing.T, what, said, encoded string) {
	t.Helper()
	for _, leak := range []string{canary, encoded, "password"} {
		if strings.Contains(said, leak) {
			t.Errorf("%s shows %q: %s", what, leak, said)
		}
	}
}

func TestHiddenSecretsShowNamesAndNothingElseInKubectl(t *testing.T) {
	t.Parallel()
	boss, rules := admins(t, "hidden-secrets")
	p := newPath(t, kubetest.APIServer(t), rules)
	ns, encoded := vault(t)
	kubeconfig := p.kubeconfig(boss)
	for _, args := range [][]string{
		{"get", "secrets"}, {"get", "secret", "db"}, {"get", "secret", "db", "-o", "yaml"}, {"get", "secrets", "-o", "json"},
		{"get", "secrets", "-o", "wide"}, {"get", "secrets", "-o", "name"}, {"get", "secrets", "-l", "app=cart"},
		{"get", "--raw", "/api/v1/namespaces/" + ns + "/secrets"}, {"get", "--raw", "/api/v1/namespaces/" + ns + "/secrets/db?pretty=true"},
	} {
		said := kubetest.Kubectl(t, kubeconfig, append([]string{"-n", ns}, args...)...)
		hidden(t, strings.Join(args, " "), said, encoded)
		if !strings.Contains(said, "db") {
			t.Errorf("%v does not show the name: %s", args, said)
		}
	}
	if said := kubetest.Kubectl(t, kubeconfig, "-n", ns, "get", "secret", "db", "-o", "jsonpath={.data}{.metadata.labels.app}"); said != "cart" {
		t.Errorf("jsonpath gives %q", said)
	}
}

func TestHiddenSecretsCanBeWatched(t *testing.T) {
	t.Parallel()
	boss, rules := admins(t, "watch-secrets")
	p := newPath(t, kubetest.APIServer(t), rules)
	ns, encoded := vault(t)
	watch := exec.CommandContext(t.Context(), filepath.Join(kubetest.Cluster(t).Bin, "kubectl"), "--kubeconfig", p.kubeconfig(boss),
		"-n", ns, "get", "secrets", "-w", "-o", "json")
	out, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Wait() }()
	defer func() { _ = watch.Process.Kill() }()
	in := json.NewDecoder(bufio.NewReader(out))
	next := func() string {
		t.Helper()
		var object json.RawMessage
		if err := in.Decode(&object); err != nil {
			t.Fatal(err)
		}
		hidden(t, "a watch", string(object), encoded)
		return string(object)
	}
	if first := next(); !strings.Contains(first, `"db"`) {
		t.Errorf("first event %s", first)
	}
	kubetest.Kubectl(t, kubetest.APIServer(t), "-n", ns, "label", "secret", "db", "app=changed", "--overwrite")
	if second := next(); !strings.Contains(second, `"changed"`) {
		t.Errorf("second event %s", second)
	}
}

func TestHiddenSecretsAreNotWrittenAndTheSettingIsNamed(t *testing.T) {
	t.Parallel()
	boss, rules := admins(t, "write-secrets")
	p := newPath(t, kubetest.APIServer(t), rules)
	ns, encoded := vault(t)
	in := "/api/v1/namespaces/" + ns + "/secrets"
	for _, line := range []string{"POST " + in, "PUT " + in + "/db", "PATCH " + in + "/db", "DELETE " + in + "/db", "DELETE " + in, "PATCH " + in + "/db?dryRun=All"} {
		got := p.do(boss, line, `{}`)
		if reason, field := got.cause(); got.code != 403 || reason != kubeproxy.CausePolicy || field != "secrets" || !strings.Contains(got.body, "secrets: full") {
			t.Errorf("%s: %d %s", line, got.code, got.body)
		}
		hidden(t, line, got.body, encoded)
	}
}

func TestFullSecretsAreByteForByteWhatTheServerSends(t *testing.T) {
	t.Parallel()
	boss, rules := admins(t, "full-secrets")
	p := newPath(t, kubetest.APIServer(t), rules+"secrets: full")
	ns, encoded := vault(t)
	line := "GET /api/v1/namespaces/" + ns + "/secrets/db"
	through, without := p.do(boss, line, ""), direct(t, boss, line, "")
	if through.body != without.body || !strings.Contains(through.body, encoded) {
		t.Errorf("%s\n%s", through.body, without.body)
	}
}

func TestNobodyReachesTheAgentsOwn(t *testing.T) {
	t.Parallel()
	install(t)
	admin := kubetest.APIServer(t)
	boss, rules := admins(t, "own")
	p := newPath(t, admin, rules+"secrets: full\nproxy: [nodes, pods, services]")
	const rbac = "/apis/rbac.authorization.k8s.io/v1/"
	for _, line := range []string{
		"GET /api/v1/namespaces/kubechat/secrets", "GET /api/v1/namespaces/kubechat/secrets/kubechat-agent-identity",
		"POST /api/v1/namespaces/kubechat/serviceaccounts/kubechat-agent/token", "PATCH /apis/apps/v1/namespaces/kubechat/deployments/kubechat-agent",
		"PATCH /api/v1/namespaces/kubechat/configmaps/kubechat-agent-policy", "POST /api/v1/namespaces/kubechat/pods/x/exec?command=sh", "DELETE /api/v1/namespaces/kubechat",
		"PATCH " + rbac + "clusterroles/kubechat-agent", "DELETE " + rbac + "clusterrolebindings/kubechat-agent-viewer", "DELETE " + rbac + "clusterroles",
		"PATCH " + rbac + "namespaces/kubechat/rolebindings/kubechat-agent",
	} {
		got := p.do(boss, line, `{}`)
		if reason, _ := got.cause(); got.code != 403 || reason != kubeproxy.CauseGuard {
			t.Errorf("%s: %d %s", line, got.code, got.body)
		}
	}
	ns, _ := vault(t)
	everywhere := p.do(boss, "GET /api/v1/secrets", "")
	if everywhere.code != 200 || strings.Contains(everywhere.body, `"namespace":"kubechat"`) || !strings.Contains(everywhere.body, `"namespace":"`+ns+`"`) {
		t.Errorf("Secrets of all namespaces: %d %s", everywhere.code, everywhere.body)
	}
	if without := direct(t, boss, "GET /api/v1/secrets", ""); !strings.Contains(without.body, `"namespace":"kubechat"`) {
		t.Error("there is no Secret to be left out")
	}
}

func TestDeniedNamespacesStayOutOfLists(t *testing.T) {
	t.Parallel()
	boss, rules := admins(t, "denied")
	shown, denied := kubetest.Namespace(t), kubetest.Namespace(t)
	for _, ns := range []string{shown, denied} {
		kubetest.Kubectl(t, kubetest.APIServer(t), "-n", ns, "create", "configmap", "x")
	}
	p := newPath(t, kubetest.APIServer(t), rules+"namespaces: {deny: ['"+denied+"']}")
	// each of these is a kind of its own way to select fields
	for _, path := range []string{"/api/v1/configmaps", "/api/v1/pods", "/api/v1/events", "/api/v1/services", "/api/v1/secrets", "/apis/apps/v1/deployments", "/apis/batch/v1/jobs",
		"/apis/events.k8s.io/v1/events", "/api/v1/replicationcontrollers", "/apis/networking.k8s.io/v1/ingresses", "/apis/rbac.authorization.k8s.io/v1/rolebindings",
		"/apis/coordination.k8s.io/v1/leases", "/apis/discovery.k8s.io/v1/endpointslices", "/apis/policy/v1/poddisruptionbudgets", "/apis/autoscaling/v2/horizontalpodautoscalers",
		"/apis/storage.k8s.io/v1/csistoragecapacities", "/apis/resource.k8s.io/v1/resourceclaims"} {
		got := p.do(boss, "GET "+path, "")
		if got.code != 200 || strings.Contains(got.body, denied) || path == "/api/v1/configmaps" && !strings.Contains(got.body, shown) {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
}

package golden_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestWrongValuesAreRefusedByName(t *testing.T) {
	t.Parallel()
	for set, says := range map[string]string{
		"join.token=abc":                 "/join/token",
		"join.tokn=kcj1_abc":             "tokn",
		"access.preset=root":             "/access/preset",
		"policy.secrets=some":            "/policy/secrets",
		"policy.identities.groups={a}":   "identities",
		"policy.verbs.deny={scale}":      "/policy/verbs/deny",
		"image.digest=latest":            "/image/digest",
		"replicas=0":                     "/replicas",
		"proxy.https=proxy:3128":         "/proxy/https",
		"access.namespaces={UPPER}":      "/access/namespaces",
		"networkPolicy.gatewayPorts={0}": "/networkPolicy/gatewayPorts",
	} {
		_, said, err := runHelm(t, "template", "x", chart, "--set", set)
		if err == nil || !strings.Contains(said, says) {
			t.Errorf("%s: %v\n%s", set, err, said)
		}
	}
}

func TestChartWorksInsideAnotherChart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	agent, err := filepath.Abs(chart)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "charts", "kubechat-agent"), os.DirFS(agent)); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies: [{name: kubechat-agent, version: 0.1.0, condition: kubechat-agent.enabled}]\n",
		"values.yaml": "global: {registry: example.com}\nkubechat-agent: {enabled: true, join: {token: kcj1_abc}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, said, err := runHelm(t, "template", "platform", dir, "--namespace", "ops")
	if err != nil || !strings.Contains(out, "name: platform-kubechat-agent-identity") {
		t.Errorf("%v\n%s\n%s", err, said, out)
	}
	if out, said, err = runHelm(t, "template", "platform", dir, "--set", "kubechat-agent.enabled=false"); err != nil || strings.Contains(out, "kubechat") {
		t.Errorf("switched off: %v\n%s\n%s", err, said, out)
	}
}

func TestNotesShowTheRights(t *testing.T) {
	t.Parallel()
	out, said, err := runHelm(t, "install", "kubechat-agent", chart, "--namespace", "kubechat", "--dry-run=client", "--set", "join.token=kcj1_canary", "--set", "access.preset=operator", "--set", "policy.exec=off", "--hide-secret")
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	_, notes, found := strings.Cut(out, "NOTES:")
	for _, want := range []string{"group kubechat:viewer", "group kubechat:operator", "get,create: pods/exec", "update,patch: deployments/scale", "(apps)", "secrets: hidden", "exec: off", "helm test kubechat-agent"} {
		if !found || !strings.Contains(notes, want) {
			t.Errorf("the notes do not say %q:\n%s", want, notes)
		}
	}
	if strings.Contains(notes, "kubechat:admin") || strings.Contains(notes, "kcj1_canary") {
		t.Errorf("the notes say too much:\n%s", notes)
	}
}

// TestReadmeNamesEveryValue keeps the table in the chart's README whole.
func TestReadmeNamesEveryValue(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(chart + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	values, err := os.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	top := ""
	for _, m := range regexp.MustCompile(`(?m)^( {0,2})([a-zA-Z]+):`).FindAllStringSubmatch(string(values), -1) {
		name := m[2]
		if m[1] == "" {
			top = name
		} else {
			name = top + "." + name
		}
		if strings.HasPrefix(name, "resources.") || strings.HasPrefix(name, "access.extraRules.") {
			continue
		}
		if !strings.Contains(string(readme), "`"+name) {
			t.Errorf("README.md does not name %s", name)
		}
	}
}

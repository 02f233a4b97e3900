// Package golden_test renders the charts as users would, compares the result with the files beside it, and checks what
// must be true of every render. `go test ./helm/... -update` writes the files anew.
package golden_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files anew")

const chart = "../kubechat-agent"

// cases are the renders that are kept, by file name.
var cases = map[string][]string{
	"default":        {"--set", "join.token=kcj1_abc"},
	"operator":       {"--set", "join.token=kcj1_abc", "--set", "access.preset=operator"},
	"admin-proxy":    {"--set", "join.existingSecret=my-token", "--set", "access.preset=admin", "--values", "testdata/proxy.yaml"},
	"one-namespace":  {"--set", "join.token=kcj1_abc", "--set", "access.namespaces={shop}", "--set", "access.index=false", "--set", "access.clusterView=false"},
	"small":          {"--set", "replicas=1", "--set", "networkPolicy.enabled=false", "--set", "image.digest=sha256:" + strings.Repeat("ab", 32)},
	"tight-policy":   {"--set", "join.token=kcj1_abc", "--values", "testdata/policy.yaml"},
	"another-name":   {"--set", "join.token=kcj1_abc", "--set", "fullnameOverride=ops", "--set", "podLabels.team=ops", "--set", "serviceAccount.annotations.a=b"},
	"extra-and-crds": {"--set", "join.token=kcj1_abc", "--values", "testdata/rules.yaml"},
}

// helm is the binary of the version in tools/go.mod, built if it is not there yet.
var helm = sync.OnceValues(func() (string, error) {
	path, err := filepath.Abs("../../.bin/helm")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	build := exec.Command("go", "build", "-C", "../../tools", "-buildvcs=false", "-o", path, "helm.sh/helm/v4/cmd/helm")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build helm: %w\n%s", err, said)
	}
	return path, nil
})

func runHelm(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	bin, err := helm()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir() // no plugin or repository of this machine takes part
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), bin, args...)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

func template(t *testing.T, args ...string) string {
	t.Helper()
	out, said, err := runHelm(t, append([]string{"template", "kubechat-agent", chart, "--namespace", "kubechat"}, args...)...)
	if err != nil {
		t.Fatalf("helm template %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return out
}

// object is a rendered object; the tests look at few of its fields.
type object map[string]any

func (o object) kind() string { s, _ := o["kind"].(string); return s }
func (o object) name() string { s, _ := dig(o, "metadata", "name").(string); return s }

func dig(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			switch m := v.(type) {
			case object:
				v = m[s]
			case map[string]any:
				v = m[s]
			default:
				return nil
			}
		case int:
			list, _ := v.([]any)
			if s >= len(list) {
				return nil
			}
			v = list[s]
		}
	}
	return v
}

func objects(t *testing.T, render string) []object {
	t.Helper()
	var all []object
	for doc := range strings.SplitSeq("\n"+render, "\n---\n") {
		var o object
		if err := yaml.UnmarshalStrict([]byte(doc), &o); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if len(o) > 0 {
			all = append(all, o)
		}
	}
	return all
}

func TestRendersAreAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, args := range cases {
		got, path := template(t, args...), name+".yaml"
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from what it was (-update writes it anew): %s", path, firstDifference(string(want), got))
		}
	}
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d was %q and is %q", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines were %d", len(b), len(a))
}

func TestChartPassesLint(t *testing.T) {
	t.Parallel()
	for name, args := range cases {
		if out, said, err := runHelm(t, append([]string{"lint", "--strict", chart}, args...)...); err != nil {
			t.Errorf("%s: %v\n%s%s", name, err, out, said)
		}
	}
}

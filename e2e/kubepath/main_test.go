// Package kubepath_test drives package kube against a real API server: what its unit tests cannot know is whether the
// server agrees.
package kubepath_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/kube"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/e2e/kubetest"
	"github.com/kubechat/kubechat/e2e/sandbox"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

var (
	pods        = nlp.Resource{Version: "v1", Plural: "pods", Kind: "Pod", Namespaced: true}
	secrets     = nlp.Resource{Version: "v1", Plural: "secrets", Kind: "Secret", Namespaced: true}
	configMaps  = nlp.Resource{Version: "v1", Plural: "configmaps", Kind: "ConfigMap", Namespaced: true}
	namespaces  = nlp.Resource{Version: "v1", Plural: "namespaces", Kind: "Namespace"}
	nodes       = nlp.Resource{Version: "v1", Plural: "nodes", Kind: "Node"}
	deployments = nlp.Resource{Group: "apps", Version: "v1", Plural: "deployments", Kind: "Deployment", Namespaced: true}
	cronJobs    = nlp.Resource{Group: "batch", Version: "v1", Plural: "cronjobs", Kind: "CronJob", Namespaced: true}
)

// place is a namespace of the test's own, seen through package kube.
type place struct {
	*kube.Cluster
	t          testing.TB
	ns         string
	kubeconfig string
}

func newPlace(t testing.TB) *place {
	t.Helper()
	p := &place{t: t, ns: kubetest.Namespace(t), kubeconfig: kubetest.APIServer(t)}
	p.Cluster = p.as("")
	return p
}

// as opens the cluster impersonating a user, or with "" as the administrator.
func (p *place) as(user string) *kube.Cluster {
	p.t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig)
	if err != nil {
		p.t.Fatal(err)
	}
	cfg.Impersonate = rest.ImpersonationConfig{UserName: user}
	c, err := kube.FromRESTConfig(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// asGroup opens the cluster as the agent does in its groups mode.
func (p *place) asGroup(group string) *kube.Cluster {
	p.t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig)
	if err != nil {
		p.t.Fatal(err)
	}
	cfg.Impersonate = rest.ImpersonationConfig{UserName: "kubechat:user", Groups: []string{group}}
	c, err := kube.FromRESTConfig(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *place) kubectl(args ...string) string {
	p.t.Helper()
	return kubetest.Kubectl(p.t, p.kubeconfig, append([]string{"-n", p.ns}, args...)...)
}

// tryKubectl is kubectl beside a test: what it was to change may be gone by then.
func (p *place) tryKubectl(args ...string) string {
	bin, err := sandbox.Binaries(context.Background(), func(string) {})
	if err != nil {
		return ""
	}
	out, err := exec.Command(filepath.Join(bin, "kubectl"), append([]string{"--kubeconfig", p.kubeconfig, "-n", p.ns}, args...)...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

func (p *place) apply(manifest string) {
	p.t.Helper()
	kubetest.Apply(p.t, p.kubeconfig, p.ns, manifest)
}

// deploy makes a deployment with one container called main.
func (p *place) deploy(name string, replicas int) {
	p.t.Helper()
	p.apply(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, labels: {app: %[1]s}}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: main
        image: shop/%[1]s:1
        env: [{name: MODE, value: plain}, {name: DB_PASSWORD, value: hunter2hunter2}]
`, name, replicas))
}

func (p *place) step(op nlp.Op, r nlp.Resource, names ...string) nlp.Step {
	s := nlp.Step{Op: op, Resource: r, Names: names}
	if r.Namespaced {
		s.Namespace = p.ns
	}
	return s
}

func (p *place) preview(s nlp.Step) chat.Preview {
	p.t.Helper()
	v, err := p.DryRun(p.t.Context(), s)
	if err != nil {
		p.t.Fatalf("dry run of %s: %v", s.Op, err)
	}
	return v
}

// do previews a step, executes it with the preview's preconditions, and returns both.
func (p *place) do(s nlp.Step) (chat.Preview, chat.Answer) {
	p.t.Helper()
	v := p.preview(s)
	a, err := p.Execute(p.t.Context(), s, v.Seen...)
	if err != nil {
		p.t.Fatalf("execute %s: %v", s.Op, err)
	}
	return v, a
}

func (p *place) read(s nlp.Step) []chat.Part {
	p.t.Helper()
	a, err := p.Execute(p.t.Context(), s)
	if err != nil {
		p.t.Fatalf("execute %s: %v", s.Op, err)
	}
	return a.Parts
}

func table(t testing.TB, parts []chat.Part) chat.Table {
	t.Helper()
	for _, part := range parts {
		if tab, ok := part.(chat.Table); ok {
			return tab
		}
	}
	t.Fatalf("no table in %#v", parts)
	return chat.Table{}
}

// column is the values below one heading.
func column(t testing.TB, tab chat.Table, name string) []string {
	t.Helper()
	for i, c := range tab.Columns {
		if c.Name != name {
			continue
		}
		var out []string
		for _, row := range tab.Rows {
			out = append(out, fmt.Sprint(row[i]))
		}
		return out
	}
	t.Fatalf("no column %s in %v", name, tab.Columns)
	return nil
}

// said is everything of an answer as one text.
func said(t testing.TB, parts any) string {
	t.Helper()
	b, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func contains(t testing.TB, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}

// eventually polls the real controllers.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within 30 s: %s", what)
		case <-tick.C:
		}
	}
}

func ptr[T any](v T) *T { return &v }

package agentpath_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/kube"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/e2e/kubetest"
	"github.com/kubechat/kubechat/tunnel"
)

// asks counts the lists that each identity asks for.
type asks struct {
	mu    sync.Mutex // guards lists
	lists map[string]int
}

func (a *asks) over(who string, rt http.RoundTripper) http.RoundTripper {
	return counted{a, who, rt}
}

func (a *asks) count(what string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lists[what]
}

type counted struct {
	asks *asks
	who  string
	http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && !r.URL.Query().Has("watch") {
		c.asks.mu.Lock()
		c.asks.lists[c.who+" "+r.URL.Path]++
		c.asks.mu.Unlock()
	}
	return c.RoundTripper.RoundTrip(r)
}

// The chart's rights for the index are enough to list and watch on a real server, and what a member hears of it is what
// that server lets them list: everywhere, in one namespace, or nowhere.
func TestNamesFromTheIndexAreThoseThatTheClusterLetsAMemberList(t *testing.T) {
	t.Parallel()
	install(t)
	admin := kubetest.APIServer(t)
	ours, theirs := kubetest.Namespace(t), kubetest.Namespace(t)
	kubetest.KubectlInput(t, admin, fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: names-deployments}
rules:
- {apiGroups: [apps], resources: [deployments], verbs: [list]}
- {apiGroups: [""], resources: [namespaces], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: names-some}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: names-deployments}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "kubechat:some"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: names-pods, namespace: %[1]s}
rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: names-some, namespace: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: names-pods}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "kubechat:some"}]
`, ours), "apply", "-f", "-")
	for _, ns := range []string{ours, theirs} {
		kubetest.Kubectl(t, admin, "-n", ns, "create", "deployment", "web", "--image=x", "--replicas=0")
		kubetest.KubectlInput(t, admin, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"vault","labels":{"app":"vault"}},"spec":{"containers":[{"name":"x","image":"x"}],"automountServiceAccountToken":false}}`, "-n", ns, "create", "-f", "-")
		kubetest.Kubectl(t, admin, "-n", ns, "create", "service", "clusterip", "front", "--tcp=80")
	}
	p := newPath(t, admin, "identities: {groups: ['kubechat:index', 'kubechat:viewer', 'kubechat:some']}") // an administrator may act as anybody
	a := &asks{lists: map[string]int{}}
	clusters, err := kube.New(kube.Config{
		Transport: func(scope tenant.Scope, _ cluster.ID) http.RoundTripper {
			group := string(scope.Member)
			return a.over(group, p.transport(person(group, group+"@example.com"), ""))
		},
		Index: func(tenant.ID, cluster.ID) http.RoundTripper {
			return a.over("index", p.transport(tunnel.Identity{User: "kubechat:user", Groups: []string{"kubechat:index"}}, ""))
		},
		WordsFor: time.Nanosecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1) // Run's one result
	go func() { ended <- clusters.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	words := func(group string) *nlp.Vocabulary {
		t.Helper()
		c, err := clusters.Open(t.Context(), tenant.Scope{Tenant: "t", Member: tenant.MemberID(group)}, "c")
		if err != nil {
			t.Fatal(err)
		}
		v, err := c.Vocabulary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	// indexed asks until nothing that the index has was listed for the answer
	indexed := func(group string) *nlp.Vocabulary {
		t.Helper()
		paths := []string{"/api/v1/pods", "/api/v1/services", "/api/v1/namespaces", "/apis/apps/v1/deployments", "/api/v1/namespaces/" + ours + "/pods"}
		lists := func() (n int) {
			for _, path := range paths {
				n += a.count(group + " " + path)
			}
			return n
		}
		// a watch that breaks off while other tests keep the agent busy is opened again after up to 45 s
		deadline, tick := time.NewTimer(4*patience), time.NewTicker(20*time.Millisecond)
		defer deadline.Stop()
		defer tick.Stop()
		for {
			before := lists()
			if v := words(group); lists() == before {
				return v
			}
			select {
			case <-deadline.C:
				t.Fatalf("%s: the index is not used: %v", group, a.lists)
			case <-tick.C:
			}
		}
	}
	where := func(v *nlp.Vocabulary, kind, name string) string {
		var out []string
		for _, o := range v.Objects(kind, "") {
			if o.Name == name && (o.Namespace == ours || o.Namespace == theirs) {
				out = append(out, map[string]string{ours: "ours", theirs: "theirs"}[o.Namespace])
			}
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	for _, c := range []struct{ group, deployments, pods, services string }{
		{"viewer", "ours theirs", "ours theirs", "ours theirs"},
		{"some", "ours theirs", "ours", ""},
	} {
		v := indexed(c.group)
		if d, p, s := where(v, "deployments.apps", "web"), where(v, "pods", "vault"), where(v, "services", "front"); d != c.deployments || p != c.pods || s != c.services {
			t.Errorf("%s hears of deployments in %q, pods in %q, services in %q", c.group, d, p, s)
		}
	}
	if n := a.count("index /api/v1/secrets"); n != 0 {
		t.Errorf("the index asked for Secrets %d times", n)
	}
	lists := a.count("index /api/v1/pods")
	kubetest.Kubectl(t, admin, "-n", theirs, "label", "pod", "vault", "app=safe", "--overwrite")
	kubetest.Kubectl(t, admin, "-n", ours, "delete", "pod", "vault", "--force", "--grace-period=0")
	deadline := time.Now().Add(patience)
	for {
		v := indexed("viewer")
		i := slices.IndexFunc(v.Objects("pods", theirs), func(o nlp.Object) bool { return o.Labels["app"] == "safe" })
		if i >= 0 && where(v, "pods", "vault") == "theirs" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the index does not follow: %+v", v.Objects("pods", ""))
		}
	}
	if a.count("index /api/v1/pods") != lists {
		t.Error("pods were listed anew: this was not the watch")
	}
}

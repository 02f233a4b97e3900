package story

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestKubectlThroughTheTunnelSaysWhatADirectRunSays compares both under the same identity. The objects that are read
// are those that stand still: the shop's crash loop is none of them.
func TestKubectlThroughTheTunnelSaysWhatADirectRunSays(t *testing.T) {
	t.Parallel()
	must(t, "-n", "shop", "rollout", "status", "deployment/frontend", "--timeout=60s")
	for _, args := range []string{
		"get nodes",
		"get namespaces kube-system payments shop staging", // not those of other tests, which come and go
		"get deployments,statefulsets -n shop -o wide",
		"get deployment frontend -n shop -o yaml",
		"get pods -n shop -l app=frontend -o name",
		"get promotions -A",
		"get promo black-friday -n shop -o json",
		"get configmap frontend-config -n shop -o yaml",
		"get service -n shop --sort-by=.metadata.name",
		"describe deployment catalog -n shop",
		"describe namespace shop", // not the node, which lists the pods of other tests
		"explain deployment.spec.strategy",
		"explain promotion.spec --api-version=shop.example.com/v1",
		"api-resources --sort-by=name",
		"api-versions",
		"auth can-i --list -n shop",
		"auth can-i delete pods -n shop",
		"auth can-i create clusterrolebindings",
		"auth whoami -o json",
		"version -o json",
		"get --raw /version",
		"get --raw /api/v1/namespaces/shop/services",
		"logs job/import-prices -n shop",
		"rollout history deployment/frontend -n shop",
		"get pods -n nowhere",
		"get unicorns",
		"get pod no-such-pod -n shop",
		"delete deployment no-such-deployment -n shop",
		"create clusterrolebinding nice-try --clusterrole=cluster-admin --user=me",
		"cluster-info",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			direct := kubectl(ctx, sameIdentity, "", strings.Fields(args)...)
			through := kubectl(ctx, world.Kubeconfig, "", strings.Fields(args)...)
			compare(t, args, through, direct)
		})
	}
}

func compare(t *testing.T, what string, through, direct said) {
	t.Helper()
	server := strings.NewReplacer(serverOf(world.Kubeconfig), "<server>", serverOf(sameIdentity), "<server>")
	extras := func(s string) string { return masked(withoutExtras(server.Replace(s))) }
	if through.code != direct.code {
		t.Errorf("kubectl %s: exit %d through the tunnel, %d directly\nthrough:\n%s%s\ndirect:\n%s%s", what,
			through.code, direct.code, through.out, through.err, direct.out, direct.err)
		return
	}
	if a, b := extras(through.out), extras(direct.out); a != b {
		t.Errorf("kubectl %s: standard output differs\nthrough:\n%s\ndirect:\n%s", what, a, b)
	}
	if a, b := extras(through.err), extras(direct.err); a != b {
		t.Errorf("kubectl %s: standard error differs\nthrough:\n%s\ndirect:\n%s", what, a, b)
	}
}

func TestApplyServerSideThroughTheTunnel(t *testing.T) {
	t.Parallel()
	ns := namespace(t)
	manifest := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"applied"},"data":{"a":"1"}}`
	for _, kubeconfig := range []string{world.Kubeconfig, sameIdentity} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := kubectl(ctx, kubeconfig, manifest, "apply", "--server-side", "-n", ns, "-f", "-")
		if s.code != 0 || s.out != "configmap/applied serverside-applied\n" {
			t.Errorf("apply with %s: exit %d: %s%s", kubeconfig, s.code, s.out, s.err)
		}
	}
	if got := must(t, "get", "configmap", "applied", "-n", ns, "-o", "jsonpath={.data.a}"); got != "1" {
		t.Errorf("the applied value is %q", got)
	}
}

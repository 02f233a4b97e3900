// Package clients holds Kubernetes clients that nobody here wrote against the tunnel: client-go's executors and
// port-forwarders, with the kubelet's own other half (k8s.io/cri-streaming) behind a real API server, and its informers
// while sessions are cut. The cases are those of client-go's own tests.
package clients

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"

	"github.com/kubechat/kubechat/e2e/kubetest"
	"github.com/kubechat/kubechat/e2e/rig"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

const patience = time.Minute

// config is client-go's for a cluster behind the tunnel.
func config(c *rig.Client) *rest.Config { return &rest.Config{Host: c.Base, BearerToken: c.Token} }

var rights sync.Once

// realCluster joins the test's API server, with an agent in group kubechat:admin's name.
func realCluster(t *testing.T) (*rig.Service, *rig.Cluster) {
	t.Helper()
	kubeconfig := kubetest.APIServer(t)
	rights.Do(func() {
		kubetest.KubectlInput(t, kubeconfig, `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"clients-test"},
			"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},
			"subjects":[{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"kubechat:admin"}]}`, "apply", "-f", "-")
	})
	s := rig.New(t)
	s.Replica(t, rig.ReplicaOptions{})
	return s, s.Join(t, rig.JoinOptions{Kubeconfig: kubeconfig})
}

// pod makes one that the kubelet plays, and gives the path of its subresources.
func pod(t *testing.T) string {
	t.Helper()
	namespace := kubetest.Namespace(t)
	node := "node-" + namespace
	kubetest.KubectlInput(t, kubetest.APIServer(t), fmt.Sprintf(`
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Node", "metadata": {"name": %[1]q},
   "status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": %[2]d}}}},
  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": %[3]q}},
  {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop", "namespace": %[3]q},
   "spec": {"nodeName": %[1]q, "automountServiceAccountToken": false, "containers": [{"name": "main", "image": "example.com/shop:1"}]}}]}`,
		node, kubelet(t), namespace), "apply", "--server-side", "-f", "-")
	kubetest.Kubectl(t, kubetest.APIServer(t), "-n", namespace, "patch", "pod", "shop", "--subresource=status", "-p", `{"status":{"phase":"Running"}}`)
	return "/api/v1/namespaces/" + namespace + "/pods/shop"
}

// oldServer joins an API server that knows SPDY and the WebSocket of before 1.29 only: cri-streaming itself.
func oldServer(t *testing.T) (c *rig.Cluster, pod string) {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
	}
	mux.HandleFunc("GET /version", answer(map[string]string{"gitVersion": "v1.28.0"}))
	mux.HandleFunc("GET /api/v1/namespaces/kube-system", answer(map[string]any{"metadata": map[string]string{"uid": "0b2c7e4e-1111-4222-8333-444455556666"}}))
	mux.HandleFunc("/api/v1/namespaces/shop/pods/{pod}/exec", func(w http.ResponseWriter, r *http.Request) {
		is := func(name string) bool { return r.URL.Query().Get(name) == "true" }
		serveExec(w, r, &remotecommand.Options{Stdin: is("stdin"), Stdout: is("stdout"), Stderr: is("stderr"), TTY: is("tty")})
	})
	mux.HandleFunc("/api/v1/namespaces/shop/pods/{pod}/portforward", servePorts)
	api := httptest.NewTLSServer(mux)
	t.Cleanup(func() { api.CloseClientConnections(); api.Close() })
	s := rig.New(t)
	s.Replica(t, rig.ReplicaOptions{})
	return s.Join(t, rig.JoinOptions{Kubeconfig: rig.Kubeconfig(t, api.URL, "t", rig.CertificatePEM(api.Certificate()))}), "/api/v1/namespaces/shop/pods/shop"
}

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func (n *node) configs() error {
	c := n.c
	if err := os.MkdirAll(c.file("cni"), 0o755); err != nil {
		return fmt.Errorf("make the CNI folder: %w", err)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(c.file("cni"), "10-bridge.conflist"), []byte(cniConfig), 0o644),
		os.WriteFile(c.file("containerd.toml"), fmt.Appendf(nil, containerdConfig,
			c.file("containerd"), c.file("containerd-run"), n.socket, pauseImage, cniDir(), c.file("cni")), 0o644),
		os.WriteFile(c.file("kubelet.yaml"), fmt.Appendf(nil, kubeletConfig,
			c.file("ca.crt"), c.file("node.crt"), c.file("node.key"), n.socket), 0o644),
		os.WriteFile(c.file("proxy.yaml"), fmt.Appendf(nil, proxyConfig, c.Kubeconfig, nodeName), 0o644))
}

const cniConfig = `{"cniVersion":"0.4.0","name":"bridge","plugins":[
 {"type":"bridge","bridge":"` + podBridge + `","isGateway":true,"ipMasq":true,
  "ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/16"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
`

// restrict_oom_score_adj: a machine without CAP_SYS_RESOURCE cannot lower oom_score_adj.
const containerdConfig = `version = 2
root = %q
state = %q
[grpc]
  address = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
`

// failCgroupV1: machines with cgroup v1 are still out there.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, x509: {clientCAFile: %q}, webhook: {enabled: true}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
tlsCertFile: %q
tlsPrivateKeyFile: %q
containerRuntimeEndpoint: unix://%s
evictionHard: {}
`

const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: 10.88.0.0/16
clientConnection: {kubeconfig: %q}
hostnameOverride: %s
conntrack: {maxPerCore: 0}
`

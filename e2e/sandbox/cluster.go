// Package sandbox runs a real Kubernetes on one machine, without Docker and without a registry: upstream etcd, API
// server, controllers and scheduler from one binary of our own build (e2e/kube), and for nodes one of
//
//   - real: kubelet, kube-proxy and containerd with pods that run (root on Linux),
//   - simulated: kwok plays nodes and pods, no root needed,
//   - none: an API server alone, for tests of the API path.
//
// The demo and the tests use it; the product does not. What was learned on the way is in the comments beside each
// flag. Start at Start.
package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/kubechat/kubechat/internal/freeport"
)

// Nodes says what runs the pods.
type Nodes string

// What can run the pods.
const (
	NoNodes        Nodes = "none"
	RealNodes      Nodes = "real"
	SimulatedNodes Nodes = "simulated"
)

// Config says what to start. Dir is required; its zero value otherwise is an API server with no nodes on a free port.
type Config struct {
	Dir   string // state: certificates, etcd's data, logs, kubeconfigs. Kept between starts
	Port  int    // of the API server; 0 picks free ones. etcd takes the two after it
	Nodes Nodes
	Audit bool         // write the API server's audit log, metadata level, to DIR/audit.log
	Say   func(string) // progress, a line at a time; nil is silent
}

// Cluster is a running sandbox.
type Cluster struct {
	// Kubeconfig is the path of the administrator's own kubeconfig, straight to the API server.
	Kubeconfig string
	// Bin is the folder with kubectl and its siblings.
	Bin string
	// AuditLog is the path of the API server's audit log, if it keeps one.
	AuditLog string

	cfg   Config
	procs *processes
	node  *node
}

// Start brings a sandbox up and returns when its API server is ready and, with nodes, when the node is. It outlives
// ctx: Stop ends it. State of an earlier run in the same folder is taken up again.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	if cfg.Say == nil {
		cfg.Say = func(string) {}
	}
	if cfg.Nodes == "" {
		cfg.Nodes = NoNodes
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", cfg.Dir, err)
	}
	cfg.Dir = dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	bin, err := Binaries(ctx, cfg.Say)
	if err != nil {
		return nil, err
	}
	if cfg.Port == 0 {
		if cfg.Port, err = freeport.Row(3); err != nil {
			return nil, fmt.Errorf("choose the sandbox's ports: %w", err)
		}
	}
	c := &Cluster{cfg: cfg, Bin: bin, procs: &processes{dir: dir}, Kubeconfig: filepath.Join(dir, "admin.kubeconfig")}
	if err := c.up(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) up(ctx context.Context) error {
	if err := c.procs.killLeftovers(); err != nil {
		return err
	}
	for _, port := range []int{c.cfg.Port, c.cfg.Port + 1, c.cfg.Port + 2} {
		if err := freeport.Check(port); err != nil {
			return fmt.Errorf("port %d is taken; stop what uses it, or choose another: %w", port, err)
		}
	}
	if c.cfg.Nodes == RealNodes {
		n, err := newNode(ctx, c)
		if err != nil {
			return err
		}
		c.node = n
	}
	if err := c.identities(); err != nil {
		return err
	}
	if err := c.controlPlane(ctx); err != nil {
		return err
	}
	switch c.cfg.Nodes {
	case RealNodes:
		return c.node.up(ctx)
	case SimulatedNodes:
		return c.simulate(ctx)
	}
	return nil
}

func (c *Cluster) identities() error {
	a, err := newAuthority(c.cfg.Dir)
	if err != nil {
		return err
	}
	err = errors.Join(
		serviceAccountKey(c.cfg.Dir),
		a.issue("apiserver", pkix.Name{CommonName: "kube-apiserver"}, []string{"localhost", "kubernetes.default.svc"},
			"127.0.0.1", "10.96.0.1", nodeIP),
		a.issue("admin", pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}}, nil),
		a.issue("node", pkix.Name{CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}},
			[]string{nodeName}, "127.0.0.1", nodeIP),
		c.kubeconfig("admin"), c.kubeconfig("node"))
	if err != nil {
		return fmt.Errorf("make the sandbox's identities: %w", err)
	}
	return nil
}

func (c *Cluster) kubeconfig(user string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: sandbox, cluster: {server: "https://127.0.0.1:%d", certificate-authority: %q}}]
users: [{name: %[3]s, user: {client-certificate: %[4]q, client-key: %[5]q}}]
contexts: [{name: sandbox, context: {cluster: sandbox, user: %[3]s}}]
current-context: sandbox
`, c.cfg.Port, c.file("ca.crt"), user, c.file(user+".crt"), c.file(user+".key"))
	return os.WriteFile(c.file(user+".kubeconfig"), []byte(text), 0o600)
}

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

func (c *Cluster) controlPlane(ctx context.Context) error {
	c.cfg.Say("starting etcd and the API server on 127.0.0.1:" + strconv.Itoa(c.cfg.Port))
	etcd := fmt.Sprintf("http://127.0.0.1:%d", c.cfg.Port+1)
	peer := fmt.Sprintf("http://127.0.0.1:%d", c.cfg.Port+2)
	if err := c.start("etcd", "--data-dir", "etcd", "--unsafe-no-fsync", "--listen-client-urls", etcd,
		"--advertise-client-urls", etcd, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "default="+peer); err != nil {
		return err
	}
	args := []string{
		"--etcd-servers=" + etcd, "--secure-port=" + strconv.Itoa(c.cfg.Port),
		"--tls-cert-file=apiserver.crt", "--tls-private-key-file=apiserver.key", "--client-ca-file=ca.crt",
		"--kubelet-client-certificate=admin.crt", "--kubelet-client-key=admin.key", "--kubelet-certificate-authority=ca.crt",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=sa.key",
		"--service-account-signing-key-file=sa.key", "--authorization-mode=Node,RBAC",
		"--service-cluster-ip-range=10.96.0.0/16", "--allow-privileged",
		"--kubelet-preferred-address-types=InternalIP", // or logs and exec try to resolve the node's name
	}
	if c.cfg.Nodes == RealNodes {
		args = append(args, "--advertise-address="+nodeIP) // it refuses a loopback address
	} else {
		args = append(args, "--endpoint-reconciler-type=none")
	}
	if c.cfg.Audit {
		c.AuditLog = c.file("audit.log")
		if err := os.WriteFile(c.file("audit.yaml"), []byte(auditPolicy), 0o644); err != nil {
			return fmt.Errorf("write the audit policy: %w", err)
		}
		args = append(args, "--audit-policy-file=audit.yaml", "--audit-log-path="+c.AuditLog, "--audit-log-mode=blocking")
	}
	if err := c.start("kube-apiserver", args...); err != nil {
		return err
	}
	if err := c.ready(ctx); err != nil {
		return err
	}
	return errors.Join(
		c.start("kube-controller-manager", "--kubeconfig=admin.kubeconfig", "--service-account-private-key-file=sa.key",
			"--root-ca-file=ca.crt", "--use-service-account-credentials", "--leader-elect=false", "--secure-port=0"),
		c.start("kube-scheduler", "--kubeconfig=admin.kubeconfig", "--leader-elect=false", "--secure-port=0"))
}

// ready waits until the API server says so, or one of the processes has ended.
func (c *Cluster) ready(ctx context.Context) error {
	cert, err := tls.LoadX509KeyPair(c.file("admin.crt"), c.file("admin.key"))
	if err != nil {
		return fmt.Errorf("load the sandbox's admin certificate: %w", err)
	}
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true}, // #nosec: loopback, a second old
		DisableKeepAlives: true,
	}}
	return poll(ctx, 2*time.Minute, "the sandbox's API server", func() error {
		if err := c.procs.dead(); err != nil {
			return permanent{err}
		}
		resp, err := client.Get(fmt.Sprintf("https://127.0.0.1:%d/readyz", c.cfg.Port))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz answers %s", resp.Status)
		}
		return nil
	})
}

func (c *Cluster) start(component string, args ...string) error {
	return c.procs.start(component, filepath.Join(c.Bin, component), args...)
}

func (c *Cluster) file(name string) string { return filepath.Join(c.cfg.Dir, name) }

// Port is the API server's.
func (c *Cluster) Port() int { return c.cfg.Port }

// Stop ends everything that Start began. The state in Dir stays, unless there were real pods' mounts in it.
func (c *Cluster) Stop() error {
	if c.node != nil {
		return errors.Join(c.procs.stop(), c.node.down())
	}
	return c.procs.stop()
}

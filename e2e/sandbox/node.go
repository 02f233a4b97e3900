package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/kubechat/kubechat/internal/image"
)

// The node's addresses. A node may not have a loopback address, so it sits on a bridge of its own; pods reach
// services of the host there too.
const (
	nodeName   = "sandbox-node"
	nodeIP     = "10.89.0.1"
	nodeBridge = "kcnode0"
	podBridge  = "kcpods0"
)

// PodHost is the address at which pods reach what listens on this machine.
const PodHost = nodeIP

// node is the one node of a sandbox with real pods. There can be one on a machine: it has the kubelet's ports and
// kube-proxy's rules to itself.
type node struct {
	c      *Cluster
	socket string
	unlock func()
}

// RealPodsPossible tells what is missing for real pods here; nil is nothing.
func RealPodsPossible() error {
	if runtime.GOOS != "linux" {
		return errors.New("real pods need Linux")
	}
	if os.Geteuid() != 0 {
		return errors.New("real pods need root")
	}
	for _, program := range []string{"containerd", "ctr", "runc", "iptables", "conntrack", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("real pods need %s: on Debian, apt-get install containerd runc containernetworking-plugins iptables conntrack iproute2", program)
		}
	}
	if _, err := os.Stat(filepath.Join(cniDir(), "bridge")); err != nil {
		return errors.New("real pods need the CNI plugins: on Debian, apt-get install containernetworking-plugins")
	}
	return nil
}

func cniDir() string {
	for _, dir := range []string{"/usr/lib/cni", "/opt/cni/bin"} {
		if _, err := os.Stat(filepath.Join(dir, "bridge")); err == nil {
			return dir
		}
	}
	return "/opt/cni/bin"
}

func newNode(ctx context.Context, c *Cluster) (*node, error) {
	if err := RealPodsPossible(); err != nil {
		return nil, err
	}
	lockCtx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	unlock, err := lockFile(lockCtx, filepath.Join(os.TempDir(), "kubechat-sandbox-node.lock"))
	if err != nil {
		return nil, fmt.Errorf("another sandbox with real pods is running on this machine (make demo, or the tests); end it first: %w", err)
	}
	n := &node{c: c, socket: c.file("containerd.sock"), unlock: unlock}
	if err := cleanNode(c.cfg.Dir); err != nil {
		return nil, errors.Join(err, n.down())
	}
	if out, err := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(
		"ip link show %[1]s >/dev/null 2>&1 || { ip link add %[1]s type bridge && ip addr add %[2]s/32 dev %[1]s && ip link set %[1]s up; }",
		nodeBridge, nodeIP)).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("make the node's bridge: %w: %s", err, out), n.down())
	}
	return n, nil
}

func (n *node) up(ctx context.Context) error {
	c := n.c
	c.cfg.Say("starting containerd, the kubelet and kube-proxy")
	if err := n.configs(); err != nil {
		return err
	}
	containerd, err := exec.LookPath("containerd")
	if err != nil {
		return fmt.Errorf("find containerd: %w", err)
	}
	if err := c.procs.start("containerd", containerd, "-c", "containerd.toml"); err != nil {
		return err
	}
	if err := poll(ctx, 30*time.Second, "containerd", func() error { return n.ctr(ctx, nil, "version") }); err != nil {
		return err
	}
	if err := n.pause(ctx); err != nil {
		return err
	}
	if err := c.start("kubelet", "--config", "kubelet.yaml", "--kubeconfig", "node.kubeconfig",
		"--hostname-override="+nodeName, "--root-dir="+c.file("kubelet"), "--node-ip="+nodeIP); err != nil {
		return err
	}
	c.cfg.Say("waiting for the node to be ready")
	if err := poll(ctx, time.Minute, "the sandbox's node", func() error {
		if err := c.procs.dead(); err != nil {
			return permanent{err}
		}
		return n.readyNow(ctx)
	}); err != nil {
		return err
	}
	return c.start("kube-proxy", "--config", "proxy.yaml") // after the node has its address, or it stops when that changes
}

func (n *node) readyNow(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, filepath.Join(n.c.Bin, "kubectl"), "--kubeconfig", n.c.Kubeconfig, "get", "node", nodeName,
		"-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	if string(out) != "True" {
		return errors.New("node " + nodeName + " is not Ready")
	}
	return nil
}

func (n *node) ctr(ctx context.Context, stdin []byte, args ...string) error {
	cmd := exec.CommandContext(ctx, "ctr", append([]string{"-a", n.socket, "-n", "k8s.io"}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ctr %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// pause is the image that every pod's sandbox runs: one process that waits.
func (n *node) pause(ctx context.Context) error {
	dir := n.c.file("pause")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the pause image: %w", err)
	}
	if err := BuildPrograms(ctx, dir, "./e2e/sandbox/pause"); err != nil {
		return err
	}
	program := filepath.Join(dir, "pause")
	f, err := image.FromDisk(program, "/pause", 0o755)
	if err != nil {
		return err
	}
	return n.c.LoadImage(ctx, image.Image{
		Ref: pauseImage, Architecture: runtime.GOARCH, Entrypoint: []string{"/pause"}, Files: []image.File{f},
	})
}

const pauseImage = "kubechat.local/pause:1"

// LoadImage makes an image known to the node; pods use it with imagePullPolicy Never or IfNotPresent.
func (c *Cluster) LoadImage(ctx context.Context, im image.Image) error {
	var buf bytes.Buffer
	if err := im.Write(&buf); err != nil {
		return fmt.Errorf("pack image %s: %w", im.Ref, err)
	}
	return c.LoadArchive(ctx, buf.Bytes())
}

// LoadArchive makes the images of an OCI archive known to the node.
func (c *Cluster) LoadArchive(ctx context.Context, archive []byte) error {
	if c.node == nil {
		return errors.New("this sandbox has no real node to load images on")
	}
	return c.node.ctr(ctx, archive, "images", "import", "-")
}

// down frees what the node holds outside its processes, which have ended by now.
func (n *node) down() error {
	err := cleanNode(n.c.cfg.Dir)
	n.unlock()
	return err
}

// cleanNode ends pods' shims, unmounts what they left and removes the node's state: containers are made anew at each
// start, their objects stay in etcd.
func cleanNode(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find %s: %w", dir, err)
	}
	killShims(filepath.Join(dir, "containerd.sock"))
	mounts, err := os.ReadFile("/proc/mounts")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no Linux, so no node
	}
	if err != nil {
		return fmt.Errorf("read the mounts: %w", err)
	}
	var ours []string
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			ours = append(ours, f[1])
		}
	}
	sort.Sort(sort.Reverse(sort.StringSlice(ours)))
	for _, m := range ours {
		_ = unmount(m)
	}
	var errs []error
	for _, sub := range []string{"kubelet", "containerd", "containerd-run", "containerd.sock", "containerd.sock.ttrpc"} {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, sub)))
	}
	if os.Geteuid() == 0 {
		for _, link := range []string{podBridge, nodeBridge} {
			_ = exec.Command("ip", "link", "del", link).Run() // absent is as good
		}
	}
	return errors.Join(errs...)
}

// killShims ends the containerd shims of one socket: they are daemons, and outlive containerd on purpose.
func killShims(socket string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range dirs {
		b, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(b, []byte("containerd-shim")) || !bytes.Contains(b, []byte(socket)) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/cmdline", &pid); err == nil {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

package sandbox

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kubechat/kubechat/internal/freeport"
)

//go:embed stages.yaml.tmpl
var stages string

const simulatedNode = `{"apiVersion":"v1","kind":"Node","metadata":{"name":"` + nodeName + `","labels":{"kubernetes.io/os":"linux","kubernetes.io/hostname":"` + nodeName + `"}}}`

// simulate starts kwok, which plays a node and its pods, and the stand-in for their kubelet, which plays logs, exec,
// attach and port-forward. Neither needs root; nothing that is executed reaches this machine.
func (c *Cluster) simulate(ctx context.Context) error {
	c.cfg.Say("building kwok and the kubelet's stand-in")
	kwok, standin := filepath.Join(Root(), ".bin", "kwok"), c.file("standin-bin")
	for _, b := range []struct{ dir, out, pkg string }{
		{filepath.Join(Root(), "tools"), kwok, "sigs.k8s.io/kwok/cmd/kwok"}, {Root(), standin, "./e2e/sandbox/standin"},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", b.out, b.pkg)
		cmd.Dir = b.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", b.pkg, err, out)
		}
	}
	port, err := freeport.Row(2)
	if err != nil {
		return fmt.Errorf("choose ports for the stand-in and kwok: %w", err)
	}
	config := strings.NewReplacer("KUBELET_PORT", strconv.Itoa(port), "KUBE_VERSION", Version).Replace(stages)
	if err := os.WriteFile(c.file("stages.yaml"), []byte(config), 0o644); err != nil {
		return fmt.Errorf("write the stages: %w", err)
	}
	if err := c.procs.start("standin", standin, "--listen", "127.0.0.1:"+strconv.Itoa(port), "--cert", "node.crt", "--key", "node.key",
		"--client-ca", "ca.crt"); err != nil {
		return err
	}
	if err := c.procs.start("kwok", kwok, "--kubeconfig", c.Kubeconfig, "--manage-all-nodes", "--config", "stages.yaml",
		"--node-ip=127.0.0.1", "--node-port="+strconv.Itoa(port+1), "--node-lease-duration-seconds=40"); err != nil {
		return err
	}
	if err := c.kubectl(ctx, simulatedNode, "apply", "-f", "-"); err != nil {
		return err
	}
	c.cfg.Say("waiting for the simulated node to be ready")
	n := &node{c: c}
	return poll(ctx, time.Minute, "the simulated node", func() error {
		if err := c.procs.dead(); err != nil {
			return permanent{err}
		}
		return n.readyNow(ctx)
	})
}

func (c *Cluster) kubectl(ctx context.Context, stdin string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.Bin, "kubectl"), append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// Package shop fills a sandbox with a lived-in shop: several namespaces, every usual kind of workload, a custom
// resource, and four workloads with something to find out: payments-api crash-loops, invoicer waits for CPU no node
// has, storefront in staging wants an image that does not exist, frontend is fine and busy in its logs.
package shop

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/internal/image"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// Image is the one image that plays all parts.
const Image = "kubechat.local/shop:1"

// Open loads the image, where there are real pods to run it, and applies the manifests. It is safe to call again.
func Open(ctx context.Context, c *sandbox.Cluster, real bool) error {
	if real {
		im, err := workloadImage(ctx)
		if err != nil {
			return err
		}
		if err := c.LoadImage(ctx, im); err != nil {
			return err
		}
	}
	files, err := manifests.ReadDir("manifests")
	if err != nil {
		return fmt.Errorf("read the shop's manifests: %w", err)
	}
	for _, f := range files {
		b, err := manifests.ReadFile("manifests/" + f.Name())
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Name(), err)
		}
		if err := apply(ctx, c, f.Name(), b); err != nil {
			return err
		}
	}
	return nil
}

// apply sends one file; a custom resource's kind takes a moment to be served after its definition.
func apply(ctx context.Context, c *sandbox.Cluster, name string, manifest []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		cmd := exec.CommandContext(ctx, filepath.Join(c.Bin, "kubectl"), "--kubeconfig", c.Kubeconfig, "apply", "--server-side",
			"--field-manager=shop", "--force-conflicts", "-f", "-")
		cmd.Stdin = bytes.NewReader(manifest)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !bytes.Contains(out, []byte("no matches for kind")) {
			return fmt.Errorf("apply %s: %w: %s", name, err, bytes.TrimSpace(out))
		}
	}
}

// workloadImage is our program and a static busybox, so that exec has a shell to show.
func workloadImage(ctx context.Context) (image.Image, error) {
	dir, err := os.MkdirTemp("", "kubechat-shop-")
	if err != nil {
		return image.Image{}, fmt.Errorf("make a folder for the shop's image: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := sandbox.BuildPrograms(ctx, dir, "./e2e/shop/workload"); err != nil {
		return image.Image{}, err
	}
	program := filepath.Join(dir, "workload")
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return image.Image{}, fmt.Errorf("the shop's image needs a static busybox: on Debian, apt-get install busybox-static: %w", err)
	}
	im := image.Image{Ref: Image, Architecture: runtime.GOARCH, Entrypoint: []string{"/workload"}, Env: []string{"PATH=/bin"}}
	for _, f := range []struct{ from, to string }{{program, "/workload"}, {busybox, "/bin/busybox"}} {
		file, err := image.FromDisk(f.from, f.to, 0o755)
		if err != nil {
			return image.Image{}, err
		}
		im.Files = append(im.Files, file)
	}
	for _, tool := range []string{"sh", "cat", "ls", "echo", "ps", "env", "tar", "wc", "head", "tail", "sleep", "stty", "date", "id", "sha256sum", "dd", "yes", "seq", "wget", "nc", "vi", "true", "false", "tty", "printf"} {
		im.Files = append(im.Files, image.File{Path: "/bin/" + tool, Link: "busybox", Mode: 0o777})
	}
	im.Files = append(im.Files, image.File{Path: "/tmp/.keep", Mode: 0o644}, image.File{Path: "/etc/passwd", Mode: 0o644, Content: []byte("root:x:0:0:root:/:/bin/sh\n")})
	return im, nil
}

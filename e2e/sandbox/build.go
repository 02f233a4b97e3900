package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// Version is the Kubernetes that the sandbox runs; it goes with the module versions in e2e/kube/go.mod.
const Version = "v1.37.2"

var components = []string{
	"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl",
}

// Root is the repository: the folder of the nearest go.mod of ours at or above the working directory, which is a
// package's own folder in tests and the repository under make. The source's path is not asked: builds are made with
// -trimpath, so that every clone shares one build cache.
var Root = sync.OnceValue(func() string {
	start, err := os.Getwd()
	if err != nil {
		panic("find the repository: " + err.Error())
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module github.com/kubechat/kubechat\n")) {
			return dir
		}
		if dir == filepath.Dir(dir) {
			panic("find the repository: neither " + start + " nor a folder above it has KubeChat's go.mod; run this inside a clone")
		}
	}
})

// Binaries returns the folder with the sandbox's kube-apiserver, kubectl and so on, building them on first use: six
// to ten minutes on two cores with cold caches, so say what it waits for. They are kept in the user's cache folder
// by a hash of e2e/kube, so that every clone shares them.
func Binaries(ctx context.Context, say func(string)) (string, error) {
	src := filepath.Join(Root(), "e2e", "kube")
	sum := sha256.New()
	for _, name := range []string{"main.go", "go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(src, name))
		if err != nil {
			return "", fmt.Errorf("read the sandbox's sources: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(b), b)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder for the sandbox's binaries: %w", err)
	}
	dir := filepath.Join(cache, "kubechat", "kube-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return dir, nil
	}
	say("building Kubernetes " + Version + " from Go modules (once; 6 to 10 minutes on two cores when the build cache is cold)")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make %s: %w", dir, err)
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	return dir, build(ctx, src, dir)
}

func build(ctx context.Context, src, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return nil // another process built it while we waited for the lock
	}
	flags := fmt.Sprintf("-s -w -X k8s.io/component-base/version.gitVersion=%[1]s -X k8s.io/client-go/pkg/version.gitVersion=%[1]s", Version)
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags", flags, "-o", filepath.Join(dir, "kube"), ".")
	cmd.Dir, cmd.Env = src, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the sandbox's Kubernetes: %w\n%s", err, out)
	}
	for _, c := range components {
		link := filepath.Join(dir, c)
		if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("replace %s: %w", link, err)
		}
		if err := os.Symlink("kube", link); err != nil {
			return fmt.Errorf("link %s: %w", link, err)
		}
	}
	return os.WriteFile(filepath.Join(dir, "complete"), []byte(Version+"\n"), 0o644)
}

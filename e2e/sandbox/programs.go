package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// tags leave out what the certificate authority's library would bring along; the Makefile has the same.
const tags = "nobadger,nobadgerv1,nobadgerv2,nobbolt,nomysql,nopgx"

// BuildPrograms builds programs of this repository into a folder, by their packages. The flags are the Makefile's, so
// that Go's cache has nearly all of it.
func BuildPrograms(ctx context.Context, dir string, packages ...string) error {
	return buildTagged(ctx, dir, tags, packages...)
}

// BuildDemo is BuildPrograms with the demonstration's parts in them.
func BuildDemo(ctx context.Context, dir string, packages ...string) error {
	return buildTagged(ctx, dir, "demo,"+tags, packages...)
}

func buildTagged(ctx context.Context, dir, tags string, packages ...string) error {
	args := append([]string{"build", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w", "-tags", tags, "-o", dir + string(filepath.Separator)}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = Root(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %v: %w\n%s", packages, err, bytes.TrimSpace(out))
	}
	return nil
}

package story

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
)

// TestFirstVisitInABrowser is the story of web/test/e2e/story.mjs: sign-in link, question, plan, approval, audit, and a
// second cluster that joins with the token the page shows.
func TestFirstVisitInABrowser(t *testing.T) {
	root := sandbox.Root()
	dir := t.TempDir()
	program := filepath.Join(dir, "demo")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./e2e/demo")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0") // as make demo builds it
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the demo: %v\n%s", err, out)
	}
	second := filepath.Join(dir, "second.sh")
	script := "#!/bin/sh\nexec " + program + " agent --no-build --state " + dir + " --token \"$TOKEN\"\n"
	if err := os.WriteFile(second, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	story := exec.CommandContext(ctx, "node", "test/e2e/story.mjs", world.Plane.Link, filepath.Join(root, "e2e", ".out", "screenshots"), second)
	story.Dir = filepath.Join(root, "web")
	story.WaitDelay = 20 * time.Second // the second cluster ends after the browser
	out, err := story.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the story: %v", err)
	}
}

package story

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sameIdentity is a kubeconfig that goes straight to the API server under the identity that the agent sets: what the
// tunnel's answers are compared with.
var sameIdentity string

func writeSameIdentity() error {
	b, err := os.ReadFile(world.Direct)
	if err != nil {
		return fmt.Errorf("read the administrator's kubeconfig: %w", err)
	}
	as := `as: "kubechat:user", as-groups: ["kubechat:admin"], as-user-extra: {"kubechat.io/user": ["demo@kubechat.local"]}, client-certificate`
	text := strings.Replace(string(b), "client-certificate", as, 1)
	sameIdentity = filepath.Join(filepath.Dir(world.Direct), "same-identity.kubeconfig")
	return os.WriteFile(sameIdentity, []byte(text), 0o600)
}

// said is what a command left behind.
type said struct {
	out, err string
	code     int
}

func kubectlPath() string { return filepath.Join(world.Sandbox.Bin, "kubectl") }

func kubectl(ctx context.Context, kubeconfig, stdin string, args ...string) said {
	return runProgram(ctx, stdin, kubectlPath(), append([]string{"--kubeconfig", kubeconfig}, args...)...)
}

func runProgram(ctx context.Context, stdin, path string, args ...string) said {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(world.Direct)) // discovery caches apart from the developer's
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &stderr
	err := cmd.Run()
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		code = -1
		stderr.WriteString(err.Error())
	}
	return said{out.String(), stderr.String(), code}
}

// must runs kubectl as the administrator and fails the test when it fails.
func must(t *testing.T, args ...string) string {
	t.Helper()
	return mustInput(t, "", args...)
}

func mustInput(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := kubectl(ctx, world.Direct, stdin, args...)
	if s.code != 0 {
		t.Fatalf("kubectl %s: exit %d\n%s%s", strings.Join(args, " "), s.code, s.out, s.err)
	}
	return s.out
}

// masks hides what differs between two moments and nothing else: ages, times, resource versions and uids.
var masks = []struct{ pattern, with string }{
	{`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`, "<uid>"},
	{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`, "<time>"},
	{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4}`, "<time>"},
	{`[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}`, "<time>"},
	{`(?i)("?resourceVersion"?: ?)"?\d+"?`, "${1}<rv>"},
	{`\b\d+(d|h|m|s)(\d+(h|m|s))?( ago)?\b`, "<age>"},
	{`\bx\d+ over <age>`, "<times>"},
}

func masked(s string) string {
	for _, m := range masks {
		s = regexp.MustCompile(m.pattern).ReplaceAllString(s, m.with)
	}
	return regexp.MustCompile(`[ \t]+`).ReplaceAllString(s, " ") // columns are as wide as what is in them
}

// serverOf is the address in a kubeconfig.
func serverOf(kubeconfig string) string {
	b, err := os.ReadFile(kubeconfig)
	if err != nil {
		return err.Error()
	}
	return regexp.MustCompile(`https?://[^"'\s,}]+`).FindString(string(b))
}

// withoutExtras drops the extra attributes of `auth whoami`: session and request ids are each request's own.
func withoutExtras(s string) string {
	return regexp.MustCompile(`(?s)"extra": \{.*?\n\s*\},?`).ReplaceAllString(s, `"extra": {}`)
}

// tempNames are made up anew by each run of kubectl.
var tempNames = regexp.MustCompile(`(LIVE|MERGED)-\d+|debugger-[a-z0-9]{5}`)

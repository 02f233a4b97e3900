package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
)

// built builds the program once in this process, with and without the demonstration. The flags are the Makefile's, so
// that Go's cache has nearly all of it.
var built = sync.OnceValues(func() (map[string]string, error) {
	dir, err := os.MkdirTemp("", "kubechatd")
	if err != nil {
		return nil, err
	}
	const tags = "nobadger,nobadgerv1,nobadgerv2,nobbolt,nomysql,nopgx"
	out := map[string]string{}
	for name, tags := range map[string]string{"release": tags, "demo": tags + ",demo"} {
		out[name] = filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-tags", tags, "-o", out[name], ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w: %s", name, err, b)
		}
	}
	return out, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if programs, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(programs["demo"]))
	}
	os.Exit(code)
}

func program(t *testing.T, name string) string {
	t.Helper()
	programs, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return programs[name]
}

func TestReleaseHasNeitherTheDemonstrationNorItsLink(t *testing.T) {
	t.Parallel()
	traces := []string{"/demo/sign-in", "demo sign-in link", "run a demonstration", "make demo-agent"}
	for name, want := range map[string]bool{"demo": true, "release": false} {
		b, err := os.ReadFile(program(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, trace := range traces { // those that the demo does not hold would prove nothing about the release
			if bytes.Contains(b, []byte(trace)) != want {
				t.Errorf("%q in the %s program: %t", trace, name, !want)
			}
		}
	}
	out, err := exec.Command(program(t, "release"), "demo").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no such command: demo") {
		t.Errorf("%v: %s", err, out)
	}
}

func runHere(t *testing.T, vars map[string]string, args ...string) (string, string, error) {
	t.Helper()
	var out, errs bytes.Buffer
	err := run(t.Context(), &env{out: &out, err: &errs, getenv: func(k string) string { return vars[k] }}, args)
	return out.String(), errs.String(), err
}

func TestBootstrapPrintsATokenThatSignsTheFirstAdminInOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	vars := map[string]string{"KUBECHAT_DATABASE_URL": db.DSN}
	out, said, err := runHere(t, vars, "bootstrap", "--tenant", "acme", "--admin-email", "Ada@Acme.test")
	if err != nil || strings.Contains(said, "kcp_") {
		t.Fatalf("%v: %s", err, said)
	}
	secret := login.Secret(strings.TrimSpace(out))
	service := signin.New(signin.Config{Store: db.DB.Logins()})
	enter := func() (login.Holder, error) { return service.TokenDoor(secret).Enter(t.Context()) }
	h, err := enter()
	if err != nil || h.Scope.Slug != "acme" || h.Scope.Email != "ada@acme.test" || h.Scope.Role != "tenant_admin" || !h.Token.SingleUse {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, _, err := runHere(t, vars, "bootstrap", "--tenant", "acme", "--admin-email", "eve@evil.test"); err == nil {
		t.Error("an organisation that exists was given another admin")
	}
	if ms, err := account.New(account.Config{Store: db.DB.Accounts()}).List(t.Context(), h.Scope); err != nil || len(ms) != 1 {
		t.Errorf("%d members, %v", len(ms), err)
	}
}

func TestMigrateMayBeRepeated(t *testing.T) {
	t.Parallel()
	owner := storetest.Empty(t)
	for range 2 {
		if _, said, err := runHere(t, nil, "migrate", "--owner-database-url", owner); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	if _, _, err := runHere(t, nil, "migrate"); err == nil || !strings.Contains(err.Error(), "KUBECHAT_OWNER_DATABASE_URL") {
		t.Errorf("without an address: %v", err)
	}
}

func TestServeTellsEverySettingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, _, err := runHere(t, map[string]string{"KUBECHAT_WEB_ADDR": "0.0.0.0:80", "KUBECHAT_OPS_ADDR": "x"}, "serve", "--tunnel-host", "y")
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"KUBECHAT_DATABASE_URL", "KUBECHAT_KEY_DIR", "0.0.0.0:80", "ops address", "tunnel host"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not mentioned in: %v", want, err)
		}
	}
	if _, _, err := runHere(t, nil, "serve", "--roles", "cook"); err == nil || !strings.Contains(err.Error(), "cook") {
		t.Errorf("unknown role: %v", err)
	}
}

// demo is one running demonstration.
type demo struct {
	dir  string
	cmd  *exec.Cmd
	out  bytes.Buffer
	url  string
	link string
}

func startDemo(t *testing.T, dir string) *demo {
	t.Helper()
	d := &demo{dir: dir}
	_ = os.Remove(filepath.Join(dir, "sign-in-link")) // of an earlier start
	d.cmd = exec.CommandContext(t.Context(), program(t, "demo"), "demo", "--dir", dir, "--web-addr", "127.0.0.1:0",
		"--tunnel-addr", "127.0.0.1:0", "--ops-addr", "127.0.0.1:0")
	d.cmd.Cancel = func() error { return d.cmd.Process.Signal(syscall.SIGTERM) }
	d.cmd.WaitDelay = 30 * time.Second
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.out
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.stop() })
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		b, err := os.ReadFile(filepath.Join(dir, "sign-in-link"))
		if err == nil && len(b) > 0 {
			d.link = strings.TrimSpace(string(b))
			d.url, _, _ = strings.Cut(d.link, "/demo/")
			if resp, err := http.Get(d.url + "/healthz"); err == nil {
				resp.Body.Close()
				return d
			}
		}
		if time.Now().After(deadline) {
			_ = d.stop()
			t.Fatalf("the demonstration did not start: %s", d.out.String())
		}
	}
	return d
}

func (d *demo) stop() error {
	if d.cmd.ProcessState != nil {
		return nil
	}
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return d.cmd.Wait()
}

// follow opens a link as a browser would, and says where it led.
func follow(t *testing.T, ctx context.Context, link string) (*http.Client, int, string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	status, header, _ := get(t, ctx, c, link, "")
	return c, status, header.Get("Location")
}

func get(t *testing.T, ctx context.Context, c *http.Client, url, token string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// kubectlWay reads the kubeconfig as kubectl does, without needing kubectl: server, its certificate, token.
func (d *demo) kubectlWay(t *testing.T) (*http.Client, string, string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(d.dir, "kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) string {
		m := regexp.MustCompile(name + `: (\S+)`).FindSubmatch(b)
		if m == nil {
			t.Fatalf("the kubeconfig has no %s", name)
		}
		return string(m[1])
	}
	ca, err := base64.StdEncoding.DecodeString(field("certificate-authority-data"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}, field("server"), field("token")
}

func TestDemonstrationLetsOnePersonInAndStartsAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	d := startDemo(t, dir)
	for _, name := range []string{"kubeconfig", "join-token", "sign-in-link"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", name, err)
		}
	}
	browser, status, location := follow(t, t.Context(), d.link)
	if status != http.StatusSeeOther || location != "/t/demo" {
		t.Fatalf("%d to %q: %s", status, location, d.out.String())
	}
	if _, status, _ := follow(t, t.Context(), d.link); status != http.StatusUnauthorized {
		t.Errorf("the link worked twice: %d", status)
	}
	_, _, page := get(t, t.Context(), browser, d.url+"/api/v1/t/demo", "")
	if !strings.Contains(page, `"demo":true`) || !strings.Contains(page, "tenant_admin") {
		t.Errorf("got %s", page)
	}
	_, _, clusters := get(t, t.Context(), browser, d.url+"/api/v1/t/demo/clusters", "")
	if !strings.Contains(clusters, `"name":"sandbox"`) || !strings.Contains(clusters, `"group":"admin"`) {
		t.Errorf("got %s", clusters)
	}

	client, server, token := d.kubectlWay(t)
	if status, _, body := get(t, t.Context(), client, server+"/version", token); status != http.StatusServiceUnavailable || !strings.Contains(body, `"kind":"Status"`) {
		t.Errorf("kubectl of a cluster that is not connected: %d %s", status, body)
	}
	if status, _, _ := get(t, t.Context(), client, server+"/version", ""); status != http.StatusUnauthorized {
		t.Errorf("kubectl without a token: %d", status)
	}

	if err := d.stop(); err != nil {
		t.Fatalf("it ended with %v: %s", err, d.out.String())
	}
	again := startDemo(t, dir)
	if again.link == d.link {
		t.Error("no new link")
	}
	if _, status, _ := follow(t, t.Context(), again.link); status != http.StatusSeeOther {
		t.Errorf("the new link: %d", status)
	}
	_, server2, token2 := again.kubectlWay(t)
	if path := strings.SplitN(server, "/t/", 2)[1]; !strings.HasSuffix(server2, path) || token2 == token {
		t.Errorf("another cluster, or the old token: %s", server2)
	}
}

func TestDemonstrationStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--web-addr", "--tunnel-addr", "--ops-addr"} {
		dir := t.TempDir()
		out, err := exec.CommandContext(t.Context(), program(t, "demo"), "demo", "--dir", dir, flag, "0.0.0.0:0").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "this machine only") {
			t.Errorf("%s: %v %s", flag, err, out)
		}
	}
}

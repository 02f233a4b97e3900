package apart

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/e2e/freeaddr"
	"github.com/kubechat/kubechat/e2e/kubetest"
	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/pki"
)

const (
	patience = time.Minute
	nobody   = 65534
)

// rig is everything that runs: the authority, a replica of all the other roles, and agents.
type rig struct {
	t         *testing.T
	dir       string // for all of it; the replica's user may enter it
	keys      string // only root, and so only the authority, may
	db        *storetest.Database
	ca, front *replica
	token     string // of the API
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "kubechat-apart-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: dir, keys: filepath.Join(dir, "keys"), db: storetest.New(t)}
	r.build()
	web, tun, caAt := freeaddr.Loopback(t), freeaddr.Loopback(t), freeaddr.Loopback(t)
	r.ca = &replica{rig: r, name: "ca", ops: freeaddr.Loopback(t), args: []string{"--roles", "ca", "--key-dir", r.keys, "--ca-addr", caAt, "--tunnel-host", tun}}
	r.ca.start()
	token := filepath.Join(dir, "replica-token")
	if err := os.WriteFile(token, []byte(r.pki("replica-token", "--reason", "the front")), 0o644); err != nil {
		t.Fatal(err)
	}
	r.front = &replica{rig: r, name: "front", web: web, ops: freeaddr.Loopback(t), user: nobody, args: []string{
		"--roles", "web,gateway,jobs", "--ca-url", "https://" + caAt, "--replica-token-file", token, "--web-addr", web, "--tunnel-addr", tun, "--tunnel-host", tun,
	}}
	r.front.start()
	r.signIn()
	return r
}

// build makes the programs; Go's cache makes the second time quick.
func (r *rig) build() {
	r.t.Helper()
	if err := sandbox.BuildPrograms(r.t.Context(), r.dir, "./controlplane/cmd/kubechatd", "./agent/cmd/kubechat-agent"); err != nil {
		r.t.Fatal(err)
	}
}

// program is one of ours that runs.
type program struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{} // closed when it has
}

// run starts a program; its log is shown when the test has failed. As root, it can be made to run as somebody else.
func (r *rig) run(name, file string, user uint32, env []string, args ...string) *program {
	r.t.Helper()
	p := &program{log: filepath.Join(r.dir, name+".log"), ended: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer out.Close()
	p.cmd = exec.Command(filepath.Join(r.dir, file), args...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env, p.cmd.Dir = out, out, append(os.Environ(), env...), r.dir
	if user != 0 && os.Geteuid() == 0 {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	r.t.Cleanup(func() {
		p.kill()
		if r.t.Failed() {
			text, _ := os.ReadFile(p.log)
			lines := strings.Split(string(text), "\n")
			r.t.Logf("the end of %s.log:\n%s", name, strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
	})
	return p
}

// kill ends it as a crash would.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop asks it to end, and waits.
func (p *program) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
}

func (p *program) pid() string { return strconv.Itoa(p.cmd.Process.Pid) }

func (p *program) said(text string) bool {
	all, err := os.ReadFile(p.log)
	return err == nil && bytes.Contains(all, []byte(text))
}

// owner is the user it runs as.
func (p *program) owner() int {
	info, err := os.Stat(filepath.Join("/proc", p.pid()))
	if err != nil {
		return -1
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

// replica is one process of kubechatd, on the same ports each time.
type replica struct {
	*rig
	*program
	name, web, ops string
	user           uint32
	args           []string
}

// start runs the process and waits until it is ready.
func (p *replica) start() {
	p.t.Helper()
	p.program = p.run(p.name, "kubechatd", p.user, nil, append([]string{"serve", "--database-url", p.db.DSN, "--ops-addr", p.ops}, p.args...)...)
	p.eventually(p.name+" is ready", func() bool {
		res, err := http.Get("http://" + p.ops + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// metric reads one number.
func (p *replica) metric(name string) float64 {
	res, err := http.Get("http://" + p.ops + "/metrics")
	if err != nil {
		return -1
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err == nil {
				return v
			}
		}
	}
	return -1
}

// pki is `kubechatd pki` beside the authority.
func (r *rig) pki(args ...string) string {
	r.t.Helper()
	out, err := r.tryPKI(args...)
	if err != nil {
		r.t.Fatalf("pki %v: %v", args, err)
	}
	return out
}

func (r *rig) tryPKI(args ...string) (string, error) {
	host := r.ca.args[len(r.ca.args)-1]
	all := append([]string{"pki"}, args...)
	cmd := exec.CommandContext(r.t.Context(), filepath.Join(r.dir, "kubechatd"), append(all, "--database-url", r.db.DSN, "--key-dir", r.keys, "--tunnel-host", host)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, complaint.String())
	}
	return string(out), nil
}

// signIn makes a tenant, and a token for its API.
func (r *rig) signIn() {
	r.t.Helper()
	admin := storetest.Tenant(r.t, r.db.DB, "acme")
	_, secret, err := signin.New(signin.Config{Store: r.db.DB.Logins()}).CreateToken(r.t.Context(), admin, "apart", time.Now().Add(time.Hour))
	if err != nil {
		r.t.Fatal(err)
	}
	r.token = secret.Reveal()
}

// call uses the tenant's API.
func (r *rig) call(method, path string, in, out any) {
	r.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	code, answer := r.send(method, "/api/v1/t/acme"+path, bytes.NewReader(body))
	if code >= 300 {
		r.t.Fatalf("%s %s: %d %s", method, path, code, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) send(method, path string, body io.Reader) (int, []byte) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.front.web+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, answer
}

// get asks a cluster something, through its tunnel, and returns the status.
func (r *rig) get(cluster string) int {
	r.t.Helper()
	code, _ := r.send(http.MethodGet, "/t/acme/clusters/"+cluster+"/k8s/version", nil)
	return code
}

type joining struct{ id, token string }

func (r *rig) addCluster(name string) joining {
	r.t.Helper()
	var made struct {
		Cluster struct{ ID string }
		Join    struct{ Token string }
	}
	r.call(http.MethodPost, "/clusters", map[string]string{"name": name}, &made)
	return joining{made.Cluster.ID, made.Join.Token}
}

// agent is one in front of the test program's API server, its identity in a folder.
type agent struct {
	*rig
	*program
	folder string
}

const agentPolicy = `identities: {groups: ["kubechat:viewer", "kubechat:operator", "kubechat:admin", "kubechat:index"]}
`

func (r *rig) agent(name, token string) *agent {
	r.t.Helper()
	policy := filepath.Join(r.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(agentPolicy), 0o600); err != nil {
		r.t.Fatal(err)
	}
	a := &agent{rig: r, folder: filepath.Join(r.dir, "identity-"+name)}
	a.program = r.run("agent-"+name, "kubechat-agent", 0, []string{"KUBECHAT_JOIN_TOKEN=" + token},
		"--kubeconfig", kubetest.APIServer(r.t), "--state-dir", a.folder, "--policy", policy, "--sessions", "1", "--drain", "1s")
	return a
}

// identity is the stored one.
func (a *agent) identity() pki.Identity {
	a.t.Helper()
	text, err := os.ReadFile(filepath.Join(a.folder, "identity.json"))
	if err != nil {
		a.t.Fatal(err)
	}
	var data map[string][]byte
	if err := json.Unmarshal(text, &data); err != nil {
		a.t.Fatal(err)
	}
	id, err := pki.UnmarshalIdentity(data)
	if err != nil {
		a.t.Fatal(err)
	}
	return id
}

// eventually polls for what other processes bring about.
func (r *rig) eventually(what string, is func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), patience)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			r.t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

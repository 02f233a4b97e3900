// Package replicas restarts and kills replicas of kubechatd under load: two real processes over one database, behind a
// plain TCP balancer, with one real agent and a real API server.
package replicas

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
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
	"github.com/kubechat/kubechat/e2e/kubetest"
	"github.com/kubechat/kubechat/e2e/sandbox"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

const (
	patience = time.Minute
	grace    = 6 * time.Second // for streams on a replica that stops
	tags     = "nobadger,nobadgerv1,nobadgerv2,nobbolt,nomysql,nopgx"
)

// rig is everything that runs.
type rig struct {
	t        *testing.T
	dir, bin string
	db       *storetest.Database
	replicas []*replica
	web, tun *balancer
	token    string
	cluster  string
}

// replica is one process of kubechatd, on the same ports each time.
type replica struct {
	*rig
	name                string
	webAt, tunAt, opsAt string
	cmd                 *exec.Cmd
	ended               chan struct{} // closed when the process has ended
}

// newRig brings everything up, with an agent that keeps so many sessions.
func newRig(t *testing.T, sessions int) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), bin: build(t), db: storetest.New(t)}
	var web, tun, probes []string
	for i := range 2 {
		p := &replica{rig: r, name: fmt.Sprintf("replica-%d", i), webAt: freePort(t), tunAt: freePort(t), opsAt: freePort(t)}
		r.replicas = append(r.replicas, p)
		web, tun, probes = append(web, p.webAt), append(tun, p.tunAt), append(probes, "http://"+p.opsAt+"/readyz")
	}
	r.web, r.tun = balance(t, web, probes), balance(t, tun, probes)
	for _, p := range r.replicas {
		p.start()
	}
	r.join(sessions)
	return r
}

// build makes the programs; Go's cache makes the second time quick.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(sandbox.Root(), ".bin", "replicas")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-tags", tags, "-o", bin+"/", "./controlplane/cmd/kubechatd", "./agent/cmd/kubechat-agent")
	cmd.Dir, cmd.Env = sandbox.Root(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the process and waits until it is ready.
func (p *replica) start() {
	p.t.Helper()
	p.cmd, p.ended = p.run(p.name, "kubechatd", nil, "serve", "--database-url", p.db.DSN, "--key-dir", filepath.Join(p.dir, "keys"),
		"--web-addr", p.webAt, "--tunnel-addr", p.tunAt, "--ops-addr", p.opsAt, "--tunnel-host", p.tun.addr,
		"--drain-for", "500ms", "--stream-grace", grace.String(), "--spool-dir", filepath.Join(p.dir, p.name+"-spool"))
	p.eventually(p.name+" is ready", func() bool {
		res, err := http.Get("http://" + p.opsAt + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// run starts one of our programs; its output is in a file, and shown when the test has failed.
func (r *rig) run(name, program string, env []string, args ...string) (*exec.Cmd, chan struct{}) {
	r.t.Helper()
	log, err := os.OpenFile(filepath.Join(r.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(r.bin, program), args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	r.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if r.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			lines := strings.Split(string(text), "\n")
			r.t.Logf("the end of %s:\n%s", filepath.Base(log.Name()), strings.Join(lines[max(0, len(lines)-60):], "\n"))
		}
	})
	return cmd, ended
}

// stop asks the process to end and waits; how long that took is returned.
func (p *replica) stop() time.Duration {
	p.t.Helper()
	began := time.Now()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.waitEnd()
	return time.Since(began)
}

func (p *replica) waitEnd() {
	p.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-p.ended:
		if state := p.cmd.ProcessState; !state.Success() && state.ExitCode() >= 0 {
			p.t.Errorf("%s ended with %s", p.name, state)
		}
	case <-late.C:
		p.t.Fatalf("%s does not end", p.name)
	}
}

// kill ends the process as a crash would.
func (p *replica) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// join makes a tenant with a token, adds the cluster and starts its agent.
func (r *rig) join(sessions int) {
	r.t.Helper()
	admin := storetest.Tenant(r.t, r.db.DB, "acme")
	_, secret, err := signin.New(signin.Config{Store: r.db.DB.Logins()}).CreateToken(r.t.Context(), admin, "load", time.Now().Add(time.Hour))
	if err != nil {
		r.t.Fatal(err)
	}
	r.token = secret.Reveal()
	kubeconfig := kubetest.APIServer(r.t)
	kubetest.KubectlInput(r.t, kubeconfig, `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"replicas-test"},
		"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},
		"subjects":[{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"kubechat:admin"}]}`, "apply", "-f", "-")
	var made struct {
		Cluster struct{ ID string }
		Join    struct{ Token string }
	}
	r.call(http.MethodPost, "/clusters", map[string]string{"name": "prod"}, &made)
	r.cluster = made.Cluster.ID
	r.call(http.MethodPut, "/clusters/"+r.cluster+"/groups/"+string(admin.Member), map[string]string{"group": "admin"}, nil)
	policy := filepath.Join(r.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(agentPolicy), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.run("agent", "kubechat-agent", []string{"KUBECHAT_JOIN_TOKEN=" + made.Join.Token},
		"--kubeconfig", kubeconfig, "--state-dir", filepath.Join(r.dir, "agent"), "--policy", policy,
		"--sessions", strconv.Itoa(sessions))
	if sessions > 1 {
		r.spread()
		return
	}
	r.eventually("the agent is connected", func() bool { return r.holder() != nil })
}

// holder is the replica with the agent's only session.
func (r *rig) holder() *replica {
	for _, p := range r.replicas {
		if p.metric("kubechat_gateway_sessions") == 1 {
			return p
		}
	}
	return nil
}

// other is the other replica.
func (r *rig) other(p *replica) *replica {
	if r.replicas[0] == p {
		return r.replicas[1]
	}
	return r.replicas[0]
}

// spread waits until each replica has a session of the agent's.
func (r *rig) spread() {
	r.t.Helper()
	for _, p := range r.replicas {
		p.eventually(p.name+" has a session of the agent", func() bool { return p.metric("kubechat_gateway_sessions") >= 1 })
	}
}

// metric reads one number.
func (p *replica) metric(name string) float64 {
	res, err := http.Get("http://" + p.opsAt + "/metrics")
	if err != nil {
		return -1
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == ' ' || rest[0] == '{') {
			var v float64
			if _, err := fmt.Sscan(rest[strings.LastIndex(rest, " ")+1:], &v); err == nil {
				return v
			}
		}
	}
	return -1
}

// call uses the tenant's API.
func (r *rig) call(method, path string, in, out any) {
	r.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.web.addr+"/api/v1/t/acme"+path, strings.NewReader(string(body)))
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
	if err != nil || res.StatusCode >= 300 {
		r.t.Fatalf("%s %s: %s %s %v", method, path, res.Status, answer, err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			r.t.Fatal(err)
		}
	}
}

// eventually polls for what other processes bring about.
func (r *rig) eventually(what string, is func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), patience)
	defer cancel()
	for !is() {
		if !pause(ctx, 25*time.Millisecond) {
			r.t.Fatalf("waited in vain: %s", what)
		}
	}
}

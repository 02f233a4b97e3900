// Package replicas restarts and kills replicas of kubechatd under load: two real processes over one database, behind a
// plain TCP balancer, with one real agent and a real API server.
package replicas

import (
	"cmp"
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
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/e2e/freeaddr"
	"github.com/kubechat/kubechat/e2e/kubetest"
	"github.com/kubechat/kubechat/e2e/sandbox"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

const (
	patience = time.Minute
)

// soak is whether tests take the time and the load that they are meant for (`make soak`); else they take less of both.
var soak = os.Getenv("KUBECHAT_SOAK") != ""

// setup is what a rig is made of; its zero value works.
type setup struct {
	replicas int                                  // 0 is 2
	sessions int                                  // of the agent; 0 is 2
	grace    time.Duration                        // for streams on a replica that stops; 0 is 6 s
	db       func(*testing.T) *storetest.Database // nil is one on the tests' shared server
	seen     func(*replica) string                // where the other replicas are told that one is; nil is the truth
	flags    func(*replica) []string              // more of kubechatd's; may be nil
	front    func(*replica) string                // where agents are led to instead of the tunnels' balancer; may be nil
	sticky   bool                                 // the tunnels' balancer leads to the first replica that is ready
	agent    []string                             // more of the agent's flags
}

// rig is everything that runs.
type rig struct {
	setup
	t        *testing.T
	dir, bin string
	db       *storetest.Database
	replicas []*replica
	web, tun *balancer
	admin    tenant.Scope
	token    string
	cluster  string
}

// replica is one process of kubechatd, on the same ports each time.
type replica struct {
	*rig
	name                        string
	webAt, tunAt, peerAt, opsAt string
	cmd                         *exec.Cmd
	ended                       chan struct{} // closed when the process has ended
}

// newRig brings everything up.
func newRig(t *testing.T, s setup) *rig {
	t.Helper()
	s.replicas, s.sessions, s.grace = cmp.Or(s.replicas, 2), cmp.Or(s.sessions, 2), cmp.Or(s.grace, 6*time.Second)
	r := &rig{setup: s, t: t, dir: t.TempDir(), bin: build(t)}
	if s.db == nil {
		s.db = func(t *testing.T) *storetest.Database { return storetest.New(t) }
	}
	r.db = s.db(t)
	var web, tun, probes []string
	for i := range s.replicas {
		p := &replica{rig: r, name: fmt.Sprintf("replica-%d", i), webAt: freeaddr.Loopback(t), tunAt: freeaddr.Loopback(t), peerAt: freeaddr.Loopback(t), opsAt: freeaddr.Loopback(t)}
		r.replicas = append(r.replicas, p)
		web, tun, probes = append(web, p.webAt), append(tun, p.tunAt), append(probes, "http://"+p.opsAt+"/readyz")
	}
	r.web, r.tun = balance(t, web, probes, false), balance(t, tun, probes, s.sticky)
	for _, p := range r.replicas {
		p.start()
	}
	r.join()
	return r
}

// build makes the programs, once for all tests.
func build(t *testing.T) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

var built = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(sandbox.Root(), ".bin", "replicas")
	return bin, sandbox.BuildPrograms(context.Background(), bin, "./controlplane/cmd/kubechatd", "./agent/cmd/kubechat-agent")
})

// start runs the process and waits until it is ready.
func (p *replica) start() {
	p.t.Helper()
	front := p.tun.addr
	if p.front != nil {
		front = p.front(p)
	}
	args := []string{"serve", "--database-url", p.db.DSN, "--key-dir", filepath.Join(p.dir, "keys"), "--web-addr", p.webAt,
		"--tunnel-addr", p.tunAt, "--peer-addr", p.peerAt, "--ops-addr", p.opsAt, "--tunnel-host", front,
		"--drain-for", "500ms", "--stream-grace", p.grace.String(), "--spool-dir", filepath.Join(p.dir, p.name+"-spool")}
	if p.seen != nil {
		args = append(args, "--peer-advertise", p.seen(p))
	}
	if p.flags != nil {
		args = append(args, p.flags(p)...)
	}
	p.cmd, p.ended = p.run(p.name, "kubechatd", nil, args...)
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
func (r *rig) join() {
	r.t.Helper()
	r.admin = storetest.Tenant(r.t, r.db.DB, "acme")
	r.token = r.newToken()
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
	r.call(http.MethodPut, "/clusters/"+r.cluster+"/groups/"+string(r.admin.Member), map[string]string{"group": "admin"}, nil)
	policy := filepath.Join(r.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(agentPolicy), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.run("agent", "kubechat-agent", []string{"KUBECHAT_JOIN_TOKEN=" + made.Join.Token},
		append([]string{"--kubeconfig", kubeconfig, "--state-dir", filepath.Join(r.dir, "agent"), "--policy", policy,
			"--sessions", strconv.Itoa(r.sessions)}, r.agent...)...)
	if r.sessions > 1 {
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

// spread waits until the agent's sessions end at as many replicas as can be.
func (r *rig) spread() {
	r.t.Helper()
	r.eventually("the agent's sessions end at different replicas", func() bool {
		n := 0
		for _, p := range r.replicas {
			if p.metric("kubechat_gateway_sessions") >= 1 {
				n++
			}
		}
		return n >= min(r.sessions, len(r.replicas))
	})
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

package storm

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
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/e2e/freeaddr"
	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/enroll"
)

// plane is the replicas and their database.
type plane struct {
	t        *testing.T
	dir, bin string
	db       *storetest.Database
	replicas []*replica
	joined   atomic.Int64 // clusters
}

// replica is one process of kubechatd, on the same ports each time.
type replica struct {
	*plane
	name                        string
	webAt, tunAt, peerAt, opsAt string
	cmd                         *exec.Cmd
	ended                       chan struct{} // closed when the process has ended
}

func newPlane(t *testing.T, replicas int) *plane {
	t.Helper()
	p := &plane{t: t, dir: t.TempDir(), bin: filepath.Join(sandbox.Root(), ".bin", "storm"), db: storetest.New(t)}
	if err := sandbox.BuildPrograms(t.Context(), p.bin, "./controlplane/cmd/kubechatd"); err != nil {
		t.Fatal(err)
	}
	for i := range replicas {
		p.replicas = append(p.replicas, &replica{plane: p, name: fmt.Sprintf("replica-%d", i),
			webAt: freeaddr.Loopback(t), tunAt: freeaddr.Loopback(t), peerAt: freeaddr.Loopback(t), opsAt: freeaddr.Loopback(t)})
	}
	for _, r := range p.replicas {
		r.start()
		r.awaitReady()
	}
	return p
}

// tunnels are the addresses agents may dial.
func (p *plane) tunnels() (at []string) {
	for _, r := range p.replicas {
		at = append(at, r.tunAt)
	}
	return at
}

func (r *replica) start() {
	r.t.Helper()
	log, err := os.OpenFile(filepath.Join(r.dir, r.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	r.cmd = exec.Command(filepath.Join(r.bin, "kubechatd"), "serve", "--database-url", r.db.DSN, "--key-dir", filepath.Join(r.dir, "keys"),
		"--web-addr", r.webAt, "--tunnel-addr", r.tunAt, "--peer-addr", r.peerAt, "--ops-addr", r.opsAt,
		"--tunnel-host", r.replicas[0].tunAt, "--spool-dir", filepath.Join(r.dir, r.name+"-spool"))
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	cmd, ended := r.cmd, make(chan struct{})
	r.ended = ended
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
			r.t.Logf("the end of %s:\n%s", filepath.Base(log.Name()), strings.Join(lines[max(0, len(lines)-20):], "\n"))
		}
	})
}

func (r *replica) awaitReady() {
	r.t.Helper()
	eventually(r.t, time.Minute, r.name+" is ready", func() bool {
		res, err := http.Get("http://" + r.opsAt + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// cpu is what the process has used.
func (r *replica) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.cmd.Process.Pid))
	if err != nil {
		r.t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])) // from the state on
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // of USER_HZ, which is 100 on Linux
}

// descriptors are the files it has open.
func (r *replica) descriptors() int {
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.cmd.Process.Pid))
	return len(open)
}

// organisation is a tenant and its admin's tokens.
type organisation struct {
	*plane
	slug   string
	tokens []string // used in turn: requests of one are limited
	admin  tenant.Scope
	asked  atomic.Int64
}

func (p *plane) organisation(slug string, tokens int) *organisation {
	p.t.Helper()
	o := &organisation{plane: p, slug: slug, admin: storetest.Tenant(p.t, p.db.DB, slug)}
	for range tokens {
		_, secret, err := signin.New(signin.Config{Store: p.db.DB.Logins()}).CreateToken(p.t.Context(), o.admin, "storm", time.Now().Add(time.Hour))
		if err != nil {
			p.t.Fatal(err)
		}
		o.tokens = append(o.tokens, secret.Reveal())
	}
	return o
}

// call uses the tenant's API at the first replica.
func (o *organisation) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+o.replicas[0].webAt+"/api/v1/t/"+o.slug+path, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+o.tokens[int(o.asked.Add(1))%len(o.tokens)])
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s %s %w", method, path, res.Status, text, err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// join adds a cluster through the API and enrols its agent at the gateway, each from an address of its own: enrolments
// from one are limited to two a second.
func (o *organisation) join(ctx context.Context) (cluster string, a simulated, err error) {
	n := int(o.joined.Add(1))
	var made struct {
		Cluster struct{ ID string }
		Join    struct{ Token string }
	}
	if err := o.call(ctx, http.MethodPost, "/clusters", map[string]string{"name": fmt.Sprintf("cluster-%d", n)}, &made); err != nil {
		return "", a, err
	}
	token, err := pki.ParseJoinToken(made.Join.Token)
	if err != nil {
		return "", a, err
	}
	uid := uuid.NewString()
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}}
	id, err := enroll.Join(ctx, enroll.Config{
		Token: token, KubeSystemUID: uid, AgentVersion: "1.0.0", KubernetesVersion: "v1.37.2",
		Dial: func(ctx context.Context, addr string) (net.Conn, error) { return from.DialContext(ctx, "tcp", addr) },
	})
	if err != nil {
		return "", a, err
	}
	data, err := id.Marshal()
	return made.Cluster.ID, simulated{Number: n, Identity: data, UID: uid, At: o.tunnels()}, err
}

// eventually polls for what other processes bring about.
func eventually(t *testing.T, within time.Duration, what string, is func() bool) {
	t.Helper()
	late := time.NewTimer(within)
	defer late.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("waited %s in vain: %s", within, what)
		}
	}
}

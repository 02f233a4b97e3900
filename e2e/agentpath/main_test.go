// Package agentpath_test holds the agent's proxy and the chart's rights against a real API server: what a fake one can't
// tell is whether Kubernetes agrees.
package agentpath_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent/apiserver"
	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/agent/policy"
	"github.com/kubechat/kubechat/e2e/kubetest"
	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/tunnel"
	"github.com/kubechat/kubechat/tunnel/tunneltest"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

const (
	patience = 30 * time.Second
	own      = "kubechat" // the chart's namespace
)

var installed struct {
	once       sync.Once
	kubeconfig string // of the agent's service account
}

// install applies the chart with preset operator, once, and returns a kubeconfig of its service account.
func install(t *testing.T) string {
	t.Helper()
	admin := kubetest.APIServer(t)
	installed.once.Do(func() {
		helm := filepath.Join(sandbox.Root(), ".bin", "helm")
		if _, err := os.Stat(helm); err != nil {
			build := exec.Command("go", "build", "-C", filepath.Join(sandbox.Root(), "tools"), "-buildvcs=false", "-o", helm, "helm.sh/helm/v4/cmd/helm")
			if said, err := build.CombinedOutput(); err != nil {
				t.Fatalf("build helm: %v\n%s", err, said)
			}
		}
		render, err := exec.Command(helm, "template", "kubechat-agent", filepath.Join(sandbox.Root(), "helm", "kubechat-agent"),
			"--namespace", own, "--set", "access.preset=operator", "--skip-tests").Output()
		if err != nil {
			t.Fatalf("helm template: %v", err)
		}
		kubetest.Kubectl(t, admin, "create", "namespace", own)
		kubetest.KubectlInput(t, admin, string(render), "-n", own, "apply", "-f", "-")
		token := strings.TrimSpace(kubetest.Kubectl(t, admin, "-n", own, "create", "token", "kubechat-agent"))
		installed.kubeconfig = filepath.Join(filepath.Dir(admin), "agent.kubeconfig")
		if err := os.WriteFile(installed.kubeconfig, kubeconfigWith(t, admin, "token: "+token), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if installed.kubeconfig == "" {
		t.Fatal("the chart was not installed; see the test that tried")
	}
	return installed.kubeconfig
}

// kubeconfigWith is the administrator's kubeconfig with another user.
func kubeconfigWith(t *testing.T, admin, user string) []byte {
	t.Helper()
	var view struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
				CA     string `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
	}
	if err := json.Unmarshal([]byte(kubetest.Kubectl(t, admin, "config", "view", "--raw", "--minify", "--flatten", "-o", "json")), &view); err != nil {
		t.Fatal(err)
	}
	c := view.Clusters[0].Cluster
	if _, err := base64.StdEncoding.DecodeString(c.CA); err != nil || c.CA == "" {
		t.Fatalf("the kubeconfig has no CA: %v", err)
	}
	return fmt.Appendf(nil, "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"+
		"clusters: [{name: x, cluster: {server: %q, certificate-authority-data: %s}}]\nusers: [{name: x, user: {%s}}]\n", c.Server, c.CA, user)
}

// path is the agent's proxy in front of the API server, at the end of a tunnel in memory.
type path struct {
	t     *testing.T
	plane tunnel.Session
}

// newPath serves with the credentials of the kubeconfig under the rules.
func newPath(t *testing.T, kubeconfig, rules string) *path {
	t.Helper()
	server, err := apiserver.FromKubeconfig(kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.CloseIdle)
	parsed, err := policy.Parse([]byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	proxy := kubeproxy.New(kubeproxy.Config{
		Server: server.URL, Requests: server.Requests(), Upgrades: server.Upgrades(), Authorize: server.Authorize,
		Policy: rulesNow{parsed}, Own: policy.Own{Namespace: own, NamePrefix: "kubechat-agent"}, Log: quiet,
	})
	agent, plane := tunneltest.Pair(t, tunnel.Config{}, tunnel.Config{})
	front := &http.Server{Handler: proxy, ReadHeaderTimeout: patience, ErrorLog: slog.NewLogLogger(quiet.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			stream := c.(*tunnel.Conn)
			ctx, cancel := context.WithCancel(kubeproxy.WithHeader(ctx, stream.Header()))
			context.AfterFunc(stream.Context(), cancel)
			return ctx
		}}
	front.SetKeepAlivesEnabled(false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = front.Serve(agent)
	}()
	t.Cleanup(func() {
		_ = front.Close()
		<-done
	})
	return &path{t: t, plane: plane}
}

type rulesNow struct{ *policy.Policy }

func (r rulesNow) Current() (*policy.Policy, error) { return r.Policy, nil }

// person is somebody of a group; the e-mail address goes along as the extra.
func person(group, email string) tunnel.Identity {
	return tunnel.Identity{User: "kubechat:user", Groups: []string{"kubechat:" + group}, Extra: map[string][]string{"kubechat.io/user": {email}}}
}

// transport carries requests as id; the request's id becomes the API server's audit id.
func (p *path) transport(id tunnel.Identity, request string) *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return p.plane.Open(ctx, tunnel.Header{Kind: tunnel.KindHTTP, RequestID: request, Identity: id})
	}}
}

type answer struct {
	code   int
	header http.Header
	body   string
}

// do sends "METHOD /path" with a JSON body, which may be empty.
func (p *path) do(id tunnel.Identity, line, body string) answer {
	p.t.Helper()
	return send(p.t, p.transport(id, ""), "http://cluster", line, body, nil)
}

// direct sends it to the API server as an administrator who impersonates, without an agent.
func direct(t *testing.T, id tunnel.Identity, line, body string) answer {
	t.Helper()
	server, err := apiserver.FromKubeconfig(kubetest.APIServer(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer server.CloseIdle()
	return send(t, server.Requests(), server.URL.String(), line, body, http.Header{"Impersonate-User": {id.User}, "Impersonate-Group": id.Groups})
}

func send(t *testing.T, rt http.RoundTripper, base, line, body string, h http.Header) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	method, target, _ := strings.Cut(line, " ")
	req, err := http.NewRequestWithContext(ctx, method, base+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range h {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	switch {
	case method == http.MethodPatch:
		req.Header.Set("Content-Type", "application/merge-patch+json")
	case body != "":
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return answer{res.StatusCode, res.Header, string(got)}
}

// cause is who refused: one of the agent's causes, or "" for the API server.
func (a answer) cause() (reason, field string) {
	var status struct {
		Details struct {
			Causes []struct{ Reason, Field string }
		}
	}
	if json.Unmarshal([]byte(a.body), &status) != nil || len(status.Details.Causes) == 0 || !strings.HasPrefix(status.Details.Causes[0].Reason, "KubechatAgent") {
		return "", ""
	}
	return status.Details.Causes[0].Reason, status.Details.Causes[0].Field
}

// kubeconfig lets kubectl through as id.
func (p *path) kubeconfig(id tunnel.Identity) string {
	p.t.Helper()
	web := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "cluster"})
		},
		Transport: p.transport(id, ""), FlushInterval: -1, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	})
	p.t.Cleanup(web.CloseClientConnections)
	p.t.Cleanup(func() { _ = web.Listener.Close() })
	file := filepath.Join(p.t.TempDir(), "kubeconfig")
	content := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"+
		"clusters: [{name: x, cluster: {server: %q}}]\nusers: [{name: x, user: {}}]\n", web.URL)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return file
}

// admins gives group kubechat:NAME every right, for as long as the test runs, and the rules to act as it.
func admins(t *testing.T, name string) (tunnel.Identity, string) {
	t.Helper()
	admin := kubetest.APIServer(t)
	kubetest.Kubectl(t, admin, "create", "clusterrolebinding", "test-"+name, "--clusterrole=cluster-admin", "--group=kubechat:"+name)
	t.Cleanup(func() {
		_ = exec.Command(filepath.Join(kubetest.Cluster(t).Bin, "kubectl"), "--kubeconfig", admin, "delete", "clusterrolebinding", "test-"+name).Run()
	})
	return person(name, name+"@example.com"), "identities: {groups: ['kubechat:" + name + "']}\n"
}

package replicas

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/kubechat/kubechat/e2e/kubetest"
)

const agentPolicy = `identities: {groups: ["kubechat:viewer", "kubechat:operator", "kubechat:admin", "kubechat:index"]}
`

// load is what clients do meanwhile, and what became of it.
type load struct {
	*rig
	base      string // of the Kubernetes API, by way of KubeChat
	namespace string
	ctx       context.Context
	stop      context.CancelFunc
	clients   sync.WaitGroup

	gets, watched, cleanEnds atomic.Int64
	mu                       sync.Mutex // guards failures
	failures                 []string
}

func (r *rig) load(web string) *load {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	l := &load{rig: r, base: "http://" + web + "/t/acme/clusters/" + r.cluster + "/k8s", namespace: kubetest.Namespace(r.t), ctx: ctx, stop: cancel}
	r.t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.stop()
	l.clients.Wait()
}

func (l *load) failed(format string, args ...any) {
	if l.ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, fmt.Sprintf(format, args...))
}

// forgive leaves out failures that had to happen.
func (l *load) forgive(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = slices.DeleteFunc(l.failures, func(f string) bool { return strings.Contains(f, text) })
}

func (l *load) check() {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.failures[:min(len(l.failures), 10)] {
		l.t.Error(f)
	}
	l.t.Logf("%d reads, %d events, %d watches ended between two events, %d failures", l.gets.Load(), l.watched.Load(), l.cleanEnds.Load(), len(l.failures))
}

func (l *load) request(method, path string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(l.ctx, method, l.base+path, body)
	if err != nil {
		panic(err) // of constants
	}
	req.Header.Set("Authorization", "Bearer "+l.token)
	return req
}

// get reads over and over, each client on a connection of its own.
func (l *load) get(clients int) {
	for range clients {
		l.clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for l.ctx.Err() == nil {
				if err := l.once(client, "/api/v1/namespaces/"+l.namespace); err != nil {
					l.failed("a read failed: %v", err)
				}
				l.gets.Add(1)
				pause(l.ctx, 20*1e6)
			}
		})
	}
}

func (l *load) once(client *http.Client, path string) error {
	res, err := client.Do(l.request(http.MethodGet, path, nil))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.300s", res.Status, body)
	}
	return err
}

// write counts up in a config map, straight at the API server, ten times a second.
func (l *load) write() {
	kubeconfig := kubetest.APIServer(l.t)
	kubetest.Kubectl(l.t, kubeconfig, "-n", l.namespace, "create", "configmap", "counter", "--from-literal=n=0")
	proxy := exec.Command(filepath.Join(kubetest.Cluster(l.t).Bin, "kubectl"), "--kubeconfig", kubeconfig, "proxy", "--port=0")
	out, err := proxy.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := proxy.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = proxy.Process.Kill(); _ = proxy.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n') // Starting to serve on 127.0.0.1:PORT
	if err != nil {
		l.t.Fatal(err)
	}
	at := "http://" + strings.TrimSpace(line[strings.LastIndex(line, " ")+1:]) + "/api/v1/namespaces/" + l.namespace + "/configmaps/counter"
	l.clients.Go(func() {
		for n := 1; pause(l.ctx, 100*1e6); n++ {
			req, err := http.NewRequestWithContext(l.ctx, http.MethodPatch, at, strings.NewReader(fmt.Sprintf(`{"data":{"n":"%d"}}`, n)))
			if err != nil {
				panic(err)
			}
			req.Header.Set("Content-Type", "application/merge-patch+json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				l.failed("the writer: %v", err)
				continue
			}
			_ = res.Body.Close()
		}
	})
}

type event struct {
	Type   string
	Object struct {
		Metadata struct{ ResourceVersion string }
		Data     struct{ N string }
		Message  string
	}
}

// watch follows the counter as client-go does: where one watch ends, the next one begins at the last version seen. Not
// one count may be missing, and no watch may end within an event.
func (l *load) watch(clients int) {
	for range clients {
		l.clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			var seen counter
			for l.ctx.Err() == nil {
				if err := l.watchOnce(client, &seen); err != nil {
					l.failed("a watch at %d: %v", seen.last, err)
					pause(l.ctx, 100*1e6)
				}
			}
		})
	}
}

// counter is what one client has seen.
type counter struct {
	version string
	last    int
	begun   bool
}

func (c *counter) take(e event) error {
	n, err := strconv.Atoi(e.Object.Data.N)
	if err != nil {
		return fmt.Errorf("event %s %q", e.Type, e.Object.Message)
	}
	if c.begun && n != c.last+1 {
		return fmt.Errorf("%d follows %d", n, c.last)
	}
	c.version, c.last, c.begun = e.Object.Metadata.ResourceVersion, n, true
	return nil
}

func (l *load) watchPath(seen *counter) string {
	q := url.Values{"watch": {"true"}, "fieldSelector": {"metadata.name=counter"}, "resourceVersion": {seen.version}}
	return "/api/v1/namespaces/" + l.namespace + "/configmaps?" + q.Encode()
}

func (l *load) watchOnce(client *http.Client, seen *counter) error {
	res, err := client.Do(l.request(http.MethodGet, l.watchPath(seen), nil))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		return fmt.Errorf("%s: %.300s", res.Status, body)
	}
	for in := json.NewDecoder(res.Body); ; {
		var e event
		switch err := in.Decode(&e); {
		case errors.Is(err, io.EOF):
			l.cleanEnds.Add(1)
			return nil
		case err != nil:
			return fmt.Errorf("cut: %w", err)
		}
		if err := seen.take(e); err != nil {
			return err
		}
		l.watched.Add(1)
	}
}

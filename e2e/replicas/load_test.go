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
	"time"

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
	unaries   sync.WaitGroup // clients that send short requests
	enough    chan struct{}  // closed when they should send no more

	asked, reads, changes atomic.Int64 // unary requests: all of them, and those that were answered as they should be
	watched, cleanEnds    atomic.Int64
	began                 time.Time
	slowest               atomic.Int64 // nanoseconds that a unary request took at most
	mu                    sync.Mutex   // guards failures
	failures              []failure
}

// failure is a request that was not answered as it should be.
type failure struct {
	what string
	at   time.Time // when it was sent
	took time.Duration
	err  error
}

func (f failure) String() string {
	return fmt.Sprintf("%s, sent at %s, failed after %s: %v", f.what, f.at.Format("15:04:05.000"), f.took.Round(time.Millisecond), f.err)
}

func (r *rig) load(web string) *load {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	l := &load{rig: r, began: time.Now(), enough: make(chan struct{}), base: "http://" + web + "/t/acme/clusters/" + r.cluster + "/k8s", namespace: kubetest.Namespace(r.t), ctx: ctx, stop: cancel}
	r.t.Cleanup(l.end)
	return l
}

// quiet ends the short requests; each gets its answer.
func (l *load) quiet() {
	close(l.enough)
	l.unaries.Wait()
}

func (l *load) end() {
	l.stop()
	l.unaries.Wait()
	l.clients.Wait()
}

func (l *load) failed(what string, at time.Time, err error) {
	if l.ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, failure{what, at, time.Since(at), err})
}

// forgive leaves out failures that had to happen, and returns them.
func (l *load) forgive(had func(failure) bool) (forgiven []failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = slices.DeleteFunc(l.failures, func(f failure) bool {
		if !had(f) {
			return false
		}
		forgiven = append(forgiven, f)
		return true
	})
	return forgiven
}

// cut is a watch that was ended within its answer.
func cut(f failure) bool { return strings.Contains(f.err.Error(), "cut: ") }

func (l *load) check() {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.failures[:min(len(l.failures), 10)] {
		l.t.Error(f.String())
	}
	took := time.Since(l.began).Seconds()
	l.t.Logf("in %.0f s: %d reads and %d changes (%.0f/s, the slowest took %s), %d events, %d watches ended between two events, %d failures",
		took, l.reads.Load(), l.changes.Load(), float64(l.asked.Load())/took, time.Duration(l.slowest.Load()).Round(time.Millisecond),
		l.watched.Load(), l.cleanEnds.Load(), len(l.failures))
}

func (l *load) request(method, path string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(l.ctx, method, l.base+path, body)
	if err != nil {
		panic(err) // of constants
	}
	req.Header.Set("Authorization", "Bearer "+l.token)
	return req
}

// unary sends so many short requests a second, each answer awaited by one of so many clients with a connection of its own.
// One in ten is a change.
func (l *load) unary(rate, clients int) {
	turns := make(chan int, rate) // of a second: what is late is sent as soon as a client is free
	l.clients.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		began := time.Now()
		for sent := 0; ; {
			select {
			case <-l.ctx.Done():
				return
			case <-tick.C:
			}
			for due := int(time.Since(began).Seconds() * float64(rate)); sent < due; sent++ {
				select {
				case turns <- sent:
				default: // a second late: this machine can't
				}
			}
		}
	})
	for i := range clients {
		l.unaries.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-l.enough:
					return
				case <-l.ctx.Done():
					return
				case n := <-turns:
					l.once(client, i, n)
				}
			}
		})
	}
}

// once sends one of the short requests.
func (l *load) once(client *http.Client, who, n int) {
	began := time.Now()
	count, what := &l.reads, "a read"
	var err error
	if n%10 == 9 {
		count, what = &l.changes, "a change"
		err = l.change(client, fmt.Sprintf("client-%d", who), n)
	} else {
		err = l.read(client)
	}
	took := time.Since(began)
	l.asked.Add(1)
	if err != nil {
		l.failed(what, began, err)
		return
	}
	count.Add(1)
	if took > 2*time.Second {
		l.t.Logf("%s by client %d, sent at %s, took %s", what, who, began.Format("15:04:05.000"), took.Round(time.Millisecond))
	}
	for most := l.slowest.Load(); int64(took) > most && !l.slowest.CompareAndSwap(most, int64(took)); most = l.slowest.Load() {
	}
}

func (l *load) read(client *http.Client) error {
	return l.do(client, l.request(http.MethodGet, "/api/v1/namespaces/"+l.namespace, nil))
}

// change writes a client's own value, which must be there then: no change is lost, and none is made later.
func (l *load) change(client *http.Client, who string, n int) error {
	req := l.request(http.MethodPatch, "/api/v1/namespaces/"+l.namespace+"/configmaps/changes", strings.NewReader(fmt.Sprintf(`{"data":{%q:"%d"}}`, who, n)))
	req.Header.Set("Content-Type", "application/merge-patch+json")
	return l.do(client, req)
}

func (l *load) do(client *http.Client, req *http.Request) error {
	res, err := client.Do(req)
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
	kubetest.Kubectl(l.t, kubeconfig, "-n", l.namespace, "create", "configmap", "changes")
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
		for n := 1; pause(l.ctx, 100*time.Millisecond); n++ {
			req, err := http.NewRequestWithContext(l.ctx, http.MethodPatch, at, strings.NewReader(fmt.Sprintf(`{"data":{"n":"%d"}}`, n)))
			if err != nil {
				panic(err)
			}
			req.Header.Set("Content-Type", "application/merge-patch+json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				l.failed("the writer", time.Now(), err)
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
				began := time.Now()
				if err := l.watchOnce(client, &seen); err != nil {
					l.failed(fmt.Sprintf("a watch at %d", seen.last), began, err)
					pause(l.ctx, 100*time.Millisecond)
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
	if before, err := strconv.ParseUint(c.version, 10, 64); err == nil {
		if at, err := strconv.ParseUint(e.Object.Metadata.ResourceVersion, 10, 64); err != nil || at <= before {
			return fmt.Errorf("resourceVersion %s follows %s", e.Object.Metadata.ResourceVersion, c.version)
		}
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

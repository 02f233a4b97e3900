package replicas

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/e2e/kubetest"
)

// kubelet is as much of one as the API server needs to pass an exec on: it switches protocols, and counts.
func kubelet(t *testing.T) (port int) {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			if _, err := fmt.Fprintf(conn, "%d\n", n); err != nil {
				return
			}
			<-tick.C
		}
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	// The API server believes certificates of its own authority only; its own is one for 127.0.0.1.
	folder := filepath.Dir(kubetest.APIServer(t))
	own, err := tls.LoadX509KeyPair(filepath.Join(folder, "apiserver.crt"), filepath.Join(folder, "apiserver.key"))
	if err != nil {
		t.Fatal(err)
	}
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().(*net.TCPAddr).Port
}

// pod makes a pod that shells can be opened in.
func (l *load) pod() {
	l.t.Helper()
	node := "node-" + l.namespace
	kubetest.KubectlInput(l.t, kubetest.APIServer(l.t), fmt.Sprintf(`
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Node", "metadata": {"name": %[1]q},
   "status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}], "daemonEndpoints": {"kubeletEndpoint": {"Port": %[2]d}}}},
  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": %[3]q}},
  {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop", "namespace": %[3]q},
   "spec": {"nodeName": %[1]q, "automountServiceAccountToken": false, "containers": [{"name": "main", "image": "example.com/shop:1"}]}}]}`,
		node, kubelet(l.t), l.namespace), "apply", "--server-side", "-f", "-")
}

// shells are execs that count.
type shells struct {
	next []func() error
	ends []func() error
}

// shells opens so many, half of them on one replica, the others on the others.
func (l *load) shells(n int, on *replica) *shells {
	l.t.Helper()
	s := &shells{}
	for i := range n {
		at := on
		if i%2 == 1 && len(l.replicas) > 1 {
			at = l.other(on)
		}
		next, end := l.shell(at.webAt)
		s.next, s.ends = append(s.next, next), append(s.ends, end)
	}
	return s
}

// goOn reads on in each of them, which must go on for the grace after their replica was told to stop.
func (s *shells) goOn(t *testing.T, since time.Time, grace time.Duration) {
	t.Helper()
	for i, next := range s.next {
		if err := next(); err != nil {
			t.Fatalf("shell %d was cut %s after its replica was told to stop, with a grace of %s: %v", i, time.Since(since).Round(time.Millisecond), grace, err)
		}
	}
}

func (s *shells) end() {
	for _, end := range s.ends {
		_ = end()
	}
}

// shell opens an exec on one replica, and returns what reads its next count and what ends it.
func (l *load) shell(web string) (next, end func() error) {
	l.t.Helper()
	conn, err := net.DialTimeout("tcp", web, patience)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	req := l.request(http.MethodPost, "/api/v1/namespaces/"+l.namespace+"/pods/shop/exec?command=count&stdout=true", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "SPDY/3.1")
	if err := req.Write(conn); err != nil {
		l.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, req)
	if err != nil {
		l.t.Fatal(err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(res.Body)
		l.t.Fatalf("exec: %s %s", res.Status, body)
	}
	want := 0
	return func() error {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(line); got != fmt.Sprint(want) {
			return fmt.Errorf("%s came for %d", got, want)
		}
		want++
		return nil
	}, conn.Close
}

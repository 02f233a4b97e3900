package agent_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/agent/apiserver/apiservertest"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/tunnel/dialer"
)

// sick is an agent's configuration of which a test breaks one thing.
type sick struct {
	agent.Config
	cluster *cluster
	plane   *plane
	token   pki.JoinToken
}

func newSick(t *testing.T) *sick {
	t.Helper()
	s := &sick{cluster: newCluster(t), plane: newPlane(t)}
	s.token, _ = s.plane.newToken("")
	s.Config = agent.Config{Server: apiservertest.Open(t, s.cluster.Server), Namespace: "kubechat", IdentitySecret: "kubechat-agent-identity",
		JoinToken: s.token.String(), Version: "0.2.0", Name: "pod"}
	return s
}

// at makes the token name another gateway, whose root is the plane's.
func (s *sick) at(t *testing.T, gateway string) {
	t.Helper()
	token := s.token
	token.Gateway = gateway
	s.JoinToken = token.String()
}

// diagnosed runs a diagnosis and finds the step's finding; nothing in the report may be secret.
func diagnosed(t *testing.T, s *sick, step string) (agent.Finding, agent.Report) {
	t.Helper()
	r := agent.Diagnose(t.Context(), s.Config)
	text := fmt.Sprintf("%+v", r)
	for _, secret := range []string{s.JoinToken, "agents-own", "hunter2"} {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("the report holds %q", secret)
		}
	}
	for _, f := range r.Findings {
		if f.Step == step {
			return f, r
		}
	}
	t.Fatalf("no step %s in %+v", step, r)
	panic("not reached")
}

// wants checks the verdict and some of the words; a failure says what to do, and fails the report.
func wants(t *testing.T, s *sick, step string, v agent.Verdict, words ...string) {
	t.Helper()
	f, r := diagnosed(t, s, step)
	for _, w := range words {
		if !strings.Contains(f.Says+" "+f.Do, w) {
			t.Errorf("%s says %q, %q; want %q in it", step, f.Says, f.Do, w)
		}
	}
	if f.Verdict != v || v == agent.Failed && (f.Do == "" || r.OK) {
		t.Errorf("%s: %+v, report ok: %t; want %s", step, f, r.OK, v)
	}
}

// listens answers each connection with serve.
func listens(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); serve(conn) }()
		}
	}()
	return l.Addr().String()
}

func through(proxy string) func(*url.URL) (*url.URL, error) {
	return func(*url.URL) (*url.URL, error) { return url.Parse(proxy) }
}

func TestDiagnosisOfAHealthyAgentFindsNothing(t *testing.T) {
	t.Parallel()
	s := newSick(t)
	_, r := diagnosed(t, s, "TLS")
	for _, f := range r.Findings {
		if f.Verdict != agent.Well {
			t.Errorf("%+v", f)
		}
	}
	if !r.OK || len(r.Findings) != 12 || s.plane.enrolments() != 0 {
		t.Errorf("ok %t, %d steps, %d enrolments", r.OK, len(r.Findings), s.plane.enrolments())
	}
}

func TestDiagnosisOfAJoinedAgentUsesItsIdentity(t *testing.T) {
	t.Parallel()
	s := newSick(t)
	stop, ended := start(t, s.Config)
	within(t, "session", s.plane.sessions)
	stop()
	within(t, "end", ended)
	s.JoinToken = ""
	wants(t, s, "identity", agent.Well, "certificate ends at")
	wants(t, s, "join token", agent.Well, "none is needed")
	wants(t, s, "TLS", agent.Well)
}

func TestDiagnosisNamesTheStepThatFails(t *testing.T) {
	t.Parallel()
	closed := func(t *testing.T) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	for name, c := range map[string]struct {
		sicken func(t *testing.T, s *sick)
		step   string
		words  []string
	}{
		"no settings":   {func(_ *testing.T, s *sick) { s.StateDir = "/both" }, "settings", []string{"either a Secret or a folder"}},
		"no such name":  {func(t *testing.T, s *sick) { s.at(t, "gateway.invalid:443") }, "DNS", []string{"the gateway", "DNS"}},
		"no such proxy": {func(_ *testing.T, s *sick) { s.Proxy = through("http://ana:hunter2@proxy.invalid:3128") }, "DNS", []string{"the proxy"}},
		"proxy's URL": {func(_ *testing.T, s *sick) {
			s.Proxy = func(*url.URL) (*url.URL, error) { return nil, fmt.Errorf("hunter2") }
		}, "proxy", []string{"HTTPS_PROXY"}},
		"proxy closed": {func(t *testing.T, s *sick) { s.Proxy = through("http://" + closed(t)) }, "TCP", []string{"the proxy"}},
		"proxy wants a password": {func(t *testing.T, s *sick) {
			s.Proxy = through("http://" + listens(t, answers("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")))
		}, "proxy", []string{"user name and password"}},
		"proxy refuses the password": {func(t *testing.T, s *sick) {
			s.Proxy = through("http://ana:hunter2@" + listens(t, answers("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")))
		}, "proxy", []string{"does not accept"}},
		"proxy refuses the gateway": {func(t *testing.T, s *sick) {
			s.Proxy = through("http://" + listens(t, answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")))
		}, "proxy", []string{"refuses to connect", "403"}},
		"gateway closed": {func(t *testing.T, s *sick) { s.at(t, closed(t)) }, "TCP", []string{"the gateway", "firewall"}},
		"no TLS":         {func(t *testing.T, s *sick) { s.at(t, listens(t, answers("SSH-2.0-OpenSSH_9.9\r\n"))) }, "TLS", []string{"does not speak TLS"}},
		"TLS cut":        {func(t *testing.T, s *sick) { s.at(t, listens(t, answers(""))) }, "TLS", []string{"during the handshake"}},
		"intercepted": {func(t *testing.T, s *sick) {
			other := httptest.NewTLSServer(http.NotFoundHandler())
			t.Cleanup(other.Close)
			s.at(t, other.Listener.Addr().String())
		}, "interception", []string{"opens TLS", "Acme Co", "inspection"}},
		"token cut":       {func(_ *testing.T, s *sick) { s.JoinToken = s.JoinToken[:60] }, "join token", []string{"damaged", "Copy it again"}},
		"token missing":   {func(_ *testing.T, s *sick) { s.JoinToken = "" }, "join token", []string{"none", "join.token"}},
		"API server away": {func(_ *testing.T, s *sick) { s.cluster.Close() }, "API server", []string{"networkPolicy.apiServerPorts"}},
		"may not impersonate": {func(_ *testing.T, s *sick) { s.cluster.denied = "impersonate groups" }, "RBAC",
			[]string{"impersonate groups kubechat:viewer", "helm upgrade"}},
		"may not keep its identity": {func(_ *testing.T, s *sick) { s.cluster.denied = "patch secrets" }, "RBAC", []string{"identity can't be kept"}},
		"no policy file":            {func(_ *testing.T, s *sick) { s.PolicyFile = "/nonexistent" }, "local policy", []string{"everything is refused"}},
		"policy that makes no sense": {func(t *testing.T, s *sick) {
			s.PolicyFile = filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(s.PolicyFile, []byte("exec: maybe\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "local policy", []string{"kubechat-agent-policy"}},
		"damaged identity": {func(_ *testing.T, s *sick) {
			s.cluster.secret = map[string][]byte{"tls.crt": []byte("not a certificate")}
		}, "identity", []string{"damaged"}},
		"no Secret": {func(_ *testing.T, s *sick) { s.IdentitySecret = "another" }, "identity", []string{"can't be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSick(t)
			c.sicken(t, s)
			wants(t, s, c.step, agent.Failed, c.words...)
		})
	}
}

// answers reads a little and says something, whatever was asked.
func answers(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1024))
		_, _ = io.WriteString(conn, text)
	}
}

func TestInterceptionIsOnlyAWarningWhereWebSocketsGoThrough(t *testing.T) {
	t.Parallel()
	s := newSick(t)
	other := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	s.at(t, other.Listener.Addr().String())
	s.Transports = []dialer.Transport{dialer.TLS, dialer.WebSocket}
	wants(t, s, "interception", agent.Warned, "tunnel inside is safe")
}

// A gateway that is the plane's by its certificate, and whose clock is another.
func TestClockIsComparedWithTheGateways(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ahead time.Duration
		want  agent.Verdict
		words string
	}{
		{0, agent.Well, "agrees"}, {time.Minute, agent.Warned, "1m0s behind"}, {-2 * time.Minute, agent.Warned, "2m0s ahead"}, {time.Hour, agent.Failed, "1h0m0s behind"},
	} {
		s := newSick(t)
		gateway := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusNotFound)
		})}
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: s.plane.authority.Gateway(t), NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS13})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = gateway.Serve(l) }()
		t.Cleanup(func() { _ = gateway.Close() })
		s.at(t, l.Addr().String())
		f, _ := diagnosed(t, s, "clock")
		if f.Verdict != c.want || !strings.Contains(approx(f.Says), c.words) {
			t.Errorf("%s ahead: %+v; want %s, %q", c.ahead, f, c.want, c.words)
		}
	}
}

// approx forgives the second that a Date header rounds away.
func approx(says string) string {
	return strings.NewReplacer("59s ", "1m0s ", "1m1s ", "1m0s ", "1m59s ", "2m0s ", "2m1s ", "2m0s ", "59m59s ", "1h0m0s ", "1h0m1s ", "1h0m0s ").Replace(says)
}

func TestReportIsJSONForPrograms(t *testing.T) {
	t.Parallel()
	s := newSick(t)
	_, r := diagnosed(t, s, "TLS")
	b, err := json.Marshal(r)
	if err != nil || !strings.HasPrefix(string(b), `{"version":"0.2.0","ok":true,"findings":[{"step":"settings","verdict":"ok","says":`) {
		t.Errorf("%s, %v", b, err)
	}
}

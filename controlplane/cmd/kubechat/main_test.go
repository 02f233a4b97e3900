package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fakeService is the service's API with one organisation, one cluster, and one run that a test scripts.
type fakeService struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex // guards the rest
	events   []string   // of the run, as frames' data
	cutAfter int        // the first stream ends after this many events, without `end`; 0: it does not
	streams  int
	bodies   map[string][]string // what was sent, by "METHOD path"
	answers  []int               // statuses of the next approvals; then 202
	decided  chan struct{}       // closed once an approval was sent
	tools    string              // what assistants are offered
}

const goodToken = "kcp_good"

func newService(t *testing.T, events ...string) *fakeService {
	t.Helper()
	s := &fakeService{t: t, events: events, bodies: map[string][]string{}, decided: make(chan struct{})}
	mux := http.NewServeMux()
	session := `{"logins":[{"tenant":{"id":"1","slug":"acme","name":"Acme"},"member":{"id":"2","name":"Ada","email":"ada@acme.test"},"role":"tenant_admin"}]}`
	mux.HandleFunc("GET /api/v1/session", func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "Bearer kcp_once":
			problem(w, 401, "token_single_use", "For one sign-in only.")
		case "Bearer " + goodToken:
			_, _ = io.WriteString(w, session)
		default:
			problem(w, 401, "token_invalid", "This API token is not valid.")
		}
	})
	mux.HandleFunc("POST /api/v1/session", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "kc_0123456789ab", Value: "x", Path: "/"})
		_, _ = io.WriteString(w, session)
	})
	mux.HandleFunc("POST /api/v1/t/acme/tokens", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("kc_0123456789ab"); err != nil {
			problem(w, 401, "not_signed_in", "You are not signed in.")
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"t1","token":"`+goodToken+`","expiresAt":"2030-01-02T03:04:05Z"}`)
	})
	mux.HandleFunc("DELETE /api/v1/t/acme/session", noContent)
	mux.HandleFunc("DELETE /api/v1/t/acme/tokens/t1", noContent)
	mux.HandleFunc("DELETE /api/v1/t/acme/runs/r1", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	mux.HandleFunc("GET /api/v1/t/acme/clusters", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"items":[{"id":"c1","name":"prod","state":"connected","group":"operator","kubernetesVersion":"v1.37.2"},
			{"id":"c2","name":"old","state":"offline","group":"viewer"}]}`)
	})
	mux.HandleFunc("GET /api/v1/t/acme/tools", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s.tools) })
	mux.HandleFunc("POST /api/v1/t/acme/clusters/c1/tools/list", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"text":"hello\u001b[2J","failed":false}`)
	})
	mux.HandleFunc("GET /api/v1/t/acme/clusters/c1/kubeconfig", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "kind: Config\n")
	})
	mux.HandleFunc("POST /api/v1/t/acme/conversations", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"id":"v1"}`) })
	mux.HandleFunc("POST /api/v1/t/acme/conversations/v1/runs", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"id":"r1"}`)
	})
	mux.HandleFunc("GET /api/v1/t/acme/runs/r1/events", s.stream)
	mux.HandleFunc("POST /api/v1/t/acme/runs/r1/approval", s.approval)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(b))
		s.mu.Lock()
		key := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/v1")
		s.bodies[key] = append(s.bodies[key], string(b))
		s.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": code, "detail": detail, "requestId": "r-1"})
}

// stream sends what the reader has not seen. What follows an approval waits for it.
func (s *fakeService) stream(w http.ResponseWriter, r *http.Request) {
	var after int
	_, _ = fmt.Sscan(r.URL.Query().Get("after"), &after)
	s.mu.Lock()
	s.streams++
	cut := s.cutAfter
	if s.streams > 1 {
		cut = 0
	}
	events := s.events
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, ": still here\n\n")
	for i, e := range events {
		kind, data, _ := strings.Cut(e, " ")
		if i+1 > after {
			_, _ = fmt.Fprintf(w, "id: %d\nevent: %s\ndata: {\"seq\":%d,\"type\":%q,\"data\":%s}\n\n", i+1, kind, i+1, kind, data)
			_ = http.NewResponseController(w).Flush()
		}
		if kind == "approval" {
			select {
			case <-s.decided:
			case <-r.Context().Done():
				return
			}
		}
		if i+1 == cut {
			return
		}
	}
}

func (s *fakeService) approval(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := http.StatusAccepted
	if len(s.answers) > 0 {
		status, s.answers = s.answers[0], s.answers[1:]
	}
	if status != http.StatusAccepted {
		problem(w, status, "typed_name", "The name does not match.")
		return
	}
	close(s.decided)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{}`)
}

func (s *fakeService) sent(key string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies[key]
}

// person is somebody at a terminal with a home of their own.
type person struct {
	t    *testing.T
	home string
	vars map[string]string
	out  bytes.Buffer
	err  bytes.Buffer
}

func newPerson(t *testing.T) *person {
	t.Helper()
	return &person{t: t, home: t.TempDir(), vars: map[string]string{}}
}

// run runs one command with what the person types.
func (p *person) run(typed string, args ...string) error {
	p.t.Helper()
	p.out.Reset()
	p.err.Reset()
	return run(p.t.Context(), &env{
		in: strings.NewReader(typed), out: &p.out, err: &p.err, tty: typed != "", getenv: p.getenv,
	}, args)
}

func (p *person) getenv(name string) string {
	if name == "HOME" {
		return p.home
	}
	return p.vars[name]
}

// client speaks the API with the person's login.
func (p *person) client() *client {
	p.t.Helper()
	set, err := loadSettings(p.getenv)
	if err != nil {
		p.t.Fatal(err)
	}
	return newClient(&set.Logins[0])
}

// auditHas tells whether a record of this kind, resource and surface is there.
func (p *person) auditHas(kind, resource, surface string) bool {
	p.t.Helper()
	c := p.client()
	var page struct {
		Items []struct{ Kind, Resource, Surface string }
	}
	if err := c.call(p.t.Context(), http.MethodGet, c.in("/audit")+"?limit=200", nil, &page); err != nil {
		p.t.Fatal(err)
	}
	return slices.Contains(page.Items, struct{ Kind, Resource, Surface string }{kind, resource, surface})
}

func (p *person) must(typed string, args ...string) string {
	p.t.Helper()
	if err := p.run(typed, args...); err != nil {
		p.t.Fatalf("kubechat %v: %v\n%s", args, err, p.err.String())
	}
	return p.out.String()
}

func (p *person) settings() string {
	return filepath.Join(p.home, ".config", "kubechat", "config.json")
}

func signedInPerson(t *testing.T, s *fakeService) *person {
	t.Helper()
	p := newPerson(t)
	p.must("", "login", "--server", s.URL, "--token", goodToken)
	return p
}

func TestLoginKeepsTheTokenForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	p := signedInPerson(t, newService(t))
	if !strings.Contains(p.out.String(), "Acme") || strings.Contains(p.out.String(), goodToken) {
		t.Errorf("said: %s", p.out.String())
	}
	info, err := os.Stat(p.settings())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestLoginRefusesWhatWouldSendTheTokenInClear(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	if err := p.run("", "login", "--server", "http://kubechat.example", "--token", goodToken); err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("got %v", err)
	}
}

func TestLoginReadsTheTokenFromStandardInput(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.must(goodToken+"\n", "login", "--server", newService(t).URL, "--token", "-")
}

func TestLoginSaysWhyATokenIsRefused(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	if err := p.run("", "login", "--server", newService(t).URL, "--token", "kcp_bad"); err == nil || !strings.Contains(err.Error(), "not valid") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(p.settings()); !errors.Is(err, os.ErrNotExist) {
		t.Error("a refused token was kept")
	}
}

func TestSingleUseTokenBecomesOneOfThisMachines(t *testing.T) {
	t.Parallel()
	s := newService(t)
	p := newPerson(t)
	p.must("", "login", "--server", s.URL, "--token", "kcp_once")
	b, err := os.ReadFile(p.settings())
	if err != nil || !strings.Contains(string(b), goodToken) || strings.Contains(string(b), "kcp_once") {
		t.Errorf("%s %v", b, err)
	}
	if len(s.sent("DELETE /t/acme/session")) != 1 {
		t.Error("the browser-like login was left open")
	}
	p.must("", "logout")
	if len(s.sent("DELETE /t/acme/tokens/t1")) != 1 {
		t.Error("the machine's own token was not revoked")
	}
}

func TestCredentialIsWhatKubectlReads(t *testing.T) {
	t.Parallel()
	s := newService(t)
	p := newPerson(t)
	p.must("", "login", "--server", s.URL, "--token", "kcp_once")
	var c credential
	if err := json.Unmarshal([]byte(p.must("", "credential", "--server", s.URL, "--tenant", "acme")), &c); err != nil {
		t.Fatal(err)
	}
	want := credential{"client.authentication.k8s.io/v1", "ExecCredential", credentialStatus{goodToken, "2030-01-02T03:04:05Z"}}
	if c != want {
		t.Errorf("got %+v", c)
	}
	if err := p.run("", "credential", "--server", s.URL, "--tenant", "globex"); err == nil || !strings.Contains(err.Error(), "kubechat login") {
		t.Errorf("for another organisation: %v", err)
	}
}

func TestKubeconfigIsWrittenForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	p := signedInPerson(t, newService(t))
	if got := p.must("", "kubeconfig"); got != "kind: Config\n" {
		t.Errorf("got %q", got)
	}
	file := filepath.Join(p.home, "kc")
	p.must("", "kubeconfig", "prod", "--write", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v", err)
	}
	if err := p.run("", "kubeconfig", "nowhere"); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
}

func TestClustersAreListed(t *testing.T) {
	t.Parallel()
	p := signedInPerson(t, newService(t))
	if got := p.must("", "clusters"); !strings.Contains(got, "prod") || !strings.Contains(got, "operator") || !strings.Contains(got, "offline") {
		t.Errorf("got %s", got)
	}
	if got := p.must("", "clusters", "--output", "json"); !json.Valid([]byte(got)) {
		t.Errorf("got %s", got)
	}
}

const (
	readPlan   = `plan {"class":"read","kubectl":"kubectl get pods -n shop","sentence":"x"}`
	changePlan = `plan {"hash":"h","class":"mutate","sentence":"Scale checkout to 3.","kubectl":"kubectl scale deployment/checkout --replicas=3 -n shop","cluster":{"name":"prod"},"namespace":"shop"}`
	killPlan   = `plan {"hash":"h","class":"destructive","sentence":"Delete checkout.","kubectl":"kubectl delete deployment checkout","cluster":{"name":"prod"},"typedName":"checkout"}`
	access     = `access {"allowed":true,"group":"operator","steps":[]}`
	diff       = `diff {"steps":[{"title":"Deployment checkout","unified":"-  replicas: 2\n+  replicas: 3","warnings":[]}]}`
	approval   = `approval {"planHash":"h","expiresAt":"2030-01-01T00:00:00Z"}`
	result     = `result {"step":0,"outcome":"succeeded","message":"checkout was scaled to 3"}`
	done       = `end {"state":"done"}`
)

func TestAskPrintsTheAnswerAsATable(t *testing.T) {
	t.Parallel()
	p := signedInPerson(t, newService(t, `accepted {"text":"x"}`, readPlan,
		`table {"title":"Pods in shop","columns":[{"name":"Name","kind":"text"},{"name":"Restarts","kind":"number"}],"rows":[["checkout-1",3],["cart-1",null]]}`, done))
	got := p.must("", "ask", "what", "is", "running", "in", "shop")
	for _, want := range []string{"$ kubectl get pods -n shop", "NAME", "RESTARTS", "checkout-1   3", "cart-1"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
}

func TestAskGoesOnWhereALostConnectionLeftOff(t *testing.T) {
	t.Parallel()
	s := newService(t, readPlan, `text {"text":"one"}`, `text {"text":"two"}`, done)
	s.cutAfter = 2
	got := signedInPerson(t, s).must("", "ask", "x")
	if strings.Count(got, "one") != 1 || strings.Count(got, "two") != 1 {
		t.Errorf("got %s", got)
	}
}

func TestAskShowsAChangeAndDoesItOnYes(t *testing.T) {
	t.Parallel()
	s := newService(t, changePlan, access, diff, approval, result, done)
	p := signedInPerson(t, s)
	got := p.must("y\n", "ask", "scale checkout to 3")
	for _, want := range []string{"Scale checkout to 3.", "in cluster prod, namespace shop", "kubectl scale", "as operator", "+  replicas: 3", "succeeded"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	if sent := s.sent("POST /t/acme/runs/r1/approval"); len(sent) != 1 || sent[0] != `{"decision":"approve","planHash":"h"}` {
		t.Errorf("sent %v", sent)
	}
}

func TestAskDeclinesUnlessSomebodySaysYes(t *testing.T) {
	t.Parallel()
	for name, typed := range map[string]string{"no": "n\n", "return": "\n", "other words": "maybe\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, changePlan, approval, `declined {"by":"ada"}`, done)
			err := signedInPerson(t, s).run(typed, "ask", "scale checkout to 3")
			if exitCode(err) != codeDeclined {
				t.Errorf("got %v", err)
			}
			if sent := s.sent("POST /t/acme/runs/r1/approval"); len(sent) != 1 || !strings.Contains(sent[0], "decline") {
				t.Errorf("sent %v", sent)
			}
		})
	}
}

func TestAskWantsTheNameTypedForWhatDestroys(t *testing.T) {
	t.Parallel()
	s := newService(t, killPlan, approval, result, done)
	s.answers = []int{http.StatusForbidden}
	signedInPerson(t, s).must("chekout\ncheckout\n", "ask", "delete checkout", "--yes")
	sent := s.sent("POST /t/acme/runs/r1/approval")
	if len(sent) != 2 || !strings.Contains(sent[0], `"chekout"`) || !strings.Contains(sent[1], `"typedName":"checkout"`) {
		t.Errorf("sent %v", sent)
	}
}

func TestAskTellsScriptsHowItEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		events []string
		code   int
	}{
		"clarify": {[]string{`clarify {"message":"Which one?","choices":[{"label":"A","text":"a"}]}`, done}, codeClarify},
		"refused": {[]string{`refused {"message":"I can not do that."}`, done}, 1},
		"failed":  {[]string{`error {"problem":{"detail":"The cluster is away.","status":503}}`, `end {"state":"failed"}`}, 1},
		"stopped": {[]string{`end {"state":"interrupted","message":"Stopped."}`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := signedInPerson(t, newService(t, c.events...)).run("", "ask", "x"); exitCode(err) != c.code {
				t.Errorf("got %v (%d), want %d", err, exitCode(err), c.code)
			}
		})
	}
}

func TestAskLeavesWhatNobodyHereMayApproveToTheWebChat(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		events []string
		args   []string
	}{
		"nobody there":         {[]string{changePlan, approval}, nil},
		"json asks nobody":     {[]string{changePlan, approval}, []string{"--output", "json"}},
		"a name must be typed": {[]string{killPlan, approval}, []string{"--yes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, c.events...)
			p := signedInPerson(t, s)
			err := p.run("", append([]string{"ask", "scale checkout to 3"}, c.args...)...)
			if exitCode(err) != codeDeclined || err.Error() != "" {
				t.Errorf("got %v", err)
			}
			if sent := s.sent("POST /t/acme/runs/r1/approval"); len(sent) != 0 {
				t.Errorf("sent %v", sent)
			}
			if said := p.err.String(); strings.Count(said, "nothing was done") != 1 || strings.Count(said, s.URL+"/t/acme/chat/v1?run=r1") != 1 || strings.Contains(said, "eclined") {
				t.Errorf("said %s", said)
			}
		})
	}
}

func TestAskAsJSONIsOneDocument(t *testing.T) {
	t.Parallel()
	s := newService(t, `accepted {"text":"x"}`, changePlan, access, diff, approval, `approved {"by":"ada"}`, result, `text {"text":"hi"}`, done)
	var d document
	if err := json.Unmarshal([]byte(signedInPerson(t, s).must("", "ask", "--output", "json", "--yes", "scale checkout to 3")), &d); err != nil {
		t.Fatal(err)
	}
	if d.State != "done" || d.ExitCode != 0 || d.Run != "r1" || d.URL != s.URL+"/t/acme/chat/v1?run=r1" || d.Question != "scale checkout to 3" || d.Cluster != "prod" {
		t.Errorf("%+v", d)
	}
	if len(d.Plans) != 1 || d.Plans[0].Decision != "approved" || len(d.Plans[0].Results) != 1 || !strings.Contains(string(d.Plans[0].Plan), "kubectl scale") ||
		!strings.Contains(string(d.Plans[0].Access), "operator") || !strings.Contains(string(d.Plans[0].Changes), "replicas: 3") {
		t.Errorf("%+v", d.Plans)
	}
	if len(d.Blocks) != 1 || d.Blocks[0].Type != "text" {
		t.Errorf("%+v", d.Blocks)
	}

	p := signedInPerson(t, newService(t, changePlan, approval))
	if err := p.run("", "ask", "--output", "json", "x"); exitCode(err) != codeDeclined {
		t.Errorf("%v", err)
	}
	d = document{}
	if err := json.Unmarshal(p.out.Bytes(), &d); err != nil || d.State != stateWaits || d.ExitCode != codeDeclined || d.Plans[0].Approval == nil || d.Plans[0].Decision != "" {
		t.Errorf("%v %+v", err, d)
	}
	p = signedInPerson(t, newService(t, `clarify {"message":"Which one?","choices":[]}`, done))
	if err := p.run("", "ask", "--output", "json", "x"); exitCode(err) != codeClarify {
		t.Errorf("%v", err)
	}
	d = document{}
	if err := json.Unmarshal(p.out.Bytes(), &d); err != nil || d.ExitCode != codeClarify || d.Clarify == nil || len(d.Plans) != 0 {
		t.Errorf("%v %+v", err, d)
	}
	if err := p.run("", "ask", "--output", "xml", "x"); exitCode(err) != codeUsage {
		t.Errorf("%v", err)
	}
}

func TestAskAsJSONLinesIsOneEventALine(t *testing.T) {
	t.Parallel()
	got := signedInPerson(t, newService(t, readPlan, `text {"text":"hi"}`, done)).must("", "ask", "--output", "jsonl", "x")
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %s", len(lines), got)
	}
	for i, line := range lines {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Seq != int64(i+1) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestTextFromAClusterCannotDriveTheTerminal(t *testing.T) {
	t.Parallel()
	evil := `\u001b]0;owned\u0007\u001b[2J\u202ekcatta\r`
	s := newService(t, `text {"text":"`+evil+`"}`, `log {"lines":["`+evil+`"]}`,
		`table {"columns":[{"name":"`+evil+`"}],"rows":[["`+evil+`"]]}`, `finding {"object":"`+evil+`","text":"`+evil+`","evidence":[{"path":"`+evil+`","value":"`+evil+`"}]}`, done)
	got := signedInPerson(t, s).must("", "ask", "x")
	if strings.ContainsAny(got, "\x1b\x07\r\u202e") {
		t.Errorf("got %q", got)
	}
}

func TestUsageErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nonsense"}, "no such command"}, {[]string{"login"}, "--server"}, {[]string{"ask", "x"}, "kubechat login"},
		{[]string{"clusters"}, "kubechat login"}, {[]string{"login", "--server", "ftp://x"}, "no server address"},
	} {
		if err := p.run("", c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.args, err)
		}
	}
	signed := signedInPerson(t, newService(t))
	if err := signed.run("", "ask"); exitCode(err) != codeUsage {
		t.Errorf("got %v", err)
	}
}

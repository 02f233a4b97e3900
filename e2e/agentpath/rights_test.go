package agentpath_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent/apiserver"
	"github.com/kubechat/kubechat/agent/kubeproxy"
	"github.com/kubechat/kubechat/e2e/kubetest"
	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/tunnel"
)

// presetRules is what the chart writes for preset operator.
const presetRules = "identities: {groups: ['kubechat:viewer', 'kubechat:operator', 'kubechat:index']}\n"

// TestEveryReadOfTheServerAnswersAsWithoutAnAgent asks for every get and list of the server's OpenAPI document.
func TestEveryReadOfTheServerAnswersAsWithoutAnAgent(t *testing.T) {
	t.Parallel()
	p := newPath(t, install(t), presetRules)
	viewer := person("viewer", "ann@example.com")
	f, err := os.Open(filepath.Join(sandbox.Root(), "agent", "kubereq", "testdata", "apiserver-1.37.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	asked := map[int]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		c := strings.Split(lines.Text(), "\t")
		if c[0] != "get" && c[0] != "list" && (c[0] != "-" || !strings.HasPrefix(c[2], "/api")) || c[1] != "GET" || strings.Contains(c[2], "?") || strings.Contains(c[2]+"/", "/watch/") {
			continue
		}
		line := "GET " + c[2]
		through, without := p.do(viewer, line, ""), direct(t, viewer, line, "")
		asked[without.code]++
		if reason, _ := through.cause(); reason == kubeproxy.CausePolicy && strings.HasSuffix(c[2], "/proxy/a/b") {
			continue
		}
		if through.code != without.code || through.header.Get("Content-Type") != without.header.Get("Content-Type") {
			t.Errorf("%s: %d %s, without an agent %d %s", line, through.code, through.body, without.code, without.body)
		}
	}
	if asked[200] < 60 || asked[403] < 60 || asked[404] < 20 {
		t.Errorf("answers by code: %v", asked)
	}
}

func TestRBACDecidesByGroup(t *testing.T) {
	t.Parallel()
	// The rules are wider than the chart's preset: what is refused here, the API server refuses.
	p := newPath(t, install(t), "identities: {groups: ['kubechat:viewer', 'kubechat:operator', 'kubechat:admin']}\nsecrets: full")
	ns := kubetest.Namespace(t)
	const object = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}`
	in := "/api/v1/namespaces/" + ns
	for _, c := range []struct {
		group, line, body string
		code              int
		says              string
	}{
		{"viewer", "GET " + in + "/pods", "", 200, ""},
		{"viewer", "GET /apis/apps/v1/deployments", "", 200, ""},
		{"viewer", "POST " + in + "/configmaps?dryRun=All", object, 403, `User "kubechat:user" cannot create resource "configmaps"`},
		{"viewer", "GET " + in + "/secrets", "", 403, `cannot list resource "secrets"`},
		{"viewer", "POST " + in + "/pods/x/exec?command=sh", "", 403, `cannot create resource "pods/exec"`},
		{"operator", "POST " + in + "/configmaps?dryRun=All", object, 201, ""},
		{"operator", "GET " + in + "/secrets/x", "", 403, `cannot get resource "secrets"`},
		{"operator", "POST /apis/rbac.authorization.k8s.io/v1/clusterroles?dryRun=All", `{"metadata":{"name":"x"}}`, 403, "clusterroles"},
		{"operator", "POST " + in + "/serviceaccounts/default/token", `{}`, 403, "serviceaccounts/token"},
		{"admin", "GET " + in + "/pods", "", 403, `cannot impersonate resource "groups"`},
	} {
		got := p.do(person(c.group, "ann@example.com"), c.line, c.body)
		if reason, _ := got.cause(); got.code != c.code || reason != "" || !strings.Contains(strings.ReplaceAll(got.body, `\"`, `"`), c.says) {
			t.Errorf("%s as %s: %d %s", c.line, c.group, got.code, got.body)
		}
	}
}

func TestAgentItselfMayLittleMoreThanImpersonate(t *testing.T) {
	t.Parallel()
	server, err := apiserver.FromKubeconfig(install(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer server.CloseIdle()
	var out any
	const identity = "/api/v1/namespaces/" + own + "/secrets/kubechat-agent-identity"
	change := map[string]any{"metadata": map[string]any{"annotations": map[string]string{"kubechat.io/test": "x"}}}
	if err := server.Do(t.Context(), http.MethodGet, identity, nil, &out); err != nil {
		t.Error(err)
	}
	if err := server.Do(t.Context(), http.MethodPatch, identity, change, &out); err != nil {
		t.Error(err)
	}
	if uid, err := server.UID(t.Context()); err != nil || uid == "" {
		t.Error(uid, err)
	}
	for _, line := range []string{
		"GET /api/v1/namespaces/" + own + "/secrets", "GET /api/v1/namespaces/" + own + "/secrets/other", "DELETE " + identity, "GET /api/v1/secrets",
		"GET /api/v1/pods", "GET /api/v1/namespaces", "GET /api/v1/namespaces/default", "GET /api/v1/nodes",
		"PATCH /apis/rbac.authorization.k8s.io/v1/clusterroles/kubechat-agent", "PATCH /api/v1/namespaces/" + own + "/configmaps/kubechat-agent-policy",
	} {
		method, target, _ := strings.Cut(line, " ")
		var body any
		if method == http.MethodPatch {
			body = change
		}
		err := server.Do(t.Context(), method, target, body, &out)
		if refused, ok := err.(*apiserver.StatusError); !ok || refused.Code != 403 {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestAuditLogNamesThePersonOfEachRequest sends 1,000 requests of two people at once over one session.
func TestAuditLogNamesThePersonOfEachRequest(t *testing.T) {
	t.Parallel()
	p := newPath(t, install(t), presetRules)
	const count = 1000
	people := []tunnel.Identity{person("viewer", "ann@example.com"), person("operator", "bob@example.com")}
	run := fmt.Sprintf("agentpath-%d-", time.Now().UnixNano())
	var requests sync.WaitGroup
	slots := make(chan struct{}, 32) // requests at once
	for i := range count {
		slots <- struct{}{}
		requests.Go(func() {
			defer func() { <-slots }()
			rt := p.transport(people[i%2], fmt.Sprintf("%s%d", run, i))
			if got := send(t, rt, "http://cluster", "GET /api/v1/namespaces/default", "", nil); got.code != 200 {
				t.Errorf("request %d: %d %s", i, got.code, got.body)
			}
		})
	}
	requests.Wait()

	seen := auditEntries(t, kubetest.Cluster(t).AuditLog, run, count)
	for i := range count {
		entry, want := seen[fmt.Sprintf("%s%d", run, i)], people[i%2]
		if entry.User.Username != "system:serviceaccount:kubechat:kubechat-agent" || entry.Impersonated.Username != "kubechat:user" ||
			len(entry.Impersonated.Groups) == 0 || entry.Impersonated.Groups[0] != want.Groups[0] || fmt.Sprint(entry.Impersonated.Extra) != fmt.Sprint(want.Extra) {
			t.Errorf("request %d of %v is recorded as %+v", i, want, entry)
		}
	}
}

type auditEntry struct {
	AuditID string
	Stage   string
	User    struct{ Username string }

	Impersonated struct {
		Username string
		Groups   []string
		Extra    map[string][]string
	} `json:"impersonatedUser"`
}

// auditEntries waits for the log to hold the entries, by audit id.
func auditEntries(t *testing.T, path, prefix string, count int) map[string]auditEntry {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		seen := map[string]auditEntry{}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for in := bufio.NewReader(f); ; {
			line, err := in.ReadString('\n')
			if strings.Contains(line, prefix) && err == nil {
				var e auditEntry
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Fatal(err)
				}
				if e.Stage == "ResponseComplete" {
					seen[e.AuditID] = e
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		if len(seen) == count {
			return seen
		}
		select {
		case <-deadline:
			t.Fatalf("the audit log holds %d of %d requests", len(seen), count)
		case <-tick.C:
		}
	}
}

package controlplane_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/agent/apiserver/apiservertest"
	"github.com/kubechat/kubechat/controlplane"
	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/telemetry"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const patience = 60 * time.Second // on a machine that does other things as well

// plane is a whole running replica and a person in front of it.
type plane struct {
	t      *testing.T
	at     controlplane.Addresses
	client *http.Client
	token  string
	stop   func() error
}

// start runs a replica on ports of its own, over a database of its own.
func start(t *testing.T) *plane {
	t.Helper()
	db := storetest.NewClosed(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready := make(chan controlplane.Addresses, 1) // Ready is called once
	ended := make(chan error, 1)                  // Run's one result
	go func() {
		ended <- controlplane.Run(ctx, controlplane.Config{
			DSN: db.DSN, KeyDir: t.TempDir(), WebAddr: "127.0.0.1:0", TunnelAddr: "127.0.0.1:0", OpsAddr: "127.0.0.1:0",
			MaxConns: 8, StopGrace: 5 * time.Second, Ready: func(a controlplane.Addresses) { ready <- a },
			Telemetry: telemetry.New(telemetry.Config{Output: t.Output(), Level: slog.LevelInfo}),
		})
	}()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &plane{t: t, client: &http.Client{Jar: jar, Timeout: patience}}
	stopped := false
	p.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("the replica ended with: %v", err)
		}
	})
	select {
	case p.at = <-ready:
	case err := <-ended:
		t.Fatalf("the replica did not start: %v", err)
	}
	p.signIn(db)
	return p
}

// signIn is what kubechatd bootstrap prints, used once by a browser, which then makes a token for programs.
func (p *plane) signIn(db *storetest.Database) {
	p.t.Helper()
	own, err := store.Open(p.t.Context(), store.Config{DSN: db.DSN, MaxConns: 2})
	if err != nil {
		p.t.Fatal(err)
	}
	defer own.Close()
	t, admin, err := account.New(account.Config{Store: own.Accounts()}).CreateTenant(p.t.Context(), account.NewTenant{
		Slug: "acme", Name: "Acme", AdminEmail: "ada@acme.test", AdminName: "Ada",
	})
	if err != nil {
		p.t.Fatal(err)
	}
	scope := tenant.Scope{Tenant: t.ID, Slug: t.Slug, Member: admin.ID, Role: admin.Role}
	_, secret, err := signin.New(signin.Config{Store: own.Logins()}).CreateSingleUse(p.t.Context(), scope, "first", time.Hour)
	if err != nil {
		p.t.Fatal(err)
	}
	p.call(http.MethodPost, "/session", object{"token": secret.Reveal()}, nil)
	var made struct{ Token string }
	p.call(http.MethodPost, "/t/acme/tokens", object{"name": "kubectl", "expiresAt": time.Now().Add(time.Hour)}, &made)
	p.token = made.Token
}

func (p *plane) send(method, path string, in any) *http.Response {
	p.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			p.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.at.PublicURL+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if strings.Contains(path, "/k8s/") {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp
}

// call calls the API and decodes its answer.
func (p *plane) call(method, path string, in, out any) {
	p.t.Helper()
	resp := p.send(method, "/api/v1"+path, in)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		p.t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, b, err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			p.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
}

type clusterView struct{ ID, Name, State, KubernetesVersion, Group string }

// await asks until the cluster's state is the one wanted.
func (p *plane) await(id, state string) clusterView {
	p.t.Helper()
	var c clusterView
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		p.call(http.MethodGet, "/t/acme/clusters/"+id, nil, &c)
		if c.State == state {
			return c
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the cluster is %s, and not %s", c.State, state)
		}
	}
	return c
}

// join adds a cluster and runs a real agent in front of kube.
func (p *plane) join(name string, kube *smallCluster) string {
	p.t.Helper()
	var made struct {
		Cluster clusterView
		Join    struct{ Token, Helm string }
	}
	p.call(http.MethodPost, "/t/acme/clusters", object{"name": name}, &made)
	if made.Cluster.State != "pending" || !strings.Contains(made.Join.Helm, made.Join.Token) {
		p.t.Fatalf("%+v", made)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.t.Context()))
	ended := make(chan error, 1) // Run's one result
	cfg := agent.Config{
		Server: apiservertest.Open(p.t, kube.Server), Name: "test-agent", Version: "v0", Namespace: "kubechat", OwnNamePrefix: "kubechat-agent",
		StateDir: p.t.TempDir(), JoinToken: made.Join.Token, Drain: time.Second, Log: slog.New(slog.NewTextHandler(p.t.Output(), nil)),
	}
	go func() { ended <- agent.Run(ctx, cfg) }()
	p.t.Cleanup(func() { cancel(); <-ended })
	return made.Cluster.ID
}

type runEvent struct {
	Seq  int64
	Type string
	Data json.RawMessage
}

// ask asks and gives every event, as streamed.
func (p *plane) ask(cluster, text string) (run string, events []runEvent) {
	p.t.Helper()
	var conversation, started struct{ ID string }
	p.call(http.MethodPost, "/t/acme/conversations", object{"clusterId": cluster}, &conversation)
	p.call(http.MethodPost, "/t/acme/conversations/"+conversation.ID+"/runs", object{"text": text, "key": "one-question"}, &started)
	resp := p.send(http.MethodGet, "/api/v1/t/acme/runs/"+started.ID+"/events", nil)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e runEvent
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			p.t.Fatalf("%v in %s", err, data)
		}
		events = append(events, e)
	}
	return started.ID, events
}

func find(events []runEvent, kind string) string {
	for _, e := range events {
		if e.Type == kind {
			return string(e.Data)
		}
	}
	return ""
}

func all(events []runEvent) string {
	b, _ := json.Marshal(events)
	return string(b)
}

type record struct {
	Kind, Resource, Namespace, Verb, RunID, RequestID string
	HTTPStatus                                        int
	Actor                                             struct{ Email string }
	Cluster                                           struct{ Name string }
}

// awaitRecords waits for the group commit of reads.
func (p *plane) awaitRecords(enough func([]record) bool) []record {
	p.t.Helper()
	var page struct{ Items []record }
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		p.call(http.MethodGet, "/t/acme/audit?limit=200", nil, &page)
		if enough(page.Items) {
			return page.Items
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not in the audit: %+v", page.Items)
		}
	}
	return nil
}

func TestWholeServiceFromFirstAdminToAuditedAnswer(t *testing.T) {
	t.Parallel()
	p := start(t)
	kube := newSmallCluster(t)
	id := p.join("prod", kube)
	c := p.await(id, "connected")
	if c.KubernetesVersion != "v1.37.2" || c.Group != "viewer" {
		t.Errorf("%+v", c)
	}

	run, events := p.ask(id, "list pods in shop")
	if table := find(events, "table"); !strings.Contains(table, "checkout-1") {
		t.Fatalf("no table with the pod: %s", all(events))
	}
	if plan := find(events, "plan"); !strings.Contains(plan, "kubectl get pods") {
		t.Errorf("plan %s", plan)
	}
	if end := events[len(events)-1]; end.Type != "end" || !strings.Contains(string(end.Data), "done") {
		t.Errorf("it ends with %s %s", end.Type, end.Data)
	}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
	}
	if !kube.askedAs("kubechat:viewer", "ada@acme.test") {
		t.Error("the cluster was not asked as the member's group, with the person in the extras")
	}

	resp := p.send(http.MethodGet, "/t/acme/clusters/"+id+"/k8s/api/v1/namespaces/shop/pods", nil)
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "checkout-1") {
		t.Fatalf("kubectl's path: %d %s %v", resp.StatusCode, body, err)
	}

	records := p.awaitRecords(func(rs []record) bool {
		chat, kubectl := false, false
		for _, r := range rs {
			read := r.Kind == "read" && r.Resource == "pods" && r.Namespace == "shop" && r.Cluster.Name == "prod"
			chat = chat || read && strings.Contains(r.RequestID, run) || read && r.RequestID != ""
			kubectl = kubectl || read && r.HTTPStatus == http.StatusOK
		}
		return chat && kubectl
	})
	for _, r := range records {
		if r.Kind == "read" && r.Actor.Email != "ada@acme.test" {
			t.Errorf("read by %q", r.Actor.Email)
		}
	}
	var usage struct {
		Items []struct {
			Meter    string
			Quantity int64
		}
	}
	p.call(http.MethodGet, "/t/acme/usage", nil, &usage)
	for _, u := range usage.Items {
		if u.Meter == "api_request" && u.Quantity == 0 || u.Meter == "command" && u.Quantity != 0 {
			t.Errorf("%s: %d", u.Meter, u.Quantity)
		}
	}
}

func TestRevokedClusterIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t)
	id := p.join("prod", newSmallCluster(t))
	p.await(id, "connected")
	p.call(http.MethodDelete, "/t/acme/clusters/"+id, nil, nil)
	p.await(id, "revoked")
	deadline := time.Now().Add(5 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		resp := p.send(http.MethodGet, "/t/acme/clusters/"+id+"/k8s/api/v1/namespaces/shop/pods", nil)
		resp.Body.Close()
		if resp.StatusCode >= 400 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("its tunnel still serves after 5 seconds")
		}
	}
}

func TestCookieDoesNotOpenTheKubectlPath(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.token = ""
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.at.PublicURL+"/t/acme/clusters/x/k8s/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d: a page of a cluster could run in our origin", resp.StatusCode)
	}
}

func TestStoppingReplicaSaysSoAndLeavesInTime(t *testing.T) {
	t.Parallel()
	p := start(t)
	stream := p.send(http.MethodGet, "/api/v1/t/acme/events", nil) // somebody who never leaves
	defer stream.Body.Close()
	began := time.Now()
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	if _, err := io.ReadAll(stream.Body); err != nil {
		t.Errorf("the open page was cut off instead of ended: %v", err)
	}
}

func TestConfigTellsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	err := controlplane.Config{
		WebAddr: "nowhere", TunnelAddr: "127.0.0.1", PublicURL: "http://kubechat.example", KubectlURL: "ftp://x",
		TunnelHost: "host", TrustDomain: "Not A Name", Roles: []controlplane.Role{"cook", controlplane.RoleCA},
	}.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"DATABASE_URL", "KEY_DIR", "web address", "tunnel address", "public URL", "kubectl URL", "tunnel host", "trust domain", "cook"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not mentioned in: %v", want, err)
		}
	}
	if err := (controlplane.Config{DSN: "x", KeyDir: "y"}).Validate(); err != nil {
		t.Errorf("the zero value with a database and a key directory: %v", err)
	}
}

func TestTakenPortIsSaidFirst(t *testing.T) {
	t.Parallel()
	p := start(t)
	db := storetest.NewClosed(t)
	err := controlplane.Run(t.Context(), controlplane.Config{DSN: db.DSN, KeyDir: t.TempDir(), WebAddr: p.at.Web, OpsAddr: "off"})
	if err == nil || !strings.Contains(err.Error(), "taken") || !strings.Contains(err.Error(), "--web-addr") {
		t.Errorf("got %v", err)
	}
}

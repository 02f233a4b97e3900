package httpapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/httpapi"
	"github.com/kubechat/kubechat/controlplane/login"
	"github.com/kubechat/kubechat/controlplane/model/egress"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// world is the API over the real domains and a real database; only the clusters behind it are away.
type world struct {
	t        *testing.T
	db       *storetest.Database
	api      *httpapi.API
	url      string
	signIn   *signin.Service
	accounts *account.Service
	clusters *cluster.Service
	chat     *chat.Service
	ledger   *audit.Log
	slack    *slack.Service
	minted   atomic.Int64
}

// noClusters is what a service without a single tunnel knows.
type noClusters struct{}

func (noClusters) Open(context.Context, tenant.Scope, cluster.ID) (chat.Cluster, error) {
	return nil, problem.New(problem.Unavailable, "The cluster is not connected.").WithCode("cluster_disconnected")
}

type install struct{}

func (install) Helm(token string) string {
	return "helm install kubechat-agent --set join.token=" + token
}
func (install) Demo(token string) string { return "make demo-agent TOKEN=" + token }
func (install) Kubeconfig(_ tenant.Scope, c cluster.Cluster) []byte {
	return []byte("kind: Config # " + c.Name + "\n")
}

func setup(t *testing.T, change ...func(*httpapi.Config)) *world {
	t.Helper()
	w := &world{t: t, db: storetest.New(t)}
	db := w.db.DB
	replicas := cluster.NewReplicas(cluster.ReplicasConfig{Store: db.Replicas()})
	if err := replicas.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	background, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	signals := make(chan struct{}) // closed when the signals have ended
	go func() { defer close(signals); _ = db.Run(background) }()
	t.Cleanup(func() { cancel(); <-signals })

	w.accounts = account.New(account.Config{Store: db.Accounts()})
	w.signIn = signin.New(signin.Config{Store: db.Logins(), Secure: true})
	w.clusters = cluster.New(cluster.Config{
		Store: db.Clusters(), Signals: db.ClusterSignals(), Replicas: replicas, Region: "test", Mint: w.mint,
	})
	w.ledger = audit.New(audit.Config{Store: db.Audit(), Replica: replicas.ID()})
	vault, err := settings.ParseVault([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	w.chat, err = chat.New(chat.Config{
		Translator: nlp.Translator{}, Clusters: noClusters{}, Directory: w.clusters, Members: w.accounts, Ledger: w.ledger,
		Decide: access.Decide, Store: db.Chats(), Replica: replicas.ID(),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.slack = slack.New(slack.Config{Store: db.Slack(), Members: w.accounts, Sealer: vault.For("slack signing secret")})
	c := httpapi.Config{
		Slack:  w.slack,
		SignIn: w.signIn, Tokens: w.signIn, Accounts: w.accounts, Clusters: w.clusters, Chat: w.chat, Audit: w.ledger,
		Usage: billing.New(billing.Config{Store: db.Billing()}), Answers: db.Answers(), Install: install{}, Secure: true,
		Models: settings.New(settings.Config{Store: db.Models(), Vault: vault, CheckURL: egress.Policy{}.CheckURL}),
		NewID:  func() string { return "the-request" }, Log: slog.New(slog.DiscardHandler),
		LoginLimit: httpapi.Limit{PerSecond: 1e6, Burst: 1e6}, AddressLimit: httpapi.Limit{PerSecond: 1e6, Burst: 1e6},
	}
	for _, f := range change {
		f(&c)
	}
	if w.api, err = httpapi.New(c); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(w.api)
	t.Cleanup(srv.Close)
	t.Cleanup(w.api.Stop) // before Close, which waits for open streams
	w.url = srv.URL
	return w
}

func (w *world) mint() (string, []byte, error) {
	n := w.minted.Add(1)
	return "kcj1_test" + strings.Repeat("x", int(n)), login.Secret(strings.Repeat("x", int(n))).Hash(), nil
}

// tenant makes a tenant and a client of its admin.
func (w *world) tenant(slug string) *caller {
	w.t.Helper()
	return w.caller(storetest.Tenant(w.t, w.db.DB, slug))
}

// member makes a client of a further member.
func (w *world) member(admin *caller, email string, role tenant.Role) *caller {
	w.t.Helper()
	return w.caller(storetest.Member(w.t, w.db.DB, admin.scope, email, role))
}

func (w *world) caller(scope tenant.Scope) *caller {
	w.t.Helper()
	_, secret, err := w.signIn.CreateToken(w.t.Context(), scope, "test", time.Now().Add(time.Hour))
	if err != nil {
		w.t.Fatal(err)
	}
	return &caller{t: w.t, url: w.url, scope: scope, token: secret}
}

// caller is a member with an API token.
type caller struct {
	t     *testing.T
	url   string
	scope tenant.Scope
	token login.Secret
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("got %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

func (c *caller) request(method, path, body string) *http.Request {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	return req
}

func (c *caller) send(req *http.Request) answer {
	c.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// call calls something of the caller's own tenant.
func (c *caller) call(method, path, body string) answer {
	c.t.Helper()
	return c.send(c.request(method, "/t/"+c.scope.Slug+path, body))
}

func (c *caller) newCluster(name string) httpapi.NewCluster {
	c.t.Helper()
	var made httpapi.NewCluster
	c.call(http.MethodPost, "/clusters", `{"name":"`+name+`"}`).want(c.t, http.StatusCreated).json(c.t, &made)
	return made
}

func (c *caller) newConversation(id cluster.ID) httpapi.Conversation {
	c.t.Helper()
	var made httpapi.Conversation
	c.call(http.MethodPost, "/conversations", `{"clusterId":"`+string(id)+`"}`).want(c.t, http.StatusCreated).json(c.t, &made)
	return made
}

func (c *caller) newRun(id chat.ConversationID) httpapi.Run {
	c.t.Helper()
	var made httpapi.Run
	c.call(http.MethodPost, "/conversations/"+string(id)+"/runs", `{"text":"what is running in shop?","key":"12345678"}`).
		want(c.t, http.StatusAccepted).json(c.t, &made)
	return made
}

package slackapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/assist/settings"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/slack"
	"github.com/kubechat/kubechat/controlplane/slack/slacktest"
	"github.com/kubechat/kubechat/controlplane/slackapi"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

const (
	team   = "T0ACME"
	secret = "0123456789abcdef0123456789abcdef"
	ada    = "U0ADA"
	public = "https://kubechat.example"
)

// world is the whole way from Slack's request to Slack's answer, on the real domains and a real database; the clusters
// are in memory, and Slack is a TLS server of the test's.
type world struct {
	t        *testing.T
	db       *storetest.Database
	api      *slackapi.API
	slack    *slack.Service
	accounts *account.Service
	clusters *cluster.Service
	ledger   *audit.Log
	at       *chattest.Cluster
	admin    tenant.Scope
	cluster  cluster.ID
	hooks    *httptest.Server
	answers  chan string // has what was sent to Slack, in order
	stop     func()
	sent     int
}

func background(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := storetest.New(t)
	w := &world{
		t: t, db: d, accounts: account.New(account.Config{Store: d.DB.Accounts()}), answers: make(chan string, 100),
		clusters: cluster.New(cluster.Config{Store: d.DB.Clusters(), Region: "test"}),
		at: chattest.New(
			chattest.Object{Namespace: "shop", Name: "checkout", Replicas: 2},
			chattest.Object{Namespace: "shop", Name: "web", Replicas: 1},
		),
	}
	w.admin = storetest.Tenant(t, d.DB, "acme")
	w.cluster = must(w.clusters.Create(t.Context(), w.admin, "staging"))(t).ID
	if err := w.clusters.SetGroup(t.Context(), w.admin, w.cluster, w.admin.Member, cluster.GroupAdmin); err != nil {
		t.Fatal(err)
	}
	vault := must(settings.ParseVault([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32)))))(t)
	w.slack = slack.New(slack.Config{Store: d.DB.Slack(), Members: w.accounts, Sealer: vault.For("slack signing secret")})
	key := secret
	must(w.slack.Put(t.Context(), w.admin, slack.Change{Team: team, Secret: &key}))(t)
	w.hooks = httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(rw, r, "/elsewhere", http.StatusTemporaryRedirect)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.answers <- string(body)
	}))
	t.Cleanup(w.hooks.Close)

	replicas := cluster.NewReplicas(cluster.ReplicasConfig{Store: d.DB.Replicas()})
	if err := replicas.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, `update replica set lease_until = now() + interval '1 hour' where replica_id = $1`, replicas.ID())
	background(t, d.DB.Run)
	w.ledger = audit.New(audit.Config{Store: d.DB.Audit(), Replica: replicas.ID(), Flush: time.Millisecond})
	background(t, w.ledger.Run)
	chats := must(chat.New(chat.Config{
		Translator: nlp.Translator{}, Clusters: w.at, Directory: w.clusters, Members: w.accounts, Ledger: w.ledger, Decide: access.Decide,
		Store: d.DB.Chats(), Replica: replicas.ID(), Grace: time.Second,
	}))(t)
	background(t, chats.Run)
	w.api = must(slackapi.New(slackapi.Config{Accounts: w.slack, Chat: chats, Clusters: w.clusters, PublicURL: public}))(t)
	w.api.DeliverTo(strings.TrimPrefix(w.hooks.URL, "https://"), w.hooks.Client())
	w.stop = background(t, w.api.Run)
	return w
}

// post sends a signed form, as Slack does.
func (w *world) post(path string, fields url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	w.sent++
	fields.Set("trigger_id", strconv.Itoa(w.sent)) // Slack's requests are never the same twice
	body := fields.Encode()
	at := strconv.FormatInt(time.Now().Unix(), 10)
	return w.send(path, body, at, slacktest.Sign(secret, at, []byte(body)))
}

func (w *world) send(path, body, at, signature string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Slack-Request-Timestamp", at)
	r.Header.Set("X-Slack-Signature", signature)
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return rec
}

// says is one command of one Slack user, and what is said to it at once.
func (w *world) says(user, text string) string {
	w.t.Helper()
	rec := w.post(slackapi.CommandsPath, url.Values{
		"team_id": {team}, "user_id": {user}, "user_name": {"ada"}, "command": {"/kubechat"}, "text": {text}, "response_url": {w.hooks.URL + "/answer"},
	})
	if rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), `"response_type":"ephemeral"`) {
		w.t.Fatalf("%q: %d %s", text, rec.Code, rec.Body)
	}
	return unescaped(w.t, rec.Body.String())
}

// begins asks a question.
func (w *world) begins(user, text string) {
	w.t.Helper()
	if now := w.says(user, text); !strings.Contains(now, "Looking") {
		w.t.Fatalf("%q: %s", text, now)
	}
}

// asks gives the answer to a question.
func (w *world) asks(user, text string) string {
	w.t.Helper()
	w.begins(user, text)
	return w.answer()
}

// presses is a button's press.
func (w *world) presses(user, button, value string) {
	w.t.Helper()
	payload := must(json.Marshal(map[string]any{
		"type": "block_actions", "team": map[string]any{"id": team}, "user": map[string]any{"id": user, "team_id": team},
		"response_url": w.hooks.URL + "/pressed", "actions": []any{map[string]any{"action_id": button, "value": value}},
	}))(w.t)
	if rec := w.post(slackapi.InteractionsPath, url.Values{"payload": {string(payload)}}); rec.Code != http.StatusOK || rec.Body.Len() != 0 {
		w.t.Fatalf("%d %s", rec.Code, rec.Body)
	}
}

// answer is the next message that Slack gets.
func (w *world) answer() string {
	w.t.Helper()
	select {
	case a := <-w.answers:
		if !json.Valid([]byte(a)) {
			w.t.Fatal(a)
		}
		return unescaped(w.t, a)
	case <-time.After(30 * time.Second):
		w.t.Fatal("no answer came to Slack in 30 s")
		return ""
	}
}

// unescaped is JSON with its own escapes of <, > and & undone, so that tests read what Slack reads.
func unescaped(t *testing.T, s string) string {
	t.Helper()
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(s)
}

var codeForm = regexp.MustCompile(`<` + public + `/t/acme/slack/link\?code=([A-Za-z0-9_-]{43})\|`)

// link links a Slack user to a member.
func (w *world) link(user string, member tenant.Scope) slack.Link {
	w.t.Helper()
	found := codeForm.FindStringSubmatch(w.says(user, "link"))
	if found == nil {
		w.t.Fatal("no link was given")
	}
	return must(w.slack.Confirm(w.t.Context(), member, found[1]))(w.t)
}

var valueForm = regexp.MustCompile(`"action_id":"approve","value":"([^"]+)"`)

func buttons(t *testing.T, message string) string {
	t.Helper()
	found := valueForm.FindStringSubmatch(message)
	if found == nil {
		t.Fatalf("no button in %s", message)
	}
	return found[1]
}

package chat_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/access"
	"github.com/kubechat/kubechat/controlplane/account"
	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/chat"
	"github.com/kubechat/kubechat/controlplane/chat/chattest"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
	"github.com/kubechat/kubechat/controlplane/tenant"
)

// world is a tenant with a cluster, on a real database, and the replicas that serve it.
type world struct {
	*storetest.Database
	t        testing.TB
	at       *chattest.Cluster
	clusters *cluster.Service
	accounts *account.Service
	words    *words
	admin    tenant.Scope
	cluster  cluster.ID
	clock    *clock
	*replica // the first
}

// replica is one process.
type replica struct {
	*chat.Service
	id     string
	ledger *ledger
	stop   func() // and wait for its end
}

// clock is the time plus what a test adds to it.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// words is the built-in translator, but for a few sentences whose plan a test fixes.
type words struct {
	nlp.Translator
	mu        sync.Mutex // guards plans and questions
	plans     map[string]nlp.Plan
	questions map[string]nlp.Translation
}

// asks makes a sentence be answered by a question.
func (w *words) asks(sentence string, question nlp.Translation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.questions[sentence] = question
}

func (w *words) Translate(ctx context.Context, req nlp.Request) nlp.Translation {
	w.mu.Lock()
	plan, ok := w.plans[req.Utterance]
	question, asked := w.questions[req.Utterance]
	w.mu.Unlock()
	if asked {
		return question
	}
	if !ok {
		return w.Translator.Translate(ctx, req)
	}
	return nlp.Translation{Class: plan.Class, Plan: &plan}
}

// plan makes a sentence mean the steps.
func (w *world) plan(sentence string, steps ...nlp.Step) {
	p := nlp.Plan{Steps: steps, Source: "builtin"}
	for i := range p.Steps {
		p.Steps[i].Class = nlp.Classify(p.Steps[i])
	}
	p.Class = nlp.ClassifyPlan(p)
	w.words.mu.Lock()
	defer w.words.mu.Unlock()
	w.words.plans[sentence] = p
}

// ledger is the real one, which can be told to refuse.
type ledger struct {
	*audit.Log
	mu      sync.Mutex
	refuses map[string]error
}

func (l *ledger) refuse(call string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuses[call] = err
}

func (l *ledger) err(call string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refuses[call]
}

func (l *ledger) Begin(ctx context.Context, s tenant.Scope, in audit.Intent) (audit.IntentID, error) {
	if err := l.err("begin"); err != nil {
		return "", err
	}
	return l.Log.Begin(ctx, s, in)
}

func (l *ledger) Read(ctx context.Context, s tenant.Scope, r audit.ReadRecord) error {
	if err := l.err("read"); err != nil {
		return err
	}
	return l.Log.Read(ctx, s, r)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	d := storetest.New(t)
	w := &world{
		Database: d, t: t, clock: &clock{}, words: &words{plans: map[string]nlp.Plan{}, questions: map[string]nlp.Translation{}},
		at: chattest.New(
			chattest.Object{Namespace: "shop", Name: "checkout", Replicas: 2},
			chattest.Object{Namespace: "shop", Name: "web", Replicas: 1},
		),
		clusters: cluster.New(cluster.Config{Store: d.DB.Clusters(), Region: "test"}),
		accounts: account.New(account.Config{Store: d.DB.Accounts()}),
	}
	w.admin = storetest.Tenant(t, d.DB, "acme")
	c, err := w.clusters.Create(t.Context(), w.admin, "staging")
	if err != nil {
		t.Fatal(err)
	}
	w.cluster = c.ID
	w.group(w.admin, cluster.GroupAdmin)
	background(t, d.DB.Run)
	w.replica = w.start()
	return w
}

// background runs something until the test ends, or stop is called.
func background(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// start adds a replica.
func (w *world) start(adjust ...func(*chat.Config)) *replica {
	w.t.Helper()
	in := cluster.NewReplicas(cluster.ReplicasConfig{Store: w.DB.Replicas()})
	if err := in.Register(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.Exec(w.t, `update replica set lease_until = now() + interval '1 hour', lease_since = now() - interval '1 minute' where replica_id = $1`, in.ID())
	r := &replica{id: in.ID(), ledger: &ledger{Log: audit.New(audit.Config{Store: w.DB.Audit(), Replica: in.ID(), Flush: time.Millisecond}), refuses: map[string]error{}}}
	background(w.t, r.ledger.Run)
	c := chat.Config{
		Translator: w.words, Clusters: w.at, Directory: w.clusters, Members: w.accounts, Ledger: r.ledger, Decide: access.Decide,
		Store: w.DB.Chats(), Replica: in.ID(), Now: w.clock.now, SettleEvery: 20 * time.Millisecond, Grace: time.Second,
	}
	for _, f := range adjust {
		f(&c)
	}
	s, err := chat.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Service = s
	r.stop = background(w.t, s.Run)
	return r
}

// lapse is what the others see after a replica has died.
func (w *world) lapse(id string) {
	w.t.Helper()
	w.Exec(w.t, `update replica set lease_until = now() - interval '1 second' where replica_id = $1`, id)
}

func (w *world) group(who tenant.Scope, g cluster.Group) {
	w.t.Helper()
	if err := w.clusters.SetGroup(w.t.Context(), w.admin, w.cluster, who.Member, g); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) member(email string, role tenant.Role) tenant.Scope {
	w.t.Helper()
	m := storetest.Member(w.t, w.DB, w.admin, email, role)
	w.group(m, cluster.GroupAdmin)
	return m
}

func (w *world) converse(who tenant.Scope) chat.ConversationID {
	w.t.Helper()
	c, err := w.Create(w.t.Context(), who, w.cluster)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.ID
}

// ask starts a run in a conversation of its own.
func (w *world) ask(who tenant.Scope, text string) chat.Run {
	w.t.Helper()
	r, err := w.Start(w.t.Context(), who, w.converse(who), text, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// awaits asks for a change and returns the run once it awaits approval.
func (w *world) awaits(who tenant.Scope, text string) chat.Run {
	w.t.Helper()
	run := w.ask(who, text)
	w.until(who, run.ID, chat.TypeApproval)
	run, _ = w.run(who, run.ID)
	return run
}

func (w *world) run(who tenant.Scope, id chat.RunID) (chat.Run, []chat.Event) {
	w.t.Helper()
	r, events, err := w.GetRun(w.t.Context(), who, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r, events
}

// follow reads a run's events until the one of a type, which it returns with all before it.
func (w *world) until(who tenant.Scope, id chat.RunID, last chat.EventType) []chat.Event {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	var seen []chat.Event
	stream, err := w.Events(ctx, who, id, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	for e := range stream {
		seen = append(seen, e)
		if e.Type == last {
			return seen
		}
	}
	w.t.Fatalf("the run never came to %s: %s", last, types(seen))
	return nil
}

// finished waits for a run's end.
func (w *world) finished(who tenant.Scope, id chat.RunID) (chat.Run, []chat.Event) {
	w.t.Helper()
	events := w.until(who, id, chat.TypeEnd)
	r, _ := w.run(who, id)
	return r, events
}

func types(events []chat.Event) []chat.EventType {
	var out []chat.EventType
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

// data is the first event's of a type.
func data[T any](t testing.TB, events []chat.Event, kind chat.EventType) T {
	t.Helper()
	var v T
	for _, e := range events {
		if e.Type == kind {
			if err := json.Unmarshal(e.Data, &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no %s among %v", kind, types(events))
	return v
}

// all are the data of all events of a type.
func all[T any](t testing.TB, events []chat.Event, kind chat.EventType) []T {
	t.Helper()
	var out []T
	for _, e := range events {
		if e.Type == kind {
			out = append(out, data[T](t, []chat.Event{e}, kind))
		}
	}
	return out
}

func wantTypes(t *testing.T, events []chat.Event, want ...chat.EventType) {
	t.Helper()
	if got := types(events); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Errorf("event %d has seq %d", i, e.Seq)
		}
	}
}

func wantProblem(t *testing.T, err error, kind problem.Kind, code string) {
	t.Helper()
	if p := problem.As(err); err == nil || p.Kind != kind || p.Code != code {
		t.Errorf("got %v (%+v), want %s/%s", err, problem.As(err), kind, code)
	}
}

// records are the tenant's audit of one kind, the latest first.
func (w *world) records(kind audit.Kind) []audit.Record {
	w.t.Helper()
	page, err := w.ledger.List(w.t.Context(), w.admin, audit.Query{Kind: kind, Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Records
}

// eventually polls a real database.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		case <-tick.C:
		}
	}
}

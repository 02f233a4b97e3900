package audit_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/audit"
	"github.com/kubechat/kubechat/controlplane/billing"
	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/pgserver"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
)

// mortal is a PostgreSQL that the test kills and starts again on the same port, with a replica's domains over it.
type mortal struct {
	*world
	dir    string
	server *pgserver.Server
}

func newMortal(t *testing.T) *mortal {
	t.Helper()
	dir, err := os.MkdirTemp("", "crash-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // as root the server runs as another user
		t.Fatal(err)
	}
	m := &mortal{world: &world{}, dir: filepath.Join(dir, "pg")}
	t.Cleanup(func() {
		if err := pgserver.Remove(m.dir); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if m.server, err = pgserver.Run(t.Context(), pgserver.Config{Dir: m.dir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.server.Stop() })
	at, err := store.Bootstrap(t.Context(), store.BootstrapConfig{SuperDSN: m.server.DSN, AppPassword: "app"})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{DSN: at.App})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	m.Database = &storetest.Database{DB: db, DSN: at.App, OwnerDSN: at.Owner}
	m.admin = storetest.Tenant(t, db, "acme")
	c, err := cluster.New(cluster.Config{Store: db.Clusters()}).Create(t.Context(), m.admin, "staging")
	if err != nil {
		t.Fatal(err)
	}
	m.cluster = c.ID
	return m
}

// crash kills the server in the middle of whatever it does and brings it back after a while.
func (m *mortal) crash(t *testing.T, away time.Duration) {
	t.Helper()
	m.server.Kill()
	<-time.After(away) // a real server's real absence
	s, err := pgserver.Run(t.Context(), pgserver.Config{Dir: m.dir, Port: m.server.Port})
	if err != nil {
		t.Fatal(err)
	}
	m.server = s
}

// told is what callers were told: nothing of it may be missing afterwards.
type told struct {
	mu      sync.Mutex
	begun   []audit.IntentID
	reads   int64
	refused int
}

func TestNothingAcknowledgedIsLostWhenPostgresIsKilled(t *testing.T) {
	t.Parallel()
	m := newMortal(t)
	replicas := cluster.NewReplicas(cluster.ReplicasConfig{Store: m.DB.Replicas()})
	if err := replicas.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.log = audit.New(audit.Config{Store: m.DB.Audit(), Replica: replicas.ID()})
	ctx, cancel := context.WithCancel(t.Context())
	var parts, load sync.WaitGroup
	parts.Go(func() { _ = replicas.Run(ctx) })
	parts.Go(func() { _ = m.log.Run(ctx) })
	parts.Go(func() { sweepAll(ctx, m.log) })
	defer parts.Wait()
	defer cancel()

	var got told
	loading, stop := context.WithCancel(ctx)
	for range 8 {
		load.Go(func() { got.work(loading, m.world) })
	}
	for _, away := range []time.Duration{0, 500 * time.Millisecond, 2 * time.Second} {
		before := got.count()
		eventually(t, "work goes on", func() bool { return got.count() > before+30 })
		m.crash(t, away)
	}
	before := got.count()
	eventually(t, "work goes on after the last crash", func() bool { return got.count() > before+30 })
	stop()
	load.Wait()
	eventually(t, "every owed result is written", func() bool { return m.log.Waiting() == 0 })
	eventually(t, "every accepted read is written", func() bool { return m.used(t, billing.APIRequest) == got.reads })
	m.check(t, &got)
}

func sweepAll(ctx context.Context, l *audit.Log) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, _ = l.Sweep(ctx) // fails while the database is away
		}
	}
}

func (g *told) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.begun)
}

// work is one member's: a change and a read, again and again, through every crash.
func (g *told) work(ctx context.Context, w *world) {
	for i := 0; ctx.Err() == nil; i++ {
		id, err := w.log.Begin(ctx, w.admin, w.intent())
		if err == nil {
			_ = w.log.Finish(ctx, w.admin, id, audit.Result{Outcome: audit.Succeeded, HTTPStatus: 200}) // kept when not taken
		}
		readErr := w.log.Read(ctx, w.admin, w.read(i))
		g.mu.Lock()
		if err == nil {
			g.begun = append(g.begun, id)
		} else {
			g.refused++
		}
		if readErr == nil {
			g.reads++
		}
		g.mu.Unlock()
		if err != nil {
			select { // as a person would
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

func (m *mortal) check(t *testing.T, got *told) {
	t.Helper()
	shown := map[string]audit.Outcome{}
	for q := (audit.Query{Kind: audit.KindIntent, Limit: 200}); ; {
		page, err := m.log.List(t.Context(), m.admin, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			shown[r.ID] = r.Outcome
			if r.Outcome == "" || r.Outcome == audit.Unknown {
				t.Errorf("intent %s ended %q although its replica lives", r.ID, r.Outcome)
			}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	for _, id := range got.begun {
		if shown[string(id)] != audit.Succeeded {
			t.Errorf("intent %s is shown as %q; its result was %s", id, shown[string(id)], audit.Succeeded)
		}
	}
	if n := m.used(t, billing.Command); n != int64(len(got.begun)) {
		t.Errorf("%d commands billed; %d were carried out", n, len(got.begun))
	}
	if got.refused == 0 {
		t.Error("nothing was refused: the test never met an absent database")
	}
	t.Logf("%d changes, %d reads, %d refused, %d intents in all", len(got.begun), got.reads, got.refused, len(shown))
}

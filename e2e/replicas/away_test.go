package replicas

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/signin"
	"github.com/kubechat/kubechat/pki"
	"github.com/kubechat/kubechat/pki/enroll"
)

const (
	atOnce = 4 * time.Second  // until somebody is told that the database is away
	known  = time.Minute      // that reads by logins already checked go on
	normal = 10 * time.Second // from the database's return
	// slack is for this machine: it runs all of a region, and other tests.
	slack = 500 * time.Millisecond
)

// TestDatabaseAway takes PostgreSQL away under load, once by stopping it and once by making it hang, for longer than leases
// last: reads go on, over hops as well, watches and shells know nothing of it, whatever needs the database is told so at
// once, and afterwards there is a record of every read that was answered.
func TestDatabaseAway(t *testing.T) {
	var db server
	r := newRig(t, setup{sessions: 1, db: db.database})
	for _, c := range []struct {
		what       string
		away, back func()
	}{
		{"it hangs", db.freeze, db.thaw},
		{"it is stopped", db.quit, db.again},
	} {
		t.Run(c.what, func(t *testing.T) {
			lasts := 15 * time.Second
			if soak {
				lasts = 5 * time.Minute
			}
			r.t = t
			r.absence(lasts, c.away, c.back)
		})
	}
}

func (r *rig) absence(lasts time.Duration, away, back func()) {
	t := r.t
	strangers := &outsiders{rig: r, token: r.newToken(), join: r.newJoinToken()}
	l := r.load(r.web.addr)
	l.write()
	l.pod()
	l.unary(100, 16)
	l.watch(10)
	holder := r.holder()
	shells := l.shells(4, holder)
	r.eventually("the load runs over both replicas", func() bool {
		return l.reads.Load() > 200 && l.watched.Load() > 100 && holder.metric("kubechat_gateway_hops_total") > 50
	})

	gone := time.Now()
	away()
	for time.Since(gone) < lasts {
		strangers.areToldAtOnce()
		pause(t.Context(), time.Second) // enrolments from one address are limited to two a second
		shells.goOn(t, gone, lasts)
		if n := holder.metric("kubechat_gateway_sessions"); n != 1 {
			t.Fatalf("%s after the database went %v tunnels are up", time.Since(gone).Round(time.Second), n)
		}
	}
	shells.goOn(t, gone, lasts)
	back()
	returned := time.Now()
	r.eventually("enrolments, changes and new logins are possible", func() bool { return strangers.areServed(l) })
	t.Logf("all is possible again %s after the database's return", time.Since(returned).Round(time.Millisecond))
	if took := time.Since(returned); took > normal+slack {
		t.Errorf("that took %s", took)
	}
	before := l.reads.Load()
	r.eventually("reads go on", func() bool { return l.reads.Load() > before+200 })
	shells.end()
	l.quiet()
	l.end()

	var worst time.Duration
	forgiven := l.forgive(func(f failure) bool {
		end := f.at.Add(f.took)
		due := end.After(gone) && f.at.Before(returned.Add(normal)) && isAway(f.err) &&
			(f.what == "a change" || f.at.After(gone.Add(known-5*time.Second))) || // of reads the last proof before counts
			end.After(returned) && f.at.Before(returned.Add(normal)) && strings.Contains(f.err.Error(), "audit_behind") // what waits goes first
		if due && f.took > worst {
			worst = f.took
		}
		return due
	})
	t.Logf("%d requests were told why they are not served, the last to hear it after %s; new callers after %s at most",
		len(forgiven), worst.Round(time.Millisecond), strangers.worst.Round(time.Millisecond))
	if len(forgiven) == 0 || max(worst, strangers.worst) > atOnce+slack {
		t.Errorf("want to hear of it within %s", atOnce)
	}
	l.check()
	l.recorded()
}

// isAway says whether an answer names the database's absence.
func isAway(err error) bool {
	return err != nil && strings.Contains(err.Error(), "database") && strings.Contains(err.Error(), "503")
}

// recorded compares what clients were answered with what the audit has: every read, once, and every change with its end.
func (l *load) recorded() {
	l.t.Helper()
	count := func(sql string) (n int64) {
		err := l.db.DB.InTenant(l.t.Context(), l.admin.Tenant, func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(ctx, sql, l.namespace).Scan(&n)
		})
		if err != nil {
			l.t.Fatal(err)
		}
		return n
	}
	reads := func() int64 {
		return count(`select count(*) from audit_record where kind = 'read' and verb = 'get' and resource = 'namespaces' and name = $1`)
	}
	l.eventually("every read is recorded", func() bool { return reads() >= l.reads.Load() })
	if n := reads(); n != l.reads.Load() {
		l.t.Errorf("%d reads are recorded, %d were answered", n, l.reads.Load())
	}
	const change = `select count(*) from audit_record where kind = 'result' and resource = 'configmaps' and outcome = 'succeeded' and namespace = $1`
	l.eventually("every change has its result", func() bool { return count(change) >= l.changes.Load() })
	if n := count(`select count(*) from open_intent o join audit_record a on o.intent_id = a.record_id where a.namespace = $1`); n != 0 {
		l.t.Errorf("%d intents are open", n)
	}
}

// outsiders are those who need the database: a login that was never seen, an agent that wants to join, an administrator.
type outsiders struct {
	*rig
	token string
	join  pki.JoinToken
	worst time.Duration // to be told
}

func (r *rig) newToken() string {
	r.t.Helper()
	_, secret, err := signin.New(signin.Config{Store: r.db.DB.Logins()}).CreateToken(r.t.Context(), r.admin, "stranger", time.Now().Add(time.Hour))
	if err != nil {
		r.t.Fatal(err)
	}
	return secret.Reveal()
}

func (r *rig) newJoinToken() pki.JoinToken {
	r.t.Helper()
	var made struct{ Join struct{ Token string } }
	r.call(http.MethodPost, "/clusters", map[string]string{"name": fmt.Sprintf("new-%d", time.Now().UnixNano())}, &made)
	token, err := pki.ParseJoinToken(made.Join.Token)
	if err != nil {
		r.t.Fatal(err)
	}
	return token
}

func (o *outsiders) enrol() error {
	_, err := enroll.Join(context.WithoutCancel(o.t.Context()), enroll.Config{Token: o.join, KubeSystemUID: "elsewhere", AgentVersion: "1.0.0", KubernetesVersion: "v1.37.0"})
	return err
}

func (o *outsiders) read() error {
	return o.send(http.MethodGet, "/t/acme/clusters/"+o.cluster+"/k8s/api", o.token, nil)
}

func (o *outsiders) create() error {
	return o.send(http.MethodPost, "/api/v1/t/acme/clusters", o.rig.token, map[string]string{"name": fmt.Sprintf("late-%d", time.Now().UnixNano())})
}

func (o *outsiders) send(method, path, token string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(o.t.Context()), method, "http://"+o.web.addr+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", res.Status, answer)
	}
	return err
}

// areToldAtOnce asks for all of it at once.
func (o *outsiders) areToldAtOnce() {
	o.t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex // guards worst
	for what, ask := range map[string]func() error{"an enrolment": o.enrol, "a login's first request": o.read, "a new cluster": o.create} {
		all.Go(func() {
			began := time.Now()
			err := ask()
			took := time.Since(began)
			refused, _ := errors.AsType[*pki.CallError](err)
			if !isAway(err) && (refused == nil || refused.Status != http.StatusServiceUnavailable || refused.Code != "database_away") {
				o.t.Errorf("%s without the database, after %s: %v", what, took.Round(time.Millisecond), err)
			}
			mu.Lock()
			defer mu.Unlock()
			o.worst = max(o.worst, took)
		})
	}
	all.Wait()
}

// areServed reports whether all of it is possible.
func (o *outsiders) areServed(l *load) bool {
	return o.read() == nil && o.create() == nil && l.change(http.DefaultClient, "afterwards", 1) == nil && o.enrol() == nil
}

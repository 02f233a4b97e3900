package gateway_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// lockOut takes the database away from everybody, as far as they can tell, and returns what gives it back.
func lockOut(t *testing.T, ownerDSN string) (back func()) {
	t.Helper()
	cfg, err := pgx.ParseConfig(ownerDSN)
	if err != nil {
		t.Fatal(err)
	}
	name := cfg.Database
	cfg.Database = "postgres"
	admin, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(context.WithoutCancel(t.Context())) })
	do := func(sql string, args ...any) {
		if _, err := admin.Exec(t.Context(), sql, args...); err != nil {
			t.Error(err)
		}
	}
	allow := "alter database " + pgx.Identifier{name}.Sanitize() + " with allow_connections "
	do(allow + "false")
	do("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
	return func() { do(allow + "true") }
}

// TestDatabaseAwayLeavesTunnelsAndHopsAlone: what the database says of replicas is not judged while it can't be read. What
// is asked of the database itself is answered at once, and all is as before within ten seconds of its return.
func TestDatabaseAwayLeavesTunnelsAndHopsAlone(t *testing.T) {
	t.Parallel()
	wrong, right, c, a := pair(t, hello, impatient)
	// This transport asks nobody which group somebody is in.
	index := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/api", nil)
		if err != nil {
			return err
		}
		res, err := wrong.IndexTransport(tenantOf(a.id), c.ID).RoundTrip(req)
		if err == nil {
			_ = res.Body.Close()
		}
		return err
	}
	eventually(t, "the way is known", func() bool { return index() == nil })
	_, token := right.cluster(t, "second")
	giveBack := lockOut(t, right.db.OwnerDSN)
	looks := time.NewTimer(2 * time.Second) // ten looks at a list of replicas that can't be read
	<-looks.C
	if err := index(); err != nil {
		t.Errorf("the hop, without the database: %v", err)
	}
	began := time.Now()
	if _, err := join(t.Context(), token); err == nil {
		t.Error("enrolment without the database")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to say so", took)
	}
	if right.Sessions(tenantOf(a.id), c.ID) != 1 {
		t.Error("the tunnel did not stay")
	}
	giveBack()
	began = time.Now()
	eventually(t, "changes are possible again", func() bool { _, err := join(t.Context(), token); return err == nil })
	eventually(t, "members are known again", func() bool { _, err := wrong.get(t.Context(), wrong.admin, c.ID, "/"); return err == nil })
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("back after %s", took)
	}
}

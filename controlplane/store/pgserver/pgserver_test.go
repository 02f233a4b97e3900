package pgserver_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/store/pgserver"
)

func start(t *testing.T, dir string) *pgserver.Server {
	t.Helper()
	s, err := pgserver.Run(t.Context(), pgserver.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// directory is one that the server's user can reach, which t.TempDir, closed to others, is not when root runs tests.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgserver-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pgserver.Remove(filepath.Join(dir, "pg")); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "pg")
}

// exec runs statements and returns the one value of the last.
func exec(t *testing.T, dsn string, statements ...string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var out string
	last := len(statements) - 1
	for _, sql := range statements[:last] {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := conn.QueryRow(t.Context(), statements[last]).Scan(&out); err != nil {
		t.Fatalf("%s: %v", statements[last], err)
	}
	return out
}

func TestServerKeepsItsDataOverStopAndKill(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	first, err := pgserver.Run(t.Context(), pgserver.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, first.DSN, `create table t (x text)`, `insert into t values ('stopped') returning x`)
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	second, err := pgserver.Run(t.Context(), pgserver.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, second.DSN, `insert into t values ('killed') returning x`)
	second.Kill()
	third := start(t, dir)
	if got := exec(t, third.DSN, `select string_agg(x, ' ' order by x) from t`); got != "killed stopped" {
		t.Errorf("rows %q", got)
	}
}

func TestSecondProgramIsRefusedTheSameDirectory(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	start(t, dir)
	if _, err := pgserver.Run(t.Context(), pgserver.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("%v", err)
	}
}

// A killed demo leaves its server running; the kernel let go of its lock.
func TestServerThatAKilledProgramLeftIsTakenOver(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	left := start(t, dir)
	exec(t, left.DSN, `create table t (x text)`, `insert into t values ('there') returning x`)
	pgserver.Abandon(left)
	second := start(t, dir)
	if second.Pid == left.Pid {
		t.Error("the same server")
	}
	if got := exec(t, second.DSN, `select x from t`); got != "there" {
		t.Errorf("row %q", got)
	}
	select {
	case <-left.Done():
	case <-time.After(5 * time.Second):
		t.Error("the server that was left still runs")
	}
}

func TestStalePostmasterPidOfAReusedNumberIsRemoved(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	s, err := pgserver.Run(t.Context(), pgserver.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{fmt.Sprintf("%d\n%s/data\n", os.Getpid(), dir), "1\n", "garbage", ""} {
		if err := os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := pgserver.Run(t.Context(), pgserver.Config{Dir: dir})
		if err != nil {
			t.Fatalf("with postmaster.pid %q: %v", content, err)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHalfMadeDirectoryIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	if err := os.MkdirAll(filepath.Join(dir, "data.new", "base"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil { // without PG_VERSION
		t.Fatal(err)
	}
	if got := exec(t, start(t, dir).DSN, `select 'up'`); got != "up" {
		t.Errorf("%q", got)
	}
}

// As root the server runs as another user, who can't get into a directory of root's own.
func TestDirectoryThatOnlyItsOwnerMayEnterWorks(t *testing.T) {
	t.Parallel()
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "pg")
	t.Cleanup(func() { _ = pgserver.Remove(dir) }) // where the test failed before it did so itself
	for range 2 {
		s, err := pgserver.Run(t.Context(), pgserver.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	at, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := pgserver.Remove(dir); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, at} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
}

func TestTakenPortIsSaidToBeTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, _, err = pgserver.Start(t.Context(), directory(t), port)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d for PostgreSQL is taken", port)) {
		t.Errorf("%v", err)
	}
}

func TestServerListensOnLoopbackOnlyAndWantsItsPassword(t *testing.T) {
	t.Parallel()
	dsn, stop, err := pgserver.Start(t.Context(), directory(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	if got := exec(t, dsn, `select current_setting('listen_addresses') || current_setting('unix_socket_directories')`); got != "127.0.0.1" {
		t.Errorf("listens on %q", got)
	}
	before, after, _ := strings.Cut(dsn, "@")
	guess := before[:strings.LastIndex(before, ":")] + ":guess@" + after
	if conn, err := pgx.Connect(t.Context(), guess); err == nil {
		_ = conn.Close(t.Context())
		t.Error("logged in with a wrong password")
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	dir := directory(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := pgserver.Start(ctx, dir, 0); err == nil {
		t.Fatal("started")
	}
	start(t, dir)
}

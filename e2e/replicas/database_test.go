package replicas

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/pgserver"
	"github.com/kubechat/kubechat/controlplane/store/storetest"
)

// server is a PostgreSQL of the test's own, which can be taken away and given back.
type server struct {
	t   *testing.T
	dir string
	run *pgserver.Server
}

// database starts one, and opens it for the test.
func (s *server) database(t *testing.T) *storetest.Database {
	t.Helper()
	dir, err := os.MkdirTemp("", "replicas-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // as root the server runs as another user
		t.Fatal(err)
	}
	s.t, s.dir = t, filepath.Join(dir, "pg")
	t.Cleanup(func() {
		if err := pgserver.Remove(s.dir); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	s.start(0)
	t.Cleanup(func() {
		s.thaw()
		_ = s.run.Stop()
	})
	at, err := store.Bootstrap(t.Context(), store.BootstrapConfig{SuperDSN: s.run.DSN, AppPassword: "app"})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Config{DSN: at.App})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return &storetest.Database{DB: db, DSN: at.App, OwnerDSN: at.Owner}
}

func (s *server) start(port int) {
	s.t.Helper()
	run, err := pgserver.Run(context.WithoutCancel(s.t.Context()), pgserver.Config{Dir: s.dir, Port: port})
	if err != nil {
		s.t.Fatal(err)
	}
	s.run = run
}

// quit stops it as `pg_ctl stop -m immediate` does.
func (s *server) quit() {
	_ = syscall.Kill(s.run.Pid, syscall.SIGQUIT)
	<-s.run.Done()
	_ = s.run.Stop() // it has ended; this lets go of its folder
}

// again starts it after quit, where it was.
func (s *server) again() { s.start(s.run.Port) }

// freeze stops it and all its processes in the middle of what they do: connections stay, and nobody answers.
func (s *server) freeze() {
	_ = syscall.Kill(s.run.Pid, syscall.SIGSTOP) // first, so that it makes no more of them
	for _, pid := range s.children() {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
}

// thaw lets it go on.
func (s *server) thaw() {
	for _, pid := range s.children() {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	_ = syscall.Kill(s.run.Pid, syscall.SIGCONT)
}

// children are the processes whose parent it is.
func (s *server) children() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, _, _ := strings.Cut(string(stat), " ")
		after := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // state, parent, ...
		if n, err := strconv.Atoi(pid); err == nil && after[1] == strconv.Itoa(s.run.Pid) {
			pids = append(pids, n)
		}
	}
	return pids
}

package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/pgserver"
)

// appPassword is known to everybody, like everything on a server that only 127.0.0.1 reaches and that holds test data.
const appPassword = "kc_app"

// server is what a test process knows of the shared server.
type server struct {
	DSN string `json:"dsn"`
	Pid int    `json:"pid"`

	appPassword string
	template    string
	users       *os.File // holds a shared lock as long as this process lives
}

// shared finds or starts the server, once in a process.
var shared = sync.OnceValues(func() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	unlock, err := lockFile("start.lock", syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer unlock.Close()
	s, err := findOrStart(ctx)
	if err != nil {
		return nil, err
	}
	if s.users, err = lockFile("users.lock", syscall.LOCK_SH); err != nil {
		return nil, err
	}
	s.appPassword = appPassword
	return s, s.ensureTemplate(ctx)
})

func root() string {
	return filepath.Join(os.TempDir(), "kubechat-storetest-"+strconv.Itoa(os.Getuid()))
}

func lockFile(name string, how int) (*os.File, error) {
	if err := os.MkdirAll(root(), 0o755); err != nil {
		return nil, fmt.Errorf("make the test server's directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(root(), name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	return f, nil
}

func findOrStart(ctx context.Context) (*server, error) {
	path := filepath.Join(root(), "server.json")
	if b, err := os.ReadFile(path); err == nil {
		var s server
		if json.Unmarshal(b, &s) == nil && pgserver.Answers(ctx, s.DSN) == nil {
			return &s, nil
		}
	}
	run, err := pgserver.Run(ctx, pgserver.Config{Dir: filepath.Join(root(), "pg"), Detached: true, Settings: map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", // its data is worth nothing after a crash
		"max_connections": "500", "shared_buffers": "128MB", "autovacuum": "off",
	}})
	if err != nil {
		return nil, err
	}
	s := &server{DSN: run.DSN, Pid: run.Pid}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the test server's address: %w", err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return nil, fmt.Errorf("write the test server's address: %w", err)
	}
	return s, startWatchdog()
}

// ensureTemplate migrates one database for each version of the migrations; the start lock is held.
func (s *server) ensureTemplate(ctx context.Context) error {
	sum, err := migrationsHash()
	if err != nil {
		return err
	}
	s.template = "template_" + sum
	var there bool
	err = s.query(ctx, `select exists (select from pg_database where datname = $1)`, &there, s.template)
	if err != nil || there {
		return err
	}
	half := s.template + "_half"
	if err := s.exec(ctx, "drop database if exists "+half+" with (force)"); err != nil {
		return err
	}
	_, err = store.Bootstrap(ctx, store.BootstrapConfig{SuperDSN: s.DSN, Database: half, AppPassword: appPassword})
	if err != nil {
		return fmt.Errorf("migrate the template database: %w", err)
	}
	return s.exec(ctx, "alter database "+half+" rename to "+s.template)
}

func migrationsHash() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(store.Migrations(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(store.Migrations(), path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(b), b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}

func (s *server) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

func (s *server) query(ctx context.Context, sql string, into any, args ...any) error {
	conn, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return err
	}
	return errors.Join(conn.QueryRow(ctx, sql, args...).Scan(into), conn.Close(ctx))
}

// The watchdog is this same test program, started again: it waits until no test process holds the users' lock, and
// ends the server a while later. A test process that is killed lets go of its lock as well.
const (
	watchdogEnv = "KUBECHAT_STORETEST_WATCHDOG"
	linger      = 3 * time.Minute // so that a developer's next `go test` finds it warm
)

func init() {
	if os.Getenv(watchdogEnv) == "" {
		return
	}
	watch()
	os.Exit(0)
}

func startWatchdog() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this test program: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), watchdogEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the test server's watchdog: %w", err)
	}
	return cmd.Process.Release()
}

func watch() {
	for {
		time.Sleep(linger) // in a process that does nothing else
		users, err := lockFile("users.lock", syscall.LOCK_EX)
		if err != nil {
			return
		}
		_ = users.Close() // the last user has gone; give a next one the same while to come
		time.Sleep(linger)
		if over() {
			return
		}
	}
}

// over ends the server unless somebody came back.
func over() bool {
	start, err := lockFile("start.lock", syscall.LOCK_EX)
	if err != nil {
		return true
	}
	defer start.Close()
	users, err := lockFile("users.lock", syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return false
	}
	defer users.Close()
	b, err := os.ReadFile(filepath.Join(root(), "server.json"))
	var s server
	if err != nil || json.Unmarshal(b, &s) != nil {
		return true
	}
	if pgserver.End(filepath.Join(root(), "pg"), s.Pid) == nil {
		_ = os.Remove(filepath.Join(root(), "server.json"))
		_ = os.RemoveAll(filepath.Join(root(), "pg")) // a next server starts afresh either way
	}
	return true
}

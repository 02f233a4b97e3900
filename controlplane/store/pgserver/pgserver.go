// Package pgserver runs a PostgreSQL of our own in a directory: the embedded default of the demo, and the server under
// the tests. It needs PostgreSQL's programs on the machine and says what to install when they are missing; it installs
// nothing. A server that was killed is started again over its data. Start at Start.
package pgserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kubechat/kubechat/internal/freeport"
)

// Superuser is the role the returned address logs in as.
const Superuser = "postgres"

const (
	passwordFile = "superuser.password"
	logFile      = "postgres.log"
)

// Config says where the server lives and how. Zero values but Dir's work.
type Config struct {
	Dir       string // everything it keeps
	Port      int    // on 127.0.0.1; 0: a free one
	Settings  map[string]string
	Detached  bool // outlive the process that started it, and its terminal's Ctrl-C
	StartWait time.Duration
	Log       *slog.Logger
}

// Server is one running server.
type Server struct {
	DSN  string // of the superuser, a postgres:// URL that holds its password
	Port int
	Pid  int // of the postmaster

	data string
	lock *os.File      // held while this process runs the server; the kernel lets go of it after a kill -9
	exit chan struct{} // closed once the postmaster has ended
}

// LogValue keeps the password out of logs.
func (s *Server) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("port", s.Port), slog.Int("pid", s.Pid), slog.String("data", s.data))
}

// Start brings up a server in dir on 127.0.0.1:port, making its data directory the first time, and returns once it
// answers. stop ends it in an orderly way and waits for it.
func Start(ctx context.Context, dir string, port int) (superuserDSN string, stop func() error, err error) {
	s, err := Run(ctx, Config{Dir: dir, Port: port})
	if err != nil {
		return "", nil, err
	}
	return s.DSN, s.Stop, nil
}

// Run is Start with every choice.
func Run(ctx context.Context, c Config) (*Server, error) {
	if c.StartWait == 0 {
		c.StartWait = 60 * time.Second // crash recovery after a kill -9 under load
	}
	bin, err := Binaries()
	if err != nil {
		return nil, err
	}
	home, err := prepare(c.Dir)
	if err != nil {
		return nil, err
	}
	lock, err := home.lock()
	if err != nil {
		return nil, err
	}
	s, err := runLocked(ctx, bin, home, c)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.lock = lock
	return s, nil
}

func runLocked(ctx context.Context, bin string, h home, c Config) (*Server, error) {
	if err := endOrphans(ctx, h); err != nil {
		return nil, err
	}
	if err := initialise(ctx, bin, h); err != nil {
		return nil, err
	}
	if c.Port == 0 {
		var err error
		if c.Port, err = freeport.Row(1); err != nil {
			return nil, fmt.Errorf("choose a port for PostgreSQL: %w", err)
		}
	} else if err := freeport.Check(c.Port); err != nil {
		return nil, fmt.Errorf("port %d for PostgreSQL is taken; choose another: %w", c.Port, err)
	}
	return launch(ctx, bin, h, c)
}

// initialise makes the data directory beside its final name, so that one killed half-way is never taken for whole.
func initialise(ctx context.Context, bin string, h home) error {
	if _, err := os.Stat(filepath.Join(h.data(), "PG_VERSION")); err == nil {
		return nil
	}
	half := h.data() + ".new"
	if err := errors.Join(os.RemoveAll(half), os.RemoveAll(h.data())); err != nil {
		return fmt.Errorf("clear a half-made data directory: %w", err)
	}
	if err := h.write(passwordFile, []byte(rand.Text())); err != nil {
		return err
	}
	cmd := h.command(ctx, filepath.Join(bin, "initdb"), "--pgdata", half, "--username", Superuser, "--encoding", "UTF8",
		"--locale", "C", "--auth", "scram-sha-256", "--pwfile", filepath.Join(h.dir, passwordFile), "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return os.Rename(half, h.data())
}

func launch(ctx context.Context, bin string, h home, c Config) (*Server, error) {
	password, err := os.ReadFile(filepath.Join(h.dir, passwordFile))
	if err != nil {
		return nil, fmt.Errorf("read the superuser's password: %w", err)
	}
	dsn := url.URL{Scheme: "postgres", User: url.UserPassword(Superuser, strings.TrimSpace(string(password))),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)), Path: "/postgres", RawQuery: "sslmode=disable"}
	args := []string{"-D", h.data(), "-p", strconv.Itoa(c.Port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "logging_collector=off"}
	for k, v := range c.Settings {
		args = append(args, "-c", k+"="+v)
	}
	// not CommandContext: ctx bounds the start, and ending it any other way than Stop would be a crash
	cmd := h.command(context.WithoutCancel(ctx), filepath.Join(bin, "postgres"), args...)
	logs, err := h.openLog()
	if err != nil {
		return nil, err
	}
	defer logs.Close()
	cmd.Stdout, cmd.Stderr = logs, logs
	apart(cmd, c.Detached)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	s := &Server{DSN: dsn.String(), Port: c.Port, Pid: cmd.Process.Pid, data: h.data(), exit: make(chan struct{})}
	go func() { // ends with the postmaster; Stop waits for it
		defer close(s.exit)
		_ = cmd.Wait() // how it ended is in its log
	}()
	if err := s.await(ctx, c.StartWait); err != nil {
		interrupt(s.Pid)
		<-s.exit
		return nil, fmt.Errorf("%w; the end of its log:\n%s", err, h.lastLog())
	}
	return s, nil
}

// await polls, because a server in crash recovery is up and refuses until it is done.
func (s *Server) await(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := Answers(ctx, s.DSN)
		if err == nil {
			return nil
		}
		select {
		case <-s.exit:
			return errors.New("postgres ended while starting")
		case <-ctx.Done():
			return fmt.Errorf("postgres did not answer within %s: %w", wait, err)
		case <-tick.C:
		}
	}
}

// Answers tells whether the server at dsn takes a statement.
func Answers(ctx context.Context, dsn string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}

// Done is closed once the postmaster has ended.
func (s *Server) Done() <-chan struct{} { return s.exit }

// Stop ends the server: connections are cut, transactions in flight rolled back, and all that was committed is on disk.
func (s *Server) Stop() error {
	defer s.lock.Close()
	select {
	case <-s.exit:
		return nil // it ended by itself, and its number may be another's by now
	default:
		interrupt(s.Pid) // "fast" shutdown
	}
	select {
	case <-s.exit:
		return nil
	case <-time.After(30 * time.Second):
		kill(s.Pid)
		<-s.exit
		return errors.New("postgres did not stop within 30 s and was killed")
	}
}

// Kill ends the server as a crash would.
func (s *Server) Kill() {
	defer s.lock.Close()
	kill(s.Pid)
	<-s.exit
}

// Binaries is the directory of PostgreSQL's server programs: of the one on PATH, else of the newest that Debian's
// packages put beside each other.
func Binaries() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		if dir, err := realDir(p); err == nil {
			return dir, nil
		}
	}
	best, newest := "", 0
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is constant, so it can't be bad
	for _, d := range dirs {
		v, err := strconv.Atoi(filepath.Base(filepath.Dir(d)))
		if err == nil && v > newest && hasPrograms(d) {
			best, newest = d, v
		}
	}
	if best == "" {
		return "", errors.New("PostgreSQL's server programs (initdb, postgres) are neither on PATH nor in " +
			"/usr/lib/postgresql: install them, on Debian or Ubuntu with `apt-get install postgresql`, " +
			"on Fedora with `dnf install postgresql-server`, on macOS with `brew install postgresql@15`")
	}
	return best, nil
}

// realDir follows links, because initdb looks for its own files beside itself.
func realDir(program string) (string, error) {
	p, err := filepath.EvalSymlinks(program)
	if err != nil {
		return "", err
	}
	if d := filepath.Dir(p); hasPrograms(d) {
		return d, nil
	}
	return "", errors.New("no postgres beside initdb")
}

func hasPrograms(dir string) bool {
	for _, p := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, p)); err != nil {
			return false
		}
	}
	return true
}

package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// processes are the programs of one sandbox: started in their own process groups with a log each, and remembered in
// the file "pids", so that a start after a kill -9 can end what was left over.
type processes struct {
	dir string

	mu   sync.Mutex // guards list
	list []*process
}

type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed by the goroutine that waits, after err is set
	err  error
}

func (p *processes) start(name, path string, args ...string) error {
	log, err := os.Create(filepath.Join(p.dir, name+".log"))
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	proc := &process{name: name, cmd: cmd, done: make(chan struct{})}
	go func() {
		proc.err = cmd.Wait()
		close(proc.done)
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, proc)
	return p.remember(cmd.Process.Pid, filepath.Base(path))
}

func (p *processes) remember(pid int, program string) error {
	f, err := os.OpenFile(filepath.Join(p.dir, "pids"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("remember a process: %w", err)
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "%d %s\n", pid, program)
	return err
}

// dead reports the first program that ended on its own, with the end of its log.
func (p *processes) dead() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, proc := range p.list {
		select {
		case <-proc.done:
			return fmt.Errorf("%s ended (%v); the end of its log:\n%s", proc.name, proc.err, tail(filepath.Join(p.dir, proc.name+".log")))
		default:
		}
	}
	return nil
}

// stop ends all of them, the last started first: politely, and after five seconds for good, because an API server
// waits a minute for its watches.
func (p *processes) stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.list) - 1; i >= 0; i-- {
		_ = syscall.Kill(-p.list[i].cmd.Process.Pid, syscall.SIGTERM)
	}
	grace := time.After(5 * time.Second)
	for i := len(p.list) - 1; i >= 0; i-- {
		select {
		case <-p.list[i].done:
		case <-grace:
			grace = closedTime
			_ = syscall.Kill(-p.list[i].cmd.Process.Pid, syscall.SIGKILL)
			<-p.list[i].done
		}
	}
	p.list = nil
	if err := os.Remove(filepath.Join(p.dir, "pids")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget the processes: %w", err)
	}
	return nil
}

// closedTime is a timer that has always just fired.
var closedTime = func() <-chan time.Time { c := make(chan time.Time); close(c); return c }()

// killLeftovers ends what an earlier sandbox in the same folder left behind, if it still is the same program.
func (p *processes) killLeftovers() error {
	b, err := os.ReadFile(filepath.Join(p.dir, "pids"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the processes of an earlier run: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) != 2 {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		if err != nil || pid <= 1 {
			continue
		}
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && filepath.Base(string(bytes.SplitN(cmdline, []byte{0}, 2)[0])) == fields[1] {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	}
	return os.Remove(filepath.Join(p.dir, "pids"))
}

// Down ends what an earlier sandbox in dir left running, and unmounts and removes what its pods left. It is what
// "make demo-down" calls after a kill -9.
func Down(dir string) error {
	p := &processes{dir: dir}
	if err := p.killLeftovers(); err != nil {
		return err
	}
	return cleanNode(dir)
}

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// permanent is an error that waiting does not mend.
type permanent struct{ error }

// poll asks until the answer is nil, every 100 ms, and says what it waited for when the time is over.
func poll(ctx context.Context, limit time.Duration, what string, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		var p permanent
		if errors.As(err, &p) {
			return fmt.Errorf("wait for %s: %w", what, p.error)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready in %s: %w", what, limit, err)
		case <-tick.C:
		}
	}
}

// lockFile takes an exclusive lock, waiting for whoever has it; the returned func gives it back.
func lockFile(ctx context.Context, path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock %s: %w", path, err)
	}
	err = poll(ctx, 20*time.Minute, "the lock "+path, func() error {
		return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

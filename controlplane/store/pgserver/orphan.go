package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lock keeps a second program from running a server in the same directory, and goes by itself with a killed one.
func (h home) lock() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(h.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database directory's lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another program runs the PostgreSQL in %s", h.dir), f.Close())
	}
	return f, nil
}

// endOrphans deals with what a killed program left. With the lock in hand, a server that still runs here is nobody's:
// it is stopped in order. Its postmaster.pid is left to PostgreSQL, which knows best when it is stale, except where the
// number in it has gone to some other process: then PostgreSQL would refuse for ever.
func endOrphans(ctx context.Context, h home) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	path := filepath.Join(h.data(), "postmaster.pid")
	pid, err := postmaster(path)
	if err != nil || pid == 0 {
		return err
	}
	if alive(pid) && serves(pid, h.data()) {
		interrupt(pid)
		if err := until(ctx, func() bool { return !alive(pid) }); err != nil {
			return fmt.Errorf("stop the PostgreSQL (process %d) that a killed program left in %s: %w", pid, h.dir, err)
		}
	}
	// backends of a killed postmaster end by themselves at their next step
	if err := until(ctx, func() bool { return !backends(h.data()) }); err != nil {
		return fmt.Errorf("wait for the processes of a killed PostgreSQL in %s: %w", h.dir, err)
	}
	if _, err := os.Stat("/proc/self"); err != nil || !alive(pid) {
		return nil // without /proc it can't be seen who has the number: not starting is the safe error
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove a stale postmaster.pid: %w", err)
	}
	return nil
}

// End stops a detached server by its process number, if that is still the server of dir, and waits for it.
func End(dir string, pid int) error {
	if at, err := os.Readlink(dir); err == nil {
		dir = at
	}
	data := filepath.Join(dir, "data")
	if !serves(pid, data) {
		return nil
	}
	interrupt(pid)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := until(ctx, func() bool { return !serves(pid, data) }); err != nil {
		return fmt.Errorf("stop the PostgreSQL in %s: %w", dir, err)
	}
	return nil
}

// postmaster reads the process number; 0 without a file, 1 (which is never a postgres) for one cut short by a crash.
func postmaster(path string) (int, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read postmaster.pid: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid < 1 {
		return 1, nil
	}
	return pid, nil
}

func until(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// serves tells whether the process is a postmaster of this directory.
func serves(pid int, data string) bool {
	cmdline, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return err == nil && strings.Contains(string(cmdline), "postgres\x00-D\x00"+data+"\x00")
}

// backends tells whether some process works in the data directory, as every process of a PostgreSQL does.
func backends(data string) bool {
	dirs, _ := filepath.Glob("/proc/[0-9]*/cwd") // a constant pattern can't be bad
	for _, d := range dirs {
		if at, err := os.Readlink(d); err == nil && at == data {
			return true
		}
	}
	return false
}

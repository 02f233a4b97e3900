package stack

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
	"syscall"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
)

// closers end what was started, the last first.
type closers struct{ list []func() error }

func (c *closers) add(f func() error) { c.list = append(c.list, f) }

func (c *closers) close() error {
	var errs []error
	for i := len(c.list) - 1; i >= 0; i-- {
		errs = append(errs, c.list[i]())
	}
	return errors.Join(errs...)
}

// proc is one of our programs, its output in a log.
type proc struct {
	log   string
	cmd   *exec.Cmd
	ended chan struct{} // closed by the goroutine that waits for it, after err is set
	err   error
}

func startProcess(state, name, path string, env []string, args ...string) (*proc, error) {
	dir := filepath.Join(state, "logs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the log folder: %w", err)
	}
	log := filepath.Join(dir, name+".log")
	out, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer out.Close()
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = out, out, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on, in order
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := rememberPID(state, cmd.Process.Pid, path); err != nil {
		return nil, err
	}
	p := &proc{log: log, cmd: cmd, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// kill ends it at once, as a crash would.
func (p *proc) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// stop asks politely, waits up to ten seconds, then insists.
func (p *proc) stop() error {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
	return nil
}

// rememberRunning remembers a process that somebody else started for us.
func rememberRunning(state string, pid int) error {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil // it is not Linux, or it has ended: nothing to find again
	}
	return rememberPID(state, pid, string(bytes.SplitN(cmdline, []byte{0}, 2)[0]))
}

func rememberPID(state string, pid int, path string) error {
	f, err := os.OpenFile(filepath.Join(state, "pids"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("remember a process: %w", err)
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "%d %s\n", pid, path)
	return err
}

// endLeftovers ends the processes of a demo that was killed, where they still are what they were.
func endLeftovers(state string) error {
	path := filepath.Join(state, "pids")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the processes of an earlier demo: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		number, program, _ := strings.Cut(strings.TrimSpace(line), " ")
		pid, err := strconv.Atoi(number)
		if err != nil || pid <= 1 {
			continue
		}
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && string(bytes.SplitN(cmdline, []byte{0}, 2)[0]) == program {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
			_ = syscall.Kill(pid, syscall.SIGKILL) // one that leads no group
		}
	}
	return os.Remove(path)
}

// Programs are our binaries, built for the demo.
type Programs struct{ Kubechatd, Agent, Kubechat, Helm string }

// build builds the pages when they changed, and the programs; Go's cache makes the second time quick.
func build(ctx context.Context, cfg Config) (Programs, error) {
	root := sandbox.Root()
	bin := filepath.Join(root, ".bin")
	in := func(name string) string { return filepath.Join(bin, "demo", name) }
	programs := Programs{Kubechatd: in("kubechatd"), Agent: in("kubechat-agent"), Kubechat: in("kubechat"), Helm: filepath.Join(bin, "helm")}
	if cfg.Built {
		return programs, nil
	}
	cfg.Say("building the pages and programs (the first time takes minutes: Go modules and npm packages)")
	if err := command(ctx, root, "make", "--no-print-directory", "web", "tools"); err != nil {
		return Programs{}, err
	}
	if err := sandbox.BuildDemo(ctx, filepath.Join(bin, "demo"), "./controlplane/cmd/kubechatd", "./controlplane/cmd/kubechat", "./agent/cmd/kubechat-agent"); err != nil {
		return Programs{}, err
	}
	return programs, nil
}

func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

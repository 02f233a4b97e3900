package story

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTTY is a terminal of rows by columns: what kubectl gets, and our end of it.
func openTTY(t *testing.T, rows, columns uint16) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	resize(t, ours, rows, columns)
	return ours, theirs
}

func resize(t *testing.T, tty *os.File, rows, columns uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

func TestExecWithTerminalHasItsSizeAndFollowsAResize(t *testing.T) {
	t.Parallel()
	for name, kubeconfig := range map[string]string{"through the tunnel": world.Kubeconfig, "directly": sameIdentity} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			ours, theirs := openTTY(t, 31, 97)
			cmd := exec.CommandContext(ctx, kubectlPath(), "--kubeconfig", kubeconfig, "exec", "-it", "-n", "shop", "deploy/frontend", "--", "sh")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, theirs
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			screen := bufio.NewReader(ours)
			ask(t, ours, screen, "31 97")
			resize(t, ours, 40, 120)
			if err := cmd.Process.Signal(syscall.SIGWINCH); err != nil {
				t.Fatal(err)
			}
			ask(t, ours, screen, "40 120")
			fmt.Fprint(ours, "exit 3\n")
			err := cmd.Wait()
			if cmd.ProcessState.ExitCode() != 3 {
				t.Errorf("the shell's exit code 3 came as %v", err)
			}
		})
	}
}

// ask types `stty size` until the answer is the wanted one: a resize takes a moment to arrive in the pod.
func ask(t *testing.T, tty *os.File, screen *bufio.Reader, want string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		fmt.Fprint(tty, "echo \"size=$(stty size).\"\n")
		for {
			line, err := screen.ReadString('\n')
			if err != nil {
				t.Fatalf("read the terminal: %v", err)
			}
			// The typed line is echoed with its quotes; the answer is the line that starts with it.
			if _, size, ok := strings.Cut(line, "size="); ok && !strings.Contains(line, "$(") {
				if strings.HasPrefix(size, want+".") {
					return
				}
				break
			}
		}
	}
	t.Fatalf("the pod's terminal never became %s", want)
}

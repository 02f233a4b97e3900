package pgserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// home is where a server keeps everything, and the user it runs as: PostgreSQL refuses to be root.
type home struct {
	dir  string
	cred *syscall.Credential // nil: ourselves
}

func (h home) data() string { return filepath.Join(h.dir, "data") }

// prepare makes dir. As root it belongs to another user, who must also be able to get there: under a closed
// directory (/root) the server lives in /var/tmp instead and dir holds a link to it.
func prepare(dir string) (home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return home{}, fmt.Errorf("find the database's directory: %w", err)
	}
	if os.Geteuid() != 0 {
		return home{dir: dir}, wrapDir(os.MkdirAll(dir, 0o700))
	}
	cred, err := unprivileged()
	if err != nil {
		return home{}, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return home{}, wrapDir(err)
	}
	if !reachable(filepath.Dir(dir), cred) {
		if dir, err = elsewhere(dir); err != nil {
			return home{}, wrapDir(err)
		}
	}
	h := home{dir: dir, cred: cred}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return home{}, wrapDir(err)
	}
	return h, wrapDir(os.Chown(dir, int(cred.Uid), int(cred.Gid)))
}

func wrapDir(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("make the database's directory: %w", err)
}

func elsewhere(dir string) (string, error) {
	sum := sha256.Sum256([]byte(dir))
	real := filepath.Join("/var/tmp", "kubechat-pg-"+hex.EncodeToString(sum[:6]))
	at, err := os.Readlink(dir)
	if err == nil && at == real {
		return real, nil
	}
	return real, os.Symlink(real, dir)
}

// Remove deletes everything a stopped server kept for dir.
func Remove(dir string) error {
	if at, err := os.Readlink(dir); err == nil && strings.HasPrefix(at, "/var/tmp/kubechat-pg-") {
		return errors.Join(os.RemoveAll(at), os.Remove(dir))
	}
	return os.RemoveAll(dir)
}

func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errU := strconv.ParseUint(u.Uid, 10, 32)
		gid, errG := strconv.ParseUint(u.Gid, 10, 32)
		if errU == nil && errG == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody` " +
		"to run it as: run as another user")
}

// reachable asks the kernel by trying as that user, which sees through ACLs and mounts.
func reachable(dir string, cred *syscall.Credential) bool {
	test, err := exec.LookPath("test")
	if err != nil {
		return false
	}
	cmd := exec.Command(test, "-x", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	cmd.Dir = "/"
	return cmd.Run() == nil
}

func (h home) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: h.cred}
	return cmd
}

// write makes a file that only the server's user and root can read.
func (h home) write(name string, content []byte) error {
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if h.cred == nil {
		return nil
	}
	return os.Chown(path, int(h.cred.Uid), int(h.cred.Gid))
}

func (h home) openLog() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(h.dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database's log: %w", err)
	}
	return f, nil
}

func (h home) lastLog() string {
	b, err := os.ReadFile(filepath.Join(h.dir, logFile))
	if err != nil {
		return ""
	}
	return string(b[max(0, len(b)-2000):])
}

// apart gives the server its own process group: Ctrl-C goes to whoever started it, and it stops the server in order.
func apart(cmd *exec.Cmd, detached bool) {
	if detached {
		cmd.SysProcAttr.Setsid = true
		return
	}
	cmd.SysProcAttr.Setpgid = true
}

func interrupt(pid int) { _ = syscall.Kill(pid, syscall.SIGINT) } // gone already is what was wanted
func kill(pid int)      { _ = syscall.Kill(pid, syscall.SIGKILL) }

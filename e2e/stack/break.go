package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/store/pgserver"
)

// KillPlane ends kubechatd as a crash would; StartPlane brings it back.
func (s *Stack) KillPlane() { s.Plane.proc.kill() }

// RestartAgent ends the first agent that runs as a process as a crash would, and starts it again.
func (s *Stack) RestartAgent(ctx context.Context) error {
	if len(s.agents) == 0 {
		return errors.New("no agent runs as a process here")
	}
	s.agents[0].kill()
	p, err := s.agentProcess("agent", s.Direct, "")
	if err != nil {
		return err
	}
	s.agents[0] = p
	return nil
}

// RestartPostgres ends PostgreSQL with kill -9, all its processes at once, and starts it again over its data.
func (s *Stack) RestartPostgres(ctx context.Context) error {
	// The children notice that their postmaster is gone, and end; the new one waits for that.
	if err := syscall.Kill(s.postgres.Pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	if err := s.postgres.Stop(); err != nil && !errors.Is(err, syscall.ESRCH) {
		s.cfg.Say("PostgreSQL was killed: " + err.Error())
	}
	var err error
	s.postgres, err = pgserver.Run(ctx, pgserver.Config{Dir: s.postgresDir(), Port: s.cfg.PostgresPort})
	return err
}

// Bootstrap makes another tenant, as a provider would with `kubechatd bootstrap`, and returns its first admin's API
// token, made from the single-use one.
func (s *Stack) Bootstrap(ctx context.Context, slug string) (Plane, error) {
	password, err := os.ReadFile(filepath.Join(s.cfg.State, "app.password"))
	if err != nil {
		return Plane{}, fmt.Errorf("read the application's password: %w", err)
	}
	at, err := store.Bootstrap(ctx, store.BootstrapConfig{SuperDSN: s.postgres.DSN, AppPassword: strings.TrimSpace(string(password))})
	if err != nil {
		return Plane{}, err
	}
	cmd := exec.CommandContext(ctx, s.Programs.Kubechatd, "bootstrap", "--database-url", at.App, "--tenant", slug, "--admin-email", "admin@"+slug+".test")
	token, err := cmd.Output()
	if err != nil {
		return Plane{}, fmt.Errorf("kubechatd bootstrap: %w", err)
	}
	return s.signIn(ctx, slug, strings.TrimSpace(string(token)))
}

// signIn turns a single-use token into a login and that into an API token.
func (s *Stack) signIn(ctx context.Context, slug, single string) (Plane, error) {
	at := Plane{URL: s.Plane.URL, Tenant: slug}
	in, err := at.SignIn(ctx, single)
	if err != nil {
		return Plane{}, err
	}
	var made struct {
		Token string `json:"token"`
	}
	expires := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	if err := in.Call(ctx, http.MethodPost, "/tokens", map[string]string{"name": "e2e", "expiresAt": expires}, &made); err != nil {
		return Plane{}, err
	}
	at.Member, at.Token = in.Member, made.Token
	return at, nil
}

// Agent is an agent that a test started by itself.
type Agent struct{ proc *proc }

// StartAgent runs one more agent beside its cluster, with a policy of its own, joining with the token.
func (s *Stack) StartAgent(name, kubeconfig, token, policy string) (*Agent, error) {
	file := filepath.Join(s.cfg.State, name+"-policy.yaml")
	if err := os.WriteFile(file, []byte(policy), 0o644); err != nil {
		return nil, fmt.Errorf("write the agent's policy: %w", err)
	}
	p, err := startProcess(s.cfg.State, name, s.Programs.Agent, []string{"KUBECHAT_JOIN_TOKEN=" + token},
		"--kubeconfig", kubeconfig, "--state-dir", filepath.Join(s.cfg.State, name+"-identity"), "--policy", file, "--sessions", "1")
	if err != nil {
		return nil, err
	}
	return &Agent{p}, nil
}

// Ended is closed when the agent has ended.
func (a *Agent) Ended() <-chan struct{} { return a.proc.ended }

// Code is the exit code of an agent that has ended.
func (a *Agent) Code() int { return a.proc.cmd.ProcessState.ExitCode() }

// Said is the end of the agent's log.
func (a *Agent) Said() string { return tail(a.proc.log) }

// Stop ends the agent.
func (a *Agent) Stop() error { return a.proc.stop() }

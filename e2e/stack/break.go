package stack

import (
	"context"
	"errors"
	"fmt"
	"syscall"

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

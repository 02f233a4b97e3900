package rig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"

	"github.com/kubechat/kubechat/agent"
	"github.com/kubechat/kubechat/controlplane/store"
	"github.com/kubechat/kubechat/controlplane/tenant"
	"github.com/kubechat/kubechat/e2e/freeaddr"
)

// A process of its own is this same test program, started again with a role: what it runs is built already, with the
// race detector if the tests are.
const (
	roleEnv     = "KUBECHAT_RIG_ROLE"
	settingsEnv = "KUBECHAT_RIG_SETTINGS"

	agentRole   = "agent"
	replicaRole = "replica"
)

// Main runs the tests, or what a process was started for. It does not return.
func Main(m *testing.M) {
	role := os.Getenv(roleEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := play(ctx, role); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func play(ctx context.Context, role string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	settings := []byte(os.Getenv(settingsEnv))
	switch role {
	case agentRole:
		var s agentSettings
		if err := json.Unmarshal(settings, &s); err != nil {
			return err
		}
		cfg, err := s.config()
		if err != nil {
			return err
		}
		cfg.Log = log
		return agent.Run(ctx, cfg)
	case replicaRole:
		var s replicaSettings
		if err := json.Unmarshal(settings, &s); err != nil {
			return err
		}
		return s.run(ctx)
	}
	return errors.New("no such role")
}

// replicaSettings are what another process needs to be a replica.
type replicaSettings struct {
	DSN, Keys string
	Admin     tenant.Scope
	Listen    map[string]string
}

func (s replicaSettings) run(ctx context.Context) error {
	db, err := store.Open(ctx, store.Config{DSN: s.DSN, MaxConns: 4})
	if err != nil {
		return err
	}
	defer db.Close()
	base, stopBase := context.WithCancel(context.WithoutCancel(ctx))
	var below sync.WaitGroup
	below.Go(func() { _ = db.Run(base) })
	defer below.Wait()
	defer stopBase()
	service := &Service{Admin: s.Admin}
	p := &parts{
		db: db, keys: s.Keys, auth: service.auth, listen: func(what string) string { return s.Listen[what] },
		leadsTo: func(own string) string { return own },
	}
	_, run, err := p.make(ctx)
	if err != nil {
		return err
	}
	return run(ctx)
}

// Process is one that runs until the test ends.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
}

func startProcess(t testing.TB, role string, settings any, said *Output) *Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{cmd: exec.Command(self), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), roleEnv+"="+role, settingsEnv+"="+string(encoded))
	p.cmd.Stdout, p.cmd.Stderr = said, said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.Kill)
	return p
}

// Kill ends the process as a crash would, and waits.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Stop stops the process where it is (SIGSTOP): its sockets stay open, and the kernel goes on acknowledging.
func (p *Process) Stop() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Continue lets a stopped process go on.
func (p *Process) Continue() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// ReplicaProcess is a replica in a process of its own.
type ReplicaProcess struct {
	*Process
	Tunnels, Web, Peers string
}

// ReplicaProcess starts one over the service's database, and waits until it serves.
func (s *Service) ReplicaProcess(t testing.TB) *ReplicaProcess {
	t.Helper()
	r := &ReplicaProcess{Tunnels: freeaddr.Loopback(t), Peers: freeaddr.Loopback(t)}
	web := freeaddr.Loopback(t)
	r.Web = "http://" + web
	said := new(Output)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the replica said:\n%s", said)
		}
	})
	r.Process = startProcess(t, replicaRole, replicaSettings{
		DSN: s.db.DSN, Keys: s.keys, Admin: s.Admin, Listen: map[string]string{"tunnels": r.Tunnels, "web": web, "peers": r.Peers},
	}, said)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	Eventually(t, patience, "the replica's process serves", func() bool {
		res, err := client.Get(r.Web)
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil
	})
	return r
}

// Package stack runs the whole of KubeChat on one machine from its real programs: PostgreSQL, a sandbox Kubernetes,
// kubechatd, an agent that enrols. The demo and the end-to-end tests are built on it. Start at Start.
package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kubechat/kubechat/controlplane/store/pgserver"
	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/e2e/shop"
	"github.com/kubechat/kubechat/internal/freeport"
)

// Config says where and what. State is required; ports of zero are free ones.
type Config struct {
	State        string        // the folder that keeps everything
	Existing     string        // "", "current" or a kubeconfig: join that cluster instead of a sandbox
	Nodes        sandbox.Nodes // "" is what works here
	Built        bool          // the programs are there already: build nothing
	PlaneEnv     []string      // of kubechatd, NAME=value, besides this program's own
	WebPort      int
	TunnelPort   int
	OpsPort      int
	KubePort     int // 0: three free ones in a row
	PostgresPort int
	Say          func(string)
}

// Stack is the running whole.
type Stack struct {
	Plane      Plane
	Sandbox    *sandbox.Cluster // nil with an existing cluster
	Nodes      sandbox.Nodes
	Kubeconfig string // through the tunnel, as the demo's member
	Direct     string // an administrator's, straight to the API server
	ClusterID  string
	Programs   Programs

	cfg      Config
	postgres *pgserver.Server
	main     *proc   // whose end is the end of it all
	agents   []*proc // of those that run as processes
	closers  closers
}

// Start brings everything up and returns when the cluster is connected. Stop ends it.
func Start(ctx context.Context, cfg Config) (*Stack, error) {
	s, err := newStack(&cfg)
	if err != nil {
		return nil, err
	}
	if err := s.up(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func newStack(cfg *Config) (*Stack, error) {
	if cfg.Say == nil {
		cfg.Say = func(string) {}
	}
	abs, err := filepath.Abs(cfg.State)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", cfg.State, err)
	}
	cfg.State = abs
	if err := os.MkdirAll(cfg.State, 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", cfg.State, err)
	}
	if err := endLeftovers(cfg.State); err != nil {
		return nil, err
	}
	if err := cfg.ports(); err != nil {
		return nil, err
	}
	return &Stack{cfg: *cfg}, nil
}

func (s *Stack) up(ctx context.Context) error {
	var err error
	if s.Programs, err = build(ctx, s.cfg); err != nil {
		return err
	}
	s.cfg.Say(fmt.Sprintf("PostgreSQL on 127.0.0.1:%d", s.cfg.PostgresPort))
	s.postgres, err = pgserver.Run(ctx, pgserver.Config{Dir: s.postgresDir(), Port: s.cfg.PostgresPort})
	if err != nil {
		return err
	}
	s.closers.add(func() error { return s.postgres.Stop() })
	if err := rememberRunning(s.cfg.State, s.postgres.Pid); err != nil {
		return err
	}
	if err := s.openCluster(ctx); err != nil {
		return err
	}
	if err := s.startPlane(ctx); err != nil {
		return err
	}
	return s.join(ctx)
}

func (s *Stack) postgresDir() string { return filepath.Join(s.cfg.State, "postgres") }

// Logs is the folder with the programs' logs.
func (s *Stack) Logs() string { return filepath.Join(s.cfg.State, "logs") }

// Pods says what the cluster's pods are.
func (s *Stack) Pods() string {
	if s.Sandbox == nil {
		return "your cluster's own"
	}
	return string(s.Nodes)
}

// Ended is closed when kubechatd (of the second cluster: the agent) has ended on its own; Err then says how.
func (s *Stack) Ended() <-chan struct{} { return s.main.ended }

// Err is how the program behind Ended ended, and where its log is.
func (s *Stack) Err() error {
	return fmt.Errorf("%s ended: %w; its log is %s", s.main.cmd.Path, s.main.err, s.main.log)
}

// Stop ends everything, the last started first.
func (s *Stack) Stop() error { return s.closers.close() }

// openCluster is the sandbox with its shop, or the existing cluster.
func (s *Stack) openCluster(ctx context.Context) error {
	if s.cfg.Existing != "" {
		var err error
		s.Direct, err = existingKubeconfig(s.cfg.Existing)
		return err
	}
	s.Nodes = s.cfg.Nodes
	if s.Nodes == "" {
		s.Nodes = sandbox.RealNodes
		if missing := sandbox.RealPodsPossible(); missing != nil {
			s.Nodes = sandbox.SimulatedNodes
			s.cfg.Say("pods will be simulated: " + missing.Error())
		}
	}
	c, err := sandbox.Start(ctx, sandbox.Config{
		Dir: filepath.Join(s.cfg.State, "sandbox"), Port: s.cfg.KubePort, Nodes: s.Nodes, Audit: true,
		Say: func(line string) { s.cfg.Say("sandbox: " + line) },
	})
	if err != nil {
		return err
	}
	s.closers.add(c.Stop)
	s.Sandbox, s.Direct = c, c.Kubeconfig
	if s.Nodes == sandbox.NoNodes {
		return nil
	}
	s.cfg.Say("sandbox: opening the shop, " + string(s.Nodes) + " pods")
	return shop.Open(ctx, c, s.Nodes == sandbox.RealNodes)
}

func existingKubeconfig(which string) (string, error) {
	path := which
	if which == "current" {
		if path = os.Getenv("KUBECONFIG"); path == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("find the current kubeconfig: %w", err)
			}
			path = filepath.Join(home, ".kube", "config")
		}
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", which, err)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("CLUSTER=%s: there is no kubeconfig to join with: %w", which, err)
	}
	return path, nil
}

// ports fills in free ports, and names the fixed ones that something else has, with flags for others.
func (c *Config) ports() error {
	var taken, flags []string
	var first error
	for _, port := range []struct {
		flag   string
		number *int
		row    int // how many in a row it stands for
	}{
		{"port", &c.WebPort, 1}, {"tunnel-port", &c.TunnelPort, 1}, {"ops-port", &c.OpsPort, 1}, {"postgres-port", &c.PostgresPort, 1}, {"kube-port", &c.KubePort, 3},
	} {
		if port.flag == "kube-port" && (*port.number == 0 || c.Existing != "") {
			continue // the sandbox finds its own; so does an existing cluster
		}
		free := func() (int, error) { return freeport.Row(port.row) }
		if *port.number == 0 {
			var err error
			if *port.number, err = free(); err != nil {
				return fmt.Errorf("choose a port for --%s: %w", port.flag, err)
			}
			continue
		}
		err := freeport.Check(*port.number)
		if err == nil {
			continue
		}
		instead, none := free()
		if none != nil {
			return fmt.Errorf("choose a port for --%s instead of %d: %w", port.flag, *port.number, none)
		}
		taken, flags = append(taken, strconv.Itoa(*port.number)), append(flags, fmt.Sprintf("--%s %d", port.flag, instead))
		first = cmp.Or(first, err)
	}
	if first == nil {
		return nil
	}
	what, other := "port "+taken[0]+" is taken; stop what uses it", "another"
	if len(taken) > 1 {
		what, other = "ports "+strings.Join(taken, ", ")+" are taken; stop what uses them", "others"
	}
	return fmt.Errorf("%s, or choose %s with make demo DEMOFLAGS='%s': %w", what, other, strings.Join(flags, " "), first)
}

// Down ends what a killed stack left running, and removes its state.
func Down(cfg Config) error {
	if err := endLeftovers(cfg.State); err != nil {
		return err
	}
	for _, name := range []string{"sandbox", "second"} {
		if err := sandbox.Down(filepath.Join(cfg.State, name)); err != nil {
			return err
		}
	}
	if err := pgserver.Remove(filepath.Join(cfg.State, "postgres")); err != nil {
		return err
	}
	if err := os.RemoveAll(cfg.State); err != nil {
		return fmt.Errorf("remove %s: %w", cfg.State, err)
	}
	return nil
}

// KubePort is the port of the sandbox's API server.
func (s *Stack) KubePort() int { return s.Sandbox.Port() }

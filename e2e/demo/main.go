// Command demo brings the whole of KubeChat up on one machine: PostgreSQL, a sandbox Kubernetes with a lived-in shop,
// kubechatd, and an agent that joins through the real enrolment. It is what `make demo` runs.
//
//	demo up [--cluster current|FILE] [--port 8080] ...   until Ctrl-C
//	demo agent --token kcj1_...                          a second cluster, its agent as a process
//	demo down                                            end leftovers and remove the state
//
// Everything it keeps is under .demo/ in the repository.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/e2e/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say what to do: up, agent or down")
	}
	began := time.Now()
	cfg := stack.Config{Say: func(line string) { fmt.Printf("  %5.1fs  %s\n", time.Since(began).Seconds(), line) }}
	var token, nodes string
	flags := flag.NewFlagSet("demo "+args[0], flag.ContinueOnError)
	flags.StringVar(&cfg.State, "state", filepath.Join(sandbox.Root(), ".demo"), "the folder that keeps the demo's state")
	flags.StringVar(&cfg.Existing, "cluster", "", "join an existing cluster: 'current' for kubectl's current context, or a kubeconfig's path")
	flags.StringVar(&token, "token", "", "a join token, for the second agent")
	flags.IntVar(&cfg.WebPort, "port", 8080, "the web page and API")
	flags.IntVar(&cfg.TunnelPort, "tunnel-port", 8443, "where agents dial in")
	flags.IntVar(&cfg.OpsPort, "ops-port", 9090, "health and metrics")
	flags.IntVar(&cfg.KubePort, "kube-port", 26443, "the sandbox's API server (and the two ports after it)")
	flags.IntVar(&cfg.PostgresPort, "postgres-port", 25432, "PostgreSQL")
	flags.StringVar(&nodes, "nodes", "", "the sandbox's pods: real (root on Linux) or simulated; default is what works here")
	flags.BoolVar(&cfg.Built, "no-build", false, "take the programs as an earlier run has built them")
	if err := flags.Parse(args[1:]); err != nil {
		return fmt.Errorf("read the flags: %w", err)
	}
	cfg.Nodes = sandbox.Nodes(nodes)
	switch args[0] {
	case "up":
		return up(ctx, cfg, began)
	case "agent":
		return secondAgent(ctx, cfg, token)
	case "down":
		if err := stack.Down(cfg); err != nil {
			return err
		}
		fmt.Println("the demo is gone")
		return nil
	}
	return fmt.Errorf("no such thing as %q: up, agent or down", args[0])
}

// up starts everything, tells how to use it, and waits for Ctrl-C.
func up(ctx context.Context, cfg stack.Config, began time.Time) (err error) {
	fmt.Println("KubeChat demo: starting everything on this machine. State is kept in", cfg.State)
	s, err := stack.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	kubectl := "kubectl"
	if s.Sandbox != nil {
		kubectl = filepath.Join(s.Sandbox.Bin, "kubectl")
	}
	fmt.Printf(`
  KubeChat is up (%.0f s), with %s pods.

  Sign in, once:
    %s
  kubectl through the tunnel, as the demo's member:
    %s --kubeconfig %s get pods -A
  kubectl straight to the cluster:
    %s --kubeconfig %s get pods -A

  Try: what is running in shop?  ·  scale checkout to 3  ·  why is payments failing?
  Logs are in %s; Ctrl-C ends all of it.
`, time.Since(began).Seconds(), s.Pods(), s.Plane.Link, kubectl, s.Kubeconfig, kubectl, s.Direct, s.Logs())
	select {
	case <-ctx.Done():
		fmt.Println("\n  ending the demo; its state stays in .demo until make demo-down")
		return nil
	case <-s.Ended():
		return s.Err()
	}
}

// secondAgent starts an API server of its own and joins it to the running demo with the token from the page.
func secondAgent(ctx context.Context, cfg stack.Config, token string) error {
	if token == "" {
		return errors.New("TOKEN is missing: add a cluster in the page and copy the command shown there, make demo-agent TOKEN=kcj1_…")
	}
	s, err := stack.StartSecond(ctx, cfg, token)
	if err != nil {
		return err
	}
	fmt.Printf("\n  The second cluster is joining; its own kubeconfig is %s\n  Ctrl-C ends it.\n", s.Kubeconfig)
	select {
	case <-ctx.Done():
		return s.Stop()
	case <-s.Ended():
		return errors.Join(s.Err(), s.Stop())
	}
}

// Command kubechat-agent connects the Kubernetes cluster it runs in to KubeChat. It dials out; nothing dials in.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"

	"github.com/kubechat/kubechat/agent"
)

// The exit codes. What can be put right only by whoever installed the agent has its own.
const (
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 4 // diagnose found a step that fails
	exitJoin   = 3 // no identity, and the join token is missing, damaged, used or expired
)

func main() {
	// A small heap is worth more here than a little CPU: the pod's memory limit is 128 MiB, and most agents idle.
	debug.SetGCPercent(50)
	if limit, err := strconv.ParseInt(os.Getenv("KUBECHAT_MEMORY_LIMIT"), 10, 64); err == nil && limit > 0 {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1) // what an agent does is pass bytes on: handing them between threads costs more than it wins
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(exitUsage)
	case errors.Is(err, errDiagnosis):
		os.Exit(exitFound)
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "kubechat-agent:", err)
		os.Exit(exitUsage)
	case errors.Is(err, agent.ErrJoin):
		fmt.Fprintln(os.Stderr, "kubechat-agent:", err)
		os.Exit(exitJoin)
	default:
		fmt.Fprintln(os.Stderr, "kubechat-agent:", err)
		os.Exit(exitFailed)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "probe" {
		return probe(ctx, args[1:], stdout, stderr)
	}
	if len(args) > 0 && args[0] == "diagnose" {
		return diagnose(ctx, args[1:], getenv, stdout, stderr)
	}
	cfg, level, err := configure(args, getenv, stderr)
	if err != nil {
		return err
	}
	cfg.Log = slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level}))
	cfg.Log.InfoContext(ctx, "starting", "version", cfg.Version, "api_server", cfg.Server.URL.Host, "namespace", cfg.Namespace)
	defer cfg.Server.CloseIdle()
	if err := agent.Run(ctx, cfg); err != nil {
		return err
	}
	cfg.Log.InfoContext(ctx, "stopped")
	return nil
}

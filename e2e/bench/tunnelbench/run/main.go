// Command run prints the tunnel's figures.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/kubechat/kubechat/e2e/bench/tunnelbench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tunnelbench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == "agents" {
		return tunnelbench.Agents(ctx, os.Stdin)
	}
	flags := flag.NewFlagSet("tunnelbench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 7, "interleaved rounds")
	sessions := flags.Int("sessions", 1000, "idle sessions")
	only := flags.String("only", "", "parts to measure, with commas: idle,stream,request,far,keystroke,cancel")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read the flags: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cfg := tunnelbench.Config{Rounds: *rounds, Sessions: *sessions, Agents: []string{self, "agents"},
		Say: func(part string) { fmt.Fprintln(os.Stderr, "tunnelbench:", part) }}
	if *only != "" {
		cfg.Only = strings.Split(*only, ",")
	}
	results, err := tunnelbench.Run(ctx, cfg)
	for _, r := range results {
		fmt.Println(r)
	}
	return err
}

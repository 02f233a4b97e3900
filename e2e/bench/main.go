// Command bench compares, within one interleaved run over one real kube-apiserver: a direct client, one plain reverse
// proxy, a chain of two with TLS on each leg and the same impersonation headers, Rancher's remotedialer without any
// check, and KubeChat with every check and record on. Then it measures the tunnel alone. It prints ratios, because
// machines differ, and writes docs/benchmarks.md. It is what `make bench` runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/kubechat/kubechat/e2e/bench/tunnelbench"
	"github.com/kubechat/kubechat/e2e/sandbox"
	"github.com/kubechat/kubechat/e2e/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) > 0 && args[0] == "agents" { // this program again, as the other end of the tunnel's own measurements
		return tunnelbench.Agents(ctx, os.Stdin)
	}
	if len(args) > 0 && commands[args[0]] != nil { // and as what is compared with KubeChat
		return obey(ctx, commands[args[0]], os.Stdin, os.Stdout)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 7, "interleaved rounds")
	part := flags.String("part", "all", "what is measured: path, tunnel, or all, which alone is written down")
	out := flags.String("out", filepath.Join(sandbox.Root(), "docs", "benchmarks.md"), "where the results go; empty is only the terminal")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read the flags: %w", err)
	}
	var report string
	if *part != "tunnel" {
		if report, err = path(ctx, *rounds); err != nil {
			return err
		}
	}
	if *part != "path" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
		fmt.Fprintln(os.Stderr, "bench: the tunnel alone")
		alone, err := tunnelbench.Run(ctx, tunnelbench.Config{Rounds: *rounds, Agents: []string{self, "agents"}})
		if err != nil {
			return err
		}
		report += "\n## The tunnel alone\n\n" + tunnelbench.Table("tunnel", alone)
	}
	fmt.Print(report)
	if *out == "" || *part != "all" {
		return nil
	}
	return os.WriteFile(*out, []byte(report), 0o644)
}

// path measures the whole path, over a stack of its own.
func path(ctx context.Context, rounds int) (report string, err error) {
	state, err := os.MkdirTemp("", "kubechat-bench-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the run: %w", err)
	}
	s, err := stack.Start(ctx, stack.Config{State: state, Nodes: sandbox.NoNodes, Say: func(l string) { fmt.Fprintln(os.Stderr, "bench:", l) }})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Stop(), os.RemoveAll(state)) }()
	targets, closeAll, err := openTargets(ctx, s)
	if err != nil {
		return "", err
	}
	defer closeAll()
	if err := fill(ctx, targets[0]); err != nil {
		return "", err
	}
	ours := targets[len(targets)-1]
	fmt.Fprintln(os.Stderr, "bench: the agent's size")
	size, err := agentSize(ctx, s, state, ours)
	if err != nil {
		return "", err
	}
	results, err := measure(ctx, targets, rounds)
	if err != nil {
		return "", err
	}
	after, err := afterwards(s, state)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(os.Stderr, "bench: revocation")
	took, err := revocation(ctx, s, ours, revocations)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(os.Stderr, "bench: questions in plain words")
	answers, err := asking(ctx, s, targets[0])
	if err != nil {
		return "", err
	}
	held := append(bars(results), revocationRow(took))
	held = append(append(held, size...), after)
	held = append(held, askingRows(answers)...)
	return render(targets, results, rounds) + "\n## What it is held to\n\n" + tunnelbench.Table("what", held), nil
}

// revocations is how often revocation is measured.
const revocations = 3

// result is one target's measurements, one value for each round.
type result struct {
	p50, p99, watch []time.Duration
	perSecond       []float64
	listMBs         []float64
}

// How one round is cut up. The targets take turns at each slice, so that what else the machine does for some seconds
// hits all of them.
const (
	getSlices, getEach           = 8, 50
	parallelSlices, parallelEach = 4, 400
	listSlices                   = 3
	watchSlices, watchEach       = 2, 20
	workers                      = 32
)

// measure goes through all targets in each round, in another order each time.
func measure(ctx context.Context, targets []target, rounds int) (map[string]*result, error) {
	results := map[string]*result{}
	for _, t := range targets {
		results[t.name] = &result{}
		if _, err := sequential(ctx, t, 50); err != nil { // connections, caches
			return nil, fmt.Errorf("warm up %s: %w", t.name, err)
		}
	}
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "bench: round %d of %d\n", round+1, rounds)
		if err := one(ctx, targets, results, round); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// one is one round. It adds one value of each kind to each target's result.
func one(ctx context.Context, targets []target, results map[string]*result, round int) error {
	n := len(targets)
	gets, watches := make([][]time.Duration, n), make([][]time.Duration, n)
	busy, best := make([]time.Duration, n), make([]float64, n)
	for _, part := range []struct {
		slices int
		slice  func(t target, i int) error
	}{
		{getSlices, func(t target, i int) error {
			times, err := sequential(ctx, t, getEach)
			gets[i] = append(gets[i], times...)
			return err
		}},
		{parallelSlices, func(t target, i int) error {
			took, err := parallel(ctx, t, workers, parallelEach)
			busy[i] += took
			return err
		}},
		{listSlices, func(t target, i int) error {
			mbs, err := list(ctx, t)
			best[i] = max(best[i], mbs)
			return err
		}},
		{watchSlices, func(t target, i int) error {
			times, err := watchLatency(ctx, t, watchEach)
			watches[i] = append(watches[i], times...)
			return err
		}},
	} {
		for slice := range part.slices {
			for turn := range targets {
				i := (turn + slice + round) % n
				if err := part.slice(targets[i], i); err != nil {
					return fmt.Errorf("%s: %w", targets[i].name, err)
				}
			}
		}
	}
	for i, t := range targets {
		r := results[t.name]
		slices.Sort(gets[i])
		r.p50 = append(r.p50, gets[i][len(gets[i])/2])
		r.p99 = append(r.p99, gets[i][len(gets[i])*99/100])
		r.perSecond = append(r.perSecond, parallelSlices*parallelEach/busy[i].Seconds())
		r.listMBs = append(r.listMBs, best[i])
		r.watch = append(r.watch, median(watches[i]))
	}
	return nil
}

func median[T ~int64 | ~float64](values []T) T {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

// Command bench compares, within one interleaved run over one real kube-apiserver: a direct client, one plain reverse
// proxy, a chain of two with TLS on each leg and the same impersonation headers, and KubeChat with every check and
// record on. It prints ratios, because machines differ, and writes docs/benchmarks.md. It is what `make bench` runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
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
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 7, "interleaved rounds")
	out := flags.String("out", filepath.Join(sandbox.Root(), "docs", "benchmarks.md"), "where the results go; empty is only the terminal")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read the flags: %w", err)
	}
	state, err := os.MkdirTemp("", "kubechat-bench-")
	if err != nil {
		return fmt.Errorf("make a folder for the run: %w", err)
	}
	s, err := stack.Start(ctx, stack.Config{State: state, Nodes: sandbox.NoNodes, Say: func(l string) { fmt.Fprintln(os.Stderr, "bench:", l) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop(), os.RemoveAll(state)) }()
	targets, closeAll, err := openTargets(s)
	if err != nil {
		return err
	}
	defer closeAll()
	if err := fill(ctx, targets[0]); err != nil {
		return err
	}
	results, err := measure(ctx, targets, *rounds)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	fmt.Fprintln(os.Stderr, "bench: the tunnel alone")
	alone, err := tunnelbench.Run(ctx, tunnelbench.Config{Rounds: *rounds, Agents: []string{self, "agents"}})
	if err != nil {
		return err
	}
	report := render(targets, results, *rounds) + "\n## The tunnel alone\n\n" + tunnelbench.Table(alone)
	fmt.Print(report)
	if *out == "" {
		return nil
	}
	return os.WriteFile(*out, []byte(report), 0o644)
}

// result is one target's measurements, one value for each round.
type result struct {
	p50, p99, watch []time.Duration
	perSecond       []float64
	listMBs         []float64
}

// measure goes through all targets in each round, in another order each time, so that what else the machine does hits
// all of them.
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
		for i := range targets {
			t := targets[(i+round)%len(targets)]
			if err := one(ctx, t, results[t.name]); err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return results, nil
}

func one(ctx context.Context, t target, r *result) error {
	times, err := sequential(ctx, t, 400)
	if err != nil {
		return err
	}
	slices.Sort(times)
	r.p50 = append(r.p50, times[len(times)/2])
	r.p99 = append(r.p99, times[len(times)*99/100])
	rate, err := parallel(ctx, t, 32, 1600)
	if err != nil {
		return err
	}
	r.perSecond = append(r.perSecond, rate)
	mbs, err := list(ctx, t)
	if err != nil {
		return err
	}
	r.listMBs = append(r.listMBs, mbs)
	latency, err := watchLatency(ctx, t, 40)
	if err != nil {
		return err
	}
	r.watch = append(r.watch, latency)
	return nil
}

func median[T ~int64 | ~float64](values []T) T {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

func render(targets []target, results map[string]*result, rounds int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

`+"`make bench`"+` compares within one run: %d interleaved rounds over one real kube-apiserver %s (no nodes) on one machine
(%d cores, %s/%s, %s), client, proxies, control plane, PostgreSQL, agent and API server all on it. The figures are medians of the
rounds; compare ratios, not milliseconds: machines differ and this one does other things too.

- **direct**: a client with a certificate straight to the API server
- **one proxy**: a plain `+"`httputil.ReverseProxy`"+`, TLS on each leg, setting the same impersonation headers
- **two proxies**: a chain of two of them
- **KubeChat**: the kubectl path with everything on: token, role and group checks, read records, tunnel, agent policy, impersonation

| what | %s |
|---|%s
`, rounds, sandbox.Version, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(),
		join(targets, func(t target) string { return t.name }), strings.Repeat("---|", len(targets)))
	base := results[targets[0].name]
	row := func(what string, cell func(r *result) string) {
		fmt.Fprintf(&b, "| %s | %s |\n", what, join(targets, func(t target) string { return cell(results[t.name]) }))
	}
	row("sequential small GET, p50", func(r *result) string { return added(median(r.p50), median(base.p50)) })
	row("sequential small GET, p99", func(r *result) string { return added(median(r.p99), median(base.p99)) })
	row("requests per second, 32 workers", func(r *result) string { return share(median(r.perSecond), median(base.perSecond), "/s") })
	row("10 MB list", func(r *result) string { return share(median(r.listMBs), median(base.listMBs), " MB/s") })
	row("watch event latency, p50", func(r *result) string { return added(median(r.watch), median(base.watch)) })
	fmt.Fprintf(&b, "\nMeasured %s with `make bench`.\n", time.Now().UTC().Format("2006-01-02"))
	return b.String()
}

func join(targets []target, cell func(target) string) string {
	cells := make([]string, len(targets))
	for i, t := range targets {
		cells[i] = cell(t)
	}
	return strings.Join(cells, " | ")
}

func added(d, base time.Duration) string {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	if d == base {
		return fmt.Sprintf("%.2f ms", ms(d))
	}
	return fmt.Sprintf("%.2f ms (%+.2f)", ms(d), ms(d-base))
}

func share(v, base float64, unit string) string {
	if v == base {
		return fmt.Sprintf("%.0f%s", v, unit)
	}
	return fmt.Sprintf("%.0f%s (%.2f)", v, unit, v/base)
}

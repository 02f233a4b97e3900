package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/kubechat/kubechat/e2e/bench/tunnelbench"
	"github.com/kubechat/kubechat/e2e/sandbox"
)

// behind is how far KubeChat may be behind the chain of two proxies.
const behind = 0.10

// bars holds KubeChat to what was promised; all of it comes out of the same rounds.
func bars(results map[string]*result) []tunnelbench.Result {
	ours, direct, chain, together, rancher := results[nameKubeChat], results[nameDirect], results[nameTwo], results[nameOneProcess], results[nameRancher]
	added := func(r *result) float64 { return milliseconds(median(r.p50) - median(direct.p50)) }
	perSecond := func(r *result) float64 { return median(r.perSecond) }
	list := func(r *result) float64 { return median(r.listMBs) }
	share := func(what func(*result) float64, unit string) string {
		return fmt.Sprintf("bar: 0.90 of the chain's %.0f%s (in one process: %.0f); stretch: of direct; it has %.2f of the chain, %.2f of direct",
			what(chain), unit, what(together), what(ours)/what(chain), what(ours)/what(direct))
	}
	return []tunnelbench.Result{
		{Name: "sequential small GET, added p50", Value: added(ours), Unit: "ms", Bar: (1 + behind) * added(chain), Stretch: 0.45, Atmost: true,
			Detail: fmt.Sprintf("bar: 1.10 of what the chain of two proxies adds, %.2f ms (in one process: %.2f); the whole request: %.2f of the chain's",
				added(chain), added(together), float64(median(ours.p50))/float64(median(chain.p50)))},
		{Name: fmt.Sprintf("requests per second, %d workers", workers), Value: perSecond(ours), Unit: "/s", Bar: (1 - behind) * perSecond(chain), Stretch: 0.65 * perSecond(direct), Detail: share(perSecond, "/s")},
		{Name: "10 MB list", Value: list(ours), Unit: "MB/s", Bar: (1 - behind) * list(chain), Stretch: 0.92 * list(direct), Detail: share(list, " MB/s")},
		{Name: "p50 against remotedialer's", Value: float64(median(ours.p50)) / float64(median(rancher.p50)), Unit: "ratio", Bar: 1, Atmost: true,
			Detail: fmt.Sprintf("ahead is below 1; added %.2f against %.2f ms", added(ours), added(rancher))},
		{Name: "requests per second against remotedialer's", Value: perSecond(ours) / perSecond(rancher), Unit: "ratio", Bar: 1,
			Detail: fmt.Sprintf("ahead is above 1; %.0f against %.0f/s", perSecond(ours), perSecond(rancher))},
		{Name: "watch event, added p50", Value: milliseconds(median(ours.watch) - median(direct.watch)), Unit: "ms", Bar: 0.4, Stretch: 0.25, Atmost: true,
			Detail: fmt.Sprintf("the chain of two proxies adds %.2f ms, remotedialer %.2f ms", milliseconds(median(chain.watch)-median(direct.watch)), milliseconds(median(rancher.watch)-median(direct.watch)))},
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func render(targets []target, results map[string]*result, rounds int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

`+"`make bench`"+` compares within one run: %d interleaved rounds over one real kube-apiserver %s (no nodes) on one machine
(%d cores, %s/%s, %s), client, proxies, control plane, PostgreSQL, agent and API server all on it. The figures are medians of the
rounds, within which the targets take turns every second or so; compare ratios, not milliseconds: machines differ and this one does other things too.

- **direct**: a client with a certificate straight to the API server
- **one proxy**: a plain `+"`httputil.ReverseProxy`"+` as a process of its own, TLS on each leg, setting the same impersonation headers
- **two proxies**: a chain of two of them, each a process of its own, as a control plane and an agent are
- **two proxies, one process**: the same chain inside the process that also measures, which spares it the switches between processes
- **remotedialer**: Rancher's (v0.6.1), with no checks: a reverse proxy, same TLS and headers, that dials the API server through a
  WebSocket over TLS to a client process, with TLS to the API server end to end; it keeps these connections open between requests
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
	row(fmt.Sprintf("requests per second, %d workers", workers), func(r *result) string { return share(median(r.perSecond), median(base.perSecond), "/s") })
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
	if d == base {
		return fmt.Sprintf("%.2f ms", milliseconds(d))
	}
	return fmt.Sprintf("%.2f ms (%+.2f)", milliseconds(d), milliseconds(d-base))
}

func share(v, base float64, unit string) string {
	if v == base {
		return fmt.Sprintf("%.0f%s", v, unit)
	}
	return fmt.Sprintf("%.0f%s (%.2f)", v, unit, v/base)
}

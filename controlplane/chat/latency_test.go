package chat_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/chat"
)

// BenchmarkFromQuestionToTable measures what a run itself costs, on a real database and with a cluster that answers at
// once: until its first event, and until its table. What the tunnel and the cluster add is measured end to end (e2e/bench).
func BenchmarkFromQuestionToTable(b *testing.B) {
	w := newWorld(b)
	in := w.converse(w.admin)
	var first, table []time.Duration
	for b.Loop() {
		began := time.Now()
		run, err := w.Start(b.Context(), w.admin, in, "list deployments in shop", "")
		if err != nil {
			b.Fatal(err)
		}
		events, err := w.Events(b.Context(), w.admin, run.ID, 0)
		if err != nil {
			b.Fatal(err)
		}
		for e := range events {
			switch {
			case e.Seq == 1:
				first = append(first, time.Since(began))
			case e.Type == chat.TypeTable:
				table = append(table, time.Since(began))
			}
		}
	}
	b.ReportMetric(p95(first), "first-event-ms/p95")
	b.ReportMetric(p95(table), "table-ms/p95")
}

func p95(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)*95/100].Microseconds()) / 1000
}

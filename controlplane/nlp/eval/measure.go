package eval

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// repeats is how often each row is answered; all answers must be the same.
const repeats = 5

// Evaluate runs everything over our own rows. It measures memory, so nothing else should run meanwhile.
func Evaluate(ctx context.Context) (Report, []Scored, error) {
	clusters, err := Clusters()
	if err != nil {
		return Report{}, nil, err
	}
	rows, err := Rows(clusters)
	if err != nil {
		return Report{}, nil, err
	}
	scored := Run(ctx, rows, clusters)
	r := Summarise(scored)
	r.Unstable = unstable(ctx, scored, clusters)
	large := clusters["colossus"]
	r.Objects = len(large.Objects)
	r.Latency = latency(ctx, rows, large)
	r.Bytes = bytesPerObject(r.Objects)
	for _, name := range sortedKeys(clusters) {
		r.Clusters = append(r.Clusters, Size{name, len(clusters[name].Config.Namespaces), len(clusters[name].Objects)})
	}
	return r, scored, nil
}

// unstable lists the rows whose answer differs when they are said again.
func unstable(ctx context.Context, scored []Scored, clusters map[string]*Cluster) []string {
	var ids []string
	for _, s := range scored {
		for range repeats - 1 {
			if again := Predict(ctx, s.Row, clusters[s.Row.Cluster].Words); !reflect.DeepEqual(again, s.Said) {
				ids = append(ids, fmt.Sprintf("%s: %q", s.Row.ID, s.Row.Utterance))
				break
			}
		}
	}
	return ids
}

// latency translates what is said about the large cluster, one sentence at a time. The best of three counts: this machine
// does other things too, and those are not the translator's time.
func latency(ctx context.Context, rows []Row, large *Cluster) Latency {
	var took []time.Duration
	for _, row := range rows {
		if row.Cluster != large.Name || len(row.Context) > 0 {
			continue
		}
		best := time.Hour
		for range 3 {
			start := time.Now()
			Predict(ctx, row, large.Words)
			best = min(best, time.Since(start))
		}
		took = append(took, best)
	}
	slices.Sort(took)
	at := func(part float64) time.Duration { return took[int(part*float64(len(took)-1))] }
	return Latency{P50: at(0.50), P95: at(0.95), Max: at(1)}
}

// bytesPerObject is what a vocabulary keeps on the heap for each object, beyond what an empty one takes. Its objects are
// metadata only, as a live cluster's are, and nothing else holds them.
func bytesPerObject(objects int) float64 {
	small := heapOf(func(nlp.Object) bool { return false })
	full := heapOf(func(nlp.Object) bool { return true })
	return (full - small) / float64(objects)
}

// heapOf is what the large cluster's vocabulary takes with the objects that keep keeps.
func heapOf(keep func(nlp.Object) bool) float64 {
	before := heap()
	v := metadataOnly(keep)
	after := heap()
	runtime.KeepAlive(v)
	return after - before
}

func metadataOnly(keep func(nlp.Object) bool) *nlp.Vocabulary {
	cfg := colossus().Config
	var objects []nlp.Object
	for _, o := range cfg.Objects {
		if o.Details = nil; keep(o) {
			objects = append(objects, o)
		}
	}
	cfg.Objects = objects
	return nlp.NewVocabulary(cfg)
}

func heap() float64 {
	runtime.GC()
	runtime.GC() // what the first one's finalizers freed
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

package nlp_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

const (
	sizedObjects   = 5000
	bytesPerObject = 250
	translateP95   = 10 * time.Millisecond
	slack          = 10 // other tests share the machine
)

// sizedConfig is a cluster of n objects as a server lists them: every string and label map its own.
func sizedConfig(kinds []nlp.Kind, n int) nlp.VocabularyConfig {
	cfg := nlp.VocabularyConfig{Kinds: kinds, Namespaces: []string{"default"}}
	for i := range 40 {
		cfg.Namespaces = append(cfg.Namespaces, fmt.Sprintf("team-%02d", i))
	}
	for i := 0; len(cfg.Objects) < n; i++ {
		ns, app := fmt.Sprintf("team-%02d", i%40), fmt.Sprintf("service-%04d", i)
		labels := func(more ...string) map[string]string {
			m := map[string]string{"app.kubernetes.io/name": app, "app.kubernetes.io/part-of": fmt.Sprintf("product-%d", i%25), "tier": "backend"}
			for k := 0; k+1 < len(more); k += 2 {
				m[more[k]] = more[k+1]
			}
			return m
		}
		hash := fmt.Sprintf("%010x", i*7919)
		cfg.Objects = append(cfg.Objects,
			nlp.Object{Kind: "deployments.apps", Namespace: ns, Name: app, Labels: labels()},
			nlp.Object{Kind: "services", Namespace: ns, Name: app, Labels: labels()},
			nlp.Object{Kind: "configmaps", Namespace: ns, Name: app + "-config", Labels: labels()},
			nlp.Object{Kind: "replicasets.apps", Namespace: ns, Name: app + "-" + hash, Labels: labels("pod-template-hash", hash), OwnerKind: "Deployment", OwnerName: app},
		)
		for p := range 4 {
			cfg.Objects = append(cfg.Objects, nlp.Object{
				Kind: "pods", Namespace: ns, Name: fmt.Sprintf("%s-%s-%05x", app, hash, p*104729), Labels: labels("pod-template-hash", hash), OwnerKind: "ReplicaSet", OwnerName: app + "-" + hash,
			})
		}
	}
	cfg.Objects = cfg.Objects[:n]
	return cfg
}

// Not parallel: it reads the heap.
func TestAnObjectCostsFewBytes(t *testing.T) {
	kinds := vocabulary(t, "shop").Kinds()
	weigh := func(n int) (int64, *nlp.Vocabulary) {
		before := heap()
		v := nlp.NewVocabulary(sizedConfig(kinds, n))
		return heap() - before, v
	}
	empty, v0 := weigh(0)
	full, v := weigh(sizedObjects)
	per := (full - empty) / sizedObjects
	t.Logf("%d bytes per object", per)
	if per > bytesPerObject {
		t.Errorf("an object costs %d bytes, more than %d", per, bytesPerObject)
	}
	runtime.KeepAlive(v0)
	runtime.KeepAlive(v)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestTranslationIsFastAmongFiveThousandObjects(t *testing.T) {
	v := nlp.NewVocabulary(sizedConfig(vocabulary(t, "shop").Kinds(), sizedObjects))
	said := append(sentences(t, "shop"), "restart service-0012", "logs of servce-0100 in team-20", "why is service 0200 failing", "which pods labelled tier backend are not ready in team-03",
		"describe the service-0333 deployment", "show me recomendation pods", "delete pod servise-0001-0000000000-00000")
	var took []time.Duration
	for range 2 {
		for _, s := range said {
			start := time.Now()
			translate(v, s)
			took = append(took, time.Since(start))
		}
	}
	slices.Sort(took)
	p50, p95 := took[len(took)/2], took[len(took)*95/100]
	t.Logf("p50 %v, p95 %v, max %v of %d", p50, p95, took[len(took)-1], len(took))
	if p95 > slack*translateP95 {
		t.Errorf("p95 is %v, more than %d times %v", p95, slack, translateP95)
	}
}

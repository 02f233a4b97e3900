package eval

import (
	"fmt"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// colossusObjects is how many objects the large cluster holds at least: the size that latency and memory are judged at.
const colossusObjects = 5000

// colossus is a large cluster of one company: sixty teams, each with a namespace of services that have names of their
// own, made the same way each time. Services that rows name stand in it like all others.
func colossus() *Cluster {
	b := &builder{cfg: nlp.VocabularyConfig{Cluster: "colossus", Version: "1", Kinds: nlp.BuiltInKinds()}}
	b.must("kind mesh.colossus.example TrafficSplit trafficsplits ts")
	b.must("kind mesh.colossus.example RateLimit ratelimits rl")
	b.must("kind team.colossus.example Team teams cluster")
	for i := range 120 {
		b.must(fmt.Sprintf("nodes ip-10-%d-%d-%d zone=z%d", i/40, i%40, 7+i, i%3))
	}
	first := strings.Fields("amber birch cobalt delta ember fjord garnet harbor indigo juniper krypton lagoon maple nimbus opal")
	second := strings.Fields("ads auth chat feed")
	roles := strings.Fields("gateway reader writer indexer ranker mapper ledger notifier planner")
	n := 0
	for _, s := range second {
		for _, f := range first {
			b.team(f, s, roles, n)
			n++
		}
	}
	for i := 0; len(b.cfg.Objects) < colossusObjects; i++ {
		b.must(fmt.Sprintf("configmaps amber-ads/rules-%03d owner=ads", i))
	}
	return b.done()
}

// team adds a namespace and what runs in it.
func (b *builder) team(f, s string, roles []string, n int) {
	ns := f + "-" + s
	b.namespace(ns, map[string]string{"group": s})
	b.must("teams " + ns)
	for i, role := range roles {
		name := fmt.Sprintf("%s-%s", f, role)
		if i%3 == 0 {
			name = fmt.Sprintf("%s-%s-%s", f, s, role)
		}
		b.must(fmt.Sprintf("deployments %s/%s x%d app=%s group=%s svc:8080 : %s=cr.colossus.example/%s:1.%d.%d@8080", ns, name, 2+(n+i)%4, name, s, role, name, n, i))
	}
	b.must(fmt.Sprintf("statefulsets %s/%s-store x3 app=%s-store svc:5432 : db=postgres:16.4@5432", ns, ns, ns))
	b.must(fmt.Sprintf("cronjobs %s/%s-rollup app=%s-rollup : rollup=cr.colossus.example/rollup:2.0.%d", ns, ns, ns, n))
	for _, line := range []string{
		"configmaps %[1]s/settings owner=%[2]s", "secrets %[1]s/%[1]s-keys owner=%[2]s", "serviceaccounts %[1]s/runner owner=%[2]s",
		"ratelimits %[1]s/public-api owner=%[2]s", "trafficsplits %[1]s/%[1]s-canary owner=%[2]s", "ingresses %[1]s/%[1]s-www owner=%[2]s",
	} {
		b.must(fmt.Sprintf(line, ns, s))
	}
}

// must adds a line that this file itself wrote.
func (b *builder) must(line string) {
	if err := b.line(line); err != nil {
		panic("eval: the large cluster's own lines are right: " + err.Error())
	}
}

package eval

import (
	"fmt"
	"maps"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// workload adds an object with its details, and what the controllers would make of it.
func (b *builder) workload(kind nlp.Kind, w workload) {
	d := &nlp.Details{Selector: w.selector, Containers: w.containers}
	replicas := w.replicas
	switch kind.Plural {
	case "deployments", "statefulsets":
		d.Replicas = &replicas
	case "services":
		d.Ports = []int32{w.port}
	case "jobs", "cronjobs", "pods":
		d.Selector = nil
	}
	b.add(kind.Key(), w.ns, w.name, w.labels, d)
	switch kind.Plural {
	case "deployments":
		set := w.name + "-" + suffix(w.ns+w.name, 10)
		b.add("replicasets.apps", w.ns, set, w.labels, d)
		b.own("Deployment", w.name)
		b.pods(w, "ReplicaSet", set, func(i int) string { return fmt.Sprintf("%s-%s", set, suffix(fmt.Sprint(w.ns, set, i), 5)) })
	case "statefulsets":
		b.pods(w, "StatefulSet", w.name, func(i int) string { return fmt.Sprintf("%s-%d", w.name, i) })
	case "daemonsets":
		b.pods(w, "DaemonSet", w.name, func(i int) string { return fmt.Sprintf("%s-%s", w.name, suffix(fmt.Sprint(w.ns, w.name, i), 5)) })
	case "jobs":
		b.pods(w, "Job", w.name, func(i int) string { return fmt.Sprintf("%s-%s", w.name, suffix(fmt.Sprint(w.ns, w.name, i), 5)) })
	}
	if w.port != 0 && kind.Plural != "services" {
		b.add("services", w.ns, w.name, w.labels, &nlp.Details{Selector: w.selector, Ports: []int32{w.port}})
	}
}

// own marks the object added last as controlled.
func (b *builder) own(kind, name string) {
	o := &b.cfg.Objects[len(b.cfg.Objects)-1]
	o.OwnerKind, o.OwnerName = kind, name
}

func (b *builder) pods(w workload, ownerKind, owner string, name func(int) string) {
	labels := maps.Clone(w.labels)
	if w.selector == nil {
		labels[ownerKind] = owner
	}
	for i := range int(w.replicas) {
		b.add("pods", w.ns, name(i), labels, &nlp.Details{Containers: w.containers})
		b.own(ownerKind, owner)
	}
}

// alphabet is what Kubernetes makes name suffixes of.
const alphabet = "bcdfghjklmnpqrstvwxz2456789"

// suffix is a name's random part, the same each time.
func suffix(seed string, n int) string {
	x := uint64(sum(seed)) | 1<<33
	out := make([]byte, n)
	for i := range out {
		x = x*6364136223846793005 + 1442695040888963407
		out[i] = alphabet[(x>>33)%uint64(len(alphabet))]
	}
	return string(out)
}

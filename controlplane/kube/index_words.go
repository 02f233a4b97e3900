package kube

import (
	"context"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// fromIndex gives an asker the names in a cluster's index that they may hear: those of a kind that the cluster itself says
// they may list. It is made for one vocabulary, so no verdict is older than the words.
type fromIndex struct {
	index *index // nil: there is none
	meter *meter
	// mayList asks the cluster, as the asker, whether they may list the kind in a namespace or, with none, everywhere
	mayList func(ctx context.Context, k nlp.Kind, namespace string) (bool, error)
}

// objects gives what the asker may hear of a kind: all of it or, where they may not list it everywhere, what is in those of
// the namespaces in which they may. ok is false if the kind is to be listed instead, as the asker.
func (f *fromIndex) objects(ctx context.Context, k nlp.Kind, spaces []string) (found []nlp.Object, ok bool) {
	if f == nil {
		return nil, false
	}
	found, ok = f.ask(ctx, k, spaces)
	from := "asker"
	if ok {
		from = "index"
	}
	f.meter.kinds.WithLabelValues(from).Inc()
	return found, ok
}

func (f *fromIndex) ask(ctx context.Context, k nlp.Kind, spaces []string) ([]nlp.Object, bool) {
	if f.index == nil || !f.index.has(k.Key()) {
		return nil, false
	}
	may, err := f.mayList(ctx, k, "")
	switch {
	case err != nil:
		return nil, false // where the question is not answered, a list is
	case may:
		return f.index.objects(k.Key(), nil)
	case !k.Namespaced:
		return nil, true
	}
	in := map[string]bool{}
	for _, ns := range spaces[:min(len(spaces), maxAskedIn)] {
		if in[ns], err = f.mayList(ctx, k, ns); err != nil {
			return nil, false
		}
	}
	return f.index.objects(k.Key(), in)
}

// mayList asks the cluster's RBAC as this person.
func (c *Cluster) mayList(ctx context.Context, k nlp.Kind, namespace string) (bool, error) {
	attributes := map[string]any{"verb": "list", "group": k.Group, "resource": k.Plural}
	if namespace != "" {
		attributes["namespace"] = namespace
	}
	status, err := c.selfReview(ctx, map[string]any{"resourceAttributes": attributes})
	return status.Allowed && !status.Denied, err
}

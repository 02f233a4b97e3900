package chat

import (
	"strings"
	"testing"

	"github.com/kubechat/kubechat/controlplane/cluster"
	"github.com/kubechat/kubechat/controlplane/nlp"
)

func TestClustersAreNamedAsPeopleNameThem(t *testing.T) {
	t.Parallel()
	var all []cluster.Cluster
	for _, name := range []string{"prod-eu", "prod-us", "staging", "edge"} {
		all = append(all, cluster.Cluster{ID: cluster.ID(name), Name: name, State: cluster.Connected})
	}
	all = append(all, cluster.Cluster{ID: "old", Name: "old", State: cluster.Revoked})
	here := nlp.NewVocabulary(nlp.VocabularyConfig{Kinds: nlp.BuiltInKinds(), Namespaces: []string{"staging", "shop"}, Objects: []nlp.Object{
		{Kind: "deployments.apps", Namespace: "shop", Name: "edge"},
	}})
	for _, c := range []struct{ text, clusters, rest string }{
		{"show pods in shop", "", "show pods in shop"},
		{"pods in prod-us", "prod-us", "pods"},
		{"pods in shop on prod-us", "prod-us", "pods in shop"},
		{"how many pods are in prod-eu and prod-us?", "prod-eu prod-us", "how many pods are?"},
		{"list nodes in prod-eu, prod-us and staging", "prod-eu prod-us staging", "list nodes"},
		{"nodes in all clusters", "prod-eu prod-us staging edge", "nodes"},
		{"nodes across all of our clusters", "prod-eu prod-us staging edge", "nodes"},
		{"pods in staging", "", "pods in staging"}, // a namespace here
		{"pods on the staging cluster", "staging", "pods"},
		{"pods in cluster staging", "staging", "pods"},
		{"pods on staging-cluster", "staging", "pods"},
		{"restart edge", "", "restart edge"}, // an object here
		{"logs of edge in prod-us", "prod-us", "logs of edge"},
		{"in prod-us, scale web to 3", "prod-us", "scale web to 3"},
		{"scale web to 3 in PROD-US", "prod-us", "scale web to 3"},
		{"scale web to 3 in both prod-eu and prod-us clusters", "prod-eu prod-us", "scale web to 3"},
		{"on cluster prod-us: kubectl get pods -n prod-eu", "prod-us", "kubectl get pods -n prod-eu"},
		{"in all clusters: kubectl get nodes", "prod-eu prod-us staging edge", "kubectl get nodes"},
		{"and in prod-us?", "prod-us", "and?"},
		{"kubectl get pods -n prod-us", "", "kubectl get pods -n prod-us"},
		{"pods in old", "", "pods in old"}, // revoked
		{"delete prod-us", "", "delete prod-us"},
		{"which clusters are there", "", "which clusters are there"},
	} {
		got := addressed(c.text, all, here)
		var names []string
		for _, x := range got.clusters {
			names = append(names, x.Name)
		}
		if strings.Join(names, " ") != c.clusters || got.rest != c.rest {
			t.Errorf("%q: clusters %v, rest %q; want %q, %q", c.text, names, got.rest, c.clusters, c.rest)
		}
	}
	for text, only := range map[string]bool{"and?": true, "what about": true, "same": true, "": true, "pods": false, "and deployments?": false} {
		if onlyPlace(text) != only {
			t.Errorf("%q: only a place: %v", text, !only)
		}
	}
}

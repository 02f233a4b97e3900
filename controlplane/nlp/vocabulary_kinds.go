package nlp

import (
	"sort"
	"strings"
	"unicode"
)

// spokenKinds are words people say for built-in kinds that discovery does not know.
var spokenKinds = map[string]string{
	"autoscaler": "horizontalpodautoscalers.autoscaling", "autoscalers": "horizontalpodautoscalers.autoscaling",
	"pod autoscaler": "horizontalpodautoscalers.autoscaling", "pod autoscalers": "horizontalpodautoscalers.autoscaling",
	"hpas": "horizontalpodautoscalers.autoscaling", "pvcs": "persistentvolumeclaims", "pvs": "persistentvolumes",
	"volume claim": "persistentvolumeclaims", "volume claims": "persistentvolumeclaims", "claims": "persistentvolumeclaims",
	"pv claim": "persistentvolumeclaims", "pv claims": "persistentvolumeclaims",
	"volumes": "persistentvolumes", "volume": "persistentvolumes", "persistent volume": "persistentvolumes",
	"disruption budget": "poddisruptionbudgets.policy", "disruption budgets": "poddisruptionbudgets.policy",
	"pdbs": "poddisruptionbudgets.policy", "crons": "cronjobs.batch", "cron": "cronjobs.batch", "cronjob": "cronjobs.batch",
	"deploys": "deployments.apps", "depl": "deployments.apps", "deps": "deployments.apps", "svcs": "services",
	"cms": "configmaps", "configs": "configmaps", "netpols": "networkpolicies.networking.k8s.io",
	"firewall rules": "networkpolicies.networking.k8s.io", "quotas": "resourcequotas", "crds": "customresourcedefinitions.apiextensions.k8s.io",
	"custom resource definitions": "customresourcedefinitions.apiextensions.k8s.io", "rs": "replicasets.apps",
	"custom resource definition": "customresourcedefinitions.apiextensions.k8s.io",
	"ingress classes":            "ingressclasses.networking.k8s.io", "machines": "nodes", "machine": "nodes", "custom resource types": "customresourcedefinitions.apiextensions.k8s.io", "custom resources": "customresourcedefinitions.apiextensions.k8s.io", "custom resource kinds": "customresourcedefinitions.apiextensions.k8s.io", "custom types": "customresourcedefinitions.apiextensions.k8s.io", "boxes": "nodes", "vms": "nodes", "node machines": "nodes", "hosts": "nodes", "workers nodes": "nodes",
	"worker nodes": "nodes", "worker node": "nodes", "project": "namespaces", "projects": "namespaces", "service accounts": "serviceaccounts",
	"storage classes": "storageclasses.storage.k8s.io",
}

// preferredGroups decide between kinds of one word: the built-in groups come first, in this order.
var preferredGroups = []string{
	"", "apps", "batch", "networking.k8s.io", "autoscaling", "policy", "rbac.authorization.k8s.io", "storage.k8s.io",
	"scheduling.k8s.io", "apiextensions.k8s.io", "admissionregistration.k8s.io", "discovery.k8s.io", "coordination.k8s.io",
	"certificates.k8s.io", "node.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io",
	"flowcontrol.apiserver.k8s.io", "events.k8s.io", "resource.k8s.io", "internal.apiserver.k8s.io", "storagemigration.k8s.io",
}

func groupRank(group string) int {
	for i, g := range preferredGroups {
		if g == group {
			return i
		}
	}
	if group == "metrics.k8s.io" { // its pods and nodes are never what "pods" means
		return len(preferredGroups) + 1
	}
	return len(preferredGroups)
}

// BuiltIn tells whether the resource is of Kubernetes itself and not of an extension.
func (r Resource) BuiltIn() bool { return groupRank(r.Group) < len(preferredGroups) }

func (v *Vocabulary) indexKinds() {
	for i := range v.cfg.Kinds {
		k := &v.cfg.Kinds[i]
		if old := v.kinds[k.Key()]; old == nil {
			v.kinds[k.Key()] = k
		}
	}
	keys := make([]string, 0, len(v.kinds))
	for key := range v.kinds {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := v.kinds[keys[i]], v.kinds[keys[j]]
		if ra, rb := groupRank(a.Group), groupRank(b.Group); ra != rb {
			return ra < rb
		}
		return keys[i] < keys[j]
	})
	for _, key := range keys {
		k := v.kinds[key]
		for _, w := range kindWords(k) {
			v.addWord(w, k)
		}
	}
	v.addLastWords(keys)
	for w, key := range spokenKinds {
		if k := v.kinds[key]; k != nil && len(v.words[w]) == 0 {
			v.addWord(w, k)
		}
	}
}

// vagueWords end the names of many kinds and mean none of them.
var vagueWords = wordSet(`object objects resource resources set sets config configs configuration class classes policy policies request requests template
list status entry group groups binding bindings role roles service services pod pods node nodes cluster clusters instance spec rule rules source account`)

// addLastWords lets an extension's kind be called by its last word: "topics" for KafkaTopic, if only one kind ends so.
func (v *Vocabulary) addLastWords(keys []string) {
	ends := map[string][]*Kind{}
	for _, key := range keys {
		k := v.kinds[key]
		spoken := splitCamel(k.Kind)
		if at := strings.LastIndexByte(spoken, ' '); at > 0 && !k.BuiltIn() {
			ends[spoken[at+1:]] = append(ends[spoken[at+1:]], k)
		}
	}
	for last, kinds := range ends {
		if len(kinds) != 1 || vagueWords[last] || stopWords[last] || len(last) < 4 {
			continue
		}
		for _, w := range []string{last, pluralOf(last)} {
			if len(v.words[w]) == 0 && len(lexicon[w]) == 0 {
				v.addWord(w, kinds[0])
			}
		}
	}
}

func (v *Vocabulary) addWord(w string, k *Kind) {
	for _, have := range v.words[w] {
		if have == k {
			return
		}
	}
	v.words[w] = append(v.words[w], k)
	v.maxWords = max(v.maxWords, strings.Count(w, " ")+1)
}

// kindWords are all words for a kind that follow from its names.
func kindWords(k *Kind) []string {
	kind := strings.ToLower(k.Kind)
	singular := k.Singular
	if singular == "" {
		singular = kind
	}
	words := []string{k.Plural, singular, kind}
	if k.Group != "" {
		group := strings.Split(k.Group, ".")
		words = append(words, k.Key(), singular+"."+k.Group, k.Plural+"."+group[0], k.Plural+"."+k.Version+"."+k.Group)
	}
	words = append(words, k.ShortNames...)
	if spoken := splitCamel(k.Kind); strings.Contains(spoken, " ") {
		head, last := spoken[:strings.LastIndex(spoken, " ")+1], spoken[strings.LastIndex(spoken, " ")+1:]
		words = append(words, spoken, head+pluralOf(last))
	}
	for i, w := range words {
		words[i] = strings.ToLower(w)
	}
	return words
}

// splitCamel turns "StatefulSet" into "stateful set" and "CSIDriver" into "csi driver".
func splitCamel(kind string) string {
	var b strings.Builder
	rs := []rune(kind)
	for i, r := range rs {
		upper := unicode.IsUpper(r)
		if i > 0 && upper && (!unicode.IsUpper(rs[i-1]) || (i+1 < len(rs) && unicode.IsLower(rs[i+1]))) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func pluralOf(w string) string {
	switch {
	case strings.HasSuffix(w, "s"), strings.HasSuffix(w, "x"), strings.HasSuffix(w, "ch"):
		return w + "es"
	case strings.HasSuffix(w, "y") && len(w) > 1 && !strings.ContainsRune("aeiou", rune(w[len(w)-2])):
		return w[:len(w)-1] + "ies"
	}
	return w + "s"
}

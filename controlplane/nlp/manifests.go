package nlp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// FromManifests makes a Vocabulary from the YAML of a cluster's objects, with no server: CustomResourceDefinitions among
// them add their kinds. It serves trials of what a folder of manifests would be called, and tests.
func FromManifests(r io.Reader, cluster, namespace string) (*Vocabulary, error) {
	cfg := VocabularyConfig{Cluster: cluster, Namespace: namespace, Version: "manifests", Kinds: BuiltInKinds()}
	var docs []map[string]any
	dec := utilyaml.NewYAMLReader(bufio.NewReader(r))
	for {
		raw, err := dec.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read manifests: %w", err)
		}
		var doc map[string]any
		if err := yaml.Unmarshal(bytes.TrimSpace(raw), &doc); err != nil {
			return nil, fmt.Errorf("read a manifest: %w", err)
		}
		if doc == nil {
			continue
		}
		if k, ok := kindFromCRD(doc); ok {
			cfg.Kinds = append(cfg.Kinds, k)
		}
		docs = append(docs, doc)
	}
	seen := map[string]bool{}
	addNamespace := func(ns string) {
		if ns != "" && !seen[ns] {
			seen[ns] = true
			cfg.Namespaces = append(cfg.Namespaces, ns)
		}
	}
	// namespaces that only appear in other objects exist all the same
	for _, ns := range []string{"default", "kube-system", "kube-public", "kube-node-lease"} {
		addNamespace(ns)
	}
	byKind := map[string]string{}
	for _, k := range cfg.Kinds {
		byKind[k.Group+"/"+k.Kind] = k.Key()
	}
	for _, doc := range docs {
		group, _, found := strings.Cut(text(doc["apiVersion"]), "/")
		if !found {
			group = ""
		}
		key, ok := byKind[group+"/"+text(doc["kind"])]
		if !ok {
			continue
		}
		o := ObjectFrom(key, doc)
		if key == "namespaces" {
			addNamespace(o.Name)
		}
		addNamespace(o.Namespace)
		cfg.Objects = append(cfg.Objects, o)
	}
	for _, ns := range cfg.Namespaces {
		if !slices.ContainsFunc(cfg.Objects, func(o Object) bool { return o.Kind == "namespaces" && o.Name == ns }) {
			cfg.Objects = append(cfg.Objects, Object{Kind: "namespaces", Name: ns})
		}
	}
	return NewVocabulary(cfg), nil
}

// ObjectFrom takes from an object's JSON what a Vocabulary keeps of it: metadata, and of its spec only Details.
func ObjectFrom(kindKey string, doc map[string]any) Object {
	meta := sub(doc, "metadata")
	o := Object{Kind: kindKey, Namespace: text(meta["namespace"]), Name: text(meta["name"]), Labels: strs(meta["labels"])}
	if owners, ok := meta["ownerReferences"].([]any); ok {
		for _, x := range owners {
			if ref, ok := x.(map[string]any); ok && ref["controller"] == true {
				o.OwnerKind, o.OwnerName = text(ref["kind"]), text(ref["name"])
			}
		}
	}
	d := DetailsFrom(kindKey, doc)
	o.Details = &d
	return o
}

// DetailsFrom reads the Details of an object's JSON.
func DetailsFrom(kindKey string, doc map[string]any) Details {
	var d Details
	spec := sub(doc, "spec")
	switch kindKey {
	case "deployments.apps", "statefulsets.apps", "replicasets.apps", "replicationcontrollers":
		n := number(spec["replicas"], 1)
		d.Replicas = &n
	}
	pod, podMeta := spec, sub(doc, "metadata")
	switch kindKey {
	case "services", "replicationcontrollers":
		d.Selector = strs(spec["selector"])
	default:
		d.Selector = strs(sub(spec, "selector")["matchLabels"])
	}
	if kindKey == "cronjobs.batch" {
		spec = sub(sub(spec, "jobTemplate"), "spec")
	}
	if t := sub(spec, "template"); t != nil {
		pod, podMeta = sub(t, "spec"), sub(t, "metadata")
	}
	preferred := strs(podMeta["annotations"])["kubectl.kubernetes.io/default-container"]
	for _, init := range []bool{true, false} {
		field := map[bool]string{true: "initContainers", false: "containers"}[init]
		list, _ := pod[field].([]any)
		for _, x := range list {
			c, _ := x.(map[string]any)
			name := text(c["name"])
			d.Containers = append(d.Containers, Container{
				Name: name, Image: text(c["image"]), Init: init, Default: name != "" && name == preferred, Ports: ports(c["ports"], "containerPort"),
			})
		}
	}
	if kindKey == "services" {
		d.Ports = ports(spec["ports"], "port")
	}
	if CustomKind(kindKey) {
		d.Fields = plainFields(spec)
	}
	return d
}

// CustomKind tells by its key whether a kind is one that a CustomResourceDefinition made.
func CustomKind(key string) bool {
	_, group, _ := strings.Cut(key, ".")
	return strings.Contains(group, ".") && !strings.HasSuffix(group, ".k8s.io")
}

func plainFields(spec map[string]any) map[string]any {
	out := map[string]any{}
	for k, x := range spec {
		switch x.(type) {
		case string, bool, float64, int64:
			out[k] = x
		}
	}
	return out
}

func ports(x any, field string) []int32 {
	var out []int32
	list, _ := x.([]any)
	for _, p := range list {
		if m, ok := p.(map[string]any); ok {
			out = append(out, number(m[field], 0))
		}
	}
	return out
}

func kindFromCRD(doc map[string]any) (Kind, bool) {
	if text(doc["kind"]) != "CustomResourceDefinition" {
		return Kind{}, false
	}
	spec := sub(doc, "spec")
	names := sub(spec, "names")
	k := Kind{
		Resource: Resource{Group: text(spec["group"]), Version: "v1", Plural: text(names["plural"]), Kind: text(names["kind"]), Namespaced: text(spec["scope"]) != "Cluster"},
		Singular: text(names["singular"]), ShortNames: list(names["shortNames"]), Categories: list(names["categories"]), Verbs: allVerbs,
	}
	if vs, ok := spec["versions"].([]any); ok {
		for _, x := range vs {
			if m, ok := x.(map[string]any); ok && m["storage"] == true {
				k.Version = text(m["name"])
			}
		}
	}
	return k, k.Plural != "" && k.Kind != ""
}

func sub(m map[string]any, key string) map[string]any {
	s, _ := m[key].(map[string]any)
	return s
}

func text(x any) string {
	s, _ := x.(string)
	return s
}

func list(x any) []string {
	var out []string
	xs, _ := x.([]any)
	for _, e := range xs {
		out = append(out, text(e))
	}
	return out
}

func strs(x any) map[string]string {
	m, _ := x.(map[string]any)
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, e := range m {
		out[k] = text(e)
	}
	return out
}

func number(x any, missing int32) int32 {
	switch n := x.(type) {
	case float64:
		return int32(n)
	case int64:
		return int32(n)
	}
	return missing
}

package nlp

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"
)

// Kind is one kind the API server serves, with the words people have for it.
type Kind struct {
	Resource
	Singular   string   `json:"singular,omitempty"`
	ShortNames []string `json:"shortNames,omitempty"`
	Categories []string `json:"categories,omitempty"`
	Verbs      []string `json:"verbs,omitempty"` // empty: not known, all are presumed
}

// Key names the kind without its version: "deployments.apps", "pods".
func (r Resource) Key() string {
	if r.Group == "" {
		return r.Plural
	}
	return r.Plural + "." + r.Group
}

// Object is one object of the cluster as far as the translator needs it: metadata, never values.
type Object struct {
	Kind      string            // the Key of its Kind
	Namespace string            // empty for cluster-scoped kinds
	Name      string            //
	Labels    map[string]string //
	OwnerKind string            // "ReplicaSet", empty without a controller
	OwnerName string            //
	Details   *Details          // nil when only metadata was read; then Config.Details is asked, if it is set
	set       uint32            // its labels in a Vocabulary, which keeps no maps
}

// Details are the few fields of a spec that words refer to.
type Details struct {
	Replicas   *int32
	Selector   map[string]string // spec.selector.matchLabels, or a Service's spec.selector
	Containers []Container       // of the pod template, or of the pod
	Ports      []int32           // of a Service
	Fields     map[string]any    // the plain values directly in the spec of a custom resource: string, bool or number
}

// Container is a container of a workload, in the order of its spec.
type Container struct {
	Name    string
	Image   string
	Init    bool
	Default bool // named by the kubectl.kubernetes.io/default-container annotation
	Ports   []int32
}

// VocabularyConfig is what a Vocabulary is made of.
type VocabularyConfig struct {
	Cluster    string   // the name people know the cluster by
	Version    string   // changes when anything below changes; for caches
	Namespace  string   // the session's namespace; empty is "default"
	Kinds      []Kind   // as discovery tells them
	Namespaces []string //
	Objects    []Object // only what the asker may list
	// Details fetches what an Object came without, as the asker. It may be nil, and may answer false.
	Details func(context.Context, Object) (Details, bool)
}

// Vocabulary is what may be named in one cluster by one asker. It is immutable and safe for concurrent use.
type Vocabulary struct {
	cfg         VocabularyConfig
	kinds       map[string]*Kind   // by Key
	words       map[string][]*Kind // lower case word or phrase -> kinds, preferred first
	maxWords    int                // longest phrase in words
	namespaces  map[string]bool
	objects     objects
	nsNames     []string   // sorted
	kindWords   []string   // single words for kinds, sorted
	kindPhrases [][]string // kinds of several words, the longer first
}

// NewVocabulary indexes what a cluster holds. The config's slices are not kept for writing and must not change later.
func NewVocabulary(cfg VocabularyConfig) *Vocabulary {
	if cfg.Namespace == "" {
		cfg.Namespace = "default"
	}
	v := &Vocabulary{
		cfg: cfg, kinds: map[string]*Kind{}, words: map[string][]*Kind{}, namespaces: map[string]bool{},
	}
	v.cfg.Namespaces = slices.DeleteFunc(slices.Clone(cfg.Namespaces), func(ns string) bool { return !sayable(ns) })
	v.cfg.Kinds = slices.DeleteFunc(slices.Clone(cfg.Kinds), func(k Kind) bool { return !sayable(k.Plural) || !sayable(k.Kind) })
	for _, ns := range v.cfg.Namespaces {
		v.namespaces[ns] = true
	}
	v.nsNames = v.Namespaces()
	v.indexKinds()
	for w := range v.words {
		switch {
		case !strings.ContainsAny(w, " ."):
			v.kindWords = append(v.kindWords, w)
		case !strings.Contains(w, "."):
			v.kindPhrases = append(v.kindPhrases, strings.Fields(w))
		}
	}
	sort.Strings(v.kindWords)
	slices.SortFunc(v.kindPhrases, func(a, b []string) int { return cmp.Or(len(b)-len(a), slices.Compare(a, b)) })
	v.objects = newObjects(cfg.Objects, func(o *Object) bool {
		return v.kinds[o.Kind] != nil && sayable(o.Name) && (o.Namespace == "" || sayable(o.Namespace))
	})
	v.cfg.Objects = nil // they are in v.objects
	return v
}

// sayable tells whether a name is one that an honest API server can hold. Others would carry text of a stranger's
// choosing into messages and commands; nobody can mean them.
func sayable(name string) bool {
	for _, c := range name {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == ':' || c == '_'
		if !ok {
			return false
		}
	}
	return name != "" && len(name) <= 253 && name[0] != '-'
}

// Cluster is the name people know the cluster by; it may be empty.
func (v *Vocabulary) Cluster() string { return v.cfg.Cluster }

// Version changes whenever the vocabulary does.
func (v *Vocabulary) Version() string { return v.cfg.Version }

// Namespace is the session's namespace, for lists that name none.
func (v *Vocabulary) Namespace() string { return v.cfg.Namespace }

// Namespaces are the namespaces the asker may know of, sorted.
func (v *Vocabulary) Namespaces() []string {
	out := slices.Clone(v.cfg.Namespaces)
	sort.Strings(out)
	return out
}

// HasNamespace tells whether the asker may know of the namespace.
func (v *Vocabulary) HasNamespace(ns string) bool { return v.namespaces[ns] }

// Kind finds a kind by its key, such as "deployments.apps" or "pods".
func (v *Vocabulary) Kind(key string) (Kind, bool) {
	k, ok := v.kinds[key]
	if !ok {
		return Kind{}, false
	}
	return *k, true
}

// Kinds are all kinds, ordered by key.
func (v *Vocabulary) Kinds() []Kind {
	out := make([]Kind, 0, len(v.kinds))
	for _, k := range v.kinds {
		out = append(out, *k)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key() < out[j].Key() })
	return out
}

// Lookup finds the kinds a word names: plural, singular, Kind, short name, group-qualified or spoken ("stateful sets").
func (v *Vocabulary) Lookup(word string) []Kind {
	var out []Kind
	for _, k := range v.words[strings.ToLower(word)] {
		out = append(out, *k)
	}
	return out
}

// Objects are the objects of a kind, in a namespace or (ns empty) in all.
func (v *Vocabulary) Objects(kindKey, ns string) []Object {
	var out []Object
	for _, o := range v.objects.ofKind(kindKey) {
		if ns == "" || o.Namespace == ns {
			c := *o
			c.Labels, c.set = v.objects.labels(o), 0
			out = append(out, c)
		}
	}
	return out
}

// details of an object: known, fetched, or not to be had.
func (v *Vocabulary) details(ctx context.Context, o *Object) (Details, bool) {
	if o == nil {
		return Details{}, false
	}
	if o.Details != nil {
		return *o.Details, true
	}
	if v.cfg.Details == nil {
		return Details{}, false
	}
	return v.cfg.Details(ctx, *o)
}

func (v *Vocabulary) find(kindKey, ns, name string) *Object {
	for _, o := range v.objects.named(strings.ToLower(name)) {
		if o.Kind == kindKey && o.Namespace == ns {
			return o
		}
	}
	return nil
}

// category lists the kinds of a category such as "all", ordered as kubectl prints them.
func (v *Vocabulary) category(name string) []Resource {
	var out []Resource
	for _, k := range v.Kinds() {
		if slices.Contains(k.Categories, name) {
			out = append(out, k.Resource)
		}
	}
	return out
}

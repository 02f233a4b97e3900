package eval

import (
	"bufio"
	"embed"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// Cluster is one cluster that rows are about, as far as words go.
type Cluster struct {
	Name      string
	Words     *nlp.Vocabulary
	Spellings Spellings
	Objects   []nlp.Object // all of them, for measuring
	Config    nlp.VocabularyConfig
}

//go:embed clusters/*.txt
var clusterFiles embed.FS

// Clusters are all clusters of the evaluation, by name.
func Clusters() (map[string]*Cluster, error) {
	files, err := clusterFiles.ReadDir("clusters")
	if err != nil {
		return nil, err
	}
	large := colossus()
	out := map[string]*Cluster{large.Name: large}
	for _, f := range files {
		src, err := clusterFiles.Open(path.Join("clusters", f.Name()))
		if err != nil {
			return nil, err
		}
		c, err := readCluster(strings.TrimSuffix(f.Name(), ".txt"), src)
		if err != nil {
			return nil, fmt.Errorf("clusters/%s:%w", f.Name(), err)
		}
		out[c.Name] = c
	}
	return out, nil
}

// readCluster reads the clusters' notation, one line for each thing:
//
//	kind GROUP Kind plural [short,short] [cluster]   a kind of its own
//	ns NAME...                                       namespaces
//	deployment NS/NAME xN k=v... [svc:PORT] : container=image@port ...
//
// A workload gets its replica sets and pods as controllers would make them, and with svc:PORT a Service of its name. The
// first label is its selector. A container written init/NAME starts first, *NAME is the annotated default. Other kinds
// are a line "PLURAL [NS/]NAME k=v..." with labels; services take their selector and a port the same way.
func readCluster(name string, r io.Reader) (*Cluster, error) {
	b := &builder{cfg: nlp.VocabularyConfig{Cluster: name, Version: "1", Kinds: nlp.BuiltInKinds()}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := b.line(line); err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return b.done(), nil
}

// builder collects a cluster.
type builder struct{ cfg nlp.VocabularyConfig }

func (b *builder) done() *Cluster {
	return &Cluster{
		Name: b.cfg.Cluster, Words: nlp.NewVocabulary(b.cfg), Spellings: NewSpellings(b.cfg.Kinds),
		Objects: b.cfg.Objects, Config: b.cfg,
	}
}

func (b *builder) line(line string) error {
	f := strings.Fields(line)
	if len(f) < 2 {
		return fmt.Errorf("too short: %q", line)
	}
	switch f[0] {
	case "kind":
		return b.kind(f[1:])
	case "ns":
		for _, ns := range f[1:] {
			b.namespace(ns, nil)
		}
		return nil
	}
	return b.object(f[0], f[1:])
}

func (b *builder) kind(f []string) error {
	if len(f) < 3 {
		return fmt.Errorf("a kind needs group, Kind and plural: %v", f)
	}
	k := nlp.Kind{Resource: nlp.Resource{Group: f[0], Version: "v1", Kind: f[1], Plural: f[2], Namespaced: true}, Singular: strings.ToLower(f[1])}
	for _, more := range f[3:] {
		if more == "cluster" {
			k.Namespaced = false
		} else {
			k.ShortNames = strings.Split(more, ",")
		}
	}
	b.cfg.Kinds = append(b.cfg.Kinds, k)
	b.add("customresourcedefinitions.apiextensions.k8s.io", "", f[2]+"."+f[0], nil, nil)
	return nil
}

func (b *builder) namespace(ns string, labels map[string]string) {
	name, tagged, _ := strings.Cut(ns, "[")
	if labels == nil && tagged != "" {
		labels = pairs(strings.Split(strings.TrimSuffix(tagged, "]"), ","))
	}
	b.cfg.Namespaces = append(b.cfg.Namespaces, name)
	b.add("namespaces", "", name, labels, nil)
}

func (b *builder) add(kind, ns, name string, labels map[string]string, d *nlp.Details) {
	b.cfg.Objects = append(b.cfg.Objects, nlp.Object{Kind: kind, Namespace: ns, Name: name, Labels: labels, Details: d})
}

// object adds the objects of one line.
func (b *builder) object(plural string, f []string) error {
	kind, ok := b.find(plural)
	if !ok {
		return fmt.Errorf("no kind %q", plural)
	}
	ns, name, namespaced := strings.Cut(f[0], "/")
	if !namespaced {
		ns, name = "", f[0]
	}
	if kind.Namespaced != namespaced {
		return fmt.Errorf("%s %s: a namespace where none belongs, or none where one does", plural, f[0])
	}
	w := workload{ns: ns, name: name, labels: map[string]string{}}
	if err := w.read(f[1:]); err != nil {
		return err
	}
	switch plural {
	case "deployments", "statefulsets", "daemonsets", "jobs", "cronjobs", "pods", "services":
		b.workload(kind, w)
	default:
		b.add(kind.Key(), ns, name, w.labels, nil)
	}
	return nil
}

func (b *builder) find(plural string) (nlp.Kind, bool) {
	for _, k := range b.cfg.Kinds {
		if k.Plural == plural {
			return k, true
		}
	}
	return nlp.Kind{}, false
}

// workload is a line about something with pods, or a Service.
type workload struct {
	ns, name   string
	replicas   int32
	port       int32
	labels     map[string]string
	selector   map[string]string
	containers []nlp.Container
}

func (w *workload) read(f []string) error {
	for i, word := range f {
		count, isCount := strings.CutPrefix(word, "x")
		port, isPort := strings.CutPrefix(word, "svc:")
		key, value, isLabel := strings.Cut(word, "=")
		n, err := strconv.Atoi(count)
		switch {
		case word == ":":
			return w.readContainers(f[i+1:])
		case isPort:
			p, err := strconv.Atoi(port)
			if err != nil {
				return fmt.Errorf("port %q: %w", port, err)
			}
			w.port = int32(p) //nolint:gosec // a port
		case isLabel:
			w.labels[key] = value
			if w.selector == nil {
				w.selector = map[string]string{key: value}
			}
		case isCount && err == nil:
			w.replicas = int32(n) //nolint:gosec // small
		default:
			return fmt.Errorf("what is %q?", word)
		}
	}
	return nil
}

func (w *workload) readContainers(f []string) error {
	for _, word := range f {
		name, image, ok := strings.Cut(word, "=")
		if !ok {
			return fmt.Errorf("a container is name=image, not %q", word)
		}
		c := nlp.Container{Init: strings.HasPrefix(name, "init/"), Default: strings.HasPrefix(name, "*")}
		c.Name = strings.TrimPrefix(strings.TrimPrefix(name, "init/"), "*")
		image, port, ported := strings.Cut(image, "@")
		c.Image = image
		if ported {
			p, err := strconv.Atoi(port)
			if err != nil {
				return fmt.Errorf("port %q: %w", port, err)
			}
			c.Ports = []int32{int32(p)} //nolint:gosec // a port
		}
		w.containers = append(w.containers, c)
	}
	return nil
}

func pairs(terms []string) map[string]string {
	out := map[string]string{}
	for _, t := range terms {
		k, v, _ := strings.Cut(t, "=")
		out[k] = v
	}
	return out
}

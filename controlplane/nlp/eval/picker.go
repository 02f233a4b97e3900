package eval

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// picker fills slots with things of one cluster.
type picker struct {
	stock
	rnd    *rand.Rand
	picked map[string]map[string]string // slot -> what can be said of the thing in it; "" is how it is said
}

// stock is what a cluster holds, looked up once.
type stock struct {
	c       *Cluster
	objects map[string][]nlp.Object   // by kind
	times   map[string]map[string]int // how many objects of a kind have a name
	served  map[string]bool           // "namespace/name" of the services
}

func newStock(c *Cluster) stock {
	s := stock{c: c, objects: map[string][]nlp.Object{}, times: map[string]map[string]int{}, served: map[string]bool{}}
	for _, k := range c.Config.Kinds {
		key := k.Key()
		s.objects[key], s.times[key] = c.Words.Objects(key, ""), map[string]int{}
		for _, o := range s.objects[key] {
			s.times[key][o.Name]++
		}
	}
	for _, o := range s.objects["services"] {
		s.served[o.Namespace+"/"+o.Name] = true
	}
	return s
}

var slot = regexp.MustCompile(`\{([a-z0-9]+~?)(?:\.([a-z0-9]+))?\}`)

// fill puts things into a template's slots; the same slot is the same thing on both sides.
func (p *picker) fill(template string) (string, bool) {
	p.picked = map[string]map[string]string{}
	ok := true
	line := slot.ReplaceAllStringFunc(template, func(s string) string {
		m := slot.FindStringSubmatch(s)
		if p.picked[m[1]] == nil {
			p.picked[m[1]] = p.pick(m[1])
		}
		value, has := p.picked[m[1]][m[2]]
		ok = ok && has
		return value
	})
	return line, ok
}

// slotKinds are the slots that hold an object of a kind.
var slotKinds = map[string]string{
	"dep": "deployments.apps", "dep~": "deployments.apps", "depc": "deployments.apps", "dep1c": "deployments.apps",
	"amb": "deployments.apps", "nosvc": "deployments.apps", "sts": "statefulsets.apps", "ambsvc": "services", "sts~": "statefulsets.apps",
	"cj": "cronjobs.batch", "pod": "pods", "svc": "services", "cm": "configmaps", "secret": "secrets",
}

// pick chooses what is in a slot; nil when the cluster has none.
func (p *picker) pick(name string) map[string]string {
	if kind, ok := slotKinds[name]; ok {
		return p.object(name, kind)
	}
	switch name {
	case "ns", "ns2", "nsterse":
		return said(p.one(p.c.Config.Namespaces, func(ns string) bool {
			return !nlp.SystemNamespace(ns) && (name == "ns2") != (sum(ns)%2 == 0) && p.c.Spellings[ns] == ""
		}))
	case "node":
		return said(p.names("nodes"))
	case "n":
		return said(fmt.Sprint(3 + p.rnd.IntN(6)))
	case "version":
		return said(fmt.Sprintf("%d.%d.%d", 1+p.rnd.IntN(9), p.rnd.IntN(30), p.rnd.IntN(12)))
	case "version9":
		return said(fmt.Sprintf("n%d", p.rnd.IntN(90)))
	case "country":
		return said(p.one(strings.Fields("portugal japan kenya chile finland vietnam canada"), nil))
	case "dish":
		return said(p.one([]string{"ramen", "goulash", "paella", "pierogi", "a cheese fondue", "pancakes"}, nil))
	case "label":
		return p.label()
	case "crk", "cr":
		return p.custom(name)
	}
	return nil
}

func said(s string) map[string]string {
	if s == "" {
		return nil
	}
	return map[string]string{"": s}
}

func (p *picker) one(of []string, ok func(string) bool) string {
	if ok != nil {
		of = slices.DeleteFunc(slices.Clone(of), func(s string) bool { return !ok(s) })
	}
	if len(of) == 0 {
		return ""
	}
	return of[p.rnd.IntN(len(of))]
}

func (p *picker) names(kind string) string {
	var names []string
	for _, o := range p.objects[kind] {
		names = append(names, o.Name)
	}
	return p.one(names, nil)
}

// object picks an object of a kind that suits the slot.
func (p *picker) object(name, kind string) map[string]string {
	var all []nlp.Object
	for _, o := range p.objects[kind] {
		if p.suits(name, o) {
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return nil
	}
	o := all[p.rnd.IntN(len(all))]
	facts := describe(o)
	facts[""] = o.Name
	if strings.HasSuffix(name, "~") {
		facts[""] = p.mistype(o.Name)
	}
	if p.times[kind][o.Name] > 1 && !strings.HasPrefix(name, "amb") {
		facts[""] += " in " + o.Namespace
	}
	return facts
}

// suits tells whether an object may stand in a slot.
func (p *picker) suits(name string, o nlp.Object) bool {
	namesakes := p.times[o.Kind][o.Name]
	if nlp.SystemNamespace(o.Namespace) || p.c.Spellings[o.Name] != "" {
		return false
	}
	plain := 0
	if o.Details != nil {
		for _, c := range o.Details.Containers {
			plain += one(!c.Init)
		}
	}
	switch name {
	case "pod":
		return namesakes == 1 && (o.OwnerKind != "ReplicaSet" || sum(o.Name)%3 == 0)
	case "dep1c":
		return plain == 1
	case "depc":
		return plain > 1
	case "amb", "ambsvc":
		return namesakes > 1
	case "nosvc":
		return namesakes == 1 && !p.served[o.Namespace+"/"+o.Name]
	case "dep~", "sts~":
		return p.c.Name != "colossus" && len(o.Name) >= 6
	}
	return true
}

// describe tells what templates may say of an object.
func describe(o nlp.Object) map[string]string {
	f := map[string]string{"name": o.Name, "ns": o.Namespace}
	if o.Details == nil {
		return f
	}
	for k, v := range o.Details.Selector {
		f["sel"] = k + "=" + v
	}
	if r := o.Details.Replicas; r != nil {
		f["plus1"], f["plus2"], f["double"] = fmt.Sprint(*r+1), fmt.Sprint(*r+2), fmt.Sprint(*r*2)
	}
	for _, c := range slices.Backward(o.Details.Containers) {
		if !c.Init {
			f["container"] = c.Name
			f["repo"], _, _ = strings.Cut(c.Image, ":")
		}
	}
	return f
}

// label picks a label that pods and deployments of a namespace have.
func (p *picker) label() map[string]string {
	all := slices.DeleteFunc(slices.Clone(p.objects["deployments.apps"]), func(o nlp.Object) bool {
		return len(o.Labels) == 0 || nlp.SystemNamespace(o.Namespace)
	})
	if len(all) == 0 {
		return nil
	}
	o := all[p.rnd.IntN(len(all))]
	var terms []string
	for k, v := range o.Labels {
		terms = append(terms, k+"="+v)
	}
	slices.Sort(terms)
	kv := p.one(terms, nil)
	return map[string]string{"": kv, "kv": kv, "ns": o.Namespace}
}

// custom picks a namespaced custom kind that has objects, or one of its objects.
func (p *picker) custom(name string) map[string]string {
	var objects []nlp.Object
	kinds := map[string]nlp.Kind{}
	for _, k := range p.c.Config.Kinds {
		if strings.Contains(k.Group, "example") || strings.HasSuffix(k.Group, ".dev") || strings.HasSuffix(k.Group, ".io") && !k.BuiltIn() {
			kinds[k.Key()] = k
			if k.Namespaced {
				objects = append(objects, p.objects[k.Key()]...)
			}
		}
	}
	if len(objects) == 0 {
		return nil
	}
	o := objects[p.rnd.IntN(len(objects))]
	k := kinds[o.Kind]
	f := map[string]string{"name": o.Name, "ns": o.Namespace, "plural": k.Plural, "kind1": k.Singular, "kind": k.Singular}
	if p.rnd.IntN(2) == 0 {
		f["kind"] = spoken(k.Kind)
	}
	f[""] = o.Name
	if name == "crk" {
		f[""] = k.Plural
		return f
	}
	same := 0
	for _, other := range objects {
		same += one(other.Kind == o.Kind && other.Name == o.Name)
	}
	if same > 1 {
		f[""] += " in " + o.Namespace
	}
	return f
}

// spoken is a Kind as people say it: "SparkJob" is "spark job".
func spoken(kind string) string {
	var b strings.Builder
	for i, r := range kind {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

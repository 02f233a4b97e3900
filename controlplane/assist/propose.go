package assist

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

var planFields = []field{{name: "steps", kind: "steps", about: "one to five steps"}}

var stepFields = []field{
	{name: "op", kind: "string", enum: proposable()}, fKind, fNamespace,
	{name: "names", kind: "names", about: "the objects, by name"},
	{name: "container", kind: "string", about: "setImage, setEnv, setResources: null if there is one only"},
	{name: "replicas", kind: "integer", about: "scale"}, {name: "image", kind: "string", about: "setImage"},
	{name: "revision", kind: "integer", about: "rolloutUndo: null is the one before"},
	{name: "values", kind: "pairs", about: "setEnv, label, annotate, taint (value:Effect), setSelector: what to set"},
	{name: "remove", kind: "names", about: "setEnv, label, annotate, taint: keys to remove"},
	{name: "requests", kind: "pairs", about: "setResources: cpu, memory"}, {name: "limits", kind: "pairs", about: "setResources: cpu, memory"},
	{name: "min", kind: "integer", about: "autoscale"}, {name: "max", kind: "integer", about: "autoscale"}, {name: "cpuPercent", kind: "integer", about: "autoscale"},
	{name: "serviceAccount", kind: "string", about: "setServiceAccount"},
}

// proposable are the operations with typed arguments. What is free text inside (objects, patches, programs to run) has to
// come from a person.
func proposable() []string {
	var out []string
	for op := range cues {
		out = append(out, string(op))
	}
	out = append(out, string(nlp.OpGet), string(nlp.OpDescribe), string(nlp.OpDiagnose))
	slices.Sort(out)
	return out
}

type pair struct{ Name, Value string }

type stepArgs struct {
	Op, Kind, Namespace string
	Names               []string
	Container           string
	Replicas            *int32
	Image               string
	Revision            *int64
	Values              []pair
	Remove              []string
	Requests, Limits    []pair
	Min, Max            *int32
	CPUPercent          *int32
	ServiceAccount      string
}

// propose makes a plan of typed fields, whatever the model said about it, and holds it against the rules. The error says
// to the model, and so to the person, which rule stands against it.
func (r *rules) propose(args json.RawMessage, source string) (Proposal, error) {
	var in struct{ Steps []stepArgs }
	if err := decode(args, &in); err != nil {
		return Proposal{}, err
	}
	if len(in.Steps) == 0 || len(in.Steps) > nlp.MaxSteps {
		return Proposal{}, told("A plan has one to %d steps.", nlp.MaxSteps)
	}
	p := Proposal{Plan: nlp.Plan{Source: source}}
	for _, a := range in.Steps {
		s, err := r.derive(a)
		if err != nil {
			return Proposal{}, err
		}
		if s.Class = nlp.Classify(s); s.Class != nlp.Read {
			if err := r.mayChange(a, s); err != nil {
				return Proposal{}, err
			}
			p.Unsaid = append(p.Unsaid, r.unsaid(a, s)...)
		}
		p.Plan.Steps = append(p.Plan.Steps, s)
	}
	p.Plan.Class = nlp.ClassifyPlan(p.Plan)
	if err := nlp.Validate(p.Plan, r.in.Vocabulary); err != nil {
		return Proposal{}, err
	}
	slices.Sort(p.Unsaid)
	p.Unsaid = slices.Compact(p.Unsaid)
	return p, nil
}

// derive looks every part up; nothing of the model's text is taken over but what a field's form allows.
func (r *rules) derive(a stepArgs) (nlp.Step, error) {
	if !slices.Contains(proposable(), a.Op) {
		return nlp.Step{}, told("%q is nothing that can be proposed.", a.Op)
	}
	t := turn{in: r.in}
	s, err := t.step(nlp.Op(a.Op), object{Kind: a.Kind, Namespace: a.Namespace}, false)
	if err != nil {
		return s, err
	}
	s.Names, s.Container = a.Names, a.Container
	if s.AllNamespaces = false; a.Namespace == "*" {
		return s, told("A plan is for one namespace.")
	}
	if a.Namespace == "" && s.Resource.Namespaced && len(a.Names) > 0 {
		s.Namespace = t.only(s.Resource, a.Names[0])
	}
	s.Args.Replicas, s.Args.Remove, s.Args.ServiceAccount = a.Replicas, a.Remove, a.ServiceAccount
	if a.Revision != nil {
		s.Args.Revision = *a.Revision
	}
	s.Args.Requests, s.Args.Limits = asMap(a.Requests), asMap(a.Limits)
	for to, from := range map[*int32]*int32{&s.Args.Min: a.Min, &s.Args.Max: a.Max, &s.Args.CPUPercent: a.CPUPercent} {
		if from != nil {
			*to = *from
		}
	}
	if a.Image != "" {
		container := a.Container
		if container == "" {
			container = "*"
		}
		s.Args.Images = map[string]string{container: a.Image}
	}
	switch s.Op {
	case nlp.OpSetEnv:
		s.Args.Env = asMap(a.Values)
	case nlp.OpDrain:
		s.Args.IgnoreDaemonSets, s.Args.DeleteEmptyDir = true, true // what goes along is in the preview
	case nlp.OpLabel, nlp.OpAnnotate, nlp.OpTaint, nlp.OpSetSelector:
		s.Args.Set, s.Args.Overwrite = asMap(a.Values), true
	}
	return s, nil
}

func asMap(pairs []pair) map[string]string {
	var out map[string]string
	for _, p := range pairs {
		if out == nil {
			out = map[string]string{}
		}
		out[p.Name] = p.Value
	}
	return out
}

// mayChange holds a change against the person's words: the verb, every target, and every literal that could lead
// somewhere else.
func (r *rules) mayChange(a stepArgs, s nlp.Step) error {
	if !r.askedFor(s) {
		return told("The person did not ask for this change (%s). Say in words what would help; they can ask for it.", a.Op)
	}
	if len(s.Names) == 0 {
		return told("A change names its objects.")
	}
	for _, n := range s.Names {
		if !r.inFocus(s.Resource, s.Namespace, n) {
			return told("The person did not name %s %s in %s. Only what they named can be changed.", s.Resource.Plural, n, cmp.Or(s.Namespace, "the cluster"))
		}
	}
	for _, l := range r.leading(a, s) {
		if !r.said(l) {
			return told("%q is not in the person's own words. Images, addresses, selectors, variables and accounts have to be; ask them to write it.", clean(l))
		}
	}
	return nil
}

// leading are the literals that decide what runs, as whom, or where something is sent.
func (r *rules) leading(a stepArgs, s nlp.Step) []string {
	out := append([]string{a.ServiceAccount}, a.Remove...)
	for _, v := range a.Values {
		out = append(out, v.Name, v.Value)
	}
	if a.Image != "" {
		out = append(out, r.imageParts(a.Image, s)...)
	}
	return slices.DeleteFunc(out, func(l string) bool { return l == "" })
}

// imageParts: with the repository that runs there already, only the tag has to be the person's.
func (r *rules) imageParts(image string, s nlp.Step) []string {
	repo, tag := splitImage(image)
	for _, n := range s.Names {
		o, ok := r.find(s.Resource.Key(), s.Namespace, n)
		if !ok || o.Details == nil || !slices.ContainsFunc(o.Details.Containers, func(c nlp.Container) bool {
			now, _ := splitImage(c.Image)
			return now == repo && (s.Container == "" || c.Name == s.Container)
		}) {
			return []string{image}
		}
	}
	return []string{tag}
}

func splitImage(image string) (repo, tag string) {
	if i := strings.LastIndexAny(image, ":@"); i > strings.LastIndex(image, "/") {
		return image[:i], image[i+1:]
	}
	return image, ""
}

// unsaid are the other literals that the person did not say: they are shown as such.
func (r *rules) unsaid(a stepArgs, s nlp.Step) []string {
	literals := append([]string{s.Container}, s.Names...)
	for _, n := range []*int32{a.Replicas, a.Min, a.Max, a.CPUPercent} {
		if n != nil {
			literals = append(literals, strconv.Itoa(int(*n)))
		}
	}
	if a.Revision != nil {
		literals = append(literals, strconv.FormatInt(*a.Revision, 10))
	}
	for _, p := range slices.Concat(a.Requests, a.Limits) {
		literals = append(literals, p.Value)
	}
	return slices.DeleteFunc(literals, func(l string) bool { return r.said(l) })
}

// told is an error whose text a model reads as its tool's answer: whole sentences, unlike errors that are wrapped.
func told(format string, args ...any) error { return toldError(fmt.Sprintf(format, args...)) }

type toldError string

// Error implements error.
func (e toldError) Error() string { return string(e) }

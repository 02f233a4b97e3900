package assist

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubechat/kubechat/controlplane/model"
	"github.com/kubechat/kubechat/controlplane/nlp"
	"github.com/kubechat/kubechat/controlplane/problem"
)

const (
	toolAnalyzers = "run_analyzers"
	toolPropose   = "propose_plan"
)

// field is one property of a tool's arguments. Every one is required and may be null: so "strict" schemas want it.
type field struct {
	name, kind, about string // kind: string, integer, boolean, names, pairs
	enum              []string
}

// spec is a tool: what a model reads of it, and how it is done.
type spec struct {
	name, title, about string // title is for people, about for models
	fields             []field
	use                func(t *turn, ctx context.Context, args json.RawMessage) (seen Seen, err error)
	needs              []string // fields that may not be null
}

var (
	fKind      = field{name: "kind", kind: "string", about: "a kind: plural, singular or short name, with its group if need be"}
	fNamespace = field{name: "namespace", kind: "string", about: "null: the session's namespace; \"*\": all"}
	fName      = field{name: "name", kind: "string", about: "the object's name"}
	fSelector  = field{name: "selector", kind: "string", about: "a label selector"}
)

var specs = []spec{
	{"can_i", "May I do this?", "Whether the person may do something, by the cluster's own rights.", []field{{name: "verb", kind: "string", about: "get, list, delete…"}, fKind, fNamespace, fName}, canI, []string{"verb", "kind"}},
	{"describe", "Describe an object", "One object with its events.", []field{fKind, fNamespace, fName}, reads(nlp.OpDescribe, true), []string{"kind", "name"}},
	{"events", "Events", "The latest events of a namespace, or about one object.", []field{fKind, fNamespace, fName, {name: "type", kind: "string", about: "Warning, or null for all"}}, events, nil},
	{"find_object", "Find objects by name", "Objects whose name contains a word, of any kind.", []field{{name: "word", kind: "string", about: "part of a name"}, fNamespace}, findObject, []string{"word"}},
	{"get", "Get an object", "One object as YAML, without Secret values. Use path for a part of it.", []field{fKind, fNamespace, fName, {name: "path", kind: "string", about: "a JSONPath such as .spec.template.spec.containers"}}, getObject, []string{"kind", "name"}},
	{"list", "List objects", "The objects of a kind, one line each.", []field{fKind, fNamespace, fSelector}, reads(nlp.OpGet, false), []string{"kind"}},
	{"logs", "Logs", "The last lines of a pod's log, or of a workload's pods.", []field{fKind, fNamespace, fName, {name: "container", kind: "string"}, {name: "tail", kind: "integer", about: "at most 500; null: 50"},
		{name: "since", kind: "string", about: "a duration such as 30m"}, {name: "grep", kind: "string", about: "only lines with this word"}, {name: "previous", kind: "boolean", about: "of the run before the last restart"}}, logs, []string{"kind", "name"}},
	{toolPropose, "Propose a change", "Propose a change, or a read, for the person to decide on. Nothing happens by it. Only for objects that the person named, and only if they asked for a change in this question.", planFields, nil, []string{"steps"}},
	{"resolve_kind", "What a kind is called", "Which kinds of this cluster a word means.", []field{{name: "word", kind: "string", about: "any name of a kind"}}, resolveKind, []string{"word"}},
	{"rollout_history", "Revisions of a workload", "The revisions of a deployment, stateful set or daemon set.", []field{fKind, fNamespace, fName}, reads(nlp.OpRolloutHistory, true), []string{"kind", "name"}},
	{toolAnalyzers, "What is wrong?", "What the service's analyzers find: about one object with all it depends on, a namespace, or the cluster.", []field{fKind, fNamespace, fName}, analyze, nil},
	{"top", "CPU and memory", "CPU and memory of pods or nodes.", []field{{name: "kind", kind: "string", about: "pods or nodes"}, fNamespace}, reads(nlp.OpTop, false), []string{"kind"}},
}

// toolList is what a model is told of them, ordered by name.
var toolList = func() []model.Tool {
	var out []model.Tool
	for _, s := range specs {
		out = append(out, model.Tool{Name: s.name, Description: s.about, Schema: schema(s.fields)})
	}
	slices.SortFunc(out, func(a, b model.Tool) int { return cmp.Compare(a.Name, b.Name) })
	return out
}()

func schema(fields []field) json.RawMessage {
	b, err := json.Marshal(objectSchema(fields))
	if err != nil {
		panic(fmt.Sprintf("assist: a schema: %v", err))
	}
	return b
}

func objectSchema(fields []field) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range fields {
		required = append(required, f.name)
		properties[f.name] = f.schema()
	}
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func (f field) schema() map[string]any {
	var s map[string]any
	switch f.kind {
	case "names":
		s = map[string]any{"type": []string{"array", "null"}, "items": map[string]any{"type": "string"}}
	case "pairs":
		s = map[string]any{"type": []string{"array", "null"}, "items": objectSchema([]field{{name: "name", kind: "string"}, {name: "value", kind: "string"}})}
	case "steps":
		s = map[string]any{"type": "array", "items": objectSchema(stepFields)}
	default:
		s = map[string]any{"type": []string{f.kind, "null"}}
	}
	if f.enum != nil {
		s["type"], s["enum"] = f.kind, f.enum
	}
	if f.about != "" {
		s["description"] = f.about
	}
	return s
}

// use does one call of a tool that looks, and says in a few words what came of it.
func (t *turn) use(ctx context.Context, call model.ToolCall) (text, summary string, err error) {
	if call.Malformed != "" {
		return "", "", told("The arguments are no JSON object.")
	}
	i := slices.IndexFunc(specs, func(s spec) bool { return s.name == call.Name && s.use != nil })
	if i < 0 {
		return "", "", told("There is no tool %q.", call.Name)
	}
	seen, err := specs[i].use(t, ctx, call.Args)
	if err != nil {
		return "", "", err
	}
	text, found := t.evidence.add(call.Name, seen)
	for _, f := range found {
		if err := t.emit(f); err != nil {
			return "", "", err
		}
	}
	summary = fmt.Sprintf("%d lines", len(seen.Lines))
	if len(seen.Findings) > 0 || call.Name == toolAnalyzers {
		summary = fmt.Sprintf("%d findings", len(seen.Findings))
	}
	return text, summary, nil
}

// failure is an error in words for a model: a problem's own, or a rule's; nothing from inside.
func failure(err error) string {
	var p *problem.Error
	var rule *nlp.Rule
	switch {
	case errors.As(err, &p):
		return clean(strings.TrimSpace(p.Detail + " " + p.Fix))
	case errors.As(err, &rule):
		return clean(rule.Text)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "The cluster did not answer in time."
	}
	return clean(err.Error())
}

// object is what most tools are about.
type object struct {
	Kind, Namespace, Name, Selector string
}

func decode(args json.RawMessage, to any) error {
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.DisallowUnknownFields()
	if err := dec.Decode(to); err != nil {
		return told("The arguments are not what the tool takes: %v.", err)
	}
	return nil
}

// step makes a read of typed arguments; names are looked up, never passed on as they are.
func (t *turn) step(op nlp.Op, o object, named bool) (nlp.Step, error) {
	kinds := t.in.Vocabulary.Lookup(o.Kind)
	if len(kinds) == 0 {
		if k, ok := t.in.Vocabulary.Kind(strings.ToLower(o.Kind)); ok {
			kinds = []nlp.Kind{k}
		}
	}
	if len(kinds) == 0 {
		return nlp.Step{}, told("This cluster has no kind %q.", o.Kind)
	}
	s := nlp.Step{Op: op, Resource: kinds[0].Resource, LabelSelector: o.Selector}
	if o.Name != "" {
		s.Names = []string{o.Name}
	} else if named {
		return nlp.Step{}, told("Which object? It needs a name.")
	}
	t.place(&s, o.Namespace)
	return s, nil
}

func (t *turn) place(s *nlp.Step, namespace string) {
	switch {
	case !s.Resource.Namespaced && s.Resource.Plural != "":
	case namespace == "*":
		s.AllNamespaces = true
	case namespace != "":
		s.Namespace = namespace
	case len(s.Names) == 1:
		s.Namespace = t.only(s.Resource, s.Names[0])
	default:
		s.Namespace = cmp.Or(t.in.Focus.Namespace, t.in.Vocabulary.Namespace())
	}
}

// only is the one namespace that has an object, or the session's.
func (t *turn) only(r nlp.Resource, name string) string {
	in := map[string]bool{}
	for _, o := range t.in.Vocabulary.Objects(r.Key(), "") {
		if o.Name == name {
			in[o.Namespace] = true
		}
	}
	if len(in) == 1 {
		for ns := range in {
			return ns
		}
	}
	return cmp.Or(t.in.Focus.Namespace, t.in.Vocabulary.Namespace())
}

// check checks a read as every plan is checked, and looks.
func (t *turn) check(ctx context.Context, s nlp.Step) (Seen, error) {
	s.Class = nlp.Classify(s)
	if s.Class != nlp.Read {
		return Seen{}, told("That is no read.")
	}
	if err := nlp.Validate(nlp.Plan{Steps: []nlp.Step{s}, Class: nlp.Read}, t.in.Vocabulary); err != nil {
		return Seen{}, err
	}
	return t.in.Tools.Look(ctx, s)
}

func reads(op nlp.Op, named bool) func(*turn, context.Context, json.RawMessage) (Seen, error) {
	return func(t *turn, ctx context.Context, args json.RawMessage) (Seen, error) {
		var o object
		if err := decode(args, &o); err != nil {
			return Seen{}, err
		}
		s, err := t.step(op, o, named)
		if err != nil {
			return Seen{}, err
		}
		return t.check(ctx, s)
	}
}

func getObject(t *turn, ctx context.Context, args json.RawMessage) (Seen, error) {
	var in struct {
		object
		Path string
	}
	if err := decode(args, &in); err != nil {
		return Seen{}, err
	}
	s, err := t.step(nlp.OpGet, in.object, true)
	if err != nil {
		return Seen{}, err
	}
	s.Args.Output = "yaml"
	if s.Resource.Key() == "secrets" {
		s.Op, s.Args.Output = nlp.OpDescribe, ""
	}
	if path := strings.Trim(in.Path, "{}"); path != "" && s.Op == nlp.OpGet {
		s.Args.Output = "jsonpath={." + strings.TrimPrefix(path, ".") + "}"
	}
	return t.check(ctx, s)
}

func events(t *turn, ctx context.Context, args json.RawMessage) (Seen, error) {
	var in struct {
		object
		Type string
	}
	if err := decode(args, &in); err != nil {
		return Seen{}, err
	}
	var s nlp.Step
	if in.Kind == "" {
		s = nlp.Step{Op: nlp.OpEvents}
		s.Resource.Namespaced = true
		t.place(&s, in.Namespace)
	} else {
		var err error
		if s, err = t.step(nlp.OpEvents, in.object, false); err != nil {
			return Seen{}, err
		}
	}
	s.Args.Type = in.Type
	return t.check(ctx, s)
}

const (
	defaultTail = 50
	mostTail    = 500
)

func logs(t *turn, ctx context.Context, args json.RawMessage) (Seen, error) {
	var in struct {
		object
		Container, Since, Grep string
		Tail                   int64
		Previous               bool
	}
	if err := decode(args, &in); err != nil {
		return Seen{}, err
	}
	s, err := t.step(nlp.OpLogs, in.object, true)
	if err != nil {
		return Seen{}, err
	}
	tail := int64(defaultTail)
	if in.Tail > 0 {
		tail = min(in.Tail, mostTail)
	}
	s.Args.Tail, s.Args.Previous, s.Container = &tail, in.Previous, in.Container
	if in.Since != "" {
		if s.Args.Since, err = time.ParseDuration(in.Since); err != nil || s.Args.Since < 0 {
			return Seen{}, told("%q is not a duration such as 30m.", in.Since)
		}
	}
	seen, err := t.check(ctx, s)
	if err != nil || in.Grep == "" {
		return seen, err
	}
	seen.Lines = slices.DeleteFunc(seen.Lines, func(l string) bool { return !strings.Contains(strings.ToLower(l), strings.ToLower(in.Grep)) })
	return seen, nil
}

func canI(t *turn, ctx context.Context, args json.RawMessage) (Seen, error) {
	var in struct {
		object
		Verb string
	}
	if err := decode(args, &in); err != nil {
		return Seen{}, err
	}
	s, err := t.step(nlp.OpCanI, in.object, false)
	if err != nil {
		return Seen{}, err
	}
	if in.Verb == "" {
		return Seen{}, told("Which verb?")
	}
	s.Args.Verb = strings.ToLower(in.Verb)
	return t.check(ctx, s)
}

// analyzerInput are the arguments of run_analyzers.
type analyzerInput struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func (a analyzerInput) json() []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic(fmt.Sprintf("assist: arguments always marshal: %v", err))
	}
	return b
}

func analyze(t *turn, ctx context.Context, args json.RawMessage) (Seen, error) {
	var in analyzerInput
	if err := decode(args, &in); err != nil {
		return Seen{}, err
	}
	if in.Kind == "" {
		in.Kind, in.Name = "pods", ""
		if in.Namespace == "" {
			in.Namespace = "*"
		}
	}
	s, err := t.step(nlp.OpDiagnose, object{Kind: in.Kind, Namespace: in.Namespace, Name: in.Name}, false)
	if err != nil {
		return Seen{}, err
	}
	return t.check(ctx, s)
}

func resolveKind(t *turn, _ context.Context, args json.RawMessage) (Seen, error) {
	var in struct{ Word string }
	if err := decode(args, &in); err != nil {
		return Seen{}, err
	}
	var out Seen
	for _, k := range t.in.Vocabulary.Lookup(in.Word) {
		where := "in a namespace"
		if !k.Namespaced {
			where = "of the cluster"
		}
		out.Lines = append(out.Lines, fmt.Sprintf("%s (%s, %s; short: %s)", k.Key(), k.Kind, where, strings.Join(k.ShortNames, " ")))
	}
	return out, nil
}

const mostFound = 40

func findObject(t *turn, _ context.Context, args json.RawMessage) (Seen, error) {
	var in struct{ Word, Namespace string }
	if err := decode(args, &in); err != nil {
		return Seen{}, err
	}
	if len(in.Word) < 2 {
		return Seen{}, told("A word of two letters at least.")
	}
	if in.Namespace == "*" {
		in.Namespace = ""
	}
	var out Seen
	for _, k := range t.in.Vocabulary.Kinds() {
		for _, o := range t.in.Vocabulary.Objects(k.Key(), in.Namespace) {
			if strings.Contains(strings.ToLower(o.Name), strings.ToLower(in.Word)) {
				if out.Lines = append(out.Lines, strings.TrimSpace(k.Key()+" "+o.Name+" "+o.Namespace)); len(out.Lines) == mostFound {
					return out, nil
				}
			}
		}
	}
	return out, nil
}

package nlp

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// lineReader grounds a parsed command line in the vocabulary.
type lineReader struct {
	v     *Vocabulary
	focus Focus
	line  line
	notes []string
}

func (p *lineReader) step() (Step, string) {
	s := Step{}
	l := p.line
	if why := p.scope(&s); why != "" {
		return s, why
	}
	s.LabelSelector, s.FieldSelector, s.Container = l.flag("selector"), l.flag("field-selector"), l.flag("container")
	switch l.verb {
	case "version":
		return Step{Op: OpVersion}, ""
	case "cluster-info":
		if len(l.args) > 0 {
			return s, "I show where the cluster is, and dump nothing."
		}
		return Step{Op: OpClusterInfo}, ""
	case "api-resources":
		return Step{Op: OpAPIResources}, ""
	case "explain":
		return p.explain()
	case "auth":
		return p.auth(s)
	case "events":
		return p.events(s)
	case "top":
		return p.top(s)
	case "logs", "log":
		return p.logs(s)
	case "rollout", "set":
		return p.subcommand(s)
	case "create", "run":
		return p.create(s)
	case "cordon", "uncordon", "drain":
		return p.node(s)
	case "exec":
		return p.exec(s)
	case "taint":
		if len(l.args) > 0 {
			if r, ok := p.kind(l.args[0]); ok && r.Plural == "nodes" {
				return p.changeSet(s, OpTaint)
			}
		}
		return s, "Say kubectl taint nodes NAME key=value:Effect."
	case "label":
		return p.changeSet(s, OpLabel)
	case "annotate":
		return p.changeSet(s, OpAnnotate)
	}
	return p.onThings(s)
}

func (p *lineReader) scope(s *Step) string {
	if p.line.has("all-namespaces") {
		s.AllNamespaces = true
		return ""
	}
	ns := p.line.flag("namespace")
	if ns == "" {
		s.Namespace = p.v.Namespace()
		return ""
	}
	got := (&reading{v: p.v}).aliasOf(strings.ToLower(ns))
	if near, _, ties := nearest(strings.ToLower(ns), p.v.nsNames); got == "" && ties == 1 {
		got = near
	}
	if got != "" && got != ns {
		if opVerbs[p.line.verb] {
			p.notes = append(p.notes, fmt.Sprintf("I read %q as the namespace %s.", ns, got))
			ns = got
		} else {
			return fmt.Sprintf("I see no namespace %q. Did you mean %s?", ns, got)
		}
	}
	s.Namespace = ns
	return ""
}

// opVerbs only read, so that a shortened namespace may be completed.
var opVerbs = wordSet("get describe logs log top events auth explain")

func (p *lineReader) kind(word string) (Resource, bool) {
	kinds := p.v.words[strings.ToLower(word)]
	if len(kinds) == 0 {
		return Resource{}, false
	}
	return kinds[0].Resource, true
}

// things reads KIND NAME..., KIND/NAME... and KIND,KIND.
func (p *lineReader) things(s *Step, args []string) string {
	if len(args) == 0 {
		return fmt.Sprintf("kubectl %s needs a kind.", p.line.verb)
	}
	if strings.Contains(args[0], "/") {
		for _, a := range args {
			kind, name, ok := strings.Cut(a, "/")
			r, known := p.kind(kind)
			switch {
			case !ok || name == "":
				return fmt.Sprintf("I can't read %q here.", a)
			case !known:
				return fmt.Sprintf("This cluster has no kind %q.", kind)
			case s.Resource.Plural != "" && s.Resource != r:
				return "I take names of one kind at a time."
			}
			s.Resource, s.Names = r, append(s.Names, name)
		}
	} else {
		for i, word := range strings.Split(args[0], ",") {
			r, ok := p.kind(word)
			if word == CategoryAll {
				r, ok = Resource{Plural: CategoryAll, Kind: "all", Namespaced: true}, true
				s.Also = p.v.category(CategoryAll)
			}
			switch {
			case !ok:
				return fmt.Sprintf("This cluster has no kind %q.", word)
			case i == 0:
				s.Resource = r
			default:
				s.Also = append(s.Also, r)
			}
		}
		s.Names = args[1:]
	}
	if !s.Resource.Namespaced {
		s.Namespace, s.AllNamespaces = "", false
	}
	return ""
}

// onThings are the verbs of the shape VERB KIND NAME... [flags].
func (p *lineReader) onThings(s Step) (Step, string) {
	l := p.line
	if why := p.things(&s, l.args); why != "" {
		return s, why
	}
	switch l.verb {
	case "get":
		s.Op = OpGet
		s.Args.Output, s.Args.ShowLabels, s.Args.Follow = l.flag("output"), l.has("show-labels"), l.has("watch")
		if keys := l.flag("label-columns"); keys != "" {
			s.Args.LabelColumns = strings.Split(keys, ",")
		}
		s.Post.Sort = strings.Trim(l.flag("sort-by"), "{}")
	case "describe":
		s.Op = OpDescribe
	case "delete":
		s.Op = OpDelete
		if len(s.Names) == 0 {
			if !l.has("all") && s.LabelSelector == "" && s.FieldSelector == "" {
				return s, "kubectl delete needs a name, a selector or --all."
			}
			s.Op = OpDeleteCollection
		}
		s.Args.Force, s.Args.Cascade = l.has("force"), l.flag("cascade")
		return s, p.grace(&s)
	case "scale":
		s.Op = OpScale
		n, why := p.int32("replicas")
		if why != "" || l.flag("replicas") == "" {
			return s, "kubectl scale needs --replicas=N."
		}
		s.Args.Replicas = &n
		if l.flag("current-replicas") != "" {
			only, why := p.int32("current-replicas")
			if why != "" {
				return s, why
			}
			s.Args.OnlyAt = &only
		}
		p.current(&s)
		if len(s.Names) == 0 && s.LabelSelector == "" && !l.has("all") {
			return s, "kubectl scale needs a name, a selector or --all."
		}
	case "expose":
		return p.expose(s)
	case "wait":
		return p.wait(s)
	case "autoscale":
		return p.autoscale(s)
	case "patch":
		s.Op, s.Args.PatchType = OpPatch, l.flag("type")
		if !json.Valid([]byte(l.flag("patch"))) {
			return s, "kubectl patch needs -p with a JSON patch."
		}
		s.Args.Patch = json.RawMessage(l.flag("patch"))
	}
	return s, ""
}

func (p *lineReader) current(s *Step) {
	if len(s.Names) != 1 {
		return
	}
	if o := p.v.find(s.Resource.Key(), s.Namespace, s.Names[0]); o != nil && o.Details != nil {
		s.Args.Current = o.Details.Replicas
	}
}

func (p *lineReader) int32(flag string) (int32, string) {
	text := strings.TrimSuffix(p.line.flag(flag), "%")
	if text == "" {
		return 0, ""
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Sprintf("--%s needs a number, not %q.", flag, text)
	}
	return int32(n), ""
}

func (p *lineReader) grace(s *Step) string {
	text := p.line.flag("grace-period")
	if p.line.has("now") {
		text = "1"
	}
	if text == "" {
		return ""
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Sprintf("--grace-period needs a number, not %q.", text)
	}
	s.Args.GracePeriod = &n
	return ""
}

func (p *lineReader) expose(s Step) (Step, string) {
	s.Op = OpExpose
	port, why := p.int32("port")
	if why != "" || port == 0 {
		return s, "kubectl expose needs --port=N."
	}
	s.Args.Port, s.Args.TargetPort, s.Args.Type, s.Args.NewName = port, p.line.flag("target-port"), p.line.flag("type"), p.line.flag("name")
	return s, ""
}

func (p *lineReader) autoscale(s Step) (Step, string) {
	s.Op = OpAutoscale
	var why [3]string
	s.Args.Min, why[0] = p.int32("min")
	s.Args.Max, why[1] = p.int32("max")
	flag := "cpu-percent"
	if p.line.flag("cpu") != "" {
		flag = "cpu"
	}
	s.Args.CPUPercent, why[2] = p.int32(flag)
	for _, w := range why {
		if w != "" {
			return s, w
		}
	}
	return s, ""
}

func (p *lineReader) explain() (Step, string) {
	if len(p.line.args) != 1 {
		return Step{}, "kubectl explain needs a kind, or a path such as deployment.spec.strategy."
	}
	head, rest, dotted := strings.Cut(p.line.args[0], ".")
	r, ok := p.kind(head)
	if !ok {
		return Step{}, fmt.Sprintf("This cluster has no kind %q.", head)
	}
	path := r.Plural
	if dotted {
		path += "." + rest
	}
	return Step{Op: OpExplain, Args: Args{Path: path}}, ""
}

func (p *lineReader) auth(s Step) (Step, string) {
	args := p.line.args
	if len(args) > 0 && args[0] == "whoami" {
		return Step{Op: OpWhoAmI}, ""
	}
	if len(args) == 0 || args[0] != "can-i" {
		return s, "Of kubectl auth I know can-i and whoami."
	}
	s.Op, s.LabelSelector = OpCanI, ""
	if p.line.has("list") {
		return s, ""
	}
	if len(args) < 3 {
		return s, "Say kubectl auth can-i VERB KIND."
	}
	s.Args.Verb = strings.ToLower(args[1])
	if why := p.things(&s, args[2:]); why != "" {
		return s, why
	}
	s.Subresource = p.line.flag("subresource")
	return s, ""
}

func (p *lineReader) events(s Step) (Step, string) {
	s.Op, s.Args.Type = OpEvents, p.line.flag("types")
	if target := p.line.flag("for"); target != "" {
		if why := p.things(&s, []string{target}); why != "" {
			return s, why
		}
	}
	return s, ""
}

func (p *lineReader) top(s Step) (Step, string) {
	s.Op = OpTop
	if len(p.line.args) == 0 {
		return s, "Say kubectl top pods or kubectl top nodes."
	}
	if why := p.things(&s, p.line.args); why != "" {
		return s, why
	}
	if s.Resource.Plural != "pods" && s.Resource.Plural != "nodes" {
		return s, "Only pods and nodes can be measured."
	}
	s.Post.Sort, s.Args.AllContainers = p.line.flag("sort-by"), p.line.has("containers")
	return s, ""
}

func (p *lineReader) logs(s Step) (Step, string) {
	l := p.line
	s.Op = OpLogs
	pods, _ := p.kind("pods")
	s.Resource = pods
	if len(l.args) > 0 {
		if strings.Contains(l.args[0], "/") {
			s.Resource = Resource{}
			if why := p.things(&s, l.args[:1]); why != "" {
				return s, why
			}
		} else {
			s.Names = l.args[:1]
		}
	} else if s.LabelSelector == "" {
		return s, "kubectl logs needs a pod, or KIND/NAME."
	}
	if len(l.args) == 2 {
		s.Container = l.args[1]
	}
	s.Args.Previous, s.Args.Follow, s.Args.Timestamps, s.Args.AllContainers = l.has("previous"), l.has("follow"), l.has("timestamps"), l.has("all-containers")
	if t := l.flag("tail"); t != "" && t != "-1" {
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil {
			return s, fmt.Sprintf("--tail needs a number, not %q.", t)
		}
		s.Args.Tail = &n
	}
	if t := l.flag("since"); t != "" {
		d, err := time.ParseDuration(t)
		if err != nil {
			return s, fmt.Sprintf("--since needs a duration such as 10m, not %q.", t)
		}
		s.Args.Since = d
	}
	return s, ""
}

var rolloutOps = map[string]Op{
	"status": OpRolloutStatus, "history": OpRolloutHistory, "undo": OpRolloutUndo, "restart": OpRolloutRestart, "pause": OpRolloutPause, "resume": OpRolloutResume,
}

func (p *lineReader) subcommand(s Step) (Step, string) {
	l := p.line
	if len(l.args) == 0 {
		return s, fmt.Sprintf("kubectl %s needs to know what.", l.verb)
	}
	sub := l.args[0]
	if sub == "serviceaccount" || sub == "sa" {
		return p.setServiceAccount(s, l.args[1:])
	}
	var targets, pairs []string
	for _, a := range l.args[1:] {
		if strings.Contains(a, "=") || l.verb == "set" && strings.HasSuffix(a, "-") {
			pairs = append(pairs, a)
		} else {
			targets = append(targets, a)
		}
	}
	if why := p.things(&s, targets); why != "" {
		return s, why
	}
	if l.verb == "rollout" {
		op, ok := rolloutOps[sub]
		if !ok {
			return s, fmt.Sprintf("kubectl rollout has no %q.", sub)
		}
		s.Op = op
		flag := "to-revision"
		if op == OpRolloutHistory {
			flag = "revision"
		}
		n, why := p.int32(flag)
		s.Args.Revision = int64(n)
		return s, why
	}
	switch sub {
	case "image":
		s.Op = OpSetImage
		for _, pair := range pairs {
			k, v, _ := strings.Cut(pair, "=")
			s.Args.Images = put(s.Args.Images, k, v)
		}
	case "env":
		s.Op = OpSetEnv
		for _, pair := range append(pairs, l.flags["env"]...) {
			if k, v, ok := strings.Cut(pair, "="); ok {
				s.Args.Env = put(s.Args.Env, k, v)
			} else {
				s.Args.Remove = append(s.Args.Remove, strings.TrimSuffix(pair, "-"))
			}
		}
	case "resources":
		s.Op, s.Args.Requests, s.Args.Limits = OpSetResources, pairMap(l.flag("requests")), pairMap(l.flag("limits"))
	case "selector":
		s.Op = OpSetSelector
		for _, pair := range strings.Split(strings.Join(pairs, ","), ",") {
			if k, v, ok := strings.Cut(pair, "="); ok {
				s.Args.Set = put(s.Args.Set, k, v)
			}
		}
	default:
		return s, fmt.Sprintf("Of kubectl set I know image, env, resources, serviceaccount and selector, not %q.", sub)
	}
	return s, ""
}

func pairMap(s string) map[string]string {
	var out map[string]string
	for _, pair := range strings.Split(s, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			out = put(out, k, v)
		}
	}
	return out
}

// changeSet reads label, annotate and taint.
func (p *lineReader) changeSet(s Step, op Op) (Step, string) {
	s.Op = op
	var targets []string
	for _, a := range p.line.args {
		switch {
		case strings.Contains(a, "="):
			k, v, _ := strings.Cut(a, "=")
			if op == OpTaint && strings.HasSuffix(v, "-") {
				s.Args.Remove = append(s.Args.Remove, strings.TrimSuffix(a, "-"))
				continue
			}
			if value, effect, ok := strings.Cut(v, ":"); ok && op == OpTaint {
				s.Args.Set = AddTaint(s.Args.Set, Taint{k, value, effect})
				continue
			}
			s.Args.Set = put(s.Args.Set, k, v)
		case strings.HasSuffix(a, "-"):
			s.Args.Remove = append(s.Args.Remove, strings.TrimSuffix(a, "-"))
		case op == OpTaint && strings.Contains(a, ":"):
			k, v, _ := strings.Cut(a, ":")
			s.Args.Set = AddTaint(s.Args.Set, Taint{Key: k, Effect: v})
		default:
			targets = append(targets, a)
		}
	}
	s.Args.Overwrite = p.line.has("overwrite")
	if why := p.things(&s, targets); why != "" {
		return s, why
	}
	if len(s.Names) == 0 && s.LabelSelector == "" && !p.line.has("all") {
		return s, fmt.Sprintf("kubectl %s needs a name, a selector or --all.", p.line.verb)
	}
	return s, ""
}

func (p *lineReader) node(s Step) (Step, string) {
	r, ok := p.kind("nodes")
	if !ok || len(p.line.args) == 0 {
		return s, fmt.Sprintf("kubectl %s needs a node.", p.line.verb)
	}
	s.Op = map[string]Op{"cordon": OpCordon, "uncordon": OpUncordon, "drain": OpDrain}[p.line.verb]
	s.Resource, s.Namespace, s.AllNamespaces = r, "", false
	for _, a := range p.line.args {
		if a == "node" || a == "nodes" {
			continue
		}
		s.Names = append(s.Names, strings.TrimPrefix(a, "node/"))
	}
	s.Args.Force = p.line.has("force")
	if s.Op == OpDrain {
		s.Args.IgnoreDaemonSets, s.Args.DeleteEmptyDir = p.line.has("ignore-daemonsets"), p.line.has("delete-emptydir-data")
	}
	return s, p.grace(&s)
}

func apiVersion(r Resource) string {
	if r.Group == "" {
		return r.Version
	}
	return r.Group + "/" + r.Version
}

package nlp

import (
	"encoding/json"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Kubectl is the plan as people would type it, one line per step. It is for reading and copying; nothing executes it.
func Kubectl(p Plan) string {
	lines := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		lines[i] = KubectlStep(s)
	}
	return strings.Join(lines, "\n")
}

// KubectlStep is one step as people would type it.
func KubectlStep(s Step) string {
	r := &renderer{s: s}
	r.add("kubectl")
	render, ok := renderers[s.Op]
	if !ok {
		return ""
	}
	render(r)
	return strings.Join(r.argv, " ")
}

var renderers map[Op]func(*renderer)

func init() { // a literal would be an initialisation loop through the methods
	renderers = map[Op]func(*renderer){
		OpGet: (*renderer).get, OpDescribe: (*renderer).describe, OpLogs: (*renderer).logs, OpTop: (*renderer).top,
		OpEvents: (*renderer).events, OpExplain: func(r *renderer) { r.add("explain", r.s.Args.Path) },
		OpAPIResources: (*renderer).apiResources, OpVersion: func(r *renderer) { r.add("version") },
		OpCanI: (*renderer).canI, OpWhoAmI: func(r *renderer) { r.add("auth", "whoami") },
		OpClusterInfo:   func(r *renderer) { r.add("cluster-info") },
		OpRolloutStatus: rollout("status"), OpRolloutHistory: rollout("history"), OpDiagnose: (*renderer).diagnose,
		OpCreate: (*renderer).create, OpScale: (*renderer).scale, OpSetImage: (*renderer).setImage, OpSetEnv: (*renderer).setEnv,
		OpSetResources: (*renderer).setResources, OpLabel: (*renderer).label, OpAnnotate: (*renderer).label,
		OpExpose: (*renderer).expose, OpAutoscale: (*renderer).autoscale, OpPatch: (*renderer).patch,
		OpRolloutUndo: rollout("undo"), OpRolloutRestart: rollout("restart"), OpRolloutPause: rollout("pause"),
		OpRolloutResume: rollout("resume"), OpCordon: node("cordon"), OpUncordon: node("uncordon"), OpTaint: (*renderer).taint,
		OpSetServiceAccount: (*renderer).setServiceAccount, OpSetSelector: (*renderer).setSelector, OpExec: (*renderer).exec,
		OpWait: (*renderer).wait, OpEvict: (*renderer).delete, OpRemoveFinalizers: (*renderer).removeFinalizers,
		OpReplaceForce: (*renderer).replaceForce, OpDryRun: (*renderer).dryRun,
		OpDelete: (*renderer).delete, OpDeleteCollection: (*renderer).delete, OpDrain: node("drain"),
	}
}

type renderer struct {
	s    Step
	argv []string
}

func (r *renderer) add(words ...string) {
	for _, w := range words {
		r.argv = append(r.argv, Quote(w))
	}
}

func (r *renderer) flag(name, value string) {
	if value != "" {
		r.argv = append(r.argv, name+"="+Quote(value))
	}
}

// Quote makes a word safe to paste into a POSIX shell.
func Quote(w string) string {
	if w == "" {
		return "''"
	}
	for _, c := range w {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:@,+%", c) {
			return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return w
}

func (r *renderer) scope() {
	switch {
	case r.s.AllNamespaces:
		r.add("-A")
	case r.s.Namespace != "":
		r.add("-n", r.s.Namespace)
	}
}

func (r *renderer) selectors() {
	if r.s.LabelSelector != "" {
		r.add("-l", r.s.LabelSelector)
	}
	r.flag("--field-selector", r.s.FieldSelector)
}

// plural is the kind as an argument, all kinds of the step joined.
func (r *renderer) plural() string {
	words := []string{word(r.s.Resource)}
	if r.s.Resource.Plural != CategoryAll {
		for _, also := range r.s.Also {
			words = append(words, word(also))
		}
	}
	return strings.Join(words, ",")
}

// word is the shortest argument that names the kind and no built-in one.
func word(res Resource) string {
	if !res.BuiltIn() && builtInPlurals[res.Plural] {
		return res.Key()
	}
	return res.Plural
}

func singular(res Resource) string {
	if !res.BuiltIn() && builtInPlurals[res.Plural] {
		return res.Key()
	}
	if res.Kind == "" {
		return res.Plural
	}
	return strings.ToLower(res.Kind)
}

// target is "KIND NAME..." or the plural.
func (r *renderer) target() {
	if len(r.s.Names) == 0 {
		r.add(r.plural())
		return
	}
	kinds := []string{singular(r.s.Resource)}
	for _, also := range r.s.Also {
		kinds = append(kinds, singular(also))
	}
	r.add(strings.Join(kinds, ","))
	r.add(r.s.Names...)
}

// slashes are "KIND/NAME" for each name.
func (r *renderer) slashes() {
	for _, n := range r.s.Names {
		r.add(singular(r.s.Resource) + "/" + n)
	}
	if len(r.s.Names) == 0 {
		r.add(r.plural())
	}
}

func (r *renderer) output() {
	if o := r.s.Args.Output; o != "" {
		if strings.HasPrefix(o, "jsonpath=") || strings.HasPrefix(o, "custom-columns=") {
			r.add("-o")
			r.add(o)
		} else {
			r.add("-o", o)
		}
	}
	if r.s.Args.ShowLabels {
		r.add("--show-labels")
	}
	if len(r.s.Args.LabelColumns) > 0 {
		r.add("-L", strings.Join(r.s.Args.LabelColumns, ","))
	}
}

var sortPaths = map[string]string{
	"restarts": ".status.containerStatuses[0].restartCount", "age": ".metadata.creationTimestamp", "name": ".metadata.name",
}

func (r *renderer) sorting() {
	by := r.s.Post.Sort
	if p, ok := sortPaths[by]; ok {
		by = p
	}
	if by == "" {
		return
	}
	r.argv = append(r.argv, "--sort-by="+sortQuote(by))
}

// sortQuote quotes a path only if a shell would touch it.
func sortQuote(path string) string {
	if strings.ContainsAny(path, "[]*?$ '\"\\;|&<>(){}`") {
		return Quote(path)
	}
	return path
}

func (r *renderer) get() {
	r.add("get")
	r.target()
	r.scope()
	r.selectors()
	r.sorting()
	r.output()
	if r.s.Args.Follow {
		r.add("-w")
	}
}

func (r *renderer) describe() {
	r.add("describe")
	r.target()
	r.scope()
	r.selectors()
}

// diagnose renders what a person would read first; the analyzers read more than one line can say.
func (r *renderer) diagnose() {
	if r.s.Args.Type == DiagnoseChanges {
		r.changes()
		return
	}
	if len(r.s.Names) > 0 {
		r.describe()
		return
	}
	r.get()
}

// changes renders where a person would read what was changed: a workload's revisions, and else events.
func (r *renderer) changes() {
	if len(r.s.Names) > 0 && r.s.Resource.Group == "apps" {
		r.add("rollout", "history")
		r.slashes()
		r.scope()
		return
	}
	r.add("events")
	r.scope()
	if len(r.s.Names) > 0 {
		r.flag("--for", singular(r.s.Resource)+"/"+r.s.Names[0])
	}
}

func (r *renderer) logs() {
	r.add("logs")
	switch {
	case len(r.s.Names) > 0 && r.s.Resource.Plural == "pods":
		r.add(r.s.Names[0])
	case len(r.s.Names) > 0:
		r.slashes()
	}
	r.scope()
	r.selectors()
	a := r.s.Args
	if r.s.Container != "" {
		r.add("-c", r.s.Container)
	}
	if a.AllContainers {
		r.add("--all-containers")
	}
	if a.Previous {
		r.add("--previous")
	}
	if a.Tail != nil {
		r.flag("--tail", strconv.FormatInt(*a.Tail, 10))
	}
	if a.Since > 0 {
		r.flag("--since", Duration(a.Since))
	}
	if a.Timestamps {
		r.add("--timestamps")
	}
	if a.Follow {
		r.add("-f")
	}
}

// Duration is a duration as kubectl's flags take it, with no empty units: "10m", "1h30m".
func Duration(d time.Duration) string {
	s := d.String()
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	if s == "" {
		return "0s"
	}
	if last := s[len(s)-1]; last >= '0' && last <= '9' { // "10" of "10s" cut at "0s"
		return d.String()
	}
	return s
}

func (r *renderer) top() {
	r.add("top")
	if r.s.Resource.Plural == "nodes" {
		r.add("nodes")
	} else {
		r.add("pods")
	}
	r.add(r.s.Names...)
	r.scope()
	r.selectors()
	r.flag("--sort-by", r.s.Post.Sort)
	if r.s.Args.AllContainers {
		r.add("--containers")
	}
}

func (r *renderer) events() {
	r.add("events")
	r.scope()
	if len(r.s.Names) > 0 {
		r.flag("--for", singular(r.s.Resource)+"/"+r.s.Names[0])
	}
	r.flag("--types", r.s.Args.Type)
}

func (r *renderer) apiResources() {
	r.add("api-resources")
	r.flag("--api-group", r.s.Resource.Group)
	switch r.s.Args.Type {
	case "namespaced":
		r.add("--namespaced")
	case "cluster":
		r.add("--namespaced=false")
	}
}

func (r *renderer) canI() {
	r.add("auth", "can-i")
	if r.s.Args.Verb == "" {
		r.add("--list")
		r.scope()
		return
	}
	r.add(r.s.Args.Verb)
	res := word(r.s.Resource)
	if r.s.Resource.Plural != "" {
		if len(r.s.Names) > 0 {
			res += "/" + r.s.Names[0]
		}
		r.add(res)
	}
	r.flag("--subresource", r.s.Subresource)
	r.scope()
	r.flag("--as", r.s.Args.Subject)
}

func rollout(sub string) func(*renderer) {
	return func(r *renderer) {
		r.add("rollout", sub)
		r.slashes()
		r.scope()
		if r.s.Args.Revision > 0 {
			flag := "--to-revision"
			if r.s.Op == OpRolloutHistory {
				flag = "--revision"
			}
			r.flag(flag, strconv.FormatInt(r.s.Args.Revision, 10))
		}
	}
}

func node(verb string) func(*renderer) {
	return func(r *renderer) {
		r.add(verb)
		r.add(r.s.Names...)
		r.selectors()
		if r.s.Op == OpDrain {
			if r.s.Args.IgnoreDaemonSets {
				r.add("--ignore-daemonsets")
			}
			if r.s.Args.DeleteEmptyDir {
				r.add("--delete-emptydir-data")
			}
			if r.s.Args.Force {
				r.add("--force")
			}
			r.grace()
		}
	}
}

func (r *renderer) grace() {
	if r.s.Args.GracePeriod != nil {
		r.flag("--grace-period", strconv.FormatInt(*r.s.Args.GracePeriod, 10))
	}
}

func (r *renderer) delete() {
	r.add("delete")
	r.target()
	r.scope()
	r.selectors()
	if r.s.Op == OpDeleteCollection && r.s.LabelSelector == "" && r.s.FieldSelector == "" {
		r.add("--all")
	}
	r.flag("--cascade", r.s.Args.Cascade)
	r.grace()
	if r.s.Args.Force {
		r.add("--force")
	}
}

func (r *renderer) scale() {
	r.add("scale")
	r.slashes()
	r.scope()
	r.selectors()
	if len(r.s.Names) == 0 && r.s.LabelSelector == "" {
		r.add("--all")
	}
	if r.s.Args.OnlyAt != nil {
		r.flag("--current-replicas", strconv.Itoa(int(*r.s.Args.OnlyAt)))
	}
	if r.s.Args.Replicas != nil {
		r.flag("--replicas", strconv.Itoa(int(*r.s.Args.Replicas)))
	}
}

func (r *renderer) setImage() {
	r.add("set", "image")
	r.slashes()
	r.pairs(r.s.Args.Images)
	r.scope()
}

func (r *renderer) setEnv() {
	r.add("set", "env")
	r.slashes()
	r.scope()
	if r.s.Container != "" {
		r.add("-c", r.s.Container)
	}
	r.pairs(r.s.Args.Env)
	for _, k := range r.s.Args.Remove {
		r.add(k + "-")
	}
}

func (r *renderer) setResources() {
	r.add("set", "resources")
	r.slashes()
	r.scope()
	if r.s.Container != "" {
		r.add("-c", r.s.Container)
	}
	r.flag("--requests", joinPairs(r.s.Args.Requests))
	r.flag("--limits", joinPairs(r.s.Args.Limits))
}

func (r *renderer) label() {
	verb := "label"
	if r.s.Op == OpAnnotate {
		verb = "annotate"
	}
	r.add(verb)
	r.target()
	r.scope()
	r.selectors()
	r.pairs(r.s.Args.Set)
	for _, k := range r.s.Args.Remove {
		r.add(k + "-")
	}
	if len(r.s.Names) == 0 && r.s.LabelSelector == "" {
		r.add("--all")
	}
	if r.s.Args.Overwrite {
		r.add("--overwrite")
	}
}

func (r *renderer) taint() {
	r.add("taint", "nodes")
	r.add(r.s.Names...)
	r.selectors()
	for _, t := range Taints(r.s.Args.Set) {
		r.add(t.String())
	}
	for _, k := range r.s.Args.Remove {
		r.add(k + "-")
	}
}

func (r *renderer) expose() {
	r.add("expose")
	r.target()
	r.scope()
	r.flag("--port", strconv.Itoa(int(r.s.Args.Port)))
	r.flag("--target-port", r.s.Args.TargetPort)
	r.flag("--type", r.s.Args.Type)
	r.flag("--name", r.s.Args.NewName)
}

func (r *renderer) autoscale() {
	r.add("autoscale")
	r.target()
	r.scope()
	if r.s.Args.Min > 0 {
		r.flag("--min", strconv.Itoa(int(r.s.Args.Min)))
	}
	r.flag("--max", strconv.Itoa(int(r.s.Args.Max)))
	if r.s.Args.CPUPercent > 0 {
		r.flag("--cpu", strconv.Itoa(int(r.s.Args.CPUPercent))+"%")
	}
}

func (r *renderer) patch() {
	r.add("patch")
	r.target()
	r.scope()
	if t := r.s.Args.PatchType; t != "" && t != "strategic" {
		r.flag("--type", t)
	}
	r.add("-p", string(r.s.Args.Patch))
}

func (r *renderer) pairs(m map[string]string) { r.add(pairsOf(m)...) }

func joinPairs(m map[string]string) string { return strings.Join(pairsOf(m), ",") }

// pairsOf writes each as key=value, in order.
func pairsOf(m map[string]string) []string {
	var out []string
	for _, k := range sortedKeys(m) {
		out = append(out, k+"="+m[k])
	}
	return out
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func touchesFinalizers(patch json.RawMessage) bool {
	return strings.Contains(plainJSON(patch), "finalizers")
}

// plainJSON is a document for looking for words in: as written and with escapes resolved, lower case and without blanks.
func plainJSON(raw json.RawMessage) string {
	text := string(raw)
	var v any
	if json.Unmarshal(raw, &v) == nil {
		if b, err := json.Marshal(v); err == nil {
			text += " " + string(b)
		}
	}
	return strings.ToLower(strings.Join(strings.Fields(text), ""))
}

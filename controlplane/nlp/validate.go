package nlp

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

// MaxSteps is how many steps one plan may have.
const MaxSteps = 5

// MaxReplicas is the largest replica count a plan may ask for: far above what a person means, below what harms.
const MaxReplicas = 1000

// systemNamespaces are never written to from chat.
var systemNamespaces = map[string]bool{"kube-system": true, "kube-public": true, "kube-node-lease": true, "kubechat": true, "kubechat-agent": true}

// SystemNamespace tells whether chat refuses to change anything in the namespace.
func SystemNamespace(ns string) bool { return systemNamespaces[ns] }

// Rule is an error that says which rule a plan breaks, in words a person may read.
type Rule struct{ Text string }

// Error is the text itself: a rule is made to be read.
func (r *Rule) Error() string { return r.Text }

func rulef(format string, args ...any) error { return &Rule{Text: fmt.Sprintf(format, args...)} }

// Validate tells why a plan may not even be proposed, or nil. It holds for plans of any source: it trusts no field,
// and recomputes the classes. It does not say whether the asker is allowed: that is the API server's word.
func Validate(p Plan, v *Vocabulary) error {
	if len(p.Steps) == 0 {
		return rulef("The plan has no steps.")
	}
	if len(p.Steps) > MaxSteps {
		return rulef("The plan has %d steps; %d are the most at once.", len(p.Steps), MaxSteps)
	}
	for i, s := range p.Steps {
		if err := validateStep(s, v); err != nil {
			if len(p.Steps) == 1 {
				return err
			}
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		if s.Class != Classify(s) {
			return rulef("Step %d says it is %q but is %q.", i+1, s.Class, Classify(s))
		}
	}
	if c := ClassifyPlan(p); p.Class != c {
		return rulef("The plan says it is %q but is %q.", p.Class, c)
	}
	return nil
}

func validateStep(s Step, v *Vocabulary) error {
	if Classify(s) == Refuse {
		return rulef("%q is not an operation.", s.Op)
	}
	if change, ok := s.Tried(); ok {
		return validateStep(change, v) // what may not be done is not tried out either
	}
	return errors.Join(
		validateWhere(s, v), validateNames(s), validateSelectors(s), validateArgs(s), validateWrite(s), validateSecrets(s),
	)
}

func validateWhere(s Step, v *Vocabulary) error {
	switch s.Op {
	case OpVersion, OpClusterInfo, OpAPIResources, OpExplain, OpWhoAmI, OpCanI, OpEvents:
	default:
		for _, r := range s.Kinds() {
			if v == nil {
				break
			}
			if _, ok := v.Kind(r.Key()); !ok {
				return rulef("This cluster serves no kind %q.", r.Key())
			}
		}
	}
	if s.Namespace != "" && s.AllNamespaces {
		return rulef("A step is for one namespace or for all, not both.")
	}
	if s.Namespace != "" && len(validation.IsDNS1123Label(s.Namespace)) > 0 {
		return rulef("%q is not a namespace's name.", s.Namespace)
	}
	if s.Resource.Plural != "" && !s.Resource.Namespaced && s.Namespace != "" && s.Op != OpCanI && s.Op != OpEvents {
		return rulef("%s are not in a namespace.", s.Resource.Plural)
	}
	return nil
}

func validateNames(s Step) error {
	for _, n := range s.Names {
		if n == "" || len(n) > 253 || len(content.IsPathSegmentName(n)) > 0 || strings.HasPrefix(n, "-") || strings.ContainsAny(n, " \t\r\n'\"`$;|&<>\\") {
			return rulef("%q is not an object's name.", n)
		}
	}
	if s.Container != "" && len(validation.IsDNS1123Label(s.Container)) > 0 {
		return rulef("%q is not a container's name.", s.Container)
	}
	wholeNamespace := (s.Op == OpRolloutRestart || s.Op == OpScale) && s.Namespace != ""
	if needsName[s.Op] && len(s.Names) == 0 && s.LabelSelector == "" && !wholeNamespace {
		return rulef("It is not said which object to change.")
	}
	return nil
}

var needsName = map[Op]bool{
	OpScale: true, OpSetImage: true, OpSetEnv: true, OpSetResources: true, OpExpose: true, OpAutoscale: true, OpPatch: true,
	OpRolloutUndo: true, OpRolloutRestart: true, OpRolloutPause: true, OpRolloutResume: true, OpCordon: true, OpUncordon: true,
	OpTaint: true, OpDelete: true, OpDrain: true, OpRolloutStatus: true, OpRolloutHistory: true, OpLogs: true, OpWait: true,
	OpSetServiceAccount: true, OpSetSelector: true, OpExec: true, OpEvict: true, OpRemoveFinalizers: true, OpReplaceForce: true,
}

func validateSelectors(s Step) error {
	if s.LabelSelector != "" {
		if _, err := labels.Parse(s.LabelSelector); err != nil {
			return rulef("%q is not a label selector.", s.LabelSelector)
		}
	}
	if s.FieldSelector != "" {
		if _, err := fields.ParseSelector(s.FieldSelector); err != nil {
			return rulef("%q is not a field selector.", s.FieldSelector)
		}
	}
	return nil
}

// validateWrite holds the rules that no approval lifts.
func validateWrite(s Step) error {
	if Classify(s) == Read {
		return nil
	}
	if s.AllNamespaces {
		return rulef("Changes to all namespaces at once are not made from chat. Name one namespace.")
	}
	if SystemNamespace(s.Namespace) {
		return rulef("KubeChat does not change anything in %s: it is a system namespace.", s.Namespace)
	}
	if s.Resource.Plural == "namespaces" {
		if s.Op == OpDeleteCollection {
			return rulef("Deleting several namespaces at once is not done from chat. Name one.")
		}
		for _, n := range s.Names {
			if SystemNamespace(n) && s.Op != OpLabel && s.Op != OpAnnotate {
				return rulef("KubeChat does not change %s: it is a system namespace.", n)
			}
		}
	}
	if s.Op == OpDeleteCollection && (!s.Resource.Namespaced && s.Resource.Plural != CategoryAll) && s.LabelSelector == "" {
		return rulef("Deleting all %s of a cluster is not done from chat. Name one.", s.Resource.Plural)
	}
	return validateObject(s)
}

func validateObject(s Step) error {
	var m struct {
		RoleRef struct {
			Name string `json:"name"`
		} `json:"roleRef"`
		Subjects []struct {
			Name string `json:"name"`
		} `json:"subjects"`
	}
	for _, raw := range []json.RawMessage{s.Args.Object, s.Args.Patch} {
		if len(raw) == 0 {
			continue
		}
		if !json.Valid(raw) {
			return rulef("The object is not valid JSON.")
		}
		text := plainJSON(raw)
		for _, bad := range []string{`"privileged":true`, `"hostpath"`, `"hostpid":true`, `"hostnetwork":true`, `"hostipc":true`} {
			if strings.Contains(text, bad) {
				return rulef("KubeChat does not make privileged pods or pods that use their node's files, network or processes.")
			}
		}
		if json.Unmarshal(raw, &m) == nil {
			if m.RoleRef.Name == "cluster-admin" {
				return rulef("KubeChat does not bind anybody to cluster-admin.")
			}
			for _, sub := range m.Subjects {
				if sub.Name == "system:masters" {
					return rulef("KubeChat does not bind system:masters.")
				}
			}
		}
	}
	if s.Resource.Plural == "serviceaccounts" && s.Subresource == "token" {
		return rulef("KubeChat does not make tokens.")
	}
	return nil
}

// validateSecrets keeps values of Secrets out of chat, whatever the plan's source.
func validateSecrets(s Step) error {
	for _, r := range s.Kinds() {
		if r.Key() != "secrets" {
			continue
		}
		if s.Op == OpGet && s.Args.Output != "" && s.Args.Output != "name" && s.Args.Output != "wide" {
			return rulef(secretValues)
		}
		if s.Op == OpWait && strings.HasPrefix(s.Args.Condition, "jsonpath=") {
			return rulef("Values of Secrets are never shown in chat, so nothing waits for one.")
		}
		if s.Op == OpCreate || s.Op == OpPatch || s.Op == OpReplaceForce {
			return rulef("Secrets are not written from chat: what is typed here is kept in the conversation.")
		}
	}
	return nil
}

func validateArgs(s Step) error {
	a := s.Args
	if s.Op == OpScale {
		if a.Replicas == nil || *a.Replicas < 0 || *a.Replicas > MaxReplicas {
			return rulef("The number of replicas has to be between 0 and %d.", MaxReplicas)
		}
	}
	for _, q := range []map[string]string{a.Requests, a.Limits} {
		for k, val := range q {
			if _, err := resource.ParseQuantity(val); err != nil {
				return rulef("%q is not a quantity of %s.", val, k)
			}
		}
	}
	for k := range a.Env {
		if len(validation.IsEnvVarName(k)) > 0 {
			return rulef("%q is not the name of an environment variable.", k)
		}
	}
	for name, img := range a.Images {
		if name != "*" && len(validation.IsDNS1123Label(name)) > 0 {
			return rulef("%q is not a container's name.", name)
		}
		if !imagePattern.MatchString(img) {
			return rulef("%q is not an image.", img)
		}
	}
	if s.Op == OpAutoscale && (a.Max < 1 || a.Min > a.Max || a.Max > MaxReplicas) {
		return rulef("An autoscaler needs a maximum of at least 1 and at least its minimum.")
	}
	if s.Op == OpExpose && (a.Port < 1 || a.Port > 65535) {
		return rulef("A port is between 1 and 65535.")
	}
	if !outputs[a.Output] && !strings.HasPrefix(a.Output, "jsonpath=") && !strings.HasPrefix(a.Output, "custom-columns=") {
		return rulef("%q is not a form of answer I have: wide, yaml, json, name, jsonpath= or custom-columns=.", a.Output)
	}
	for _, key := range a.LabelColumns {
		if len(validation.IsQualifiedName(key)) > 0 {
			return rulef("%q is not a label's key.", key)
		}
	}
	if s.Op == OpPatch && !json.Valid(a.Patch) {
		return rulef("The patch is not valid JSON.")
	}
	return errors.Join(validateSet(s), validateTail(s), validateRun(s), validateWait(s))
}

var outputs = map[string]bool{"": true, "wide": true, "yaml": true, "json": true, "name": true}

func validateSet(s Step) error {
	switch s.Op {
	case OpLabel, OpAnnotate, OpTaint, OpSetSelector:
	default:
		return nil
	}
	if len(s.Args.Set)+len(s.Args.Remove) == 0 {
		return rulef("It is not said what to set.")
	}
	for k, val := range s.Args.Set {
		if len(validation.IsQualifiedName(strings.ToLower(k))) > 0 {
			return rulef("%q is not a valid key.", k)
		}
		if (s.Op == OpLabel || s.Op == OpSetSelector) && len(validation.IsValidLabelValue(val)) > 0 {
			return rulef("%q is not a valid label value.", val)
		}
	}
	if s.Op != OpTaint {
		return nil
	}
	for _, t := range Taints(s.Args.Set) {
		switch t.Effect {
		case "NoSchedule", "PreferNoSchedule", "NoExecute":
		default:
			return rulef("A taint's effect is NoSchedule, PreferNoSchedule or NoExecute.")
		}
	}
	return nil
}

// validateRun holds exec to one program in one pod, and service accounts to names.
func validateRun(s Step) error {
	switch s.Op {
	case OpExec:
		if len(s.Names) != 1 || s.Args.Follow {
			return rulef("A command is run in one pod at a time.")
		}
		if len(s.Args.Command) == 0 || s.Args.Command[0] == "" {
			return rulef("It is not said which command to run.")
		}
		if slices.ContainsFunc(s.Args.Command, isShell) {
			return rulef("I run programs, not shells: there is no terminal here, and nothing is read by a shell. Say the program and its arguments.")
		}
		for _, word := range s.Args.Command {
			if len(word) > maxCommandWord || strings.ContainsRune(word, 0) {
				return rulef("A word of the command is longer than %d characters or holds a zero byte.", maxCommandWord)
			}
		}
		if len(s.Args.Command) > maxCommandWords {
			return rulef("The command has %d words; %d are the most.", len(s.Args.Command), maxCommandWords)
		}
	case OpSetServiceAccount:
		if len(validation.IsDNS1123Subdomain(s.Args.ServiceAccount)) > 0 {
			return rulef("%q is not a service account's name.", s.Args.ServiceAccount)
		}
	case OpSetSelector:
		if s.Resource.Key() != "services" {
			return rulef("Only the selector of a service can be changed.")
		}
	case OpEvict:
		if s.Resource.Key() != "pods" {
			return rulef("Only pods can be evicted.")
		}
	}
	return nil
}

var shells = wordSet("sh bash ash dash zsh ksh csh tcsh fish busybox-sh")

// isShell tells whether a word is a shell: what follows it would be read as text.
func isShell(word string) bool { return shells[word[strings.LastIndexByte(word, '/')+1:]] }

const maxCommandWord, maxCommandWords = 4096, 64

var waitCondition = regexp.MustCompile(`^(create|delete|condition=[A-Za-z][A-Za-z0-9.\-/]*(=[A-Za-z]+)?|jsonpath=\{[^{}]+\}(=.*)?)$`)

func validateWait(s Step) error {
	if s.Op != OpWait {
		return nil
	}
	if !waitCondition.MatchString(s.Args.Condition) {
		return rulef("%q is nothing to wait for: say condition=NAME, jsonpath={PATH}=VALUE, create or delete.", s.Args.Condition)
	}
	if s.Args.Timeout < 0 || s.Args.Timeout > MaxWait {
		return rulef("A wait lasts between 0 and %s.", Duration(MaxWait))
	}
	return nil
}

func validateTail(s Step) error {
	if s.Args.Tail != nil && (*s.Args.Tail < 0 || *s.Args.Tail > 10000) {
		return rulef("The number of log lines has to be between 0 and 10000.")
	}
	return nil
}

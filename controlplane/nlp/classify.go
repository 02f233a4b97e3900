package nlp

import (
	"regexp"
	"slices"
)

// classes of the operations; an Op that is not here is no operation.
var opClass = map[Op]Class{
	OpGet: Read, OpDescribe: Read, OpLogs: Read, OpTop: Read, OpEvents: Read, OpExplain: Read, OpAPIResources: Read,
	OpVersion: Read, OpCanI: Read, OpWhoAmI: Read, OpClusterInfo: Read, OpRolloutStatus: Read, OpRolloutHistory: Read, OpDiagnose: Read, OpWait: Read, OpDryRun: Read,

	OpCreate: Mutate, OpScale: Mutate, OpSetImage: Mutate, OpSetEnv: Mutate, OpSetResources: Mutate, OpLabel: Mutate,
	OpAnnotate: Mutate, OpExpose: Mutate, OpAutoscale: Mutate, OpPatch: Mutate, OpRolloutUndo: Mutate,
	OpRolloutRestart: Mutate, OpRolloutPause: Mutate, OpRolloutResume: Mutate, OpCordon: Mutate, OpUncordon: Mutate,
	OpTaint: Mutate, OpSetServiceAccount: Mutate, OpSetSelector: Mutate, OpExec: Mutate,

	OpDelete: Destructive, OpDeleteCollection: Destructive, OpDrain: Destructive, OpEvict: Destructive,
	OpRemoveFinalizers: Destructive, OpReplaceForce: Destructive,
}

var classRank = map[Class]int{Refuse: 0, Clarify: 0, Read: 1, Mutate: 2, Destructive: 3}

// Worse is the more dangerous of two classes.
func Worse(a, b Class) Class {
	if classRank[b] > classRank[a] {
		return b
	}
	return a
}

// Classify says how dangerous a step is, from its fields alone. An unknown Op is refused.
func Classify(s Step) Class {
	c, ok := opClass[s.Op]
	if !ok {
		return Refuse
	}
	switch {
	case s.Op == OpDryRun:
		if _, ok := s.Tried(); !ok {
			return Refuse
		}
	case s.Op == OpScale && s.Args.Replicas != nil && *s.Args.Replicas == 0:
		return Destructive
	case s.Op == OpTaint && noExecutes(s.Args.Set):
		return Destructive
	case s.Op == OpPatch && touchesFinalizers(s.Args.Patch):
		return Destructive
	case s.Op == OpExec && destroys(s.Args.Command):
		return Destructive
	case c == Mutate && len(s.Names) > manyTargets:
		return Destructive
	}
	return c
}

// manyTargets is how many objects one step may change without being called destructive.
const manyTargets = 10

// destroyingWords are programs and statements after which something is gone, wherever in an argument they stand.
var destroyingWords = regexp.MustCompile(`(?i)\b(rm|rmdir|unlink|kill|killall|pkill|dd|mkfs(\.\w+)?|shred|wipefs|shutdown|reboot|halt|poweroff|truncate|dropdb|dropuser|drop|delete|flushall|flushdb|purge)\b`)

// destroys tells whether a command run in a container may take something away. What a shell is given is read as text:
// the words stand somewhere in it.
func destroys(command []string) bool {
	return slices.ContainsFunc(command, destroyingWords.MatchString)
}

// ClassifyPlan is the worst class of the plan's steps.
func ClassifyPlan(p Plan) Class {
	worst := Read
	for _, s := range p.Steps {
		c := Classify(s)
		if c == Refuse {
			return Refuse
		}
		worst = Worse(worst, c)
	}
	return worst
}

// Protected tells whether the plan touches what is always approved by typing a name: whole namespaces, nodes,
// volumes, type definitions, cluster-wide rights, webhooks, Secrets, or everything of a kind at once.
func Protected(p Plan) bool {
	for _, s := range p.Steps {
		if Worse(Read, Classify(s)) == Read {
			continue
		}
		if s.Op == OpDeleteCollection || s.Op == OpDrain || (s.Op == OpScale || s.Op == OpRolloutRestart) && len(s.Names) == 0 && s.LabelSelector == "" || len(s.Names) > manyTargets {
			return true
		}
		if s.Op == OpLabel || s.Op == OpAnnotate || s.Op == OpCordon || s.Op == OpUncordon || s.Op == OpTaint || s.Op == OpCreate {
			continue
		}
		if protectedKinds[s.Resource.Key()] {
			return true
		}
	}
	return false
}

var protectedKinds = map[string]bool{
	"namespaces": true, "nodes": true, "persistentvolumes": true, "persistentvolumeclaims": true, "secrets": true,
	"customresourcedefinitions.apiextensions.k8s.io":               true,
	"clusterroles.rbac.authorization.k8s.io":                       true,
	"clusterrolebindings.rbac.authorization.k8s.io":                true,
	"validatingwebhookconfigurations.admissionregistration.k8s.io": true,
	"mutatingwebhookconfigurations.admissionregistration.k8s.io":   true,
}

// Ops are all operations there are, ordered by name.
func Ops() []Op {
	out := make([]Op, 0, len(opClass))
	for op := range opClass {
		out = append(out, op)
	}
	slices.Sort(out)
	return out
}

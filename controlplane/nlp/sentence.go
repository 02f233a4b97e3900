package nlp

import (
	"fmt"
	"strconv"
	"strings"
)

// Sentence says in plain words what a plan does. clusterName may be empty.
func Sentence(p Plan, clusterName string) string {
	parts := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		parts[i] = sentence(s)
	}
	text := strings.Join(parts, "; then ")
	if text == "" {
		return ""
	}
	if clusterName != "" {
		text += " (cluster " + clusterName + ")"
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func sentence(s Step) string {
	a, what, where := s.Args, things(s), placed(s)
	switch s.Op {
	case OpGet:
		return readSentence(s)
	case OpDescribe:
		return "describe " + what + where
	case OpDiagnose:
		if s.Args.Type == DiagnoseChanges {
			if len(s.Names) == 0 && s.Resource.Plural == "pods" {
				return "tell what was changed" + where
			}
			return "tell what was changed about " + what + where
		}
		return "look for what is wrong with " + what + where
	case OpLogs:
		return logsSentence(s)
	case OpTop:
		return "show the CPU and memory use of " + what + where + sorted(s)
	case OpEvents:
		of, kind := "", "events"
		if len(s.Names) > 0 {
			of = " of " + what
		}
		if a.Type == "Warning" {
			kind = "warnings"
		}
		return "show the " + kind + of + where
	case OpExplain:
		return "explain " + a.Path
	case OpAPIResources:
		return "list the kinds this cluster serves"
	case OpVersion:
		return "show the cluster's version"
	case OpClusterInfo:
		return "show where the cluster's API server is"
	case OpWhoAmI:
		return "show who you are in the cluster"
	case OpCanI:
		if a.Verb == "" {
			return "list what you may do" + where
		}
		return "check whether you may " + a.Verb + " " + what + where
	case OpRolloutStatus:
		return "show the rollout of " + what + where
	case OpRolloutHistory:
		return "list the revisions of " + what + where
	case OpDryRun:
		if change, ok := s.Tried(); ok {
			return "try out, without changing anything: " + sentence(change)
		}
	case OpWait:
		return "wait until " + waitsFor(s, what, where)
	case OpScale:
		now := ""
		if a.Current != nil {
			now = fmt.Sprintf(" (now %d)", *a.Current)
		}
		n := int32(0)
		if a.Replicas != nil {
			n = *a.Replicas
		}
		if a.OnlyAt != nil {
			now += fmt.Sprintf(", if there are %d when it is done", *a.OnlyAt)
		}
		return fmt.Sprintf("set the replicas of %s%s to %d%s", what, where, n, now)
	}
	return changeSentence(s, what, where)
}

func changeSentence(s Step, what, where string) string {
	a := s.Args
	switch s.Op {
	case OpCreate:
		if a.From != "" {
			return "run " + strings.Replace(a.From, "/", " ", 1) + where + " now, as job " + a.NewName
		}
		return "create " + what + where
	case OpSetImage:
		return "set the image of " + what + where + " to " + strings.Join(values(a.Images), ", ")
	case OpSetEnv:
		return "change environment variables of " + what + where + ": " + changes(pairsOf(a.Env), a.Remove)
	case OpSetResources:
		return "set resources of " + what + where + ":" + ifSet(" requests ", joinPairs(a.Requests)) + ifSet(" limits ", joinPairs(a.Limits))
	case OpLabel:
		return "change labels of " + what + where + ": " + changes(pairsOf(a.Set), a.Remove)
	case OpAnnotate:
		return "change annotations of " + what + where + ": " + changes(pairsOf(a.Set), a.Remove)
	case OpTaint:
		var taints []string
		for _, t := range Taints(a.Set) {
			taints = append(taints, t.String())
		}
		return "change taints of " + what + ": " + changes(taints, a.Remove)
	case OpExpose:
		return "make a service for " + what + where + " on port " + strconv.Itoa(int(a.Port))
	case OpAutoscale:
		return fmt.Sprintf("make an autoscaler for %s%s with at most %d replicas", what, where, a.Max)
	case OpPatch:
		return "change " + what + where + " by the patch " + string(a.Patch)
	case OpRolloutUndo:
		to := "its previous revision"
		if a.Revision > 0 {
			to = "revision " + strconv.FormatInt(a.Revision, 10)
		}
		return "roll " + what + where + " back to " + to
	case OpRolloutRestart:
		return "restart " + what + where + ", a few pods at a time"
	case OpRolloutPause:
		return "pause the rollout of " + what + where
	case OpRolloutResume:
		return "resume the rollout of " + what + where
	case OpCordon:
		return "stop new pods from being placed on " + what
	case OpUncordon:
		return "let new pods be placed on " + what + " again"
	case OpDrain:
		return "evict all pods from " + what + " and stop new ones from being placed there"
	case OpSetServiceAccount:
		return "let " + what + where + " run as service account " + a.ServiceAccount
	case OpSetSelector:
		return "let " + what + where + " select pods with " + joinPairs(a.Set)
	case OpExec:
		return "run in " + what + where + ifSet(", container ", s.Container) + ": " + strings.Join(quoted(a.Command), " ")
	case OpEvict:
		return "evict " + what + where + ", as far as disruption budgets allow"
	case OpRemoveFinalizers:
		return "remove the finalizers of " + what + where + ", so that it can go without being cleaned up"
	case OpReplaceForce:
		return "delete " + what + where + " and create it anew"
	case OpDelete, OpDeleteCollection:
		return "delete " + what + where + ifSet(", leaving what it owns (cascade ", a.Cascade, ")")
	}
	return string(s.Op) + " " + what + where
}

func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = Quote(w)
	}
	return out
}

func waitsFor(s Step, what, where string) string {
	cond, max := s.Args.Condition, s.Args.Timeout
	if max == 0 {
		max = DefaultWait
	}
	text := what + where
	switch name, isCondition := strings.CutPrefix(cond, "condition="); {
	case cond == "delete":
		text += " is gone"
	case cond == "create":
		text += " is there"
	case isCondition:
		text += " is " + strings.ToLower(name)
	default:
		text += " has " + strings.TrimPrefix(cond, "jsonpath=")
	}
	return text + ", " + Duration(max) + " at most"
}

func ifSet(before, text string, after ...string) string {
	if text == "" {
		return ""
	}
	return before + text + strings.Join(after, "")
}

func values(m map[string]string) []string {
	var out []string
	for _, k := range sortedKeys(m) {
		if k == "*" {
			out = append(out, m[k])
		} else {
			out = append(out, m[k]+" (container "+k+")")
		}
	}
	return out
}

func changes(set, remove []string) string {
	for _, k := range remove {
		set = append(set, "remove "+k)
	}
	return strings.Join(set, ", ")
}

func readSentence(s Step) string {
	verb := "list "
	if s.Post.Count {
		verb = "count "
	} else if len(s.Names) > 0 {
		verb = "show "
	}
	if s.Args.Follow {
		verb = "watch "
	}
	text := verb + things(s)
	for _, f := range s.Post.Filter {
		text += " " + f.words()
	}
	text += placed(s) + sorted(s)
	if keys := s.Args.LabelColumns; len(keys) > 0 {
		text += ", with a column for " + strings.Join(keys, " and ")
	}
	return text
}

func logsSentence(s Step) string {
	a := s.Args
	text := "show the log of "
	if a.Follow {
		text = "follow the log of "
	}
	if a.Previous {
		text = "show the previous run's log of "
	}
	text += things(s) + placed(s)
	if s.Container != "" {
		text += ", container " + s.Container
	}
	if a.Tail != nil {
		text += fmt.Sprintf(", the last %d lines", *a.Tail)
	}
	if a.Since > 0 {
		text += ", of the last " + Duration(a.Since)
	}
	return text
}

func sorted(s Step) string {
	text := ""
	if s.Post.Sort != "" {
		text = ", sorted by " + strings.TrimPrefix(s.Post.Sort, ".")
	}
	if s.Post.Top > 0 {
		text += fmt.Sprintf(", the first %d", s.Post.Top)
	}
	return text
}

// words say a filter as a relative clause after the things it filters.
func (f Filter) words() string {
	if t, ok := filterWords[f.Test]; ok {
		return strings.TrimSpace(t + " " + f.Value)
	}
	return "that are " + f.Test
}

var filterWords = map[string]string{
	TestCrashing: "that keep crashing", TestUnhealthy: "that are not healthy", TestNotReady: "that are not ready",
	TestReady: "that are ready", TestFailed: "that failed", TestPending: "that are pending", TestEvicted: "that were evicted",
	TestOOMKilled: "that were killed for using too much memory", TestImagePull: "whose image can't be pulled",
	TestTerminating: "that are being deleted", TestCompleted: "that are completed", TestRestartsOver: "that restarted more often than",
	TestOlderThan: "older than", TestNewerThan: "newer than", TestSuspended: "that are suspended",
	TestCordoned: "that take no new pods", TestName: "whose name contains", TestImage: "whose image contains",
}

// things names the step's objects: "deployment checkout", "pods and services with app=x".
func things(s Step) string {
	if len(s.Names) > 0 {
		return singular(s.Resource) + " " + strings.Join(s.Names, ", ")
	}
	var kinds []string
	for _, r := range s.Kinds() {
		kinds = append(kinds, r.Plural)
	}
	if s.Resource.Plural == CategoryAll {
		kinds = []string{"everything that runs"}
		if Worse(Read, opClass[s.Op]) != Read {
			kinds = []string{"all pods, services, workloads and jobs"}
		}
	}
	text := strings.Join(kinds, " and ")
	if s.Op == OpDeleteCollection && s.Resource.Plural != CategoryAll {
		text = "all " + text
	}
	if s.LabelSelector != "" {
		text += " with " + s.LabelSelector
	}
	if s.FieldSelector != "" {
		text += " where " + s.FieldSelector
	}
	return text
}

func placed(s Step) string {
	switch {
	case s.AllNamespaces:
		return " in all namespaces"
	case s.Namespace != "":
		return " in " + s.Namespace
	}
	return ""
}

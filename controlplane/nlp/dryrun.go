package nlp

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// untriable are changes of which there is no dry run, in kubectl or at the API server.
var untriable = []Op{OpExec, OpEvict, OpRolloutRestart, OpRolloutPause, OpRolloutResume, OpReplaceForce}

// TryOut is the step that asks the API server for a dry run of a change, and whether there is one: nothing is changed by it.
func TryOut(s Step) (Step, bool) {
	if Worse(Read, Classify(s)) == Read || slices.Contains(untriable, s.Op) || s.Args.Verb != "" {
		return Step{}, false
	}
	s.Args.Verb, s.Op = string(s.Op), OpDryRun
	s.Class = Read
	return s, true
}

// Tried is the change that a dry run tries out, and false of every other step.
func (s Step) Tried() (Step, bool) {
	op := Op(s.Args.Verb)
	if s.Op != OpDryRun || Worse(Read, opClass[op]) == Read || slices.Contains(untriable, op) {
		return Step{}, false
	}
	s.Op, s.Args.Verb = op, ""
	s.Class = Classify(s)
	return s, true
}

const (
	dryRunLead = `(?:[,;:(-]\s*)?(?:\b(?:but|and|just|only|merely|simply|please|pls|first|do|make|run|perform|start|try|give me|show me|i want|i need|i'd like|let's|let us|let me|lets|can you|could you|as|with|in|by|via|under|using|is|this|that|it|be|it's|so far|for now|a|an|the|one|this is|server[- ]side|client[- ]side|server|quick|mere|sheer|pure)\s+)*`
	dryRunTail = `(?:\s+(?:only|mode|first|please|pls|of|for|test|against the server|server[- ]side|on the server|no more|nothing more|nothing else|for now|thanks)\b)*\s*[):,;.!-]*\s*`
)

var (
	dryRunAsked = regexp.MustCompile(`(?i)` + dryRunLead + `(?:(?:--|\b)dry[- ]?run(?:ning)?\b(?:=(?:server|client|true)\b)?|\bwithout (?:really |actually )(?:doing|changing|applying|deleting|touching|executing|running) ?(?:it|anything|that|this)?\b|\b(?:only|just) (?:simulate|pretend)(?: it| that| to)?\b)` + dryRunTail)
	simulated   = regexp.MustCompile(`(?i)^(?:(?:please|just|only|can you|could you|let's|i want to|i'd like to)\s+)*(?:simulate|preview|try out|dry[- ]?run)\s+`)
	pretended   = regexp.MustCompile(`(?i)^\W*(?:(?:please|just|only)\s+)*pretend (?:to|that you|you)\s+`)
	dryRunNot   = regexp.MustCompile(`(?i)[,;(-]?\s*\b(?:no|not an?|without|skip|forget|never mind|instead of|rather than|not just|not only|enough of) (?:an?|the|this|that|your|any|another|more)? ?(?:server[- ]side )?(?:dry[- ]?run|simulation)s?(?: this time| needed| please)?\b[),;:.!]*`)
	dryRunPast  = regexp.MustCompile(`(?i)\b(?:after|since) (?:an?|the|this|that|your) (?:server[- ]side )?(?:dry[- ]?run|simulat)|\bdry[- ]?run\W+(?:looked|looks|was|went|worked|passed|succeeded|is (?:fine|good|ok|okay|done|over|through)|did|said|says|showed|failed)\b`)
	doneTo      = regexp.MustCompile(`(?i)^(?:(?:what|how) (?:would happen|it would be|it would look) (?:if|when) (?:i|we|you) |(?:to|the|a|an)\s+)?(deletion|deleting|deleted|removal|removing|removed|draining|drained|scaling|scaled|labell?ing|labell?ed|tainting|tainted|cordoning|cordoned|creating|creation|created|patching|patched|annotating|annotated|setting|rollback|rolling back|rolled back|exposing|uncordoning|updating)\b(?:\s+of\b)?`)
)

// doneVerbs are the verbs behind the words by which a dry run names what it tries out.
var doneVerbs = map[string]string{
	"delet": "delete", "remov": "delete", "drain": "drain", "scali": "scale", "scale": "scale", "label": "label", "taint": "taint", "cordo": "cordon", "creat": "create",
	"patch": "patch", "annot": "annotate", "setti": "set", "rollb": "roll back", "rolli": "roll back", "rolle": "roll back", "expos": "expose", "uncor": "uncordon", "updat": "update",
}

// tryingOut is a text without the words about a dry run of it, and whether they ask for one.
func tryingOut(v *Vocabulary, said string) (string, bool) {
	if plain := strings.TrimSpace(dryRunNot.ReplaceAllString(said, " ")); plain != said && !passesThrough(said) {
		return plain, false
	}
	if passesThrough(said) || len(unquoted(said)) != len(said) || dryRunPast.MatchString(said) || v.objects.has("dry-run") {
		return said, false
	}
	rest := ""
	switch at, lead := dryRunAsked.FindStringIndex(said), simulated.FindString(said); {
	case at != nil:
		rest = strings.TrimRight(strings.TrimSpace(said[:at[0]]), ",;:(-. ") + " " + said[at[1]:]
	case lead != "" && doneTo.MatchString(said[len(lead):]):
		rest = said[len(lead):]
	default:
		return said, false
	}
	rest = strings.TrimSpace(pretended.ReplaceAllString(rest, ""))
	if m := doneTo.FindStringSubmatchIndex(rest); m != nil {
		rest = doneVerbs[strings.ToLower(rest[m[2]:m[2]+5])] + rest[m[1]:]
	}
	return rest, strings.TrimSpace(strings.Trim(rest, ".!?,")) != ""
}

const noDryRun = "Of that there is no dry run. Each change is previewed before you approve it: ask for it, and look at what it would do."

// tried answers a text that asks for a dry run: what is asked besides is never proposed as a change.
func tried(ctx context.Context, req Request, rest string) Translation {
	req.Utterance = rest
	t := read(ctx, req)
	for i := range t.Choices {
		t.Choices[i].Text = asDryRun(t.Choices[i].Text)
	}
	for i := range t.Focus.Choices {
		t.Focus.Choices[i].Text = asDryRun(t.Focus.Choices[i].Text)
	}
	if t.Focus.Asked != "" {
		t.Focus.Asked = asDryRun(t.Focus.Asked)
	}
	if t.Plan == nil || t.Class == Read {
		return t
	}
	plan := Plan{Cluster: t.Plan.Cluster, Source: t.Plan.Source, Class: Read}
	for _, s := range t.Plan.Steps {
		dry, ok := TryOut(s)
		if !ok && Classify(s) != Read {
			return Translation{Class: Clarify, Message: noDryRun, Focus: req.Focus}
		}
		if !ok {
			dry = s
		}
		plan.Steps = append(plan.Steps, dry)
	}
	t.Plan, t.Class, t.Kubectl, t.Message, t.Undo = &plan, Read, Kubectl(plan), Sentence(plan, ""), false
	t.Focus = focusOf(req.Focus, plan.Steps)
	return t
}

// asDryRun is a text that asks for a dry run of what it asked for.
func asDryRun(text string) string {
	if passesThrough(text) {
		return text + " --dry-run=server"
	}
	return text + ", as a dry run"
}

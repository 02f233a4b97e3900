package assist

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kubechat/kubechat/controlplane/nlp"
)

// rules are what a person's own words allow a model to propose. They know nothing of what the model said, or read.
type rules struct {
	in      Input
	words   map[string]bool // of this question and those before, lower case
	text    string          // of them, lower case
	asks    []string        // the clauses of this question, lower case, without politeness
	known   map[string]bool // names in the vocabulary; made when first needed
	kindsOf map[string]bool
}

const earlierTurns = 6 // whose words count as said

func newRules(in Input) *rules {
	r := &rules{in: in, words: map[string]bool{}, kindsOf: map[string]bool{}}
	said := []string{in.Question}
	for _, e := range in.Earlier[max(0, len(in.Earlier)-earlierTurns):] {
		said = append(said, e.Question)
	}
	for _, s := range said {
		s = strings.ToLower(s)
		r.text += " " + s + " "
		for _, w := range splitWords(s) {
			r.words[w] = true
			for _, part := range strings.FieldsFunc(w, func(c rune) bool { return c == '/' || c == ':' || c == '@' }) {
				r.words[part] = true
			}
		}
	}
	r.asks = clauses(in.Question)
	return r
}

func (r *rules) isKind(word string) bool {
	word = strings.ToLower(word)
	known, ok := r.kindsOf[word]
	if !ok {
		known = len(r.in.Vocabulary.Lookup(word)) > 0
		r.kindsOf[word] = known
	}
	return known
}

func (r *rules) vocabularyHas(name string) bool {
	if r.known == nil {
		r.known = map[string]bool{}
		v := r.in.Vocabulary
		for _, k := range v.Kinds() {
			r.known[k.Key()], r.known[k.Plural] = true, true
			for _, o := range v.Objects(k.Key(), "") {
				r.known[strings.ToLower(o.Name)] = true
				if o.Details != nil {
					for _, c := range o.Details.Containers {
						r.known[c.Name] = true
					}
				}
			}
		}
		for _, ns := range v.Namespaces() {
			r.known[ns] = true
		}
	}
	return r.known[name]
}

// said tells whether a literal is the person's: it stands in their words by itself, not inside of a longer one.
func (r *rules) said(literal string) bool {
	literal = strings.ToLower(strings.TrimSpace(literal))
	if literal == "" || r.words[literal] {
		return true
	}
	for at := 0; ; {
		i := strings.Index(r.text[at:], literal)
		if i < 0 {
			return false
		}
		i += at
		before, after := rune(r.text[i-1]), rune(r.text[i+len(literal)]) // the text begins and ends with a space
		if !nameRune(before) && (!nameRune(after) || strings.ContainsRune(".,:", after)) {
			return true
		}
		at = i + 1
	}
}

// subject is what the analyzers look at before the model is asked: what the built-in translator understood, else what
// the person named, else the conversation's focus.
func (r *rules) subject(in Input) (nlp.Step, bool) {
	if s := in.Target; s != nil && s.Resource.Plural != "" && s.Resource.Plural != nlp.CategoryAll {
		return nlp.Step{
			Op: nlp.OpDiagnose, Resource: s.Resource, Namespace: s.Namespace, AllNamespaces: s.AllNamespaces, Names: s.Names, LabelSelector: s.LabelSelector, Class: nlp.Read,
		}, len(s.Names) > 0 || s.Resource.Namespaced
	}
	best, weight := nlp.Step{}, 0
	for _, k := range in.Vocabulary.Kinds() {
		for _, o := range in.Vocabulary.Objects(k.Key(), "") {
			if w := weightOf[k.Key()]; r.words[strings.ToLower(o.Name)] && w > weight && (len(in.Vocabulary.Objects(k.Key(), o.Namespace)) > 0) {
				best, weight = nlp.Step{Op: nlp.OpDiagnose, Resource: k.Resource, Namespace: o.Namespace, Names: []string{o.Name}, Class: nlp.Read}, w
			}
		}
	}
	if weight > 0 {
		return best, true
	}
	if pods, ok := in.Vocabulary.Kind("pods"); ok {
		for _, ns := range in.Vocabulary.Namespaces() {
			if r.words[ns] {
				return nlp.Step{Op: nlp.OpDiagnose, Resource: pods.Resource, Namespace: ns, Class: nlp.Read}, true
			}
		}
	}
	if f := in.Focus; len(f.Names) > 0 && f.Resource.Plural != "" {
		return nlp.Step{Op: nlp.OpDiagnose, Resource: f.Resource, Namespace: f.Namespace, Names: f.Names[:1], Class: nlp.Read}, true
	}
	return nlp.Step{}, false
}

// weightOf says which of several objects of one name a question is about: the one that has the others.
var weightOf = map[string]int{
	"deployments.apps": 9, "statefulsets.apps": 9, "daemonsets.apps": 9, "cronjobs.batch": 8, "jobs.batch": 7, "pods": 6, "nodes": 6,
	"services": 5, "ingresses.networking.k8s.io": 4, "persistentvolumeclaims": 4, "horizontalpodautoscalers.autoscaling": 3,
}

// inFocus tells whether a change may be about an object: the person named it, or something it belongs to, or the
// conversation is about it. Whom it belongs to is the object's own claim, so it counts downwards only.
func (r *rules) inFocus(res nlp.Resource, namespace, name string) bool {
	for depth := 0; depth < 4; depth++ {
		o, ok := r.find(res.Key(), namespace, name)
		if !ok {
			return false
		}
		if r.named(res, o) {
			return true
		}
		owner := r.in.Vocabulary.Lookup(o.OwnerKind)
		if o.OwnerName == "" || len(owner) == 0 {
			return false
		}
		res, name = owner[0].Resource, o.OwnerName
	}
	return false
}

func (r *rules) find(kind, namespace, name string) (nlp.Object, bool) {
	for _, o := range r.in.Vocabulary.Objects(kind, namespace) {
		if o.Name == name && o.Namespace == namespace {
			return o, true
		}
	}
	return nlp.Object{}, false
}

// named: by name, and where the name is in several namespaces, by namespace too.
func (r *rules) named(res nlp.Resource, o nlp.Object) bool {
	f := r.in.Focus
	if f.Resource.Key() == res.Key() && f.Namespace == o.Namespace && slices.Contains(f.Names, o.Name) {
		return true
	}
	if !r.words[strings.ToLower(o.Name)] {
		return false
	}
	if o.Namespace == "" || r.words[strings.ToLower(o.Namespace)] || f.Namespace == o.Namespace {
		return true
	}
	for _, other := range r.in.Vocabulary.Objects(res.Key(), "") {
		if other.Name == o.Name && other.Namespace != o.Namespace {
			return false
		}
	}
	return true
}

var (
	clauseEnd  = regexp.MustCompile(`[.;!?\n]+|,\s+|\s+(?:and|then|but|so|also)\s+`)
	politeness = regexp.MustCompile(`^(?:(?:please|pls|kindly|can|could|would|will|you|we|i|id|i'd|want|like|need|to|let's|lets|let|us|go|ahead|just|now|ok|okay|hey|hi|yes|then|and|also|try|me|it's|time)\b[\s,:]*)+`)
)

// clauses are the parts of a question that can each ask for something. A verb asks when it begins one: "why does it
// restart" does not ask for a restart, "restart it" does, and "don't restart it" begins with another word.
func clauses(question string) []string {
	var out []string
	for _, c := range clauseEnd.Split(strings.ToLower(question), -1) {
		if c = strings.TrimSpace(politeness.ReplaceAllString(strings.TrimSpace(c), "")); c != "" {
			out = append(out, c)
		}
	}
	return out
}

// cue is how people ask for an operation: with one of its verbs, or with a verb of changing and one of its nouns.
type cue struct{ verbs, nouns string }

var cues = map[nlp.Op]cue{
	nlp.OpScale:             {"scale|upscale|downscale|double|halve|triple|grow|shrink", "replicas?|instances?|copies|pods"},
	nlp.OpRolloutRestart:    {"restart|bounce|recycle|reboot|reload|roll|kick", "restart"},
	nlp.OpRolloutUndo:       {"undo|revert|rollback|roll back|roll \\S+ back", "rollback|revision|previous version|version before"},
	nlp.OpRolloutPause:      {"pause", ""},
	nlp.OpRolloutResume:     {"resume|unpause|continue", ""},
	nlp.OpCordon:            {"cordon", "unschedulable"},
	nlp.OpUncordon:          {"uncordon", "schedulable"},
	nlp.OpDrain:             {"drain|evacuate|empty", ""},
	nlp.OpEvict:             {"evict", ""},
	nlp.OpDelete:            {"delete|remove|destroy|drop|kill|get rid of", ""},
	nlp.OpSetImage:          {"upgrade|downgrade|deploy", "image|version|tag"},
	nlp.OpSetEnv:            {"", "env|environment|variables?"},
	nlp.OpSetResources:      {"", "memory|cpu|limits?|requests?|resources"},
	nlp.OpLabel:             {"label|unlabel", "labels?"},
	nlp.OpAnnotate:          {"annotate", "annotations?"},
	nlp.OpTaint:             {"taint|untaint", "taints?"},
	nlp.OpAutoscale:         {"autoscale", "autoscaler|autoscaling|hpa"},
	nlp.OpSetServiceAccount: {"", "service ?account"},
	nlp.OpSetSelector:       {"", "selector"},
}

const (
	changing = "set|change|update|make|put|give|raise|lower|increase|decrease|reduce|bump|add|use|switch|move|take|turn|edit|adjust|mark"
	mending  = "fix|repair|solve|resolve|heal|remedy|remediate|mend|correct|cure|get .* (?:working|running|healthy)|make .* (?:work|healthy)|bring .* back"
)

func (c cue) matches(clause string) bool {
	if c.verbs != "" && regexp.MustCompile(`^(?:`+c.verbs+`)\b`).MatchString(clause) {
		return true
	}
	return c.nouns != "" && regexp.MustCompile(`^(?:`+changing+`)\b.*\b(?:`+c.nouns+`)\b`).MatchString(clause)
}

var mends = regexp.MustCompile(`^(?:` + mending + `)\b`)

// askedFor tells whether this question asks for an operation, or to mend something in whatever way destroys nothing.
func (r *rules) askedFor(s nlp.Step) bool {
	for _, clause := range r.asks {
		if cues[s.Op].matches(clause) {
			return true
		}
		if nlp.Classify(s) == nlp.Mutate && mends.MatchString(clause) {
			return true
		}
	}
	return false
}

package nlp

import (
	"slices"
	"strings"
)

// execWords begin a command that runs in a container.
var execWords = wordSet("run exec execute")

var insideWords = wordSet("in inside on within into from at")

// withCommand makes one token of the command that is to run in a container: "run ls /tmp in kafka-0", "exec into
// kafka-0 and run ls /tmp". Whether words are a command is decided by where they are to run: in a pod or a workload.
func withCommand(v *Vocabulary, toks []token) []token {
	verb := slices.IndexFunc(toks, func(t token) bool { return execWords[t.text] && !t.quoted })
	if verb < 0 || !leadsIn(toks[:verb]) {
		return toks
	}
	from, to := verb+1, len(toks)
	if from < to && insideWords[toks[from].text] || from < to && placeToRun(v, toks, from) { // "exec into X [and run] CMD"
		run := slices.IndexFunc(toks[from:], func(t token) bool { return execWords[t.text] && !t.quoted })
		switch {
		case run > 0:
			from += run + 1
		case toks[from].quoted || !placeToRun(v, toks, from) || toks[verb].text == "run":
			return toks
		default:
			from++
		}
	} else {
		to = lastPlace(v, toks, from)
	}
	for from < to && fillsCommand(toks[from].text) && !toks[from].quoted {
		from++
	}
	if from >= to {
		return toks
	}
	argv := commandWords(toks[from:to])
	if len(argv) == 0 || stopWords[strings.ToLower(argv[0])] && !toks[from].quoted || to < len(toks) && toks[verb].text == "run" && !toks[from].quoted && isObject(v, argv[0]) {
		return toks
	}
	cmd := token{text: "command", raw: strings.Join(argv, " "), lit: litCommand, argv: argv, brk: to < len(toks) && toks[to-1].brk}
	return slices.Concat(toks[:from], []token{cmd}, toks[to:])
}

func fillsCommand(w string) bool {
	switch w {
	case "the", "command", "program", "a", "this", "following":
		return true
	}
	return false
}

// leadsIn tells whether only words without weight, or where it is to run, stand before the verb.
func leadsIn(toks []token) bool {
	for i, t := range toks {
		if !stopWords[t.text] && !(i > 0 && insideWords[toks[0].text]) {
			return false
		}
	}
	return true
}

// lastPlace is where "in POD ..." begins, the end of the command.
func lastPlace(v *Vocabulary, toks []token, from int) int {
	for i := len(toks) - 1; i > from; i-- {
		if !insideWords[toks[i].text] || toks[i].quoted {
			continue
		}
		for k := i + 1; k < len(toks) && k <= i+5; k++ {
			if placeToRun(v, toks, k) {
				return i
			}
		}
	}
	return 0
}

func placeToRun(v *Vocabulary, toks []token, i int) bool {
	name := toks[i].text
	if kind, rest, ok := strings.Cut(name, "/"); ok && len(v.words[kind]) > 0 {
		name = rest
	}
	r := &reading{v: v}
	for _, o := range append(slices.Clone(v.objects.named(name)), r.ordinalPod(name)...) {
		if o.Kind == "pods" || isWorkload(o.Kind) {
			return true
		}
	}
	if name == "it" || name == "that" || name == "every" || name == "all" {
		return true
	}
	return i+1 < len(toks) && (name == "pod" || name == "container" || name == "deployment") // of an unknown name: asked about
}

func isObject(v *Vocabulary, name string) bool {
	return len(v.objects.named(strings.ToLower(name))) > 0
}

// commandWords are the words of a command as typed. A command in one pair of quotes is split at its blanks.
func commandWords(toks []token) []string {
	var argv []string
	for _, t := range toks {
		argv = append(argv, t.raw)
	}
	if len(toks) == 1 && toks[0].quoted {
		if words, ok := splitWords(toks[0].raw); ok {
			return words
		}
		return nil
	}
	return argv
}

func buildExec(r *reading) (outcome, bool) {
	at, ok := r.lit(litCommand)
	if !ok {
		return none()
	}
	argv := r.toks[at].argv
	r.useTok(at)
	for i := range at { // the words that lead to the command
		if execWords[r.toks[i].text] || r.toks[i].text == "command" {
			r.useTok(i)
		}
	}
	r.take(cExec, cRun)
	if r.has(cAll, cEverything, cEverywhere) {
		return refuses("I run a command in one pod at a time. Name the pod.")
	}
	container := r.containerNamed()
	t, q := r.target(targetSpec{kinds: append([]string{"pods"}, execKinds...), write: true, verb: "run that in"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cContainer, cWorkload)
	s := step(OpExec, t)
	s.Container, s.Args.Command = container, argv
	return done(s)
}

var execKinds = []string{"deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps", "jobs.batch"}

// hasCommand tells whether the text holds a command that is to run somewhere.
func (r *reading) hasCommand() bool {
	return slices.ContainsFunc(r.toks, func(t token) bool { return t.lit == litCommand })
}

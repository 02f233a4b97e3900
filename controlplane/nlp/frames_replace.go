package nlp

import "strings"

// buildReplace answers "replace pod web-0": without a manifest there is nothing to replace a thing by, and what people
// mean is one of two things, which they are asked about.
func buildReplace(r *reading) (outcome, bool) {
	q, ok := r.cue(cReplace)
	if !ok || !r.verbPlace(q.i) || r.has(cImage, cEnv, cLabel, cAnnotate) || r.hasWord("with", "by") {
		return none()
	}
	r.take(cReplace, cSet)
	t, ask := r.target(targetSpec{kinds: append([]string{"pods"}, workloadKinds...), write: true, verb: "replace"})
	if ask != nil {
		return asks(ask)
	}
	r.take(cIt, cWorkload)
	if len(t.names) == 0 {
		return none()
	}
	gone := step(OpDelete, t)
	say := &question{text: "To replace a thing I need what to put in its place. I can delete it, or restart its workload so that its pods are made anew."}
	say.choices = []Choice{{Label: "delete " + strings.ToLower(t.kind.Kind) + " " + t.names[0], Text: KubectlStep(gone)}}
	if isRolledOut(t.kind.Key()) {
		say.choices = append([]Choice{{Label: "restart " + t.names[0], Text: KubectlStep(step(OpRolloutRestart, t))}}, say.choices...)
	}
	return asks(say)
}

package nlp

import (
	"slices"
	"strings"
)

func buildCordon(r *reading) (outcome, bool) {
	op, verb := OpCordon, "cordon"
	un := false
	if q, ok := r.cue(cUncordon); ok && r.verbPlace(q.i) || ok && r.imperative(cMake, cSet, cAdd, cGeneric) {
		un = true
	}
	if un {
		op, verb = OpUncordon, "uncordon"
	} else if q, ok := r.cue(cCordon); !ok || !(r.verbPlace(q.i) || r.imperative(cMake, cSet, cAdd, cStop, cNot, cGeneric)) {
		return none()
	}
	if !un && r.has(cAll) && len(r.freeObjects()) == 0 && r.saysKind("nodes") {
		return refuses("I don't cordon all nodes of a cluster: nothing could be placed any more. Name one.")
	}
	r.take(cUncordon, cCordon)
	r.also(cUncordon, cCordon)
	r.take(cMake, cSet, cAdd, cStop, cResume, cSchedule)
	for i, t := range r.toks {
		switch t.text {
		case "landing", "scheduled", "scheduling", "scheduler", "placed", "anything", "new":
			r.useTok(i)
		}
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "pods" {
			r.useKind(k)
		}
	}
	t, q := r.target(targetSpec{kinds: []string{"nodes"}, write: true, verb: verb})
	if q != nil {
		return asks(q)
	}
	r.take(cIt)
	return done(step(op, t))
}

func buildDrain(r *reading) (outcome, bool) {
	if !r.imperative(cDrain) {
		return none()
	}
	if o, ok := r.evict(); ok {
		return o, true
	}
	if r.has(cAll, cEverywhere) && len(r.freeObjects()) == 0 && r.saysKind("nodes") {
		return refuses("I drain one node at a time: name it.")
	}
	// who says it in words means what a drain is for; the preview says whose data goes along
	s := Step{Args: Args{IgnoreDaemonSets: true, DeleteEmptyDir: true}}
	r.take(cDrain)
	s.Args.Force = r.take(cForce)
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "pods" {
			r.useKind(k)
		}
	}
	r.take(cAll, cEverything, cNow)
	if r.hasWord("grace") {
		if n, ok := r.graceSeconds(); ok {
			s.Args.GracePeriod = &n
			r.useWords("allow", "allowing", "allowed", "give", "with")
		}
	}
	for i, t := range r.toks {
		if strings.HasPrefix(t.text, "ignor") || strings.HasPrefix(t.text, "daemon") || strings.HasPrefix(t.text, "emptydir") || drainTalk[t.text] {
			r.useTok(i)
		}
	}
	for _, k := range r.freeKinds() {
		if k.kinds[0].Key() == "daemonsets.apps" || k.kinds[0].Key() == "pods" {
			r.useKind(k)
		}
	}
	t, q := r.target(targetSpec{kinds: []string{"nodes"}, write: true, verb: "drain"})
	if q != nil {
		return asks(q)
	}
	keep := s.Args
	s = step(OpDrain, t)
	s.Args = keep
	r.take(cIt)
	return done(s)
}

// drainTalk are words of what a drain does anyway: pods of daemon sets stay, and what pods keep on the node goes.
var drainTalk = wordSet("maintenance sets local data empty-dir skip skipping throw away lose losing discard managed can delete-emptydir-data")

// saidBefore are words that point at something that was said, and name nothing.
var saidBefore = wordSet("aforementioned said same previous earlier last new above")

var taintEffects = map[string]string{"noschedule": "NoSchedule", "prefernoschedule": "PreferNoSchedule", "noexecute": "NoExecute"}

func buildTaint(r *reading) (outcome, bool) {
	if !r.imperative(cTaint, cUntaint, cAdd, cRemove, cSet, cDelete) {
		return none()
	}
	remove := r.has(cUntaint) || r.imperative(cRemove, cDelete)
	s := Step{}
	effect := ""
	for i, t := range r.toks {
		if e := taintEffects[t.text]; e != "" {
			effect = e
			r.useTok(i)
		}
	}
	r.useWords("effect")
	for i, t := range r.toks {
		if r.used[i] {
			continue
		}
		switch {
		case t.lit == litTaint:
			key, val, _ := strings.Cut(strings.TrimSuffix(t.raw, "-"), "=")
			if val == "" {
				k, e, _ := strings.Cut(key, ":")
				key, val = k, ":"+taintEffects[strings.ToLower(e)]
			} else {
				v, e, _ := strings.Cut(val, ":")
				val = v + ":" + taintEffects[strings.ToLower(e)]
			}
			r.putTaint(&s, key, val, remove || strings.HasSuffix(t.raw, "-"))
			r.useTok(i)
		case t.lit == litRemove:
			s.Args.Remove = append(s.Args.Remove, strings.TrimSuffix(t.raw, "-"))
			r.useTok(i)
		case t.lit == litKeyValue && effect != "":
			k, v, _ := strings.Cut(t.raw, "=")
			r.putTaint(&s, k, v+":"+effect, remove)
			r.useTok(i)
		}
	}
	if len(s.Args.Set)+len(s.Args.Remove) == 0 && remove {
		if q, ok := r.cue(cTaint); ok && q.j < len(r.toks) && !r.objectNamed(q.j) && !targetPronouns[r.toks[q.j].text] && !stopWords[r.toks[q.j].text] && !r.used[q.j] {
			s.Args.Remove = append(s.Args.Remove, strings.TrimSuffix(r.toks[q.j].raw, "-"))
			r.use(mention{i: q.j, j: q.j + 1})
		} else {
			for i, t := range r.toks { // "remove the dedicated taint from node-a1", "the nvidia.com/gpu NoSchedule taint"
				k := i - 1
				if k > 0 && taintEffects[r.toks[k].text] != "" {
					k--
				}
				if k >= 0 && t.text == "taint" && !r.used[k] && !stopWords[r.toks[k].text] && !saidBefore[r.toks[k].text] && !r.verbPlace(k) {
					s.Args.Remove = append(s.Args.Remove, r.toks[k].raw)
					r.useTok(k)
				}
			}
		}
	}
	if remove && len(s.Args.Set)+len(s.Args.Remove) == 0 && r.hasWord("taint", "untaint") {
		s.Args.Remove = r.lastTaints()
		r.useWords("aforementioned", "said", "same")
	}
	if effect != "" {
		for i, key := range s.Args.Remove {
			if !strings.Contains(key, ":") {
				s.Args.Remove[i] = key + ":" + effect
			}
		}
	}
	r.take(cTaint, cUntaint, cAdd, cRemove, cSet, cDelete)
	t, q := r.target(targetSpec{kinds: []string{"nodes"}, write: true, verb: "taint"})
	if q != nil {
		return asks(q)
	}
	if len(s.Args.Set)+len(s.Args.Remove) == 0 {
		return asks(&question{text: "Which taint? Say it as key=value:NoSchedule (or PreferNoSchedule, NoExecute)."})
	}
	keep := s.Args
	s = step(OpTaint, t)
	s.Args = keep
	return done(s)
}

func (r *reading) putTaint(s *Step, key, val string, remove bool) {
	if remove {
		if !strings.HasPrefix(val, ":") {
			key += "="
		}
		s.Args.Remove = append(s.Args.Remove, key+val)
		return
	}
	value, effect, _ := strings.Cut(val, ":")
	s.Args.Set = AddTaint(s.Args.Set, Taint{key, value, effect})
}

// evict moves single pods away, as a drain would.
func (r *reading) evict() (outcome, bool) {
	if !r.hasWord("evict", "evicting") || !slices.ContainsFunc(r.freeObjects(), func(o objMention) bool { return len(refsOf(o, "pods", scope{})) > 0 }) {
		return none()
	}
	r.take(cDrain)
	t, q := r.target(targetSpec{kinds: []string{"pods"}, write: true, verb: "evict"})
	if q != nil {
		return asks(q)
	}
	r.take(cIt, cNow)
	return done(step(OpEvict, t))
}

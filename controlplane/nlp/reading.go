package nlp

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

func (r *reading) free(m mention) bool {
	for k := m.i; k < m.j; k++ {
		if r.used[k] {
			return false
		}
	}
	return true
}

func (r *reading) use(m mention) {
	for k := m.i; k < m.j; k++ {
		r.used[k] = true
	}
}

// useWords uses every token that is one of the words.
func (r *reading) useWords(words ...string) {
	for i, t := range r.toks {
		if slices.Contains(words, t.text) {
			r.useTok(i)
		}
	}
}

func (r *reading) useTok(i int) { r.used[i] = true }

// has tells whether a concept is said by words not used yet.
func (r *reading) has(cs ...concept) bool {
	for _, q := range r.cues {
		for _, c := range cs {
			if q.c == c && r.free(q.mention) {
				return true
			}
		}
	}
	return false
}

// take uses all words that say one of the concepts, and tells whether there were any.
func (r *reading) take(cs ...concept) bool {
	found := false
	for _, q := range r.cues { // longer phrases come first
		if slices.Contains(cs, q.c) && r.free(q.mention) {
			r.use(q.mention)
			r.note(q.mention, string(q.c))
			found = true
			if q.fixed != "" {
				r.verbFix = true
			}
		}
	}
	return found
}

// also uses words of the concepts even if an earlier take used part of the same phrase.
func (r *reading) also(cs ...concept) {
	for _, c := range cs {
		for _, q := range r.cues {
			if q.c == c {
				r.use(q.mention)
			}
		}
	}
}

func (r *reading) cue(c concept) (cue, bool) {
	for _, q := range r.cues {
		if q.c == c && r.free(q.mention) {
			return q, true
		}
	}
	return cue{}, false
}

func (r *reading) note(m mention, as string) {
	for k := m.i; k < m.j; k++ {
		r.noted[k] = true
	}
	if m.fixed != "" && m.fixed != r.words(m) {
		as += ", typed " + m.fixed
	}
	r.trace = append(r.trace, TraceEntry{Words: r.words(m), As: as})
}

func (r *reading) words(m mention) string {
	var out []string
	for k := m.i; k < m.j; k++ {
		out = append(out, r.toks[k].raw)
	}
	return strings.Join(out, " ")
}

// lit finds the first unused literal of a type.
func (r *reading) lit(l literal) (int, bool) {
	for i, t := range r.toks {
		if t.lit == l && !r.used[i] {
			return i, true
		}
	}
	return 0, false
}

// number takes the first unused plain number; preferring one after the given words.
func (r *reading) number(after ...string) (int, bool) {
	for i, t := range r.toks {
		if !r.isNumber(i) || r.used[i] {
			continue
		}
		for _, w := range after {
			if i > 0 && r.toks[i-1].text == w {
				r.useTok(i)
				return t.count(), true
			}
		}
	}
	for i, t := range r.toks {
		if r.isNumber(i) && !r.used[i] {
			r.useTok(i)
			return t.count(), true
		}
	}
	return 0, false
}

// isNumber tells whether the token is a count. "one" is only one after a preposition or before a thing to count.
func (r *reading) isNumber(i int) bool {
	if i < 0 || i >= len(r.toks) {
		return false
	}
	t := r.toks[i]
	if t.lit == litNumber {
		return true
	}
	if t.text != "one" {
		return false
	}
	if i+1 < len(r.toks) {
		switch r.toks[i+1].text {
		case "more", "replica", "pod", "instance", "copy", "less", "fewer", "away", "off":
			return true
		}
	}
	return i > 0 && (r.toks[i-1].text == "to" || r.toks[i-1].text == "by")
}

func (t token) count() int {
	if t.text == "one" {
		return 1
	}
	return t.num
}

// quantity takes an unused Kubernetes quantity, written as the API has it.
func (r *reading) quantityAt(i int) (string, bool) {
	if i < 0 || i >= len(r.toks) || r.used[i] {
		return "", false
	}
	t := r.toks[i]
	switch {
	case t.lit == litQuantity:
		m := reQuantity.FindStringSubmatch(t.text)
		unit := map[string]string{
			"m": "m", "ki": "Ki", "mi": "Mi", "gi": "Gi", "ti": "Ti", "k": "k", "g": "G", "t": "T", "mb": "Mi", "gb": "Gi", "tb": "Ti", "kb": "Ki",
			"mib": "Mi", "gib": "Gi", "tib": "Ti",
		}[m[2]]
		if m[2] == "m" && strings.HasSuffix(t.raw, "M") {
			unit = "M"
		}
		return m[1] + unit, true
	case t.lit == litDuration && t.quantity && !strings.Contains(t.text, " "):
		if strings.HasSuffix(t.raw, "M") {
			return t.raw, true
		}
		return t.text, true
	case t.lit == litNumber:
		return strconv.Itoa(t.num), true
	case t.lit == litVersion && !strings.HasPrefix(t.text, "v"): // 0.5
		return t.raw, strings.Count(t.raw, ".") == 1
	}
	return "", false
}

func (r *reading) duration() (time.Duration, bool) {
	for i, t := range r.toks {
		if t.lit == litDuration && !r.used[i] {
			r.useTok(i)
			return t.dur, true
		}
	}
	return 0, false
}

// imperative tells whether a concept stands where a command has its verb: only words of no weight before it, and no
// question word or article.
func (r *reading) imperative(cs ...concept) bool {
	for _, q := range r.cues {
		for _, c := range cs {
			if q.c == c && r.verbPlace(q.i) {
				return true
			}
		}
	}
	return false
}

var notBeforeVerb = wordSet("which what whose who the a with have has having any how are is whats where their its of no by all")

func (r *reading) verbPlace(i int) bool {
	for _, q := range r.cues { // "how do I restart": the verb follows
		if q.c == cHow && q.j <= i {
			return r.onlyStops(q.j, i)
		}
	}
	for k := 0; k < i; k++ {
		t := r.toks[k]
		if t.brk { // a new clause starts after the comma
			continue
		}
		if !stopWords[t.text] || notBeforeVerb[t.text] {
			return false
		}
	}
	return true
}

func (r *reading) onlyStops(from, to int) bool {
	for k := from; k < to; k++ {
		if !stopWords[r.toks[k].text] {
			return false
		}
	}
	return true
}

// leftover are the content words that nothing has explained.
func (r *reading) leftover() []string {
	var out []string
	for i, t := range r.toks {
		if !r.used[i] && r.weight(i) > 0 {
			out = append(out, t.raw)
		}
	}
	return out
}

// weight is 0 for words without content of their own.
func (r *reading) weight(i int) float64 {
	t := r.toks[i]
	if t.quoted || (t.lit != litNone && t.lit != litOrdinal) && !(r.talk != nil && r.talk[i]) {
		return 1
	}
	if stopWords[t.text] {
		return 0
	}
	cued := false
	for _, q := range r.cues {
		if q.i <= i && i < q.j {
			if weightless[q.c] {
				return 0
			}
			cued = true
		}
	}
	if !cued && (r.plain(i) || r.talk != nil && r.talk[i]) {
		return plainWeight
	}
	return 1
}

// plain tells whether the word is everyday English and nothing that the cluster has.
func (r *reading) plain(i int) bool {
	return plainWords[r.toks[i].text] && !r.toks[i].quoted && !r.objectNamed(i) && r.aliasOf(r.toks[i].text) == ""
}

// objectNamed tells whether an object's name stands at the token, used or not.
func (r *reading) objectNamed(i int) bool {
	return slices.ContainsFunc(r.objs, func(o objMention) bool { return o.i == i })
}

// score is the weight of what is explained less 0.7 of what is not, over all; in [-0.7, 1].
func (r *reading) score() float64 {
	var all, explained, not float64
	for i := range r.toks {
		w := r.weight(i)
		switch {
		case r.used[i]:
			w = max(w, 0.25) // a used stop word explains a little
			explained += w
		default:
			not += w
		}
		all += w
	}
	if all == 0 {
		return 0
	}
	return (explained - 0.7*not) / all
}

// used weight, to compare frames that explain everything.
func (r *reading) explained() float64 {
	var sum float64
	for i, u := range r.used {
		if u {
			sum += max(r.weight(i), 0.25)
		}
	}
	return sum
}

// useNamed uses every word that names a kind, an object or a namespace.
func (r *reading) useNamed() {
	for _, k := range r.kinds {
		r.use(k.mention)
	}
	for _, o := range r.objs {
		r.use(o.mention)
	}
	for _, n := range r.nss {
		r.use(n.mention)
	}
	r.take(cStatus, cAge, cAll, cWorkload, cRunning, cReplicas, cImage, cRollout, cNow, cIt, cPrevious, cTail, cUsage, cCPU, cMemory, cContainer, cShow, cDescribe,
		cYAML, cJSON, cWide, cLabel, cEverything, cFailing, cCrashing, cPending, cNotReady, cSchedule, cSuspended, cIP, cClusterIP, cNS)
	r.fields()
}

var literalNames = map[literal]string{
	litNumber: "a number", litPercent: "a percentage", litDelta: "a difference", litFactor: "a factor", litDuration: "a span of time", litQuantity: "a quantity",
	litKeyValue: "a key and value", litRemove: "a key to remove", litTaint: "a taint", litImage: "an image", litVersion: "a version", litPorts: "ports", litOrdinal: "a place in a list",
}

// traceRest says of the remaining words that were used what they were, and by which rule the text was read.
func (r *reading) traceRest(frame string) {
	for i, t := range r.toks {
		if !r.used[i] || r.noted[i] || r.weight(i) == 0 {
			continue
		}
		as := literalNames[t.lit]
		if as == "" {
			as = "a part of what is asked"
		}
		r.note(mention{i: i, j: i + 1}, as)
	}
	r.trace = append(r.trace, TraceEntry{Words: r.words(mention{i: 0, j: len(r.toks)}), As: "rule " + frame})
}
